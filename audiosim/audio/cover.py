"""The picture that a file brings of its album."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mutagen
from mutagen.flac import Picture

MOST = 20 * 2**20  # bytes of a picture
FRONT = 3  # what ID3 and FLAC call a front cover
SIGNS = (  # of the formats that browsers show, by their first bytes
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)


@dataclass(frozen=True)
class Cover:
    """A picture: ``data`` in a format that its first bytes tell, as the MIME type ``kind``."""

    kind: str
    data: bytes


def read_cover(path: bytes) -> Cover | None:
    """Read the front cover in a file, or else its first picture.

    Parameters
    ----------
    path : bytes
        The file.

    Returns
    -------
    Cover or None
        None where there is none, or none that browsers show.
    """
    try:
        found = mutagen.File(os.fsdecode(path))
        pictures = [] if found is None else list(_pictures(found))
    except Exception:  # damaged tags raise nearly anything
        return None
    pictures.sort(key=lambda pair: pair[0] != FRONT)  # stable
    for _, data in pictures:
        kind = kind_of(data)
        if kind is not None and len(data) <= MOST:
            return Cover(kind, data)
    return None


def kind_of(data: bytes) -> str | None:
    """Tell a picture's MIME type by its first bytes; None for what is no picture that browsers show."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for sign, kind in SIGNS if data.startswith(sign)), None)


def _pictures(file: Any) -> Iterator[tuple[int, bytes]]:
    """(type, data) of a file's pictures, in whatever way its format keeps them."""
    for picture in getattr(file, "pictures", ()):  # FLAC
        yield picture.type, picture.data
    tags = file.tags
    if tags is None:
        return
    for frame in tags.getall("APIC") if hasattr(tags, "getall") else ():  # ID3
        yield frame.type, frame.data
    for name in ("covr", "metadata_block_picture", "coverart", "WM/Picture", "Cover Art (Front)"):
        try:
            values = tags[name]
        except (KeyError, ValueError):
            continue
        for value in values if isinstance(values, list) else [values]:
            yield from _decoded(name, value)


def _decoded(name: str, value: Any) -> Iterator[tuple[int, bytes]]:
    if name == "metadata_block_picture":  # Vorbis and Opus
        picture = Picture(base64.b64decode(value))  # type: ignore[no-untyped-call]
        yield picture.type, picture.data
    elif name == "coverart":
        yield FRONT, base64.b64decode(value)
    else:
        data = bytes(getattr(value, "value", value))
        start = 0 if name == "covr" else _picture_start(data)
        yield FRONT, data[start:]


def _picture_start(data: bytes) -> int:
    """Where a picture begins behind its description, as APE and ASF have it."""
    places = [place for sign, _ in SIGNS[:4] if (place := data.find(sign)) >= 0]
    return min(places, default=0)
