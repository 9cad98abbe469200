"""What users name as queries: files, folders, playlists, or paths on stdin."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.paths import identity
from audiosim.library.scan import scan
from audiosim.search.query import Source

PLAYLISTS = (b".m3u", b".m3u8")
STDIN = "-"


def expand(names: Iterable[str | os.PathLike[str]], stdin: BinaryIO) -> Source:
    """Find the audio files that names stand for, in their order, each once.

    Parameters
    ----------
    names : Iterable[str or os.PathLike[str]]
        Files, folders, M3U playlists, or ``-`` for paths on stdin.
    stdin : BinaryIO
        Read where it is named: a path a line, or between zero bytes.

    Raises
    ------
    UsageError
        If a name stands for nothing.
    """
    named: dict[bytes, bool] = {}  # whether only a list names it
    for name in names:
        found, from_list = _expanded(name, stdin)
        if from_list and not found:
            raise UsageError(f"No audio file in {'stdin' if name == STDIN else os.fspath(name)}")
        for path in map(identity, found):
            named[path] = from_list and named.get(path, True)
    return Source(list(named), frozenset(path for path, from_list in named.items() if from_list))


def read_playlist(path: bytes) -> list[bytes]:
    """Read the local files that an M3U or M3U8 playlist names, as absolute paths.

    Lines are the file system's own bytes, relative to the playlist's folder, or ``file:`` URIs;
    other URLs are no files. Older playlists in Latin-1 are read where UTF-8 leads to no file.

    Raises
    ------
    AudiosimError
        If the playlist can't be read.
    """
    try:
        with open(path, "rb") as file:
            lines = file.read().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise AudiosimError(f"Can't read {os.fsdecode(path)}", error.strerror or str(error)) from error
    folder = os.path.dirname(os.path.abspath(path))
    return list(_local_files((line.strip() for line in lines), folder))


def _expanded(name: str | os.PathLike[str], stdin: BinaryIO) -> tuple[list[bytes], bool]:
    """The files, and whether they come from a list."""
    if name == STDIN:
        data = stdin.read()
        return [line for line in data.split(b"\0" if b"\0" in data else b"\n") if line.strip()], True
    path = os.fsencode(name)
    if os.path.isdir(path):
        return [file.path for file in scan(os.path.abspath(path)).files], True
    if os.path.splitext(path)[1].lower() in PLAYLISTS and os.path.isfile(path):
        return read_playlist(path), True
    return [path], False


def _local_files(lines: Iterable[bytes], folder: bytes) -> Iterator[bytes]:
    for line in lines:
        if not line or line.startswith(b"#"):
            continue
        path = _from_uri(line) if b"://" in line else line
        if path is None:
            continue
        old = os.path.join(folder, path.decode("latin-1").encode())
        path = os.path.join(folder, path)
        yield old if os.path.exists(old) and not os.path.exists(path) else path


def _from_uri(line: bytes) -> bytes | None:
    try:
        uri = urlsplit(line.decode("utf-8", "surrogateescape"))
    except ValueError:  # brackets that hold no address
        return None
    if uri.scheme.lower() != "file" or uri.netloc not in ("", "localhost"):
        return None
    return unquote_to_bytes(uri.path.encode("utf-8", "surrogateescape"))
