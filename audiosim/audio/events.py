"""What the decoding processes report, and the bounded queue that it waits in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from audiosim.core.types import AudioInfo, Float32, FrameEmbeddings

Cause = Literal["audio", "decoder", "file"]
UNKNOWN = "unknown"  # the codec of a file that no demuxer reads


@dataclass(frozen=True)
class Probed:
    """A file was identified; ``wanted``: its samples follow."""

    path: bytes
    info: AudioInfo
    wanted: bool


@dataclass(frozen=True)
class Samples:
    """Part of a file's signal at the rate asked for: float32 (n,), or (n, channels) where they stay apart."""

    path: bytes
    samples: Float32


@dataclass(frozen=True)
class Restarted:
    """Another decoder starts the file again: its samples so far are void."""

    path: bytes


@dataclass(frozen=True)
class Ended:
    """All samples of a file have been given.

    ``duration`` is decoded audio, ``seconds`` the processor time it took, both in s; ``fingerprint``
    is packed, as audio/fingerprint.py does; empty but of the best mix.
    """

    path: bytes
    duration: float
    seconds: float
    fingerprint: bytes = b""


@dataclass(frozen=True)
class Failed:
    """A file can't be used; nothing more comes of it.

    ``cause``: "audio", and its content will always fail; "decoder", which hung or crashed; or
    "file", which could not be read this time.
    """

    path: bytes
    reason: str
    cause: Cause


@dataclass(frozen=True)
class Embedded:
    """A file was decoded and embedded: all that is to be said of it.

    ``duration`` is decoded audio in s; ``dtype`` what the network computed in; ``stages`` the
    seconds by stage since the file before: "waiting for input", "decode", and those of the encoder;
    ``fingerprint`` as of `Ended`.
    """

    path: bytes
    frames: FrameEmbeddings
    duration: float
    dtype: str
    stages: Mapping[str, float]
    fingerprint: bytes = b""


@dataclass(frozen=True)
class Loading:
    """The encoder is loaded now, for the first window that needs it, which is this file's."""

    path: bytes


@dataclass(frozen=True)
class Advanced:
    """So many seconds of a file's audio, from its beginning, have gone through the network."""

    path: bytes
    seconds: float


@dataclass(frozen=True)
class Idle:
    """No file is on its way: every one handed out is done, and the next has not come for a while."""


DecodeEvent = Probed | Samples | Restarted | Ended | Failed | Idle
FileEvent = Probed | Loading | Advanced | Embedded | Failed


class Shared:
    """An iterable that several threads draw from."""

    def __init__(self, items: Iterable[bytes]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()
        self._drawn = 0
        self._ended = False

    def next(self) -> bytes | None:
        """Take one; None when there are no more."""
        with self._lock:
            item = next(self._items, None)
            self._drawn += item is not None
            self._ended = item is None
            return item

    def dry(self, closed: int) -> bool:
        """Whether all that came is among the `closed` ones, and more may come."""
        return self._drawn == closed and not self._ended


class QueueClosedError(Exception):
    """The supervisor is ending."""


class EventQueue:
    """Events on their way, with a bound on the samples among them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._samples = 0
        self._items: deque[DecodeEvent | BaseException | None] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, event: DecodeEvent) -> None:
        """Add an event, waiting while too many samples are queued."""
        weight = _weight(event)
        with self._changed:
            while weight and self._samples >= self._limit and not self._closed:
                self._changed.wait()
            if self._closed:
                raise QueueClosedError
            self._samples += weight
            self._items.append(event)
            self._changed.notify_all()

    def done(self) -> None:
        """Tell the reader that one writer has no more."""
        with self._changed:
            self._items.append(None)
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Have the reader raise `error`."""
        with self._changed:
            self._items.append(error)
            self._changed.notify_all()

    def get(self, timeout: float | None = None) -> DecodeEvent | BaseException | None:
        """Take the next event, an error to raise, or None for a writer that ended; Idle after `timeout` s."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._items, timeout):
                return Idle()
            event = self._items.popleft()
            if isinstance(event, Samples):
                self._samples -= _weight(event)
            self._changed.notify_all()
            return event

    def close(self) -> None:
        """Let waiting writers give up."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _weight(event: DecodeEvent) -> int:
    return event.samples.size if isinstance(event, Samples) else 0
