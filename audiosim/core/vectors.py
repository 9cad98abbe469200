"""Whether vectors are what they should be: what was kept or came from elsewhere can be damaged."""

from __future__ import annotations

import numpy as np

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
    with np.errstate(invalid="ignore"):  # not all that is no number can be told so in silence
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=-1)
        return vectors.shape[-1:] == (dimension,) and bool((np.abs(lengths - 1) < UNIT_TOLERANCE).all())
