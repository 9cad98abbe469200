"""Which of many fingerprints are worth laying over one another."""

from __future__ import annotations

import numpy as np
from landmark_sets import a_set, copy_of

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.search.common_landmarks import NEAREST, USUAL, with_keys_in_common


def test_copies_are_found_among_many_others() -> None:
    sets: list[Landmarks | None] = [a_set(seed) for seed in range(300)]
    sets[17], sets[200] = None, copy_of(a_set(5), 1, first=50)
    sets[201] = copy_of(a_set(80), 2)
    found = with_keys_in_common(sets)
    assert {(5, 200), (80, 201)} <= set(found)
    assert len(found) < 20


def test_what_very_many_have_is_no_key() -> None:
    one = a_set(1)
    assert with_keys_in_common([one] * (USUAL + 1)) == []
    assert len(with_keys_in_common([one] * 4)) == 6


def test_each_is_compared_with_so_many_at_most() -> None:
    found = with_keys_in_common([copy_of(a_set(1), seed, 0.02) for seed in range(30)])
    assert 30 * NEAREST / 2 <= len(found) <= 30 * NEAREST


def test_nothing_has_nothing_in_common() -> None:
    assert with_keys_in_common([]) == []
    empty = Landmarks(np.empty(0, np.int64), np.empty((0, BITS), bool))
    assert with_keys_in_common([empty, None, empty]) == []


def test_a_few_keys_of_very_many_are_chance() -> None:
    one, other = a_set(1, 400), a_set(2, 400)
    other.bits[:10] = one.bits[:10]
    few = Landmarks(other.places[:60], other.bits[:60])
    assert with_keys_in_common([one, other]) == []
    assert with_keys_in_common([one, few]) == [(0, 1)]
