"""From candidates to answers, one a recording: its files share their tags, the best of them stands for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audiosim.core.tag_values import artist_keys
from audiosim.core.types import Float32, Track
from audiosim.library.catalog import Entry
from audiosim.library.filters import Admission, Demand, Filter
from audiosim.library.index import Index
from audiosim.library.neighbours import nearest
from audiosim.search.copies import find_copies, standing
from audiosim.search.query import Query
from audiosim.search.ranking import LOOKED_AT, Candidate, Pick, RankingOptions, unlike
from audiosim.search.recordings import SIMILAR, Recordings

NEARLY = 0.05  # by how much less like a passage the file may be that stands for its recording
OTHERS = 4  # pieces of audio nearest to a candidate, itself among them, that may be copies which do not fit


@dataclass(frozen=True)
class Asked:
    """What a search is for, and what is left out of its answers.

    Parameters
    ----------
    likes, dislikes : sequence of Query
        The queries.
    only : Filter
        What recordings must be.
    ranking : RankingOptions
        How answers are chosen among these.
    include_self : bool
        Whether the recordings of `likes` may be among the answers.
    """

    likes: Sequence[Query]
    dislikes: Sequence[Query]
    only: Filter
    ranking: RankingOptions
    include_self: bool

    @property
    def entries(self) -> list[Entry]:
        """The queries, those liked first."""
        return [Entry("", query.track, query.vector) for query in (*self.likes, *self.dislikes)]

    @property
    def heard(self) -> dict[str, bytes]:
        """The fingerprints of queries that were decoded, by their audio."""
        return {query.track.digest: query.fingerprint for query in (*self.likes, *self.dislikes)}

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The audio that is no answer."""
        left_out = self.dislikes if self.include_self else (*self.likes, *self.dislikes)
        return frozenset(query.track.digest for query in left_out)

    @cached_property
    def admits(self) -> Admission:
        """Tells whether a file may be an answer by itself."""
        liked = [query.track for query in self.likes]
        apart = [Demand(LOOKED_AT[tag], unlike(liked, [tag])) for tag in self.ranking.exclude_same]
        return Admission((*self.only.demands, *apart))

    @cached_property
    def lends(self) -> Admission | None:
        """Tells of files elsewhere whether their tags may be those of an answer; None where none can be."""
        if not (self.only.of_tags and self.only.of_files):
            return None
        return self.only.elsewhere

    @property
    def is_for_each(self) -> bool:
        """Whether each file is an answer by itself, whatever others of its recording say."""
        return self.ranking.show_duplicates and not self._by_tags

    @property
    def is_told_by_others(self) -> bool:
        """Whether files that can't be answers may tell of those that can."""
        return self._by_tags and bool(self.only or self.ranking.exclude_same)

    @property
    def _by_tags(self) -> bool:
        return self.only.of_tags or bool(self.ranking.exclude_same or self.ranking.max_per_artist)


class Folding:
    """The putting together of candidates.

    Parameters
    ----------
    index : Index
        The home, open.
    asked : Asked
        What for.
    rank : callable
        Makes candidates of entries.
    """

    def __init__(
        self, index: Index, asked: Asked, rank: Callable[[Sequence[Entry]], Sequence[Candidate]]
    ) -> None:
        self._index, self._asked, self._rank = index, asked, rank
        self._recordings = Recordings.of(index, asked.heard)

    def __call__(self, found: Sequence[Candidate]) -> list[Pick]:
        """The recordings that are answers, best first."""
        if self._asked.is_for_each:
            return [Pick(one, [], artist_keys(one.entry.track.tags)) for one in found]
        known = [*(one.entry for one in found), *self._asked.entries]
        files = [*known, *(others_near(self._index, known) if self._asked.is_told_by_others else ())]
        groups = find_copies(files, self._recordings, range(len(known))).groups
        likes = range(len(found), len(found) + len(self._asked.likes))
        hiding = range(likes.stop if self._asked.include_self else likes.start, len(known))
        liked = [files[row].track for group in groups if _meet(group, likes) for row in group]
        apart = unlike(liked, self._asked.ranking.exclude_same)
        picks: list[Pick] = []
        for group in groups:
            tracks = [files[row].track for row in group]
            if self._asked.only.fits_tags(tracks) and all(map(apart, tracks)):
                own = [found[row] for row in group if row < len(found)]
                others = [files[row] for row in group if row >= len(known)]
                if own and (self._asked.ranking.show_duplicates or not _meet(group, hiding)):
                    picks += self._answers([*own, *(self._rank(others) if others else ())], tracks)
        return sorted(picks, key=lambda pick: (-pick.candidate.score, pick.candidate.entry.track.path))

    def _answers(self, files: Sequence[Candidate], tracks: Sequence[Track]) -> list[Pick]:
        """One recording as an answer, or each of its files that may be shown."""
        only, hidden = self._asked.only, self._asked.hidden
        shown = [one for one in files if only.fits_file(one.entry.track)]
        shown = [one for one in shown if one.entry.track.digest not in hidden]
        artists = frozenset().union(*(artist_keys(track.tags) for track in tracks))
        if self._asked.ranking.show_duplicates or not shown:
            return [Pick(one, [], artists) for one in shown]
        least = max(one.similarity for one in shown) - NEARLY
        able = [one for one in shown if one.passage is None or one.similarity >= least]
        best = able[0] if len(able) == 1 else min(able, key=lambda one: standing(one.entry.track, only))
        return [Pick(best, [one.entry for one in shown if one is not best], artists)]


def others_near(index: Index, known: Sequence[Entry]) -> list[Entry]:
    """Files beside those known that may be copies of them, by their vectors: they may lend their tags."""
    if not known:
        return []
    tracks = index.catalog.tracks
    digests = _nearest(tracks.audio_pages(), np.stack([entry.vector for entry in known]))
    held = {entry.id for entry in known}
    return [entry for entry in tracks.entries_of(digests) if entry.id not in held]


def _meet(group: Sequence[int], rows: range) -> bool:
    return any(row in rows for row in group)


def _nearest(pages: Iterable[tuple[Sequence[str], Float32]], wanted: Float32) -> set[str]:
    """The audio nearest to each of some unit vectors (n, dim), of as many as there may be."""
    names = np.full((len(wanted), OTHERS), "", object)
    cosines = np.full((len(wanted), OTHERS), -np.inf, np.float32)
    for digests, vectors in pages:
        rows = np.flatnonzero((wanted @ vectors.T).max(axis=0, initial=-1) >= SIMILAR)  # few, mostly
        if not len(rows):
            continue
        near = nearest(wanted, vectors[rows], OTHERS)
        found = np.array([digests[row] for row in rows[near.indices].ravel().tolist()], object)
        found = found.reshape(near.indices.shape)
        names, cosines = np.hstack([names, found]), np.hstack([cosines, near.cosines])
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :OTHERS]
        names, cosines = (np.take_along_axis(table, best, axis=1) for table in (names, cosines))
    return set(names[cosines >= SIMILAR].tolist())
