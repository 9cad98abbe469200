"""Which of very many fingerprints have so much in common that they are worth laying over one another.

As in Wang, "An industrial-strength audio search algorithm", ISMIR 2003: what is heard in the bands at
two landmarks, one after the other, is a key that hardly two recordings share by chance.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from audiosim.audio.fingerprint import Landmarks

COMMON, COMMON_SHARE = (
    2,
    0.04,
)  # keys that two have in common, at least, and of the keys of the one with fewer
USUAL = 32  # landmarks with one key: if there are more, it tells nothing
NEAREST = 10  # others that each is compared with

Pairs = list[tuple[int, int]]


def with_keys_in_common(sets: Iterable[Landmarks | None], *, after: int | None = None) -> Pairs:
    """The pairs (smaller row, larger row) that have most keys in common, those with most first.

    Where `after` is given, only those of a row before that and one from there on.
    """
    keys, owners, count = _keys(sets)
    lengths = np.bincount(owners, minlength=count)
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
        found.append(owners[same] * count + owners[same + step])  # stable: the smaller row comes first
    pairs = np.concatenate(found)
    if after is not None:
        pairs = pairs[(pairs // count < after) & (pairs % count >= after)]
    codes, counts = np.unique(pairs, return_counts=True)
    return _most(codes, counts, lengths)


def _keys(sets: Iterable[Landmarks | None]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], int]:
    """All keys, the rows of the sets that have them, and how many sets there are; one is held at a time."""
    keys = [np.empty(0, np.uint32)]
    for one in sets:
        keys.append(keys[0] if one is None else one.keys)
    owners = np.repeat(np.arange(len(keys) - 1), [len(each) for each in keys[1:]])
    return np.concatenate(keys), owners, len(keys) - 1


def _most(codes: npt.NDArray[np.int64], counts: npt.NDArray[np.intp], lengths: npt.NDArray[np.intp]) -> Pairs:
    """Pairs by their codes, of each row those NEAREST with which it has most in common."""
    total = len(lengths)
    taken = np.zeros(total, np.intp)
    pairs = []
    fewer = np.minimum(lengths[codes // max(1, total)], lengths[codes % max(1, total)])
    chosen = counts >= np.maximum(COMMON, COMMON_SHARE * fewer)
    codes, counts = codes[chosen], counts[chosen]
    for code in codes[np.argsort(-counts, kind="stable")].tolist():
        first, second = divmod(code, total)
        if first != second and min(taken[first], taken[second]) < NEAREST:
            taken[first] += 1
            taken[second] += 1
            pairs.append((first, second))
    return pairs
