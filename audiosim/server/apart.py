"""Answers that take long: made by the commands themselves, in processes of their own, one at a time.

They are kept as long as the index is the same. Who asks waits for a while, and is then told to come again.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiosim.server.problems import ProblemError

WAIT = 10.0  # s that a request waits
KEPT = 8  # answers
PROGRAM = (sys.executable, "-m", "audiosim")
NOTE = re.compile(r"^audiosim: ", re.MULTILINE)  # how each begins
DRAWING = (sys.executable, "-m", "audiosim.server.drawing")


@dataclass(frozen=True)
class Made:
    """What a command printed.

    Parameters
    ----------
    answer : bytes
        On stdout.
    notes : tuple of str
        What it said besides.
    """

    answer: bytes
    notes: tuple[str, ...] = ()


class _Task:
    """One command, and what it printed."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self.answer = b""
        self.notes: tuple[str, ...] = ()  # what it said besides
        self.error = ""


class Apart:
    """Runs commands over a home.

    Parameters
    ----------
    home : Path
        The home.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._turn, self._running = threading.Lock(), threading.Lock()
        self._tasks: OrderedDict[tuple[str | int, ...], _Task] = OrderedDict()
        self._stopped = False

    def run(
        self, words: Sequence[str], version: int, *, wait: float = WAIT, program: Sequence[str] = PROGRAM
    ) -> Made:
        """Give what a command prints.

        Parameters
        ----------
        words : sequence of str
            The command and its options.
        version : int
            Of the index: for another the answer is made anew.
        wait : float
            Seconds to wait for it.
        program : sequence of str
            What to run.

        Raises
        ------
        ProblemError
            If it fails, or takes longer: it goes on, and is there when it is asked for again.
        """
        key: tuple[str | int, ...] = (version, *program, *words)
        with self._turn:
            task = self._tasks.get(key)
            if task is None:
                task = self._tasks[key] = _Task()
                threading.Thread(target=self._work, args=(task, [*program, *words]), daemon=True).start()
            self._tasks.move_to_end(key)
            while len(self._tasks) > KEPT:
                self._drop(next(iter(self._tasks)))
        if not task.done.wait(wait):
            raise ProblemError(
                503, "This is being made", "it takes a while", "Ask again.", {"Retry-After": "2"}
            )
        if task.error:
            with self._turn:
                self._tasks.pop(key, None)
            raise ProblemError(422, f"{words[0]} failed" if words else "It failed", task.error)
        return Made(task.answer, task.notes)

    def json(self, words: Sequence[str], version: int) -> Any:
        """Give what a command prints with ``--json``, as `run` does."""
        return json.loads(self.run([*words, "--json"], version).answer)

    def stop(self) -> None:
        """End all that runs, at once."""
        with self._turn:
            self._stopped = True
            for key in list(self._tasks):
                self._drop(key)

    def _drop(self, key: tuple[str | int, ...]) -> None:
        process = self._tasks.pop(key).process
        if process is not None and process.poll() is None:
            process.kill()

    def _work(self, task: _Task, command: list[str]) -> None:
        with self._running:
            with self._turn:
                if self._stopped:
                    return
                task.process = subprocess.Popen(
                    [*command, "--home", str(self._home)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            task.answer, said = task.process.communicate()
        if task.process.returncode:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            task.error = lines[-1].removeprefix("audiosim: ") if lines else "it was ended"
        else:
            told = NOTE.split(said.decode("utf-8", "replace"))[1:]
            task.notes = tuple(note.strip() for note in told)
        task.done.set()
