"""Windows as directions: on their grid, with zeros where there is nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_home import frames_of, gappy

from audiosim.core.types import Float32, FrameEmbeddings
from audiosim.encoders.frames import CentredFrames


def naive(frames: FrameEmbeddings, centre: Float32 | None, hop: float) -> Float32:
    """All of the grid, window by window."""
    length = round(float(frames.timestamps[-1]) / hop) + 1
    grid = np.zeros((length, frames.embedding.shape[1]), np.float32)
    for row, when, level in zip(frames.embedding, frames.timestamps, frames.level, strict=True):
        moved = row.astype(np.float32) - (0 if centre is None else centre)
        size = np.linalg.norm(moved)
        if np.isfinite(level) and size > 0:
            grid[round(when / hop)] = moved / size
    return grid


@given(gappy(), st.booleans(), st.integers(0, 40), st.integers(0, 10))
def test_any_rows_of_the_grid_equal_those_of_a_naive_grid(
    frames: FrameEmbeddings, centred: bool, start: int, count: int
) -> None:
    centre = np.array([0.5, -0.25, 0.125], np.float32) if centred else None
    directions = CentredFrames(frames, centre, 0.5)
    expected = naive(frames, centre, 0.5)
    assert len(directions) == len(expected)
    start = min(start, len(expected))
    stop = min(start + count, len(expected))
    np.testing.assert_allclose(directions.rows(start, stop), expected[start:stop], atol=1e-6)


def test_windows_60_db_below_the_loudest_are_like_nothing() -> None:
    frames = frames_of(np.ones((3, 2), np.float32))
    frames.level[:] = [-10, -69, -71]
    assert CentredFrames(frames, None, 1.0).rows(0, 3).any(axis=1).tolist() == [True, True, False]


def test_a_window_that_float16_can_not_hold_is_like_nothing() -> None:
    rows = np.ones((3, 2), np.float32)
    rows[1, 0] = np.inf
    units = CentredFrames(frames_of(rows), np.zeros(2, np.float32), 1.0).rows(0, 3)
    assert np.isfinite(units).all()
    assert units.any(axis=1).tolist() == [True, False, True]
