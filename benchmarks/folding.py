"""What telling recordings apart costs at 10,000 tracks, and whether it is right: whole commands.

usage: python benchmarks/folding.py [--tracks N] [--runs N] [--old CHECKOUT] [--json]

Makes a home of tracks of three to five minutes, of the shape of OpenL3's vectors, with fingerprints
(landmarks.py) and without caches; one in fifty is a copy of the one before, encoded anew. `duplicates` is
timed by the clock and by the processor, and its groups held against what was made. `similar` is timed
in pairs with itself where nothing is folded; with --old, the folder of another checkout, with that; not
with --runs 0, which needs no Chroma. A large home is made once with --folder.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import pairs, parser, peak_memory, report, seconds, shown, tree_memory
from landmarks import copy_of, landmarks

from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, FrameEmbeddings, Framing, Tags
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.statistics import refresh
from audiosim.store import Store

SHORTEST, LONGEST = 180, 300  # s
RATE, DIMENSION = 48_000, 512
SPEC = EncoderSpec("synthetic", 1, (), "none", RATE, "soxr_hq", 1.0, DIMENSION, Framing(RATE, RATE))
CENTRES = 200
WINDOWS = 20  # of a track
COPIES = 50  # every so many tracks one is a copy of the one before
MAIN = "from audiosim.cli import main; main()"
HERE = Path(__file__).parent.parent


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tracks", type=int, default=10_000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--old", type=Path)
    arguments.add_argument("--folder", type=Path, help="where the home stays [default: a temporary folder]")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home((chosen.folder or Path(folder)) / "home")
        if not home.catalog.exists():
            make(home, chosen.tracks, with_store=chosen.runs > 0)
        results: dict[str, Any] = {"duplicates": duplicates(home, chosen.tracks)}
        if chosen.runs:
            results["folding"] = against(home, chosen.runs, "--show-duplicates")
        if chosen.old and chosen.runs:
            results["old"] = against(home, chosen.runs, checkout=chosen.old.absolute())
    found = results["duplicates"]
    lines = [
        f"duplicates of {chosen.tracks} tracks: {found['seconds']:.1f} s, {found['processor']:.1f} s of"
        f" processor; {found['found']} of {found['copies']} copies,"
        f" {found['wrong']} wrong groups; peak {found['peak bytes'] / 1e6:.0f} MB",
    ]
    if chosen.runs:
        lines.append(f"similar, with folding / without: {shown(results['folding']['ratio'])}")
    if "old" in results:
        lines.append(f"similar, new / old: {shown(results['old']['ratio'])}")
    report(results, lines, as_json=chosen.json)


def make(home: Home, count: int, *, with_store: bool) -> None:
    """A home without caches; Chroma in step with it, or with nothing in it."""
    configuration = Configuration(SPEC, "mean", home.cache)
    home.path.mkdir(parents=True)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(configuration)
        for number in range(count):
            source = original(number)
            rng = np.random.default_rng([source, 2])
            duration = float(rng.integers(SHORTEST, LONGEST + 1))
            heard = landmarks(rng, duration)
            if source != number:
                heard = copy_of(heard, np.random.default_rng([number, 3]))
            info = AudioInfo(f"{number:032x}", duration, RATE, 2, "flac", 1, 1, Tags(f"Song {number}"))
            catalog.files.record(path_of(number), info, configuration.pooler(frames(number)))
            catalog.fingerprints.set(info.digest, heard.to_bytes())
        list(refresh(catalog))
        if with_store:
            Store(home, catalog).flush()


def original(number: int) -> int:
    """The track that holds the recording: another, if this is a copy."""
    return number - (number % COPIES == COPIES - 1)


def frames(number: int) -> FrameEmbeddings:
    """A track near one of the centres; a copy is not quite like it."""
    rng = np.random.default_rng(original(number))
    centre = np.random.default_rng(10**9 + original(number) % CENTRES).normal(size=DIMENSION)
    rows = 2 + centre + 0.7 * rng.normal(size=DIMENSION) + rng.normal(size=(WINDOWS, DIMENSION))
    if original(number) != number:
        rows += 0.1 * np.random.default_rng(number).normal(size=rows.shape)
    return FrameEmbeddings(
        rows.astype(np.float16), np.arange(WINDOWS, dtype=np.float64), np.full(WINDOWS, -20, np.float16)
    )


def path_of(number: int) -> bytes:
    return b"/music/%03d/%02d.flac" % (number // 100, number % 100)


def command(home: Home, *arguments: str, checkout: Path = HERE) -> str:
    """What audiosim prints; errors end the benchmark."""
    whole = [sys.executable, "-c", MAIN, *arguments, "--home", str(home.path)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(whole, check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def duplicates(home: Home, tracks: int) -> dict[str, float]:
    """How long `duplicates` takes, how many copies it finds, and how many groups hold anything else."""
    told: list[str] = []
    before = _processor()
    with peak_memory(os.getpid()) as peak:
        elapsed = seconds(lambda: told.append(command(home, "duplicates", "--json")))
    processor = _processor() - before
    groups = [[track["path"] for track in group["tracks"]] for group in json.loads(told[0])["groups"]]
    numbers = [number for number in range(tracks) if original(number) != number]
    wanted = [[os.fsdecode(path_of(one)) for one in (original(number), number)] for number in numbers]
    right = sum(group in groups for group in wanted)
    return {
        "seconds": elapsed,
        "processor": processor,
        "copies": len(wanted),
        "found": right,
        "wrong": len(groups) - right,
        "peak bytes": peak[0] - tree_memory(os.getpid()),
    }


def _processor() -> float:
    """Seconds of processor of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def against(home: Home, runs: int, *options: str, checkout: Path = HERE) -> dict[str, Any]:
    """Plain `similar`, in pairs with one of other options, or of another audiosim."""
    words = ["similar", os.fsdecode(path_of(123))]
    return pairs(
        lambda: seconds(lambda: command(home, *words, *options, checkout=checkout)),
        lambda: seconds(lambda: command(home, *words)),
        runs,
    )


if __name__ == "__main__":
    main()
