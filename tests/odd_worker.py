"""A decoding process that does odd things on its own: what it does, a file's name says."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from audiosim.audio import worker
from audiosim.audio.decode import Block, decode_blocks


def spin() -> None:
    while True:
        pass


def sleep() -> None:
    time.sleep(1000)


def lack_memory() -> None:
    raise MemoryError


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


AT_START = "ODD_WORKER_IS_KILLED_AT_ITS_START"
ACTS: dict[str, Callable[[], None]] = {
    "spins": spin,
    "sleeps": sleep,
    "lacks memory": lack_memory,
    "crashes": crash,
    "is killed": be_killed,
}


def act(path: Path) -> None:
    """Does what a file's name says; with "once", only if it has not been done."""
    done = path.with_name(f".{path.name}.done")
    for word, do in ACTS.items():
        if word in path.name and not ("once" in path.name and done.exists()):
            done.touch()
            do()


def main() -> None:
    if AT_START in os.environ:
        be_killed()

    def decode(path: str, *more: Any, **options: Any) -> Iterator[Block | None]:
        act(Path(path))
        yield from decode_blocks(path, *more, **options)

    worker.decode_blocks = decode  # type: ignore
    worker.main()
