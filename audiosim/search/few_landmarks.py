"""Which of very many fingerprints are worth laying over one another, those of few landmarks too.

Where there are few, an encoder like Opus at 64 kbit/s leaves no two landmarks after one another that
have the very same bits of the bands. Such fingerprints are therefore compared landmark by landmark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from audiosim.audio.fingerprint import Landmarks
from audiosim.search.common_landmarks import Pairs, with_keys_in_common
from audiosim.search.fingerprints import ALIKE, KINDS, MIN_LANDMARKS, MIN_VOTES, words

FEW = 24  # landmarks: of more, keys are left whatever the encoding
LONG_AS = 256  # others, the next in length, that each is compared with
# In place of landmarks that there are not: these differ by more than ALIKE from all, and from each other.
NONE_HERE, NONE_THERE = np.uint64(0xFFFFFF << 40), np.uint64(0xFFF << 40)

Codes = npt.NDArray[np.uint64]


def worth_comparing(sets: Iterable[Landmarks | None], *, after: int | None = None) -> Pairs:
    """Which fingerprints may be of one recording at one speed.

    Parameters
    ----------
    sets : iterable of Landmarks or None
        The fingerprints, a row each; None where there is none.
    after : int, optional
        Only pairs of a row before this and one from there on.

    Returns
    -------
    list of tuple of int
        The smaller row and the larger; those with most keys in common first, then those of few landmarks.
    """
    few: dict[int, Landmarks] = {}

    def noted() -> Iterator[Landmarks | None]:
        for row, one in enumerate(sets):
            if one is not None and MIN_LANDMARKS <= len(one) <= FEW:
                few[row] = one
            yield one

    with_keys = with_keys_in_common(noted(), after=after)
    return list(dict.fromkeys([*with_keys, *_alike(few, after)]))


def _alike(few: Mapping[int, Landmarks], after: int | None) -> Iterator[tuple[int, int]]:
    """The pairs with as many landmarks that look alike as a place of one in the other needs."""
    rows = np.array(sorted(few, key=lambda row: int(few[row].places[-1] - few[row].places[0])), np.int64)
    own, others = (_padded(few, rows, none) for none in (NONE_HERE, NONE_THERE))
    for place in range(len(rows) - 1):
        near = slice(place + 1, place + 1 + LONG_AS)
        differ = np.bitwise_count(own[place, :, None] ^ others[near, None])
        votes = (differ <= ALIKE).sum(axis=(1, 2))
        for other in rows[near][votes >= MIN_VOTES].tolist():
            first, second = sorted((int(rows[place]), other))
            if after is None or first < after <= second:
                yield first, second


def _padded(few: Mapping[int, Landmarks], rows: npt.NDArray[np.int64], none: np.uint64) -> Codes:
    """The bits of each one's landmarks as numbers, (rows, FEW)."""
    codes = np.full((len(rows), FEW), none)
    for place, row in enumerate(rows.tolist()):
        codes[place, : len(few[row])] = words(few[row], KINDS)
    return codes
