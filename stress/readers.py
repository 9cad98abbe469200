"""Readers beside a writer: every answer is right for some moment of its query, and none is late.

usage: python stress/readers.py [--tracks N] [--queries N] [--rounds N] [--seed N]

Makes a home of many tracks, then changes a folder and indexes it, round after round, with a burst
of writes to Chroma in each, while four processes ask: through Python, by Chroma; every tenth time through
the command line, as users do; every tenth time with a file that is not indexed. An answer must hold nothing
that the index did not hold while it was asked, and lack nothing nearer that the index held all
that time. Afterwards each query's answer must equal exact search.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np
import soundfile

import audiosim.backends.reader
import audiosim.indexing.run
import audiosim.library.index
import audiosim.store
from audiosim import SearchResult, find_similar, index_folder
from audiosim.backends.process import StoreProcess
from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, Float32, Framing, TrackVector
from audiosim.library.catalog import Catalog, Configuration
from audiosim.search.ranking import RankingOptions
from audiosim.store import Store

READERS = 4
COUNT = 10  # matches asked for
PLAIN = RankingOptions(show_duplicates=True, hub_correction=False)
RATE = 8_000  # Hz
STABLE, MOVING, OUTSIDE = 100, 200, 50  # files: that stay, that come and go, that are not indexed
BURST_INTERVAL, PROGRESS_INTERVAL = 0.1, 0.05  # s
TIME_LIMIT = 5.0  # s, of 99 in 100 queries
RUN_LIMIT = 1800.0  # s
TOLERANCE = 1e-4  # of a cosine
SHOWN = 20  # problems

WAYS = ("indexed", "outside", "command")  # through Python, not indexed; the others are indexed

T = TypeVar("T")
Random = np.random.Generator
State = dict[str, str]  # digests by path
Matches = list[tuple[str, float]]  # path, similarity


class Spectrum:
    """An encoder with no network: 512 numbers from the window's own spectrum."""

    def __init__(self) -> None:
        self.spec = EncoderSpec("spectrum", 1, (), "none", RATE, "soxr_hq", 1.0, 512, Framing(RATE, RATE))
        self.batch_size = 16
        self.dtype = "float32"
        self.stage_seconds = {"network": 0.0}

    def embed(self, windows: Float32) -> Float32:
        bands = np.abs(np.fft.rfft(windows, axis=1))[:, 1:3585].reshape(len(windows), 512, 7).sum(axis=2)
        logarithms: Float32 = (np.log10(bands + 1e-3) + 3).astype(np.float32)
        return logarithms


class Counted(StoreProcess):
    """Chroma's process; counts those asked to write."""

    writers = 0

    def do(self, work: Callable[[], T], **options: Any) -> T:
        Counted.count(work)
        return super().do(work, **options)

    def begin(self, work: Callable[[], object]) -> None:
        Counted.count(work)
        super().begin(work)

    @classmethod
    def count(cls, work: Callable[[], object]) -> None:
        """Counts what writes."""
        cls.writers += getattr(work, "__name__", "") == "flush"


class Here:
    """What `StoreProcess` does, without the process: a second less a query, where none crashes."""

    def do(self, work: Callable[[], T], **_: Any) -> T:
        return work()

    def end(self) -> None:
        """Nothing has begun."""


@dataclass(frozen=True)
class Question:
    """A query's path; by which way it is asked, one of WAYS."""

    path: str
    way: str


@dataclass(frozen=True)
class Answer:
    """What came of a question asked from `begun` to `ended`."""

    question: Question
    begun: float  # s
    ended: float  # s
    matches: Matches
    exact_because: str | None = None
    error: str | None = None

    def told(self) -> str:
        """Which answer this is, in a few words."""
        source = "Chroma" if self.exact_because is None else "exact search"
        return f"{self.question.path} ({self.question.way}, by {source})"


@dataclass(frozen=True)
class Round:
    """A change of the folder and the index run after it; ``files`` is what was indexed then."""

    begun: float  # s
    ended: float  # s
    files: State


@dataclass(frozen=True)
class History:
    """All that the writer did; the first round is what was there before."""

    rounds: list[Round]
    writers: int  # processes that wrote to Chroma
    failed: list[str]

    def between(self, begun: float, ended: float) -> list[State]:
        """The states between which the index changed in this time."""
        first = max(number for number, round_ in enumerate(self.rounds) if round_.ended <= begun)
        last = max(number for number, round_ in enumerate(self.rounds) if round_.begun <= ended)
        return [round_.files for round_ in self.rounds[first : last + 1]]


def tones(rng: Random) -> Float32:
    """A second of three tones in a little noise, float32 (RATE,)."""
    t = np.arange(RATE) / RATE
    signal = 1e-3 * rng.normal(size=RATE) + sum(
        0.2 * np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 3500, 3)
    )
    sound: Float32 = signal.astype(np.float32)
    return sound


class Library:
    """A music folder, of which a part changes."""

    def __init__(self, folder: Path, rng: Random) -> None:
        self.stable, self.moving = folder / "stable", folder / "moving"
        self._hidden, self._rng, self._made = folder.parent / "hidden", rng, 0
        for place in (self.stable, self.moving, self._hidden):
            place.mkdir(parents=True)

    def add(self, place: Path, count: int) -> list[str]:
        """New files in a folder; their paths."""
        place.mkdir(exist_ok=True)
        paths = [place / f"{self._made + number:06}.flac" for number in range(count)]
        self._made += count
        for path in paths:
            self._write(path)
        return list(map(str, paths))

    def change(self) -> None:
        """Files come, go, change, move, and come back."""
        for path in list(self._hidden.iterdir()):
            path.rename(self.moving / path.name)
        chosen = [Path(str(p)) for p in self._rng.permutation(sorted(map(str, self.moving.iterdir())))]
        for path in chosen[:30]:
            path.unlink()
        for path in chosen[30:50]:
            self._write(path)
        for path in chosen[50:65]:
            self._made += 1
            path.rename(self.moving / f"{self._made:06} renamed.flac")
        for path in chosen[65:75]:
            path.rename(self._hidden / path.name)
        self.add(self.moving, 30)

    def _write(self, path: Path) -> None:
        soundfile.write(path, tones(self._rng), RATE)


def make_home(home: Home, tracks: int, rng: Random) -> State:
    """Enters made-up tracks into catalog and Chroma; their digests by path."""
    encoder = Spectrum()
    home.path.mkdir()
    made: State = {}
    with Catalog(home.catalog) as catalog:
        configuration = Configuration(encoder.spec, "mean", home.cache)
        catalog.settings.set_configuration(configuration)
        for number in range(tracks):
            path, digest = f"/made-up/{number // 100:04}/{number:06}.mp3", f"{number:032x}"
            row = encoder.embed(tones(rng)[None, :])[0]
            info = AudioInfo(digest, 1.0, RATE, 1, "none", size=1, mtime_ns=1)
            catalog.files.record(os.fsencode(path), info, TrackVector(row / np.linalg.norm(row), 1))
            made[path] = digest
        Store(home, catalog).flush()
    return made


def index(folder: Path, home: Home) -> tuple[State, list[str]]:
    """Indexes the folder; what is indexed of it then, and what failed."""
    report = index_folder([folder], home=home.path, encoder=Spectrum())
    failed = [f"{os.fsdecode(path)}: {reason}" for path, reason in (*report.failures, *report.doubted)]
    with Catalog(home.catalog, read_only=True) as catalog:
        rows = list(catalog.files.all(os.fsencode(folder)))
    return {os.fsdecode(row.path): row.digest or "" for row in rows if row.state == "indexed"}, failed


def write(library: Library, folder: Path, home: Home, first: Round, least: int, stop: Path) -> History:
    """The writer: changes and indexes the folder until the readers are done."""
    rounds, failures = [first], list[str]()
    with (
        patch.object(audiosim.store, "BURST_INTERVAL", BURST_INTERVAL),
        patch.object(audiosim.indexing.run, "PROGRESS_INTERVAL", PROGRESS_INTERVAL),
        patch.object(audiosim.store, "StoreProcess", Counted),
    ):
        while len(rounds) <= least or not stop.exists():
            begun = time.monotonic()
            library.change()
            files, failed = index(folder, home)
            rounds.append(Round(begun, time.monotonic(), files))
            failures += failed
    return History(rounds, Counted.writers, failures)


def read(questions: Sequence[Question], home: Home) -> list[Answer]:
    """A reader: one question after another."""
    return [_ask(question, home) for question in questions]


def _ask(question: Question, home: Home) -> Answer:
    begun = time.monotonic()
    try:
        matches, reason = (_by_command if question.way == "command" else _by_function)(question.path, home)
    except Exception as error:  # what the test is about: none may come
        return Answer(question, begun, time.monotonic(), [], error=f"{type(error).__name__}: {error}")
    return Answer(question, begun, time.monotonic(), matches, reason)


def _by_function(path: str, home: Home) -> tuple[Matches, str | None]:
    with patch.object(audiosim.library.index, "SOON_READ", ()):
        result = find_similar(path, count=COUNT, home=home.path, ranking=PLAIN, encoder=Spectrum())
    return matches_of(result), result.exact_because


def matches_of(result: SearchResult) -> Matches:
    """(path, similarity) of each match, best first."""
    return [(os.fsdecode(match.track.path), match.similarity) for match in result.matches]


def _by_command(path: str, home: Home) -> tuple[Matches, str | None]:
    command = [sys.executable, "-m", "audiosim", "similar", path, "-k", str(COUNT), "--json"]
    command += ["--no-hub-correction", "--show-duplicates"]
    done = subprocess.run(
        [*command, "--home", str(home.path)], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0 or "Traceback" in done.stderr:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr[-500:]}")
    _, found, reason = done.stderr.partition("answered by exact search (")
    matches = [(match["path"], match["similarity"]) for match in json.loads(done.stdout)["matches"]]
    return matches, reason.strip().removesuffix(").") if found else None


class Judge:
    """Knows every vector that ever was, and so what an answer may and must hold."""

    def __init__(self, home: Home, made_up: State, history: History) -> None:
        self._made_up, self._history = made_up, history
        ever = [state for round_ in history.rounds for state in round_.files.items()]
        self._digests = sorted({digest for _, digest in [*made_up.items(), *ever]})
        self._number = {digest: number for number, digest in enumerate(self._digests)}
        with Catalog(home.catalog, read_only=True) as catalog:
            found = [catalog.tracks.vector(digest) for digest in self._digests]
        self._vectors = np.stack([vector for vector in found if vector is not None])
        assert len(self._vectors) == len(self._digests)

    @property
    def last(self) -> list[State]:
        """The state that the writer left."""
        return [self._history.rounds[-1].files]

    def of(self, answer: Answer, vector: Float32, hidden: str) -> list[str]:
        """What is wrong with an answer given while the writer was at work."""
        states = self._history.between(answer.begun, answer.ended)
        return self.faults(answer.matches, vector, hidden, states)

    def faults(self, matches: Matches, vector: Float32, hidden: str, states: Sequence[State]) -> list[str]:
        """What is wrong with matches for this vector, where the audio `hidden` is left out."""
        cosines = self._vectors @ vector
        given = {path for path, _ in matches}
        faults = [
            f"{path} at {similarity:.4f} is wrong or out of date"
            for path, similarity in matches
            if not any(
                abs(cosines[self._number[state[path]]] - similarity) < TOLERANCE
                for state in (self._made_up, *states)
                if path in state and state[path] != hidden
            )
        ]
        if len(given) != COUNT:
            return [*faults, f"there are {len(given)} matches"]
        near = {self._digests[number] for number in np.flatnonzero(cosines > matches[-1][1] + TOLERANCE)}
        always = set(self._made_up.items()) | set.intersection(*(set(state.items()) for state in states))
        lacking = [path for path, digest in always if digest in near - {hidden} and path not in given]
        return faults + [f"it lacks {path}, which is nearer than its last" for path in lacking]


def questions(
    made_up: State, stable: Sequence[str], outside: Sequence[str], count: int, rng: Random
) -> list[Question]:
    """Of ten, seven made-up tracks, two files of the index (one of all by command), one file outside."""
    asked = []
    for number in range(count):
        kind = number % 10
        paths = outside if kind == 0 else stable if kind in (4, 7) else sorted(made_up)
        way = "outside" if kind == 0 else "command" if number % 20 in (7, 13) else "indexed"
        asked.append(Question(str(rng.choice(paths)), way))
    return asked


def percentile(answers: Sequence[Answer], share: int) -> float:
    """Of the time in s that the answers took."""
    return float(np.percentile([answer.ended - answer.begun for answer in answers], share))


def ask_again(
    asked: Sequence[Question], home: Home, judge: Judge
) -> tuple[dict[str, tuple[Float32, str]], list[str]]:
    """Each query once more, now that all is quiet: vectors and digests of the queries, and problems."""
    known: dict[str, tuple[Float32, str]] = {}
    problems = []
    for path in dict.fromkeys(question.path for question in asked):
        with (
            patch.object(audiosim.backends.reader, "StoreProcess", Here),
            patch.object(audiosim.library.index, "SOON_READ", ()),
        ):
            result = find_similar(path, count=COUNT, home=home.path, ranking=PLAIN, encoder=Spectrum())
        if result.exact_because is not None:
            problems.append(f"afterwards {path} was answered by exact search: {result.exact_because}")
        known[path] = result.queries[0].vector, result.queries[0].track.digest
        faults = judge.faults(matches_of(result), *known[path], judge.last)
        if faults:
            problems.append(f"afterwards {path}: {len(faults)} faults: {faults[0]}")
    return known, problems


def work(
    library: Library, folder: Path, home: Home, first: Round, least: int, asked: Sequence[Question]
) -> tuple[History, list[Answer]]:
    """The writer and the readers, each in a process of its own."""
    stop = home.path.parent / "stop"
    with ProcessPoolExecutor(READERS + 1, multiprocessing.get_context("spawn")) as pool:
        writer = pool.submit(write, library, folder, home, first, least, stop)
        readers = [pool.submit(read, asked[number::READERS], home) for number in range(READERS)]
        try:
            answers = [answer for reader in readers for answer in reader.result(RUN_LIMIT)]
        finally:
            stop.touch()
        return writer.result(RUN_LIMIT), answers


def show(answers: Sequence[Answer], history: History) -> None:
    print(f"{'queries':<9}{'asked':>7}{'p50':>9}{'p95':>9}{'p99':>9}{'slowest':>9}{'exact':>7}")
    for name in (*WAYS, "all"):
        some = [answer for answer in answers if name in ("all", answer.question.way)]
        figures = "".join(f"{percentile(some, share):>7.2f} s" for share in (50, 95, 99, 100))
        exact = sum(answer.exact_because is not None for answer in some)
        print(f"{name:<9}{len(some):>7}{figures}{exact:>7}")
    spans = [round_.ended - round_.begun for round_ in history.rounds[1:]]
    print(f"{len(spans)} index runs of {np.median(spans):.1f} s beside them")
    print(f"{history.writers} processes that wrote to Chroma")
    for reason, count in Counter(a.exact_because for a in answers if a.exact_because).most_common(SHOWN):
        print(f"exact search, {count} x {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5, help="index runs at least")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as scratch:
        home, folder, outside = (
            Home(Path(scratch) / "home"),
            Path(scratch) / "music",
            Path(scratch) / "outside",
        )
        made_up = make_home(home, arguments.tracks, rng)
        library = Library(folder, rng)
        stable = library.add(library.stable, STABLE)
        library.add(library.moving, MOVING)
        asked = questions(made_up, stable, library.add(outside, OUTSIDE), arguments.queries, rng)
        begun = time.monotonic()
        files, failed = index(folder, home)
        first = Round(begun, time.monotonic(), files)
        history, answers = work(library, folder, home, first, arguments.rounds, asked)
        judge = Judge(home, made_up, history)
        known, problems = ask_again(asked, home, judge)
    for answer in answers:
        path = answer.question.path
        faults = [answer.error] if answer.error else judge.of(answer, *known[path])
        if faults:
            problems.append(f"{answer.told()}: {len(faults)} faults: {faults[0]}")
    problems += [f"failed: {failure}" for failure in [*failed, *history.failed]]
    if percentile(answers, 99) > TIME_LIMIT:
        problems.append(f"p99 is over {TIME_LIMIT:g} s")
    show(answers, history)
    print(f"{len(known)} queries again afterwards, against exact search")
    for problem in problems[:SHOWN]:
        print(f"PROBLEM {problem}")
    print(f"{len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
