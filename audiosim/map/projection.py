"""Places in the plane for vectors, so that near ones lie side by side.

t-SNE (van der Maaten and Hinton, 2008) by scikit-learn. Distances of unit vectors order as their
cosines do. One thread only: the order in which several add up would change the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from audiosim.core.threads import limited_threads
from audiosim.core.types import Float32, Float64

SEED = 0
PERPLEXITY = 30.0
FEW = 10  # below, a projection shows more than t-SNE


def lay_out(vectors: Float32) -> Float32:
    """Places float32 (n, 2) between 0 and 1 for unit vectors (n, dim), n at least 1.

    The same vectors get the same places, equal ones one place. The longer side is horizontal.
    """
    distinct, back = _distinct(vectors)
    flat = _projected(distinct) if len(distinct) < FEW else _embedded(distinct)
    places: Float32 = _scaled(_turned(flat))[back].astype(np.float32)
    return places


def _distinct(vectors: Float32) -> tuple[Float32, Any]:
    """The vectors without repetition in order of first occurrence, and where each of all is among them."""
    numbers: dict[bytes, int] = {}
    back = [numbers.setdefault(row.tobytes(), len(numbers)) for row in vectors]
    first = np.unique(back, return_index=True)[1]
    return vectors[first], np.array(back)


def _projected(vectors: Float32) -> Float64:
    """The first two principal components (n, 2)."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    flat = np.zeros((len(vectors), 2))
    kept = min(2, len(sizes))
    flat[:, :kept] = left[:, :kept] * sizes[:kept]
    return flat


def _embedded(vectors: Float32) -> Float64:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    model = TSNE(perplexity=perplexity, init="pca", random_state=SEED, n_jobs=1)
    with limited_threads(1):
        flat: Float64 = model.fit_transform(vectors).astype(np.float64)
    return flat


def _turned(flat: Float64) -> Float64:
    """The places turned so that they spread most from left to right."""
    centred = flat - flat.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    turned: Float64 = centred @ (axes * signs)
    return turned


def _scaled(flat: Float64) -> Float64:
    """The places within the unit square, centred, in their proportions."""
    low, high = flat.min(axis=0), flat.max(axis=0)
    side = float((high - low).max())
    scaled: Float64 = (flat - (low + high) / 2) / (side or 1.0) + 0.5
    return np.clip(scaled, 0.0, 1.0)
