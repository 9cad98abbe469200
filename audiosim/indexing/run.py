"""One index run: read the folders, open what is new, judge what is missing."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress

import numpy as np

from audiosim.audio.events import FileEvent
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError
from audiosim.core.paths import outermost
from audiosim.core.types import TrackOutcome
from audiosim.extract import embed_files
from audiosim.indexing.ingest import Ingest
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.plan import Plan, doubt
from audiosim.indexing.report import IndexEvent, IndexReport, Notice, Planned, Progress, RootDoubted
from audiosim.indexing.survey import Target, survey
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.library.scan import FoundFile
from audiosim.library.statistics import refresh
from audiosim.store import Store

PROGRESS_INTERVAL = 0.5  # s


class IndexRun:
    """One run over some roots, with the index lock held.

    Parameters
    ----------
    home : Home
        Where the index is.
    catalog : Catalog
        What is known of files; it has the target's configuration by now.
    target : Target
        What the run works towards.
    store : Store or None
        Written to; None leaves it alone.
    options : IndexOptions
        Of this run.
    """

    def __init__(
        self, home: Home, catalog: Catalog, target: Target, store: Store | None, options: IndexOptions
    ) -> None:
        self._catalog, self._target, self._store = catalog, target, store
        self._options = options
        self._cache = Cache(target.configuration.cache, target.configuration.spec)
        self._deadline: float | None = None
        self.plans: list[Plan] = []
        self.report = IndexReport(target.configuration.spec.describe(), home.path)

    def events(self) -> Iterator[IndexEvent]:
        """Carry out the run: everything that happens, the report last."""
        start = time.monotonic()
        if self._options.max_hours is not None:
            self._deadline = start + 3600 * self._options.max_hours
        self.plans = survey(self._target, self._catalog, self._options)
        self._remember_roots()
        work = [file for plan in self.plans for file in plan.process]
        self.report.found = sum(plan.found for plan in self.plans)
        yield Planned(self.report.found, len(work))
        try:
            for plan in self.plans:
                yield from self._settle(plan)
            ingest = self._ingest(work)
            yield from self._open(work, ingest)
            if not self.report.left:  # what is missing may have moved to a file not yet opened
                yield from self._judge(ingest.moved)
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

    def _remember_roots(self) -> None:
        known = self._catalog.settings.roots()
        roots = outermost(known + [plan.scan.root for plan in self.plans if plan.found])
        if roots != known:
            self._catalog.settings.set_roots(roots)

    def _settle(self, plan: Plan) -> Iterator[IndexEvent]:
        """What needs no file to be opened."""
        self.report.unchanged += len(plan.unchanged)
        self._catalog.files.mark_returned(plan.returned + plan.failed_again)
        self.report.reused += len(plan.returned)
        self._catalog.files.drop(plan.settled)
        for path in plan.failed_before:
            yield self._counted(TrackOutcome(path, "failed_before"))
        for path, reason in plan.problems:
            self._catalog.files.record_failure(path, -1, -1, reason)
            yield self._counted(TrackOutcome(path, "failed", reason))

    def _ingest(self, work: Sequence[FoundFile]) -> Ingest:
        listed = [plan for plan in self.plans if plan.scan.present and plan.scan.files]
        return Ingest(
            self._catalog,
            self._cache,
            self._target.configuration.pooler,
            files=work,
            missing=[row for plan in listed for row in plan.missing],
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
                paths,
                self._target.encoder,
                jobs=options.jobs,
                want=want,
                dtype=np.float16,
                spill=self._cache.folder,
            )
            return
        from audiosim.indexing.cluster.driver import embed_on_cluster

        yield from embed_on_cluster(
            paths,
            options.cluster,
            self._target.configuration.spec,
            files=len(work),
            want=want,
            jobs=options.jobs,
            precision=options.precision,
            batch_size=options.batch_size,
        )

    def _until_the_end(self, work: Sequence[FoundFile]) -> Iterator[bytes]:
        """The files to open, until time is up."""
        for number, file in enumerate(work):
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self.report.left = len(work) - number
                return
            yield file.path

    def _judge(self, moved: set[bytes]) -> Iterator[IndexEvent]:
        """Which files are gone, and which roots look unmounted instead."""
        for plan in self.plans:
            root = plan.scan.root
            lost = [row.path for row in plan.missing if row.path not in moved]
            reason = doubt(plan, len(lost))
            if reason is not None and not self._options.accept_removals:
                self.report.doubted.append((root, reason))
                yield RootDoubted(root, reason)
                continue
            self._catalog.files.mark_gone(lost)
            self.report.gone += len(lost)
            if self._options.accept_removals and not plan.scan.present:
                self._catalog.settings.set_roots(
                    known for known in self._catalog.settings.roots() if known != root
                )

    def _counted(self, outcome: TrackOutcome) -> TrackOutcome:
        self.report.count(outcome)
        return outcome

    def _flush(self, *, hurried: bool = False) -> str | None:
        return None if self._store is None else self._store.flush(hurried=hurried)
