"""Which tracks are opened for a passage: what they are taken for, and when enough of them are."""

from __future__ import annotations

import numpy as np
import pytest

from audiosim.core.types import Float32
from audiosim.search.alignment import best_place
from audiosim.search.sifting import FIRST, MAX_LAID, estimates, is_settled, laid

SIZE = 4  # windows in a passage
DIMENSION = 6


class Rows:
    """A track's directions, as `best_place` asks for them."""

    dimension = DIMENSION

    def __init__(self, rows: Float32) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, start: int, stop: int) -> Float32:
        return self._rows[start:stop]


def units(count: int, seed: int) -> Float32:
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    unit: Float32 = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def still(passages: Float32) -> Float32:
    """Windows that are all as the passage that they belong to."""
    return np.repeat(passages, SIZE, axis=0)


@pytest.mark.parametrize("length", [1, 3, 4, 7, 9, 16])
@pytest.mark.parametrize("skipped", [0, 1, 3])
def test_of_tracks_that_stay_as_they_are_for_a_passage_estimates_are_what_windows_tell(
    length: int, skipped: int
) -> None:
    sets = [units(count, seed) for seed, count in enumerate((5, 6, 8, 5, 7))]
    query = still(sets[2])[skipped : skipped + length]
    found = estimates(laid(query, SIZE), sets)
    exact = [best_place(query, Rows(still(own))).similarity for own in sets]  # type: ignore[arg-type]
    assert (found >= np.array(exact) - 1e-5).all()  # what sticks out of a track is not against it
    assert found[2] == pytest.approx(1.0, abs=1e-5)
    assert int(found.argmax()) == 2


def test_a_track_shorter_than_the_query_is_as_like_it_as_what_it_answers() -> None:
    passages = units(6, 1)
    query = still(passages)
    found = estimates(laid(query, SIZE), [passages[2:4], passages])
    assert found.tolist() == pytest.approx([1 / 3, 1.0], abs=1e-5)


def test_silence_within_a_query_does_not_count() -> None:
    passages = units(3, 1)
    query = still(passages)
    query[5:7] = 0
    assert estimates(laid(query, SIZE), [passages]).tolist() == pytest.approx([1.0], abs=1e-5)


def test_a_long_query_is_laid_in_fewer_ways() -> None:
    assert len(laid(units(3, 1), 10)) == 10
    ways = laid(units(600, 1), 10)
    assert len(ways) == 1
    assert sum(map(len, laid(units(100, 1), 10))) <= MAX_LAID + 10


def test_it_is_settled_when_no_other_is_expected_to_be_better() -> None:
    estimated = np.linspace(0.9, 0.5, 60)
    off = np.tile([0.02, -0.02], 30)
    assert is_settled(estimated, estimated + off, 0.5, 10)
    assert not is_settled(estimated, estimated + off, 0.85, 10)  # within three deviations of the tenth
    assert not is_settled(estimated, estimated + off, 0.5, 60)
    assert not is_settled(estimated, estimated + 10 * off, 0.6, 10)  # where estimates tell little


def test_it_is_never_settled_before_some_are_opened() -> None:
    estimated = np.linspace(0.9, 0.8, FIRST)
    assert is_settled(estimated, estimated, 0.1, 10)
    assert not is_settled(estimated[1:], estimated[1:], 0.1, 10)
    assert not is_settled(estimated, estimated, 0.1, FIRST + 1)


def test_tracks_of_which_nothing_is_told_do_not_count_in_that() -> None:
    estimated = np.append(np.linspace(0.9, 0.5, 40), -np.inf)
    found = np.append(np.linspace(0.9, 0.5, 40), 0.3)
    assert is_settled(estimated, found, 0.5, 10)
    assert is_settled(estimated, found, -np.inf, 10)
    assert not is_settled(np.full(40, -np.inf), found[:40], -np.inf, 10)
