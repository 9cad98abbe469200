"""A log file for runs that nobody watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from audiosim.core.errors import AudiosimError


@contextmanager
def logging_to(path: Path | None) -> Iterator[Callable[[str], None]]:
    """A function that appends messages to a file, each line with its time; without a path, it drops them.

    What ends the block early is written there too.

    Raises
    ------
    AudiosimError : when the file can't be written to.
    """
    if path is None:
        yield lambda text: None
        return
    try:
        file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise AudiosimError(f"Can't write to the log file {path}", error.strerror or str(error)) from error

    def write(text: str) -> None:
        now = time.strftime("%Y-%m-%d %H:%M:%S%z")
        file.writelines(f"{now} {line}\n" for line in text.splitlines())

    with file:
        try:
            yield write
        except BaseException as error:
            write(f"audiosim: {_ending(error)}")
            raise


def _ending(error: BaseException) -> str:
    if isinstance(error, AudiosimError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"ended by a signal (exit code {error.code})"
    return f"{type(error).__name__}: {error}"
