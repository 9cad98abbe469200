"""APEv1 and APEv2 tags at the end of any file, as bytes: MP3 files have them too, in any encoding."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

FOOTER = 32  # bytes, of which the tag's length counts in these but not in the header
ID3V1 = 128  # bytes, which may follow the footer
MARK = b"APETAGEX"
LONGEST = 64 << 20  # bytes; pictures are part of the tag
NOT_TEXT = 0b110  # flags of an item that is binary or a link


def read_ape_tags(file: BinaryIO) -> dict[str, bytes]:
    """Read the text items of an open file by their names in small letters; none where there is no tag."""
    end = file.seek(0, os.SEEK_END)
    for place in (end - FOOTER, end - ID3V1 - FOOTER):
        if place < 0:
            continue
        file.seek(place)
        footer = file.read(FOOTER)
        if not footer.startswith(MARK):
            continue
        _, length, count, _ = struct.unpack("<4I", footer[8:24])
        start = place + FOOTER - length
        if FOOTER <= length <= LONGEST and start >= 0:
            file.seek(start)
            return dict(_items(file.read(length - FOOTER), count))
    return {}


def _items(data: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    place = 0
    for _ in range(count):
        name_end = data.find(b"\0", place + 8)
        if name_end < 0:
            return
        size, flags = struct.unpack("<2I", data[place : place + 8])
        name = data[place + 8 : name_end].decode("ascii", "replace").lower()
        place = name_end + 1 + size
        if not flags & NOT_TEXT:
            yield name, data[name_end + 1 : place]
