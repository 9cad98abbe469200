"""Cosine and the corrections for hubs: their formulas pair by pair, blocks, copies, and what they are for."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from audiosim.core.types import Float32
from audiosim.evaluation.metrics import hubness, occurrences
from audiosim.library import neighbours
from audiosim.library.hubness import HUB_CORRECTIONS, HubCorrection, similarities
from audiosim.library.neighbours import blocks


def unit_vectors(count: int, dimension: int, seed: int = 0, common: float = 0.0) -> Float32:
    """Random directions, with a common part that makes hubs."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension)) + common
    units: Float32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def by_hand(vectors: Float32, correction: HubCorrection, k: int) -> np.ndarray:
    """Every pair on its own, from the papers' formulas; the diagonal is left at 0."""
    n = len(vectors)
    cosine = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    others = [[j for j in range(n) if j != i] for i in range(n)]
    near = [sorted((cosine[i, j] for j in others[i]), reverse=True)[:k] for i in range(n)]
    normal = [
        NormalDist(
            np.mean([1 - cosine[i, j] for j in others[i]]), np.std([1 - cosine[i, j] for j in others[i]])
        )
        for i in range(n)
    ]
    found = np.zeros((n, n))
    usual = float(np.median([cosine[i, j] for i in range(n) for j in range(i)]))
    for i in range(n):
        for j in others[i]:
            distance = 1 - cosine[i, j]
            if correction == "local-scaling":
                scales = np.mean([1 - c for c in near[i]]) * np.mean([1 - c for c in near[j]])
                found[i, j] = -distance / math.sqrt(scales)
            elif correction == "score":
                found[i, j] = score(cosine[i, j], [1 - np.mean(row) for row in near], j, usual)
            elif correction == "csls":
                found[i, j] = 2 * cosine[i, j] - np.mean(near[i]) - np.mean(near[j])
            elif correction == "mutual-proximity":
                found[i, j] = math.log((1 - normal[i].cdf(distance)) * (1 - normal[j].cdf(distance)))
            else:
                found[i, j] = cosine[i, j]
    return found


def score(cosine: float, scales: list[float], answer: int, usual: float) -> float:
    """The distance by how much room there is around the answer; lifted the less, the less it is alike."""
    ratio = math.sqrt(np.median(scales) / max(scales[answer], 0.1 * np.median(scales)))
    if ratio < 1:
        ratio = 1 + min(max((cosine - usual) / (1 - usual), 0), 1) * (ratio - 1)
    return 1 - (1 - cosine) * ratio


def matrix(vectors: Float32, correction: HubCorrection, **arguments: object) -> np.ndarray:
    rows = similarities(vectors, correction, **arguments)  # type: ignore[arg-type]
    return np.concatenate([rows(block) for block in blocks(len(vectors))])


@pytest.mark.parametrize("correction", HUB_CORRECTIONS)
def test_each_pair_is_as_the_formula_says(correction: HubCorrection) -> None:
    vectors = unit_vectors(20, 6)
    found = matrix(vectors, correction, neighbours=4)
    np.fill_diagonal(found, 0)
    np.testing.assert_allclose(found, by_hand(vectors, correction, 4), atol=2e-5)


@pytest.mark.parametrize("correction", HUB_CORRECTIONS)
def test_blocks_make_up_the_whole(correction: HubCorrection, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit_vectors(30, 8)
    whole = matrix(vectors, correction)
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    np.testing.assert_allclose(matrix(vectors, correction), whole, atol=1e-6)


@pytest.mark.parametrize("correction", [name for name in HUB_CORRECTIONS if name != "score"])
def test_similarities_are_symmetric_float32(correction: HubCorrection) -> None:
    found = matrix(unit_vectors(25, 8), correction)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, found.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("correction", ["local-scaling", "csls", "mutual-proximity"])
def test_corrections_make_fewer_hubs(correction: HubCorrection) -> None:
    vectors = unit_vectors(400, 100, common=1.0)

    def skewness(name: HubCorrection) -> float:
        found = matrix(vectors, name)
        np.fill_diagonal(found, -np.inf)
        return hubness(occurrences(np.argsort(-found, axis=1)[:, :10], len(vectors)))

    assert skewness(correction) < 0.7 * skewness("none")


@pytest.mark.parametrize("correction", ["local-scaling", "csls", "mutual-proximity"])
def test_copies_are_no_neighbours(correction: HubCorrection) -> None:
    vectors = unit_vectors(20, 6)
    copied = np.concatenate([vectors, vectors[:1]])
    found = matrix(copied, correction, neighbours=3, recordings=np.array([*range(20), 0]))
    np.testing.assert_allclose(found[0], found[20], atol=1e-5)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("correction", HUB_CORRECTIONS)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_or_equal_tracks_are_no_trouble(correction: HubCorrection, count: int) -> None:
    equal = np.repeat(unit_vectors(1, 6), count, axis=0)
    assert np.isfinite(matrix(equal, correction)).all()
