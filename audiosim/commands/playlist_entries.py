"""What playlists of any player name: M3U, M3U8, PLS and XSPF as entries, which `playlist_paths` finds."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

from audiosim.core.errors import AudiosimError, UsageError

READABLE = (b".m3u", b".m3u8", b".pls", b".xspf")
UNREADABLE = (
    b".aimppl", b".aimppl4", b".asx", b".b4s", b".cue", b".fpl", b".jspf", b".kpl", b".mpcpl", b".pla",
    b".ram", b".smil", b".wax", b".wpl", b".wvx", b".zpl",
)  # fmt: skip
PLS_ENTRY = re.compile(rb"\s*file(\d+)\s*=(.*)", re.IGNORECASE)
URL = re.compile(rb"\s*[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A line of a playlist, or what stands for one.

    Parameters
    ----------
    text : bytes
        As it stands there; in UTF-8 where the playlist says in which encoding it is.
    uri : bool
        Whether percent signs surely encode bytes.
    """

    text: bytes
    uri: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether it is a URL of something that is no file."""
        return bool(URL.match(self.text)) and not self.text.strip().lower().startswith(b"file:")


def read_entries(path: bytes) -> list[Entry]:
    """Read what a playlist names, in its order.

    Raises
    ------
    UsageError
        If it is of a kind that is not read.
    AudiosimError
        If it can't be read, or is damaged.
    """
    kind = os.path.splitext(path)[1].lower()
    if kind in UNREADABLE:
        raise UsageError(
            f"Can't read {os.fsdecode(path)}",
            f"playlists of the kind {kind.decode()} are not read",
            f"Save it as one of: {b', '.join(READABLE).decode()}.",
        )
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise AudiosimError(f"Can't read {os.fsdecode(path)}", error.strerror or str(error)) from error
    if kind == b".xspf":
        return _xspf(path, data)
    lines = _utf8(data).splitlines()
    return list(_pls(lines) if kind == b".pls" else _m3u(lines, os.path.dirname(path)))


def _utf8(data: bytes) -> bytes:
    """The text without a mark of its encoding, from UTF-16 to UTF-8; of another encoding, as it is."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").encode()
    if b"\0" in data:  # of a Latin letter in UTF-16 the upper half
        order = "be" if data[::2].count(0) > data[1::2].count(0) else "le"
        return data.decode(f"utf-16-{order}", "replace").encode()
    return data.removeprefix(codecs.BOM_UTF8)


def _m3u(lines: list[bytes], folder: bytes) -> Iterator[Entry]:
    """A line that begins with a hash is a comment, unless a file is called so."""
    for line in lines:
        comment = line.lstrip().startswith(b"#")
        called_so = comment and not line.startswith(b"#EXT") and os.path.isfile(os.path.join(folder, line))
        if line.strip() and (not comment or called_so):
            yield Entry(line)


def _pls(lines: list[bytes]) -> list[Entry]:
    found = [match for line in lines if (match := PLS_ENTRY.fullmatch(line)) and match[2].strip()]
    return [Entry(match[2]) for match in sorted(found, key=lambda match: int(match[1]))]


def _xspf(path: bytes, data: bytes) -> list[Entry]:
    """The first location of each track. Without a document type, no entity can grow or open a file."""
    reader = _XspfReader()
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise AudiosimError(f"Can't read {os.fsdecode(path)}", f"it is no XSPF ({error})") from error
    texts = [text.strip().encode("utf-8", "replace") for text in reader.locations]
    return [Entry(text, uri=True) for text in texts if text]


class _XspfReader:
    """The handlers of one document's parts."""

    def __init__(self) -> None:
        self.locations: list[str] = []
        self._within: list[str] = []
        self._found = False  # a location of this track
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda name: self._within.pop()
        self.parser.CharacterDataHandler = self._text

    def _doctype(self, *about: object) -> None:
        raise ValueError("it has a document type of its own")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._within.append(name.rpartition(":")[2].lower())
        if self._within[-1] == "track":
            self._found = False
        elif self._within[-2:] == ["track", "location"]:
            if not self._found:
                self.locations.append("")
            else:
                self._within[-1] = "another location"
            self._found = True

    def _text(self, text: str) -> None:
        if self._within[-2:] == ["track", "location"]:
            self.locations[-1] += text
