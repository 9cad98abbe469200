"""Whether a home is whole: catalog, caches, vectors, store; and putting right what is not."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audiosim.backends.inspection import Inspection
from audiosim.core.config import Home, find_home, no_index
from audiosim.core.errors import AudioError, HomeError
from audiosim.core.files import hold
from audiosim.core.text import counted
from audiosim.core.types import Float32, TrackVector
from audiosim.core.vectors import are_whole
from audiosim.encoders.passage_vectors import unpacked
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration, FileRow
from audiosim.library.configuration import repooled
from audiosim.library.missing_caches import missing_caches
from audiosim.library.scan import FoundFile
from audiosim.library.spaces import spaces
from audiosim.store import Store

PASSAGE_TOLERANCE = 0.02  # two steps of eight bits
TOLERANCE = 1e-5  # between a vector and what its cache gives; equal where both were made here


@dataclass
class Health:
    """What `verify_home` found and, when asked to, did.

    Parameters
    ----------
    home : Path
        The home folder.
    store : str
        What the store is called.
    tracks, caches : int
        Files in the index, and caches that are whole.
    compared : int
        Vectors of the store that were compared with the catalog's.
    recall : float or None
        The store's recall@10 against exact search; None where it was not asked.
    changed : int or None
        Files that have changed since they were read, by their sizes and times, which is no fault: the
        next `index` reads them. None where they were not looked at.
    lost_caches, lost_vectors : list of str
        Audio digests whose caches or vectors are missing or damaged.
    store_faults : list of str
        What is wrong with the store.
    repairs : list of str
        What was done, a sentence each.
    waiting : int
        Pieces of audio that the next `index` computes again, as a repair noted: till then not all is right.
    store_sound : bool
        Whether the store is whole, or was put right.
    sound : bool
        Whether nothing is wrong, or all was put right.
    unreadable : str or None
        Of a further space: why it can't be looked at, and what to do.
    spaces : dict
        What was found of the home's further spaces, by name.
    """

    home: Path
    store: str
    tracks: int = 0
    caches: int = 0
    compared: int = 0
    recall: float | None = None
    changed: int | None = None
    lost_caches: list[str] = field(default_factory=list)
    lost_vectors: list[str] = field(default_factory=list)
    store_faults: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    waiting: int = 0
    store_sound: bool = True
    sound: bool = True
    unreadable: str | None = None
    spaces: dict[str, Health] = field(default_factory=dict)

    @property
    def all_sound(self) -> bool:
        """Whether the home and all its spaces are."""
        return self.sound and all(health.sound for health in self.spaces.values())

    @property
    def faults(self) -> list[str]:
        """What was wrong, a sentence each."""
        faults = [self.unreadable] if self.unreadable else []
        faults += [f"The cache of {digest} is missing or damaged." for digest in self.lost_caches]
        faults += [f"The vector of {digest} is missing or damaged." for digest in self.lost_vectors]
        return faults + [f"{self.store}: {fault}." for fault in self.store_faults]


def verify_home(
    home: str | os.PathLike[str] | None = None,
    *,
    full: bool = False,
    repair: bool = False,
    wait: float = 0.0,
) -> Health:
    """Check a home and its further spaces, and repair them if asked to.

    Every cache that the catalog names is read and pooled, and the catalog's vector compared with
    that; vectors in the store are compared with the catalog's, and a sample of its answers with exact
    search. Without `repair` nothing is changed and other runs may go on.

    Repairing, vectors that are missing are pooled again from their caches; files whose caches are
    lost are computed again by the next run, and keep their vectors until then, unless they are
    gone, or left as they are, where over half of the caches are not there: their disk may not be mounted, or
    they were never here; the store is made anew.

    Parameters
    ----------
    home : str or path-like, optional
        The home folder; by default as `index_folder` takes it.
    full : bool
        Whether all vectors in the store are compared, and it is asked for each, instead of 10,000; and
        files are looked at, which are not opened: `index_folder` with `rescan` reads them.
    repair : bool
        Whether to put right what is wrong.
    wait : float
        Seconds to wait for another writer.

    Returns
    -------
    Health
        What was found, and done.

    Raises
    ------
    HomeError
        If there is no index, or the catalog itself is damaged; that of a further space is told in its
        `Health`.
    LockedError
        If `repair` is asked for while another process writes, for `wait` seconds.
    """
    place = find_home(home)
    if not place.catalog.exists():
        raise no_index(place)
    with hold(place.index_lock, wait=wait, what="indexing this home") if repair else nullcontext():
        health = _verified(place, full=full, repair=repair)
        for space in spaces(place):
            health.spaces[space.path.name] = _verified_space(space, full=full, repair=repair)
        return health


def _verified_space(place: Home, *, full: bool, repair: bool) -> Health:
    """Check a further space: one that can't be looked at does not keep the others from it."""
    try:
        return _verified(place, full=full, repair=repair)
    except HomeError as error:
        return Health(place.path, "", sound=False, unreadable=str(error))


def _verified(place: Home, *, full: bool, repair: bool) -> Health:
    """Check one space; to repair it, the index lock is held."""
    with Catalog(place.catalog, read_only=not repair) as catalog:
        catalog.check()
        configuration = catalog.settings.configuration
        if configuration is None:
            raise no_index(place)
        store = Store(place, catalog)
        health = _examined(place, catalog, configuration, store.inspect(full=full))
        if full:
            health.changed = sum(map(_has_changed, catalog.files.all()))
        if repair and not health.sound:
            complete = _repair(health, catalog, configuration, store)
            health.store_sound = not store.inspect(full=full).faults and not catalog.store_state.dirty
            health.sound = complete and health.store_sound and not health.waiting
        return health


def _examined(home: Home, catalog: Catalog, configuration: Configuration, store: Inspection) -> Health:
    health = Health(
        home.path,
        catalog.settings.store_url.label,
        catalog.files.count("indexed"),
        compared=store.compared,
        recall=store.recall,
    )
    lost_vectors = _bad_vectors(catalog, configuration.dimension)
    cache = Cache(configuration.cache, configuration.spec)
    digests = sorted(catalog.tracks.all_digests())
    for digest in digests:
        expected = _pooled(cache, digest, configuration)
        if expected is None:
            health.lost_caches.append(digest)
        elif not _close(catalog.tracks.vector(digest), expected.vector) or not _same_passages(
            catalog.tracks.passages(digest), expected.passages, configuration.spec.dimension
        ):
            lost_vectors.add(digest)
    health.lost_vectors = sorted(lost_vectors)
    health.caches = len(digests) - len(health.lost_caches)
    health.store_faults = store.faults
    if store.dirty and not store.faults:
        health.store_faults = ["a run ended while it wrote to it"]
    health.waiting = len(catalog.tracks.lost().intersection(health.lost_caches))
    health.store_sound, health.sound = not health.store_faults, not health.faults
    return health


def _has_changed(row: FileRow) -> bool:
    if row.state != "indexed" or row.size < 0:
        return False
    try:
        found = FoundFile.at(row.path, os.stat(row.path))
    except OSError:
        return False  # gone, or on a disk that is not mounted: `index` tells
    return not found.same(row) or found.touched(row)


def _bad_vectors(catalog: Catalog, dimension: int) -> set[str]:
    """Audio whose vector is missing or damaged."""
    found = catalog.tracks.all_vectors()
    damaged = {digest for digest, vector in found if not are_whole(vector, dimension)}
    return catalog.tracks.digests_without_vector() | damaged


def _pooled(cache: Cache, digest: str, configuration: Configuration) -> TrackVector | None:
    """What a cache gives, if it is whole."""
    cached = cache.read(digest)
    try:
        return None if cached is None else configuration.pooler(cached.frames)
    except AudioError:
        return None


def _close(vector: Float32 | None, expected: Float32) -> bool:
    if vector is None or vector.shape != expected.shape:
        return False
    return np.allclose(vector, expected, rtol=0, atol=TOLERANCE)


def _same_passages(found: bytes | None, expected: bytes, dimension: int) -> bool:
    """Whether passages are as they should be; the next `index` makes those that are missing."""
    if found is None:
        return True
    rows, others = unpacked(found, dimension), unpacked(expected, dimension)
    return rows.shape == others.shape and np.allclose(rows, others, rtol=0, atol=PASSAGE_TOLERANCE)


def _repair(health: Health, catalog: Catalog, configuration: Configuration, store: Store) -> bool:
    """Put right what can be; tell whether no tracks had to be left, as the caches' disk looks unmounted."""
    known, rows = catalog.tracks.all_digests(), list(catalog.files.all())
    missing = missing_caches([row.digest for row in rows if row.digest in known], configuration)
    pooled = 0
    for digest, vector, duration in repooled(health.lost_vectors, configuration):
        catalog.tracks.set_vector(digest, vector, duration)
        pooled += 1
    if pooled:
        vectors = counted(pooled, "vector was", "vectors were")
        health.repairs.append(f"{vectors} pooled again from caches.")
    if complete := missing is None or not missing.most:
        _have_computed_again(health, catalog, configuration, rows)
    if health.store_faults:
        store.rebuild()
        health.repairs.append(f"{health.store}'s index was made anew from the catalog.")
    else:
        store.flush()
    return complete


def _have_computed_again(
    health: Health, catalog: Catalog, configuration: Configuration, rows: list[FileRow]
) -> None:
    """Note tracks whose caches are lost for the next run; those without a vector are no answers then."""
    present = {row.digest for row in rows if row.state == "indexed"}
    hopeless = _bad_vectors(catalog, configuration.dimension)
    hopeless |= set(health.lost_caches) - present
    again = hopeless.union(health.lost_caches)
    if again:
        catalog.files.drop(catalog.files.paths_with(hopeless))
        catalog.tracks.drop(hopeless)
        catalog.tracks.mark_lost(again - hopeless)
        health.waiting = len(again)
        tracks = counted(len(again), "track")
        health.repairs.append(f"{tracks} will be computed again where the next index finds the files.")
