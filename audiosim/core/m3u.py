"""Tracks as a playlist that players read, and as people call them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import quote

from audiosim.core.text import file_name, is_utf8, utf8_path, visible
from audiosim.core.types import Track


def playlist_text(tracks: Iterable[Track], name: Callable[[Track], str] | None = None) -> str:
    """Write an extended M3U playlist; `name` gives each track's line, by default its absolute path."""
    lines = ["#EXTM3U"]
    for track in tracks:
        seconds = -1 if track.duration is None else max(1, round(track.duration))  # 0 is not known to players
        lines += [f"#EXTINF:{seconds},{track_name(track)}", (name or _playlist_path)(track)]
    return "\n".join(lines) + "\n"


def relative_line(track: Track, folder: bytes) -> str:
    """Name a track in a playlist in `folder`, relative to that; by a URI where a line could not hold it.

    Parameters
    ----------
    track : Track
        The track.
    folder : bytes
        Where the playlist really is, links resolved: the system follows ``..`` from there, not from
        the link. Of a track below a link, its real path is taken where that is nearer.
    """
    real = os.path.join(os.path.realpath(os.path.dirname(track.path)), os.path.basename(track.path))
    path = min((os.path.relpath(own, folder) for own in (track.path, real)), key=_steps_up)
    if not _fits_a_line(path):
        return _uri(track.path)
    text = path.decode()  # not to be taken for a comment, a URL or a drive
    odd = text.startswith("#") or text != text.lstrip() or ":" in text.partition("/")[0]
    return f"./{text}" if odd else text


def track_name(track: Track) -> str:
    """Give what a track is called: ``Artist - Title``, or its file's name; safe to show."""
    title = visible(track.tags.title) if track.tags.title else file_name(track.path)
    return f"{visible(track.tags.artist)} - {title}" if track.tags.artist else title


def _playlist_path(track: Track) -> str:
    return track.path.decode() if _fits_a_line(track.path) else _uri(track.path)


def _uri(path: bytes) -> str:
    return f"file://{quote(path)}"


def _steps_up(path: bytes) -> int:
    return path.split(b"/").count(b"..")


def _fits_a_line(path: bytes) -> bool:
    text = utf8_path(path)
    acts = any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in text)
    return is_utf8(path) and not acts and text == text.rstrip()
