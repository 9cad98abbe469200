"""The store in processes of its own: a damaged index can crash whoever opens it.

A process is started, given one thing to do, and ends; see worker.py for what that can be. It holds
the store's lock while it works, and it is not disturbed when the one that asked is interrupted.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TypeVar, cast

from audiosim.core.child import start_child
from audiosim.core.errors import AudiosimError, StoreError

T = TypeVar("T")


class StoreProcess:
    """One process, which loads the engine while it is given nothing to do yet."""

    def __init__(self) -> None:
        self._process = start_child("audiosim.backends.worker", stderr=subprocess.PIPE)

    def __enter__(self) -> StoreProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def do(self, work: Callable[[], T], *, limit: float | None = None) -> T:
        """Have this done by the process.

        Parameters
        ----------
        work : Callable[[], T]
            A method of a `StoreWorker`, with its arguments.
        limit : float, optional
            Seconds that it may take.

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
        try:
            out, err = self._process.communicate(pickle.dumps(work), timeout=limit)
        except subprocess.TimeoutExpired as error:
            self.end()
            raise StoreError("The store does not answer", f"not within {limit:.0f} s") from error
        return cast("T", self._answer(out, err))

    def begin(self, work: Callable[[], object]) -> None:
        """Have this done without waiting for it."""
        stdin = cast("IO[bytes]", self._process.stdin)
        with suppress(BrokenPipeError):  # it has crashed already
            stdin.write(pickle.dumps(work))
            stdin.close()
        self._process.stdin = None

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Wait for its end, whatever that is."""
        self._process.communicate()

    def end(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()
        self._process.communicate()

    def _answer(self, out: bytes, err: bytes) -> object:
        code = self._process.returncode
        if code < 0:
            raise StoreError("The store crashed", signal.Signals(-code).name)
        if not out:
            lines = err.decode("utf-8", "replace").strip().splitlines()
            raise StoreError("The store failed", lines[-1] if lines else f"exit code {code}")
        answer = pickle.loads(out)  # noqa: S301  # of a process of ours
        if isinstance(answer, AudiosimError):
            raise answer
        return answer
