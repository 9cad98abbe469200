"""Chroma as audiosim uses it: speed, recall, disk and memory on clustered vectors.

usage: python benchmarks/store.py [--big] [--json]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, peak_memory, report, seconds

from audiosim.store import Store
from audiosim.types import Float32, Tags, Track

DIMENSION = 512
CLUSTERS = 200
QUERIES = 200
COLD = """
import sys, numpy as np
from pathlib import Path
from audiosim.store import Store
vector = np.load(sys.argv[2])
with Store(Path(sys.argv[1]), "benchmark", len(vector)) as store:
    store.nearest(vector, int(sys.argv[3]))
"""


def clustered(count: int, seed: int = 0) -> Float32:
    """Unit vectors (count, 512) around centres, as embeddings of music lie."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(42).normal(size=(CLUSTERS, DIMENSION))
    vectors = centres[rng.integers(0, CLUSTERS, count)] + 0.7 * rng.normal(size=(count, DIMENSION))
    unit: Float32 = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def rows(vectors: Float32, start: int) -> list[tuple[str, Track, Float32]]:
    return [
        (f"{start + i:032x}", Track(b"/music/%d.mp3" % (start + i), f"{start + i:032x}", 200.0, Tags()), v)
        for i, v in enumerate(vectors)
    ]


def percentiles(times: list[float]) -> dict[str, float]:
    return {"p50 ms": 1000 * float(np.median(times)), "p95 ms": 1000 * float(np.percentile(times, 95))}


def measure(count: int, folder: Path) -> dict[str, Any]:
    vectors = clustered(count)
    result: dict[str, Any] = {"vectors": count}
    with peak_memory(os.getpid()) as peak:
        start = time.perf_counter()
        for first in range(0, count, 1000):  # a burst opens and closes, as an index run does
            with Store(folder, "benchmark", DIMENSION, create=True) as store:
                store.upsert(rows(vectors[first : first + 1000], first))
        result["upserts a second"] = count / (time.perf_counter() - start)
        queries = clustered(QUERIES, seed=1)
        with Store(folder, "benchmark", DIMENSION) as store:
            store.nearest(queries[0], 5)
            for k in (5, 100):
                times = [seconds(lambda q=q, k=k: store.nearest(q, k)) for q in queries]  # type: ignore[misc]
                result[f"warm k={k}"] = percentiles(times)
            hits = 0
            for query in queries:
                exact = {f"{i:032x}" for i in np.argpartition(-(vectors @ query), 10)[:10]}
                hits += len(exact & set(store.nearest(query, 10)))
            result["recall@10"] = hits / (10 * QUERIES)
    result["peak bytes"] = peak[0]
    result["disk bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    np.save(folder.parent / "query.npy", queries[0])
    for k in (5, 100):
        cold = [sys.executable, "-c", COLD, str(folder), str(folder.parent / "query.npy"), str(k)]
        times = [seconds(lambda c=cold: subprocess.run(c, check=True)) for _ in range(10)]  # type: ignore[misc]
        result[f"cold process k={k}"] = percentiles(times)
    return result


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--big", action="store_true", help="a million vectors too (an hour)")
    arguments = options.parse_args()
    results, lines = [], []
    for count in (10_000, 100_000, *((1_000_000,) if arguments.big else ())):
        with tempfile.TemporaryDirectory() as scratch:
            result = measure(count, Path(scratch) / "chroma")
        results.append(result)
        lines += [f"{count} vectors:", *(f"  {name}: {value}" for name, value in result.items())]
    report({"sizes": results}, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
