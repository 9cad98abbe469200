"""How alike two tracks' windows change over time: what is known of recordings where fingerprints are missing.

Another encoding, level or mastering moves all windows of a track alike, but not how they change
from one to the next. So each track's own mean window is subtracted, and what is left is correlated
over time at every shift in question. Copies of a recording correlate at 0.78 and more, different
ones of the same style at less than 0.4 (benchmarks/RESULTS.md). But an encoder that hardly hears
pitch finds one sequence of chords in two keys alike, at 0.71: what is short, or not clear, is no evidence.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, FrameEmbeddings
from audiosim.encoders.frames import audible
from audiosim.library.cache import Cache

CORRELATED = 0.75
OVERLAP = 0.8  # of the shorter track, at least
MIN_WINDOWS, MIN_SECONDS = 20, 30.0  # in common; shorter tracks are told apart by their audio only
COMMON = 0.5  # of the windows there are, at least, where only some were embedded
MAX_ROWS = 2048  # of a series; longer tracks are thinned to means of windows
HOPELESS = 0.3  # correlation at whole hops, below which parts of one are not tried
PARTS = (0.25, 0.5, 0.75)  # of a hop, by which windows of a trimmed track may lie apart
KEPT = 256 * 2**20  # bytes of series in memory


@dataclass(frozen=True)
class Series:
    """A track's windows less their mean, (n, dim) on the grid of hops; those not ``present`` are zeros."""

    rows: Float32
    present: npt.NDArray[np.bool_]

    @cached_property
    def squares(self) -> Float32:
        """Squared length (n,) of each row."""
        lengths: Float32 = np.einsum("ij,ij->i", self.rows, self.rows)
        return lengths

    def shifted(self, part: float) -> Series:
        """The series between its windows, a part of a hop later."""
        present = self.present[:-1] & self.present[1:]
        rows = ((1 - part) * self.rows[:-1] + part * self.rows[1:]) * present[:, None]
        return Series(rows.astype(np.float32), present)


class Windows:
    """The comparison of one home's tracks by their caches.

    Parameters
    ----------
    cache : Cache
        The home's.
    hop : float
        Between windows, in s.
    """

    def __init__(self, cache: Cache, hop: float) -> None:
        self._cache, self._hop = cache, hop
        self._series: OrderedDict[tuple[str, int], Series | None] = OrderedDict()

    def correlation(self, first: str, second: str, duration: float) -> tuple[float, float] | None:
        """How alike two tracks change, by digest, and the offset of the second in s.

        None where that is no evidence of one recording; `duration` is the longer one's, in s.
        """
        factor = 1 + int(duration / self._hop) // MAX_ROWS
        series = [self._read(digest, factor) for digest in (first, second)]
        if series[0] is None or series[1] is None:
            return None
        least = max(MIN_WINDOWS, math.ceil(MIN_SECONDS / self._hop)) / factor
        correlation, shift = _best_correlation(series[0], series[1], least)
        return (correlation, shift * self._hop * factor) if correlation >= CORRELATED else None

    def _read(self, digest: str, factor: int) -> Series | None:
        key = digest, factor
        if key not in self._series:
            cached = self._cache.read(digest)
            self._series[key] = None if cached is None else _series(cached.frames, self._hop, factor)
            while len(self._series) > 2 and sum(map(_size, self._series.values())) > KEPT:
                self._series.popitem(last=False)
        self._series.move_to_end(key)
        return self._series[key]


def _size(series: Series | None) -> int:
    return 0 if series is None else series.rows.nbytes


def _series(frames: FrameEmbeddings, hop: float, factor: int) -> Series | None:
    heard = np.flatnonzero(audible(frames.level))
    if not len(heard):
        return None
    places = np.rint(frames.timestamps[heard] / hop).astype(np.int64) // factor
    found, starts = np.unique(places, return_index=True)
    stops = [*starts[1:], len(heard)]
    rows = np.zeros((int(found[-1]) + 1, frames.embedding.shape[1]), np.float32)
    if len(found) == len(heard):
        rows[found] = frames.embedding[heard]
    else:
        for place, start, stop in zip(found, starts, stops, strict=True):
            rows[place] = frames.embedding[heard[start:stop]].astype(np.float32).mean(axis=0)
    present = np.zeros(len(rows), bool)
    present[found] = True
    rows[present] -= rows[present].mean(axis=0)
    return Series(rows, present)


def _best_correlation(first: Series, second: Series, least: float) -> tuple[float, float]:
    """The highest correlation with `least` rows in common, and the shift in rows of the second."""
    best: tuple[float, float] = _aligned(first, second, least)
    if best[0] < HOPELESS:
        return best
    for part in PARTS:
        for sign, moved, still in ((1, first, second), (-1, second, first)):
            correlation, shift = _aligned(moved.shifted(part), still, least - 1)
            best = max(best, (correlation, sign * (shift - part)))
    return best


def _aligned(first: Series, second: Series, least: float) -> tuple[float, int]:
    """The highest correlation over shifts by whole rows, and that shift.

    Sums along the diagonals of a table of products are those of each shift.
    """
    windows = min(int(first.present.sum()), int(second.present.sum()))
    rows, columns = len(first.rows), len(second.rows)
    shifts = np.arange(1 - rows, columns)
    overlap = np.minimum(rows, columns - shifts) - np.maximum(0, -shifts)
    common = np.correlate(second.present.astype(float), first.present.astype(float), "full")
    squares = np.correlate(second.present.astype(float), first.squares.astype(float), "full")
    squares *= np.correlate(second.squares.astype(float), first.present.astype(float), "full")
    places = np.arange(columns) - np.arange(rows)[:, None] + rows - 1
    sums = np.bincount(places.ravel(), (first.rows @ second.rows.T).ravel())
    enough = overlap >= max(least, OVERLAP * min(rows, columns))
    enough &= common >= max(least, COMMON * windows) - 0.5
    enough &= squares > 1e-12
    if not enough.any():
        return -1.0, 0
    correlations = np.where(enough, sums / np.sqrt(np.maximum(squares, 1e-12)), -1.0)
    best = int(correlations.argmax())
    return float(correlations[best]), int(shifts[best])
