"""Poolings: from one embedding a window to one unit vector a track. Pure NumPy.

Windows that are digital silence, or more than 60 dB below the track's loudest window, do not
count: OpenL3 shows a window of zeros as full scale in every band, so that silence would weigh
as much as the loudest music. Sums run in float32 over chunks of fixed length, so that the same
frames always give the same bits, also when they lie on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import AudioError, UsageError
from audiosim.core.types import Float32, FrameEmbeddings, Frames, Pooling, TrackVector
from audiosim.encoders.frames import CentredFrames, audible
from audiosim.encoders.passage_vectors import packed, passages

CHUNK = 4096  # windows summed at a time
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)


def pooled_dimension(dimension: int, pooling: Pooling) -> int:
    """Tell the length of the track vector for frames of length `dimension`."""
    return 2 * dimension if pooling == "mean-std" else dimension


def pool(frames: FrameEmbeddings, pooling: Pooling = "mean", centre: Float32 | None = None) -> TrackVector:
    """Pool a track's windows into one unit vector.

    Parameters
    ----------
    frames : FrameEmbeddings
        Embeddings, shape=(n, dim), with their levels.
    pooling : {"mean", "max", "mean-std"}
        How; "mean-std" is mean and standard deviation, concatenated.
    centre : ndarray of float32, shape=(dim,), optional
        What is subtracted from every window first.

    Returns
    -------
    TrackVector
        The vector, without passages.

    Raises
    ------
    AudioError
        If no window is audible, or the frames give no direction (all zeros).

    Examples
    --------
    Two windows, and one of silence, which does not count:

    >>> import numpy as np
    >>> from audiosim import FrameEmbeddings, pool
    >>> frames = FrameEmbeddings(
    ...     embedding=np.array([[3, 0], [3, 8], [9, 9]], np.float16),
    ...     timestamps=np.array([0.0, 1.0, 2.0]),
    ...     level=np.array([-20, -22, -np.inf], np.float16),
    ... )
    >>> track = pool(frames)
    >>> track.vector
    array([0.6, 0.8], dtype=float32)
    >>> track.windows
    2
    >>> pool(frames, "mean-std").vector.shape
    (4,)
    """
    vector = summary(frames, pooling)
    if centre is not None:  # mean and maximum move with the windows, the deviation stays
        vector[: len(centre)] -= centre
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    if not np.isfinite(norm) or norm == 0.0:
        raise AudioError("its embedding has no direction (all zeros, or not finite)")
    return TrackVector((vector / norm).astype(np.float32), int(audible(frames.level).sum()))


def summary(frames: FrameEmbeddings, pooling: Pooling = "mean") -> Float32:
    """Pool the audible windows into one vector, float32 (pooled dim,), not yet of length 1.

    Parameters
    ----------
    frames : FrameEmbeddings
        Embeddings, shape=(n, dim), with their levels.
    pooling : {"mean", "max", "mean-std"}
        How.

    Raises
    ------
    AudioError
        If no window is audible.
    UsageError
        If channels were embedded apart.
    """
    if frames.embedding.ndim != 2:
        raise UsageError("Channels that were embedded apart can't be pooled", "", "Pool those of one.")
    mask = audible(frames.level)
    if not mask.any():
        raise AudioError("silent: no window of it is above digital silence")
    with np.errstate(over="ignore"):  # what float16 can't hold is refused by `pool`
        embedding = frames.embedding.astype(np.float16, copy=False)
    return _POOLINGS[pooling](embedding, mask)


def _chunks(embedding: Frames, mask: npt.NDArray[np.bool_]) -> Iterator[Float32]:
    for start in range(0, len(embedding), CHUNK):
        keep = mask[start : start + CHUNK]
        if keep.any():
            yield embedding[start : start + CHUNK][keep].astype(np.float32)


def _mean(embedding: Frames, mask: npt.NDArray[np.bool_]) -> Float32:
    total = np.zeros(embedding.shape[1], np.float32)
    for chunk in _chunks(embedding, mask):
        total += chunk.sum(axis=0, dtype=np.float32)
    mean: Float32 = total / np.float32(mask.sum())
    return mean


def _max(embedding: Frames, mask: npt.NDArray[np.bool_]) -> Float32:
    peaks = [chunk.max(axis=0) for chunk in _chunks(embedding, mask)]
    peak: Float32 = np.max(peaks, axis=0)
    return peak


def _mean_std(embedding: Frames, mask: npt.NDArray[np.bool_]) -> Float32:
    mean = _mean(embedding, mask)
    squares = np.zeros_like(mean)
    for chunk in _chunks(embedding, mask):
        squares += np.square(chunk - mean).sum(axis=0, dtype=np.float32)
    return np.concatenate([mean, np.sqrt(squares / np.float32(mask.sum()))])


_POOLINGS: dict[Pooling, Callable[[Frames, npt.NDArray[np.bool_]], Float32]] = {
    "mean": _mean,
    "max": _max,
    "mean-std": _mean_std,
}


@dataclass(frozen=True)
class Pooler:
    """What makes a track's vector and passages of its windows.

    Parameters
    ----------
    pooling : {"mean", "max", "mean-std"}
        How windows are pooled.
    hop : float
        Between windows, in s.
    centre_bytes : bytes
        The mean window to subtract, float32 (dim,); empty, where vectors are not centred.
    """

    pooling: Pooling
    hop: float
    centre_bytes: bytes = b""

    @cached_property
    def centre(self) -> Float32 | None:
        """The mean window (dim,) that is subtracted from every window, if there is one."""
        return np.frombuffer(self.centre_bytes, "<f4") if self.centre_bytes else None

    def directions(self, frames: FrameEmbeddings) -> CentredFrames:
        """Turn a track's windows into directions."""
        return CentredFrames(frames, self.centre, self.hop)

    def __call__(self, frames: FrameEmbeddings) -> TrackVector:
        """Make a track's vector and passages.

        Raises
        ------
        AudioError
            As `pool` does.
        """
        vector = pool(frames, self.pooling, self.centre)
        return replace(vector, passages=packed(passages(self.directions(frames), self.hop)))
