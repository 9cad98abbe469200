"""Which tracks answer: the nearest by the store, or by exact search, and of these what ranking makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import AudiosimError
from audiosim.core.types import Float32, Float64, Track
from audiosim.core.vectors import whole_ones
from audiosim.library.catalog import Entry
from audiosim.library.catalog.models import Page
from audiosim.library.filters import Filter
from audiosim.library.index import Index
from audiosim.library.whitening import SearchSpace
from audiosim.search.folding import Asked, Folding
from audiosim.search.ranking import Candidate, Measure, Pick, candidates, needed, select
from audiosim.store import StoreReader

MIN_CANDIDATES = 200  # taken by cosine at least, then ranked
CANDIDATES_EACH = 5  # for each track wanted

Scores = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Retrieval:
    """One search by a measure."""

    index: Index
    measure: Measure
    asked: Asked
    count: int

    @property
    def _space(self) -> SearchSpace:
        return self.index.configuration.space

    @property
    def _dimension(self) -> int:
        return self.index.configuration.dimension

    @cached_property
    def folding(self) -> Folding:
        return Folding(self.index, self.asked, self._ranked)

    def by_store(self, store: StoreReader, direction: Float32) -> tuple[list[Pick], str | None]:
        """The picks, and why the store could not be asked, if it could not."""
        depth = _depth(self.count) + self.index.catalog.files.copies(self.asked.hidden)
        try:
            ids = store.nearest(self.index, direction, depth)
        except AudiosimError as error:
            return self.exactly(), " ".join(str(error).split()).rstrip(".")
        picks = self._picked(self.index.catalog.tracks.entries_with(ids).values())
        if len(picks) < self.count and depth < self.index.catalog.files.count("indexed"):
            picks = self.exactly()  # too many of the nearest were held back
        return picks, None

    def exactly(self) -> list[Pick]:
        """The picks among all tracks, by exact search."""
        with self.index.turn:
            return self._exactly()

    def _exactly(self) -> list[Pick]:
        every = not self.asked.only and not self.asked.ranking.exclude_same
        found, lending = self._scored(None if every else self.asked.admits), None
        if self.asked.lends is not None:
            lending = self._scored(self.asked.lends)
        depth = needed(self.count, self.asked.ranking)
        while True:
            near = [*found.best(depth), *(lending.best(MIN_CANDIDATES) if lending else ())]
            picks = self._picked(self.index.catalog.tracks.entries_with(near).values())
            if len(picks) >= self.count or depth >= len(found.scores):
                return picks
            depth *= 10

    def among(self, only: Filter) -> Retrieval:
        """The same search among other tracks."""
        return replace(self, asked=replace(self.asked, only=only))

    def has_any(self, least: float) -> bool:
        """Whether any file is admitted whose score is so high."""
        scores = self._scored(self.asked.admits).scores
        return bool((np.isfinite(scores) & (scores >= least)).any())

    def _scored(self, admits: Callable[[Track], bool] | None) -> Scored:
        """The files that are admitted, all for None; not the entries: there may be very many."""
        tracks = self.index.catalog.tracks
        hidden = frozenset(entry.id for entry in tracks.entries_of(self.asked.hidden))
        return Scored.of(((p.ids, self._scores(p)) for p in tracks.pages(self._space, admits)), hidden)

    def _scores(self, page: Page) -> Float64:
        found = self.measure(page.digests, page.scales, page.vectors)[1]
        return np.where(page.whole & self.measure.covers(page.digests), found, -np.inf)

    def _picked(self, entries: Iterable[Entry]) -> list[Pick]:
        found = self._ranked(self._shown(entries))
        return select(found, self.count, self.asked.ranking, self.folding)

    def _ranked(self, entries: Sequence[Entry]) -> list[Candidate]:
        return candidates(entries, self._space, self.measure)

    def _shown(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those that may be shown: no query, and nothing whose vector is damaged or measure not known."""
        some = [entry for entry in entries if entry.track.digest not in self.asked.hidden]
        covered = self.measure.covers([entry.track.digest for entry in some])
        kept = [entry for entry, known in zip(some, covered.tolist(), strict=True) if known]
        places, _ = whole_ones([entry.vector for entry in kept], self._dimension)
        return [kept[place] for place in places]


@dataclass(frozen=True)
class Scored:
    """Files with their scores, in order of path.

    Parameters
    ----------
    ids : sequence of str
        Their ids.
    scores : ndarray of float, shape=(n,)
        -inf for what is no answer: not admitted, damaged, or what is measured is not known.
    hidden : frozenset of str
        The ids of those that are no answers either.
    """

    ids: Sequence[str]
    scores: Scores
    hidden: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, pages: Iterable[tuple[Sequence[str], Scores]], hidden: frozenset[str] = frozenset()
    ) -> Scored:
        """Put pages of files together, (n) ids and (n,) scores."""
        found = list(pages)
        ids = found[0][0] if len(found) == 1 else [*chain(*(ids for ids, _ in found))]
        return cls(ids, np.concatenate([np.zeros(0, np.float32), *(scores for _, scores in found)]), hidden)

    def best(self, count: int) -> list[str]:
        """Give the ids of those with the highest scores, best first; ties in order of path."""
        some, wanted = np.arange(len(self.scores)), count + len(self.hidden)
        if wanted < len(some):
            least = np.partition(self.scores, -wanted)[-wanted]
            some = np.flatnonzero(self.scores >= least)
        some = some[self.scores[some] > -np.inf]
        order = some[np.argsort(-self.scores[some], kind="stable")]
        shown = (self.ids[row] for row in order.tolist() if self.ids[row] not in self.hidden)
        return list(islice(shown, count))


def _depth(count: int) -> int:
    return max(MIN_CANDIDATES, CANDIDATES_EACH * count)
