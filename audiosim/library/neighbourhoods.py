"""The nearest others of all tracks, kept from run to run: what is new is compared with all, the rest is not.

A new track may be nearer to an old one than the last of its ten: then it takes that one's place. Tracks of
whose nearest one is gone, or has another vector, ask anew. So all have the neighbours that they would have
if all asked, but where tracks are so many that they lie in cells (neighbours.py): there each has those
that either finds from its own cells. The centres of these stay until the library has grown much; then, and
where most tracks have changed or nothing is kept, all ask.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32
from audiosim.library.hubness import NEIGHBOURS
from audiosim.library.neighbours import (
    Cells,
    Neighbours,
    Rows,
    cells_of,
    find_nearer,
    is_large,
    nearest_others,
    unknown,
)

MOST = 0.5  # of all tracks, which may ask anew before all do
OUTGROWN = 1.5  # by this the root of their number may differ from how many centres there are
Marks = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Neighbourhoods:
    """The nearest others of each of n tracks.

    Parameters
    ----------
    digests : bytes (n,)
        Of their audio, in order.
    marks : uint64 (n,)
        By which a vector is known to be the same (`marks_of`).
    near : Neighbours
        Of each track; indices are rows of these n.
    cells : Cells or None
        Where they lie; None where all were compared with all.
    """

    digests: npt.NDArray[np.bytes_]
    marks: Marks
    near: Neighbours
    cells: Cells | None

    def to_bytes(self) -> bytes:
        """Give what `from_bytes` reads: 130 bytes a track."""
        arrays = {
            "digests": self.digests,
            "marks": self.marks,
            "indices": self.near.indices.astype(np.int32),
            "cosines": self.near.cosines,
        }
        if self.cells is not None:
            arrays |= {"centres": self.cells.centres, "of": self.cells.of.astype(np.int32)}
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes | None) -> Neighbourhoods | None:
        """Read what is kept; None where there is nothing, or it is damaged."""
        try:
            with np.load(io.BytesIO(data or b"")) as file:  # a zip: it has sums of its own
                near = Neighbours(file["indices"].astype(np.intp), file["cosines"])
                cells = Cells(file["centres"], file["of"].astype(np.intp)) if "centres" in file else None
                return cls(file["digests"], file["marks"], near, cells)
        except Exception:  # a flipped byte in a zip file raises nearly anything
            return None


def marks_of(vectors: Float32, space: str) -> Marks:
    """Make a number of each vector (n, dim), and of where vectors are searched: another one makes another."""
    own = int.from_bytes(hashlib.blake2b(space.encode(), digest_size=8).digest())
    numbers = np.ascontiguousarray(vectors).view(np.uint32)
    sums: Marks = numbers.sum(axis=1, dtype=np.uint64)
    return sums + np.uint64(own)


def neighbourhoods(
    digests: Sequence[str], marks: Marks, vectors: Float32, kept: Neighbourhoods | None = None
) -> Neighbourhoods:
    """Find the nearest others of all tracks.

    Parameters
    ----------
    digests : sequence of str
        Of their audio, each once, in order.
    marks : uint64 (n,)
        Of their vectors as they are kept.
    vectors : float32 (n, dim)
        Unit vectors, where they are searched.
    kept : Neighbourhoods, optional
        What an earlier run found.

    Returns
    -------
    Neighbourhoods
        Those of these tracks; `kept` itself where nothing has changed.
    """
    names = np.array(digests, "S")
    if kept is not None and _suits(kept, vectors):
        known, near = _still_known(kept, names, marks)
        asking = np.flatnonzero(np.isneginf(near.cosines[:, 0]))
        if not len(asking) and len(names) == len(kept.digests):
            return kept
        if len(asking) <= MOST * len(names):
            new = np.flatnonzero(known < 0)
            cells = None if kept.cells is None else _followed(kept.cells, known, vectors)
            find_nearer(near, vectors, cells, asking, new)
            return Neighbourhoods(names, marks, near, cells)
    cells = cells_of(vectors) if is_large(len(vectors)) else None
    count = min(NEIGHBOURS, len(vectors) - 1)
    return Neighbourhoods(names, marks, nearest_others(vectors, count, cells), cells)


def _suits(kept: Neighbourhoods, vectors: Float32) -> bool:
    """Whether what is kept can be gone on with: it has as many neighbours, and centres for as many tracks."""
    if kept.near.cosines.shape[1:] != (min(NEIGHBOURS, len(vectors) - 1),):
        return False
    if kept.cells is None or not is_large(len(vectors)):
        return kept.cells is None and not is_large(len(vectors))
    there, wanted = len(kept.cells.centres), len(vectors) ** 0.5
    suit: bool = wanted / OUTGROWN <= there <= wanted * OUTGROWN
    return suit and kept.cells.centres.shape[1] == vectors.shape[1]


def _still_known(
    kept: Neighbourhoods, names: npt.NDArray[np.bytes_], marks: Marks
) -> tuple[Rows, Neighbours]:
    """Where each track was, or -1; and its neighbours, none where it or one of them is not as it was."""
    place = np.minimum(np.searchsorted(kept.digests, names), len(kept.digests) - 1)
    known = np.where((kept.digests[place] == names) & (kept.marks[place] == marks), place, -1)
    there = np.flatnonzero(known >= 0)
    now = np.full(len(kept.digests), -1)
    now[known[there]] = there
    near = unknown(len(names), kept.near.cosines.shape[1])
    indices = now[kept.near.indices[known[there]]]
    whole = (indices >= 0).all(axis=1)
    near.indices[there[whole]] = indices[whole]
    near.cosines[there[whole]] = kept.near.cosines[known[there[whole]]]
    return known, near


def _followed(cells: Cells, known: Rows, vectors: Float32) -> Cells:
    """The cells of all tracks, of those that were known as they were."""
    of = cells.of[known]
    new = known < 0
    of[new] = cells_of(vectors[new], cells.centres).of
    return Cells(cells.centres, of)
