"""Whether vectors are what they should be: what was kept or came from elsewhere can be damaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32

UNIT_TOLERANCE = 1e-3  # of a unit vector's length


def are_whole(vectors: Float32, dimension: int) -> bool:
    """Tell whether vectors are finite, of length 1, and of this dimension.

    Parameters
    ----------
    vectors : ndarray of float32, shape=(dim,) or (n, dim)
        One vector, or the rows.
    dimension : int
        What `dim` must be.

    Returns
    -------
    bool
        False if any of them is damaged.

    Examples
    --------
    >>> are_whole(np.array([0.6, 0.8], np.float32), 2)
    True
    >>> are_whole(np.array([[0.6, 0.8], [np.nan, 1.0]], np.float32), 2)
    False
    """
    return vectors.shape[-1:] == (dimension,) and bool(np.all(whole_rows(vectors)))


def whole_ones(vectors: Sequence[Float32], dimension: int) -> tuple[list[int], Float32]:
    """Leave out the vectors that are damaged, of many in the time that `are_whole` takes for a few.

    Parameters
    ----------
    vectors : sequence of float32 (dim,)
        The vectors; a damaged one may be of another dimension.
    dimension : int
        What `dim` must be.

    Returns
    -------
    tuple of (list of int, float32 (m, dim))
        Which of them are whole, and those.

    Examples
    --------
    >>> whole_ones([np.array([0.6, 0.8], np.float32), np.zeros(2, np.float32), np.ones(1, np.float32)], 2)[0]
    [0]
    """
    places = [place for place, vector in enumerate(vectors) if vector.shape == (dimension,)]
    if not places:
        return [], np.empty((0, dimension), np.float32)
    rows = np.stack([vectors[place] for place in places])
    kept = np.flatnonzero(whole_rows(rows))
    return [places[row] for row in kept], rows[kept]


def whole_rows(vectors: Float32) -> npt.NDArray[np.bool_]:
    """Tell of each vector, (n, dim) or one, whether it is finite and of length 1."""
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number, or too large, is said by False
        lengths = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
        found: npt.NDArray[np.bool_] = np.abs(lengths - 1) < UNIT_TOLERANCE
    return found
