"""How close a track's nearest neighbours are: what corrects for hubs.

In many dimensions some vectors, the hubs, are near to nearly everything. Local scaling divides a
distance by how far the nearest neighbours of its two ends are on average; here only the answer's
end counts, as the query's is the same for all answers. Schnitzer, Flexer, Schedl and Widmer,
"Local and global scaling reduce hubs in space", JMLR 13 (2012), their NICDM.
"""

from __future__ import annotations

import numpy as np

from audiosim.types import Float32, Float64

NEIGHBOURS = 10
BLOCK = 256  # rows compared with all others at a time
LEAST_SHARE = 0.1  # of the median scale
SMALLEST = 1e-6  # a scale; tracks with ten equals have none


def scales(vectors: Float32, rows: slice | list[int] = slice(None)) -> Float32:
    """Mean cosine distance (k,) of some of the unit vectors (n, dim), by row, to their ten nearest others."""
    wanted = np.arange(len(vectors))[rows]
    count = min(NEIGHBOURS, len(vectors) - 1)
    found = np.ones(len(wanted), np.float32)
    if count < 1:
        return found
    for start in range(0, len(wanted), BLOCK):
        block = wanted[start : start + BLOCK]
        similarities = vectors[block] @ vectors.T
        similarities[np.arange(len(block)), block] = -np.inf
        nearest = np.partition(similarities, -count, axis=1)[:, -count:]
        found[start : start + len(block)] = np.maximum(1.0 - nearest.mean(axis=1), SMALLEST)
    return found


def floored(scale: Float64) -> Float64:
    """Scales (n,) that are not much below the usual: a dozen copies are no place of their own."""
    result: Float64 = np.maximum(scale, LEAST_SHARE * np.median(scale))
    return result


def corrected(similarity: Float64, scale: Float64) -> Float64:
    """Similarities (n,) to one query, corrected by the scales (n,) of the answers; NaN is not known.

    Distances keep their size on average, so that the values can still be read as similarities.
    """
    known = np.isfinite(scale)
    if not known.any():
        return similarity
    usual = np.median(scale[known])
    ratio = np.sqrt(usual / floored(np.where(known, scale, usual)))
    result: Float64 = 1 - (1 - similarity) * ratio
    return result
