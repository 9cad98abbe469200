"""Why a track is an answer: which passage of it is like which passage of a query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from audiosim.directions import Directions
from audiosim.passages import windows_in
from audiosim.queries import Index, Query
from audiosim.stretches import best_stretch, span
from audiosim.types import Passage, Track

EXPLAINED = 10.0  # s, about: the length of the stretches that explain a match


class Explainer:
    """Compares tracks with some queries, window by window.

    Parameters
    ----------
    index : open.
    queries : those asked with.
    """

    def __init__(self, index: Index, queries: Sequence[Query]) -> None:
        self._index, self._queries = index, queries

    def passage(self, track: Track) -> Passage | None:
        """The stretch that answers a stretch of one of the queries best; None without caches."""
        answer = self._index.directions(track.digest)
        if answer is None:
            return None
        spec = self._index.spec
        found = []
        for query, asked in self._asked:
            best = best_stretch(asked, answer, windows_in(EXPLAINED, spec.hop))
            there = span(spec, best.second, best.length, track.duration)
            here = span(spec, best.first, best.length, query.track.duration)
            found.append(Passage(best.similarity, *there, query.track.path, *here))
        return max(found, key=lambda passage: passage.similarity, default=None)

    @cached_property
    def _asked(self) -> list[tuple[Query, Directions]]:
        """The queries whose windows are to be had, with these."""
        pairs = ((query, self._directions(query)) for query in self._queries)
        return [(query, directions) for query, directions in pairs if directions is not None]

    def _directions(self, query: Query) -> Directions | None:
        if query.frames is not None:
            return self._index.configuration.pooler.directions(query.frames)
        return self._index.directions(query.track.digest)
