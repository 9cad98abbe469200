"""Passages: a few vectors a track, by which stretches of it are found.

A passage is the mean of the directions of about ten seconds of windows. Its product with the mean
of a query's directions estimates how like the query that stretch is; the windows themselves, in the
caches, then tell exactly. Kept as 8-bit integers with a scale, a passage takes dim + 4 bytes.
"""

from __future__ import annotations

import numpy as np

from audiosim.core.types import Float32
from audiosim.encoders.frames import CentredFrames

PASSAGE = 10.0  # s, about
LEVELS = 127  # of an 8-bit integer, either side of zero
LONGEST = 1.001  # a mean of unit vectors, rounding allowed for


def windows_in(seconds: float, hop: float) -> int:
    """Count the windows, `hop` s apart, that a stretch of so many seconds has; at least one."""
    return max(1, round(seconds / hop))


def passages(directions: CentredFrames, hop: float) -> Float32:
    """Compute a track's passages, one after the other; those without an audible window are left out.

    Parameters
    ----------
    directions : CentredFrames
        The track's windows.
    hop : float
        Between windows, in s.

    Returns
    -------
    ndarray of float32, shape=(p, dim)
        Means of unit vectors.
    """
    blocks = directions.places // windows_in(PASSAGE, hop)
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))
    stops = [*starts[1:], len(blocks)]
    means = [
        _mean(directions.units(int(start), int(stop))) for start, stop in zip(starts, stops, strict=True)
    ]
    return np.array([mean for mean in means if mean.any()], np.float32).reshape(-1, directions.dimension)


def packed(vectors: Float32) -> bytes:
    """Pack passages, float32 (p, dim), as they are kept."""
    peaks = np.abs(vectors).max(axis=1, initial=0.0)
    scales = (peaks / LEVELS).astype("<f4")
    codes = np.rint(vectors / np.maximum(scales, np.finfo(np.float32).tiny)[:, None])
    rows = np.empty(len(vectors), _layout(vectors.shape[1]))
    rows["scale"], rows["codes"] = scales, codes
    return rows.tobytes()


def unpacked(blob: bytes, dimension: int) -> Float32:
    """Unpack passages, float32 (p, dim); none where the bytes are damaged."""
    layout = _layout(dimension)
    rows = np.frombuffer(blob if len(blob) % layout.itemsize == 0 else b"", layout)
    vectors: Float32 = rows["codes"].astype(np.float32) * rows["scale"][:, None]
    return vectors


def are_passages(blob: bytes, dimension: int, windows: int) -> bool:
    """Tell whether bytes are passages of a track of so many audible windows: means of unit vectors."""
    layout = _layout(dimension)
    count, rest = divmod(len(blob), layout.itemsize)
    if rest or count > windows:
        return False
    scales = np.frombuffer(blob, layout)["scale"]
    return bool(((scales >= 0) & (scales <= LONGEST / LEVELS)).all())


def _mean(units: Float32) -> Float32:
    counted = units[units.any(axis=1)]
    mean: Float32 = counted.mean(axis=0) if len(counted) else np.zeros(units.shape[1], np.float32)
    return mean


def _layout(dimension: int) -> np.dtype[np.void]:
    return np.dtype([("scale", "<f4"), ("codes", "i1", (dimension,))])
