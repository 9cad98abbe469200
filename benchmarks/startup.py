"""Start-up, a first run and re-scans on a library of 10,000 short files, or more.

usage: python benchmarks/startup.py [--files N] [--runs N] [--old CHECKOUT] [--json]

Makes the files, indexes them with an encoder that costs nothing, and tells what of that time which stage
took, and how much memory it had at each quarter; then times whole commands. With --old, the folder of an
older checkout, its commands and ours are timed in turn on one home, which both must read, and first runs over
100 of the files with MusiCNN, whose weights are in AUDIOSIM_WEIGHTS, on new ones. Where other work runs
beside it, the seconds of processor are to be read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import soundfile
from common import pairs, parser, peak_memory, report, seconds, shown, spread, tree_memory, used

from audiosim import IndexReport, TrackOutcome, index_folder
from audiosim.core.types import EncoderSpec, Float32, Framing
from audiosim.library.catalog import Catalog

RATE = 8_000  # Hz


class Free:
    """An encoder with no network: 512 numbers from the window's own spectrum."""

    spec = EncoderSpec("free", 1, (), "none", RATE, "soxr_hq", 1.0, 512, Framing(RATE, RATE))
    batch_size = 64
    dtype = "float32"
    stage_seconds: dict[str, float] = {"network": 0.0}  # noqa: RUF012

    def embed(self, windows: Float32) -> Float32:
        bands = np.abs(np.fft.rfft(windows, axis=1))[:, 1:3585].reshape(len(windows), 512, 7).sum(axis=2)
        logarithms: Float32 = np.log10(bands + 1e-3).astype(np.float32)
        return logarithms


def make_files(folder: Path, count: int) -> None:
    for number in range(count):
        album = folder / f"{number // 100:04}"
        album.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(number)
        t = np.arange(RATE) / RATE
        tones = sum(0.2 * np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 3500, 3))
        soundfile.write(album / f"{number % 100:02}.flac", tones, RATE)


def index(folder: Path, home: Path) -> IndexReport:
    return index_folder([folder], home=home, encoder=Free())


def first_run(folder: Path, home: Path, files: int) -> dict[str, Any]:
    """What the first run takes: in all, by stage, and in memory at each quarter of the files."""
    before, begun, done = os.times(), time.process_time(), 0
    quarters: list[int] = []

    def look(event: object) -> None:
        nonlocal done
        done += isinstance(event, TrackOutcome)
        if done >= (len(quarters) + 1) * files // 4:
            quarters.append(tree_memory(os.getpid()))

    with peak_memory(os.getpid()) as peak:
        found = index_folder([folder], home=home, encoder=Free(), on_event=look)
    after = os.times()
    return {
        "seconds": found.seconds,
        "own processor": time.process_time() - begun,
        "processor of others": after.children_user + after.children_system
        - before.children_user - before.children_system,
        "indexed": found.indexed,
        "stages": found.stages,
        "bytes at each quarter": quarters,
        "peak bytes": peak[0],
    }  # fmt: skip


def line_of(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "audiosim", *map(str, arguments)]


def environment(checkout: Path | None = None) -> dict[str, str]:
    place = Path(__file__).parents[1] if checkout is None else checkout
    return {**os.environ, "PYTHONPATH": str(place)}


def command(*arguments: object, checkout: Path | None = None) -> Any:
    """A function that runs audiosim once, ours or a checkout's; errors end the benchmark."""
    line, variables = line_of(*arguments), environment(checkout)
    return lambda: subprocess.run(line, check=True, capture_output=True, env=variables)


def against(checkout: Path, lines: dict[str, list[object]], folder: Path, runs: int) -> dict[str, Any]:
    """Timings of commands in pairs, a checkout's first; and of first runs over a folder."""

    def first_of(place: Path | None = None) -> float:
        with tempfile.TemporaryDirectory() as home:
            return seconds(command("index", folder, "--encoder", "musicnn", "--home", home, checkout=place))

    found = {
        name: pairs(
            lambda line=line: seconds(command(*line, checkout=checkout)),  # type: ignore[misc]
            lambda line=line: seconds(command(*line)),  # type: ignore[misc]
            runs,
        )
        for name, line in lines.items()
    }
    return {**found, "first run over 100 files": pairs(lambda: first_of(checkout), first_of, runs)}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--old", type=Path)
    arguments = options.parse_args()
    results: dict[str, Any] = {"files": arguments.files}
    lines = []

    def timed(name: str, *words: object) -> None:
        runs = [used(line_of(*words), env=environment()) for _ in range(arguments.runs)]
        found = {kind: spread([run[kind] for run in runs]) for kind in runs[0]}
        results[name] = found
        clock, processor = shown(found["seconds"], " s"), shown(found["processor"], " s")
        lines.append(
            f"{name}: {clock}, of processor {processor}, peak {found['peak bytes']['max'] / 1e6:.0f} MB"
        )

    with tempfile.TemporaryDirectory() as scratch:
        music, home = Path(scratch) / "music", Path(scratch) / "home"
        make_files(music, arguments.files)
        results["first run"] = first_run(music, home, arguments.files)
        lines += [f"first run, {name}: {value}" for name, value in results["first run"].items()]
        query = music / "0000" / "00.flac"
        settled: dict[str, list[object]] = {
            "--help": ["--help"],
            "re-index, all unchanged": ["index", "--home", home],
            "similar, nothing in Chroma's write-ahead log": ["similar", query, "--home", home],
        }
        for name, line in settled.items():
            timed(name, *line)
        if arguments.old:
            results["old"] = against(arguments.old.absolute(), settled, music / "0000", arguments.runs)
            lines += [f"{name}, new / old: {shown(found['ratio'])}" for name, found in results["old"].items()]
        files = sorted(music.rglob("*.flac"))
        for path in files[:100]:
            path.rename(path.with_name(f"renamed {path.name}"))
        for path in files[100:200]:
            tags = mutagen.File(path)
            tags["title"] = ["Another title"]
            tags.save()
        changed = index(music, home)
        results["100 renamed, 100 retagged"] = {
            name: getattr(changed, name) for name in ("indexed", "moved", "reused", "unchanged", "seconds")
        }
        lines.append(f"100 renamed, 100 retagged: {results['100 renamed, 100 retagged']}")
        with Catalog(home / "catalog.db") as catalog:
            query = Path(os.fsdecode(next(iter(catalog.files.all())).path))
        extra = music / "extra"
        make_files(extra, 900)  # known audio, under new names: 900 rows more
        index(music, home)
        timed("similar, 900 rows in Chroma's write-ahead log or more", "similar", query, "--home", home)
    report(results, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
