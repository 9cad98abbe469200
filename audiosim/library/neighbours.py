"""Exact nearest neighbours, a block of rows at a time: a matrix of all pairs is never held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32

BLOCK = 256  # rows compared at a time: 100 MB for 100,000 vectors
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Neighbours:
    """Of each of m vectors the k nearest among some others, nearest first.

    Parameters
    ----------
    indices : int (m, k)
        Which of the others they are.
    cosines : float32 (m, k)
        Their products with the vector; -inf where there are fewer than k.
    """

    indices: npt.NDArray[np.intp]
    cosines: Float32


def blocks(count: int) -> Iterator[slice]:
    """Slices of at most BLOCK rows that make up `count`."""
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))


def nearest(
    queries: Float32, vectors: Float32, count: int, *, same: tuple[Codes, Codes] | None = None
) -> Neighbours:
    """Find the `count` nearest of some vectors for each query, by exact search; ties in order of index.

    Parameters
    ----------
    queries : float32 (m, dim)
        Unit vectors that ask.
    vectors : float32 (n, dim)
        Unit vectors that answer.
    count : int
        Neighbours of each; fewer where there are fewer vectors.
    same : pair of int arrays (m,) and (n,), optional
        Codes of the queries and of the vectors: those with equal codes are no neighbours.

    Returns
    -------
    Neighbours
        Of each query, in their order. A vector that is not finite comes last.
    """
    count = min(count, len(vectors))
    indices = np.zeros((len(queries), count), np.intp)
    cosines = np.zeros((len(queries), count), np.float32)
    for rows in blocks(len(queries) if count else 0):
        opposite = -queries[rows] @ vectors.T
        if same is not None:
            opposite[same[0][rows, None] == same[1]] = np.inf
        best = np.sort(np.argpartition(opposite, count - 1, axis=1)[:, :count], axis=1)
        values = np.take_along_axis(opposite, best, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(best, order, axis=1)
        cosines[rows] = -np.take_along_axis(values, order, axis=1)
    return Neighbours(indices, cosines)
