"""kill -9 at random moments of index runs; nothing finished may be lost or computed again.

usage: python stress/kills.py [--rounds N] [--musicnn N] [--files N] [--seed N]

Each round kills one run over 60 short files in several formats, together with all it has started or,
one time in four, alone. Runs follow each other on one home, over half of the files first, until one ends
by itself; that home must then equal one that was never disturbed. A round is a kill; --musicnn of them
hit the real command with MusiCNN (AUDIOSIM_WEIGHTS says where its weights are), the others a slowed fake
encoder with short intervals between Chroma's bursts, whose mean window and whitening are learnt from half
of the files, and the whitening again from all: it is the one or the other, whenever a run is killed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from checks import Snapshot, ask, chroma, chroma_faults, database_faults, snapshot
from victims import RUN_LIMIT, Victim, temporary

from audiosim.core.config import Home
from audiosim.library.whitening import AS_THEY_ARE

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from audio_files import FORMS, music, write

CHILD = Path(__file__).parent / "child.py"
WINDOW_SECONDS = 0.015  # that the fake encoder takes
BURST_INTERVAL = 0.25  # s, in the fake encoder's runs
ALONE = 0.25  # share of the kills that hit the main process only
FIRST = "first"  # the folder of the half of the files that is indexed before the rest
COSINE = 0.99999
TOLERANCE = 1e-5  # of each of a vector's numbers in Chroma
CACHE_SUFFIX, PARTIAL_SUFFIX = ".npz", ".partial"


@dataclass
class Tally:
    """What was tried, and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    orphans: float = 0.0  # s that the longest-lived process outlived its killed parent
    cosine: float = 1.0  # the worst between a disturbed home and the undisturbed one


@dataclass(frozen=True)
class Before:
    """A home before a run: its catalog, and (inode, mtime) of each cache by digest."""

    known: Snapshot
    caches: dict[str, tuple[int, int]]


def make_music(folder: Path, count: int, rng: random.Random) -> Path:
    """Files of 4 to 8 s in all formats, in folders of ten, the first half of them in a folder of its own."""
    names = list(FORMS)
    for number in range(count):
        form = FORMS[names[number % len(names)]]
        album = folder / (FIRST if 2 * number < count else "rest") / f"album {number // 10}"
        album.mkdir(parents=True, exist_ok=True)
        samples = music(rng.uniform(4, 8), form.rate, channels=1 + number % 2, seed=number)
        write(album / f"{number:02}{form.suffix}", samples, form)
    return folder


def caches(home: Path) -> dict[str, tuple[int, int]]:
    """The caches there are, by digest; (inode, mtime) tells one that was written again."""
    found = {}
    for path in (home / "cache").rglob(f"[!.]*{CACHE_SUFFIX}"):
        status = path.stat()
        found[path.stem] = (status.st_ino, status.st_mtime_ns)
    return found


@dataclass(frozen=True)
class Stage:
    """A run over a folder: how long it takes, and the home after it, when nothing disturbs it."""

    folder: Path
    duration: float  # s
    reference: Snapshot


class Campaign:
    """Kills of one encoder's runs over a folder, home after home."""

    def __init__(self, encoder: str, folder: Path, scratch: Path, rng: random.Random, tally: Tally) -> None:
        self._encoder, self._folder, self._scratch, self._rng = encoder, folder, scratch, rng
        self._tally = tally
        self._homes = 0
        home = self._new_home()
        self._stages = [self._undisturbed(home, folder / FIRST), self._undisturbed(home, folder)]
        self.duration = sum(stage.duration for stage in self._stages)
        self._windows = {path.stem: _windows(path) for path in (home / "cache").rglob(f"*{CACHE_SUFFIX}")}
        learnt = {stage.reference.space for stage in self._stages}
        if encoder == "fake" and (len(learnt) < len(self._stages) or AS_THEY_ARE in learnt):
            raise SystemExit("the undisturbed runs did not learn, or not again")

    def _undisturbed(self, home: Path, folder: Path) -> Stage:
        start = time.monotonic()
        if not self._start(home, folder).ends_within(RUN_LIMIT):
            raise SystemExit(f"the undisturbed {self._encoder} run did not end")
        duration, found = time.monotonic() - start, snapshot(home)
        if len(found.indexed()) != len(_files(folder)):
            raise SystemExit(f"the undisturbed {self._encoder} run did not index everything")
        return Stage(folder, duration, found)

    def run(self, rounds: int) -> None:
        """Kills runs, and lets the last home come to its end."""
        goal = self._tally.counts["kills"] + rounds
        while self._tally.counts["kills"] < goal:
            home = self._new_home()
            for stage in self._stages:
                while not self._ended(home, stage, quiet=self._tally.counts["kills"] >= goal):
                    self._check_answer(home)
                self._check_end(home, stage)
            self._tally.counts[f"homes completed with {self._encoder}"] += 1
            shutil.rmtree(home)

    def _ended(self, home: Path, stage: Stage, *, quiet: bool) -> bool:
        """One run, killed unless it is quicker or `quiet`; whether it ended by itself."""
        before = Before(snapshot(home), caches(home))
        victim = self._start(home, stage.folder)
        ended = victim.ends_within(RUN_LIMIT if quiet else self._rng.uniform(0, stage.duration))
        if not ended:
            self._kill(victim, home)
            if quiet:
                self._fault("a run did not end")
        elif victim.code != 0:
            self._fault(f"a run after a kill: exit {victim.code}, {victim.said()!r}")
        else:
            self._check_report(before, stage, victim)
        self._check_work(before, home, victim)
        if snapshot(home).space not in (before.known.space, stage.reference.space):
            self._fault("vectors are searched as neither before nor after an undisturbed run")
        return ended

    def _kill(self, victim: Victim, home: Path) -> None:
        counts = self._tally.counts
        alone = self._rng.random() < ALONE
        if alone:
            survived = victim.kill_alone()
            if survived is None:
                self._fault("a process outlived its killed parent")
            self._tally.orphans = max(self._tally.orphans, survived or 0.0)
        else:
            victim.kill()
        counts["kills"] += 1
        counts["of the main process alone"] += alone
        counts[f"killed {victim.phase()}"] += 1
        known = snapshot(home)
        counts["inside a burst (Chroma marked dirty)"] += known.dirty
        counts["between learning and the end of writing Chroma anew"] += not known.current

    def _check_work(self, before: Before, home: Path, victim: Victim) -> None:
        """Nothing that was finished before a run may be lost, or be computed again by it."""
        after, now = snapshot(home), caches(home)
        lost = before.known.vectors.keys() - after.vectors.keys()
        if lost:
            self._fault(f"{len(lost)} committed vectors are gone")
        uncached = before.known.vectors.keys() - before.caches.keys()
        if uncached:
            self._fault(f"{len(uncached)} committed vectors have no cache")
        again = [digest for digest, stamp in before.caches.items() if now.get(digest) != stamp]
        if again:
            self._fault(f"{len(again)} finished files were computed again")
        embedded = sum(int(line.value) for line in victim.lines() if line.word == "windows")
        open_windows = sum(count for digest, count in self._windows.items() if digest not in before.caches)
        if embedded > open_windows:
            self._fault(f"{embedded} windows were embedded, {open_windows} were open")

    def _check_report(self, before: Before, stage: Stage, victim: Victim) -> None:
        report = json.loads(victim.out.read_text())
        finished = len(before.known.indexed())
        cached = len(before.caches.keys() - before.known.vectors.keys())
        expected = {
            "indexed": len(stage.reference.indexed()) - finished - cached,
            "reused": cached,
            "unchanged": finished,
            "moved": 0,
            "failed": 0,
            "gone": 0,
        }
        found = {name: report[name] for name in expected}
        self._tally.counts["finished files found by the next run"] += finished
        self._tally.counts["cached but uncommitted files reused"] += cached
        if found != expected:
            self._fault(f"the run reports {found}, not {expected}")

    def _check_answer(self, home: Path) -> None:
        known = snapshot(home)
        paths = sorted(known.indexed())
        answer = ask(home, known, self._rng.choice(paths) if len(paths) > 1 else None)
        kind = "no index yet" if len(paths) < 2 else "exact search" if answer.exact else "Chroma"
        self._tally.counts[f"similar after a kill: {kind}"] += 1
        if answer.fault:
            self._fault(f"similar after a kill: {answer.fault}")

    def _check_end(self, home: Path, stage: Stage) -> None:
        """A home after a run that ended is what it would be had nothing happened."""
        known, content = snapshot(home), chroma(home, self._scratch / "chroma.npz")
        if known.files != stage.reference.files:
            self._fault("the catalog's files are not those of an undisturbed run")
        if known.space != stage.reference.space:
            self._fault("vectors are not searched as after an undisturbed run")
        for digest, vector in stage.reference.vectors.items():
            cosine = float(np.dot(vector, known.vectors.get(digest, np.zeros_like(vector))))
            self._tally.cosine = min(self._tally.cosine, cosine)
            if cosine < COSINE:
                self._fault(f"a vector's cosine to the undisturbed run's is {cosine:.6f}")
        self._tally.faults += chroma_faults(known, content, TOLERANCE) + database_faults(home)
        answer = ask(home, known, self._rng.choice(sorted(known.indexed())))
        if answer.fault or answer.exact:
            self._fault(f"similar at the end: {answer.fault or 'Chroma was not used'}")
        self._check_leftovers(home)

    def _check_leftovers(self, home: Path) -> None:
        partial = [path for path in _files(home) if path.name.endswith(PARTIAL_SUFFIX)]
        self._tally.counts["temporary files left (.partial)"] += len(partial)
        segments = [path for path in Home(home).chroma.iterdir() if path.is_dir()]
        self._tally.counts["unused Chroma segment folders left"] += max(0, len(segments) - 1)
        for path in _files(home):
            if not _expected(path.relative_to(home), set(self._windows)):
                self._fault(f"left behind: {path.relative_to(home)}")
        left = sorted(temporary(self._scratch).iterdir())
        if left:
            self._fault(f"{len(left)} files left in the temporary folder, as {left[0].name}")
        for path in left:
            path.unlink()

    def _start(self, home: Path, folder: Path) -> Victim:
        child = [str(CHILD), str(home), str(folder), str(WINDOW_SECONDS), str(BURST_INTERVAL)]
        child += ["--learn", str(len(_files(self._folder)) // 2)]
        real = ["-m", "audiosim", "index", str(folder), "--home", str(home), "--encoder", "musicnn"]
        return Victim(child if self._encoder == "fake" else [*real, "--json"], self._scratch)

    def _new_home(self) -> Path:
        self._homes += 1
        return self._scratch / f"{self._encoder}-home-{self._homes}"

    def _fault(self, text: str) -> None:
        where = f"{self._encoder}, home {self._homes}, kill {self._tally.counts['kills']}"
        self._tally.faults.append(f"{where}: {text}")
        print(f"{where}: {text}", file=sys.stderr, flush=True)


def _windows(cache: Path) -> int:
    with np.load(cache) as data:
        return len(data["timestamps"])


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _expected(path: Path, digests: set[str]) -> bool:
    """Whether a file belongs into a home, or may be left there by a kill."""
    if len(path.parts) == 1:
        return path.name in ("catalog.db", "catalog.db-wal", "catalog.db-shm") or path.suffix == ".lock"
    if path.parts[0] == "cache":
        return path.stem in digests or path.name.endswith(PARTIAL_SUFFIX)
    return path.parts[0] == "chroma"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--musicnn", type=int, default=20, help="how many of the rounds")
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, tally, start = random.Random(arguments.seed), Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_music(Path(scratch) / "music", arguments.files, rng)
        real = min(arguments.musicnn, arguments.rounds)
        for encoder, rounds in (("fake", arguments.rounds - real), ("musicnn", real)):
            if rounds:
                campaign = Campaign(encoder, folder, Path(scratch), rng, tally)
                print(f"{encoder}: an undisturbed run takes {campaign.duration:.1f} s")
                campaign.run(rounds)
    for name, count in sorted(tally.counts.items()):
        print(f"{name}: {count}")
    print(f"longest life of a process after its parent: {tally.orphans:.1f} s")
    print(f"worst cosine to an undisturbed run: {tally.cosine:.7f}")
    print(f"{len(tally.faults)} lost or wrong, in {time.monotonic() - start:.0f} s")
    for text in tally.faults:
        print(f"  {text}")
    raise SystemExit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
