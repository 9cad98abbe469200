"""The store in processes of its own: a damaged index can crash whoever opens it.

A process is started, given one thing to do, and ends; see worker.py for what that can be. It holds
the store's lock while it works, and it is not disturbed when the one that asked is interrupted.
"""

from __future__ import annotations

import pickle
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from subprocess import PIPE, TimeoutExpired
from typing import IO, Any, TypeVar, cast

from audiosim.core.child import start_child
from audiosim.core.errors import AudiosimError, StoreError

T = TypeVar("T")
PROGRESS_LIMIT = 300.0  # s that a process computes, or waits for nothing but a server, without progress
LOOK_INTERVAL = 0.2  # s
STOP_LIMIT = 5.0  # s for a killed process to be gone
EXIT_LIMIT = 10.0  # s for one that has said all to end


class Sign(Enum):
    """What a process says beside its answer."""

    PROGRESS = "progress"
    END = "end"  # nothing more comes


class StoreProcess:
    """One process, which loads the engine while it is given nothing to do yet."""

    def __init__(self) -> None:
        self._process = start_child("audiosim.backends.worker", stderr=PIPE)
        self._said: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._errors = b""
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> StoreProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def do(
        self,
        work: Callable[[], T],
        *,
        limit: float | None = None,
        within: float | None = None,
        on_progress: Callable[[], object] = lambda: None,
    ) -> T:
        """Have this done by the process.

        Parameters
        ----------
        work : Callable[[], T]
            A method of a `StoreWorker`, with its arguments.
        limit : float, optional
            Seconds that it may compute, or wait for nothing but a server, without progress; by default
            PROGRESS_LIMIT. Those in which it waits for the disk or is stopped do not count.
        within : float, optional
            Seconds, of whatever kind, after which nobody waits for it any more.
        on_progress : Callable[[], object]
            Called after each step of long work.

        Returns
        -------
        object
            What it returned.

        Raises
        ------
        StoreError
            If the store fails, crashes or does not answer.
        AudiosimError
            What it raised: a `LockedError` where another process uses the store.
        """
        self._hand_over(work)
        return cast("T", self._answer(self._heard(limit or PROGRESS_LIMIT, within, on_progress)))

    def begin(self, work: Callable[[], object]) -> None:
        """Have this done without waiting for it."""
        self._hand_over(work)

    def _hand_over(self, work: Callable[[], object]) -> None:
        self._threads = [
            threading.Thread(target=self._talk, args=(pickle.dumps(work),), daemon=True),
            threading.Thread(target=self._listen, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Wait for the end of what was begun, whatever that is."""
        with suppress(StoreError):
            self._heard(PROGRESS_LIMIT, None, lambda: None)

    def end(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()
        with suppress(TimeoutExpired):  # a process stuck in a dead disk can't be waited for
            self._process.wait(STOP_LIMIT)
        for thread in self._threads:
            thread.join(STOP_LIMIT)
        if not self._threads:
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                cast("IO[bytes]", pipe).close()

    def _talk(self, work: bytes) -> None:
        """Hand it its work, and pass on what it says; in a thread."""
        stdin, stdout = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        with suppress(OSError), stdin:  # it may have crashed already
            stdin.write(work)
        try:
            with stdout, suppress(EOFError, pickle.UnpicklingError):  # as it ends, or is killed
                while True:
                    self._said.put(pickle.load(stdout))  # noqa: S301  # of a process of ours
        finally:
            self._said.put(Sign.END)

    def _listen(self) -> None:
        """Take what it writes on stderr, so that it never waits for that; in a thread."""
        with cast("IO[bytes]", self._process.stderr) as stderr:
            self._errors = stderr.read()

    def _heard(self, limit: float, within: float | None, on_progress: Callable[[], object]) -> list[object]:
        """All it says but signs, once it has ended."""
        said: list[object] = []
        start = since = time.monotonic()
        watch: Any = None
        while True:
            if within is not None and time.monotonic() - start > within:
                raise self._given_up(f"not within {within:g} s")
            try:
                one = self._said.get(timeout=LOOK_INTERVAL)
            except queue.Empty:
                watch = watch or self._watch()
                if watch.verdict(since, limit) is not None:
                    raise self._given_up(f"it made no progress for {limit:.0f} s") from None
                continue
            if one is Sign.END:
                self._see_it_out()
                return said
            since = time.monotonic()
            if one is Sign.PROGRESS:
                on_progress()
            else:
                said.append(one)

    def _see_it_out(self) -> None:
        """Wait for the end of a process that has said all; one that does not end is killed."""
        try:
            self._process.wait(EXIT_LIMIT)
        except TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_LIMIT)
        for thread in self._threads:
            thread.join(STOP_LIMIT)

    def _given_up(self, why: str) -> StoreError:
        self.end()
        return StoreError("The store does not answer", why)

    def _watch(self) -> Any:
        from audiosim.core.stalls import Watch

        return Watch(self._process.pid)

    def _answer(self, said: list[object]) -> object:
        code = self._process.returncode
        if code < 0 and not said:
            raise StoreError("The store crashed", signal.Signals(-code).name)
        if not said:
            lines = self._errors.decode("utf-8", "replace").strip().splitlines()
            raise StoreError("The store failed", lines[-1] if lines else f"exit code {code}")
        answer = said[-1]
        if isinstance(answer, AudiosimError):
            raise answer
        return answer
