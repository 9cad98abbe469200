"""The store in processes of its own: a damaged index can crash whoever opens it.

A process is started, asked one thing, and ends. It holds the store's lock while it works, and it
is not disturbed when the one that asked is interrupted.
"""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import suppress
from typing import IO, Any, cast

from audiosim.core.child import start_child
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, HomeError, LockedError, StoreAwayError, StoreError, UsageError

ERRORS: dict[str, type[AudiosimError]] = {
    e.__name__: e for e in (AudiosimError, HomeError, LockedError, StoreAwayError, StoreError, UsageError)
}


class StoreProcess:
    """One process, which loads the engine while nothing is asked yet."""

    def __init__(self) -> None:
        self._process = start_child("audiosim.backends.worker", stderr=subprocess.PIPE)

    def __enter__(self) -> StoreProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.running:
            self.end()

    def ask(self, action: str, home: Home, *, limit: float | None = None, **arguments: Any) -> Any:
        """The answer of a function of worker.py, within `limit` seconds.

        Raises
        ------
        StoreError : when the store fails, crashes or does not answer.
        LockedError : when another process uses it.
        HomeError : when the catalog or the lock can't be used.
        """
        try:
            self.send(action, home, **arguments)
            out, err = self._process.communicate(timeout=limit)
        except subprocess.TimeoutExpired as error:
            self.end()
            raise StoreError("The store does not answer", f"not within {limit:.0f} s") from error
        return self._understood(out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    def send(self, action: str, home: Home, **arguments: Any) -> None:
        """Asks without waiting for the answer."""
        stdin = cast("IO[bytes]", self._process.stdin)
        with suppress(BrokenPipeError):  # it has crashed already, which its exit code tells
            stdin.write(json.dumps([action, str(home.path), arguments]).encode())
            stdin.close()
        self._process.stdin = None

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Waits for its end, whatever that is."""
        self._process.communicate()

    def end(self) -> None:
        """Ends it at once, if it has not ended."""
        self._process.kill()
        self._process.communicate()

    def _understood(self, out: str, err: str) -> Any:
        code = self._process.returncode
        if code < 0:
            raise StoreError("The store crashed", signal.Signals(-code).name)
        lines = (out.splitlines() or [""])[-1], (err.strip().splitlines() or [f"exit code {code}"])[-1]
        try:
            answer = json.loads(lines[0])
        except ValueError as error:
            raise StoreError("The store failed", lines[1]) from error
        if "error" in answer:
            kind, what, why, remedy = answer["error"]
            raise ERRORS[kind](what, why, remedy)
        return answer["value"]


def ask_store(action: str, home: Home, *, limit: float | None = None, **arguments: Any) -> Any:
    """What `StoreProcess.ask` answers, of a process started for it."""
    return StoreProcess().ask(action, home, limit=limit, **arguments)
