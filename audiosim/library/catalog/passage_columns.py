"""Passages in few numbers, as columns: where very many tracks are asked for a passage, these are scanned.

Most of what passages of a library have in common, or differ by, lies in few directions: the principal ones,
taken about zero, as products count and not distances. What passages come to along these, as 8-bit integers,
tells which tracks are worth comparing by the passages themselves, which the catalog keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32
from audiosim.encoders.passage_vectors import LEVELS, unpacked
from audiosim.library.catalog.columns import Columns, Numbers

if TYPE_CHECKING:
    from audiosim.library.catalog.tracks import Tracks

DIRECTIONS = 64
SAMPLE = 1000  # tracks by whose passages they are learnt
SCANNED = 65536  # passages at a time
LEAST = 1e-6  # of what passages come to along a direction: less is nothing, and still no zero
AT_A_TIME = 500  # tracks whose passages are read
GROWN = 2  # times as large a library has its directions learnt anew
CODES, BASIS, LEARNT = "passages", "passage basis", "passages learnt"
STARTS, OWNERS = "passage starts", "passage tracks"
PASSAGES = (CODES, BASIS, LEARNT, STARTS, OWNERS)
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Basis:
    """The directions that passages are described by.

    Parameters
    ----------
    vectors : ndarray of float32, shape=(dim, k)
        At right angles to each other, each as long as one step of its numbers.
    """

    vectors: Float32

    @classmethod
    def of(cls, pages: Sequence[Float32], dimension: int) -> Basis:
        """Learn it from some passages, arrays of (n, dim)."""
        none = np.zeros((0, dimension), np.float32)
        rows = np.concatenate([none, *pages])  # products of few rows take long
        moments = (rows.T @ rows).astype(np.float64)
        directions = np.linalg.eigh(moments)[1][:, ::-1][:, :DIRECTIONS].astype(np.float32)
        peaks = np.abs(rows @ directions).max(axis=0, initial=LEAST)
        return cls(directions * (peaks / LEVELS).astype(np.float32))

    @cached_property
    def _steps(self) -> Float32:
        steps: Float32 = self.vectors / np.square(np.linalg.norm(self.vectors, axis=0))
        return steps

    def codes(self, passages: Float32) -> Codes:
        """Describe passages (n, dim) by numbers (n, k)."""
        codes: Codes = np.clip(np.rint(passages @ self._steps), -LEVELS, LEVELS).astype(np.int8)
        return codes


@dataclass(frozen=True, eq=False)
class Kept:
    """What is known from before, so that only what has changed is computed.

    Parameters
    ----------
    basis : Basis
        The directions.
    learnt : int
        From how many pieces of audio they were learnt.
    codes : dict of str to ndarray of int8, shape=(p, k)
        The numbers of the passages of some audio.
    """

    basis: Basis
    learnt: int
    codes: dict[str, Codes]

    @classmethod
    def of(cls, columns: Columns, changed: Collection[str]) -> Kept | None:
        """Take it from columns, but for some audio; None where these are not sound."""
        if not columns.are_sound("digests", *PASSAGES):
            return None
        owners, starts, codes = columns[OWNERS].tolist(), columns[STARTS].tolist(), columns[CODES]
        kept = {
            digest: codes[starts[owner] : starts[owner + 1]] if owner >= 0 else codes[:0]
            for digest, owner in zip(columns["digests"].astype("U").tolist(), owners, strict=True)
            if digest not in changed
        }
        return cls(Basis(np.array(columns[BASIS])), int(columns[LEARNT][0]), kept)


@dataclass(frozen=True, eq=False)
class Described:
    """The columns of passages, of which the numbers are written.

    Parameters
    ----------
    basis, learnt
        As in `Kept`.
    starts : list of int
        The first passage of each piece of audio that has any; and last, how many passages there are.
    owners : ndarray of int
        Which audio a file has; -1 where that has no passages.
    """

    basis: Basis
    learnt: int
    starts: list[int]
    owners: Numbers

    @property
    def shape(self) -> tuple[int, int]:
        """How many numbers there are."""
        return self.starts[-1], self.basis.vectors.shape[1]

    def columns(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Give the others, by name."""
        yield BASIS, self.basis.vectors
        yield LEARNT, np.array([self.learnt], "<i8")
        yield STARTS, np.array(self.starts, "<i8")
        yield OWNERS, self.owners.astype("<i8")


def describe(
    file: IO[bytes],
    place: int,
    tracks: Tracks,
    digests: Sequence[str],
    dimension: int,
    kept: Kept | None,
) -> Described:
    """Write the numbers of all passages, (n, k), to a place of a file.

    Parameters
    ----------
    file : IO
        Open for writing.
    place : int
        Where.
    tracks : Tracks
        What has the passages.
    digests : sequence of str
        The audio of each file.
    dimension : int
        The length of a passage.
    kept : Kept, optional
        What is known from before; it is not used in a library that has grown much since.
    """
    audio = sorted(set(digests))
    if kept is None or len(audio) > GROWN * kept.learnt:
        some = audio[:: max(1, -(-len(audio) // SAMPLE))]
        passages = [_whole(blob, dimension) for _, blob in tracks.passages_of(some)]
        kept = Kept(Basis.of(passages, dimension), len(audio), {})
    file.seek(place)
    places: dict[str, int] = {}
    starts = [0]
    for start in range(0, len(audio), AT_A_TIME):
        page = audio[start : start + AT_A_TIME]
        fresh = _fresh([digest for digest in page if digest not in kept.codes], tracks, kept.basis)
        for digest in page:
            own = kept.codes.get(digest, fresh.get(digest))
            if own is not None and len(own):
                places[digest] = len(places)
                starts.append(starts[-1] + len(own))
                file.write(own.tobytes())
    owners = np.array([places.get(digest, -1) for digest in digests], np.intp)
    return Described(kept.basis, kept.learnt, starts, owners)


def _fresh(digests: Sequence[str], tracks: Tracks, basis: Basis) -> dict[str, Codes]:
    """The numbers of the passages of some audio, where it has any."""
    sets = {digest: _whole(blob, len(basis.vectors)) for digest, blob in tracks.passages_of(digests)}
    if not sets:
        return {}
    ends = np.cumsum([len(vectors) for vectors in sets.values()])
    codes = np.split(basis.codes(np.concatenate([*sets.values()])), ends[:-1])
    return dict(zip(sets, codes, strict=True))


def best_products(columns: Columns, mean: Float32) -> Float32:
    """Give about the highest product of `mean` (dim,) with a passage of each file, by row.

    Returns
    -------
    ndarray of float32, shape=(files,)
        -inf for those without passages.
    """
    direction = mean @ columns[BASIS]
    codes, starts, owners = columns[CODES], columns[STARTS], columns[OWNERS]
    products = np.empty(len(codes), np.float32)
    for start in range(0, len(codes), SCANNED):
        some = slice(start, start + SCANNED)
        products[some] = codes[some].astype(np.float32) @ direction
    best = np.append(np.maximum.reduceat(products, starts[:-1]) if len(products) else products, -np.inf)
    found: Float32 = best[owners].astype(np.float32)
    return found


def _whole(blob: bytes, dimension: int) -> Float32:
    """The passages of a track; none where they are damaged."""
    vectors = unpacked(blob, dimension)
    return vectors if np.isfinite(vectors).all() else vectors[:0]
