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
from itertools import chain

import numpy as np
import numpy.typing as npt

from audiosim.core.threads import on_each_processor
from audiosim.core.types import Float32

BLOCK = 256  # rows compared at a time: 100 MB for 100,000 vectors
EXACT = 20_000**2  # pairs that are all compared, when all ask; some seconds
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


def nearest_others(vectors: Float32, count: int, cells: Cells | None = None) -> Neighbours:
    """Find the `count` nearest others of all vectors, by row: where pairs are too many, most of these.

    Parameters
    ----------
    vectors : float32 (n, dim)
        Unit vectors.
    count : int
        Neighbours of each, less than n.
    cells : Cells, optional
        The vectors' own, where they have been made already.

    Returns
    -------
    Neighbours
        Of each of the vectors, in their order.
    """
    places = np.arange(len(vectors))
    if cells is None and not is_large(len(vectors)):
        return nearest(vectors, vectors, count, same=(places, places))
    found = unknown(len(vectors), count)
    find_nearer(found, vectors, cells or cells_of(vectors), places)
    return found


def is_large(count: int) -> bool:
    """Tell whether so many vectors are put into cells, as their pairs are too many."""
    return count**2 > EXACT


def unknown(rows: int, count: int) -> Neighbours:
    """Give neighbours of so many vectors, of which none has been found."""
    return Neighbours(np.zeros((rows, count), np.intp), np.full((rows, count), -np.inf, np.float32))


def side_by_side(vectors: Float32) -> Rows:
    """Put the rows of unit vectors (n, dim) in an order where those near each other are together, mostly."""
    return np.argsort(cells_of(vectors).of, kind="stable")


@dataclass(frozen=True)
class Cells:
    """Centres among vectors, and to which of them each vector is nearest.

    Parameters
    ----------
    centres : float32 (c, dim)
        Unit vectors.
    of : int (n,)
        The row of the nearest one, of each of n vectors.
    """

    centres: Float32
    of: Rows


def cells_of(vectors: Float32, centres: Float32 | None = None) -> Cells:
    """Put unit vectors (n, dim) into cells: around these centres, or some that are learnt from them."""
    if centres is None:
        centres = _centres(vectors)
    return Cells(centres, _nearest_centres(vectors, centres, 1).ravel())


def find_nearer(
    found: Neighbours, vectors: Float32, cells: Cells | None, asking: Rows, new: Rows | None = None
) -> None:
    """Put what is nearer still among the neighbours found of all vectors.

    Parameters
    ----------
    found : Neighbours
        Of each of the vectors; changed here.
    vectors : float32 (n, dim)
        Unit vectors.
    cells : Cells or None
        Theirs; None compares all with all.
    asking : int (m,)
        The rows that ask among all others; none of their neighbours has been found.
    new : int, optional
        Those of them which may be neighbours of vectors that do not ask, and have not been found yet.
    """
    asks, unseen = np.zeros((2, len(vectors)), bool)
    asks[asking] = True
    if new is not None:
        unseen[new] = _whole(vectors[new])
    look = partial(_nearer, vectors, found, asks, unseen)
    for stage in _all_pairs(vectors, asking) if cells is None else _stages(vectors, cells, asking):
        for start in range(0, len(stage), TOGETHER):
            for better in chain.from_iterable(on_each_processor(look, stage[start : start + TOGETHER])):
                _merge(found, *better)


@dataclass(frozen=True)
class _Cell:
    """Which rows are in it, and which of those that ask look there."""

    members: Rows
    near: Rows


def _all_pairs(vectors: Float32, asking: Rows) -> Iterator[list[_Cell]]:
    """One cell of all, for some that ask at a time."""
    members = np.flatnonzero(_whole(vectors))
    yield [_Cell(members, asking[rows]) for rows in blocks(len(asking))]


def _stages(vectors: Float32, cells: Cells, asking: Rows) -> Iterator[list[_Cell]]:
    """All cells, for those that ask and are in them; then for those that have few nearer ones; and so on."""
    centres, whole = cells.centres, _whole(vectors)
    near = _nearest_centres(vectors[asking], centres, min(PROBED, len(centres)))
    members = [rows[whole[rows]] for rows in _sorted_out(cells.of, len(centres))]
    for part in np.split(near, FIRST, axis=1):
        looking = _sorted_out(part.ravel(), len(centres))
        yield [
            _Cell(own, asking[places // part.shape[1]])
            for own, places in zip(members, looking, strict=True)
            if len(own) and len(places)
        ]


def _whole(vectors: Float32) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = np.isfinite(np.einsum("ij,ij->i", vectors, vectors))
    return found


def _nearer(
    vectors: Float32,
    found: Neighbours,
    asks: npt.NDArray[np.bool_],
    unseen: npt.NDArray[np.bool_],
    cell: _Cell,
) -> list[tuple[Rows, Neighbours]]:
    """Rows to which some in a cell, or that ask there, are nearer than the last found; and the nearest."""
    count, members = found.cosines.shape[1], cell.members
    inside, parts = vectors if len(members) == len(vectors) else vectors[members], []
    # how near something must be to a member that does not ask; nothing is to one that does
    limits = np.where(asks[members], -np.inf, -found.cosines[members, -1])
    for rows in blocks(len(cell.near)):
        own = cell.near[rows]
        opposite = -vectors[own] @ inside.T
        column = np.minimum(np.searchsorted(members, own), len(members) - 1)
        itself = np.flatnonzero(members[column] == own)
        opposite[itself, column[itself]] = np.inf
        better = opposite.min(axis=1) < -found.cosines[own, -1]
        parts.append(_firsts(own[better], members, opposite[better], count))
        if (new := unseen[own]).any():
            coming = opposite if new.all() else opposite[new]
            better = coming.min(axis=0) < limits
            parts.append(_firsts(members[better], own[new], coming[:, better].T, count))
    return parts


def _firsts(rows: Rows, others: Rows, opposite: Float32, count: int) -> tuple[Rows, Neighbours]:
    """Rows, and the nearest of some others by their cosines with the signs turned (rows, others)."""
    columns, cosines = _first(opposite, min(count, len(others)))
    return rows, Neighbours(others[columns], cosines)


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

    none = np.zeros((0, count), np.intp)
    return np.concatenate([none, *on_each_processor(of, list(blocks(len(vectors))))])
