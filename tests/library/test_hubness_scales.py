"""Hubs: how near the neighbours are, and what that does to the order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_home import units

from audiosim.core.types import Float32, Float64
from audiosim.library import neighbours
from audiosim.library.hubness import SMALLEST, HubScaling, floored, scales
from audiosim.library.neighbours import nearest_others


def brute(vectors: Float32, row: int) -> float:
    distances = sorted(1 - float(vectors[row] @ vectors[k]) for k in range(len(vectors)) if k != row)
    return float(np.mean(distances[:10])) if distances else 1.0


@given(st.integers(1, 40), st.integers(0, 100), st.integers(1, 50))
def test_a_scale_is_the_mean_distance_to_the_ten_nearest_others(count: int, seed: int, block: int) -> None:
    vectors = units(count, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", block)
        found = scales(nearest_others(vectors, min(10, count - 1)).cosines)
    np.testing.assert_allclose(found, [brute(vectors, row) for row in range(count)], atol=1e-5)


def test_a_track_with_ten_equals_has_a_scale_above_zero() -> None:
    vectors = np.repeat(units(1, 0), 12, axis=0)
    assert (scales(nearest_others(vectors, 10).cosines) >= np.float32(SMALLEST)).all()


def scores(similarity: Sequence[float], scale: Sequence[float], average: float = 0.0) -> Float64:
    """Corrected in a library of whose scales these are all."""
    known = [value for value in scale if np.isfinite(value)]
    return HubScaling(float(np.median(known)), average).scores(np.array(similarity), np.array(scale))


@given(st.integers(1, 30), st.integers(0, 100), st.floats(-0.9, 0.9))
def test_hubs_are_lowered_by_the_root_of_their_scale(count: int, seed: int, average: float) -> None:
    rng = np.random.default_rng(seed)
    similarity, scale = rng.uniform(-1, 1, count), rng.uniform(0.1, 1, count)
    usual = float(np.median(scale))
    found = HubScaling(usual, average).scores(similarity, scale)
    hubs = scale <= usual
    expected = 1 - (1 - similarity) * np.sqrt(usual / scale)
    np.testing.assert_allclose(found[hubs], expected[hubs])
    assert (found[hubs] <= similarity[hubs] + 1e-9).all()


@given(st.integers(1, 30), st.integers(0, 100), st.floats(-0.9, 0.9))
def test_a_track_is_lifted_the_more_the_more_it_is_like_the_query_and_below_the_average_not_at_all(
    count: int, seed: int, average: float
) -> None:
    rng = np.random.default_rng(seed)
    similarity, scale = np.sort(rng.uniform(-1, 1, count)), np.full(count, 0.9)
    found = HubScaling(0.3, average).scores(similarity, scale)
    assert (found >= similarity - 1e-9).all()
    assert (found <= 1 - (1 - similarity) * np.sqrt(0.3 / 0.9) + 1e-9).all()
    np.testing.assert_array_equal(found[similarity <= average], similarity[similarity <= average])
    assert (np.diff(found) >= -1e-9).all()  # no jump: of two like tracks the nearer one stays ahead


def test_a_short_noise_that_is_far_from_everything_does_not_come_before_music() -> None:
    noise, music = scores([0.05, 0.3, 0.4], [0.9, 0.3, 0.3])[:2]
    assert noise < 0.1 < music == pytest.approx(0.3)


def test_equal_scales_change_nothing_and_unknown_ones_count_as_usual() -> None:
    similarity = [0.9, 0.5, -0.2]
    np.testing.assert_allclose(scores(similarity, [0.3] * 3), similarity)
    np.testing.assert_allclose(scores(similarity, [0.3, np.nan, 0.3]), similarity)


def test_a_dozen_copies_do_not_push_each_other_out_of_all_answers() -> None:
    scale = np.array([0.4, 0.5, 0.6, 1e-6])
    assert scores([0.2, 0.3, 0.4, 0.9], scale.tolist()).argmax() == 3
    assert floored(scale, 0.45)[3] == pytest.approx(0.045)
    np.testing.assert_array_equal(floored(scale, 0.45)[:3], scale[:3])
