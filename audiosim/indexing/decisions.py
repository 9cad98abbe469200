"""Which audio needs the network: decided while files are being identified, in any thread."""

from __future__ import annotations

import threading
from collections.abc import Set
from dataclasses import replace
from enum import Enum

from audiosim.core.errors import AudioError
from audiosim.core.types import AudioInfo, TrackVector
from audiosim.encoders.pooling import Pooler
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.library.decoding import concerns


class Decision(Enum):
    """What to do about a file once its audio is identified."""

    COMPUTE = "compute"
    KNOWN = "known"  # its vector is in the catalog, or was pooled from the cache
    FAILED_BEFORE = "failed before"  # the same audio failed under another name
    WAIT = "wait"  # the same audio is being computed for another file


class AudioDecisions:
    """Hands each piece of audio to one file only.

    Parameters
    ----------
    catalog : Catalog
        Where vectors may be already.
    cache : Cache
        Where embeddings may be already.
    pooler : Pooler
        Makes vectors of these.
    reread : set of bytes
        Paths of files that are not known to have changed.
    retry_failed : bool
        Whether audio that failed before is tried again.
    redecode : bool
        Whether known audio is computed again where it was decoded by an older decoding, and that matters.
    """

    def __init__(
        self,
        catalog: Catalog,
        cache: Cache,
        pooler: Pooler,
        *,
        reread: Set[bytes] = frozenset(),
        retry_failed: bool,
        redecode: bool = False,
    ) -> None:
        self._cache, self._pooler = cache, pooler
        self._known = catalog.tracks.known_digests()
        self._failed = {} if retry_failed else catalog.files.failed_digests()
        self._failed_at = {path: d for path, d in catalog.files.failed_paths().items() if path not in reread}
        self._older = catalog.tracks.older_decodings() if redecode else set()
        self._redone: set[str] = set()
        self._unconcerned: set[str] = set()
        self._computing: set[str] = set()
        self._recovered: dict[str, tuple[TrackVector, float]] = {}
        self._decodings: dict[str, int] = {}
        self._decisions: dict[bytes, Decision] = {}
        self._lock = threading.Lock()

    def want(self, path: bytes, info: AudioInfo) -> bool:
        """Decide whether a file's audio is to be decoded; asked once a file, from any thread."""
        with self._lock:
            if self._failed_at.get(path) == info.digest:
                self._failed.pop(info.digest, None)  # the file has changed, if not in what the digest covers
            decision = Decision.COMPUTE if self._redo(info) else self._decide(info.digest)
            self._decisions[path] = decision
            return decision is Decision.COMPUTE

    def decision(self, path: bytes, info: AudioInfo) -> Decision:
        """Take what `want` decided for a file, brought up to date."""
        with self._lock:
            decision = self._decisions.pop(path)
            if decision is Decision.WAIT and info.digest not in self._computing:
                known = info.digest in self._known
                decision = Decision.KNOWN if known else Decision.FAILED_BEFORE
            return decision

    def recovered(self, info: AudioInfo) -> tuple[AudioInfo, TrackVector | None]:
        """Take the vector pooled from the cache for known audio, if that is where it was.

        Returns
        -------
        info : AudioInfo
            That given, with the decoded duration where the cache told it.
        vector : TrackVector or None
            None where the catalog has it.
        """
        with self._lock:
            vector, duration = self._recovered.pop(info.digest, (None, info.duration))
            return replace(info, duration=duration), vector

    def decoding(self, info: AudioInfo) -> int:
        """Tell by which decoding the cache was made that this audio's vector was pooled from."""
        with self._lock:
            return self._decodings.pop(info.digest)

    def reason(self, info: AudioInfo) -> str:
        """Tell why this audio failed."""
        with self._lock:
            return self._failed.get(info.digest, "another file with this audio failed")

    def settle(self, info: AudioInfo) -> None:
        """Note that this audio's vector is in the catalog."""
        with self._lock:
            self._computing.discard(info.digest)
            self._known.add(info.digest)

    def fail(self, info: AudioInfo, reason: str) -> None:
        """Note that this audio can't be used."""
        with self._lock:
            self._computing.discard(info.digest)
            self._failed[info.digest] = reason

    def release(self, info: AudioInfo) -> None:
        """Note that nothing was found out about this audio."""
        with self._lock:
            self._computing.discard(info.digest)
            if info.digest in self._redone:
                self._known.add(info.digest)

    def unconcerned(self, info: AudioInfo) -> bool:
        """Tell, once, whether today's decoding was seen to make no other windows of this audio."""
        with self._lock:
            seen = info.digest in self._unconcerned
            self._unconcerned.discard(info.digest)
            return seen

    def _redo(self, info: AudioInfo) -> bool:
        """Hand out known audio to be computed again, where it is decoded otherwise now."""
        if info.digest not in self._older:
            return False
        self._older.discard(info.digest)
        cached = self._cache.read(info.digest)
        if cached is None:
            return False
        if not concerns(cached, info.codec):
            self._unconcerned.add(info.digest)
            return False
        self._known.discard(info.digest)
        self._redone.add(info.digest)
        self._computing.add(info.digest)
        return True

    def _decide(self, digest: str) -> Decision:
        if digest in self._known:
            return Decision.KNOWN
        if digest in self._failed:
            return Decision.FAILED_BEFORE
        if digest in self._computing:
            return Decision.WAIT
        cached = self._cache.read(digest)
        if cached is not None:
            try:
                self._recovered[digest] = (self._pooler(cached.frames), cached.duration)
                self._decodings[digest] = cached.decoding
            except AudioError as error:
                self._failed[digest] = error.reason
                return Decision.FAILED_BEFORE
            self._known.add(digest)
            return Decision.KNOWN
        self._computing.add(digest)
        return Decision.COMPUTE
