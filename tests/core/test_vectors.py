from __future__ import annotations

import numpy as np
import pytest

from audiosim.core.types import Float32
from audiosim.core.vectors import are_whole, whole_ones

UNIT = np.array([0.6, 0.8, 0.0], np.float32)
INFINITE, HUGE = np.full(3, np.inf, np.float32), UNIT * np.float32(3e38)
SIGNALLING = np.frombuffer(b"\x01\x00\x80\x7f" * 3, np.float32)  # no numbers, and their use is an error


def test_unit_vectors_of_the_dimension_are_whole() -> None:
    assert are_whole(UNIT, 3)
    assert are_whole(np.stack([UNIT, -UNIT]), 3)
    assert are_whole(np.empty((0, 3), np.float32), 3)
    assert are_whole(UNIT * np.float32(1.0005), 3)


@pytest.mark.parametrize(
    "vector",
    [
        np.full(3, np.inf, np.float32),
        UNIT[:2],
        UNIT[:0],
        UNIT * 1.01,
        UNIT * 0,
        UNIT * np.float32(3e38),
        SIGNALLING,
    ],
)
def test_others_are_not(vector: Float32) -> None:
    with np.errstate(all="raise"):
        assert not are_whole(vector, 3)
        if len(vector) == 3:
            assert not are_whole(np.stack([UNIT, vector]), 3)


def test_damaged_vectors_are_left_out() -> None:
    rows = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    vectors = [row / np.linalg.norm(row) for row in rows]
    vectors[1] = np.array([np.nan, 0, 1], np.float32)
    vectors[3] = vectors[3][:2]
    places, found = whole_ones(vectors, 3)
    assert places == [0, 2, 4]
    np.testing.assert_array_equal(found, np.stack([vectors[place] for place in places]))
    assert all(are_whole(vectors[place], 3) == (place in places) for place in range(5))


def test_of_none_none_are_whole() -> None:
    places, found = whole_ones([np.zeros(3, np.float32)], 2)
    assert (places, found.shape) == ([], (0, 2))
