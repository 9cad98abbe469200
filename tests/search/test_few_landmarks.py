"""Fingerprints of few landmarks, of which an encoder may leave no two as they were."""

from __future__ import annotations

import pytest
from landmark_sets import a_set, copy_of

from audiosim.audio.fingerprint import Landmarks
from audiosim.search.common_landmarks import with_keys_in_common
from audiosim.search.few_landmarks import FEW, LONG_AS, worth_comparing
from audiosim.search.fingerprints import MIN_LANDMARKS, overlap

HARSH = 0.12  # of the bits flipped: of eleven landmarks of Opus at 64 kbit/s one had the bands as they were


@pytest.mark.parametrize("count", [MIN_LANDMARKS, 11, FEW])
def test_copies_without_a_key_in_common_are_worth_comparing(count: int) -> None:
    sets: list[Landmarks | None] = [a_set(seed, count) for seed in range(60)]
    sets[3], sets[41] = None, copy_of(a_set(7, count), 1, HARSH)
    assert (7, 41) not in with_keys_in_common(sets)
    assert worth_comparing(sets) == [(7, 41)]


def test_a_place_of_one_in_the_other_is_never_missed() -> None:
    for seed in range(200):
        one = a_set(seed, 8)
        other = copy_of(one, 1000 + seed, 0.2)
        if overlap(one, other, speeds=False):
            assert worth_comparing([one, other]) == [(0, 1)]


def test_many_landmarks_and_too_few_are_told_by_keys_alone() -> None:
    for count in (FEW + 1, MIN_LANDMARKS - 1):
        one = a_set(1, count)
        other = copy_of(one, 2, HARSH)
        assert worth_comparing([one, other]) == with_keys_in_common([one, other])


def test_what_lies_before_and_after_a_row_is_compared_with_each_other_only() -> None:
    known = [a_set(1, 11), copy_of(a_set(1, 11), 2, HARSH)]
    file = copy_of(a_set(1, 11), 3, HARSH)
    assert sorted(worth_comparing([*known, file], after=2)) == [(0, 2), (1, 2)]


def test_of_very_many_each_is_compared_with_those_about_as_long() -> None:
    sets = [a_set(seed, 12) for seed in range(2 * LONG_AS)]
    sets.append(copy_of(sets[100], 1, HARSH))
    assert (100, 2 * LONG_AS) in worth_comparing(sets)
