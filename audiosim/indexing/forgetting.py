"""Forgetting files: they leave the index, and stay out of it though they lie in its folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

from audiosim.core.config import Home, find_home
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.paths import contains, identity
from audiosim.core.text import display_path
from audiosim.indexing.maintenance import HomePath, catalogs, writing
from audiosim.indexing.spaces import other_spaces
from audiosim.library.catalog import DROPPED, Catalog
from audiosim.library.folders import known_as
from audiosim.library.spaces import space_catalogs
from audiosim.library.statistics import measure
from audiosim.store import Store


def forget(
    paths: Iterable[str | os.PathLike[str]],
    *,
    home: HomePath = None,
    dry_run: bool = False,
    wait: float = 0.0,
) -> int:
    """Forget files, and all that is known below folders, in all spaces.

    They stay forgotten, though they lie in known folders, until `index_folder` is given their paths. Caches
    stay until `collect_garbage`.

    Parameters
    ----------
    paths : iterable of str or path-like
        The files and folders.
    home : str or path-like, optional
        The home folder; by default as `index_folder` takes it.
    dry_run : bool
        Whether nothing is changed.
    wait : float
        Seconds to wait for another writer.

    Returns
    -------
    int
        How many files were forgotten, or would be.

    Raises
    ------
    UsageError
        If a path is not known.
    """
    given, own = list(map(identity, paths)), find_home(home).main

    def known(catalog: Catalog) -> list[bytes]:
        return [name for path in given for name in _known(path, catalog, own)]

    with writing(home, wait, recover=not dry_run, check=known) as (place, catalog, _):
        wanted = known(catalog)
        doomed = _forgotten(place, catalog, wanted, dry_run=dry_run)
        for space, each, _ in other_spaces(place, recover=not dry_run):
            doomed |= _forgotten(space, each, wanted, dry_run=dry_run)
        return len(doomed)


def discard(paths: Iterable[bytes], *, home: HomePath = None, wait: float = 0.0) -> None:
    """Remove files from the disk and from all spaces; if they come back, they are as new.

    Parameters
    ----------
    paths : iterable of bytes
        The files; what is not there any more, or not known, is none the less well.
    home : str or path-like, optional
        The home folder; by default as `index_folder` takes it.
    wait : float
        Seconds to wait for another writer.

    Raises
    ------
    HomeError
        If one can't be removed; then nothing is forgotten.
    """
    doomed = list(paths)
    with writing(home, wait) as (place, catalog, _):
        for path in doomed:
            _remove(path)
        _forgotten(place, catalog, doomed, stay=False)
        for space, each, _ in other_spaces(place):
            _forgotten(space, each, doomed, stay=False)


def _remove(path: bytes) -> None:
    try:
        with suppress(FileNotFoundError):
            os.unlink(path)
    except OSError as error:
        what = f"Can't remove {display_path(path)}"
        raise HomeError(what, error.strerror or str(error), "Check the folder's permissions.") from error


def _forgotten(
    place: Home, catalog: Catalog, paths: Sequence[bytes], *, dry_run: bool = False, stay: bool = True
) -> set[bytes]:
    """The files that one space forgets, or would."""
    rows = (row for path in paths for row in catalog.files.all(path))
    doomed = {row.path for row in rows if row.reason != DROPPED}
    if not dry_run:
        for each in catalogs(place, catalog):
            _forget(each, paths, stay=stay)
        measure(catalog)
        Store(place, catalog).flush()
    return doomed


def _forget(catalog: Catalog, paths: Sequence[bytes], *, stay: bool) -> None:
    """Drop what is known of files and folders; and keep it that way, where they are to stay forgotten."""
    settings = catalog.settings
    with catalog.transaction():
        catalog.files.drop([row.path for path in paths for row in catalog.files.all(path)])
        catalog.files.note_unopened(others=[each for path in paths for each in catalog.files.unopened(path)])
        roots = settings.roots()
        settings.set_roots(root for root in roots if not any(contains(path, root) for path in paths))
        if stay:
            settings.set_forgotten(settings.forgotten.union(paths))


def _known(path: bytes, catalog: Catalog, home: Home) -> list[bytes]:
    """The paths by which a home, or a space of it, knows what is at or below a path: as named, or really.

    Raises
    ------
    UsageError
        If there is none.
    """
    roots = catalog.settings.roots()
    asked = known_as(path, roots)
    names = [name for name in asked if name in roots or _knows(catalog, name)]
    names = names or [name for name in asked if any(_knows(each, name) for each in space_catalogs(home))]
    if path in names:
        return [path]
    if not names:
        again = any(contains(each, path) for each in catalog.settings.forgotten)
        why = "it is forgotten already" if again else ""
        raise UsageError(f"Nothing is known of {os.fsdecode(path)}", why, "See the folders: audiosim status")
    return names


def _knows(catalog: Catalog, path: bytes) -> bool:
    return any(catalog.files.all(path)) or bool(catalog.files.unopened(path))
