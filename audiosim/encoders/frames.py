"""Windows as directions: what passages of tracks are compared by.

A window counts as the unit vector of its embedding, less the home's mean window. Windows lie on
a grid of hops; one that is not audible, or was not embedded, is a row of zeros: it is like nothing.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, FrameEmbeddings

AUDIBLE_RANGE = 60.0  # dB below the loudest window


def audible(level: npt.NDArray[np.float16]) -> npt.NDArray[np.bool_]:
    """Tell which windows count: bool (n,) for levels (n,) in dBFS."""
    exact = level.astype(np.float32)
    loudest = exact.max(initial=-np.inf)
    return cast("npt.NDArray[np.bool_]", np.isfinite(exact) & (exact >= loudest - AUDIBLE_RANGE))


class CentredFrames:
    """A track's windows as unit vectors, computed where they are asked for.

    Parameters
    ----------
    frames : FrameEmbeddings
        The track's n windows, which may lie on disk.
    centre : ndarray of float32, shape=(dim,), optional
        The mean window to subtract.
    hop : float
        Between windows, in s.

    Attributes
    ----------
    places : ndarray of int64, shape=(n,)
        Where the windows lie on the grid of hops.
    """

    def __init__(self, frames: FrameEmbeddings, centre: Float32 | None, hop: float) -> None:
        self._frames, self._centre = frames, centre
        self._audible = audible(frames.level)
        self.places = np.rint(frames.timestamps / hop).astype(np.int64)

    @property
    def dimension(self) -> int:
        """The length of a window's direction."""
        return int(self._frames.embedding.shape[1])

    def __len__(self) -> int:
        return int(self.places[-1]) + 1 if len(self.places) else 0

    def rows(self, start: int, stop: int) -> Float32:
        """Compute the unit vectors (stop - start, dim) of places start to stop of the grid."""
        first, last = np.searchsorted(self.places, (start, stop))
        rows = np.zeros((stop - start, self.dimension), np.float32)
        rows[self.places[first:last] - start] = self.units(int(first), int(last))
        return rows

    def units(self, first: int, last: int) -> Float32:
        """Compute the unit vectors (last - first, dim) of windows that were embedded, by their number."""
        rows = self._frames.embedding[first:last].astype(np.float32)
        if self._centre is not None:
            rows -= self._centre
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        usable = self._audible[first:last, None] & np.isfinite(norms) & (norms > 0)
        units: Float32 = np.divide(rows, norms, out=np.zeros_like(rows), where=usable)
        return units
