"""Which of some fingerprints may be of one recording with another, told in microseconds.

Of copies at one speed, many landmarks have the very same bits of the bands, at one offset. Of copies at
another, many runs of landmarks are spaced by the same ratios, sound much alike, and differ in length
by one factor. Different recordings have a few of either by chance (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from audiosim.audio.fingerprint import Landmarks

FAR = 2**25  # hops, two days: between fingerprints that are looked at together
FASTEST = 1.045  # speeds that are tried: tapes, turntables, films at 25 frames a second
IN_LINE = 8  # hops, within which offsets are one
STEADY_SHARE, STEADY_LEAST = 0.12, 3  # of the shorter one's landmarks at one offset; how many at least
RUN_BITS = 19  # of the bands' 64 by which runs may differ: another speed moves what they have
PACE = 0.01  # within which factors are one
SPEED_SHARE, SPEED_LEAST = 0.2, 4  # of the shorter one's runs at one speed
MOST = 5_000  # pairs that are looked at for each of the others; of loops there are more

Marks = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def as_fast(first: Landmarks, others: Sequence[Landmarks]) -> Marks:
    """Which of others may be of one recording with the first, all of it or a cut, at the same speed."""
    bands = np.concatenate([other.bands for other in others])
    rows, columns, step = _equal(first.bands, bands, MOST * len(others))
    least = _least(first, others, STEADY_SHARE, STEADY_LEAST, step)
    if len(rows) < min(least):
        return np.zeros(len(others), bool)
    places = np.concatenate([other.places + FAR * row for row, other in enumerate(others)])
    offsets = np.sort(places[columns] - first.places[rows])
    ends = np.searchsorted(offsets, FAR * np.arange(len(others) + 1) - FAR // 2)
    parts = zip(ends[:-1].tolist(), ends[1:].tolist(), least, strict=True)
    return np.array([_crowded(offsets[begin:end], count, IN_LINE) for begin, end, count in parts], bool)


def faster(first: Landmarks, others: Sequence[Landmarks]) -> Marks:
    """Which of others may be of one recording with the first at another speed."""
    own, them = first.runs, [other.runs for other in others]
    rows, columns, step = _equal(own.ratios, np.concatenate([one.ratios for one in them]), MOST * len(others))
    paces = np.log(np.concatenate([one.lengths for one in them])[columns] / own.lengths[rows])
    differ = np.bitwise_count(own.bands[rows] ^ np.concatenate([one.bands for one in them])[columns])
    kept = np.flatnonzero((np.abs(paces) <= np.log(FASTEST)) & (differ <= RUN_BITS))
    least = _least(first, others, SPEED_SHARE, SPEED_LEAST, step)
    if len(kept) < min(least):
        return np.zeros(len(others), bool)
    whose = np.repeat(np.arange(len(others)), [len(one.ratios) for one in them])[columns[kept]]
    paces = paces[kept]
    parts = ((paces[whose == row], count) for row, count in enumerate(least))
    return np.array([_crowded(np.sort(part), count, PACE) for part, count in parts], bool)


def _equal(
    first: npt.NDArray[np.integer], second: npt.NDArray[np.integer], most: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], int]:
    """Pairs (row, column) of equal numbers; where they are more than `most`, of every so many rows."""
    there = np.zeros(2**16, bool)
    there[first.view(np.uint16)] = True
    some = np.flatnonzero(there[second.view(np.uint16)])  # so that no more have to be put in order
    rows, order = np.argsort(first, kind="stable"), some[np.argsort(second[some], kind="stable")]
    here, there = first[rows], second[order]  # numbers in order are looked up several times as fast
    begin, end = np.searchsorted(there, here), np.searchsorted(there, here, "right")
    step = 1 + int((end - begin).sum()) // most
    kept = rows % step == 0
    rows, begin, counts = rows[kept], begin[kept], (end - begin)[kept]
    places = np.arange(counts.sum()) + np.repeat(begin - np.cumsum(counts) + counts, counts)
    return np.repeat(rows, counts), order[places], step


def _least(first: Landmarks, others: Sequence[Landmarks], share: float, least: int, step: int) -> list[int]:
    """How many must agree of each, at least: a share of the landmarks of the one of both with fewer."""
    own = len(first)
    return [max(least, int(share * min(own, len(other)) / step)) for other in others]


def _crowded(values: Numbers | Floats, count: int, width: float) -> bool:
    """Whether so many of some ordered values lie within a width."""
    last = count - 1
    return len(values) >= count and bool((values[last:] - values[: len(values) - last] <= width).any())
