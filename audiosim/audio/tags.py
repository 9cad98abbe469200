"""Tags of any container, as one `Tags`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, BinaryIO

import mutagen

from audiosim.core.tag_values import joined
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
    texts = {name: joined(_first_values(found.tags, keys)) for name, keys in NAMES.items()}
    return Tags(
        title=texts["title"],
        artist=texts["artist"],
        album=texts["album"],
        album_artist=texts["album_artist"],
        genre=texts["genre"],
        year=_number(YEAR, texts["year"]),
        track=_number(NUMBER, texts["track"]),
    )


def _first_values(tags: Any, keys: Iterable[str]) -> list[str]:
    """The values under the first of these names that has any."""
    for key in keys:
        try:
            found = _values(tags[key])
        except (KeyError, ValueError):
            continue
        if found:
            return found
    return []


def _values(value: Any) -> list[str]:
    """A tag's values as valid Unicode; ID3 frames, MP4 tuples and lists alike."""
    genres = getattr(value, "genres", None)  # ID3's TCON, with its numbers spelled out
    value = genres or getattr(value, "text", value)
    texts = [_text(one) for one in (value if isinstance(value, list) else [value])]
    return [part for text in texts for part in text.split("\0") if part.strip()]


def _text(value: Any) -> str:
    if isinstance(value, tuple):  # a number and a total
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _number(pattern: re.Pattern[str], text: str | None) -> int | None:
    match = pattern.search(text or "")
    number = int(match[1]) if match and len(match[1]) <= 9 else 0
    return number or None
