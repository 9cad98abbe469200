"""What becomes of each file that an index run opens."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from audiosim.audio.events import Embedded, Failed, FileEvent, Probed
from audiosim.core.errors import AudioError
from audiosim.core.types import AudioInfo, TrackOutcome
from audiosim.encoders.pooling import Pooler
from audiosim.indexing.decisions import AudioDecisions, Decision
from audiosim.indexing.plan import CONVICTED, ON_TRIAL
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, FileRow
from audiosim.library.scan import FoundFile
from audiosim.library.word_scores import WordScorer


class Ingest:
    """Takes what becomes of each file, and enters it into caches and catalog.

    Parameters
    ----------
    catalog : Catalog
        Where files and vectors are entered.
    cache : Cache
        Where embeddings are kept.
    pooler : Pooler
        Makes vectors of embeddings.
    scorer : WordScorer, optional
        Makes scores of words of them.
    files : iterable of FoundFile
        Those that will be opened.
    reread : set of bytes
        The paths of those that are known, and read only to see whether that is so.
    missing : iterable of FileRow
        Known files that were not found, from which a file of the same audio may have moved.
    alone : iterable of bytes
        Those of the files that are opened with no other beside them, as their decoder failed before.
    retry_failed : bool
        Whether audio that failed under another name is tried again.
    redecode : bool
        Whether known audio is computed again where decoding has changed for it since.
    """

    def __init__(
        self,
        catalog: Catalog,
        cache: Cache,
        pooler: Pooler,
        *,
        scorer: WordScorer | None = None,
        files: Iterable[FoundFile],
        reread: Set[bytes],
        missing: Iterable[FileRow],
        alone: Iterable[bytes] = (),
        retry_failed: bool,
        redecode: bool = False,
    ) -> None:
        self._catalog, self._cache, self._pooler, self._scorer = catalog, cache, pooler, scorer
        self.decisions = AudioDecisions(
            catalog, cache, pooler, reread=reread, retry_failed=retry_failed, redecode=redecode
        )
        self.unread: dict[bytes, str] = {}  # of `reread`: out of reach, and why
        self._reread = reread
        self.audio_seconds = 0.0
        self.stages: dict[str, float] = defaultdict(float)  # s, summed over processes
        self.moved: set[bytes] = set()  # paths of `missing` whose audio turned up elsewhere
        self._found = {file.path: file for file in files}
        self._missing: dict[str, list[bytes]] = defaultdict(list)
        self._missing_failed: set[str] = set()  # audio of missing files that had failed
        for row in missing:
            if row.digest is not None and row.state == "indexed":
                self._missing[row.digest].append(row.path)
            elif row.digest is not None:
                self._missing_failed.add(row.digest)
        self.deferred: list[bytes] = []  # files yet to be opened: what befell another says nothing of them
        self._alone = frozenset(alone)
        self._infos: dict[bytes, AudioInfo] = {}  # of files being computed
        self._waiting: dict[str, list[tuple[bytes, AudioInfo]]] = defaultdict(list)

    def take(self, event: FileEvent) -> Iterator[TrackOutcome]:
        """Enter what happened to a file, and give the files that are done with that."""
        match event:
            case Probed(path, info):
                yield from self._probed(path, info)
            case Embedded():
                yield from self._embedded(event)
            case Failed():
                yield from self._failed(event)

    def _probed(self, path: bytes, info: AudioInfo) -> Iterator[TrackOutcome]:
        decision = self.decisions.decision(path, info)
        if decision is Decision.COMPUTE:
            self._infos[path] = info
        elif decision is Decision.WAIT:
            self._waiting[info.digest].append((path, info))
        elif decision is Decision.KNOWN:
            yield self._known(path, info)
        else:
            yield self._failed_alike(path, info)

    def _failed_alike(self, path: bytes, info: AudioInfo) -> TrackOutcome:
        """A file whose audio failed before: known if it failed here, or under a name that is missing."""
        reason, row = self.decisions.reason(info), self._catalog.files.get(path)
        known = (row is not None and row.state == "failed") or info.digest in self._missing_failed
        self._catalog.files.record_failure(path, info.size, info.mtime_ns, reason, info)
        return TrackOutcome(path, "failed_before" if known else "failed", reason)

    def _embedded(self, event: Embedded) -> Iterator[TrackOutcome]:
        path, frames = event.path, event.frames
        info = replace(self._infos.pop(path), duration=event.duration)
        self.audio_seconds += info.duration
        for stage, seconds in event.stages.items():
            self.stages[stage] += seconds
        start = time.perf_counter()
        try:
            vector = self._pooler(frames)
        except AudioError as error:
            yield from self._unusable(path, info, error.reason)
            return
        self._cache.write(info, frames, event.dtype)
        with self._catalog.transaction():
            self._catalog.fingerprints.set(info.digest, event.fingerprint)
            self._catalog.files.record(path, info, vector)
            self._catalog.tracks.note_decoding(info.digest)
            if self._scorer is not None:
                self._scorer.enter(info.digest, frames)
        self.decisions.settle(info)
        self.stages["write"] += time.perf_counter() - start
        yield TrackOutcome(path, "indexed")
        for copy, copy_info in self._waiting.pop(info.digest, []):
            yield self._known(copy, copy_info)

    def _known(self, path: bytes, info: AudioInfo) -> TrackOutcome:
        """A file whose audio needs no network: moved, copied, retagged."""
        if self.decisions.unconcerned(info):
            self._catalog.tracks.note_decoding(info.digest)
        if path in self._reread and self._as_known(path, info):
            return TrackOutcome(path, "unchanged")
        info, vector = self.decisions.recovered(info)
        old = self._moved_from(path, info.digest)
        self._catalog.files.record(path, info, vector)
        if vector is not None:
            self._catalog.tracks.note_decoding(info.digest, self.decisions.decoding(info))
        if old is None:
            return TrackOutcome(path, "reused")
        self._catalog.files.drop([old])
        self.moved.add(old)
        return TrackOutcome(path, "moved")

    def _as_known(self, path: bytes, info: AudioInfo) -> bool:
        """Whether a file holds what the catalog says of it."""
        row, track = self._catalog.files.get(path), self._catalog.tracks.at(path)
        if row is None or track is None or row.state != "indexed":
            return False
        known = (row.size, row.mtime_ns, track.digest, track.tags)
        return known == (info.size, info.mtime_ns, info.digest, info.tags)

    def _moved_from(self, path: bytes, digest: str) -> bytes | None:
        if self._catalog.files.get(path) is not None:
            return None  # it was here before, with other tags
        if self._missing[digest]:
            return self._missing[digest].pop()
        # what is left out is gone, too, but may lie there yet
        gone = self._catalog.files.gone_with(digest)
        return next((path for path in gone if not os.path.lexists(path)), None)

    def _failed(self, event: Failed) -> Iterator[TrackOutcome]:
        info = self._infos.pop(event.path, None)
        if event.path in self._reread and self._stays(event, info):
            if info is not None:
                self._let_go(info)
            self.unread[event.path] = event.reason
            yield TrackOutcome(event.path, "unchanged")
        elif info is None:  # not even identified
            yield self._unopened(event)
        elif event.cause == "audio":
            yield from self._unusable(event.path, info, event.reason)
        else:
            yield self._unlucky(event, info)

    def _stays(self, event: Failed, info: AudioInfo | None) -> bool:
        """Whether what befell a known file says nothing against what is known of it."""
        row = self._catalog.files.get(event.path)
        if event.cause == "audio" or row is None:
            return False
        if row.state != "indexed":
            return info is None and event.cause == "file"
        return info is None or info.digest == row.digest

    def _unopened(self, event: Failed) -> TrackOutcome:
        """A file that was not even identified. Out of reach, it is tried by every run, and told once."""
        if event.cause == "decoder":
            return self._by_decoder(event)
        found = self._found[event.path]
        again = event.cause == "file"
        stamp = (-1, -1) if again else (found.size, found.mtime_ns)
        told = (again or event.path in self._reread) and self._failed_so(event.path, event.reason)
        self._catalog.files.record_failure(event.path, *stamp, event.reason)
        return TrackOutcome(event.path, "failed_before" if told else "failed", event.reason)

    def _unlucky(self, event: Failed, info: AudioInfo) -> TrackOutcome:
        """A failure that says nothing of the audio: copies of it get a try of their own."""
        self._let_go(info)
        if event.cause == "decoder":
            return self._by_decoder(event)
        self._catalog.files.record_failure(event.path, -1, -1, event.reason)
        return TrackOutcome(event.path, "failed", event.reason)

    def _let_go(self, info: AudioInfo) -> None:
        self.decisions.release(info)
        self.deferred += [copy for copy, _ in self._waiting.pop(info.digest, [])]

    def _by_decoder(self, event: Failed) -> TrackOutcome:
        """A crash or hang of the decoder: the file's fault only when it happens again, alone."""
        found = self._found[event.path]
        reason = event.reason + (CONVICTED if event.path in self._alone else ON_TRIAL)
        self._catalog.files.record_failure(event.path, found.size, found.mtime_ns, reason)
        return TrackOutcome(event.path, "failed", reason)

    def _unusable(self, path: bytes, info: AudioInfo, reason: str) -> Iterator[TrackOutcome]:
        """Audio that was identified but gives no vector: all files that hold it fail."""
        self.decisions.fail(info, reason)
        holders = [(path, info), *self._waiting.pop(info.digest, [])]
        told = {holder for holder, _ in holders if holder in self._reread and self._failed_so(holder, reason)}
        if self._catalog.tracks.vector(info.digest) is not None:
            self._withdraw(info, reason)
        for holder, own in holders:
            self._catalog.files.record_failure(holder, own.size, own.mtime_ns, reason, own)
            yield TrackOutcome(holder, "failed_before" if holder in told else "failed", reason)

    def _withdraw(self, info: AudioInfo, reason: str) -> None:
        """What an older decoding made of audio that is of no use: all files that hold it have failed."""
        for path in self._catalog.files.paths_with([info.digest]):
            row, track = self._catalog.files.get(path), self._catalog.tracks.at(path)
            if row is not None and row.state == "gone" and row.reason is None:
                self._catalog.files.drop([path])
            elif row is not None and row.state == "indexed" and track is not None:
                own = replace(info, size=row.size, mtime_ns=row.mtime_ns, tags=track.tags)
                self._catalog.files.record_failure(path, row.size, row.mtime_ns, reason, own)
        self._catalog.tracks.drop([info.digest])
        self._cache.path(info.digest).unlink(missing_ok=True)

    def _failed_so(self, path: bytes, reason: str) -> bool:
        """Whether a file is known to have failed for this reason."""
        row = self._catalog.files.get(path)
        return row is not None and (row.state, row.reason) == ("failed", reason)
