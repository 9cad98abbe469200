"""How short tracks do as questions and as answers, on homes of real music with caches; nothing is written.

usage: python benchmarks/short.py HOME... [--cut 1 3 9] [--draws 6]

The homes' tracks together, in the order in which searches put them (whitened by what they vary in, corrected
for hubs as `HubScaling` does), and by plain cosine. Printed are mean average precision by folder where tracks
shorter than 30 s ask and where others do, and how many of the ten answers are short. Then a third of the
longer tracks, drawn anew each time, is cut to a few windows in a row, as intros are: how often the cut
ones and the whole ones are among ten answers, and how many of these are right.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audiosim.core.types import Float32, Float64
from audiosim.encoders.frames import audible
from audiosim.library.hubness import HubScaling, scales
from audiosim.library.index import open_index
from audiosim.library.whitening import SearchSpace, learnt

SHORT, LONG = 30.0, 60.0  # s
TEN = 10


@dataclass(frozen=True)
class Piece:
    """A track: its audible windows (n, dim), its length in s, and the folder that it is in."""

    windows: Float32
    duration: float
    label: str


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("homes", type=Path, nargs="+")
    parser.add_argument("--cut", type=int, nargs="*", default=[1, 3, 9])
    parser.add_argument("--draws", type=int, default=6)
    options = parser.parse_args()
    pieces = [piece for home in options.homes for piece in load(home)]
    short = np.array([piece.duration < SHORT for piece in pieces])
    print(f"{len(pieces)} tracks, {short.sum()} of them shorter than {SHORT:g} s")
    labels = np.array([piece.label for piece in pieces])
    for name, scores in ordered([piece.windows for piece in pieces]).items():
        print(f"  {name:12} {described(answers(scores, labels), short, ('short', 'long'))}")
    long = [piece for piece in pieces if piece.duration >= LONG]
    for count in options.cut:
        for name, figures in cut(long, count, options.draws).items():
            print(f"  a third cut to {count}, {name:12} {figures}")


def load(home: Path) -> list[Piece]:
    found = []
    with open_index(home) as index:
        for entry in index.catalog.tracks.entries():
            cached = index.cache.read(entry.track.digest)
            if cached is not None and audible(cached.frames.level).any():
                windows = cached.frames.embedding[audible(cached.frames.level)].astype(np.float32)
                label = str(Path(entry.track.path.decode("utf-8", "replace")).parent)
                found.append(Piece(windows, entry.track.duration or 0.0, label))
    return found


def ordered(tracks: Sequence[Float32]) -> dict[str, Float64]:
    """What answers are ordered by (n, n), the query in each row: as searches do, and by cosine."""
    means = np.stack([windows.mean(axis=0) for windows in tracks])
    centred = means - means.mean(axis=0)
    units = (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float32)
    vectors = SearchSpace(learnt(tracks) or b"")(units)
    cosines = (vectors @ vectors.T).astype(np.float64)
    own = scales(vectors).astype(np.float64)
    average = float(np.median(cosines[np.triu_indices(len(cosines), 1)]))
    hubs = HubScaling(float(np.median(own)), average)
    return {"cosine": cosines, "as searched": np.stack([hubs.scores(row, own) for row in cosines])}


@dataclass(frozen=True)
class Answers:
    """Average precision of each query, NaN where nothing can be right; its ten answers; which are right."""

    precision: Float64
    ten: Any
    right: Any


def answers(scores: Float64, labels: Any) -> Answers:
    order = np.argsort(-scores, axis=1, kind="stable")
    order = np.stack([row[row != query] for query, row in enumerate(order)])
    right = labels[order] == labels[:, None]
    places = np.cumsum(right, axis=1) / np.arange(1, right.shape[1] + 1)
    with np.errstate(invalid="ignore"):
        precision = (places * right).sum(axis=1) / right.sum(axis=1)
    return Answers(precision, order[:, :TEN], right[:, :TEN])


def described(found: Answers, some: Any, names: tuple[str, str]) -> str:
    figures = []
    for name, asking in zip(names, (some, ~some), strict=True):
        if asking.any():
            among = some[found.ten[asking]].sum(axis=1).mean()
            figures.append(
                f"{name}: MAP {np.nanmean(found.precision[asking]):.3f}, {among:.2f} {names[0]} of ten"
            )
    return "; ".join(figures)


def cut(pieces: Sequence[Piece], count: int, draws: int) -> dict[str, str]:
    """How tracks of few windows do beside whole ones, mean over draws of which are cut."""
    labels = np.array([piece.label for piece in pieces])
    sums: dict[str, list[list[float]]] = {}
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        chosen = rng.random(len(pieces)) < 1 / 3
        tracks = []
        for piece, short in zip(pieces, chosen, strict=True):
            start = int(rng.integers(0, max(1, len(piece.windows) - count + 1)))
            tracks.append(piece.windows[start : start + count] if short else piece.windows)
        for name, scores in ordered(tracks).items():
            found, row = answers(scores, labels), []
            for some in (chosen, ~chosen):
                shown = some[found.ten]
                often = shown.sum() / some.sum()
                row += [float(np.nanmean(found.precision[some])), often, float(found.right[shown].mean())]
            sums.setdefault(name, []).append(row)
    words = "MAP {:.3f}, among ten answers {:.1f} times, {:.2f} of them right"
    return {
        name: f"cut: {words.format(*means[:3])}; whole: {words.format(*means[3:])}"
        for name, means in ((name, np.mean(rows, axis=0)) for name, rows in sums.items())
    }


if __name__ == "__main__":
    main()
