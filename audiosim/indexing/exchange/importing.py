"""Reading exports into a home: a new one, or one of the same encoder that has an index already."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from audiosim.backends.worker import BURST_ROWS
from audiosim.core.config import Home, find_home
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.files import hold
from audiosim.core.types import TrackVector
from audiosim.indexing.exchange.header import Header
from audiosim.indexing.exchange.parquet import ExportFile
from audiosim.indexing.exchange.path_map import PathLike, PathMap, holding
from audiosim.indexing.exchange.progress import OnProgress, Stage
from audiosim.indexing.exchange.refusals import (
    check_import,
    read_through,
    refuse_lacking,
    refuse_other,
    refuse_other_store,
)
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration, Record
from audiosim.library.catalog.settings import LEARNT, MEASURED, PERCENTILES
from audiosim.library.configuration import made_home, repooled
from audiosim.library.folders import told_forgotten, walk_of
from audiosim.library.index import has_index
from audiosim.library.spaces import following, store_of
from audiosim.library.statistics import can_recentre, recentre, refresh
from audiosim.library.store_url import StoreUrl, default_store
from audiosim.store import Store, reach

FEW = 1000  # tracks, which the store takes soonest as they are


@dataclass
class Imported:
    """What became of the tracks that `import_index` read.

    Parameters
    ----------
    home, cache : Path
        The home, and the folder of its caches.
    tracks : int
        How many there were: the sum of the next four.
    added, known : int
        Those that are in the index now, and those that were before.
    kept : int
        Those of whose file the home says something else, and goes on saying so.
    left_out : int
        Those whose caches, which they had to be pooled from, are damaged.
    pooled, without_cache : int
        Those added that were pooled from caches, and those that have no cache.
    forgotten : int
        Those of the kept that lie in what was forgotten here, and stay so.
    roots : list of bytes
        Folders that `index` looks at from now on.
    stay_forgotten : list of bytes
        What was forgotten here, in which the forgotten lie.
    seconds : float
        How long it took.
    """

    home: Path
    cache: Path
    tracks: int = 0
    added: int = 0
    known: int = 0
    kept: int = 0
    left_out: int = 0
    pooled: int = 0
    without_cache: int = 0
    forgotten: int = 0
    roots: list[bytes] = field(default_factory=list)
    stay_forgotten: list[bytes] = field(default_factory=list)
    seconds: float = 0.0


def import_index(
    paths: Iterable[PathLike],
    *,
    home: PathLike | None = None,
    maps: Iterable[tuple[PathLike, PathLike]] = (),
    store: StoreUrl | None = None,
    wait: float = 0.0,
    on_progress: OnProgress = lambda stage, done, total: None,
) -> Imported:
    """Enter the tracks of exports into a home, as if it had indexed them; no audio file is opened.

    A home without an index takes encoder, pooling and mean window from the first file. All are read through
    before anything is changed. Finished work is kept wherever it ends; importing again completes it.

    Parameters
    ----------
    paths : iterable of str or path-like
        Files that `export_index` wrote.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    maps : iterable of (str or path-like, str or path-like)
        Pairs (folder there, folder here), for tracks that lie elsewhere here; the innermost counts.
    store : StoreUrl, optional
        Where the vectors of a new home are searched; by default what ``AUDIOSIM_STORE`` names.
    wait : float
        Seconds to wait for another writer.
    on_progress : callable, optional
        Told now and then how far it is: a stage, as "Entered", and how many of how many tracks.

    Returns
    -------
    Imported
        What became of the tracks.

    Raises
    ------
    UsageError
        If a file is not there or of another encoder or pooling than the home, or a folder
        that is mapped holds nothing.
    LockedError
        If another process writes, for `wait` seconds.
    AudiosimError
        If a file is damaged or no export; or its vectors have another centre than the
        home's, and the caches to pool them from are missing.
    """
    start = time.perf_counter()
    place, path_map = find_home(home), PathMap(maps)
    exports = [ExportFile(path) for path in paths]
    if not exports:
        raise UsageError("Nothing to import", "no file was given", "Name a file that audiosim export wrote.")
    for export in exports[1:]:
        refuse_other(export, exports[0].header, f"those of {exports[0].name}")
    chosen = store or (default_store() if place.space is None else store_of(place.main))
    if not has_index(place):
        reach(place, chosen)
    read_through(exports, path_map, on_progress)
    check_import(exports, place, store, path_map)
    with (
        made_home(place),
        hold(place.index_lock, wait=wait, what="indexing this home"),
        following(place) as catalog,
    ):
        stored = catalog.settings.configuration
        home_store = Store(place, catalog)
        if stored is not None:
            refuse_other(exports[0], Header.of(stored, ()), f"those of {place.called}")
            refuse_other_store(store, catalog)
            home_store.recover()
        configuration = _settled(catalog, stored, exports, path_map, place)
        if stored is None:
            home_store.choose(chosen)
        entry = _Entry(place, catalog, configuration, path_map)
        entered = Stage(on_progress, "Entered", sum(map(len, exports)))
        for export in exports:
            for count in entry.take(export):
                entered.add(count)
        entry.add_roots()
        list(refresh(catalog, complete=False))  # what it says is of complete runs
        pending = catalog.store_state.pending_count()
        written = Stage(on_progress, "Written to the store", pending)
        home_store = Store(place, catalog, lambda: written.add(BURST_ROWS))
        if pending > FEW and 2 * pending > catalog.files.count("indexed"):
            home_store.rebuild()  # sooner done than many bursts
        else:
            home_store.flush()
    entry.done.seconds = time.perf_counter() - start
    return entry.done


def _settled(
    catalog: Catalog,
    stored: Configuration | None,
    exports: Sequence[ExportFile],
    path_map: PathMap,
    home: Home,
) -> Configuration:
    """The configuration that the tracks are entered under, the home's from now on.

    Vectors are of length 1 and have lost how long they were, so that a centre can't be taken from them, or
    put in place of another: tracks whose centre is not the home's are pooled from caches. Nothing is changed
    where such caches are missing. With a centre comes what vectors are searched through.
    """
    first, empty = exports[0], not catalog.tracks.has_vectors()
    configuration = stored or Configuration(first.header.spec, first.header.pooling, home.cache)
    giver = first if empty else None
    if not empty and not configuration.centre and can_recentre(catalog, configuration):
        # a home that is too small to have a centre takes one, where it can pool its own tracks again
        giver = next((export for export in exports if export.header.centre), None)
    if giver is not None:
        whitening = giver.header.whitening if catalog.settings.wants_whitening else b""
        configuration = replace(configuration, centre=giver.header.centre, whitening=whitening)
    refuse_lacking(catalog, configuration, exports, path_map)
    if giver is None or configuration == stored:
        return configuration
    with catalog.transaction():
        catalog.settings.set_meta(LEARNT, str(giver.header.learnt))
        if empty:
            catalog.settings.set_configuration(configuration)
        elif damaged := recentre(catalog, configuration):
            raise HomeError(
                f"The tracks that are here already can't be centred as {giver.name} is",
                f"{len(damaged)} of their caches are damaged",
                "Repair them: audiosim verify `repair`\nThen: audiosim index",
            )
    return configuration


class _Entry:
    """Enters records into a catalog that is open for writing, with the index lock held."""

    def __init__(self, home: Home, catalog: Catalog, configuration: Configuration, path_map: PathMap) -> None:
        self._catalog, self._configuration, self._path_map = catalog, configuration, path_map
        self._cache = Cache(configuration.cache, configuration.spec)
        self._roots: set[bytes] = set()
        self._stay: set[bytes] = set()
        self._forgotten = set(catalog.settings.forgotten)
        self._is_forgotten = told_forgotten(catalog)
        self.done = Imported(home.path, self._cache.folder)

    def take(self, export: ExportFile) -> Iterator[int]:
        """Enter what a file holds, some thousand tracks at a time; gives how many each time."""
        header = export.header
        alike = header.centre == self._configuration.centre
        measured = alike and self._measured_with(header)
        scored, roots = self._scored_with(header), self._path_map.roots(header.roots)
        for batch in export.batches():
            records = [
                replace(
                    r,
                    path=self._path_map(r.path),
                    scale=r.scale if measured else None,
                    words=r.words if scored else None,
                )
                for r in batch
            ]
            self.done.tracks += len(records)
            wanted = [record for record in records if not self._stays_forgotten(record.path)]
            self.done.forgotten += len(records) - len(wanted)
            self.done.kept += len(records) - len(wanted)
            self._enter(wanted if alike else self._pooled(wanted))
            for record in wanted:
                self._roots |= holding(record.path, roots)
            yield len(records)

    def _stays_forgotten(self, path: bytes) -> bool:
        """Whether a path lies in what was forgotten here; where it does, that is told."""
        stays = self._is_forgotten(path)
        if stays:
            self._stay |= holding(path, self._forgotten)
        return stays

    def add_roots(self) -> None:
        """Have `index` look at the roots there that hold anything."""
        settings = self._catalog.settings
        before = settings.roots()
        roots = walk_of(settings).outermost([*before, *self._roots])
        if roots != before:
            settings.set_roots(roots)
        self.done.roots = [root for root in roots if root not in before]
        self.done.stay_forgotten = sorted(self._stay)

    def _measured_with(self, header: Header) -> bool:
        """Whether scales are of the library that the home's percentiles are of, or of one it takes over."""
        if header.percentiles is None or header.whitening != self._configuration.space.whitening:
            return False
        own = self._catalog.settings.meta(PERCENTILES)
        if own is None:
            with self._catalog.transaction():
                self._catalog.settings.set_meta(PERCENTILES, header.percentiles)
                self._catalog.settings.set_meta(MEASURED, str(header.measured))
        return own in (None, header.percentiles)

    def _scored_with(self, header: Header) -> bool:
        """Whether words are scored by the home's labels, or by such that it takes over."""
        words = self._catalog.words
        if header.words and not words.labels:
            words.set_labels(header.words)
        return words.labels == header.words

    def _enter(self, records: Sequence[Record]) -> None:
        for record, fate in zip(records, self._catalog.records.take(records), strict=True):
            setattr(self.done, fate, getattr(self.done, fate) + 1)
            if fate == "added" and not self._cache.path(record.info.digest).exists():
                self.done.without_cache += 1

    def _pooled(self, records: Sequence[Record]) -> list[Record]:
        """Records whose new audio has the vectors that its caches give; those without are left out."""
        wanting = [record for record in records if self._catalog.records.wants_vector(record)]
        digests = dict.fromkeys(record.info.digest for record in wanting)
        found = {digest: (v, s) for digest, v, s in repooled(digests, self._configuration)}
        paths = {record.path for record in wanting}
        usable = []
        for record in records:
            if record.path not in paths:
                usable.append(record)
            elif record.info.digest in found:
                usable.append(_with_vector(record, *found[record.info.digest]))
                self.done.pooled += 1
            else:
                self.done.left_out += 1
        return usable


def _with_vector(record: Record, pooled: TrackVector, duration: float) -> Record:
    return replace(
        record,
        info=replace(record.info, duration=duration),
        vector=pooled.vector,
        windows=pooled.windows,
        passages=pooled.passages,
    )
