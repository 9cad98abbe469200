"""What a home holds, for people and scripts."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from audiosim.core.config import Home, find_home
from audiosim.core.errors import HomeError
from audiosim.core.files import is_held
from audiosim.library.catalog import Catalog
from audiosim.library.missing_caches import missing_caches
from audiosim.library.scan import is_gone
from audiosim.library.spaces import spaces

SAMPLE = 200  # of a root's known files, looked for where a run missed many


@dataclass(frozen=True)
class HomeStatus:
    """A home in numbers.

    Parameters
    ----------
    home : Path
        Its folder.
    encoder, pooling : str or None
        What its vectors are made with; None before the first `index`.
    roots : list of bytes
        The folders it knows.
    tracks : int
        Files that are in the index.
    hours : float
        Length of its tracks.
    failed, gone : int
        Files that could not be indexed, and those that are no longer there.
    older_decoding : int
        Different pieces of audio among its tracks whose caches an earlier audiosim made, which decoded
        some files otherwise; `library/decoding.py` tells which of them that can concern.
    disk_use : int
        Bytes of the home and its caches.
    store : str or None
        The URL of the store of its vectors.
    last_run : dict or None
        The counts of the last finished run, and when it finished, in seconds since 1970.
    failures : list of (bytes, str)
        Files that failed, with the reason.
    gone_files : list of (bytes, float)
        Files that are gone, with when they were missed, in seconds since 1970.
    exclude : tuple of str
        Patterns of files that are left out.
    ctime : bool
        Whether files are read again of which only the ctime has changed.
    forgotten : list of bytes
        Files and folders that stay forgotten, though they lie in known folders.
    running : bool
        Whether a run is at work.
    unopened : int
        Files that were found and have yet to be opened, by the run at work or by the next one.
    lost_caches : int
        Pieces of audio whose caches are known to be lost: the next run computes them again.
    without_cache : int
        Other pieces of audio that have none, as after an import without caches.
    rebuild_unopened : int or None
        Those of a rebuild that is not complete; None where there is none.
    unwritten : int
        Changes of files that the store has yet to be told.
    doubted : list of (bytes, str)
        Folders and files of `roots` that look like disks that are not mounted now, with the reason.
    whitening : bool
        Whether searches weigh less what tracks vary in within themselves.
    unreadable : str or None
        Of a further space: why nothing can be told of it, and what to do.
    spaces : dict
        Its further spaces, a `HomeStatus` by name.
    """

    home: Path
    encoder: str | None
    pooling: str | None
    roots: list[bytes]
    tracks: int
    hours: float
    failed: int
    gone: int
    older_decoding: int
    disk_use: int
    store: str | None
    last_run: dict[str, Any] | None
    failures: list[tuple[bytes, str]]
    gone_files: list[tuple[bytes, float]]
    exclude: tuple[str, ...] = ()
    ctime: bool = True
    forgotten: list[bytes] = field(default_factory=list)
    running: bool = False
    unopened: int = 0
    lost_caches: int = 0
    without_cache: int = 0
    rebuild_unopened: int | None = None
    unwritten: int = 0
    whitening: bool = False
    doubted: list[tuple[bytes, str]] = field(default_factory=list)
    unreadable: str | None = None
    spaces: dict[str, HomeStatus] = field(default_factory=dict)


def home_status(home: str | os.PathLike[str] | None = None) -> HomeStatus:
    """Tell what a home holds, from its catalog, and which of its folders are not there.

    Parameters
    ----------
    home : str or path-like, optional
        The home's folder; by default ``AUDIOSIM_HOME``, else the platform's user data folder.

    Returns
    -------
    HomeStatus
        The home in numbers; empty, where there is no catalog.

    Raises
    ------
    HomeError
        If the catalog can't be read; that of a further space is no error.
    """
    place = find_home(home)
    further = {space.path.name: _space_status(space) for space in spaces(place)}
    return replace(_status(place), spaces=further)


def _space_status(place: Home) -> HomeStatus:
    try:
        return _status(place)
    except HomeError as error:
        return replace(_unknown(place), unreadable=str(error))


def _unknown(place: Home) -> HomeStatus:
    size, running = disk_use(place.path), is_held(place.index_lock)
    return HomeStatus(place.path, None, None, [], 0, 0.0, 0, 0, 0, size, None, None, [], [], running=running)


def _status(place: Home) -> HomeStatus:
    """Of one space."""
    if not place.catalog.exists():
        return _unknown(place)
    with Catalog(place.catalog, read_only=True) as catalog:
        configuration = catalog.settings.configuration
        last_run = catalog.settings.meta("last_run")
        folders = [place.path]
        if configuration is not None and place.path not in configuration.cache.parents:
            folders.append(configuration.cache)
        return HomeStatus(
            home=place.path,
            encoder=configuration.spec.describe() if configuration else None,
            pooling=configuration.pooling if configuration else None,
            roots=catalog.settings.roots(),
            tracks=catalog.files.count("indexed"),
            hours=catalog.tracks.duration() / 3600,
            failed=catalog.files.count("failed"),
            gone=catalog.files.count("gone"),
            older_decoding=len(catalog.tracks.older_decodings()),
            disk_use=sum(map(disk_use, folders)),
            store=catalog.settings.store_url.text if configuration else None,
            last_run=json.loads(last_run) if last_run else None,
            failures=catalog.files.failures(),
            gone_files=catalog.files.gone(),
            exclude=catalog.settings.exclude,
            ctime=catalog.settings.ctime,
            forgotten=sorted(catalog.settings.forgotten),
            running=is_held(place.index_lock),
            unopened=catalog.files.unopened_count(),
            lost_caches=len(catalog.tracks.lost()),
            without_cache=_without_cache(catalog),
            rebuild_unopened=_rebuild_unopened(place),
            unwritten=catalog.store_state.pending_count(),
            whitening=configuration is not None and bool(configuration.space.whitening),
            doubted=[
                (root, why)
                for root in catalog.settings.roots()
                if (why := _doubt(root, catalog) or _doubted(root, catalog))
            ],
        )


def _without_cache(catalog: Catalog) -> int:
    """How many pieces of audio have no cache that no run will make."""
    configuration = catalog.settings.configuration
    if configuration is None:
        return 0
    kept = {*catalog.tracks.indexed_digests()} - catalog.tracks.lost()
    missing = missing_caches(kept, configuration)
    return len(missing.digests) if missing else 0


def _doubt(root: bytes, catalog: Catalog) -> str | None:
    """Why a root looks like a disk that is not mounted, as `index` would find at once."""
    if not any(row.state != "gone" for row in catalog.files.all(root)):
        return None
    if not os.path.exists(root):
        was_file = catalog.files.get(root) is not None
        return None if was_file and is_gone(root) else "it is not there"
    if not os.path.isdir(root):
        return None
    try:
        with os.scandir(root) as entries:
            return "it is empty" if next(entries, None) is None else None
    except OSError as error:
        return f"it can't be read ({error.strerror})"


def _doubted(root: bytes, catalog: Catalog) -> str | None:
    """Why a root looked so to the last run that judged it, where a sample shows that many files still miss.

    No run doubts one that has lost less than half; a third, so that chance does not hide a doubt.
    """
    reason, then = catalog.settings.doubted.get(root, (None, 0.0))
    if reason is None:
        return None
    paths = [row.path for row in catalog.files.all(root) if row.state != "gone"]
    sample = paths[:: -(-len(paths) // SAMPLE) or 1]
    if 3 * sum(map(os.path.lexists, sample)) > 2 * len(sample):
        return None
    day = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(then))
    return f"{reason}, as a run found at {day}"


def _rebuild_unopened(home: Home) -> int | None:
    if not home.rebuild.exists():
        return None
    try:
        with Catalog(home.rebuild, read_only=True) as catalog:
            return catalog.files.unopened_count()
    except HomeError:  # cut short while it was made
        return 0


def disk_use(folder: Path) -> int:
    """Count the bytes of all files in a folder, and below it."""
    total = 0
    for current, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(current, name)).st_size
            except OSError:
                continue  # removed while we looked
    return total
