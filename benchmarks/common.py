"""What the benchmark programs share: the machine, paired timings, a reference process, output."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Figures = dict[str, float]

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "golden"))


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option every program has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--json", action="store_true", help="print one JSON document")
    return made


def machine() -> dict[str, Any]:
    """The machine that the figures are of."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return {"cpu": model, "processors": os.cpu_count(), "python": platform.python_version()}


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call in s."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def pairs(first: Callable[[], float], second: Callable[[], float], count: int) -> dict[str, Any]:
    """Alternating timings in s of two functions, and the ratio second / first of each pair."""
    timings = [(first(), second()) for _ in range(count)]
    ratios = [b / a for a, b in timings]
    return {
        "first": spread([a for a, _ in timings]),
        "second": spread([b for _, b in timings]),
        "ratio": spread(ratios),
        "pairs": count,
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def shown(figures: dict[str, float], unit: str = "", scale: float = 1.0) -> str:
    """A spread for people."""
    middle, least, most = (figures[name] * scale for name in ("median", "min", "max"))
    return f"{middle:.3g}{unit} ({least:.3g} to {most:.3g})"


class Reference:
    """The real openl3 in an environment of its own, answering one command a line."""

    def __init__(self, python: str, weights: Path, *arguments: str) -> None:
        program = Path(__file__).parent / "reference_openl3.py"
        self._process = subprocess.Popen(
            [python, str(program), str(weights), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __call__(self, command: str = "go") -> float:
        """Carries out a command; the seconds it took there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        while not (line := self._process.stdout.readline()).startswith("seconds "):
            if not line:
                raise SystemExit("the reference process ended; run reference_openl3.py by hand to see why")
        return float(line.split()[1])

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()


@contextmanager
def peak_memory(pid: int) -> Iterator[list[int]]:
    """While the block runs, samples the resident bytes of a process and those below it (Linux)."""
    import threading

    peak, done = [0], threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], tree_memory(pid))

    thread = threading.Thread(target=sample)
    thread.start()
    yield peak
    done.set()
    thread.join()


def tree_memory(pid: int, parent: bytes = b"") -> int:
    """Resident bytes of a process and those below it, now."""
    folder = Path(f"/proc/{pid}")
    try:
        name = (folder / "cmdline").read_bytes()
        resident = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        children = [int(word) for task in folder.glob("task/*/children") for word in task.read_text().split()]
    except (OSError, IndexError):
        return 0
    if name == parent:  # between fork and exec: the same memory
        return 0
    return resident + sum(tree_memory(child, name) for child in children)


def used(line: list[str], **how: Any) -> dict[str, float]:
    """What a command takes: seconds by the clock and of processor, bytes at most; errors end the benchmark.

    Where other work runs beside it, the seconds of processor tell more. `how` goes to `subprocess.Popen`.
    """
    start = time.perf_counter()
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **how)
    assert process.stderr is not None
    with peak_memory(process.pid) as peak:
        told = process.stderr.read()
        _, status, resources = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(line)}: exit code {process.returncode}: {told[-500:]}")
    return {
        "seconds": time.perf_counter() - start,
        "processor": resources.ru_utime + resources.ru_stime,
        "peak bytes": peak[0],
    }


def measured(function: Callable[[], object]) -> Figures:
    """What a call takes in this process and those that it starts."""
    clock, before = time.perf_counter(), os.times()
    with peak_memory(os.getpid()) as peak:
        function()
    after = os.times()
    return {
        "seconds": time.perf_counter() - clock,
        "processor": sum(after[:4]) - sum(before[:4]),
        "peak bytes": peak[0],
    }


def report(results: dict[str, Any], lines: list[str], *, as_json: bool) -> None:
    """Prints a program's results, with the machine and the command."""
    results = {"machine": machine(), "command": " ".join(sys.argv), **results}
    print(json.dumps(results, indent=1) if as_json else "\n".join(lines))
