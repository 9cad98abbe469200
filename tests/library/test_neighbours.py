"""Exact nearest neighbours: as a sort of all pairs finds them, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_home import units

from audiosim.library import neighbours
from audiosim.library.neighbours import nearest


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 50), st.integers(0, 100))
def test_neighbours_are_those_of_all_pairs_sorted(n: int, count: int, block: int, seed: int) -> None:
    vectors = units(n, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", block)
        found = nearest(vectors, vectors, count)
    cosines = vectors @ vectors.T
    expected = np.sort(-cosines, axis=1)[:, :count]
    np.testing.assert_allclose(found.cosines, -expected, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(cosines, found.indices, axis=1), found.cosines, atol=1e-6)
    assert all(len(set(row)) == min(n, count) for row in found.indices.tolist())


def test_a_large_library_has_the_neighbours_of_the_exact_cosines() -> None:
    vectors = units(2_100, 0)
    places = np.arange(2_100)
    found = nearest(vectors, vectors, 5, same=(places, places))
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    expected = np.argsort(-cosines, axis=1, kind="stable")[:, :5]
    assert (found.indices == expected).mean() > 0.999  # rounding may order near ties otherwise
    np.testing.assert_allclose(found.cosines, np.take_along_axis(cosines, expected, 1), atol=1e-6)


def test_equal_codes_are_no_neighbours_and_the_rest_is_marked() -> None:
    vectors = units(4, 0)
    codes = np.array([0, 0, 0, 1])
    found = nearest(vectors, vectors, 3, same=(codes, codes))
    assert found.indices[:3, 0].tolist() == [3, 3, 3]
    assert np.isfinite(found.cosines).sum(axis=1).tolist() == [1, 1, 1, 3]


def test_ties_come_in_order_of_index() -> None:
    vectors = np.repeat(units(3, 0), 4, axis=0)
    found = nearest(vectors[:1], vectors, 4)
    assert found.indices.tolist() == [[0, 1, 2, 3]]


def test_a_vector_that_is_not_finite_comes_last() -> None:
    vectors = units(5, 0)
    vectors[1, 0] = np.nan
    found = nearest(vectors[:1], vectors, 4)
    assert set(found.indices[0].tolist()) == {0, 2, 3, 4}


@pytest.mark.parametrize(("queries", "vectors"), [(3, 0), (0, 3), (0, 0)])
def test_there_may_be_nothing_to_compare(queries: int, vectors: int) -> None:
    found = nearest(units(queries or 1, 0)[:queries], units(vectors or 1, 0)[:vectors], 10)
    assert found.indices.shape == found.cosines.shape == (queries, min(vectors, 10))
