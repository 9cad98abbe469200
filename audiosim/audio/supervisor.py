"""The decoding processes, seen from the main one: a bounded stream of events.

Each process has a thread that hands it files and passes on what it says. Blocks wait in a queue
bounded by samples, so that decoding runs ahead of the network but never fills the memory.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, cast

from audiosim.audio.events import (
    DecodeEvent,
    Ended,
    EventQueue,
    Failed,
    Idle,
    Probed,
    QueueClosedError,
    Restarted,
    Samples,
)
from audiosim.audio.messages import Kind, info_from_json, receive, samples_from, send_json
from audiosim.core.child import start_child
from audiosim.core.errors import AudiosimError
from audiosim.core.types import AudioInfo, ResamplerName

STALL_LIMIT = 10.0  # s without a sign of progress
START_LIMIT = 60.0  # s for a process to start on a busy machine
STOP_LIMIT = 5.0  # s for a killed process to be gone
IDLE_AFTER = 0.05  # s without a file on its way
QUEUED_SECONDS = 60.0  # of audio that may wait for the network
# A process is one thread: its matrix products must not take the network's processors.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


class DecodeSupervisor:
    """Decodes files in several processes.

    Parameters
    ----------
    sample_rate : int
        Of the samples to give, in Hz.
    resampler : {"kaiser_best", "soxr_hq"}
        How they are brought to that rate.
    jobs : int
        The number of processes; each starts when there is a file for it.
    want : callable
        Asked, from a thread, for each file identified: whether to decode it.

    Used as a context manager; leaving it ends the processes at once.
    """

    def __init__(
        self,
        sample_rate: int,
        resampler: ResamplerName,
        *,
        jobs: int,
        want: Callable[[bytes, AudioInfo], bool] = lambda path, info: True,
    ) -> None:
        self._job: dict[str, object] = {"sample_rate": sample_rate, "resampler": resampler}
        self._jobs = jobs
        self._want = want
        self._queue = EventQueue(int(QUEUED_SECONDS * sample_rate))
        self._members: list[_Member] = []
        self.waited = 0.0  # s that the reader of `events` spent waiting

    def __enter__(self) -> DecodeSupervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.close()
        for member in self._members:
            member.stop()

    def events(self, paths: Iterable[bytes]) -> Iterator[DecodeEvent]:
        """Give what happens to each file, in each file's own order; files interleave.

        `paths` may block until there is another; an `Idle` tells when that takes a while.

        Raises
        ------
        AudiosimError
            If decoding processes can't be started at all.
        """
        remaining = _Shared(paths)
        watch = threading.Thread(target=self._watch, daemon=True)
        for _ in range(self._jobs):
            member = _Member(self._job, remaining, self._want, self._queue)
            self._members.append(member)
            member.start()
        watch.start()
        working, closed, idle = len(self._members), 0, True
        while working:
            start = time.perf_counter()
            event = self._queue.get(IDLE_AFTER if remaining.dry(closed) and not idle else None)
            self.waited += time.perf_counter() - start
            idle = isinstance(event, Idle)
            if event is None:
                working -= 1
            elif isinstance(event, BaseException):
                raise event
            elif not idle or remaining.dry(closed):  # still
                closed += _closes(event)
                yield event

    def _watch(self) -> None:
        while any(member.is_alive() for member in self._members):
            for member in self._members:
                member.check()
            time.sleep(0.2)


def _closes(event: DecodeEvent) -> bool:
    """Whether nothing more comes of the file."""
    return isinstance(event, Ended | Failed) or (isinstance(event, Probed) and not event.wanted)


_running: set[subprocess.Popen[bytes]] = set()


def kill_workers() -> None:
    """End all decoding processes, of every supervisor, when there is no time for more."""
    for process in list(_running):
        process.kill()


class _Member(threading.Thread):
    """One decoding process and the thread that talks to it."""

    def __init__(
        self,
        job: dict[str, object],
        paths: _Shared,
        want: Callable[[bytes, AudioInfo], bool],
        queue: EventQueue,
    ) -> None:
        super().__init__(daemon=True)
        self._job, self._paths, self._want, self._queue = job, paths, want, queue
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline: float | None = None  # while the process owes us a message
        self._stalled = False
        self._stopped = False

    def run(self) -> None:
        try:
            while (path := self._paths.next()) is not None:
                self._put(path)
        except QueueClosedError:
            pass
        except BaseException as error:  # handed to the main thread, which raises it
            self._queue.fail(error)
        finally:
            self.stop()
            self._queue.done()

    def check(self) -> None:
        """Kills the process when it has made no progress for too long."""
        deadline, process = self._deadline, self._process
        if deadline is not None and process is not None and time.monotonic() > deadline:
            self._stalled = True
            process.kill()

    def stop(self) -> None:
        """Ends the process at once."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()
            _running.discard(process)
            with suppress(subprocess.TimeoutExpired):  # a process stuck in a dead disk can't be waited for
                process.wait(STOP_LIMIT)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None and threading.current_thread() is self:
                    _close_quietly(cast("BinaryIO", pipe))

    def _put(self, path: bytes) -> None:
        """One file: everything the process says of it goes into the queue."""
        if self._process is not None and self._process.poll() is not None:
            self._bury(self._process)  # it ended after the last file, which was done
        process = self._process or self._start()
        stdin, stdout = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        try:
            send_json(stdin, Kind.JOB, {**self._job, "path": path.hex()})
            while True:
                kind, payload = self._receive(stdout, STALL_LIMIT)
                if kind is Kind.PROBED:
                    info = info_from_json(payload)
                    wanted = self._want(path, info)
                    self._queue.put(Probed(path, info, wanted))
                    send_json(stdin, Kind.ANSWER, wanted)
                    if not wanted:
                        return
                elif kind is Kind.SAMPLES:
                    self._queue.put(Samples(path, samples_from(payload)))
                elif kind is Kind.RESTARTED:
                    self._queue.put(Restarted(path))
                elif kind is Kind.ENDED:
                    self._queue.put(Ended(path, **json.loads(payload)))
                    return
                elif kind is Kind.FAILED:
                    self._queue.put(Failed(path, **json.loads(payload)))
                    return
        except (EOFError, OSError):
            reason = self._bury(process)
            self._queue.put(Failed(path, reason, "decoder"))

    def _receive(self, pipe: BinaryIO, limit: float) -> tuple[Kind, bytes]:
        self._deadline = time.monotonic() + limit
        try:
            return receive(pipe)
        finally:
            self._deadline = None

    def _start(self) -> subprocess.Popen[bytes]:
        if self._stopped:
            raise QueueClosedError
        process = start_child("audiosim.audio.worker", variables=ONE_THREAD)
        self._process = process
        _running.add(process)
        try:
            self._receive(cast("BinaryIO", process.stdout), START_LIMIT)
        except (EOFError, OSError) as error:
            if self._stopped:
                raise QueueClosedError from error
            raise AudiosimError(
                "A decoding process did not start",
                self._bury(process),
                f"Try: {sys.executable} -c 'import audiosim.audio.worker'",
            ) from error
        return process

    def _bury(self, process: subprocess.Popen[bytes]) -> str:
        """Why the process ended; the next file gets a new one."""
        if self._stopped:
            raise QueueClosedError
        if self._stalled:
            process.kill()
        code = process.wait()
        self._process = None
        _running.discard(process)
        stalled, self._stalled = self._stalled, False
        for pipe in (process.stdin, process.stdout):
            _close_quietly(cast("BinaryIO", pipe))
        if stalled:
            return f"its decoder made no progress for {STALL_LIMIT:g} s"
        if code < 0:
            return f"its decoder crashed ({signal.Signals(-code).name})"
        return f"its decoder ended (exit code {code})"


def _close_quietly(pipe: BinaryIO) -> None:
    with suppress(OSError):  # unsent bytes to a process that is gone
        pipe.close()


class _Shared:
    """An iterable that several threads draw from."""

    def __init__(self, items: Iterable[bytes]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()
        self._drawn = 0
        self._ended = False

    def next(self) -> bytes | None:
        with self._lock:
            item = next(self._items, None)
            self._drawn += item is not None
            self._ended = item is None
            return item

    def dry(self, closed: int) -> bool:
        """Whether all that came is among the `closed` ones, and more may come."""
        return self._drawn == closed and not self._ended
