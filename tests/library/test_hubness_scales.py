"""Hubs: how near the neighbours are, and what that does to the order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_home import units

from audiosim.core.types import Float32
from audiosim.library import neighbours
from audiosim.library.hubness import SMALLEST, corrected, floored, scales


def brute(vectors: Float32, row: int) -> float:
    distances = sorted(1 - float(vectors[row] @ vectors[k]) for k in range(len(vectors)) if k != row)
    return float(np.mean(distances[:10])) if distances else 1.0


@given(st.integers(1, 40), st.integers(0, 100), st.integers(1, 50))
def test_a_scale_is_the_mean_distance_to_the_ten_nearest_others(count: int, seed: int, block: int) -> None:
    vectors = units(count, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", block)
        found = scales(vectors)
    np.testing.assert_allclose(found, [brute(vectors, row) for row in range(count)], atol=1e-5)


@given(st.integers(1, 40), st.lists(st.integers(0, 39), unique=True), st.integers(0, 100))
def test_some_rows_have_the_scales_that_they_have_among_all(count: int, rows: list[int], seed: int) -> None:
    vectors = units(count, seed)
    wanted = [row for row in rows if row < count]
    np.testing.assert_allclose(scales(vectors, wanted), scales(vectors)[wanted], atol=1e-6)


def test_a_track_with_ten_equals_has_a_scale_above_zero() -> None:
    assert (scales(np.repeat(units(1, 0), 12, axis=0)) >= np.float32(SMALLEST)).all()


@given(st.integers(1, 30), st.integers(0, 100))
def test_the_order_is_that_of_distances_over_the_root_of_the_scale(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarity, scale = rng.uniform(-1, 1, count), rng.uniform(0.1, 1, count)
    order = np.argsort(-corrected(similarity, scale), kind="stable")
    expected = np.argsort((1 - similarity) / np.sqrt(scale), kind="stable")
    assert order.tolist() == expected.tolist()


def test_equal_scales_change_nothing_and_unknown_ones_count_as_usual() -> None:
    similarity = np.array([0.9, 0.5, -0.2])
    np.testing.assert_allclose(corrected(similarity, np.full(3, 0.3)), similarity)
    np.testing.assert_allclose(corrected(similarity, np.array([0.3, np.nan, 0.3])), similarity)
    np.testing.assert_array_equal(corrected(similarity, np.full(3, np.nan)), similarity)


def test_a_dozen_copies_do_not_push_each_other_out_of_all_answers() -> None:
    scale = np.array([0.4, 0.5, 0.6, 1e-6])
    similarity = np.array([0.2, 0.3, 0.4, 0.9])
    assert corrected(similarity, scale).argmax() == 3
    assert floored(scale)[3] == pytest.approx(0.045)
    np.testing.assert_array_equal(floored(scale)[:3], scale[:3])
