"""A map of very many tracks, laid out by a sample, against t-SNE of all: how good, how long, and both drawn.

usage: python benchmarks/layouts.py HOME [HOME ...] [--tracks N] [--sample N] [--only-sample] [--png FILE]
       [--json]

HOMEs have caches of one encoder. Tracks are made of their windows, as many as wanted: each is the mean of
eight in a row, weighted by chance, so that they lie as music does. Seconds are of processor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, report

from audiosim.core.types import Float32, Float64
from audiosim.library.cache import Cache
from audiosim.library.index import open_index
from audiosim.library.neighbours import nearest
from audiosim.map import projection

ROW = 8  # windows
ASKED = 1000  # tracks whose ten nearest are looked for on the map
JUDGED = 4000  # tracks, among which trustworthiness is taken
WITHIN = (10, 50, 200)  # tracks nearest on the map


def windows(homes: list[Path]) -> list[Float32]:
    """Those of each track of the homes that has enough, less the mean of all."""
    found = []
    for home in homes:
        with open_index(home) as index:
            cache = Cache(index.configuration.cache, index.spec)
            cached = (cache.read(digest) for digest in index.catalog.tracks.indexed_digests())
            found += [each.frames.embedding.astype(np.float32) for each in cached if each is not None]
    mean = np.mean([rows.mean(axis=0) for rows in found], axis=0)
    return [rows - mean for rows in found if len(rows) >= ROW]


def made(tracks: list[Float32], count: int) -> Float32:
    """So many unit vectors."""
    rng = np.random.default_rng(0)
    sizes = np.array([len(rows) for rows in tracks])
    vectors = np.empty((count, tracks[0].shape[1]), np.float32)
    for row, of in enumerate(rng.choice(len(tracks), count, p=sizes / sizes.sum())):
        start = rng.integers(0, sizes[of] - ROW + 1)
        vectors[row] = rng.dirichlet(np.ones(ROW)) @ tracks[of][start : start + ROW]
    unit: Float32 = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def judged(vectors: Float32, flat: Float64) -> dict[str, float]:
    """Trustworthiness, and which share of the ten nearest lies among so many that are nearest on the map."""
    from sklearn.manifold import trustworthiness

    rng, places = np.random.default_rng(1), np.arange(len(vectors))
    some = rng.choice(len(vectors), min(JUDGED, len(vectors)), replace=False)
    asked = rng.choice(len(vectors), min(ASKED, len(vectors)), replace=False)
    near = nearest(vectors[asked], vectors, 10, same=(asked, places)).indices
    shares = np.zeros(len(WITHIN))
    for row, own in zip(asked, near, strict=True):
        distances = np.square(flat - flat[row]).sum(axis=1)
        distances[row] = np.inf
        order = np.argsort(distances)
        shares += [np.isin(own, order[:count]).mean() / len(asked) for count in WITHIN]
    told = {f"ten nearest in {count}": float(share) for count, share in zip(WITHIN, shares, strict=True)}
    return {"trustworthiness": float(trustworthiness(vectors[some], flat[some], n_neighbors=10)), **told}


def timed(function: Callable[[Float32], Float64], vectors: Float32) -> tuple[Float64, float]:
    begun = time.process_time()
    flat = function(vectors)
    return flat, time.process_time() - begun


def draw(flats: dict[str, Float64], path: Path) -> None:
    """The layouts side by side; a colour is a place in the first."""
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    first = next(iter(flats.values()))
    x, y = ((first - first.min(axis=0)) / np.ptp(first, axis=0)).T
    figure, sheets = pyplot.subplots(1, len(flats), figsize=(8 * len(flats), 8), squeeze=False)
    for sheet, (name, flat) in zip(sheets[0], flats.items(), strict=True):
        sheet.scatter(*flat.T, s=1.5, c=np.column_stack([x, y, 1 - x]), linewidths=0)
        sheet.set_title(name)
        sheet.set_axis_off()
        sheet.set_aspect("equal")
    figure.savefig(path)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("homes", type=Path, nargs="+", metavar="HOME")
    arguments.add_argument("--tracks", type=int, default=20_000)
    arguments.add_argument("--sample", type=int, default=2_500)
    arguments.add_argument("--png", type=Path)
    arguments.add_argument("--only-sample", action="store_true", help="leave t-SNE of all out")
    chosen = arguments.parse_args()
    projection.SAMPLE = chosen.sample
    vectors = made(windows(chosen.homes), chosen.tracks)
    ways = {"t-SNE of all": projection._embedded, "by a sample": projection._by_sample}
    results: dict[str, Any] = {}
    flats = {}
    for name, way in list(ways.items())[chosen.only_sample :]:
        flats[name], seconds = timed(way, vectors)
        results[name] = {**judged(vectors, flats[name]), "seconds of processor": seconds}
    if chosen.png:
        draw(flats, chosen.png)
    lines = [f"{name}, {what}: {value:.4g}" for name, told in results.items() for what, value in told.items()]
    report({"tracks": chosen.tracks, "sample": chosen.sample, **results}, lines, as_json=chosen.json)


if __name__ == "__main__":
    main()
