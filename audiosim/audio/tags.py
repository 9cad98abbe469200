"""Tags of any container, as one `Tags`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, BinaryIO

import mutagen

from audiosim.core.types import Tags

# The names one tag goes by: Vorbis comments and APEv2, ID3 frames, MP4 atoms, ASF attributes.
NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "TIT2", "\xa9nam", "Title"),
    "artist": ("artist", "TPE1", "\xa9ART", "Author"),
    "album": ("album", "TALB", "\xa9alb", "WM/AlbumTitle"),
    "album_artist": ("albumartist", "album artist", "TPE2", "aART", "WM/AlbumArtist"),
    "genre": ("genre", "TCON", "\xa9gen", "WM/Genre"),
    "year": ("date", "year", "TDRC", "TYER", "\xa9day", "WM/Year"),
    "track": ("tracknumber", "track", "TRCK", "trkn", "WM/TrackNumber"),
}
YEAR = re.compile(r"(?<!\d)(\d{4})(?:\d{4})?(?!\d)")  # 1999, 1999-12-31, 19991231
NUMBER = re.compile(r"(\d+)")


def read_tags(file: BinaryIO) -> Tags:
    """Read the tags of an open audio file; empty where it has none or they are damaged."""
    try:
        found = mutagen.File(file)
    except Exception:  # damaged tags raise nearly anything, and are no reason to lose a track
        return Tags()
    if found is None or not found.tags:
        return Tags()
    texts = {name: _first_text(found.tags, keys) for name, keys in NAMES.items()}
    return Tags(
        title=texts["title"],
        artist=texts["artist"],
        album=texts["album"],
        album_artist=texts["album_artist"],
        genre=texts["genre"],
        year=_number(YEAR, texts["year"]),
        track=_number(NUMBER, texts["track"]),
    )


def _first_text(tags: Any, keys: Iterable[str]) -> str | None:
    for key in keys:
        try:
            value = tags[key]
        except (KeyError, ValueError):
            continue
        text = _text(value)
        if text:
            return text
    return None


def _text(value: Any) -> str:
    """A tag's first value as valid Unicode; ID3 frames, MP4 tuples and lists alike."""
    genres = getattr(value, "genres", None)  # ID3's TCON, with its numbers spelled out
    if genres:
        value = genres
    value = getattr(value, "text", value)
    while isinstance(value, list | tuple):
        if not value:
            return ""
        value = value[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).encode("utf-8", "replace").decode("utf-8").replace("\0", " ").strip()


def _number(pattern: re.Pattern[str], text: str | None) -> int | None:
    match = pattern.search(text or "")
    number = int(match[1]) if match and len(match[1]) <= 9 else 0
    return number or None
