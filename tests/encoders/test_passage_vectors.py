"""Passages: means of ten seconds, kept in few bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from made_home import frames_of

from audiosim.core.types import Float32, FrameEmbeddings
from audiosim.encoders.frames import CentredFrames
from audiosim.encoders.passage_vectors import LEVELS, packed, passages, unpacked, windows_in

vectors = npst.arrays(
    np.float32, st.tuples(st.integers(0, 4), st.integers(1, 6)), elements=st.floats(-1, 1, width=32)
)


@given(vectors)
def test_what_is_packed_comes_back_within_half_a_step(rows: Float32) -> None:
    found = unpacked(packed(rows), rows.shape[1])
    assert found.shape == rows.shape
    steps = np.abs(rows).max(axis=1, initial=0.0)[:, None] / LEVELS
    assert (np.abs(found - rows) <= 0.5001 * steps + 1e-35).all()


@given(vectors)
def test_a_passage_takes_its_dimension_and_four_bytes(rows: Float32) -> None:
    assert len(packed(rows)) == len(rows) * (rows.shape[1] + 4)


def test_damaged_bytes_hold_no_passage() -> None:
    blob = packed(np.ones((2, 5), np.float32))
    assert unpacked(blob[:-1], 5).shape == (0, 5)
    assert unpacked(b"", 5).shape == (0, 5)


@pytest.mark.parametrize(("hop", "count"), [(0.1, 100), (1.0, 10), (2.992, 3), (30.0, 1)])
def test_a_stretch_has_at_least_one_window(hop: float, count: int) -> None:
    assert windows_in(10.0, hop) == count


def test_passages_are_the_means_of_ten_seconds_each() -> None:
    rows = np.random.default_rng(1).standard_normal((47, 4)).astype(np.float32)
    directions = CentredFrames(frames_of(rows, hop=0.5), None, 0.5)
    grid = directions.rows(0, 47)
    expected = [grid[start : start + 20].mean(axis=0) for start in (0, 20, 40)]
    np.testing.assert_allclose(passages(directions, 0.5), expected, atol=1e-6)


def test_passages_with_no_window_or_none_that_is_audible_are_left_out() -> None:
    rows = np.random.default_rng(2).standard_normal((9, 4)).astype(np.float32)
    places = [0, 1, 12, 13, 40, 41, 42, 55, 56]
    directions = CentredFrames(frames_of(rows, places=places, silent=(2, 3, 7)), None, 1.0)
    grid = directions.rows(0, len(directions))
    expected = [grid[[0, 1]].mean(axis=0), grid[[40, 41, 42]].mean(axis=0), grid[56]]
    np.testing.assert_allclose(passages(directions, 1.0), expected, atol=1e-6)


class Watched(np.ndarray[Any, Any]):
    """An array that notes how many rows are asked for at a time."""

    most = 0

    def __getitem__(self, key: Any) -> Any:
        found = np.asarray(self)[key]
        Watched.most = max(Watched.most, len(found))
        return found


def test_long_tracks_are_read_in_parts() -> None:
    frames = frames_of(np.ones((5000, 2), np.float32), hop=0.1)
    watched = FrameEmbeddings(frames.embedding.view(Watched), frames.timestamps, frames.level)
    assert len(passages(CentredFrames(watched, None, 0.1), 0.1)) == 50
    assert Watched.most == windows_in(10.0, 0.1)
