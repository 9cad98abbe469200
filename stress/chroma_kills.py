"""kill -9 inside bursts of writes to Chroma, at 20,000 vectors; Chroma must be whole again afterwards.

usage: python stress/chroma_kills.py [--rounds N] [--rows N] [--seed N]

Each round changes a share of the catalog's rows (new vectors, gone, returned, added), starts an index
run that has only these to write, and kills it in a chosen call of Chroma, a random time after it began.
One time in three, the run that repairs is killed as well. Then `similar` must answer as exact search
does, and after the next whole `audiosim index` Chroma must hold the catalog's vectors and no others.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from checks import ask, chroma, chroma_faults, database_faults, snapshot
from victims import RUN_LIMIT, Victim

from audiosim.core.config import Home
from audiosim.core.paths import identity
from audiosim.core.types import AudioInfo, EncoderSpec, Float32, Framing, TrackVector
from audiosim.library.catalog import Catalog, Configuration

RATE = 8_000  # Hz
DIMENSION = 512
CLUSTERS = 200
SPEC = EncoderSpec("synthetic", 1, (), "none", RATE, "soxr_hq", 1.0, DIMENSION, Framing(RATE, RATE))
CHANGED, GONE, ADDED = 0.1, 0.075, 0.075  # of the rows, each round
PHASES = ("open", "delete", "upsert", "close")
TYPICAL = 0.2  # s in a call that was never seen to end
REPAIR = 4.0  # s that the first repair may take
SHORTEST = 0.001  # s of a call that has something to do
SECOND_KILL = 1 / 3  # of the runs that repair
TOLERANCE = 1e-5  # of each of a vector's numbers in Chroma
QUERIES = 50
POLL = 0.002  # s


@dataclass
class Tally:
    """What was tried, and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    repairs: list[float] = field(default_factory=list)  # s of a whole run after a kill
    notices: Counter[str] = field(default_factory=Counter)
    recall: float = 1.0  # the worst

    def fault(self, text: str) -> None:
        where = f"kill {self.counts['kills inside a burst']}"
        self.faults.append(f"{where}: {text}")
        print(f"{where}: {text}", file=sys.stderr, flush=True)


class Library:
    """Rows that no index run looks for, entered into a catalog and changed there."""

    def __init__(self, home: Home, anchor: Path, count: int, seed: int) -> None:
        self._home = home
        self._rng = np.random.default_rng(seed)
        self._centres = self._rng.normal(size=(CLUSTERS, DIMENSION))
        self._entered = 0
        self.present: list[bytes] = []
        self._gone: list[bytes] = []
        home.path.mkdir()
        with Catalog(home.catalog) as catalog:
            catalog.settings.set_configuration(Configuration(SPEC, "mean", home.cache))
            self._enter_anchor(catalog, anchor)
            self._add(catalog, count - 1)

    def change(self, share: float = 1.0) -> None:
        """Makes rows for Chroma to follow."""
        rows = len(self.present) * share
        self._rng.shuffle(self.present)
        with Catalog(self._home.catalog) as catalog:
            leaving = [self.present.pop() for _ in range(int(GONE * rows))]
            catalog.files.mark_gone(leaving)
            returning, self._gone = self._gone[: len(leaving) // 2], self._gone[len(leaving) // 2 :]
            catalog.files.mark_returned(returning)
            self._gone += leaving
            self._enter(catalog, self.present[: int(CHANGED * rows)])
            self.present += returning
            self._add(catalog, int(ADDED * rows) - len(returning))

    def _add(self, catalog: Catalog, count: int) -> None:
        paths = [b"/elsewhere/%06d.flac" % (self._entered + number) for number in range(count)]
        self._enter(catalog, paths)
        self.present += paths

    def _enter(self, catalog: Catalog, paths: list[bytes]) -> None:
        for path, vector in zip(paths, self._vectors(len(paths)), strict=True):
            self._record(catalog, path, vector)

    def _enter_anchor(self, catalog: Catalog, anchor: Path) -> None:
        """The one row whose file there is, so that an index run has something to look at."""
        anchor.parent.mkdir()
        anchor.write_bytes(b"never opened")
        status = anchor.stat()
        self._record(catalog, identity(anchor), self._vectors(1)[0], status.st_size, status.st_mtime_ns)

    def _record(
        self, catalog: Catalog, path: bytes, vector: Float32, size: int = 1, mtime_ns: int = 0
    ) -> None:
        self._entered += 1
        info = AudioInfo(f"{self._entered:032x}", 1.0, RATE, 1, "pcm", size, mtime_ns)
        catalog.files.record(path, info, TrackVector(vector, 1))

    def _vectors(self, count: int) -> Float32:
        """Unit vectors around centres, as embeddings of music lie."""
        around = self._centres[self._rng.integers(0, CLUSTERS, count)]
        vectors = around + 0.7 * self._rng.normal(size=(count, DIMENSION))
        unit: Float32 = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return unit


class Timings:
    """How long Chroma's calls take, learnt from the logs of runs."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def learn(self, run: Victim) -> None:
        """Takes in the calls that ended and had something to do."""
        lines = [line for line in run.lines() if line.word in PHASES]
        for first, second in pairwise(lines):
            same_call = (first.word, first.value, second.value) == (second.word, "begin", "end")
            if same_call and second.time - first.time > SHORTEST:
                self._seconds[first.word].append(second.time - first.time)

    def moment(self, phase: str, rng: random.Random) -> float:
        """A random time in s after such a call began, inside it if it lasts as long as one before."""
        return rng.random() * rng.choice(self._seconds.get(phase) or [TYPICAL])

    def describe(self) -> str:
        """The medians, and the longest, in ms."""
        return ", ".join(
            f"{phase} {1000 * statistics.median(seconds):.0f} ({1000 * max(seconds):.0f})"
            for phase, seconds in self._seconds.items()
        )


class Campaign:
    """Rounds of changes, kills and repairs on one home."""

    def __init__(self, scratch: Path, rows: int, seed: int, tally: Tally) -> None:
        self._scratch, self._tally, self._rng = scratch, tally, random.Random(seed)
        self._home, self._anchor = Home(scratch / "home"), scratch / "music" / "anchor.wav"
        self._timings = Timings()
        self._library = Library(self._home, self._anchor, rows, seed)
        first = self._start()
        if not first.ends_within(RUN_LIMIT):
            raise SystemExit("the first run did not end")
        self._timings.learn(first)
        self._check_whole()

    def run(self, rounds: int) -> str:
        """Kills until `rounds` kills were inside bursts; how long Chroma's calls took."""
        for number in range(rounds):
            self._library.change()
            while not self._killed(PHASES[number % len(PHASES)]):
                self._library.change(0.5)
            self._check_answer()
            if self._rng.random() < SECOND_KILL:
                self._kill_repair()
            self._repair()
            self._check_whole()
        return self._timings.describe()

    def _killed(self, phase: str) -> bool:
        """A run, killed in this call of Chroma; whether Chroma was left dirty."""
        run, delay, nth = self._start(), self._timings.moment(phase, self._rng), self._rng.randint(1, 2)
        while run.code is None and _begun(run, phase) < nth:
            time.sleep(POLL)
        if run.ends_within(delay):
            self._tally.counts["runs that ended before the kill"] += 1
        else:
            run.kill()
        self._timings.learn(run)
        if not snapshot(self._home.path).dirty:
            return False
        self._tally.counts["kills inside a burst"] += 1
        self._tally.counts[f"killed {run.phase()}"] += 1
        return True

    def _kill_repair(self) -> None:
        """The run that repairs is killed too, anywhere."""
        run = self._start()
        if not run.ends_within(self._rng.uniform(0, statistics.median(self._tally.repairs or [REPAIR]))):
            run.kill()
        self._tally.counts["kills of repairing runs"] += 1
        self._tally.counts[f"repairing runs killed {run.phase()}"] += 1
        self._check_answer()

    def _repair(self) -> None:
        start = time.monotonic()
        run = self._start()
        if not run.ends_within(RUN_LIMIT):
            run.kill()
            self._tally.fault("the run after a kill did not end")
        elif run.code != 0:
            self._tally.fault(f"the run after a kill: exit {run.code}, {run.said()!r}")
        self._tally.repairs.append(time.monotonic() - start)
        for line in (run.out.read_text() + run.err.read_text()).splitlines():
            if "last run" in line:
                self._tally.notices[re.sub(r"\d+", "N", line)] += 1

    def _check_answer(self) -> None:
        known = snapshot(self._home.path)
        answer = ask(self._home.path, known, self._rng.choice(self._library.present), count=10)
        kind = "exact search" if answer.exact else "Chroma"
        self._tally.counts[f"similar after a kill: {kind}"] += 1
        if answer.fault:
            self._tally.fault(f"similar after a kill: {answer.fault}")

    def _check_whole(self) -> None:
        """Chroma holds the catalog's vectors, no others, and finds what exact search finds."""
        known = snapshot(self._home.path)
        content = chroma(self._home.path, self._scratch / "chroma.npz", QUERIES)
        for fault in chroma_faults(known, content, TOLERANCE) + database_faults(self._home.path):
            self._tally.fault(fault)
        if set(known.indexed()) != {*self._library.present, identity(self._anchor)}:
            self._tally.fault("the catalog's files are not those entered")
        self._tally.recall = min(self._tally.recall, content.recall)
        if content.recall < 1:
            self._tally.fault(f"recall@10 of {QUERIES} queries is {content.recall:.4f}")
        if known.dirty:
            self._tally.fault("Chroma is still marked dirty")
        answer = ask(self._home.path, known, self._rng.choice(self._library.present), count=10)
        if answer.fault or answer.exact:
            self._tally.fault(f"similar after the repair: {answer.fault or 'Chroma was not used'}")

    def _start(self) -> Victim:
        command = ["-m", "audiosim", "index", str(self._anchor.parent), "--home", str(self._home.path)]
        return Victim(command, self._scratch)


def _begun(run: Victim, phase: str) -> int:
    return sum((line.word, line.value) == (phase, "begin") for line in run.lines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tally, start = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        timings = Campaign(Path(scratch), arguments.rows, arguments.seed, tally).run(arguments.rounds)
    for name, count in [*sorted(tally.counts.items()), *sorted(tally.notices.items())]:
        print(f"{name}: {count}")
    print(f"Chroma's calls, median and longest in ms: {timings}")
    median, longest = statistics.median(tally.repairs), max(tally.repairs)
    print(f"runs after a kill: median {median:.1f} s, {longest:.1f} s at most")
    print(f"worst recall@10: {tally.recall:.4f}")
    print(f"{len(tally.faults)} lost or wrong, in {time.monotonic() - start:.0f} s")
    for text in tally.faults:
        print(f"  {text}")
    raise SystemExit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
