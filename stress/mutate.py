"""Damaged audio files by the thousand: each is indexed or fails with a reason, and the run goes on.

usage: python stress/mutate.py [--rounds N] [--seed N] [--batch N] [--keep DIR]

Encodes short music in every format that can be made here, damages copies, and indexes them batch
by batch, intact files among them, through the real command line in a process of its own; only the
encoder is another, with OpenL3's rate and resampler but no network. A decoding process that takes
more than 3 GB is killed, as the system would, and counts as a failure of the test. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import numpy as np

import audiosim.extract
import audiosim.indexing.survey
from audiosim.audio.events import DecodeEvent, Ended, Failed, Probed
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.cli import main as audiosim_command
from audiosim.core.types import Float32, Framing
from audiosim.encoders.pooling import pool
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from audio_files import FORMS, Form, music, write, write_tags
from fake_encoder import FakeEncoder

FILE_LIMIT = 15.0  # s that one file may take
BATCH_LIMIT = 900.0  # s
MEMORY_LIMIT = 1.5e9  # bytes, all processes of a run together
KILL_LIMIT = 3e9  # bytes, one process
SAMPLE_INTERVAL = 0.05  # s
CONTROLS = 6  # intact files in a batch
VARIANTS = 3  # intact files of each form
SAME = 0.9999  # least cosine of an intact file's vector to what it is without damaged files beside it
SHOWN = 25  # problems
TAGGED = {"flac", "vorbis", "opus", "mp3", "aac", "alac", "wma", "ogg-flac", "wavpack"}
EXTREMES = (0, 1, 2, 255, 1 << 15, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1)

MORE_FORMS = {
    "wav-adpcm": Form(".wav", "WAV", "IMA_ADPCM"),
    "wav-ulaw": Form(".wave", "WAV", "ULAW"),
    "wavex": Form(".wav", "WAVEX", "PCM_24"),
    "rf64": Form(".rf64", "RF64", "PCM_16"),
    "w64": Form(".w64", "W64", "PCM_16"),
    "aiff-float": Form(".aifc", "AIFF", "FLOAT"),
    "au": Form(".au", "AU", "PCM_16"),
    "caf": Form(".caf", "CAF", "PCM_16"),
    "voc": Form(".voc", "VOC", "PCM_16"),
    "mp2": Form(".mp2", "mp2", "mp2", ffmpeg=True),
    "ac3": Form(".ac3", "ac3", "ac3", ffmpeg=True, rate=48_000),
    "adts": Form(".aac", "adts", "aac", ffmpeg=True),
    "webm-opus": Form(".webm", "webm", "libopus", ffmpeg=True, rate=48_000),
    "mka-flac": Form(".mka", "matroska", "flac", ffmpeg=True),
    "mka-vorbis": Form(".mka", "matroska", "vorbis", ffmpeg=True),
    "ogg-flac": Form(".oga", "ogg", "flac", ffmpeg=True),
    "mka-ac3": Form(".mka", "matroska", "ac3", ffmpeg=True, rate=48_000),
    "mp4": Form(".mp4", "mp4", "aac", ffmpeg=True, rate=22_050),
    "wavpack": Form(".wv", "wv", "wavpack", ffmpeg=True),
    "tta": Form(".tta", "tta", "tta", ffmpeg=True),
    "caf-alac": Form(".caf", "caf", "alac", ffmpeg=True),
}

ALL_FORMS = FORMS | MORE_FORMS

Random = np.random.Generator
Mutation = Callable[[Random, bytearray, bytes], bytes | bytearray]


class Cheap(FakeEncoder):
    """The tests' fake encoder, fed as OpenL3 is."""

    def __init__(self) -> None:
        super().__init__()
        rate = 6 * self.spec.sample_rate  # 48 kHz
        self.spec = replace(
            self.spec, sample_rate=rate, resampler="kaiser_best", framing=Framing(window=rate, hop=rate)
        )

    def embed(self, windows: Float32) -> Float32:
        return super().embed(windows[:, ::6])


class Timed(DecodeSupervisor):
    """Notes how long each file is under way."""

    seconds: ClassVar[dict[str, float]] = {}

    def events(self, paths: Iterable[bytes]) -> Iterator[DecodeEvent]:
        begun: dict[bytes, float] = {}

        def noted() -> Iterator[bytes]:
            for path in paths:
                begun[path] = time.monotonic()
                yield path

        for event in super().events(noted()):
            if isinstance(event, Ended | Failed) or (isinstance(event, Probed) and not event.wanted):
                name = os.fsdecode(os.path.basename(event.path))
                self.seconds[name] = time.monotonic() - begun[event.path]
            yield event


def child(times: str, arguments: list[str]) -> None:
    """The audiosim command with another encoder; leaves in `times` how long each file took."""
    sys.argv = ["audiosim", *arguments]
    try:
        with (
            patch.object(audiosim.indexing.survey, "load_encoder", lambda *_, **__: Cheap()),
            patch.object(audiosim.extract, "DecodeSupervisor", Timed),
        ):
            audiosim_command()
    finally:
        Path(times).write_text(json.dumps(Timed.seconds))


def block(rng: Random, data: bytes | bytearray) -> slice:
    """Somewhere, from one byte to half of the data; short as likely as long."""
    length = int(2 ** rng.uniform(0, np.log2(max(2, len(data) // 2))))
    start = int(rng.integers(0, max(1, len(data) - length)))
    return slice(start, start + length)


def structural(rng: Random, data: bytearray) -> int:
    """The index of a byte near the start, where headers are, or near the end, as in MP4."""
    depth = min(len(data) - 1, int(2 ** rng.uniform(0, 11)))
    return depth if rng.random() < 0.75 else len(data) - 1 - depth


def truncate(rng: Random, data: bytearray, other: bytes) -> bytearray:
    return data[: int(rng.integers(0, len(data)))]


def flip_bits(rng: Random, data: bytearray, other: bytes) -> bytearray:
    for index in rng.integers(0, len(data), int(2 ** rng.uniform(0, 10))):
        data[index] ^= 1 << int(rng.integers(8))
    return data


def flip_header_bits(rng: Random, data: bytearray, other: bytes) -> bytearray:
    for _ in range(int(rng.integers(1, 9))):
        data[structural(rng, data)] ^= 1 << int(rng.integers(8))
    return data


def swap_header_bytes(rng: Random, data: bytearray, other: bytes) -> bytearray:
    for _ in range(int(rng.integers(1, 5))):
        a, b = structural(rng, data), structural(rng, data)
        data[a], data[b] = data[b], data[a]
    return data


def length_field(rng: Random, data: bytearray, other: bytes) -> bytearray:
    """An aligned or unaligned number of the header becomes none or huge."""
    size = int(rng.choice([2, 4, 8]))
    start = structural(rng, data)
    if rng.random() < 0.7:
        start -= start % 4
    value = EXTREMES[int(rng.integers(len(EXTREMES)))] % (1 << 8 * size)
    data[start : start + size] = value.to_bytes(size, "little" if rng.random() < 0.5 else "big")
    return data


def zero_block(rng: Random, data: bytearray, other: bytes) -> bytearray:
    place = block(rng, data)
    data[place] = bytes(len(data[place]))
    return data


def noise_block(rng: Random, data: bytearray, other: bytes) -> bytearray:
    place = block(rng, data)
    data[place] = rng.bytes(len(data[place]))
    return data


def duplicate_block(rng: Random, data: bytearray, other: bytes) -> bytearray:
    place = block(rng, data)
    data[place.stop : place.stop] = data[place]
    return data


def delete_block(rng: Random, data: bytearray, other: bytes) -> bytearray:
    del data[block(rng, data)]
    return data


def swap_blocks(rng: Random, data: bytearray, other: bytes) -> bytearray:
    place = block(rng, data)
    moved = data[place]
    del data[place]
    start = int(rng.integers(0, len(data) + 1))
    data[start:start] = moved
    return data


def insert_garbage(rng: Random, data: bytearray, other: bytes) -> bytearray:
    start = [0, structural(rng, data), int(rng.integers(len(data))), len(data)][int(rng.integers(4))]
    data[start:start] = rng.bytes(int(2 ** rng.uniform(0, 16)))
    return data


def splice(rng: Random, data: bytearray, other: bytes) -> bytes:
    """The start of one file, the end of another format's."""
    return bytes(data[: int(rng.integers(len(data)))]) + other[int(rng.integers(len(other))) :]


def repeat(rng: Random, data: bytearray, other: bytes) -> bytes:
    return bytes(data) + (bytes(data) if rng.random() < 0.5 else other)


MUTATIONS: tuple[Mutation, ...] = (
    truncate, flip_bits, flip_header_bits, swap_header_bytes, length_field, zero_block, noise_block,
    duplicate_block, delete_block, swap_blocks, insert_garbage, splice, repeat,
)  # fmt: skip


@dataclass(frozen=True)
class Intact:
    """A file as the encoder made it."""

    form: str
    suffix: str
    variant: int
    data: bytes

    @property
    def name(self) -> str:
        return f"{self.form}-{self.variant}"


@dataclass(frozen=True)
class Case:
    """One file of a batch."""

    source: Intact
    mutations: tuple[str, ...]  # none: intact
    path: Path


@dataclass
class Tally:
    """What was tried and what became of it."""

    tried: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)  # s, by form
    slowest_file: tuple[float, str] = (0.0, "")
    peak: int = 0  # bytes
    unlisted: int = 0  # failed, but not among the run's own failures
    blamed: Counter[str] = field(default_factory=Counter)  # reasons that blame the decoder
    problems: list[str] = field(default_factory=list)


def make_intact(folder: Path, seed: int) -> tuple[list[Intact], list[str]]:
    """Files of every form, and the forms that can't be made here."""
    made: list[Intact] = []
    absent = []
    rng = np.random.default_rng(seed)
    for name in ALL_FORMS:
        try:
            made += [_encoded(folder, name, variant, rng) for variant in range(VARIANTS)]
        except Exception as error:  # whatever an encoder that is not there raises
            absent.append(f"{name} ({type(error).__name__})")
    return made, absent


def _encoded(folder: Path, name: str, variant: int, rng: Random) -> Intact:
    """Of a music of its own: no two intact files hold the same audio."""
    form = ALL_FORMS[name]
    path = folder / f"{name}-{variant}{form.suffix}"
    sound = music(1 + variant / 2, form.rate, channels=1 + variant % 2, seed=int(rng.integers(1 << 31)))
    write(path, sound, form)
    if name in TAGGED and variant:
        write_tags(path, title=f"Title {variant}", artist="Somebody", year="1999", track="3")
    return Intact(name, form.suffix, variant, path.read_bytes())


def damaged(intact: Sequence[Intact], number: int, seed: int, folder: Path) -> Case:
    """The damaged file with this number, the same for the same seed."""
    rng = np.random.default_rng([seed, number])
    source, other = (intact[int(index)] for index in rng.integers(0, len(intact), 2))
    count = int(rng.choice([1, 1, 2, 3]))
    chosen = [MUTATIONS[int(index)] for index in rng.integers(0, len(MUTATIONS), count)]
    data = bytearray(source.data)
    for mutate in chosen:
        if len(data) > 1:
            data = bytearray(mutate(rng, data, other.data))
    names = tuple(mutate.__name__ for mutate in chosen)
    path = folder / f"{number:05}-{source.name}-{'+'.join(names)}{source.suffix}"
    path.write_bytes(data)
    return Case(source, names, path)


def controls(intact: Sequence[Intact], numbers: range, seed: int, folder: Path) -> Iterator[Case]:
    """Intact files, their names somewhere among the damaged ones'."""
    rng = np.random.default_rng([seed, numbers.start, numbers.stop])
    for index in rng.choice(len(intact), CONTROLS, replace=False):
        source = intact[int(index)]
        path = folder / f"{rng.integers(numbers.start, numbers.stop):05}-{source.name}-intact{source.suffix}"
        path.write_bytes(source.data)
        yield Case(source, (), path)


def memory(pid: int) -> dict[int, int]:
    """The most bytes that a process, and each of those below it, has had resident so far."""
    found: dict[int, int] = {}
    with suppress(OSError, ValueError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found[pid] = 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir():
            for word in (task / "children").read_text().split():
                found |= memory(int(word))
    return found


def watch(process: subprocess.Popen[bytes]) -> int:
    """Waits for a run to end; the most memory it had. Kills what takes far too much, or too long."""
    peak, deadline = 0, time.monotonic() + BATCH_LIMIT
    while process.poll() is None:
        sizes = memory(process.pid)
        peak = max(peak, sum(sizes.values()))
        for pid, size in sizes.items():
            if size > KILL_LIMIT:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(SAMPLE_INTERVAL)
    return peak


def run(cases: Sequence[Case], scratch: Path, tally: Tally) -> dict[str, Float32]:
    """Indexes a batch and judges the outcome; the vectors of its intact files by name."""
    home, times, out, err = (scratch / name for name in ("home", "times", "out", "err"))
    folder = cases[0].path.parent
    command = [sys.executable, __file__, "--child", str(times), "index", str(folder), "--home", str(home)]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, "--json"], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        peak = watch(process)
    tally.peak = max(tally.peak, peak)
    if peak > MEMORY_LIMIT:
        tally.problems.append(f"{folder.name}: {peak / 1e6:.0f} MB at its peak")
    text = err.read_text(errors="replace")
    if "Traceback" in text or "Exception in thread" in text or "Fatal Python error" in text:
        tally.problems.append(f"{folder.name}: stderr says: {text[-1000:]}")
    if process.returncode not in (0, 3):
        tally.problems.append(f"{folder.name}: exit code {process.returncode}: {text[-300:]}")
        return {}
    report = json.loads(out.read_text())
    if (process.returncode == 3) != bool(report["failed"]):
        tally.problems.append(f"{folder.name}: exit code {process.returncode}, but {report['failed']} failed")
    _time(json.loads(times.read_text()), cases, tally)
    return _account(cases, home, {Path(failure["path"]).name for failure in report["failures"]}, tally)


def _time(seconds: dict[str, float], cases: Sequence[Case], tally: Tally) -> None:
    for case in cases:
        took, form = seconds.get(case.path.name, 0.0), case.source.form
        tally.slowest[form] = max(tally.slowest.get(form, 0.0), took)
        tally.slowest_file = max(tally.slowest_file, (took, case.path.name))
        if took > FILE_LIMIT:
            tally.problems.append(f"{case.path.name}: took {took:.1f} s")


def _account(cases: Sequence[Case], home: Path, listed: set[str], tally: Tally) -> dict[str, Float32]:
    """Every file is in the catalog: indexed, or failed with one line of reason."""
    vectors: dict[str, Float32] = {}
    with Catalog(home / "catalog.db", read_only=True) as catalog:
        configuration = catalog.settings.configuration
        assert configuration is not None
        cache = Cache(configuration.cache, configuration.spec)
        for case in cases:
            row = catalog.files.get(os.fsencode(case.path))
            for key in (case.source.form, *case.mutations):
                tally.tried[key] += bool(case.mutations)
                tally.failed[key] += row is not None and row.state == "failed" and bool(case.mutations)
            if row is None or row.state not in ("indexed", "failed"):
                tally.problems.append(f"{case.path.name}: unaccounted for")
            elif row.state == "failed":
                _judge_failure(case, row.reason or "", listed, tally)
            elif not case.mutations:
                cached = cache.read(row.digest or "")
                assert cached is not None
                vectors[case.source.name] = pool(cached.frames).vector  # centres differ from batch to batch
    return vectors


def _judge_failure(case: Case, reason: str, listed: set[str], tally: Tally) -> None:
    tally.unlisted += case.path.name not in listed
    if not reason or len(reason.splitlines()) > 1:
        tally.problems.append(f"{case.path.name}: its reason is {reason!r}")
    if "SIGKILL" in reason:
        tally.problems.append(f"{case.path.name}: its decoder took more than {KILL_LIMIT / 1e9:g} GB")
    if not case.mutations:
        tally.problems.append(f"{case.path.name}: intact, but failed: {reason}")
    if reason.startswith(("the decoder failed", "its decoder")):
        tally.blamed[f"{case.source.form}: {reason[:150]}"] += 1


def batch(
    intact: Sequence[Intact],
    numbers: range,
    seed: int,
    expected: dict[str, Float32],
    tally: Tally,
    keep: Path | None,
) -> None:
    """Makes damaged files with these numbers and intact ones, indexes them and compares."""
    before = len(tally.problems)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / f"batch-{numbers.start:05}"
        folder.mkdir()
        cases = [damaged(intact, number, seed, folder) for number in numbers]
        cases += controls(intact, numbers, seed, folder)
        for name, vector in run(cases, Path(scratch), tally).items():
            cosine = float(vector @ expected[name])
            if cosine < SAME:
                tally.problems.append(f"{folder.name}: {name}, intact, has cosine {cosine:.4f} to itself")
        if keep is not None and len(tally.problems) > before:
            shutil.copytree(folder, keep / folder.name, dirs_exist_ok=True)


def reference(intact: Sequence[Intact], tally: Tally) -> dict[str, Float32]:
    """The vectors of the intact files with no damaged ones beside them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "intact"
        folder.mkdir()
        cases = [Case(source, (), folder / f"{source.name}{source.suffix}") for source in intact]
        for case in cases:
            case.path.write_bytes(case.source.data)
        return run(cases, Path(scratch), tally)


def show(tally: Tally, forms: Sequence[str], absent: Sequence[str], seconds: float) -> None:
    print(f"{'format':<18}{'damaged':>8}{'indexed':>8}{'failed':>8}{'slowest':>9}")
    for name in forms:
        tried, failed = tally.tried[name], tally.failed[name]
        print(f"{name:<18}{tried:>8}{tried - failed:>8}{failed:>8}{tally.slowest.get(name, 0):>7.1f} s")
    print(f"\n{'mutation':<18}{'files':>8}{'indexed':>8}{'failed':>8}")
    for mutate in MUTATIONS:
        tried, failed = tally.tried[mutate.__name__], tally.failed[mutate.__name__]
        print(f"{mutate.__name__:<18}{tried:>8}{tried - failed:>8}{failed:>8}")
    tried, failed = (sum(counts[name] for name in forms) for counts in (tally.tried, tally.failed))
    print(f"\n{tried} damaged files in {seconds:.0f} s: {tried - failed} indexed, {failed} failed")
    print(f"failed, but not among the run's failures (same audio as another): {tally.unlisted}")
    print(f"slowest: {tally.slowest_file[0]:.1f} s, {tally.slowest_file[1]}")
    print(f"peak memory of a run: {tally.peak / 1e6:.0f} MB; not made here: {', '.join(absent) or 'nothing'}")
    for reason, count in tally.blamed.most_common(SHOWN):
        print(f"blames the decoder, {count} x {reason}")
    for problem in tally.problems[:SHOWN]:
        print(f"PROBLEM {problem}")
    print(f"{len(tally.problems)} problems")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2000, help="damaged files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=100, help="damaged files in one run of audiosim")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--keep", type=Path, help="folder for the batches that had problems")
    arguments = parser.parse_args()
    tally, start = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        intact, absent = make_intact(Path(folder), arguments.seed)
    expected = reference(intact, tally)
    stop = arguments.first + arguments.rounds
    for first in range(arguments.first, stop, arguments.batch):
        numbers = range(first, min(first + arguments.batch, stop))
        batch(intact, numbers, arguments.seed, expected, tally, arguments.keep)
    show(tally, list(dict.fromkeys(source.form for source in intact)), absent, time.monotonic() - start)
    sys.exit(bool(tally.problems))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
    else:
        main()
