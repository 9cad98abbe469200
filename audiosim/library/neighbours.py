"""Nearest neighbours, a block of rows at a time: a matrix of all pairs is never held.

`nearest` is exact. `nearest_others`, for all tracks of a library, compares each with each where that takes
seconds; in a larger library it puts the vectors into cells around some centres, as many as the root of
their number, and compares each with those of the cells whose centres are nearest to it. That is the
inverted file of Sivic and Zisserman, "Video Google", ICCV 2003, with the centres of spherical k-means
(Dhillon and Modha, Machine Learning 42, 2001). So time grows with the power 1.5 of the library; what is
missed stands in benchmarks/RESULTS.md. There is no chance in it: the same vectors have the same neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from audiosim.core.threads import on_each_processor
from audiosim.core.types import Float32

BLOCK = 256  # rows compared at a time: 100 MB for 100,000 vectors
EXACT = 20_000**2  # pairs that are all compared; some seconds
PROBED = 24  # cells, whose vectors one is compared with
LEARNT = 64  # vectors for each centre, which it is learnt from
ROUNDS = 5  # in which centres are learnt
FIRST = (1, 4)  # of these, after which far fewer have anything nearer still
TOGETHER = 64  # cells that are searched at a time
TINY = np.float32(1e-6)  # the length of a sum of vectors that cancel each other
Codes = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]


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
        indices[rows], cosines[rows] = _first(opposite, count)
    return Neighbours(indices, cosines)


def _first(opposite: Float32, count: int) -> tuple[Rows, Float32]:
    """Of each row of cosines with their signs turned the columns of the `count` least, and the cosines."""
    best = np.sort(np.argpartition(opposite, count - 1, axis=1)[:, :count], axis=1)
    values = np.take_along_axis(opposite, best, axis=1)
    order = np.argsort(values, axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1), -np.take_along_axis(values, order, axis=1)


def nearest_others(vectors: Float32, count: int, rows: slice | list[int] = slice(None)) -> Neighbours:
    """Find the `count` nearest others of some vectors, by row: where pairs are too many, most of these.

    Parameters
    ----------
    vectors : float32 (n, dim)
        Unit vectors.
    count : int
        Neighbours of each, less than n.
    rows : slice or list of int
        Those that ask.

    Returns
    -------
    Neighbours
        Of each of the rows, in their order.
    """
    places = np.arange(len(vectors))
    asking = places[rows]
    if len(asking) * len(vectors) <= EXACT:
        return nearest(vectors[rows], vectors, count, same=(asking, places))
    found = Neighbours(
        np.zeros((len(asking), count), np.intp), np.full((len(asking), count), -np.inf, np.float32)
    )
    for cells in _cells(vectors, asking):
        for start in range(0, len(cells), TOGETHER):
            look = partial(_nearer, vectors, asking, found)
            for places, better in on_each_processor(look, cells[start : start + TOGETHER]):
                _merge(found, places, better)
    return found


def side_by_side(vectors: Float32) -> Rows:
    """Put the rows of unit vectors (n, dim) in an order where those near each other are together, mostly."""
    return np.argsort(_nearest_centres(vectors, _centres(vectors), 1).ravel(), kind="stable")


@dataclass(frozen=True)
class _Cell:
    """Which rows are in it, and which of those that ask look there, by their places among these."""

    members: Rows
    near: Rows


def _cells(vectors: Float32, asking: Rows) -> Iterator[list[_Cell]]:
    """All cells, for those that ask and are in them; then for those that have few nearer ones; and so on."""
    whole = np.isfinite(np.einsum("ij,ij->i", vectors, vectors))
    centres = _centres(vectors)
    of = _nearest_centres(vectors, centres, 1).ravel()
    near = _nearest_centres(vectors[asking], centres, min(PROBED, len(centres)))
    members = [rows[whole[rows]] for rows in _sorted_out(of, len(centres))]
    for part in np.split(near, FIRST, axis=1):
        looking = _sorted_out(part.ravel(), len(centres))
        yield [_Cell(own, places // part.shape[1]) for own, places in zip(members, looking, strict=True)]


def _nearer(vectors: Float32, asking: Rows, found: Neighbours, cell: _Cell) -> tuple[Rows, Neighbours]:
    """Those to which something in a cell is nearer than the last of those found, and the nearest in it."""
    count, members = min(found.cosines.shape[1], len(cell.members)), vectors[cell.members]
    parts = [(cell.near[:0], np.empty((0, count), np.intp), np.empty((0, count), np.float32))]
    for rows in blocks(len(cell.near) if count else 0):
        places = cell.near[rows]
        own = asking[places]
        opposite = -vectors[own] @ members.T
        column = np.minimum(np.searchsorted(cell.members, own), len(members) - 1)
        itself = np.flatnonzero(cell.members[column] == own)
        opposite[itself, column[itself]] = np.inf
        better = opposite.min(axis=1) < -found.cosines[places, -1]
        parts.append((places[better], *_first(opposite[better], count)))
    places, columns, cosines = (np.concatenate(part) for part in zip(*parts, strict=True))
    return places, Neighbours(cell.members[columns], cosines)


def _merge(found: Neighbours, places: Rows, others: Neighbours) -> None:
    """Put other neighbours of some places among those found."""
    cosines = np.hstack([found.cosines[places], others.cosines])
    rows = np.hstack([found.indices[places], others.indices])
    best = np.argsort(-cosines, axis=1, kind="stable")[:, : found.cosines.shape[1]]
    found.cosines[places] = np.take_along_axis(cosines, best, axis=1)
    found.indices[places] = np.take_along_axis(rows, best, axis=1)


def _sorted_out(numbers: Rows, count: int) -> list[Rows]:
    """The places of each number below `count`, in order."""
    sizes = np.bincount(numbers, minlength=count)
    return np.split(np.argsort(numbers, kind="stable"), np.cumsum(sizes)[:-1])


def _centres(vectors: Float32) -> Float32:
    """Centres, unit vectors, as many as the root of n or fewer: each the mean of those nearest to it."""
    root = round(len(vectors) ** 0.5)
    sample = vectors[:: max(1, len(vectors) // (LEARNT * root))]
    sample = sample[np.isfinite(sample).all(axis=1)]
    centres: Float32 = sample[np.linspace(0, len(sample) - 1, root).round().astype(int)]
    for _ in range(ROUNDS):
        of = _nearest_centres(sample, centres, 1).ravel()
        order = np.argsort(of, kind="stable")
        starts = np.unique(of[order], return_index=True)[1]
        sums: Float32 = np.add.reduceat(sample[order], starts, axis=0)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        sums /= np.maximum(lengths, TINY)
        centres = sums
    return centres


def _nearest_centres(vectors: Float32, centres: Float32, count: int) -> Rows:
    """The rows of the nearest centres of each vector, int (n, count), nearest first."""

    def of(rows: slice) -> Rows:
        return _first(-vectors[rows] @ centres.T, count)[0]

    return np.concatenate(on_each_processor(of, list(blocks(len(vectors)))))
