"""Why a track is an answer: which passage of it is like which passage of a query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from audiosim.core.types import Passage, Track
from audiosim.encoders.frames import CentredFrames
from audiosim.encoders.passage_vectors import windows_in
from audiosim.library.index import Index
from audiosim.library.missing_caches import missing_caches
from audiosim.search.alignment import best_stretch, span
from audiosim.search.query import Query

EXPLAINED = 10.0  # s, about: the length of the stretches that explain a match


class Explainer:
    """The comparison of tracks with some queries, window by window.

    Parameters
    ----------
    index : Index
        The home, open.
    queries : sequence of Query
        Those asked with.
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

    def lacking(self, answers: Sequence[Track]) -> list[str]:
        """Say which caches are missing, that some answers can't be explained without."""
        asked = [query.track for query in self._queries if query.frames is None]
        digests = [track.digest for track in (*asked, *answers)]
        missing = missing_caches(digests, self._index.configuration)
        return [] if missing is None else [f"{missing}; not all is explained.\n{missing.remedy}"]

    @cached_property
    def _asked(self) -> list[tuple[Query, CentredFrames]]:
        """The queries whose windows are to be had, with these."""
        pairs = ((query, self._directions(query)) for query in self._queries)
        return [(query, directions) for query, directions in pairs if directions is not None]

    def _directions(self, query: Query) -> CentredFrames | None:
        if query.frames is not None:
            return self._index.configuration.pooler.directions(query.frames)
        return self._index.directions(query.track.digest)
