"""What users name as queries: files, folders, playlists, or paths on stdin."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterable
from typing import BinaryIO

from audiosim.commands.playlist_entries import READABLE, UNREADABLE, read_entries
from audiosim.commands.playlist_paths import PathFinder, Roots
from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.paths import identity
from audiosim.core.text import display_path
from audiosim.library.scan import scan
from audiosim.search.query import LEFT_OUT, Source

STDIN = "-"


def expand(names: Iterable[str | os.PathLike[str]], stdin: BinaryIO, roots: Roots = tuple) -> Source:
    """Find the audio files that names stand for, in their order, each once.

    Parameters
    ----------
    names : Iterable[str or os.PathLike[str]]
        Files, folders, playlists, or ``-`` for paths on stdin.
    stdin : BinaryIO
        Read where it is named: a path a line, or between zero bytes; or an M3U playlist.
    roots : callable
        Gives folders in which to look for files of playlists that were written elsewhere.

    Raises
    ------
    UsageError
        If a name stands for nothing.
    """
    named: dict[bytes, bool] = {}  # whether only a list names it
    notes, unread = list[str](), list[bytes]()
    for name in names:
        found, from_list = _expanded(name, stdin, roots, notes, unread)
        if from_list and not found:
            what = "stdin" if name == STDIN else os.fspath(name)
            raise UsageError(f"No audio file in {what}", notes[-1].rstrip(".") if notes else "")
        for path in map(identity, found):
            named[path] = from_list and named.get(path, True)
    listed = frozenset(path for path, from_list in named.items() if from_list)
    return Source(list(named), listed, tuple(notes), tuple(unread))


def is_list(name: str | os.PathLike[str]) -> bool:
    """Tell whether a name stands for a list of files: a playlist, or stdin."""
    return os.fspath(name) == STDIN or _is_playlist(os.fsencode(name), (*READABLE, *UNREADABLE))


def read_playlist(
    path: bytes, roots: Roots = tuple, notes: list[str] | None = None, opened: set[bytes] | None = None
) -> list[bytes]:
    """Find the local files that a playlist names, those of playlists in it included.

    Parameters
    ----------
    path : bytes
        The playlist.
    roots : callable
        Gives folders in which to look for files of playlists that were written elsewhere.
    notes : list of str, optional
        Told what is left out.
    opened : set of bytes, optional
        The real paths of playlists that are not to be opened again.

    Raises
    ------
    UsageError
        If playlists of its kind are not read.
    AudiosimError
        If it can't be read.
    """
    notes, opened = [] if notes is None else notes, set() if opened is None else opened
    opened.add(os.path.realpath(path))
    entries = read_entries(path)
    if streams := sum(entry.is_stream for entry in entries):
        notes.append(f"{display_path(path)}: {streams} of its {len(entries)} entries are streams, left out.")
    finder = PathFinder(os.path.dirname(identity(path)), roots)
    files: list[bytes] = []
    for found in [finder.find(entry) for entry in entries if not entry.is_stream]:
        if not _is_playlist(found, READABLE):
            files.append(found)
        elif os.path.realpath(found) not in opened:
            try:
                files += read_playlist(found, roots, notes, opened)
            except AudiosimError as error:
                notes.append(f"{error.what}: {error.why}{LEFT_OUT}")
    return files


def _expanded(
    name: str | os.PathLike[str], stdin: BinaryIO, roots: Roots, notes: list[str], unread: list[bytes]
) -> tuple[list[bytes], bool]:
    """The files, and whether they come from a list."""
    if name == STDIN:
        return _lines(stdin.read()), True
    path = os.fsencode(name)
    if os.path.isdir(path):
        found = scan(identity(path))
        problems = [*found.problems, *found.unlisted]
        notes += [f"{display_path(place)}: {reason}{LEFT_OUT}" for place, reason in problems]
        unread += [place for place, _ in problems]
        return [file.path for file in found.files], True
    if _is_playlist(path, (*READABLE, *UNREADABLE)):
        return read_playlist(path, roots, notes), True
    return [path], False


def _lines(data: bytes) -> list[bytes]:
    """The paths of a list; of an M3U playlist that is piped, what is no comment."""
    lines = [line for line in data.split(b"\0" if b"\0" in data else b"\n") if line.strip()]
    if not data.removeprefix(BOM_UTF8).startswith(b"#EXTM3U"):
        return lines
    return [line.rstrip(b"\r") for line in lines[1:] if not line.startswith(b"#")]


def _is_playlist(path: bytes, kinds: tuple[bytes, ...]) -> bool:
    return os.path.splitext(path)[1].lower() in kinds and os.path.isfile(path)
