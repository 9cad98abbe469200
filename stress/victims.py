"""Processes to be killed: an index run with all it starts, in a session of its own (Linux)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

RUN_LIMIT = 300.0  # s after which a run that is left alone counts as hung
ORPHAN_LIMIT = 15.0  # s for what a killed run had started to end by itself
TRACE = Path(__file__).parent / "trace"


@dataclass(frozen=True)
class Line:
    """A line of the log that trace/sitecustomize.py writes."""

    time: float  # s
    word: str
    value: str


class Victim:
    """A command that is running; its log, and what it prints, are kept in files of `folder`."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.out, self.err, self._log = folder / "run.out", folder / "run.err", folder / "run.log"
        self._log.unlink(missing_ok=True)
        paths = [str(TRACE), *filter(None, [os.environ.get("PYTHONPATH")])]
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(paths),
                    "AUDIOSIM_STRESS_LOG": str(self._log),
                    "TMPDIR": str(temporary(folder)),
                },
                start_new_session=True,
            )

    @property
    def code(self) -> int | None:
        """The exit code, once it has ended."""
        return self._process.poll()

    def ends_within(self, seconds: float) -> bool:
        """Waits; whether it ended by itself."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kills it and everything it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def kill_alone(self) -> float | None:
        """Kills the main process; s until the rest is gone too, None if it had to be killed as well."""
        self._process.kill()
        self._process.wait()
        start = time.monotonic()
        while self._left():
            if time.monotonic() - start > ORPHAN_LIMIT:
                os.killpg(self._process.pid, signal.SIGKILL)
                return None
            time.sleep(0.05)
        return time.monotonic() - start

    def said(self) -> str:
        """The end of what it wrote to stderr."""
        return self.err.read_text(errors="replace").strip()[-600:]

    def lines(self) -> list[Line]:
        """What it has noted so far."""
        if not self._log.exists():
            return []
        whole = self._log.read_text().rpartition("\n")[0]
        parts = (line.split(" ", 2) for line in whole.splitlines())
        return [Line(float(seconds), word, value) for seconds, word, value in parts]

    def phase(self) -> str:
        """Where it was, by what it last noted."""
        lines = self.lines()
        if not lines:
            return "nothing noted yet"
        last = lines[-1]
        if last.word == "windows":
            return "computing"
        return f"in Chroma's {last.word}" if last.value == "begin" else f"after Chroma's {last.word}"

    def _left(self) -> bool:
        """Whether processes of its session are alive."""
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self._process.pid and fields[0] not in "ZX":
                return True
        return False


def temporary(folder: Path) -> Path:
    """The folder for temporary files of runs whose output is in `folder`."""
    path = folder / "tmp"
    path.mkdir(exist_ok=True)
    return path
