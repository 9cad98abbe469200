"""Tags of any container, as one `Tags`.

Where a file has several kinds of tags, each field is the first kind's that has it: the format's own, ID3v2
in front, APE and ID3v1 (whose texts are cut at 30 bytes) at the end, then what FFmpeg says, which has the
file open anyway: it knows the tags of WAV (LIST INFO), Matroska, CAF, AU, AIFF (NAME, AUTH) and others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import mutagen
from mutagen import apev2, id3

from audiosim.audio.ape_tags import read_ape_tags
from audiosim.audio.tag_text import Latin1, Value, decoded, encoding_of
from audiosim.core.tag_values import joined
from audiosim.core.types import Tags

# The names one tag goes by: Vorbis comments and APE, ID3 frames, MP4 atoms, ASF attributes.
NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "TIT2", "\xa9nam", "Title"),
    "artist": ("artist", "TPE1", "\xa9ART", "Author"),
    "album": ("album", "TALB", "\xa9alb", "WM/AlbumTitle"),
    "album_artist": (
        "albumartist", "album artist", "album_artist", "TPE2", "TXXX:ALBUM ARTIST", "TXXX:ALBUMARTIST",
        "aART", "WM/AlbumArtist",
    ),
    "genre": ("genre", "TCON", "TXXX:GENRE", "\xa9gen", "WM/Genre"),
    "year": ("date", "year", "TDRC", "TYER", "TDRL", "TXXX:DATE", "TXXX:YEAR", "\xa9day", "WM/Year"),
    "track": ("tracknumber", "track", "TRCK", "trkn", "WM/TrackNumber"),
}  # fmt: skip
# The names that FFmpeg gives, in small letters without spaces: its own, or those of the format.
FFMPEG_NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "track/title"),
    "artist": ("artist", "track/artist", "author", "leadperformer", "performer"),
    "album": ("album", "album/title"),
    "album_artist": ("albumartist", "album/artist"),
    "genre": ("genre", "track/genre", "album/genre"),
    "year": ("date", "year", "datereleased", "album/datereleased", "recordeddate", "daterecorded"),
    "track": ("track", "tracknumber", "partnumber", "track/partnumber"),
}
YEAR = re.compile(r"(?<!\d)(\d{4})(?:\d{4})?(?!\d)")  # 1999, 1999-12-31, 19991231
NUMBER = re.compile(r"(\d+)")
LOST = "\ufffd"


def read_tags(file: BinaryIO, described: Mapping[str, str] | None = None) -> Tags:
    """Read the tags of an open audio file; empty where it has none or they are damaged.

    Parameters
    ----------
    file : BinaryIO
        The file.
    described : mapping of str to str, optional
        What FFmpeg says of it, as `ffmpeg_tags` gives it.
    """
    own, v2, ape, v1 = (_loaded(read, file) for read in (_own, _id3v2, _ape, _id3v1))
    kinds = [v2, ape, own, v1] if isinstance(own, id3.ID3) else [own, v2, ape, v1]  # ID3 has v1 among it
    sources = [*map(_by_fields, kinds), _ffmpeg_fields(described or {})]
    values = {name: _best([fields[name] for fields in sources]) for name in NAMES}
    encoding = encoding_of([value for found in values.values() for value in found])
    texts = {name: joined(decoded(value, encoding) for value in found) for name, found in values.items()}
    return Tags(
        title=texts["title"],
        artist=texts["artist"],
        album=texts["album"],
        album_artist=texts["album_artist"],
        genre=texts["genre"],
        year=_number(YEAR, texts["year"]),
        track=_number(NUMBER, texts["track"]),
    )


def ffmpeg_tags(container: Any, stream: Any) -> dict[str, str]:
    """Give what FFmpeg's container and stream say of themselves; a Matroska track's name is no title."""
    named = "matroska" in container.format.name
    own = {key: text for key, text in stream.metadata.items() if not (named and key == "title")}
    return {**own, **container.metadata}


def _id3v2(file: BinaryIO) -> Any:
    return id3.ID3(file, load_v1=False)  # type: ignore[no-untyped-call]


def _ape(file: BinaryIO) -> Any:
    """As bytes; where it is at another place than usual, as mutagen reads it."""
    return read_ape_tags(file) or apev2.APEv2(file)  # type: ignore[no-untyped-call]


def _id3v1(file: BinaryIO) -> Any:
    file.seek(-128, os.SEEK_END)
    return id3.ParseID3v1(file.read())  # type: ignore[no-untyped-call]


def _own(file: BinaryIO) -> Any:
    found = mutagen.File(file)
    return None if found is None else found.tags


def _loaded(read: Callable[[BinaryIO], Any], file: BinaryIO) -> Any:
    file.seek(0)
    try:
        return read(file) or {}
    except Exception:  # damaged tags raise nearly anything, and are no reason to lose a track
        return {}


def _by_fields(tags: Any) -> dict[str, list[Value]]:
    return {name: _first(_known(tags, keys)) for name, keys in NAMES.items()}


def _ffmpeg_fields(described: Mapping[str, str]) -> dict[str, list[Value]]:
    tags = {re.sub("[ _-]", "", key).lower(): text for key, text in described.items()}
    return {
        name: _first([_raw(tags[key])] for key in keys if key in tags) for name, keys in FFMPEG_NAMES.items()
    }


def _known(tags: Any, keys: Iterable[str]) -> Iterator[list[Value]]:
    """The values under each of these names."""
    for key in keys:
        try:
            yield _values(tags[key])
        except (KeyError, ValueError):
            continue


def _first(found: Iterable[list[Value]]) -> list[Value]:
    """The first that are more than spaces."""
    return next((own for values in found if (own := [value for value in values if value.strip()])), [])


def _best(found: Iterable[list[Value]]) -> list[Value]:
    """The first that are there, rather without characters that were lost in reading them."""
    there = [values for values in found if values]
    whole = (values for values in there if not any(isinstance(v, str) and LOST in v for v in values))
    return next(whole, there[0] if there else [])


def _values(value: Any) -> list[Value]:
    """A tag's values; ID3 frames, MP4 tuples, lists and bytes alike."""
    genres = getattr(value, "genres", None)  # ID3's TCON, with its numbers spelled out
    latin_1 = getattr(value, "encoding", None) == id3.Encoding.LATIN1
    value = genres or getattr(value, "text", value)
    found: list[Value] = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bytes):
            found += one.split(b"\0")
        else:
            number = one[0] if one and isinstance(one, tuple) else one  # of a number and a total
            text = str(number).encode("utf-8", "replace").decode("utf-8")
            found += [Latin1(part.encode("latin-1")) if latin_1 else part for part in text.split("\0")]
    return found


def _raw(text: str) -> Value:
    """The bytes of a text of FFmpeg's, which it took for UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def _number(pattern: re.Pattern[str], text: str | None) -> int | None:
    match = pattern.search(text or "")
    number = int(match[1]) if match and len(match[1]) <= 9 else 0
    return number or None
