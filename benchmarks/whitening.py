"""What whitening changes, on homes of real music with caches; nothing is computed or written.

usage: python benchmarks/whitening.py HOME... [--labels folder] [--start TRACKS]

For each home, and for all together where there are several: mean average precision by label without and
with whitening, by cosine, by the paper's local scaling and by the scores that sort answers (`HubScaling`),
the paired difference to the scores without whitening with its 95 % interval over queries; and how often a
clip, the middle minute of a track of three minutes and more, finds first the track from which it was cut
out, by cosine and by score. With --start, the first home's mean window and matrix are taken from so many of
its tracks only, as in a library that began with them, and used on all homes together: what a start on
unlike music costs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audiosim.core.types import Float32, Float64, FrameEmbeddings
from audiosim.encoders.frames import audible
from audiosim.encoders.pooling import pool, summary
from audiosim.evaluation.significance import differences
from audiosim.library.hubness import HubScaling, scales, similarities
from audiosim.library.index import open_index
from audiosim.library.statistics import Percentiles
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace, audible_windows, learnt

CLIP, LONG = 60.0, 180.0  # s


@dataclass(frozen=True)
class Library:
    """Tracks with their windows, and what belongs together."""

    frames: list[FrameEmbeddings]
    labels: list[str]
    hop: float


def load(home: Path, labels: str) -> Library:
    frames, found = [], []
    with open_index(home) as index:
        for entry in index.catalog.tracks.entries():
            cached = index.cache.read(entry.track.digest)
            label = str(Path(entry.track.path.decode("utf-8", "replace")).parent)
            if labels != "folder":
                label = str(getattr(entry.track.tags, labels) or "")
            if cached is not None and label:
                frames.append(cached.frames)
                found.append(label)
        return Library(frames, found, index.spec.hop)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("homes", type=Path, nargs="+")
    parser.add_argument("--labels", default="folder")
    parser.add_argument("--start", type=int)
    options = parser.parse_args()
    libraries = [load(home, options.labels) for home in options.homes]
    for home, library in zip(options.homes, libraries, strict=True):
        report(str(home), library, Learnt.of(library.frames))
    if len(libraries) > 1:
        frames, labels = (
            [each for one in libraries for each in getattr(one, name)] for name in ("frames", "labels")
        )
        together = Library(frames, labels, libraries[0].hop)
        report("together", together, Learnt.of(frames))
        if options.start:
            step = max(1, len(libraries[0].frames) // options.start)
            some = libraries[0].frames[::step][: options.start]
            report(f"together, begun with {len(some)} of the first", together, Learnt.of(some))
            report("and whitening learnt again", together, replace(Learnt.of(frames), centre=centre_of(some)))


@dataclass(frozen=True)
class Learnt:
    """The mean window (dim,), and what vectors are searched through."""

    centre: Float32
    space: SearchSpace

    @classmethod
    def of(cls, frames: Sequence[FrameEmbeddings]) -> Learnt:
        return cls(centre_of(frames), SearchSpace(learnt(audible_windows(frames)) or b""))


def centre_of(frames: Sequence[FrameEmbeddings]) -> Float32:
    mean: Float32 = np.mean([summary(each) for each in frames], axis=0).astype(np.float32)
    return mean


def report(name: str, library: Library, known: Learnt) -> None:
    vectors = np.stack([pool(each, "mean", known.centre).vector for each in library.frames])
    plain = precisions(scored(vectors), library.labels)
    print(f"{name}: {len(vectors)} tracks, {len(set(library.labels))} labels, MAP {plain.mean():.3f} today")
    for words, space in (("as they are", AS_THEY_ARE), ("whitened", known.space)):
        moved = space(vectors)
        found = clips(library, vectors, replace(known, space=space))
        print(
            f"  {words}: clips {found[0]:.3f} by cosine, {found[1]:.3f} by score, "
            f"the nearest at {nearest_cosine(moved):.2f} (median)"
        )
        for order, table in (
            ("cosine", moved @ moved.T),
            ("local scaling", similarities(moved, "local-scaling")(slice(None))),
            ("score", scored(moved)),
        ):
            own = precisions(table, library.labels)
            change = differences(plain[:, None], own[:, None])[0].figure
            print(f"    {order:14} {change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})")


def scored(vectors: Float32) -> Float32:
    """What sorts the answers to each track: its cosines, corrected by the scales of the answers."""
    scaling, own = scaling_of(vectors)
    table: Float32 = scaling.scores((vectors @ vectors.T).astype(np.float64), own).astype(np.float32)
    return table


def scaling_of(vectors: Float32) -> tuple[HubScaling, Float64]:
    own = scales(vectors).astype(np.float64)
    return HubScaling(float(np.median(own)), Percentiles.of(vectors).median), own


def nearest_cosine(vectors: Float32) -> float:
    return float(np.median(np.sort(vectors @ vectors.T, axis=1)[:, -2]))


def precisions(table: Float32, labels: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Average precision of each query that has a right answer."""
    names = np.array(labels)
    found = []
    for row, scores in enumerate(table):
        order = np.argsort(-scores, kind="stable")
        right = (names[order] == names[row])[order != row]
        if right.any():
            places = np.flatnonzero(right)
            found.append(float(np.mean((1 + np.arange(len(places))) / (1 + places))))
    return np.array(found)


def clips(library: Library, vectors: Float32, known: Learnt) -> tuple[float, float]:
    """The shares of clips, by cosine and by score, whose first answer is the track they were cut out of."""
    vectors = known.space(vectors)
    scaling, own = scaling_of(vectors)
    size = round(CLIP / library.hop)
    hits = []
    for row, frames in enumerate(library.frames):
        count = len(frames)
        if count * library.hop < LONG:
            continue
        inside = np.zeros(count, bool)
        inside[(count - size) // 2 : (count + size) // 2] = True
        if not (audible(frames.level)[inside].any() and audible(frames.level)[~inside].any()):
            continue
        clip, rest = (
            known.space(pool(part(frames, mask), "mean", known.centre).vector) for mask in (inside, ~inside)
        )
        cosines = vectors @ clip
        cosines[row] = rest @ clip
        scores = scaling.scores(cosines.astype(np.float64), own)
        hits.append((int(cosines.argmax()) == row, int(scores.argmax()) == row))
    by_cosine, by_score = np.mean(hits, axis=0)
    return float(by_cosine), float(by_score)


def part(frames: FrameEmbeddings, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> FrameEmbeddings:
    return FrameEmbeddings(frames.embedding[mask], frames.timestamps[mask], frames.level[mask])


if __name__ == "__main__":
    main()
