"""Upkeep of a home: dropping what is long gone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from audiosim.core.config import Home, find_home, no_index
from audiosim.core.errors import HomeError
from audiosim.core.files import hold
from audiosim.indexing.spaces import other_spaces
from audiosim.library.cache import SUFFIX, Cache
from audiosim.library.catalog import Catalog, Configuration
from audiosim.store import Store

DAY = 86_400.0  # s
DEFAULT_AGE = 30 * DAY
PARTIAL_AGE = DAY  # of files that a killed run did not finish

HomePath = str | os.PathLike[str] | None


@dataclass
class Collected:
    """What `collect_garbage` removed, or would.

    Parameters
    ----------
    gone : int
        Files that were gone.
    vectors, caches : int
        Those of audio that nothing uses.
    leftovers : int
        Files that were being written when a run was killed.
    bytes : int
        The size of caches and leftovers.
    left_alone : Path or None
        A cache folder outside the home, which other homes may use.
    spaces : dict
        What was removed of the home's further spaces, by name.
    """

    gone: int = 0
    vectors: int = 0
    caches: int = 0
    leftovers: int = 0
    bytes: int = 0
    left_alone: Path | None = None
    spaces: dict[str, Collected] = field(default_factory=dict)


def collect_garbage(
    *, home: HomePath = None, age: float = DEFAULT_AGE, dry_run: bool = False, wait: float = 0.0
) -> Collected:
    """Forget files that have long been gone, and caches as old that nothing uses, in all spaces.

    Caches outside the home are left alone.

    Parameters
    ----------
    home : str or path-like, optional
        The home folder; by default as `index_folder` takes it.
    age : float
        For how many seconds they are gone, or not used.
    dry_run : bool
        Whether nothing is changed.
    wait : float
        Seconds to wait for another writer.

    Returns
    -------
    Collected
        What was removed, or would be.

    Raises
    ------
    HomeError
        If there is no index, or something can't be removed.
    LockedError
        If another process writes, for `wait` seconds.
    """
    with writing(home, wait, recover=not dry_run) as (place, catalog, configuration):
        before = time.time() - age
        collected = _collected(place, catalog, configuration, before, dry_run=dry_run)
        for space, own, made in other_spaces(place, recover=not dry_run):
            collected.spaces[space.path.name] = _collected(space, own, made, before, dry_run=dry_run)
        return collected


def _collected(
    place: Home, catalog: Catalog, configuration: Configuration, before: float, *, dry_run: bool
) -> Collected:
    """What was removed, or would be, of one space: what is gone or unused since `before`, in s since 1970."""
    old = [path for path, since in catalog.files.gone() if since < before]
    collected = Collected(gone=len(old))
    cache = Cache(configuration.cache, configuration.spec)
    unused = catalog.tracks.unused_digests(without=old)
    unused = {digest for digest in unused if not _modified_after(cache.path(digest), before)}
    collected.vectors = len(unused)
    collected.left_alone = None if configuration.cache == place.cache else configuration.cache
    used = {cache.path(digest).parts[-3:] for digest in catalog.tracks.all_digests() - unused}
    # A rebuild that is not complete yet has its caches there too.
    caches = [] if place.rebuild.exists() else list(_unused_caches(place.cache, used, before))
    leftovers = list(_leftovers(place))
    collected.caches, collected.leftovers = len(caches), len(leftovers)
    collected.bytes = sum(map(_size, caches + leftovers))
    if not dry_run:
        catalog.files.drop(old)
        catalog.tracks.drop(unused)
        store = Store(place, catalog)
        store.flush()
        store.remove_leftovers()
        for path in caches + leftovers:
            _remove(path)
    return collected


@contextmanager
def writing(
    home: HomePath,
    wait: float,
    *,
    recover: bool = True,
    check: Callable[[Catalog], object] = lambda catalog: None,
) -> Iterator[tuple[Home, Catalog, Configuration]]:
    """Hold the index lock of a home that has an index.

    Parameters
    ----------
    home : str, path-like or None
        The home folder; None as `index_folder` takes it.
    wait : float
        Seconds to wait for another writer.
    recover : bool
        Whether the store is first brought to what the catalog says.
    check : callable, optional
        Raises a UsageError where the catalog shows that arguments are wrong, before another writer is
        waited for; whoever holds the lock asks again.

    Yields
    ------
    tuple of (Home, Catalog, Configuration)
        The home, its catalog, and what made it.

    Raises
    ------
    HomeError
        If there is no index.
    LockedError
        If another process writes, for `wait` seconds.
    """
    place = find_home(home)
    if place.catalog.exists():
        with suppress(HomeError), Catalog(place.catalog, read_only=True) as catalog:  # told with the lock
            if catalog.settings.configuration is not None:
                check(catalog)
        with hold(place.index_lock, wait=wait, what="indexing this home"), Catalog(place.catalog) as catalog:
            configuration = catalog.settings.configuration
            if configuration is not None:
                if recover:
                    Store(place, catalog).recover()
                yield place, catalog, configuration
                return
    raise no_index(place)


def catalogs(home: Home, catalog: Catalog) -> Iterator[Catalog]:
    """Give the home's catalog, and that of a rebuild that is not complete yet.

    Parameters
    ----------
    home : Home
        The home.
    catalog : Catalog
        Its catalog.

    Yields
    ------
    Catalog
        One of them.
    """
    yield catalog
    if home.rebuild.exists():
        with Catalog(home.rebuild) as rebuild:
            yield rebuild


def _unused_caches(folder: Path, used: set[tuple[str, ...]], before: float) -> Iterator[Path]:
    """Caches in the home that nothing uses: of other encoders, or of audio that is not known.

    Those used are told by the last parts of their paths: the home may have moved since they were made.
    """
    for path in folder.glob(f"*/*/*{SUFFIX}"):
        if path.parts[-3:] not in used and not _modified_after(path, before):
            yield path


def _leftovers(home: Home) -> Iterator[Path]:
    """Files that were being written when a run was killed."""
    for path in home.path.rglob(".*.partial"):
        if home.spaces not in path.parents and not _modified_after(path, time.time() - PARTIAL_AGE):
            yield path


def _modified_after(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime > moment
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty
            path.parent.rmdir()
    except OSError as error:
        raise HomeError(f"Can't remove {path}", error.strerror or str(error)) from error
