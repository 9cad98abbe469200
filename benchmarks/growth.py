"""What grows with the number of tracks, apart from the store: figures that docs/scale.md derives from.

usage: python benchmarks/growth.py [--tracks N N ...] [--json]

Makes homes of synthetic vectors as moving.py does, without Chroma and caches, and measures the
catalog's bytes, the neighbourhoods of all tracks (each is compared with each), and exact search.
"""

from __future__ import annotations

import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from common import parser, peak_memory, report, seconds
from moving import BATCH, SPEC, command, path_of, records

from audiosim.core.config import Home
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.statistics import refresh

QUERIES = 5


def measure(count: int, folder: Path) -> dict[str, Any]:
    home = Home(folder / "home")
    home.path.mkdir()
    result: dict[str, Any] = {"tracks": count}
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(Configuration(SPEC, "mean", home.cache, bytes(4 * SPEC.dimension)))
        made, entering = records(count), 0.0
        while batch := list(islice(made, BATCH)):
            entering += seconds(lambda b=batch: catalog.records.take(b))  # type: ignore[misc]
        result["entering s"] = entering
        with peak_memory(os.getpid()) as peak:
            result["neighbourhoods of all s"] = seconds(lambda: list(refresh(catalog)))
        result["neighbourhoods peak bytes"] = peak[0]
    result["catalog bytes a track"] = home.catalog.stat().st_size / count
    times, memory = [], 0.0
    for number in range(QUERIES):
        query = os.fsdecode(path_of(number))
        figures = command("similar", query, "--under", "/music", "--json", "--home", home.path)
        times.append(figures["seconds"])
        memory = max(memory, figures["peak bytes"])
    result["exact search, a whole command s"] = sorted(times)[QUERIES // 2]
    result["exact search peak bytes"] = memory
    return result


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
