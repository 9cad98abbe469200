"""An index exported and imported into a fresh home: time, size, peak memory, and whether answers stay.

usage: python benchmarks/moving.py [--tracks N] [--queries N] [--folder DIR] [--json]

Makes a home of synthetic vectors of OpenL3's shape (512 numbers, a passage every ten seconds of three to
five minutes), without caches, exports it, imports it elsewhere, and asks both homes the same questions,
by way of Chroma and by exact search. About 8 KB of disk a track.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, peak_memory, report, seconds

from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, Float32, Framing, Match, Tags
from audiosim.encoders.passage_vectors import packed
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.catalog.models import Record
from audiosim.library.filters import Filter
from audiosim.library.statistics import refresh
from audiosim.search.similar import find_similar
from audiosim.store import Store

DIMENSION = 512
RATE = 48_000  # Hz
SPEC = EncoderSpec("synthetic", 1, (), "none", RATE, "soxr_hq", 1.0, DIMENSION, Framing(RATE, RATE))
CENTRES = 200
SHORTEST, LONGEST = 180, 300  # s, and windows
PASSAGE = 10  # s
BATCH = 1000
GENRES = ("Rock", "Jazz", "Ambient", "Folk")
COUNT = 20  # answers to a question
MAIN = "from audiosim.cli import main; main()"


def unit(rows: Float32) -> Float32:
    lengths: Float32 = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return lengths.astype(np.float32)


def records(count: int) -> Iterator[Record]:
    """Tracks near some centres, their passages near them."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(CENTRES, DIMENSION))
    for number in range(count):
        vector = unit(centres[number % CENTRES] + 0.7 * rng.normal(size=DIMENSION))
        length = int(rng.integers(SHORTEST, LONGEST + 1))
        others = rng.normal(size=(length // PASSAGE, DIMENSION)).astype(np.float32) / np.sqrt(DIMENSION)
        tags = Tags(
            f"Song {number}", f"Artist {number % 997}", genre=GENRES[number % 4], year=1950 + number % 70
        )
        info = AudioInfo(f"{number:032x}", float(length), RATE, 2, "flac", 10**7 + number, 10**18, tags)
        yield Record(path_of(number), info, vector, length, packed(unit(vector + others)), None)


def path_of(number: int) -> bytes:
    return b"/music/%04d/%02d.flac" % (number // 100, number % 100)


def make(home: Home, count: int) -> None:
    home.path.mkdir(parents=True)
    centre = np.zeros(DIMENSION, "<f4").tobytes()
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(Configuration(SPEC, "mean", home.cache, centre))
        catalog.settings.set_roots([b"/music"])
        batch: list[Record] = []
        for record in records(count):
            batch.append(record)
            if len(batch) == BATCH:
                catalog.records.take(batch)
                batch = []
        catalog.records.take(batch)
        measured = seconds(lambda: list(refresh(catalog)))
        filled = seconds(Store(home, catalog).rebuild)
    print(f"measured in {measured:.0f} s, filled Chroma in {filled:.0f} s", file=sys.stderr)


def command(*arguments: object) -> dict[str, float]:
    """Runs audiosim; how long it took, and how much memory it and its processes had."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with peak_memory(process.pid) as peak:
        code = process.wait()
    if code:
        raise SystemExit(f"{arguments}: exit code {code}")
    return {"seconds": time.perf_counter() - start, "peak bytes": peak[0]}


def answers(home: Home, asked: list[bytes], only: Filter | None) -> list[list[Match]]:
    """What a home answers to each question."""
    found = []
    for path in asked:
        result = find_similar(os.fsdecode(path), count=COUNT, home=home.path, only=only)
        assert result.exact_because is None, result.exact_because
        found.append(result.matches)
    return found


def same(first: Home, second: Home, asked: list[bytes], only: Filter | None = None) -> int:
    """How many questions both homes answer alike, in every figure."""
    pairs = zip(answers(first, asked, only), answers(second, asked, only), strict=True)
    return sum(bool(a) and a == b for a, b in pairs)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tracks", type=int, default=100_000)
    arguments.add_argument("--queries", type=int, default=20)
    arguments.add_argument("--folder", type=Path, help="where to work [default: a temporary folder]")
    chosen = arguments.parse_args()
    rng = np.random.default_rng(2)
    asked = [path_of(int(number)) for number in rng.integers(0, chosen.tracks, chosen.queries)]
    folder = Path(tempfile.mkdtemp(dir=chosen.folder))
    try:
        there, here, file = Home(folder / "there"), Home(folder / "here"), folder / "library.parquet"
        make(there, chosen.tracks)
        results: dict[str, Any] = {"tracks": chosen.tracks, "queries": chosen.queries}
        results["export"] = command("export", file, "--home", there.path, "--quiet")
        results["file bytes"] = file.stat().st_size
        results["catalog bytes"] = there.catalog.stat().st_size
        results["import"] = command("import", file, "--home", here.path, "--quiet")
        results["import again"] = command("import", file, "--home", here.path, "--quiet")
        results["same by Chroma"] = same(there, here, asked)
        results["same by exact search"] = same(there, here, asked[:5], Filter(genres=("Jazz",)))
    finally:
        shutil.rmtree(folder)
    lines = [
        f"{name:13} {results[name]['seconds']:.1f} s, peak {results[name]['peak bytes'] / 1e6:.0f} MB"
        for name in ("export", "import", "import again")
    ]
    lines.append(
        "file {:.0f} MB, catalog {:.0f} MB".format(
            *(results[f"{n} bytes"] / 1e6 for n in ("file", "catalog"))
        )
    )
    lines.append(
        f"answers alike: {results['same by Chroma']} of {len(asked)} by Chroma,"
        f" {results['same by exact search']} of {len(asked[:5])} by exact search"
    )
    report(results, lines, as_json=chosen.json)


if __name__ == "__main__":
    main()
