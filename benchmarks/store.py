"""Stores as audiosim uses them: speed, recall, disk and memory on clustered vectors.

usage: python benchmarks/store.py [--store embedded|server|milvus] [--vectors N ...] [--json]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, peak_memory, report, seconds

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from chroma_server import ChromaServerProcess

from audiosim.backends import backend_for
from audiosim.backends.base import Backend, Contents, StoreRow
from audiosim.core.config import Home
from audiosim.core.types import Float32, Tags, Track
from audiosim.library.store_url import parse_store_url

DIMENSION = 512
CONTENTS = Contents("benchmark", DIMENSION)
CLUSTERS = 200
QUERIES = 200
NEIGHBOURS = 10
BURST = 1000  # vectors, as an index run writes them
CHUNK = 10_000  # vectors made at a time
REPORTED = 100_000  # vectors after which the time is told
COLD_QUERIES = 10
COLD = """
import sys, numpy as np
from pathlib import Path
from audiosim.core.config import Home
from audiosim.backends.base import Contents
from audiosim.library.store_url import parse_store_url
from audiosim.backends import backend_for
vector = np.load(sys.argv[3])
backend = backend_for(parse_store_url(sys.argv[1]), Home(Path(sys.argv[2])))
with backend.open(sys.argv[4], Contents("benchmark", len(vector))) as store:
    store.nearest(vector, int(sys.argv[5]))
"""


def clustered(count: int, seed: int) -> Float32:
    """Unit vectors (count, 512) around centres, as embeddings of music lie."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(42).normal(size=(CLUSTERS, DIMENSION))
    vectors = centres[rng.integers(0, CLUSTERS, count)] + 0.7 * rng.normal(size=(count, DIMENSION))
    unit: Float32 = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def chunks(count: int) -> Iterator[tuple[int, Float32]]:
    """All the vectors, some at a time, with the number of the first."""
    for start in range(0, count, CHUNK):
        yield start, clustered(min(CHUNK, count - start), 1000 + start // CHUNK)


def rows(vectors: Float32, start: int) -> list[StoreRow]:
    return [
        (f"{start + i:032x}", Track(b"/music/%d.mp3" % (start + i), f"{start + i:032x}", 200.0, Tags()), v)
        for i, v in enumerate(vectors)
    ]


def percentiles(times: list[float]) -> dict[str, float]:
    return {"p50 ms": 1000 * float(np.median(times)), "p95 ms": 1000 * float(np.percentile(times, 95))}


def build(backend: Backend, name: str, count: int) -> dict[str, float]:
    """Fills a collection in bursts, each of which opens and closes it; the seconds after each 100,000."""
    start, writing, told = time.perf_counter(), 0.0, {}
    for first, vectors in chunks(count):
        for offset in range(0, len(vectors), BURST):
            part = rows(vectors[offset : offset + BURST], first + offset)
            begun = time.perf_counter()
            with backend.open(name, CONTENTS, create=True) as store:
                store.upsert(part)
                store.seal()
            writing += time.perf_counter() - begun
        done = first + len(vectors)
        if done % REPORTED == 0 or done == count:
            told[str(done)] = writing
            print(f"{done} written in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return told


def exact(queries: Float32, count: int) -> list[set[str]]:
    """The ids of each query's ten nearest, by comparing all."""
    best = np.full((len(queries), NEIGHBOURS), -np.inf, np.float32)
    numbers = np.zeros((len(queries), NEIGHBOURS), np.int64)
    for start, vectors in chunks(count):
        scores = np.concatenate([best, queries @ vectors.T], axis=1)
        known = np.broadcast_to(np.arange(start, start + len(vectors)), (len(queries), len(vectors)))
        found = np.concatenate([numbers, known], axis=1)
        order = np.argpartition(-scores, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        best, numbers = np.take_along_axis(scores, order, 1), np.take_along_axis(found, order, 1)
    return [{f"{number:032x}" for number in row} for row in numbers]


def measure(kind: str, count: int, folder: Path) -> dict[str, Any]:
    home, result = Home(folder / "home"), {"store": kind, "vectors": count}
    home.path.mkdir()
    with ExitStack() as stack:
        url = {"embedded": "embedded", "milvus": f"milvus:{folder / 'vectors.db'}"}.get(kind)
        if kind == "server":
            server = stack.enter_context(ChromaServerProcess(folder / "data"))
            url = server.url
        assert url is not None
        own = stack.enter_context(peak_memory(os.getpid()))
        backend = backend_for(parse_store_url(url), home)
        name = backend.fixed_name or backend.new_name()
        told = build(backend, name, count)
        result["seconds to write"] = told
        result["upserts a second"] = count / told[str(count)]
        queries = clustered(QUERIES, seed=1)
        with backend.open(name, CONTENTS) as store:
            result["first query ms"] = 1000 * seconds(lambda: store.nearest(queries[0], 5))
            for k in (5, 200):
                times = [seconds(lambda q=q, k=k: store.nearest(q, k)) for q in queries]  # type: ignore[misc]
                result[f"warm k={k}"] = percentiles(times)
            found = [set(store.nearest(query, NEIGHBOURS)) for query in queries]
        np.save(folder / "query.npy", queries[0])
        for k in (5, 200):
            cold = [sys.executable, "-c", COLD, url, str(home.path), str(folder / "query.npy"), name, str(k)]
            times = [seconds(lambda c=cold: subprocess.run(c, check=True)) for _ in range(COLD_QUERIES)]  # type: ignore[misc]
            result[f"cold process k={k}"] = percentiles(times)
        result["peak bytes, of the server too"] = own[0]
        result["disk bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    hits = sum(len(some & right) for some, right in zip(found, exact(queries, count), strict=True))
    result["recall@10"] = hits / (NEIGHBOURS * QUERIES)
    return result


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--store", choices=("embedded", "server", "milvus"), default="embedded")
    options.add_argument("--vectors", type=int, nargs="+", default=[10_000, 100_000], metavar="N")
    arguments = options.parse_args()
    results, lines = [], []
    for count in arguments.vectors:
        with tempfile.TemporaryDirectory() as scratch:
            result = measure(arguments.store, count, Path(scratch))
        results.append(result)
        lines += [f"{count} vectors:", *(f"  {name}: {value}" for name, value in result.items())]
    report({"sizes": results}, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
