"""Which of many fingerprints are worth laying over one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from landmark_sets import a_set, copy_of

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.search import common_landmarks
from audiosim.search.common_landmarks import COMMON, COMMON_SHARE, NEAREST, USUAL, with_keys_in_common


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


def plainly(sets: Sequence[Landmarks | None], after: int | None) -> list[tuple[int, int]]:
    """The same, counted pair by pair."""
    keys = [set() if one is None else set(one.keys.tolist()) for one in sets]
    holders = Counter(key for one in keys for key in one)
    told = [{key for key in one if holders[key] <= USUAL} for one in keys]
    counts = {
        (first, second): len(told[first] & told[second])
        for first, second in combinations(range(len(keys)), 2)
        if after is None or first < after <= second
    }
    least = {pair: max(COMMON, COMMON_SHARE * min(len(keys[row]) for row in pair)) for pair in counts}
    taken: Counter[int] = Counter()
    found = []
    for first, second in sorted(counts, key=lambda pair: (-counts[pair], pair)):
        if counts[first, second] >= least[first, second] and min(taken[first], taken[second]) < NEAREST:
            taken.update([first, second])
            found.append((first, second))
    return found


@pytest.mark.parametrize("counted", [1, 300, 10**6])
@pytest.mark.parametrize("after", [None, 0, 40])
def test_pairs_are_those_of_a_plain_count_however_many_are_counted_at_a_time(
    monkeypatch: pytest.MonkeyPatch, counted: int, after: int | None
) -> None:
    monkeypatch.setattr(common_landmarks, "COUNTED", counted)
    sets: list[Landmarks | None] = []
    for seed in range(60):
        one = a_set(seed, 30 + seed)
        one.bits[:, np.arange(BITS) % 20 > 14] = False  # so that chance gives many something in common
        sets.append(one)
    sets[7] = None
    sets += [copy_of(one, seed) for seed, one in enumerate(sets[:12]) if one is not None]
    found = with_keys_in_common(sets, after=after)
    assert found == plainly(sets, after)
    assert (len(found) > 50) == (after != 0)
