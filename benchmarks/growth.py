"""What grows with the number of tracks, apart from the store: figures that docs/scale.md derives from.

usage: python benchmarks/growth.py [--tracks N N ...] [--json]

Makes homes of synthetic vectors as moving.py does, without Chroma and caches, and measures the
catalog's bytes, the neighbourhoods of all tracks, what a tenth more takes, how far both are from exact
ones, and exact search. Where other work runs beside it the seconds of processor are to be read.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, peak_memory, report, seconds
from moving import BATCH, SPEC, command, path_of, records

from audiosim.core.config import Home
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.catalog.models import Record
from audiosim.library.hubness import NEIGHBOURS
from audiosim.library.neighbours import nearest
from audiosim.library.statistics import refresh

QUERIES = 5
CHECKED = 2000  # tracks whose neighbourhoods are measured exactly too
GROWTH = 10  # a tenth and one more, which are compared with the rest


def measure(count: int, folder: Path) -> dict[str, Any]:
    home = Home(folder / "home")
    home.path.mkdir()
    result: dict[str, Any] = {"tracks": count}
    made = records(count + count // GROWTH + 1)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(Configuration(SPEC, "mean", home.cache, bytes(4 * SPEC.dimension)))
        result["entering s"] = enter(catalog, islice(made, count))
        measure_all(catalog, result, "neighbourhoods of all")
        result |= errors(catalog, "scales too large by")
        result["catalog bytes a track"] = home.catalog.stat().st_size / count
        enter(catalog, made)
        measure_all(catalog, result, "neighbourhoods after a growth of a tenth")
        result |= errors(catalog, "scales after a growth of a tenth too large by")
    times, memory = [], 0.0
    for number in range(QUERIES):
        query = os.fsdecode(path_of(number))
        figures = command("similar", query, "--under", "/music", "--json", "--home", home.path)
        times.append(figures["seconds"])
        memory = max(memory, figures["peak bytes"])
    result["exact search, a whole command s"] = sorted(times)[QUERIES // 2]
    result["exact search peak bytes"] = memory
    return result


def enter(catalog: Catalog, made: Iterator[Record]) -> float:
    """Takes tracks into a catalog; the seconds of that alone."""
    entering = 0.0
    while batch := list(islice(made, BATCH)):
        entering += seconds(lambda b=batch: catalog.records.take(b))  # type: ignore[misc]
    return entering


def measure_all(catalog: Catalog, result: dict[str, Any], name: str) -> None:
    """What the end of a run takes to measure."""
    begun = time.process_time()
    with peak_memory(os.getpid()) as peak:
        result[f"{name} s"] = seconds(lambda: list(refresh(catalog)))
    result[f"{name}, of processor s"] = time.process_time() - begun
    result[f"{name}, peak bytes"] = peak[0]


def errors(catalog: Catalog, name: str) -> dict[str, float]:
    """By which share the scales of some tracks are larger than exact ones."""
    digests, vectors = catalog.tracks.audio_vectors()
    known = {entry.track.digest: entry.scale for entry in catalog.tracks.entries()}
    places = np.arange(len(digests))
    some = np.linspace(0, len(digests) - 1, min(CHECKED, len(digests))).astype(int)
    found = nearest(vectors[some], vectors, NEIGHBOURS, same=(places[some], places))
    exact = 1 - found.cosines.mean(axis=1)
    more = np.array([known[digests[row]] for row in some]) / exact - 1
    return {
        f"{name}, median": float(np.median(more)),
        f"{name}, 99 of 100": float(np.quantile(more, 0.99)),
        f"{name}, most": float(more.max()),
    }


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tracks", type=int, nargs="+", default=[10_000, 40_000], metavar="N")
    chosen = arguments.parse_args()
    results, lines = [], []
    for count in chosen.tracks:
        with tempfile.TemporaryDirectory() as name:
            results.append(measure(count, Path(name)))
        lines += [f"{count} tracks:", *(f"  {name}: {value:.4g}" for name, value in results[-1].items())]
    report({"sizes": results}, lines, as_json=chosen.json)


if __name__ == "__main__":
    main()
