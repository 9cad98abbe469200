"""Neighbourhoods that are kept: brought up to date, they are what measuring all tracks gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_home import units

from audiosim.core.types import Float32
from audiosim.library import neighbourhoods as kept_ones
from audiosim.library import neighbours
from audiosim.library.hubness import scales
from audiosim.library.neighbourhoods import Neighbourhoods, marks_of, neighbourhoods
from audiosim.library.neighbours import Rows, find_nearer, nearest


def found_of(
    vectors: Float32, rows: Rows | None = None, kept: Neighbourhoods | None = None, *, space: str = ""
) -> Neighbourhoods:
    """The neighbourhoods of some of many tracks, which are named by their rows."""
    rows = np.arange(len(vectors)) if rows is None else rows
    own = vectors[rows]
    return neighbourhoods([f"{row:08}" for row in rows.tolist()], marks_of(own, space), own, kept)


def exactly(vectors: Float32) -> Float32:
    places = np.arange(len(vectors))
    return nearest(vectors, vectors, 10, same=(places, places)).cosines


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tracks asked anew each time that not all did."""
    counts: list[int] = []

    def noting(*args: Rows) -> None:
        counts.append(len(args[3]))
        find_nearer(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(kept_ones, "find_nearer", noting)
    return counts


def music(count: int, seed: int = 0, dimension: int = 24) -> Float32:
    """Unit vectors around forty places, of which the first have most."""
    places = np.random.default_rng(99).normal(size=(40, dimension))
    rng = np.random.default_rng(seed)
    rows = places[(40 * rng.random(count) ** 2).astype(int)] + 0.7 * rng.normal(size=(count, dimension))
    found: Float32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


@given(
    st.integers(30, 90),
    st.lists(st.tuples(st.floats(0.5, 1), st.integers(0, 2)), max_size=4),
    st.integers(0, 1000),
)
def test_whatever_comes_goes_and_changes_they_are_those_of_all_pairs(
    count: int, steps: list[tuple[float, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors, kept, order = units(count, 0), None, rng.permutation(count)
    for there, changed in [(0.8, 0), (0.9, 0), *steps]:
        rows = np.sort(order[: round(there * count)])
        anew = rng.permutation(count)[:changed]
        vectors[anew] = units(len(anew), int(rng.integers(1000)))
        kept = found_of(vectors, rows, kept)
        own = vectors[rows]
        np.testing.assert_allclose(kept.near.cosines, exactly(own), atol=1e-6)
        given_by = np.einsum("ij,ikj->ik", own, own[kept.near.indices])
        np.testing.assert_allclose(kept.near.cosines, given_by, atol=1e-6)
        assert not (kept.near.indices == np.arange(len(rows))[:, None]).any()


def test_only_what_is_new_or_has_lost_a_neighbour_asks_anew(asked: list[int]) -> None:
    vectors = units(500, 0)
    kept = found_of(vectors, np.arange(450))
    grown = found_of(vectors, None, kept)
    assert asked == [50]
    assert found_of(vectors, None, grown) is grown
    gone = np.arange(1, 500)
    less = found_of(vectors, gone, grown)
    assert asked == [50, (grown.near.indices == 0).any(axis=1).sum()]
    np.testing.assert_allclose(less.near.cosines, exactly(vectors[gone]), atol=1e-6)


def test_all_ask_where_most_are_new_or_vectors_are_searched_elsewhere(asked: list[int]) -> None:
    vectors = units(500, 0)
    for kept in (found_of(vectors, np.arange(100)), found_of(vectors, space="elsewhere")):
        found = found_of(vectors, None, kept)
        np.testing.assert_allclose(found.near.cosines, exactly(vectors), atol=1e-6)
    assert asked == []


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 2,000 tracks are compared by cells, as more than 20,000 are elsewhere."""
    monkeypatch.setattr(neighbours, "EXACT", 2_000**2)


@pytest.mark.usefixtures("cells")
def test_of_very_many_that_grow_by_tenths_scales_are_as_near_to_exact_ones_as_if_all_had_asked(
    asked: list[int],
) -> None:
    vectors = music(6_000)
    kept = found_of(vectors, np.arange(3_000))
    for count in (3_300, 3_600, 4_000, 4_400, 4_800, 5_300, 5_800):
        kept = found_of(vectors, np.arange(count), kept)
    assert asked == [300, 300, 400, 400, 400, 500, 500]
    own = vectors[:5_800]
    exact = scales(exactly(own))
    errors = scales(kept.near.cosines) / exact - 1
    at_once = scales(found_of(own).near.cosines) / exact - 1
    assert errors.min() > -1e-5
    assert errors.mean() < at_once.mean() + 1e-4
    assert np.quantile(errors, 0.99) < np.quantile(at_once, 0.99) + 1e-3 < 0.02
    assert np.abs(scales(kept.near.cosines) / scales(found_of(own).near.cosines) - 1).max() < 0.1


@pytest.mark.usefixtures("cells")
def test_of_very_many_some_of_which_go_and_change_scales_are_near_to_exact_ones() -> None:
    vectors, rows = music(4_000), np.arange(0, 4_000, 1)
    kept = found_of(vectors)
    rows = np.delete(rows, np.s_[::80])
    kept = found_of(vectors, rows, kept)  # some go, and none comes
    vectors[10:4_000:90] = music(45, seed=5)
    found = found_of(vectors, rows, kept)
    own = vectors[rows]
    errors = scales(found.near.cosines) / scales(exactly(own)) - 1
    assert errors.min() > -1e-5
    assert np.quantile(errors, 0.99) < 0.02
    given_by = np.einsum("ij,ikj->ik", own, own[found.near.indices])
    np.testing.assert_allclose(found.near.cosines, given_by, atol=1e-5)
    assert all(len(set(near)) == 10 for near in found.near.indices.tolist())


@pytest.mark.usefixtures("cells")
def test_centres_are_learnt_anew_once_the_library_has_outgrown_them(asked: list[int]) -> None:
    vectors = music(6_000)
    small, large = found_of(vectors, np.arange(1_500)), found_of(vectors, np.arange(2_100))
    assert small.cells is None
    assert found_of(vectors, np.arange(2_100), small).cells is not None
    assert large.cells is not None
    for count in (4_000, 6_000):
        found = found_of(vectors, np.arange(count), large)
        assert found.cells is not None
        assert (len(found.cells.centres) > len(large.cells.centres)) == (count == 6_000)
        large = replace(found, cells=large.cells)
    assert asked == [1_900]


@pytest.mark.usefixtures("cells")
@pytest.mark.parametrize("count", [60, 2_500])
def test_what_is_kept_is_read_as_it_was_and_never_where_it_is_damaged(count: int) -> None:
    kept = found_of(music(count))
    data = kept.to_bytes()
    again = Neighbourhoods.from_bytes(data)
    assert again is not None
    assert again.to_bytes() == data
    assert (again.cells is None) == (count == 60)
    for place in np.linspace(0, len(data) - 1, 60).astype(int).tolist():
        spoilt = bytearray(data)
        spoilt[place] ^= 0x10
        read = Neighbourhoods.from_bytes(bytes(spoilt))
        assert read is None or read.to_bytes() == data
    for cut in (b"", data[:100], data[:-1], None):
        assert Neighbourhoods.from_bytes(cut) is None
