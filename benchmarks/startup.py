"""Start-up and re-scans on a library of 10,000 short files.

usage: python benchmarks/startup.py [--files N] [--runs N] [--old CHECKOUT] [--json]

Makes the files, indexes them with an encoder that costs nothing, then times whole commands. With --old,
the folder of an older checkout, its commands and ours are timed in turn on one home, which both must read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import soundfile
from common import pairs, parser, peak_memory, report, seconds, shown, spread

from audiosim import IndexReport, index_folder
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


def command(*arguments: object, checkout: Path | None = None) -> Any:
    """A function that runs audiosim once, ours or a checkout's; errors end the benchmark."""
    line = [sys.executable, "-m", "audiosim", *map(str, arguments)]
    place = Path(__file__).parents[1] if checkout is None else checkout
    environment = {**os.environ, "PYTHONPATH": str(place)}
    return lambda: subprocess.run(line, check=True, capture_output=True, env=environment)


def against(checkout: Path, lines: dict[str, list[object]], runs: int) -> dict[str, Any]:
    """Timings of commands in pairs, a checkout's first."""
    return {
        name: pairs(
            lambda line=line: seconds(command(*line, checkout=checkout)),  # type: ignore[misc]
            lambda line=line: seconds(command(*line)),  # type: ignore[misc]
            runs,
        )
        for name, line in lines.items()
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--old", type=Path)
    arguments = options.parse_args()
    results: dict[str, Any] = {"files": arguments.files}
    lines = []

    def timed(name: str, function: Any) -> None:
        results[name] = spread([seconds(function) for _ in range(arguments.runs)])
        lines.append(f"{name}: {shown(results[name], ' s')}")

    with tempfile.TemporaryDirectory() as scratch:
        music, home = Path(scratch) / "music", Path(scratch) / "home"
        make_files(music, arguments.files)
        with peak_memory(os.getpid()) as peak:
            first = index(music, home)
        results["first run"] = {"seconds": first.seconds, "indexed": first.indexed, "peak bytes": peak[0]}
        lines.append(
            f"first run: {first.indexed} files in {first.seconds:.0f} s, peak {peak[0] / 1e6:.0f} MB"
        )
        query = music / "0000" / "00.flac"
        settled: dict[str, list[object]] = {
            "--help": ["--help"],
            "re-index, all unchanged": ["index", "--home", home],
            "similar, nothing in Chroma's write-ahead log": ["similar", query, "--home", home],
        }
        for name, line in settled.items():
            timed(name, command(*line))
        if arguments.old:
            results["old"] = against(arguments.old.absolute(), settled, arguments.runs)
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
        timed(
            "similar, 900 rows in Chroma's write-ahead log or more", command("similar", query, "--home", home)
        )
    report(results, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
