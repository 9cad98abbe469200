"""Chroma's files and the columns damaged in every way; answers stay right, and all is made whole again.

usage: python stress/corrupt.py [--rounds N] [--tracks N] [--seed N]

Each round damages one file of a sound index: cuts it short, overwrites some of it with noise or zeros, or
deletes it. Then `similar` must answer as exact search does, and `verify` must find the damage unless all
vectors are equal and recall is 1. Every other round, an index run that has a new file to write to Chroma
must end with exit code 0. Last, `verify --repair` must leave the catalog's vectors in Chroma, no others,
and recall 1. Where Chroma's files are damaged there are no columns, which would answer in its stead; where
those are, passages must be answered, too, as by the catalog.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from checks import ask, chroma, chroma_faults, snapshot
from victims import RUN_LIMIT, Victim

from audiosim.backends.chroma_embedded import EmbeddedChroma
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError
from audiosim.core.types import AudioInfo, FrameEmbeddings
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.store import Store

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from conftest import tone
from fake_encoder import BANDS, SAMPLE_RATE

CHILD = Path(__file__).parent / "child.py"
CLUSTERS = 50
QUERIES = 200  # asked of Chroma itself, to measure recall
ASKED = 2  # `similar`, each time
NEIGHBOURS = 10
SPANS = (1, 64, 4096, 262_144)  # bytes overwritten, at most
TOLERANCE = 1e-5  # of each of a vector's numbers in Chroma
MEMORY_LIMIT = 16 << 30  # bytes of address space that a process may ask for
FOUND, SOUND = 3, 0  # exit codes of `verify`


def cut(path: Path, rng: random.Random) -> str:
    """Cuts a file short."""
    size = path.stat().st_size
    kept = rng.randrange(size)
    with open(path, "r+b") as file:
        file.truncate(kept)
    return f"cut to {kept} of {size} bytes"


def garble(path: Path, rng: random.Random) -> str:
    """Overwrites some of a file with noise."""
    return _overwrite(path, rng, rng.randbytes, "of noise")


def zero(path: Path, rng: random.Random) -> str:
    """Overwrites some of a file with zeros."""
    return _overwrite(path, rng, bytes, "zeroed")


def delete(path: Path, rng: random.Random) -> str:
    """Deletes a file."""
    path.unlink()
    return "deleted"


def _overwrite(path: Path, rng: random.Random, content: Callable[[int], bytes], word: str) -> str:
    size = path.stat().st_size
    length = min(rng.choice(SPANS), size)
    start = rng.randrange(size - length + 1)
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(content(length))
    return f"{length} bytes {word} at {start} of {size}"


DAMAGES = (cut, garble, zero, delete)


@dataclass
class Round:
    """What was damaged, and what came of it."""

    file: str
    damage: str
    verdict: str = ""
    answers: Counter[str] = field(default_factory=Counter)
    indexed: str = "-"
    repaired: str = "no"
    faults: list[str] = field(default_factory=list)

    def cells(self) -> tuple[str, ...]:
        """The round as a row of the table."""
        answers = ", ".join(f"{count} {kind}" for kind, count in sorted(self.answers.items()))
        return (self.file, self.damage, self.verdict, answers, self.indexed, self.repaired)


HEADINGS = ("file", "damage", "verify", "answers", "index", "repaired")


class Campaign:
    """A home with synthesised tracks, whose Chroma is damaged and put back, round after round."""

    def __init__(self, scratch: Path, tracks: int, seed: int) -> None:
        self._scratch, self._rng = scratch, random.Random(seed)
        self._home, self._music, self._kept = Home(scratch / "home"), scratch / "music", scratch / "kept"
        self._music.mkdir()
        self._write("anchor.wav", 200)
        if self._index() != SOUND:
            raise SystemExit("the first run failed")
        self._columns = self._home.columns
        self._paths = [b"/elsewhere/%06d.flac" % number for number in range(tracks)]
        self._enter(np.random.default_rng(seed))
        self._keep()

    def rounds(self, count: int) -> Iterator[Round]:
        """Damages every file in every way, in random order, until there were so many rounds."""
        chroma_names = sorted(path.name for path in self._home.chroma.rglob("*") if path.is_file())
        names = [*chroma_names, self._columns.name]
        pairs = list(itertools.product(names, DAMAGES))
        order = [pair for _ in range(-(-count // len(pairs))) for pair in self._rng.sample(pairs, len(pairs))]
        for number, (name, damage) in enumerate(order[:count]):
            self._put_back()
            path = next(self._home.path.rglob(name))
            yield self._round(Round(name, damage(path, self._rng)), with_index=number % 2 == 1)

    def _round(self, this: Round, *, with_index: bool) -> Round:
        self._ask(this)
        code = self._verify(this)
        if code == FOUND:
            this.verdict = "found"
        elif code == SOUND:
            this.verdict = "harmless"
            this.faults += [f"verify did not find: {fault}" for fault in self._differences()]
        else:
            this.faults.append(f"verify: exit {code}")
        if with_index:
            self._index_with_a_change(this)
            self._ask(this)
        if self._verify(this, "--repair") != SOUND:
            this.faults.append("verify --repair did not repair it")
        faults = self._differences()
        this.faults += [f"after the repair: {fault}" for fault in faults]
        self._ask(this, exact_is_right=False)
        this.repaired = "no" if faults else "yes"
        return this

    def _index_with_a_change(self, this: Round) -> None:
        self._write("new.wav", self._rng.uniform(300, 3000))
        code = self._index()
        this.indexed = "goes on" if code == SOUND else f"exit {code}"
        if code != SOUND:
            this.faults.append(f"index: exit {code}, {self._said!r}")

    def _ask(self, this: Round, *, exact_is_right: bool = True) -> None:
        if this.file == self._columns.name:
            this.faults += self._passage_faults()
        else:
            self._columns.unlink(missing_ok=True)
        known = snapshot(self._home.path)
        for query in self._rng.sample(self._paths, ASKED):
            try:
                answer = ask(self._home.path, known, query, count=NEIGHBOURS)
            except subprocess.TimeoutExpired:
                this.faults.append("similar: no answer")
                continue
            if answer.fault or (answer.exact and not exact_is_right):
                this.faults.append(f"similar: {answer.fault or 'Chroma was not used after the repair'}")
            this.answers["wrong" if answer.fault else "exact" if answer.exact else "Chroma"] += 1

    def _passage_faults(self) -> list[str]:
        """How what is answered to a passage differs from what is answered without columns."""
        said, away = self._passages(), self._scratch / "away"
        if self._columns.exists():
            self._columns.rename(away)
        by_catalog = self._passages()
        if away.exists():
            away.rename(self._columns)
        wrong = said != by_catalog or not said.startswith("[[")
        return [f"passages: {said[:300]}"] if wrong else []

    def _passages(self) -> str:
        """What is answered to a passage, best first; what comes into the index by the way is left out."""
        path, home = os.fsdecode(self._paths[0]), str(self._home.path)
        asked = ["similar", path, "--from", "0", "--to", "1", "-k", "30", "--json", "--home", home]
        command = [sys.executable, "-m", "audiosim", *asked, "--under", "/elsewhere"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return "no answer"
        if done.returncode != SOUND:
            return f"exit {done.returncode}: {done.stderr[-300:]!r}"
        return json.dumps([(m["path"], m["similarity"]) for m in json.loads(done.stdout)["matches"]])

    def _verify(self, this: Round, *options: str) -> int:
        command = [
            sys.executable,
            "-m",
            "audiosim",
            "verify",
            "--full",
            "--home",
            str(self._home.path),
            *options,
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return -1
        if "Traceback" in done.stderr:
            this.faults.append(f"verify: {done.stderr[-300:]!r}")
        return done.returncode

    def _differences(self) -> list[str]:
        """How Chroma's content and answers differ from the catalog's; folders left lying about."""
        known = snapshot(self._home.path)
        try:
            content = chroma(self._home.path, self._scratch / "chroma.npz", QUERIES)
        except (AudiosimError, subprocess.TimeoutExpired) as error:
            return [" ".join(str(error).split())]
        faults = chroma_faults(known, content, TOLERANCE)
        faults += [f"recall@10 is {content.recall:.4f}"] * (content.recall < 1)
        faults += ["Chroma is marked dirty"] * known.dirty
        return faults + [f"{name} was left" for name in EmbeddedChroma(self._home).leftovers()]

    def _index(self) -> int | None:
        run = Victim([str(CHILD), str(self._home.path), str(self._music), "0", "30"], self._scratch)
        if not run.ends_within(RUN_LIMIT):
            run.kill()
        self._said = run.said()
        return run.code

    def _write(self, name: str, frequency: float) -> None:
        soundfile.write(self._music / name, tone(2, frequency), SAMPLE_RATE)

    def _enter(self, rng: np.random.Generator) -> None:
        """Enters tracks that no run looks for, with their caches, and has Chroma written in bursts."""
        with Catalog(self._home.catalog) as catalog:
            configuration = catalog.settings.configuration
            assert configuration is not None
            cache = Cache(configuration.cache, configuration.spec)
            for number, (path, frames) in enumerate(
                zip(self._paths, _frames(rng, len(self._paths)), strict=True)
            ):
                info = AudioInfo(f"{number:032x}", 2.0, SAMPLE_RATE, 1, "pcm", 1, 0)
                cache.write(info, frames, "float32")
                catalog.files.record(path, info, configuration.pooler(frames))
            Store(self._home, catalog).flush()

    def _keep(self) -> None:
        shutil.copytree(self._home.chroma, self._kept / "chroma")
        shutil.copy(self._home.catalog, self._kept)
        shutil.copy(self._columns, self._kept)

    def _put_back(self) -> None:
        for name in [self._home.chroma.name, *EmbeddedChroma(self._home).leftovers()]:
            shutil.rmtree(self._home.path / name, ignore_errors=True)
        for path in self._home.path.glob("catalog.db*"):
            path.unlink()
        (self._music / "new.wav").unlink(missing_ok=True)
        shutil.copytree(self._kept / "chroma", self._home.chroma)
        shutil.copy(self._kept / "catalog.db", self._home.catalog)
        shutil.copy(self._kept / self._columns.name, self._columns)


def _frames(rng: np.random.Generator, count: int) -> Iterator[FrameEmbeddings]:
    """Embeddings of two windows a track, around centres, as those of music lie."""
    centres = rng.normal(size=(CLUSTERS, BANDS))
    for _ in range(count):
        embedding = centres[rng.integers(CLUSTERS)] + 0.3 * rng.normal(size=(2, BANDS))
        level: Any = np.full(2, -20, np.float16)
        yield FrameEmbeddings(embedding.astype(np.float16), np.arange(2.0), level)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--tracks", type=int, default=2500, help="over 1000, so that Chroma writes all its files"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    start, faults, verdicts = time.monotonic(), 0, Counter[str]()
    print(" | ".join(HEADINGS))
    with tempfile.TemporaryDirectory() as scratch:
        for this in Campaign(Path(scratch), arguments.tracks, arguments.seed).rounds(arguments.rounds):
            print(" | ".join(this.cells()), flush=True)
            for fault in this.faults:
                print(f"  WRONG: {fault}", flush=True)
            faults += len(this.faults)
            verdicts[this.verdict] += 1
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    print(f"{arguments.rounds} rounds: {told}; {faults} faults, in {time.monotonic() - start:.0f} s")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
