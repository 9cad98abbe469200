"""The decoding processes, seen from the main one: a bounded stream of events.

Each process has a thread that hands it files and passes on what it says. Blocks wait in a queue
bounded by samples, so that decoding runs ahead of the network but never fills the memory.
"""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, cast

from audiosim.audio.events import (
    Cause,
    DecodeEvent,
    Ended,
    EventQueue,
    Failed,
    Idle,
    Probed,
    QueueClosedError,
    Restarted,
    Samples,
    Shared,
)
from audiosim.audio.messages import Kind, info_from_json, receive, samples_from, send_json
from audiosim.audio.mixing import Mixing
from audiosim.core.child import start_child
from audiosim.core.errors import AudiosimError
from audiosim.core.threads import BLAS
from audiosim.core.types import AudioInfo, ResamplerName

if TYPE_CHECKING:
    from audiosim.core.stalls import Verdict, Watch

STALL_LIMIT = 10.0  # s that a process computes, or sleeps and waits for nothing, without a sign of progress
START_LIMIT = 60.0  # s, the same, for it to start
STARTS = 3  # times that a process is started which the system kills before it is ready
LOOK_INTERVAL = 0.2  # s
STOP_LIMIT = 5.0  # s for a killed process to be gone
IDLE_AFTER = 0.05  # s without a file on its way
QUEUED_SECONDS = 60.0  # of audio that may wait for the network
# A process is one thread: its matrix products must not take the network's processors.
ONE_THREAD = dict.fromkeys(BLAS, "1")


def every(path: bytes, info: AudioInfo) -> bool:
    """Want the samples of every file."""
    return True


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
    second_try : bool
        Whether a file whose decoder crashed or hung is tried once more, alone, after the others.
    mixing : {"best", "mean", "none"}
        What becomes of channels, as `decode_blocks` takes it; fingerprints are made of the best mix only.
    until : float
        How much of each file is wanted, in s.

    Used as a context manager; leaving it ends the processes at once.
    """

    def __init__(
        self,
        sample_rate: int,
        resampler: ResamplerName,
        *,
        jobs: int,
        want: Callable[[bytes, AudioInfo], bool] = every,
        second_try: bool = False,
        mixing: Mixing = "best",
        until: float = math.inf,
    ) -> None:
        self._job: dict[str, object] = {"sample_rate": sample_rate, "resampler": resampler}
        self._job |= {"mixing": mixing, "until": until}
        self._jobs = jobs
        self._want = want
        self._second_try = second_try
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
        struck = []
        for event in self._round(paths, self._jobs):
            if self._second_try and isinstance(event, Failed) and event.cause == "decoder":
                struck.append(event.path)
            else:
                yield event
        if struck:
            yield from self._round(struck, 1)

    def _round(self, paths: Iterable[bytes], jobs: int) -> Iterator[DecodeEvent]:
        remaining = Shared(paths)
        members = [_Member(self._job, remaining, self._want, self._queue) for _ in range(jobs)]
        self._members += members
        for member in members:
            member.start()
        threading.Thread(target=_watch, args=(members,), daemon=True).start()
        working, closed, idle = jobs, 0, True
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


def _watch(members: Sequence[_Member]) -> None:
    while any(member.is_alive() for member in members):
        for member in members:
            member.check()
        time.sleep(LOOK_INTERVAL)


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
        paths: Shared,
        want: Callable[[bytes, AudioInfo], bool],
        queue: EventQueue,
    ) -> None:
        super().__init__(daemon=True)
        self._job, self._paths, self._want, self._queue = job, paths, want, queue
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: Watch | None = None
        self._since: float | None = None  # while the process owes us a message: since when
        self._limit = STALL_LIMIT
        self._verdict: Verdict | None = None
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
        """Kills the process when it hangs, or is held up for too long."""
        watch, process = self._watch, self._process
        if watch is not None and process is not None:
            self._verdict = self._verdict or watch.verdict(self._since, self._limit)
            if self._verdict is not None:
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
            for pipe in (process.stdin, process.stdout, process.stderr):
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
                    ended = json.loads(payload)
                    ended["fingerprint"] = bytes.fromhex(ended["fingerprint"])
                    self._queue.put(Ended(path, **ended))
                    return
                elif kind is Kind.FAILED:
                    self._queue.put(Failed(path, **json.loads(payload)))
                    return
        except (EOFError, OSError):
            self._queue.put(Failed(path, *self._bury(process)))

    def _receive(self, pipe: BinaryIO, limit: float) -> tuple[Kind, bytes]:
        self._limit, self._since = limit, time.monotonic()
        try:
            return receive(pipe)
        finally:
            self._since = None

    def _start(self) -> subprocess.Popen[bytes]:
        for _ in range(STARTS):
            process = self._launch()
            try:
                self._receive(cast("BinaryIO", process.stdout), START_LIMIT)
            except (EOFError, OSError):
                killed = process.wait() < 0 and self._verdict is None  # for want of memory, most likely
                said = cast("BinaryIO", process.stderr).read().decode("utf-8", "replace").splitlines()
                reason, _ = self._bury(process)
            else:
                _close_quietly(cast("BinaryIO", process.stderr))  # its own leads nowhere by now
                return process
            if not killed:
                break
        raise AudiosimError(
            "A decoding process did not start",
            said[-1] if said else reason,
            f"Try: {sys.executable} -c 'import audiosim.audio.worker'",
        )

    def _launch(self) -> subprocess.Popen[bytes]:
        from audiosim.core.stalls import Watch

        if self._stopped:
            raise QueueClosedError
        try:
            process = start_child("audiosim.audio.worker", stderr=subprocess.PIPE, variables=ONE_THREAD)
        except OSError as error:
            raise AudiosimError(
                "A decoding process can't be started",
                error.strerror or str(error),
                "Close other programs, or give fewer `jobs`.",
            ) from error
        self._watch, self._process = Watch(process.pid), process
        _running.add(process)
        return process

    def _bury(self, process: subprocess.Popen[bytes]) -> tuple[str, Cause]:
        """Why the process ended, and what caused it; the next file gets a new one."""
        if self._stopped:
            raise QueueClosedError
        verdict = self._verdict
        if verdict is not None:
            process.kill()
        code = process.wait()
        self._process = self._watch = self._verdict = None
        _running.discard(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            _close_quietly(cast("BinaryIO", pipe))
        if verdict == "held up":
            return "its disk does not answer, or its decoder is stopped; the next run tries again", "file"
        if verdict == "hangs":
            return f"its decoder made no progress for {self._limit:g} s", "decoder"
        if code < 0:
            return f"its decoder crashed ({signal.Signals(-code).name})", "decoder"
        return f"its decoder ended (exit code {code})", "decoder"


def _close_quietly(pipe: BinaryIO) -> None:
    with suppress(OSError):  # unsent bytes to a process that is gone
        pipe.close()
