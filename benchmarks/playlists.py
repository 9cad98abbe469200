"""How smooth radios and paths are over the tracks of a home, beside those of an older checkout.

    python benchmarks/playlists.py HOME [--lists 20] [--length 20] [--old CHECKOUT]

Seeds and ends are drawn from the home's tracks of 30 s and more. Each list is made by the command, as
people make it. Printed for each kind: the lowest similarity of a step and, of radios, to the seed (its
median over the lists, and the worst); pieces under 30 s; and how often an artist (the folder, where none
is named) comes again within three tracks.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audiosim.library.index import open_index
from audiosim.search.radio import apart, voices

ROOT = Path(__file__).parent.parent
SPACING = 3
SHORT = 30.0  # s


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--lists", type=int, default=20, help="of each kind")
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--old", type=Path, help="a checkout to compare with")
    options = parser.parse_args()
    with open_index(options.home) as index:
        entries = list(index.catalog.tracks.entries())
    vectors = {entry.track.path: entry.vector for entry in entries}
    tracks = {entry.track.path: entry.track for entry in entries}
    long = [path for path, track in tracks.items() if (track.duration or 0.0) >= SHORT]
    draw = random.Random(options.seed)
    seeds = [draw.choice(long) for _ in range(options.lists)]
    ends = [draw.sample(long, 2) for _ in range(options.lists)]
    for name, checkout in (("old", options.old), ("new", ROOT)):
        if checkout is None:
            continue
        asked: dict[str, list[tuple[str, ...]]] = {
            "radios": [("--seed", os.fsdecode(seed)) for seed in seeds],
            "paths": [("--start", os.fsdecode(a), "--end", os.fsdecode(b)) for a, b in ends],
        }
        for kind, arguments in asked.items():
            lists = [_made(checkout, options.home, options.length, words) for words in arguments]
            print(f"{name} {kind}: {_summary(lists, vectors, tracks)}", flush=True)


def _made(checkout: Path, home: Path, length: int, words: Sequence[str]) -> list[bytes]:
    command = [
        sys.executable,
        "-m",
        "audiosim",
        "playlist",
        "--json",
        "--quiet",
        "--home",
        str(home.absolute()),
    ]
    command += ["--length", str(length), *words]
    done = subprocess.run(command, cwd=checkout, capture_output=True, check=True)
    return [os.fsencode(track["path"]) for track in json.loads(done.stdout)["tracks"]]


def _summary(lists: list[list[bytes]], vectors: dict[bytes, Any], tracks: dict[bytes, Any]) -> str:
    steps, seeds = [], []
    short = again = 0
    for paths in lists:
        rows = np.stack([vectors[path] for path in paths])
        steps.append(float(np.einsum("ij,ij->i", rows[1:], rows[:-1]).min()))
        seeds.append(float((rows @ rows[0]).min()))
        short += sum((tracks[path].duration or 0.0) < SHORT for path in paths)
        by = [voices(tracks[path]) for path in paths]
        again += sum(apart(own, by[:place], SPACING) < SPACING for place, own in enumerate(by))
    return (
        f"lowest step {statistics.median(steps):.2f} (worst {min(steps):.2f}),"
        f" to the first {statistics.median(seeds):.2f} (worst {min(seeds):.2f}),"
        f" {short} pieces under {SHORT:g} s, {again} of {sum(map(len, lists))} by an artist within {SPACING}"
    )


if __name__ == "__main__":
    main()
