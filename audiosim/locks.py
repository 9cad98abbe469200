"""Locks between processes. The operating system releases them when their holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from audiosim.errors import HomeError, LockedError


@contextmanager
def hold(path: Path, *, wait: float, what: str) -> Iterator[None]:
    """Holds the lock file `path`, waiting up to `wait` seconds for it.

    Raises
    ------
    LockedError : when another process still holds it; `what` says what that process is doing.
    HomeError : when the lock file can't be made.
    """
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=wait)
    except filelock.Timeout as error:
        raise LockedError(
            f"Another audiosim is {what}",
            f"it holds {path}",
            "Let it finish, or wait for it with --wait SECONDS.",
        ) from error
    except OSError as error:
        raise HomeError(
            f"Can't lock {path}", error.strerror or str(error), "Check the folder's permissions."
        ) from error
    try:
        yield
    finally:
        lock.release()
