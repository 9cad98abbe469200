r"""From what a playlist names to files on this machine, wherever and by whatever player it was written.

What stands there is taken literally where that leads to a file. Else, in this order, percent signs may encode
bytes, backslashes part folders, the bytes be of an older encoding, and letters be of another case or
Unicode form (as Windows and macOS take them for the same); a path from elsewhere (``C:\Music\\a.mp3``) is
the file that its longest end names below the playlist's folder, one above it, or a folder of the index.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from audiosim.commands.playlist_entries import Entry
from audiosim.core.text import is_utf8

# Tried in this order; that a file is called so shows which it was.
ENCODINGS = (
    "cp1252", "cp1251", "cp932", "gb18030", "big5", "cp949", "cp1250", "iso8859-2", "cp1253", "cp1254",
    "cp1255", "cp1256", "cp1257", "cp874", "koi8-r", "cp866", "cp850", "cp437", "mac-roman", "latin-1",
)  # fmt: skip
FILE_URI = re.compile(
    rb"file:(?=/)(?://(?:localhost)?(?=/))?", re.IGNORECASE
)  # what follows // may be a server
ELSEWHERE = re.compile(rb"\A/*(?:[a-z]:)?/*", re.IGNORECASE)  # a drive, a share, another machine's root
FEWEST = 2  # parts of an end that is looked for elsewhere than in the playlist's own folder

Roots = Callable[[], Sequence[bytes]]


class PathFinder:
    """Finds the files that a playlist in `folder`, an absolute one, names.

    Parameters
    ----------
    folder : bytes
        Where the playlist lies.
    roots : callable
        Gives the folders of the index; asked when all else fails.
    """

    def __init__(self, folder: bytes, roots: Roots) -> None:
        self._folder, self._roots = folder, roots
        self._listings: dict[bytes, dict[str, list[bytes]]] = {}

    def find(self, entry: Entry) -> bytes:
        """Give the path of an entry's file; where none is found, the path that it names literally."""
        meanings = list(dict.fromkeys(_meanings(entry)))
        for find in (self._literally, self._loosely, self._elsewhere):
            for meaning in meanings:
                if (path := find(meaning)) is not None:
                    return path
        return os.path.normpath(os.path.join(self._folder, meanings[0]))

    def _literally(self, meaning: bytes) -> bytes | None:
        """As the system follows it from the folder, where ``..`` of a linked folder is not the link's."""
        path = os.path.join(self._folder, meaning)
        if b"\0" in path or not os.path.isfile(path):
            return None
        plain = os.path.normpath(path)
        if os.path.isfile(plain) and os.path.samefile(path, plain):
            return plain
        return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))

    def _loosely(self, meaning: bytes) -> bytes | None:
        for folder in dict.fromkeys([self._folder, os.path.realpath(self._folder)]):
            base, parts = b"/", os.path.normpath(os.path.join(folder, meaning)).strip(b"/").split(b"/")
            while parts and os.path.isdir(os.path.join(base, parts[0])):  # it may not be listable
                base = os.path.join(base, parts.pop(0))
            if (path := self._below(base, parts)) is not None:
                return path
        return None

    def _elsewhere(self, meaning: bytes) -> bytes | None:
        named = ELSEWHERE.sub(b"", meaning).split(b"/")
        parts = [part for part in named if part not in (b"", b".", b"..")]
        bases = [*_upwards(self._folder), *self._roots()]
        for first in range(len(parts)):
            for base in bases:
                near = base == self._folder or len(parts) - first >= FEWEST
                if near and (path := self._below(base, parts[first:])) is not None:
                    return path
        return None

    def _below(self, base: bytes, parts: Sequence[bytes]) -> bytes | None:
        """The file with these parts below a folder, whatever the case and Unicode form of its name."""
        path = base
        for part in parts:
            alike = self._listing(path).get(_folded(part), [])
            if not alike:
                return None
            nearest = min(alike, key=lambda name: (name != part, _composed(name) != _composed(part), name))
            path = os.path.join(path, nearest)
        return path if os.path.isfile(path) else None

    def _listing(self, folder: bytes) -> dict[str, list[bytes]]:
        if folder not in self._listings:
            listing: dict[str, list[bytes]] = {}
            try:
                for name in os.listdir(folder):
                    listing.setdefault(_folded(name), []).append(name)
            except OSError:
                pass  # no folder, or none of ours
            self._listings[folder] = listing
        return self._listings[folder]


def _meanings(entry: Entry) -> Iterator[bytes]:
    """What the text may stand for, the likeliest first."""
    uri = FILE_URI.match(entry.text.strip())
    texts = [entry.text.strip()[uri.end() :]] if uri else [entry.text, entry.text.strip()]
    for text in texts:
        forms = [text, unquote_to_bytes(text)]
        for form in reversed(forms) if uri or entry.uri else forms:
            yield form
            for read in _decoded(form):
                yield read
                yield read.replace(b"\\", b"/")


def _decoded(text: bytes) -> Iterator[bytes]:
    """A text in UTF-8, by each encoding that it may be in."""
    if is_utf8(text):
        yield text
        return
    for encoding in ENCODINGS:
        try:
            yield text.decode(encoding).encode()
        except UnicodeDecodeError:
            continue


def _upwards(folder: bytes) -> Iterator[bytes]:
    while True:
        yield folder
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def _composed(name: bytes) -> str:
    return unicodedata.normalize("NFC", name.decode() if is_utf8(name) else name.decode("latin-1"))


@lru_cache(maxsize=100_000)
def _folded(name: bytes) -> str:
    return unicodedata.normalize("NFC", _composed(name).casefold())
