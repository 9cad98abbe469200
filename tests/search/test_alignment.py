"""The best stretch, against trying all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from made_home import frames_of, gappy

from audiosim.core.types import Float32, FrameEmbeddings, Framing
from audiosim.encoders.frames import CentredFrames
from audiosim.search import alignment
from audiosim.search.alignment import Alignment, best_place, best_stretch, span


def mean_cosine(first: Float32, second: Float32, stretch: Alignment) -> float:
    """Of two tracks' grids along a stretch."""
    one = first[stretch.first : stretch.first + stretch.length]
    other = second[stretch.second : stretch.second + stretch.length]
    return float(np.einsum("ij,ij->i", one, other).mean())


def whole(directions: CentredFrames) -> Float32:
    return directions.rows(0, len(directions))


@settings(deadline=None)
@given(gappy(), gappy(), st.integers(1, 12), st.integers(1, 7))
def test_no_aligned_stretch_is_better_than_the_best_one(
    one: FrameEmbeddings, other: FrameEmbeddings, length: int, chunk: int
) -> None:
    first, second = CentredFrames(one, None, 0.5), CentredFrames(other, None, 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "CHUNK", chunk)
        best = best_stretch(first, second, length)
    assert best.length == min(length, len(first), len(second))
    grids = whole(first), whole(second)
    everything = [
        mean_cosine(*grids, Alignment(0, i, j, best.length))
        for i in range(len(first) - best.length + 1)
        for j in range(len(second) - best.length + 1)
    ]
    assert best.similarity == pytest.approx(max(everything), abs=1e-5)
    assert mean_cosine(*grids, best) == pytest.approx(best.similarity, abs=1e-5)


@settings(deadline=None)
@given(gappy(), gappy(), st.integers(1, 7))
def test_a_query_is_placed_where_it_fits_best_as_a_whole(
    one: FrameEmbeddings, other: FrameEmbeddings, chunk: int
) -> None:
    query, track = whole(CentredFrames(one, None, 0.5)), CentredFrames(other, None, 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "CHUNK", chunk)
        best = best_place(query, track)
    grid, counted = whole(track), max(1, int(query.any(axis=1).sum()))
    length = min(len(query), len(track))
    everything = [
        float((query[i : i + length] * grid[j : j + length]).sum()) / counted
        for i in range(len(query) - length + 1)
        for j in range(len(track) - length + 1)
    ]
    assert best.length == length
    assert best.similarity == pytest.approx(max(everything), abs=1e-5)
    there = query[best.first : best.first + length] * grid[best.second : best.second + length]
    assert float(there.sum()) / counted == pytest.approx(best.similarity, abs=1e-5)


def test_a_query_longer_than_the_track_is_as_alike_as_the_part_that_is_there() -> None:
    rows = np.eye(8, dtype=np.float32)
    best = best_place(rows, CentredFrames(frames_of(rows[2:6]), None, 1.0))
    assert (best.first, best.second, best.length) == (2, 0, 4)
    assert best.similarity == pytest.approx(0.5)


def test_single_windows_are_compared_as_they_are() -> None:
    one, other = (
        CentredFrames(frames_of(np.array([row], np.float32)), None, 1.0) for row in ((3.0, 4.0), (1.0, 0.0))
    )
    best = best_stretch(one, other, 10)
    assert (best.first, best.second, best.length) == (0, 0, 1)
    assert best.similarity == pytest.approx(0.6)


def test_rows_of_zeros_in_a_query_do_not_count() -> None:
    rows = np.eye(5, dtype=np.float32)
    query = rows.copy()
    query[2] = 0
    assert best_place(query, CentredFrames(frames_of(rows), None, 1.0)).similarity == pytest.approx(1)


def test_a_span_lies_within_its_track_and_after_the_lead() -> None:
    spec = FakeEncoder(hop=0.5).spec
    assert span(spec, 4, 3, 60.0) == (2.0, 4.0)
    assert span(spec, 4, 3, 3.5) == (2.0, 3.5)
    centred = replace(spec, framing=Framing(spec.framing.window, spec.framing.hop, lead=4000))
    assert span(centred, 0, 1, None) == (0.0, 0.5)
    assert span(centred, 4, 3, None) == (1.5, 3.5)


def test_a_similarity_is_never_above_one() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)
    track = CentredFrames(frames_of(rows), None, 1.0)
    assert best_stretch(track, track, 7).similarity <= 1.0
    assert all(best_place(whole(track)[start : start + 9], track).similarity <= 1.0 for start in range(50))
