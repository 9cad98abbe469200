"""Following a library that moved."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from audiosim.core.config import Home, find_home
from audiosim.core.errors import AudiosimWarning, UsageError
from audiosim.core.paths import contains, identity
from audiosim.core.text import counted, display_path
from audiosim.indexing.maintenance import HomePath, catalogs, writing
from audiosim.indexing.spaces import other_spaces
from audiosim.library.catalog import DROPPED, Catalog, FileRow, Files, Settings
from audiosim.library.folders import walk_of
from audiosim.library.scan import FoundFile
from audiosim.library.spaces import space_catalogs
from audiosim.store import Store

COMPARED = 1000  # files that are looked at, to tell a library that moved from its copy


def relocate(
    old: str | os.PathLike[str], new: str | os.PathLike[str], *, home: HomePath = None, wait: float = 0.0
) -> int:
    """Follow a library that moved as a whole.

    Nothing is opened or hashed: the next `index` compares sizes and times. Files that are not at the new
    place are known there all the same, with a warning, unless none is there.

    Parameters
    ----------
    old, new : str or path-like
        The file or folder as it was, and as it is now.
    home : str or path-like, optional
        The home folder; by default as `index_folder` takes it.
    wait : float
        Seconds to wait for another writer.

    Returns
    -------
    int
        How many files are known at the new place; those gone before only if they are there.

    Raises
    ------
    UsageError
        If nothing is known of the old place, or the new one is not there, or none of the files is.
    """
    source, target = identity(old), identity(new)
    if not os.path.exists(target):
        raise UsageError(
            f"No such file or folder: {os.fsdecode(target)}", "", "Move or mount the library first."
        )
    if contains(source, target) or contains(target, source):
        raise UsageError("One of the two places lies in the other")

    def rows(catalog: Catalog) -> list[FileRow]:
        return _rows(find_home(home).main, catalog, source, target)

    with writing(home, wait, check=rows) as (place, catalog, _):
        known = rows(catalog)
        _tell_lost(known, source, target)
        _relocate(place, catalog, source, target)
        for space, each, _ in other_spaces(place):
            _relocate(space, each, source, target)
        return sum(row.state != "gone" or _is_there(target + row.path[len(source) :]) for row in known)


def _relocate(place: Home, catalog: Catalog, old: bytes, new: bytes) -> None:
    """Has one space follow."""
    moved = sum(row.reason != DROPPED for row in catalog.files.all(old))
    for each in catalogs(place, catalog):
        each.files.relocate(old, new, keep_ctimes=_moved_whole(each, old, new))
        _follow(each.settings, old, new, each.files)
    store = Store(place, catalog)
    if 2 * moved > catalog.files.count("indexed"):
        store.rebuild()  # sooner done than deleting most of the old rows
    else:
        store.flush()


def _rows(home: Home, catalog: Catalog, old: bytes, new: bytes) -> list[FileRow]:
    """What is known at or below the old place, by the home itself or by a further space.

    Raises
    ------
    UsageError
        If nothing is, or no file is at the new place.
    """
    known = {path: row for each in space_catalogs(home) for path, row in _all(each, old).items()}
    rows = [*(known | _all(catalog, old)).values()]
    if not rows and not any(contains(old, root) for root in catalog.settings.roots()):
        raise UsageError(f"Nothing is known of {os.fsdecode(old)}", "", "See the folders: audiosim status")
    places = _places(rows, old, new)
    if places and not any(_is_there(place) for _, place in places):
        count, first = counted(len(places), "file is", "files are"), display_path(places[0][1])
        raise UsageError(
            f"{display_path(new)} is not where {display_path(old)} is now",
            f"0 of {count} there ({first} is not)",
            "If it is on a disk, mount that; else check the folder's name. Nothing was changed.",
        )
    return rows


def _all(catalog: Catalog, old: bytes) -> dict[bytes, FileRow]:
    return {row.path: row for row in catalog.files.all(old) if row.reason != DROPPED}


def _places(rows: Sequence[FileRow], old: bytes, new: bytes) -> list[tuple[FileRow, bytes]]:
    """Files, and where they should be now; those aside that never could be opened."""
    return [(row, new + row.path[len(old) :]) for row in rows if row.size >= 0]


def _tell_lost(rows: Sequence[FileRow], old: bytes, new: bytes) -> None:
    """Warn where some files are not at the new place that were at the old one."""
    places = _places(rows, old, new)
    lost = [(row, place) for row, place in places if not _is_there(place)]
    missed = [place for row, place in lost if row.state != "gone"]
    if missed:
        there = len(places) - len(lost)
        known = counted(there + len(missed), "file is", "files are")
        one = f", {display_path(missed[0])} for one" if len(missed) > 1 else f": {display_path(missed[0])}"
        others = counted(len(missed), "file is", "files are")
        warnings.warn(
            f"{there} of {known} there; {others} missing{one}. The next run sees to what is still missing.",
            AudiosimWarning,
            stacklevel=3,
        )


def _is_there(path: bytes) -> bool:
    """Whether there is a file, or a link to one on a disk that is not mounted."""
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _follow(settings: Settings, old: bytes, new: bytes, files: Files) -> None:
    """Have roots and what is forgotten lie at a new place; what is known there is not forgotten."""

    def followed(path: bytes) -> bytes:
        return new + path[len(old) :] if contains(old, path) else path

    def is_known(path: bytes) -> bool:
        rows = files.all(path) if contains(new, path) else ()
        return path == new or any(row.reason != DROPPED for row in rows)

    settings.set_forgotten({path for path in map(followed, settings.forgotten) if not is_known(path)})
    settings.set_roots(walk_of(settings).outermost([*map(followed, settings.roots()), new]))


def _moved_whole(catalog: Catalog, old: bytes, new: bytes) -> bool:
    """Whether files at the new place are the old ones and no copies: their folder was renamed.

    A copy can have any time of modification, but no ctime of before.
    """
    for row in islice(catalog.files.all(old), COMPARED):
        with suppress(OSError):
            path = new + row.path[len(old) :]
            if row.ctime_ns is not None and FoundFile.at(path, os.stat(path)).ctime_ns == row.ctime_ns:
                return True
    return False
