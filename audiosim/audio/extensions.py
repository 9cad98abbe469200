"""Which extensions a file of some format may have, told by what is in it."""

from __future__ import annotations

import os
from typing import BinaryIO

HEAD = 64  # bytes that are looked at
MOST_TAGS = 4  # ID3v2 tags, one behind the other, that are passed by
# What a format's files begin with, from which byte on; and their extensions, the usual one first.
SIGNS: tuple[tuple[int, bytes, tuple[bytes, ...]], ...] = (
    (0, b"fLaC", (b".flac",)),
    (8, b"WAVE", (b".wav", b".wave", b".rf64")),
    (0, b"riff\x2e\x91\xcf\x11", (b".w64",)),
    (8, b"AIFF", (b".aiff", b".aif")),
    (8, b"AIFC", (b".aifc", b".aif", b".aiff")),
    (28, b"OpusHead", (b".opus", b".ogg", b".oga")),
    (28, b"Speex   ", (b".spx", b".ogg", b".oga")),
    (0, b"OggS", (b".ogg", b".oga")),
    (4, b"ftyp", (b".m4a", b".m4b", b".mp4", b".alac")),
    (0, b"\x1a\x45\xdf\xa3", (b".mka", b".webm", b".weba")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", (b".wma",)),
    (0, b"wvpk", (b".wv",)),
    (0, b"MAC ", (b".ape",)),
    (0, b"MPCK", (b".mpc", b".mp+")),
    (0, b"MP+", (b".mpc", b".mp+")),
    (0, b"TTA1", (b".tta",)),
    (0, b"tBaK", (b".tak",)),
    (0, b"ajkg", (b".shn",)),
    (0, b"DSD ", (b".dsf",)),
    (0, b"FRM8", (b".dff",)),
    (0, b"caff", (b".caf",)),
    (0, b".snd", (b".au", b".snd")),
    (0, b".ra\xfd", (b".ra",)),
    (0, b"Creative Voice File", (b".voc",)),
)
# By what FFmpeg calls the codec, where a file begins with its first packet.
BARE = {"mp3": b".mp3", "mp2": b".mp2", "aac": b".aac", "ac3": b".ac3"}


def extensions_of(path: bytes, codec: str) -> tuple[bytes, ...]:
    """Give the extensions that a file may have, the usual one first; none for a format that has none here.

    Parameters
    ----------
    path : bytes
        The file.
    codec : str
        What FFmpeg calls its codec.

    Returns
    -------
    tuple of bytes
        ``(b".aiff", b".aif")``; each is one that runs look for.

    Raises
    ------
    OSError
        If it can't be read.
    """
    with open(path, "rb") as file:
        head = _head(file)
    for start, sign, extensions in SIGNS:
        if head[start : start + len(sign)] == sign:
            return extensions
    return (BARE[codec],) if codec in BARE else ()


def _head(file: BinaryIO) -> bytes:
    """The first bytes behind the ID3v2 tags that any format may have in front."""
    head = file.read(HEAD)
    for _ in range(MOST_TAGS):
        if not head.startswith(b"ID3") or len(head) < 10:
            break
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        footer = 10 if head[5] & 0x10 else 0
        file.seek(size + 10 + footer - len(head), os.SEEK_CUR)
        head = file.read(HEAD)
    return head
