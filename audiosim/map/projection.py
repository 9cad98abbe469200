"""Places in the plane for vectors, so that near ones lie side by side.

t-SNE (van der Maaten and Hinton, 2008) by scikit-learn. Distances of unit vectors order as their
cosines do. One thread only: the order in which several add up would change the picture.

Of very many vectors t-SNE lays out a sample, and the others are put among those of the sample that they
are nearest to. How much is lost by that stands in benchmarks/RESULTS.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from audiosim.core.threads import limited_threads
from audiosim.core.types import Float32, Float64
from audiosim.library.neighbours import nearest

SEED = 0
PERPLEXITY = 30.0
FEW = 10  # below, a projection shows more than t-SNE
MANY = 20_000  # above, t-SNE would take minutes and more
SAMPLE = 10_000  # of these
GUIDES = 10  # of the sample, that place another, at most
ISLAND = 0.02  # of the map's longer side, that guides lie from the nearest: others are on another island
TINY = 1e-9


def lay_out(vectors: Float32) -> Float32:
    """Places float32 (n, 2) between 0 and 1 for unit vectors (n, dim), n at least 1.

    The same vectors get the same places, equal ones one place. The longer side is horizontal.
    """
    distinct, back = _distinct(vectors)
    if len(distinct) < FEW:
        flat = _projected(distinct)
    else:
        flat = _embedded(distinct) if len(distinct) <= MANY else _by_sample(distinct)
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


def _by_sample(vectors: Float32) -> Float64:
    """Places of an even sample by t-SNE, and of the others among those of it that they are nearest to."""
    chosen = np.linspace(0, len(vectors) - 1, SAMPLE).round().astype(int)
    others = np.setdiff1d(np.arange(len(vectors)), chosen)
    flat = np.empty((len(vectors), 2))
    flat[chosen] = _embedded(vectors[chosen])
    near = nearest(vectors[others], vectors[chosen], GUIDES)
    reach = ISLAND * float(np.ptp(flat[chosen], axis=0).max())
    distances = np.maximum(1 - near.cosines.astype(np.float64), 0)
    flat[others] = _among(flat[chosen][near.indices], distances, reach)
    return flat


def _among(guides: Float64, distances: Float64, reach: float) -> Float64:
    """Places (n, 2) among guides (n, GUIDES, 2) at some distances (n, GUIDES), the nearest first.

    Those that lie farther than `reach` from the nearest do not count: between islands nothing is to be.
    """
    weights = (distances[:, -1:] - distances + TINY) / (distances + TINY)
    weights *= np.linalg.norm(guides - guides[:, :1], axis=2) <= reach
    weights /= weights.sum(axis=1, keepdims=True)
    placed: Float64 = np.einsum("ij,ijk->ik", weights, guides)
    return placed


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
