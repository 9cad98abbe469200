"""What `audiosim duplicates` finds of copies of real music, from files to groups: precision and recall.

usage: python benchmarks/duplicates.py MUSIC [--tracks N] [--seed N] --encoder musicnn|openl3
           [--max-windows N] [--json]

N tracks of MUSIC, of half a minute to five, are changed in the ways of fingerprints.py and written to files;
tracks and copies are indexed, and their groups held against what was made: precision of all pairs in
groups, recall of copies that are in their track's group, by way. Both encoders may be given. OpenL3 has
seeded weights, as the tests have: its published ones can't be had everywhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

from common import parser, report
from fingerprints import WAYS, some
from recipe import write_weights
from sounds import decoded

MAIN = "from audiosim.cli import main; main()"
HERE = Path(__file__).parent.parent


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("music", type=Path)
    arguments.add_argument("--tracks", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=2, help="chooses the tracks")
    arguments.add_argument("--encoder", choices=("musicnn", "openl3"), action="append", required=True)
    arguments.add_argument("--max-windows", type=int, help="of a track")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        families = made(chosen.music, scratch / "files", chosen.tracks, chosen.seed)
        write_weights(scratch / "weights.h5")
        results: dict[str, Any] = {"files": len(families)}
        for encoder in chosen.encoder:
            options = ["--weights", str(scratch / "weights.h5")] if encoder == "openl3" else []
            if chosen.max_windows:
                options += ["--max-windows", str(chosen.max_windows)]
            home = ["--home", str(scratch / encoder)]
            command("index", str(scratch / "files"), *home, "--encoder", encoder, *options, "--json")
            groups = json.loads(command("duplicates", *home, "--json"))["groups"]
            found = judged(families, [[track["path"] for track in group["tracks"]] for group in groups])
            results[encoder] = found
            if not chosen.json:
                print("\n".join(lines(encoder, found)), flush=True)
    if chosen.json:
        report(results, [], as_json=True)


def made(music: Path, folder: Path, count: int, seed: int) -> dict[str, tuple[int, str]]:
    """Files of tracks and their copies: by path, the number of the track and the way, "" for itself."""
    families: dict[str, tuple[int, str]] = {}
    for number, original in enumerate(some(music, count, seed)):
        samples, rate = decoded(os.fspath(original))
        own = folder / f"{number:03}"
        own.mkdir(parents=True)
        families[os.fspath(shutil.copy(original, own / original.name))] = number, ""
        for way, write in WAYS.items():
            families[str(write(own / way.replace(" ", "-"), samples, rate))] = number, way
    return families


def command(*arguments: str) -> str:
    """What audiosim prints; errors end the benchmark."""
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    if done.returncode not in (0, 3):
        raise SystemExit(f"{arguments[0]}: exit code {done.returncode}")
    return done.stdout


def judged(families: dict[str, tuple[int, str]], groups: list[list[str]]) -> dict[str, Any]:
    """Precision of the pairs in groups, and recall by way."""
    right = wrong = 0
    found: Counter[str] = Counter()
    for group in groups:
        members = [families[path] for path in group]
        for (first, _), (second, _) in combinations(members, 2):
            right += first == second
            wrong += first != second
        originals = {track for track, way in members if not way}
        found.update(way for track, way in members if way and track in originals)
    total = Counter(way for _, way in families.values())
    return {
        "tracks": total[""],
        "files": len(families),
        "pairs in groups": right + wrong,
        "precision": right / max(1, right + wrong),
        "found": {way: found[way] for way in WAYS},
        "recall": {way: found[way] / total[way] for way in WAYS},
    }


def lines(encoder: str, results: dict[str, Any]) -> list[str]:
    """The results for people."""
    told = [f"{encoder}: {results['files']} files of {results['tracks']} tracks"]
    told.append(f"{results['pairs in groups']} pairs in groups, precision {results['precision']:.4f}")
    told += [
        f"{way}: {results['found'][way]} found, recall {share:.3f}"
        for way, share in results["recall"].items()
    ]
    return told


if __name__ == "__main__":
    main()
