"""The stretch of one track that is most like a stretch of another, window by window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audiosim.core.types import EncoderSpec, Float32
from audiosim.encoders.frames import CentredFrames

CHUNK = 1024  # windows compared at a time, on either side


@dataclass(frozen=True)
class Alignment:
    """``length`` windows from ``first`` in one track and ``second`` in another, and their mean cosine."""

    similarity: float
    first: int
    second: int
    length: int


def best_stretch(first: CentredFrames, second: CentredFrames, length: int) -> Alignment:
    """The best aligned stretch of at most `length` windows, shorter where a track is."""
    length = max(1, min(length, len(first), len(second)))
    best = Alignment(-2.0, 0, 0, length)
    for a in range(0, len(first) - length + 1, CHUNK):
        rows = first.rows(a, min(a + CHUNK + length - 1, len(first)))
        for b in range(0, len(second) - length + 1, CHUNK):
            columns = second.rows(b, min(b + CHUNK + length - 1, len(second)))
            means = _along_diagonals(rows @ columns.T, length)
            place = int(means.argmax())
            i, j = divmod(place, means.shape[1])
            if means[i, j] > best.similarity:
                best = Alignment(min(1.0, float(means[i, j])), a + i, b + j, length)
    return best


def best_place(query: Float32, track: CentredFrames) -> Alignment:
    """Where in a track a query's directions (n, dim) fit best, as a whole.

    Rows of zeros in the query do not count. A track that is shorter than the query is as like it
    as the part that it can answer.
    """
    counted = max(1, int(query.any(axis=1).sum()))
    length = min(len(query), len(track))
    best = Alignment(-2.0, 0, 0, length)
    for start in range(0, len(track) - length + 1, CHUNK):
        rows = track.rows(start, min(start + CHUNK + length - 1, len(track)))
        products = query @ rows.T
        for skipped in range(len(query) - length + 1):
            sums = _along_diagonals(products[skipped : skipped + length], length)[0]
            place = int(sums.argmax())
            similarity = min(1.0, float(sums[place]) * length / counted)
            if similarity > best.similarity:
                best = Alignment(similarity, skipped, start + place, length)
    return best


def span(spec: EncoderSpec, first: float, length: int, duration: float | None) -> tuple[float, float]:
    """From when to when `length` windows last, the first at place `first` of the grid; in s."""
    start = first * spec.hop - spec.framing.lead / spec.sample_rate
    end = start + (length - 1) * spec.hop + spec.window
    return max(0.0, start), end if duration is None else min(duration, end)


def _along_diagonals(products: Float32, length: int) -> Float32:
    """Means of `length` values down each diagonal of (n, m): (n - length + 1, m - length + 1)."""
    rows, columns = products.shape[0] - length + 1, products.shape[1] - length + 1
    total: Float32 = np.zeros((rows, columns), np.float32)
    sums: Float32 = products  # of `size` values, which doubles
    size, done = 1, 0
    while True:
        if length & size:
            np.add(total, sums[done : done + rows, done : done + columns], out=total)
            done += size
        if done == length:
            break
        sums = np.add(sums[:-size, :-size], sums[size:, size:], dtype=np.float32)
        size *= 2
    means: Float32 = total / np.float32(length)
    return means
