"""Speed of the whole pipeline on files, by stage, and its memory.

usage: python benchmarks/pipeline.py [--reference PYTHON] [--pairs N] [--json]
       python benchmarks/pipeline.py --memory HOURS [--json]

The first indexes clips (WAV 44.1 kHz stereo, then the same as MP3) into fresh homes with OpenL3,
mel256, hop 1 s, and has openl3's process_audio_file do the same clips. The second indexes one
file of that many hours in a process of its own, and samples its memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from common import Reference, parser, peak_memory, report, seconds, shown, spread
from recipe import write_weights

from audiosim import index_folder
from audiosim.core.types import EncoderSpec, Float32
from audiosim.encoders.openl3 import OpenL3Encoder
from audiosim.encoders.openl3_weights import read_weights

RATE = 44_100  # Hz


def write_clip(path: Path, duration: float, seed: int) -> None:
    """Changing chords in noise, stereo, in blocks of 10 s."""
    rng = np.random.default_rng(seed)
    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        for start in range(0, int(duration), 10):
            t = np.arange(int(min(10, duration - start)) * RATE) / RATE
            chord = sum(0.1 * np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 2000, 4))
            file.write(np.stack([chord, chord], 1) + 0.05 * rng.normal(size=(len(t), 2)))


class Timed:
    """An encoder that notes when it was first called: the end of start-up."""

    def __init__(self, encoder: OpenL3Encoder) -> None:
        self._encoder = encoder
        self.batch_size = encoder.batch_size
        self.dtype = encoder.dtype
        self.first = 0.0
        self.windows = 0

    @property
    def spec(self) -> EncoderSpec:
        return self._encoder.spec

    @property
    def stage_seconds(self) -> dict[str, float]:
        return self._encoder.stage_seconds

    def embed(self, windows: Float32) -> Float32:
        self.first = self.first or time.perf_counter()
        self.windows += len(windows)
        return self._encoder.embed(windows)


def index(folder: Path, encoder: OpenL3Encoder) -> dict[str, Any]:
    """One run into a fresh home: wall time in s, whole and after start-up, and its stages."""
    timed = Timed(encoder)
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        report = index_folder([folder], home=home, encoder=timed)
        end = time.perf_counter()
    return {
        "wall": end - start,
        "after": end - timed.first,
        "stages": report.stages,
        "windows": timed.windows,
    }


def compare(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    with tempfile.TemporaryDirectory() as scratch:
        wav, mp3 = Path(scratch) / "wav", Path(scratch) / "mp3"
        for folder in (wav, mp3):
            folder.mkdir()
            for number in range(arguments.clips):
                write_clip(folder / f"{number}.{folder.name}", arguments.seconds, number)
        weights = Path(scratch) / "weights.h5"
        write_weights(weights)
        encoder = OpenL3Encoder(read_weights(weights))
        runs = [index(wav, encoder)]  # builds graphs, imports Chroma
        windows = np.random.default_rng(0).normal(0, 0.1, (runs[0]["windows"], 48_000)).astype(np.float32)
        openl3 = Reference(arguments.reference, weights, "mel256", "512") if arguments.reference else None
        rows = []
        for _ in range(arguments.pairs):
            ours, ours_mp3 = index(wav, encoder), index(mp3, encoder)
            row = {
                "wav": ours["wall"],
                "wav after start-up": ours["after"],
                "mp3 after start-up": ours_mp3["after"],
                "network alone": seconds(lambda: encoder.embed(windows)),
                "stages": ours["stages"],
            }
            if openl3:
                row["openl3"] = openl3(str(wav))
            rows.append(row)
        if openl3:
            openl3.close()
    return summarise(rows, arguments)


def summarise(rows: list[dict[str, Any]], arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    ratios = {
        "wall after start-up / network alone": [r["wav after start-up"] / r["network alone"] for r in rows],
        "mp3 / wav": [r["mp3 after start-up"] / r["wav after start-up"] for r in rows],
    }
    if arguments.reference:
        ratios["openl3 process_audio_file / audiosim index"] = [r["openl3"] / r["wav"] for r in rows]
    stages = {name: spread([row["stages"][name] for row in rows]) for name in rows[0]["stages"]}
    results = {
        "clips": arguments.clips,
        "seconds": arguments.seconds,
        "wall": spread([row["wav"] for row in rows]),
        "ratios": {name: spread(values) for name, values in ratios.items()},
        "stages": stages,
        "pairs": len(rows),
    }
    lines = [f"{name}: {shown(figures)}" for name, figures in results["ratios"].items()]
    lines.append(
        f"wall: {shown(results['wall'], ' s')} for {arguments.clips} clips of {arguments.seconds:g} s"
    )
    lines += [f"  {name}: {shown(figures, ' s')}" for name, figures in stages.items()]
    return results, lines


def memory(hours: float) -> tuple[dict[str, Any], list[str]]:
    with tempfile.TemporaryDirectory() as scratch:
        track, weights = Path(scratch) / "mix.flac", Path(scratch) / "weights.h5"
        write_clip(track, 3600 * hours, 0)
        write_weights(weights)
        command = [sys.executable, "-m", "audiosim", "index", str(track), "--home", f"{scratch}/home"]
        environment = {**os.environ, "AUDIOSIM_WEIGHTS": f"{scratch}/kept"}
        start = time.perf_counter()
        command += ["--weights", str(weights), "-v"]
        with subprocess.Popen(command, env=environment) as process, peak_memory(process.pid) as peak:
            process.wait()
    wall = time.perf_counter() - start
    results = {"hours": hours, "wall": wall, "peak bytes": peak[0]}
    return results, [f"{hours:g} h in {wall:.0f} s: peak {peak[0] / 1e6:.0f} MB, decoders included"]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--reference", metavar="PYTHON", help="of an environment with openl3 0.4.2")
    options.add_argument("--pairs", type=int, default=10)
    options.add_argument("--clips", type=int, default=4)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--memory", type=float, metavar="HOURS")
    arguments = options.parse_args()
    results, lines = memory(arguments.memory) if arguments.memory else compare(arguments)
    report(results, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
