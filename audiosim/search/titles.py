"""Tracks that a user names by their titles, where no file has the name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from audiosim.core.errors import UsageError
from audiosim.core.tag_values import folded, values
from audiosim.core.text import display_path, visible
from audiosim.core.types import Track
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.index import Index, unopened_note
from audiosim.search.copies import one_each
from audiosim.search.recordings import Recordings

SHOWN = 10  # of the tracks that one title names
NEAREST = 3  # titles told where none is as given
ALIKE = 0.75  # ratio of difflib, from which they are near
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # the second slash is lost in a path


def named(index: Index, path: bytes) -> bytes | None:
    """Find the one recording whose title, ``artist - title`` or file name is what was given as a path.

    Parameters
    ----------
    index : Index
        Where to look.
    path : bytes
        The absolute path of what a user named, which is no file.

    Returns
    -------
    bytes or None
        The path of the file that stands for it; None where there is no such track.

    Raises
    ------
    UsageError
        If several recordings have the name.
    """
    name = _as_given(path)
    found = titled(index, [name]).get(name)
    if isinstance(found, UsageError):
        raise found
    return found


def titled(index: Index, names: Iterable[str]) -> dict[str, bytes | UsageError]:
    """Find, for each name that is a title, ``artist - title`` or file name, the one recording that has it.

    Parameters
    ----------
    index : Index
        Where to look.
    names : iterable of str
        As users write them.

    Returns
    -------
    dict of str to bytes or UsageError
        The path of the file that stands for it, or the error that several recordings have the name; names
        that no track has are left out.
    """
    wanted = {name: folded(name) for name in names}
    holders: dict[str, list[Entry]] = {key: [] for key in wanted.values()}

    def keys(track: Track) -> set[str]:
        return holders.keys() & map(folded, _names(track))

    for entry in index.catalog.tracks.entries(lambda track: bool(keys(track))):
        for key in keys(entry.track):
            holders[key].append(entry)
    recordings = Recordings.of(index)
    one = {key: one_each(some, recordings, Filter(), ()) for key, some in holders.items() if some}
    return {
        name: one[key][0].track.path if len(one[key]) == 1 else _several(name, one[key])
        for name, key in wanted.items()
        if key in one
    }


def _several(name: str, found: Sequence[Entry]) -> UsageError:
    paths = [display_path(entry.track.path) for entry in found]
    more = [f"and {len(paths) - SHOWN} more"] if len(paths) > SHOWN else []
    lines = ["Give the path of one:", *paths[:SHOWN], *more]
    return UsageError(f"{len(found)} tracks are called {name}", "", "\n  ".join(lines))


def taken_for(path: bytes, place: bytes) -> str:
    """Say which file a title, which looked like a path, was taken for."""
    return told_as(_as_given(path), place)


def told_as(name: str, place: bytes) -> str:
    """Say which file a title was taken for."""
    return f"{visible(name)}: taken for {display_path(place)}."


def can_be_opened(path: bytes) -> bool:
    """Whether there is something at a path that may be audio: a folder is none."""
    return os.path.exists(path) and not os.path.isdir(path)


def no_such_file(path: bytes, index: Index | None) -> UsageError:
    """Make the error for a query that is not there; it tells which titles of an index are near."""
    name = _as_given(path)
    if os.path.isdir(path):
        what = f"{display_path(path)} is a folder"
        return UsageError(what, "one track is meant here", "Name a file in it.")
    if ADDRESS.match(name):
        return UsageError(
            f"{name.replace(':/', '://', 1)} is an address", "audiosim reads files", "Download it first."
        )
    why, near, gone, left = "it is neither there nor in the index", _beside(path), list[bytes](), None
    if index is not None:
        why, near = f"{why}, and no track has that title", near or _near(index, name)
        gone = _gone(index, name)
        left = unopened_note(index)
    told = f"Near it: {'; '.join(map(visible, near))}.\n" if near else ""
    told += "".join(f"Gone, as a run found: {display_path(each)}\n" for each in gone[:SHOWN])
    if left is not None:
        told += f"{left}\n"
    remedy = f"{told}Check the path, or see all tracks: audiosim list"
    return UsageError(f"No such file: {os.fsdecode(path)}", why, remedy)


def _beside(path: bytes) -> list[str]:
    """The file whose name was pasted with the full stop behind it."""
    bare = path.rstrip(b".")
    return [display_path(bare)] if bare != path and os.path.isfile(bare) else []


def _gone(index: Index, name: str) -> list[bytes]:
    """Files called so that were in the index, and are not there any more."""
    wanted, tracks = folded(name), index.catalog.tracks
    held = [track for path, _ in index.catalog.files.gone() if (track := tracks.at(path)) is not None]
    return [track.path for track in held if wanted in map(folded, _names(track))]


def _near(index: Index, name: str) -> list[str]:
    """Names of tracks and folders that are spelled nearly as a name, or as its part after the last slash.

    There is one a track.
    """
    names: dict[str, tuple[str | bytes, str]] = {}  # as they are compared -> what has it, as it is shown
    for entry in index.catalog.tracks.entries():
        for shown in _names(entry.track):
            names.setdefault(folded(shown), (entry.track.digest, shown))
        folder = os.path.dirname(entry.track.path)
        names.setdefault(folded(os.fsdecode(os.path.basename(folder))), (folder, f"{display_path(folder)}/"))
    wanted = dict.fromkeys(map(folded, (name, os.path.basename(name))))
    alike = [near for each in wanted for near in get_close_matches(each, names, 4 * NEAREST, ALIKE)]
    found: dict[str | bytes, str] = {}
    for holder, shown in map(names.__getitem__, alike):
        found.setdefault(holder, shown)
    return list(found.values())[:NEAREST]


def _names(track: Track) -> Iterator[str]:
    """What a track may be called."""
    title, artist = track.tags.title, track.tags.artist
    for each in dict.fromkeys((title, *values(title))):  # a file may have several
        if each:
            yield each
            yield from (f"{by} - {each}" for by in dict.fromkeys((artist, *values(artist))) if by)
    file = os.fsdecode(os.path.basename(track.path))
    yield file
    yield os.path.splitext(file)[0]


def _as_given(path: bytes) -> str:
    """The name that became this path."""
    try:
        here = os.getcwdb().rstrip(b"/") + b"/"
    except FileNotFoundError:  # the folder was removed
        here = b"/"
    return os.fsdecode(path.removeprefix(here))
