"""Why a track is an answer: which passage of it is like which passage of a query, which words both share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from audiosim.core.errors import AudiosimError
from audiosim.core.types import Float32, Match, Passage, Track
from audiosim.encoders.frames import CentredFrames
from audiosim.encoders.passage_vectors import windows_in
from audiosim.library.index import Index
from audiosim.library.missing_caches import missing_caches
from audiosim.search.alignment import best_stretch, span
from audiosim.search.query import Query
from audiosim.search.track_words import TrackWords

EXPLAINED = 10.0  # s, about: the length of the stretches that explain a match
WORDS = 3  # of a match


class Explainer:
    """The comparison of tracks with some queries, window by window.

    Parameters
    ----------
    index : Index
        The home, open.
    queries : sequence of Query
        Those asked with.
    words : TrackWords
        What tracks sound like.
    """

    def __init__(self, index: Index, queries: Sequence[Query], words: TrackWords) -> None:
        self._index, self._queries, self._words = index, queries, words

    def explained(self, match: Match) -> Match:
        """Give a match with what explains it, as far as that is known."""
        passage = self.passage(match.track) if self._queries else None
        return replace(match, passage=passage, words=self.words(match.track))

    def words(self, track: Track) -> tuple[str, ...]:
        """Give the words by which a track and all queries stand out of the library, if any are known."""
        row = self._words.scores.row.get(track.digest) if self._words.known else None
        if row is None:
            return ()
        return self._words.shared([self._words.scores.values[row], *self._query_values], WORDS)

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
        if not self._queries:
            return []
        asked = [query.track for query in self._queries if query.frames is None]
        digests = {track.path: track.digest for track in (*asked, *answers)}
        missing = missing_caches(digests.values(), self._index.configuration, read=True)
        return [] if missing is None else [f"{missing}; not all is explained.\n{missing.remedy}"]

    @cached_property
    def _query_values(self) -> list[Float32]:
        """The queries' own values, of those that are to be had."""
        found = []
        for query in self._queries:
            try:
                found.append(self._words.values(query))
            except AudiosimError:  # no windows of it are here, or no weights: others explain
                continue
        return found

    @cached_property
    def _asked(self) -> list[tuple[Query, CentredFrames]]:
        """The queries whose windows are to be had, with these."""
        pairs = ((query, self._directions(query)) for query in self._queries)
        return [(query, directions) for query, directions in pairs if directions is not None]

    def _directions(self, query: Query) -> CentredFrames | None:
        if query.frames is not None:
            return self._index.configuration.pooler.directions(query.frames)
        return self._index.directions(query.track.digest)
