"""Within-class covariance normalisation: what tracks vary in within themselves counts less.

A verse, a break or a fade is noise for telling tracks apart. Where v is a centred unit vector,

    S_w = the mean over tracks of the sample covariance of their windows
    S_w / (trace(S_w) / d) = U diag(l) U'
    A = U diag((0.95 l + 0.05) ^ -0.375) U'
    v' = A v / |A v|

After Hatch, Kajarekar and Stolcke, "Within-class covariance normalization for SVM-based speaker recognition",
Interspeech 2006, where a class is a speaker; here it is a track. Full whitening is the power -0.5; that of
-0.375, and the share of the identity, were chosen on game music (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from audiosim.core.types import Float32, Float64, FrameEmbeddings, Frames
from audiosim.encoders.frames import audible
from audiosim.encoders.registry import built_in

if TYPE_CHECKING:
    from audiosim.library.catalog import Configuration

SHRINKAGE = 0.05  # the identity's share
POWER = -0.375
LEAST_WINDOWS = 4  # of a track whose covariance counts
LEAST_TRACKS = 20  # to learn from
AT_ONCE = 4096  # vectors, whose float64 takes 16 MB
ENCODERS = tuple(entry.card.name for entry in built_in().values() if entry.card.whitened)


@dataclass(frozen=True)
class SearchSpace:
    """Where vectors lie when they are searched: as the catalog has them, or whitened.

    Parameters
    ----------
    whitening : bytes
        The matrix A, float32 (dim, dim); empty, where vectors are searched as they are.
    """

    whitening: bytes = b""

    @cached_property
    def _matrix(self) -> Float64:
        matrix = np.frombuffer(self.whitening, "<f4").astype(np.float64)
        return matrix.reshape(round(len(matrix) ** 0.5), -1)

    def __call__(self, vectors: Float32) -> Float32:
        """Bring unit vectors (dim,) or (n, dim) of the catalog into the space; they stay unit vectors.

        What is not of the matrix's dimension, as damaged ones, stays as it is.
        """
        if not self.whitening or vectors.shape[-1] != len(self._matrix):
            return vectors
        if vectors.ndim == 1:
            return self._searched(vectors)
        searched = np.empty_like(vectors, np.float32)
        for start in range(0, len(vectors), AT_ONCE):
            searched[start : start + AT_ONCE] = self._searched(vectors[start : start + AT_ONCE])
        return searched

    def _searched(self, vectors: Float32) -> Float32:
        moved = self.moved(vectors)
        norms = np.linalg.norm(moved, axis=-1, keepdims=True)
        found: Float32 = np.divide(moved, norms, out=np.zeros_like(moved), where=norms > 0).astype(np.float32)
        return found

    def moved(self, rows: Frames) -> Float64:
        """Multiply rows (n, dim) by A; they do not become unit vectors."""
        product: Float64 = rows.astype(np.float64) @ self._matrix.T
        return product


AS_THEY_ARE = SearchSpace()


def whitens(configuration: Configuration) -> bool:
    """Tell whether vectors of this kind are whitened: means of an encoder for which it was shown to help."""
    return configuration.spec.name in ENCODERS and configuration.pooling == "mean"


def learnt(tracks: Iterable[Float32]) -> bytes | None:
    """Learn the matrix A from tracks.

    Parameters
    ----------
    tracks : iterable of float32 (n, dim)
        Each one's windows, or means of some; those of fewer than four rows do not count.

    Returns
    -------
    bytes or None
        A, float32 (dim, dim); None where there are fewer than twenty tracks, or they do not vary.
    """
    total, count = None, 0
    for rows in tracks:
        if len(rows) >= LEAST_WINDOWS and np.isfinite(rows).all():
            covariance = np.atleast_2d(np.cov(rows.astype(np.float64), rowvar=False))
            total = covariance if total is None else total + covariance
            count += 1
    size = 0.0 if total is None else float(np.trace(total)) / len(total)
    if total is None or count < LEAST_TRACKS or not size > 0:
        return None
    values, axes = np.linalg.eigh(total / size)
    weights = ((1 - SHRINKAGE) * np.maximum(values, 0.0) + SHRINKAGE) ** POWER
    matrix: bytes = ((axes * weights) @ axes.T).astype("<f4").tobytes()
    return matrix


def audible_windows(frames: Iterable[FrameEmbeddings]) -> Iterator[Float32]:
    """The audible windows (n, dim) of each track."""
    for each in frames:
        yield each.embedding[audible(each.level)].astype(np.float32)
