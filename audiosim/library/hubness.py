"""What corrects for hubs, and the similarities of all tracks to all, corrected or not.

In spaces of many dimensions some vectors, the hubs, are near to nearly all others. Local scaling
divides a distance by how far the nearest neighbours of its two ends are on average. Where one query
is answered, only the answer's end counts (`scales`, `HubScaling`), as the query's is the same for all
answers. Schnitzer, Flexer, Schedl and Widmer, "Local and global scaling reduce hubs in space", JMLR 13
(2012), their NICDM. That paper's scaling lifts what lies far from everything, short noises for one, in
answers to anything; `HubScaling`, which gives the score that sorts answers, lifts a track only as far as
it is more like the query than usual.

Where all tracks ask, `similarities` gives a block of rows at a time: a matrix of all pairs is never
held, as 10,000 tracks would take 400 MB. A track's copies (the same recording) are no neighbours of
it. Only the order of corrected similarities means something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, Float64
from audiosim.library.neighbours import Codes, blocks, nearest

HubCorrection = Literal["none", "score", "local-scaling", "csls", "mutual-proximity"]
HUB_CORRECTIONS: tuple[HubCorrection, ...] = get_args(HubCorrection)
NEIGHBOURS = 10  # that set a track's scale, for local scaling and CSLS
TINY = np.float32(1e-6)  # below it, distances are rounding
Similarities = Callable[[slice], Float32]
LEAST_SHARE = 0.1  # of the median scale
SMALLEST = 1e-6  # a scale; tracks with ten equals have none
PAIRED = 1000  # tracks, all of whose pairs tell what is usual


def similarities(
    vectors: Float32,
    correction: HubCorrection = "none",
    *,
    recordings: Codes | None = None,
    neighbours: int = NEIGHBOURS,
) -> Similarities:
    """A function from a slice of rows to their similarities, float32 (rows, n).

    Parameters
    ----------
    vectors : float32 (n, dim)
        Unit vectors.
    correction : HubCorrection
        One of HUB_CORRECTIONS.
    recordings : int (n,), optional
        Codes that are equal where tracks are copies; by default there are none.
    neighbours : int
        How many set a track's scale, where the correction needs to know.

    Returns
    -------
    callable
        Takes a slice of rows; only the order of its values means something.
    """
    cosine = Cosine(vectors, np.arange(len(vectors)) if recordings is None else recordings)
    if correction == "none":
        return cosine
    if correction == "mutual-proximity":
        mean, deviation = cosine.moments()
        return lambda rows: mutual_proximity(cosine(rows), mean, deviation, rows)
    near = cosine.nearest_mean(neighbours)
    if correction == "csls":
        return lambda rows: csls(cosine(rows), near, rows)
    scale = 1.0 - near.astype(np.float64)
    if correction == "score":
        scale = np.maximum(scale, SMALLEST)
        scaling = HubScaling(float(np.median(scale)), cosine.usual())
        return lambda rows: scaling.scores(cosine(rows).astype(np.float64), scale).astype(np.float32)
    near = (1.0 - floored(scale, float(np.median(scale)))).astype(np.float32)
    return lambda rows: local_scaling(cosine(rows), near, rows)


class Cosine:
    """Cosines of unit vectors, and what the corrections need to know of them."""

    def __init__(self, vectors: Float32, recordings: Codes) -> None:
        self._vectors, self._recordings = vectors, recordings

    def __call__(self, rows: slice) -> Float32:
        return cast("Float32", self._vectors[rows] @ self._vectors.T)

    def nearest_mean(self, count: int) -> Float32:
        """Mean cosine of each track to its `count` nearest others, float32 (n,)."""
        same = self._recordings, self._recordings
        cosines = nearest(self._vectors, self._vectors, count, same=same).cosines
        there = np.isfinite(cosines)
        means = np.sum(cosines, axis=1, where=there) / np.maximum(there.sum(axis=1), 1)
        return cast("Float32", means.astype(np.float32))

    def usual(self) -> float:
        """The median similarity of pairs of tracks; of a thousand's, evenly spread, where there are more."""
        some = np.unique(np.linspace(0, len(self._vectors) - 1, PAIRED).round().astype(int))
        others = np.triu(self._recordings[some, None] != self._recordings[some])
        cosines = (self._vectors[some] @ self._vectors[some].T)[others]
        return float(np.median(cosines)) if len(cosines) else 0.0

    def moments(self) -> tuple[Float64, Float64]:
        """Mean and standard deviation of each track's cosine distances to all others, float64 (n,)."""
        mean, deviation = np.zeros(len(self._vectors)), np.zeros(len(self._vectors))
        for rows in blocks(len(mean)):
            distances, others = 1.0 - self(rows).astype(np.float64), self._others(rows)
            count = np.maximum(others.sum(axis=1), 1)
            mean[rows] = np.sum(distances, axis=1, where=others) / count
            squares = np.square(distances - mean[rows, None])
            deviation[rows] = np.sqrt(np.sum(squares, axis=1, where=others) / count)
        return mean, deviation

    def _others(self, rows: slice) -> npt.NDArray[np.bool_]:
        return cast("npt.NDArray[np.bool_]", self._recordings[rows, None] != self._recordings)


def local_scaling(cosines: Float32, near: Float32, rows: slice) -> Float32:
    """Minus the cosine distances, each by the geometric mean of its two tracks' scales.

    NICDM: a track's scale is the mean distance to its nearest neighbours. Schnitzer, Flexer,
    Schedl, Widmer, "Local and global scaling reduce hubs in space", JMLR 13, 2012.

    Parameters
    ----------
    cosines : float32 (rows, n)
        Cosines of some tracks with all.
    near : float32 (n,)
        Mean cosine of each track to its nearest neighbours.
    rows : slice
        Which of the n tracks the rows are.
    """
    scale = np.sqrt(np.maximum(1.0 - near, TINY))
    return cast("Float32", (cosines - np.float32(1.0)) / (scale[rows, None] * scale))


def csls(cosines: Float32, near: Float32, rows: slice) -> Float32:
    """Twice the cosines, less both tracks' mean cosine to their nearest neighbours.

    Conneau et al., "Word translation without parallel data", ICLR 2018. Parameters as of
    `local_scaling`.
    """
    return cast("Float32", np.float32(2.0) * cosines - near[rows, None] - near)


def mutual_proximity(cosines: Float32, mean: Float64, deviation: Float64, rows: slice) -> Float32:
    """Logarithm of the chance that neither track's distances are as small as the pair's.

    Schnitzer et al., 2012, with distances of each track taken as normal and the two
    tracks' as independent. The logarithm keeps chances apart that float32 would round to 0 or to 1.

    Parameters
    ----------
    cosines : float32 (rows, n)
        Cosines of some tracks with all.
    mean, deviation : float64 (n,)
        Those of each track's cosine distances to all others.
    rows : slice
        Which of the n tracks the rows are.
    """
    from scipy.special import log_ndtr

    scale = np.maximum(deviation, TINY)
    distances = 1.0 - cosines.astype(np.float64)
    chances = log_ndtr((mean[rows, None] - distances) / scale[rows, None])
    chances += log_ndtr((mean - distances) / scale)
    return cast("Float32", chances.astype(np.float32))


def scales(cosines: Float32) -> Float32:
    """Mean cosine distances (n,) of tracks to their nearest others, of which these are the cosines (n, k)."""
    if not cosines.size:
        return np.ones(len(cosines), np.float32)
    found: Float32 = np.maximum(1.0 - cosines.mean(axis=1), np.float32(SMALLEST))
    return found


def floored(scale: Float64, usual: float) -> Float64:
    """Scales (n,) that are not much below the usual: a dozen copies are no place of their own."""
    result: Float64 = np.maximum(scale, LEAST_SHARE * usual)
    return result


@dataclass(frozen=True)
class HubScaling:
    """The correction of one query's similarities by the scales of the answers.

    Distances keep their size on average, so that the values can still be read as similarities.

    Parameters
    ----------
    usual : float
        The library's median scale: whose is smaller is a hub, and lowered.
    average : float
        The median similarity of its pairs. A track with room around it is lifted in full where it is
        the query itself, less the less alike it is, and from the average down not at all.
    """

    usual: float
    average: float

    def scores(self, similarity: Float64, scale: Float64) -> Float64:
        """Correct similarities (n,) by scales (n,), of which NaN is not known."""
        ratio = np.sqrt(self.usual / floored(np.where(np.isfinite(scale), scale, self.usual), self.usual))
        near = np.clip((similarity - self.average) / max(1 - self.average, SMALLEST), 0, 1)
        result: Float64 = 1 - (1 - similarity) * np.where(ratio < 1, 1 + near * (ratio - 1), ratio)
        return result
