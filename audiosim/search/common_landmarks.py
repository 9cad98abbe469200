"""Which of very many fingerprints have so much in common that they are worth laying over one another.

As in Wang, "An industrial-strength audio search algorithm", ISMIR 2003: what is heard in the bands at
two landmarks, one after the other, is a key that hardly two recordings share by chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from audiosim.audio.fingerprint import Landmarks

COMMON, COMMON_SHARE = 2, 0.04  # keys in common, at least, and of the keys of the one with fewer
USUAL = 32  # landmarks with one key: if there are more, it tells nothing
NEAREST = 10  # others that each is compared with
FEW = 2**16  # keys, of which hardly two are the same by chance
COUNTED = 2**23  # pairs that are counted at a time: a quarter of a gigabyte

Pairs = list[tuple[int, int]]
Numbers = npt.NDArray[np.int64]


def with_keys_in_common(sets: Iterable[Landmarks | None], *, after: int | None = None) -> Pairs:
    """The pairs (smaller row, larger row) that have most keys in common, those with most first.

    Where `after` is given, only those of a row before that and one from there on.
    """
    owners, ends, lengths = _shared(sets)
    if not len(owners):
        return []
    found = [np.empty((2, 0), np.int64)]
    for entries in _parts(owners, ends):
        codes = _pairs(owners, ends, entries, len(lengths))
        if after is not None:
            codes = codes[(codes // len(lengths) < after) & (codes % len(lengths) >= after)]
        codes, counts = np.unique(codes, return_counts=True)
        fewer = np.minimum(lengths[codes // len(lengths)], lengths[codes % len(lengths)])
        enough = counts >= np.maximum(COMMON, COMMON_SHARE * fewer)
        found.append(np.stack([codes[enough], counts[enough]]))
    codes, counts = np.concatenate(found, axis=1)
    return _most(codes[np.argsort(-counts, kind="stable")].tolist(), len(lengths))


def _shared(sets: Iterable[Landmarks | None]) -> tuple[npt.NDArray[np.uint32], Numbers, Numbers]:
    """Who has each key that tells something, equal keys side by side; where those end; how many each set has.

    One set is held at a time.
    """
    none = np.empty(0, np.uint32)
    keys = [none, *(none if one is None else one.keys for one in sets)]
    lengths = np.array([len(each) for each in keys[1:]], np.int64)
    if lengths.sum() < FEW and _differ(np.concatenate(keys)):
        return none, np.empty(0, np.int64), lengths
    both = np.concatenate(keys, dtype=np.uint64)
    keys.clear()
    both <<= np.uint64(32)
    both |= np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
    both.sort()  # by key, then by row
    alike = both[1:] ^ both[:-1] < 2**32  # which key is that of the one before: hardly any
    both = both[np.append(alike, False) | np.append(False, alike)] if alike.any() else both[:0]
    starts = np.flatnonzero(np.diff(both >> 32, prepend=np.uint64(2**32)))
    sizes = np.diff(starts, append=len(both))
    told = sizes <= USUAL
    owners = both[np.repeat(told, sizes)].astype(np.uint32)
    return owners, np.repeat(np.cumsum(sizes[told]), sizes[told]), lengths


def _differ(keys: npt.NDArray[np.uint32]) -> bool:
    """Whether no two keys are the same; puts them in order."""
    keys.sort()
    return not (keys[1:] == keys[:-1]).any()


def _parts(owners: npt.NDArray[np.uint32], ends: Numbers) -> Iterator[Numbers]:
    """The entries by their owners, all of some owners at a time, that have so many after them in all."""
    order = np.argsort(owners, kind="stable")
    others = np.cumsum(ends[order] - order - 1)
    lasts = np.searchsorted(others, np.arange(COUNTED, others[-1] if len(others) else 0, COUNTED))
    cuts = np.searchsorted(owners[order], owners[order[lasts]], "right")
    yield from np.split(order, np.unique(cuts))


def _pairs(owners: npt.NDArray[np.uint32], ends: Numbers, entries: Numbers, count: int) -> Numbers:
    """The pairs of each of some entries and those after it that have the same key, as codes."""
    numbers = ends[entries] - entries - 1
    firsts = np.cumsum(numbers) - numbers
    others = np.arange(numbers.sum()) + np.repeat(entries + 1 - firsts, numbers)
    codes: Numbers = np.repeat(owners[entries].astype(np.int64) * count, numbers) + owners[others]
    return codes


def _most(codes: list[int], total: int) -> Pairs:
    """Pairs by their codes, those with most in common first: of each row NEAREST."""
    taken = np.zeros(total, np.intp)
    pairs = []
    for code in codes:
        first, second = divmod(code, total)
        if min(taken[first], taken[second]) < NEAREST:
            taken[first] += 1
            taken[second] += 1
            pairs.append((first, second))
    return pairs
