"""Which of very many tracks are worth opening for a passage, and when enough of them are.

A track's passages are means of some windows, a passage after the other. Laid beside the query's windows, as
these would fall into them, they estimate how like it the track's best stretch is: the mean of all products
of a window of either within a passage stands for that of the windows that meet. Tracks are opened in the
order of that; how far those already opened are off tells how much better one may be that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from audiosim.core.types import Float32, Float64
from audiosim.encoders.passage_vectors import PASSAGE, unpacked, windows_in
from audiosim.library.catalog import Entry
from audiosim.library.index import Index
from audiosim.library.missing_caches import MissingCaches
from audiosim.search.folding import Asked, Folding
from audiosim.search.passage_query import PassageQuery
from audiosim.search.ranking import Candidate, Pick, RankingOptions, needed, select

SIFTED = 2  # times as many files as may be opened are compared by their passages
COMPARED = 256  # tracks whose passages are compared at a time
AT_A_TIME = 20  # files that are opened before it is asked whether that suffices
DEEPER = 4  # times as many candidates, where those leave too few answers
MAX_LAID = 64  # passages' worth of a query that are compared, in all ways to lay it; a long one in fewer ways
FIRST = 30  # tracks opened before anything is told of the others
SURE = 3.0  # deviations by which no other track is expected to be better than estimated

Ranked = Callable[[Iterable[Entry]], tuple[list[Candidate], MissingCaches | None]]


class Opened:
    """Files in the order of how like a passage they are taken to be, opened as far as it takes.

    Parameters
    ----------
    index : Index
        The home, open.
    estimated : dict of str to float
        How like it they are taken to be, by id, in that order.
    ranked : callable
        Opens some: makes candidates of those that have a cache, and tells of the others.

    Attributes
    ----------
    opened : int
        How many were opened.
    """

    def __init__(self, index: Index, estimated: dict[str, float], ranked: Ranked) -> None:
        self._index, self._ids, self._estimated, self._ranked = index, [*estimated], estimated, ranked
        self._found: list[Candidate] = []
        self._missing: list[str] = []
        self.opened = 0

    @property
    def missing(self) -> MissingCaches | None:
        """Those that were to be opened and have no cache."""
        total = len(self._found) + len(self._missing)
        folder = self._index.cache.folder
        return MissingCaches(tuple(self._missing), total, folder) if self._missing else None

    def picked(self, count: int, ranking: RankingOptions, fold: Folding) -> list[Pick]:
        """Give the best, chosen as the options say."""
        depth = needed(count, ranking)
        while True:
            picks = select(self.best(depth), count, ranking, fold)
            if len(picks) == count or self.opened == len(self._ids):
                return picks
            depth *= DEEPER

    def best(self, count: int) -> list[Candidate]:
        """Give so many, best first; where all are opened, those."""
        while self.opened < len(self._ids) and not self._settled(count):
            some = self._ids[self.opened : self.opened + AT_A_TIME]
            found, missing = self._ranked(self._index.catalog.tracks.entries_with(some).values())
            self._found += found
            self._missing += () if missing is None else missing.digests
            self.opened += len(some)
        every = self.opened == len(self._ids)
        found = sorted(self._found, key=lambda one: (-one.score, one.entry.track.path))
        return found if every else found[:count]

    def _settled(self, count: int) -> bool:
        estimated = np.array([self._estimated[one.entry.id] for one in self._found])
        found = np.array([one.similarity for one in self._found])
        return is_settled(estimated, found, self._estimated[self._ids[self.opened]], count)


def estimated_by_passages(
    index: Index, asked: PassageQuery, wanted: Asked, count: int
) -> dict[str, float] | None:
    """Estimate how like a passage the files are that come near it: by id, the best first, so many at most.

    None where there are no columns to find them by.
    """
    tracks = index.catalog.tracks
    near = tracks.nearest_by_passages(asked.mean, wanted.admits, SIFTED * count)
    if near is None:
        return None
    shown = [(id_, digest) for id_, digest in near if digest not in wanted.hidden]
    rows = asked.phases[len(asked.phases) // 2][1]
    ways = laid(rows, windows_in(PASSAGE, index.spec.hop))
    known: dict[str, float] = {}
    digests = list(dict.fromkeys(digest for _, digest in shown))
    for start in range(0, len(digests), COMPARED):
        sets = {
            digest: unpacked(blob, rows.shape[1])
            for digest, blob in tracks.passages_of(digests[start : start + COMPARED])
        }
        some = {digest: vectors for digest, vectors in sets.items() if len(vectors)}
        known |= dict(zip(some, estimates(ways, [*some.values()]).tolist(), strict=True))
    found = [(id_, known.get(digest, -np.inf)) for id_, digest in shown]
    return dict(sorted(found, key=lambda one: -one[1])[:count])


def laid(rows: Float32, size: int) -> list[Float32]:
    """Lay a query's directions beside passages of `size` windows, in each way they may fall.

    Parameters
    ----------
    rows : ndarray of float32, shape=(n, dim)
        The directions; zeros do not count.
    size : int
        Windows in a passage.

    Returns
    -------
    list of ndarray of float32, shape=(k, dim)
        For each way: the sums of the rows in each of k passages, one after the other, by the number of all.
    """
    counted = max(1, int(rows.any(axis=1).sum()))
    step = max(1, -(-size * -(-len(rows) // size) // MAX_LAID))
    found = []
    for skipped in range(0, size, step):
        starts = np.append(0, np.arange(size - skipped, len(rows), size))
        sums: Float32 = np.add.reduceat(rows, starts)
        found.append(sums / np.float32(counted))
    return found


def estimates(ways: Sequence[Float32], sets: Sequence[Float32]) -> Float32:
    """Estimate how like a query the best stretch of each track is, (n,).

    Parameters
    ----------
    ways : sequence of ndarray of float32, shape=(k, dim)
        The query, as `laid` lays it.
    sets : sequence of ndarray of float32, shape=(p, dim)
        Each track's passages, one at least.
    """
    reach = max(map(len, ways)) - 1  # passages by which a query may stick out on either side
    lengths = np.array([len(vectors) for vectors in sets])
    ends = np.cumsum(lengths + reach)
    starts = ends - lengths - reach
    places = np.arange(lengths.sum()) + np.repeat(reach * np.arange(len(sets)), lengths) + reach
    products = np.concatenate(sets) @ np.concatenate(ways).T
    padded = np.zeros((ends[-1] + reach, products.shape[1]), np.float32)
    padded[places] = products
    best: Float32 = np.full(len(sets), -np.inf, np.float32)
    first = 0
    for way in ways:
        columns = range(first, first + len(way))
        sums = sum(padded[skip : skip + ends[-1], column] for skip, column in enumerate(columns))
        best = np.maximum(best, np.maximum.reduceat(sums, starts))
        first = columns.stop
    return best


def is_settled(estimated: Float64, found: Float64, following: float, wanted: int) -> bool:
    """Tell whether the tracks that are most like a query are among those opened, as far as can be told.

    Parameters
    ----------
    estimated, found : ndarray of float64, shape=(n,)
        Of those opened: how like it they were taken to be, and are.
    following : float
        How like it the next one is taken to be, and none behind it more.
    wanted : int
        Of how many it is to be told.
    """
    off = (found - estimated)[np.isfinite(estimated)]
    if len(found) < max(FIRST, wanted) or not len(off):
        return False
    least = np.partition(found, -wanted)[-wanted]
    return bool(following + off.mean() + SURE * off.std() < least)
