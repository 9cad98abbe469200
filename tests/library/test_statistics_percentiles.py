"""Where a similarity stands among those of random pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_home import units

from audiosim.library.statistics import Percentiles


@given(st.integers(2, 30), st.integers(0, 50), st.lists(st.floats(-1.1, 1.1), min_size=2, max_size=20))
def test_a_higher_similarity_never_stands_lower_and_all_are_percentages(
    count: int, seed: int, similarities: list[float]
) -> None:
    known = Percentiles.of(units(count, seed))
    found = [known.of_similarity(similarity) for similarity in sorted(similarities)]
    assert found == sorted(found)
    assert all(0 <= percentage <= 100 for percentage in found)


def test_a_percentile_is_the_share_of_pairs_that_are_less_alike() -> None:
    vectors = units(60, 3)
    pairs = (vectors @ vectors.T)[np.triu_indices(60, 1)]
    known = Percentiles.of(vectors)
    for similarity in np.linspace(-0.9, 0.9, 19):
        share = 100 * float((pairs < similarity).mean())
        assert known.of_similarity(float(similarity)) == pytest.approx(share, abs=0.3)


def test_what_no_pair_reaches_is_above_or_below_all() -> None:
    known = Percentiles.of(np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]], np.float32))
    assert known.of_similarity(1.0) == 100
    assert known.of_similarity(0.0) == 0


@given(st.integers(2, 20), st.integers(0, 50))
def test_the_text_gives_back_the_same_percentiles(count: int, seed: int) -> None:
    known = Percentiles.of(units(count, seed))
    np.testing.assert_array_equal(Percentiles.from_text(known.to_text()).quantiles, known.quantiles)
