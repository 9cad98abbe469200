"""Which fingerprints are worth laying over one another: copies are, at any speed, and hardly any others."""

from __future__ import annotations

import numpy as np
import pytest

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.search.promising import FASTEST, as_fast, faster


def a_set(seed: int, count: int = 100) -> Landmarks:
    rng = np.random.default_rng(seed)
    return Landmarks(np.cumsum(rng.integers(69, 250, count)), rng.random((count, BITS)) < 0.5)


def copy_of(one: Landmarks, seed: int, wrong: float = 0.05, speed: float = 1.0, shift: int = 0) -> Landmarks:
    """Some bits wrong, one landmark in ten gone, all a little misplaced."""
    rng = np.random.default_rng(seed)
    kept = rng.random(len(one)) > 0.1
    places = np.rint(one.places[kept] / speed).astype(np.int64) + shift + rng.integers(-1, 2, kept.sum())
    return Landmarks(places, one.bits[kept] ^ (rng.random((kept.sum(), BITS)) < wrong))


def part_of(one: Landmarks, first: int, last: int) -> Landmarks:
    return Landmarks(one.places[first:last], one.bits[first:last])


OTHERS = [a_set(seed) for seed in range(2, 12)]


def test_copies_and_cuts_are_told_among_others_all_at_once() -> None:
    one = a_set(1)
    some = [*OTHERS[:4], copy_of(one, 1, shift=500), *OTHERS[4:], copy_of(part_of(one, 40, 90), 2)]
    assert as_fast(one, some).tolist() == [False] * 4 + [True] + [False] * 6 + [True]
    assert [bool(as_fast(other, [one])[0]) for other in some] == as_fast(one, some).tolist()


@pytest.mark.parametrize("speed", [0.96, 0.98, 1.01, 1.02, 1.04])
def test_copies_at_another_speed_are_told_by_how_they_are_spaced(speed: float) -> None:
    one = a_set(1)
    some = [*OTHERS[:4], copy_of(one, 1, 0.17, speed, 300), *OTHERS[4:]]
    assert faster(one, some).tolist() == [False] * 4 + [True] + [False] * 6


def test_speeds_that_are_not_tried_and_spacing_alone_are_nothing() -> None:
    one = a_set(1)
    assert not faster(one, [copy_of(one, 1, 0.1, FASTEST + 0.02)])[0]
    assert not faster(one, [copy_of(one, 1, 0.5, 1.02)])[0]


def test_loops_are_told_apart_in_as_little_time() -> None:
    places = np.arange(1, 3001) * 80
    bits = np.tile(np.random.default_rng(1).random((4, BITS)) < 0.5, (750, 1))
    loop = Landmarks(places, bits)
    assert as_fast(loop, [Landmarks(places + 7, bits)])[0]
    assert faster(loop, [Landmarks(np.rint(places / 1.02).astype(np.int64), bits)])[0]
    assert not as_fast(loop, [a_set(5, 3000)])[0]
