from __future__ import annotations

import numpy as np
import pytest

from audiosim.core.types import Float32
from audiosim.core.vectors import are_whole

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
