"""Which of very many fingerprints have so much in common that they are worth laying over one another.

As in Wang, "An industrial-strength audio search algorithm", ISMIR 2003: what is heard in the bands at
two landmarks, one after the other, is a key that hardly two recordings share by chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from audiosim.audio.fingerprint import Landmarks
from audiosim.search.fingerprints import BANDS_ONLY, words

COMMON = 2  # keys that two have in common, at least
USUAL = 32  # landmarks with one key: if there are more, it tells nothing
NEAREST = 10  # others that each is compared with
LIKELY = 0.08  # share of the shorter one's words, below which no copy was seen

Pairs = list[tuple[int, int]]


def with_keys_in_common(sets: Sequence[Landmarks | None], *, after: int | None = None) -> Pairs:
    """The pairs (smaller row, larger row) that have most keys in common, those with most first.

    Where `after` is given, only those of a row before that and one from there on.
    """
    keys, owners = _keys(sets)
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1 if len(keys) else keys))
    sizes = np.repeat(np.diff(starts, append=len(keys)), np.diff(starts, append=len(keys)))
    keys, owners = keys[sizes <= USUAL], owners[sizes <= USUAL]
    found = [np.empty(0, np.int64)]
    for step in range(1, USUAL):
        same = np.flatnonzero(keys[step:] == keys[:-step])
        if not len(same):
            break
        found.append(owners[same] * len(sets) + owners[same + step])  # stable: the smaller row comes first
    pairs = np.concatenate(found)
    if after is not None:
        pairs = pairs[(pairs // len(sets) < after) & (pairs % len(sets) >= after)]
    codes, counts = np.unique(pairs, return_counts=True)
    return _most(codes, counts, len(sets))


def sounds_of(landmarks: Landmarks) -> frozenset[int]:
    """All that is heard in the bands at landmarks, to be compared with `likely`."""
    return frozenset(words(landmarks, BANDS_ONLY).tolist())


def likely(first: frozenset[int], second: frozenset[int]) -> bool:
    """Whether so much sounds alike that both may be of one recording."""
    return len(first & second) >= LIKELY * min(len(first), len(second))


def _keys(sets: Sequence[Landmarks | None]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    keys = [np.empty(0, np.uint32)]
    for one in sets:
        found = words(one, BANDS_ONLY).astype(np.uint32) if one is not None and len(one) else keys[0]
        keys.append(np.unique(found[:-1] << 16 | found[1:]))
    return np.concatenate(keys), np.repeat(np.arange(len(sets)), [len(each) for each in keys[1:]])


def _most(codes: npt.NDArray[np.int64], counts: npt.NDArray[np.intp], total: int) -> Pairs:
    """Pairs by their codes, of each row those NEAREST with which it has most in common."""
    taken = np.zeros(total, np.intp)
    pairs = []
    chosen = counts >= COMMON
    codes, counts = codes[chosen], counts[chosen]
    for code in codes[np.argsort(-counts, kind="stable")].tolist():
        first, second = divmod(code, total)
        if first != second and min(taken[first], taken[second]) < NEAREST:
            taken[first] += 1
            taken[second] += 1
            pairs.append((first, second))
    return pairs
