"""One index run: read the folders, open what is new, judge what is missing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress

import numpy as np

from audiosim.audio.events import FileEvent, Loading
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError
from audiosim.core.paths import contains
from audiosim.core.text import counted, display_path, first_path
from audiosim.core.types import AudioInfo, Status, TrackOutcome
from audiosim.extract import embed_files
from audiosim.indexing.filling import Filling
from audiosim.indexing.ingest import Ingest
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.outlook import Outlook, expectations
from audiosim.indexing.plan import Plan, doubt, is_gone_file
from audiosim.indexing.report import (
    Activity,
    IndexEvent,
    IndexReport,
    NoAudio,
    Notice,
    Planned,
    Progress,
    RootDoubted,
)
from audiosim.indexing.survey import Target, survey, vacant
from audiosim.library.cache import Cache
from audiosim.library.catalog import PENDING, Catalog
from audiosim.library.scan import FoundFile
from audiosim.library.statistics import refresh
from audiosim.library.word_scores import WordScorer
from audiosim.store import Store

PROGRESS_INTERVAL = 0.5  # s
REREAD_LIMIT = 15 * 60.0  # s a run for files of which only the ctime has changed: after a restore, all have


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
        self._scorer = WordScorer(catalog, target.configuration.spec)
        self._deadline = math.inf
        self._standing: dict[bytes, Status] = {}  # of files to be read again: as what they are counted
        self.plans: list[Plan] = []
        self.report = IndexReport(target.configuration.spec.describe(), home.path)

    def events(self) -> Iterator[IndexEvent]:
        """Carry out the run: everything that happens, the report last."""
        start = time.monotonic()
        if self._options.max_hours is not None:
            self._deadline = start + 3600 * self._options.max_hours
        yield Activity("Looking for files")
        self.plans = survey(self._target, self._catalog, self._options)
        self._remember_roots()
        self._note_unopened()
        work = [file for plan in self.plans for file in plan.process]
        again = [file for plan in self.plans for file in plan.reread]
        alone = [file for plan in self.plans for file in plan.alone]
        self.report.found = sum(plan.found for plan in self.plans)
        yield Planned(self.report.found, len(work) + len(alone), len(again))
        self.report.vacant = vacant(self._target, self.plans)
        yield from map(NoAudio, self.report.vacant)
        filling = self._filling()
        yield from filling.announced()
        try:
            for plan in self.plans:
                yield from self._settle(plan)
            if unwanted := sum(len(plan.unwanted) for plan in self.plans):
                yield Notice(
                    f"{counted(unwanted, 'file is', 'files are')} left out from now on, by `exclude`,"
                    " as forgotten, or in folders that systems make (bins, snapshots, thumbnails)."
                )
            self._standing = {path: status for plan in self.plans for path, status in plan.standing.items()}
            ingest = self._ingest([*work, *again], alone)
            yield from self._open(work, again, alone, ingest)
            if not self.report.left:  # what is missing may have moved to a file not yet opened
                yield from self._judge(ingest.moved)
            yield Activity("Taking stock")
            yield from map(Notice, refresh(self._catalog, complete=not self.report.left))
            if not self.report.left:
                yield from filling.events()
        except BaseException:
            with suppress(AudiosimError):  # the error that ended the run is the one to show
                self._flush(hurried=True)
            raise
        yield Activity("Writing to the store")
        if notice := self._flush():
            yield Notice(notice)
        if self._store is not None:
            self.report.stages["store"] = self._store.seconds
        self.report.seconds = time.monotonic() - start
        judged = [] if self.report.left else [plan.scan.root for plan in self.plans]
        self._catalog.settings.note_run(self.report.counts(), judged, self.report.doubted)
        yield self.report

    def _filling(self) -> Filling:
        heard, jobs = self._store is not None, self._options.jobs  # a rebuild takes over fingerprints
        return Filling(self._catalog, self._cache, self._scorer, self._deadline, heard, jobs)

    def _remember_roots(self) -> None:
        known = self._catalog.settings.roots()
        found = [plan.scan.root for plan in self.plans if plan.found]
        roots = self._target.walk.outermost(known + found)
        if roots != known:
            self._catalog.settings.set_roots(roots)

    def _note_unopened(self) -> None:
        """Note which files are to be opened, for who asks after an end before that."""
        known = self._catalog.settings.roots()
        for scan, plan in ((plan.scan, plan) for plan in self.plans if plan.scan.present):
            inner = [root for root in known if root != scan.root and contains(scan.root, root)]
            others = [
                path
                for path in self._catalog.files.unopened(scan.root)
                if scan.globs.includes(path, scan.root) and not any(contains(root, path) for root in inner)
            ]
            found = [file.path for file in [*plan.process, *plan.alone]]
            self._catalog.files.note_unopened(others=others, found=found)

    def _settle(self, plan: Plan) -> Iterator[IndexEvent]:
        """What needs no file to be opened."""
        self.report.unchanged += len(plan.unchanged)
        self._catalog.files.mark_returned(plan.returned + plan.failed_again)
        self.report.reused += len(plan.returned)
        self._catalog.files.note_ctimes((file.path, file.ctime_ns) for file in plan.unnoted)
        if self._options.rescan:
            self._catalog.files.note_ctimes((file.path, PENDING) for file in plan.reread)
        self._catalog.files.drop(plan.settled)
        self._catalog.files.mark_gone(plan.unwanted)
        self.report.gone += len(plan.unwanted)
        for path in plan.failed_before:
            row = self._catalog.files.get(path)
            yield self._counted(TrackOutcome(path, "failed_before", row.reason if row else None))
        for path, reason in plan.problems:
            self._catalog.files.record_failure(path, -1, -1, reason)
            yield self._counted(TrackOutcome(path, "failed", reason))

    def _ingest(self, work: Sequence[FoundFile], alone: Sequence[FoundFile]) -> Ingest:
        listed = [plan for plan in self.plans if plan.scan.present and plan.scan.files]
        rescan = any(plan.rescan for plan in self.plans)
        return Ingest(
            self._catalog,
            self._cache,
            self._target.configuration.pooler,
            scorer=self._scorer,
            files=[*work, *alone],
            alone=[file.path for file in alone],
            reread=frozenset(self._standing),
            missing=[row for plan in listed for row in plan.missing],
            retry_failed=self._options.retry_failed or rescan,
            redecode=rescan,
        )

    def _open(
        self,
        work: Sequence[FoundFile],
        again: Sequence[FoundFile],
        alone: Sequence[FoundFile],
        ingest: Ingest,
    ) -> Iterator[IndexEvent]:
        """New and changed files, then others: identified and, where their audio is new, embedded."""
        ctimes = {file.path: file.ctime_ns for file in (*work, *again, *alone)}
        if not ctimes:
            return
        last, limit = time.monotonic(), math.inf if self._options.rescan else REREAD_LIMIT
        outlook = Outlook(expectations(self.plans), last, again_limit=limit)
        yield self._progress(outlook)
        with closing(self._embedded(work, again, alone, ingest)) as events:
            for event in events:
                if isinstance(event, Notice | Activity):
                    yield event
                    continue
                if isinstance(event, Loading):
                    yield Activity("Loading the model")
                outlook.take(event, time.monotonic())
                for outcome in ingest.take(event):
                    outlook.settle(outcome.path)
                    if outcome.path not in ingest.unread:
                        self._catalog.files.note_ctimes([(outcome.path, ctimes[outcome.path])])
                    yield self._counted(outcome)
                if time.monotonic() - last >= PROGRESS_INTERVAL:
                    last = time.monotonic()
                    yield self._progress(outlook)
                    if self._store is not None:
                        self._store.flush_behind()
        self.report.audio_seconds = ingest.audio_seconds
        self.report.stages |= ingest.stages
        yield self._progress(outlook)
        if ingest.unread:
            path, reason = next(iter(ingest.unread.items()))
            yield Notice(
                f"{counted(len(ingest.unread), 'file')} could not be read again: what is known stays until"
                f" then; {display_path(path)} is one: {reason}."
            )

    def _progress(self, outlook: Outlook) -> Progress:
        limited = self._deadline < math.inf
        return outlook.progress(time_up=max(0.0, self._deadline - time.monotonic()) if limited else None)

    def _embedded(
        self,
        work: Sequence[FoundFile],
        again: Sequence[FoundFile],
        alone: Sequence[FoundFile],
        ingest: Ingest,
    ) -> Generator[FileEvent | Notice | Activity, None, None]:
        """Files beside each other, then one after the other those that are to be alone."""
        want = ingest.decisions.want
        if count := len(work) + len(again):
            yield from self._opened(self._until_the_end(work, again), count, self._options.jobs, want)
        for path in [*ingest.deferred, *(file.path for file in alone)]:
            if time.monotonic() >= self._deadline:
                self.report.left += 1
            else:
                yield from self._opened([path], 1, 1, want)

    def _opened(
        self,
        paths: Iterable[bytes],
        count: int,
        jobs: int | None,
        want: Callable[[bytes, AudioInfo], bool],
    ) -> Iterator[FileEvent | Notice | Activity]:
        """Decoded and embedded by processes of this machine, or by workers on a cluster."""
        options = self._options
        if options.cluster is None:
            yield from embed_files(
                paths,
                self._target.encoder,
                jobs=jobs,
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
            files=count,
            want=want,
            jobs=jobs,
            precision=options.precision,
            batch_size=options.batch_size,
        )

    def _until_the_end(self, work: Sequence[FoundFile], again: Sequence[FoundFile]) -> Iterator[bytes]:
        """The files to open, until time is up."""
        for number, file in enumerate(work):
            if time.monotonic() >= self._deadline:
                self.report.left, self.report.reread_left = len(work) - number, len(again)
                return
            yield file.path
        limit = math.inf if self._options.rescan else time.monotonic() + REREAD_LIMIT
        for number, file in enumerate(again):
            if time.monotonic() >= min(limit, self._deadline):
                self.report.reread_left = len(again) - number
                return
            yield file.path

    def _judge(self, moved: set[bytes]) -> Iterator[IndexEvent]:
        """Which files are gone, and which roots look unmounted instead."""
        gone: list[bytes] = []  # of those that were once named themselves
        for plan in self.plans:
            root = plan.scan.root
            lost = [row.path for row in plan.missing if row.path not in moved]
            reason = doubt(plan, lost)
            if reason is not None and not self._options.accept_removals:
                self.report.doubted.append((root, reason))
                yield RootDoubted(root, reason)
                continue
            self._catalog.files.mark_gone(lost)
            self.report.gone += len(lost)
            if self._options.accept_removals and not plan.scan.present:
                self._catalog.files.note_unopened(others=self._catalog.files.unopened(root))
            elif is_gone_file(plan, lost):
                gone.append(root)
        if gone:
            yield Notice(f"Gone: {first_path(gone)}. What comes back returns to the answers at no cost.")
        named = [root for root in gone if root in self._target.given]
        self.report.vacant += named
        yield from map(NoAudio, named)

    def _counted(self, outcome: TrackOutcome) -> TrackOutcome:
        """Count what became of a file, once: one that is read again was counted before."""
        standing = self._standing.pop(outcome.path, None)
        if standing is not None:
            self.report.reread += 1
            if outcome.status in ("unchanged", standing):
                return outcome
            setattr(self.report, standing, getattr(self.report, standing) - 1)
        self.report.count(outcome)
        return outcome

    def _flush(self, *, hurried: bool = False) -> str | None:
        return None if self._store is None else self._store.flush(hurried=hurried)
