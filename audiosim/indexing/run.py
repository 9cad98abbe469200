"""One index run: read the folders, open what is new, judge what is missing."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field

import numpy as np

from audiosim.audio.events import FileEvent
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError
from audiosim.core.paths import contains, outermost
from audiosim.core.types import Encoder, Precision, TrackOutcome
from audiosim.encoders import LazyEncoder, load_encoder_for
from audiosim.extract import embed_files
from audiosim.indexing.cluster import Cluster
from audiosim.indexing.ingest import Ingest
from audiosim.indexing.plan import Plan, doubt, plan
from audiosim.indexing.report import IndexEvent, IndexReport, Notice, Planned, Progress, RootDoubted
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.configuration import Wish
from audiosim.library.scan import FoundFile, Globs, Scan, scan
from audiosim.library.statistics import refresh
from audiosim.store import Store

PROGRESS_INTERVAL = 0.5  # s


@dataclass(frozen=True)
class IndexOptions:
    """How `index_folder` works; what is None or empty is left to the home or to defaults."""

    wish: Wish = field(default_factory=Wish)
    jobs: int | None = None
    batch_size: int | None = None
    precision: Precision = "auto"
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    accept_removals: bool = False
    retry_failed: bool = False
    rebuild: bool = False
    max_hours: float | None = None  # after which no further file is opened
    wait: float = 0.0  # s for another writer
    cluster: Cluster | None = None  # whose workers decode and embed, instead of this machine's


class IndexRun:
    """One run over some roots, with the index lock held.

    Parameters
    ----------
    home, catalog, configuration : where, and what vectors are; fixed by now.
    store : written to; None leaves it alone.
    options : of this run.
    encoder : if it is already loaded; else it is loaded when the first file needs it.
    """

    def __init__(
        self,
        home: Home,
        catalog: Catalog,
        configuration: Configuration,
        store: Store | None,
        options: IndexOptions,
        encoder: Encoder | None = None,
    ) -> None:
        self._catalog, self._configuration, self._store = catalog, configuration, store
        self._options = options
        self._encoder = encoder or LazyEncoder(configuration.spec, self._load)
        self._cache = Cache(configuration.cache, configuration.spec)
        self._deadline: float | None = None
        self._roots: list[bytes] = []
        self.scans: dict[bytes, Scan] = {}  # what was found, by root
        self.report = IndexReport(configuration.spec.describe(), home.path)

    def events(self, roots: Sequence[bytes]) -> Iterator[IndexEvent]:
        """Everything that happens, the report last."""
        start = time.monotonic()
        if self._options.max_hours is not None:
            self._deadline = start + 3600 * self._options.max_hours
        scans = self.scans = {root: self._scan(root) for root in roots}
        self._roots = outermost([*self._catalog.settings.roots(), *roots])
        plans = {root: self._plan(found) for root, found in scans.items()}
        self._remember_roots(scans)
        work = [file for planned in plans.values() for file in planned.process]
        yield Planned(self.report.found, len(work))
        try:
            for planned in plans.values():
                yield from self._settle(planned)
            ingest = self._ingest(work, scans, plans)
            yield from self._open(work, ingest)
            if not self.report.left:  # what is missing may have moved to a file not yet opened
                yield from self._judge(scans, plans, ingest.moved)
            yield from map(Notice, refresh(self._catalog, complete=not self.report.left))
        except BaseException:
            with suppress(AudiosimError):  # the error that ended the run is the one to show
                self._flush(hurried=True)
            raise
        if notice := self._flush():
            yield Notice(notice)
        if self._store is not None:
            self.report.stages["store"] = self._store.seconds
        self.report.seconds = time.monotonic() - start
        self._catalog.settings.set_meta(
            "last_run", json.dumps({"finished": time.time(), **self.report.counts()})
        )
        yield self.report

    def _scan(self, root: bytes) -> Scan:
        found = scan(root, Globs(self._options.include, self._options.exclude))
        self.report.found += len(found.files) + len(found.problems)
        return found

    def _plan(self, found: Scan) -> Plan:
        inner = [root for root in self._roots if root != found.root and contains(found.root, root)]
        rows = self._catalog.files.all(found.root)
        own = (row for row in rows if not any(contains(root, row.path) for root in inner))
        return plan(found, own, retry_failed=self._options.retry_failed)

    def _remember_roots(self, scans: dict[bytes, Scan]) -> None:
        known = self._catalog.settings.roots()
        roots = outermost(known + [root for root, found in scans.items() if found.files or found.problems])
        if roots != known:
            self._catalog.settings.set_roots(roots)

    def _settle(self, planned: Plan) -> Iterator[IndexEvent]:
        """What needs no file to be opened."""
        self.report.unchanged += len(planned.unchanged)
        self._catalog.files.mark_returned(planned.returned + planned.failed_again)
        self.report.reused += len(planned.returned)
        self._catalog.files.drop(planned.settled)
        for path in planned.failed_before:
            yield self._counted(TrackOutcome(path, "failed_before"))
        for path, reason in planned.problems:
            self._catalog.files.record_failure(path, -1, -1, reason)
            yield self._counted(TrackOutcome(path, "failed", reason))

    def _ingest(
        self, work: Sequence[FoundFile], scans: dict[bytes, Scan], plans: dict[bytes, Plan]
    ) -> Ingest:
        listed = [root for root, found in scans.items() if found.present and found.files]
        return Ingest(
            self._catalog,
            self._cache,
            self._configuration.pooler,
            files=work,
            missing=[row for root in listed for row in plans[root].missing],
            retry_failed=self._options.retry_failed,
        )

    def _open(self, work: Sequence[FoundFile], ingest: Ingest) -> Iterator[IndexEvent]:
        """New and changed files: identified and, where their audio is new, embedded."""
        if not work:
            return
        done, last = 0, time.monotonic()
        with closing(self._embedded(work, ingest)) as events:
            for event in events:
                if isinstance(event, Notice):
                    yield event
                    continue
                for outcome in ingest.take(event):
                    done += 1
                    yield self._counted(outcome)
                if time.monotonic() - last >= PROGRESS_INTERVAL:
                    last = time.monotonic()
                    yield Progress(done, len(work), ingest.audio_seconds)
                    if self._store is not None:
                        self._store.flush_behind()
        self.report.audio_seconds = ingest.audio_seconds
        self.report.stages |= ingest.stages
        yield Progress(done, len(work), ingest.audio_seconds)

    def _embedded(
        self, work: Sequence[FoundFile], ingest: Ingest
    ) -> Generator[FileEvent | Notice, None, None]:
        """Decoded and embedded by processes of this machine, or by workers on a cluster."""
        options, paths, want = self._options, self._until_the_end(work), ingest.decisions.want
        if options.cluster is None:
            yield from embed_files(
                paths, self._encoder, jobs=options.jobs, want=want, dtype=np.float16, spill=self._cache.folder
            )
            return
        from audiosim.indexing.cluster.driver import ClusterDriver

        with ClusterDriver(
            options.cluster,
            self._configuration.spec,
            jobs=options.jobs,
            precision=options.precision,
            batch_size=options.batch_size,
            files=len(work),
            want=want,
        ) as driver:
            yield from driver.events(paths)

    def _until_the_end(self, work: Sequence[FoundFile]) -> Iterator[bytes]:
        """The files to open, until time is up."""
        for number, file in enumerate(work):
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self.report.left = len(work) - number
                return
            yield file.path

    def _judge(
        self, scans: dict[bytes, Scan], plans: dict[bytes, Plan], moved: set[bytes]
    ) -> Iterator[IndexEvent]:
        """Which files are gone, and which roots look unmounted instead."""
        for root, planned in plans.items():
            lost = [row.path for row in planned.missing if row.path not in moved]
            reason = doubt(scans[root], planned, len(lost))
            if reason is not None and not self._options.accept_removals:
                self.report.doubted.append((root, reason))
                yield RootDoubted(root, reason)
                continue
            self._catalog.files.mark_gone(lost)
            self.report.gone += len(lost)
            if self._options.accept_removals and not scans[root].present:
                self._catalog.settings.set_roots(
                    known for known in self._catalog.settings.roots() if known != root
                )

    def _counted(self, outcome: TrackOutcome) -> TrackOutcome:
        self.report.count(outcome)
        return outcome

    def _load(self) -> Encoder:
        options = self._options
        return load_encoder_for(
            self._configuration.spec, precision=options.precision, batch_size=options.batch_size
        )

    def _flush(self, *, hurried: bool = False) -> str | None:
        return None if self._store is None else self._store.flush(hurried=hurried)
