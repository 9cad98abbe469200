"""Searching: the tracks of the index that sound most like one or several queries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, product

import numpy as np

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.text import display_path
from audiosim.core.types import Encoder, Float32, Match, Precision, Track
from audiosim.core.vectors import whole_ones
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.hubness import HubScaling
from audiosim.library.index import Index, open_index
from audiosim.library.statistics import Percentiles, hub_scaling, percentiles
from audiosim.library.whitening import SearchSpace
from audiosim.search.explain import Explainer
from audiosim.search.folding import Asked, Folding
from audiosim.search.query import Paths, Query, Resolver, Source, as_source, mean_direction
from audiosim.search.ranking import Candidate, Pick, RankingOptions, candidates, select
from audiosim.search.recordings import Recordings, told_by_windows
from audiosim.store import StoreReader, store_reader

DEFAULT_COUNT = 10
MIN_CANDIDATES = 200  # taken by cosine at least, then ranked
CANDIDATES_EACH = 5  # for each track wanted
PAGE = 4096  # vectors compared at a time


@dataclass(frozen=True)
class SearchResult:
    """The answer to a search.

    Parameters
    ----------
    queries : list of Query
        The queries as understood.
    matches : list of Match
        Best first.
    exact_because : str or None
        Why the store was not asked, where exact search answered in its stead.
    against : tuple of Query
        Those to stay away from.
    notes : tuple of str
        What else a user should know, a sentence each.
    """

    queries: list[Query]
    matches: list[Match]
    exact_because: str | None = None
    against: tuple[Query, ...] = ()
    notes: tuple[str, ...] = ()


def find_similar(
    queries: Paths | Source,
    *,
    against: Paths | Source = (),
    count: int = DEFAULT_COUNT,
    home: str | os.PathLike[str] | None = None,
    only: Filter | None = None,
    ranking: RankingOptions | None = None,
    include_self: bool = False,
    explain: bool = False,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
) -> SearchResult:
    """The tracks of the index nearest to one audio file, or to several taken together.

    Parameters
    ----------
    queries : str, path-like, iterable of these, or Source
        Audio files, indexed or not; several count as the normalised mean of their vectors. Of a `Source`,
        those that are only listed are left out, with a note, where they can't be used.
    against : str, path-like, iterable of these, or Source
        Audio files to stay away from: half their mean is subtracted.
    count : int
        How many matches at most.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    only : Filter, optional
        What tracks must be to be found.
    ranking : RankingOptions, optional
        How answers are chosen among these.
    include_self : bool
        Whether the queries' own audio may be among the matches.
    explain : bool
        Whether each match is given the stretch that answers one of the queries best.
    precision : {"auto", "float32"}
        The network's, where a query has to be embedded.
    encoder : Encoder, optional
        Embeds queries, instead of one loaded for them; it must be the home's.

    Returns
    -------
    SearchResult
        The matches, best first, and what should be known of them.

    Raises
    ------
    UsageError
        If a query does not exist, or what is to be found is to be stayed away from too.
    AudiosimError
        If there is no index, or a query can't be decoded.
    """
    wanted, unwanted = as_source(queries), as_source(against)
    if not wanted.paths:
        raise UsageError("Nothing to search with", "no query was given", "Name an audio file.")
    check_count(count)
    ranking = ranking or RankingOptions()
    exact = bool(only or ranking.exclude_same)
    with open_index(home, encoder) as index, ExitStack() as stack:
        store = None if exact else stack.enter_context(store_reader())  # it loads the engine meanwhile
        only, resolver = index.located(only), Resolver(index, precision, encoder)
        found = resolver.resolve([*wanted.paths, *unwanted.paths], wanted.listed | unwanted.listed)
        likes, dislikes = ([found[p] for p in some.paths if p in found] for some in (wanted, unwanted))
        if not likes:
            raise AudiosimError("Nothing to search with", resolver.notes[0])
        space = index.configuration.space
        direction = mean_direction([space(q.vector) for q in likes], [space(q.vector) for q in dislikes])
        asked = Asked(likes, dislikes, only, ranking, include_self)
        named = [[found[p] for p in some.paths if p not in some.listed] for some in (wanted, unwanted)]
        _refuse_both(Recordings.of(index, asked.heard), asked, *named)
        known = percentiles(index.catalog)
        scaling = hub_scaling(index.catalog, known) if ranking.hub_correction else None
        search = _Search(index, direction, asked, scaling, count)
        if store is None:
            picks, reason = search.exactly(), None
        else:
            picks, reason = search.by_store(store)
        matches = as_matches(picks, known)
        notes = [*wanted.notes, *unwanted.notes, *resolver.notes]
        if not ranking.show_duplicates and (note := told_by_windows(index)):
            notes.append(note)
        if explain:
            explainer = Explainer(index, likes)
            matches = [replace(match, passage=explainer.passage(match.track)) for match in matches]
            notes += explainer.lacking([match.track for match in matches])
        return SearchResult(likes, matches, reason, tuple(dislikes), tuple(notes))


def _refuse_both(
    recordings: Recordings, asked: Asked, likes: Sequence[Query], dislikes: Sequence[Query]
) -> None:
    """See that no recording is named both among what is liked and what is not, nor all of it listed so.

    Raises
    ------
    UsageError
        If one is.
    """
    away = {query.track.digest: query for query in asked.dislikes}
    if all(query.track.digest in away for query in asked.likes):
        likes, dislikes = asked.likes, list(away.values())
    for like, dislike in product(likes, dislikes):
        pair = [Entry("", query.track, query.vector) for query in (like, dislike)]
        if recordings.same(*pair):
            first, second = (display_path(query.track.path) for query in (like, dislike))
            why = first if first == second else f"{first} and {second} are one recording"
            raise UsageError("The same recording is wanted and not", why, "Leave out one of the two.")


def check_count(count: int) -> None:
    """Refuse to look for no answers.

    Raises
    ------
    UsageError
        If fewer than one is wanted.
    """
    if count < 1:
        raise UsageError(f"Can't find {count} tracks", "the number must be at least 1")


def as_matches(picks: Iterable[Pick], known: Percentiles | None) -> list[Match]:
    """Picks as answers, with their percentiles where these are known."""
    return [
        Match(
            rank,
            pick.candidate.similarity,
            pick.candidate.entry.track,
            None if known is None else known.of_similarity(pick.candidate.similarity),
            tuple(entry.track for entry in pick.duplicates),
            pick.candidate.passage,
            pick.candidate.score,
        )
        for rank, pick in enumerate(picks, 1)
    ]


@dataclass(frozen=True)
class _Search:
    """One search by a direction."""

    index: Index
    direction: Float32
    asked: Asked
    scaling: HubScaling | None
    count: int

    @property
    def _space(self) -> SearchSpace:
        return self.index.configuration.space

    @cached_property
    def folding(self) -> Folding:
        return Folding(self.index, self.asked, self._ranked)

    def by_store(self, store: StoreReader) -> tuple[list[Pick], str | None]:
        """The picks, and why the store could not be asked, if it could not."""
        depth = _depth(self.count) + self.index.catalog.files.copies(self.asked.hidden)
        try:
            ids = store.nearest(self.index, self.direction, depth)
        except AudiosimError as error:
            return self.exactly(), " ".join(str(error).split()).rstrip(".")
        picks = self._picked(self.index.catalog.tracks.entries_with(ids).values())
        if len(picks) < self.count and depth < self.index.catalog.files.count("indexed"):
            picks = self.exactly()  # too many of the nearest were held back
        return picks, None

    def exactly(self) -> list[Pick]:
        """The picks among all tracks, by exact search."""
        ids, lending = self._by_score(self.asked.admits), self._by_score(self.asked.lends)
        depth = _depth(self.count)
        while True:
            near = [*ids[:depth], *lending[:MIN_CANDIDATES]]
            picks = self._picked(self.index.catalog.tracks.entries_with(near).values())
            if len(picks) >= self.count or depth >= len(ids):
                return picks
            depth *= 10

    def _by_score(self, admits: Callable[[Track], bool] | None) -> list[str]:
        """The ids of the files that are admitted, best first."""
        if admits is None:
            return []
        ids: list[str] = []  # not the entries: there may be very many
        similarities, scales = [np.zeros(0)], []
        entries = self.index.catalog.tracks.entries(lambda track: self._may_be_shown(track) and admits(track))
        while page := list(islice(entries, PAGE)):
            places, vectors = whole_ones([entry.vector for entry in page], len(self.direction))
            similarities.append((self._space(vectors) @ self.direction).astype(np.float64))
            ids += [page[place].id for place in places]
            scales += [page[place].scale for place in places]
        scores = np.concatenate(similarities)
        if self.scaling is not None:
            scores = self.scaling.scores(scores, np.array(scales, np.float64))
        return [ids[row] for row in np.argsort(-scores, kind="stable")]

    def _picked(self, entries: Iterable[Entry]) -> list[Pick]:
        shown = [entry for entry in entries if self._may_be_shown(entry.track)]
        places, _ = whole_ones([entry.vector for entry in shown], len(self.direction))
        found = self._ranked([shown[place] for place in places])
        return select(found, self.count, self.asked.ranking, self.folding)

    def _ranked(self, entries: Sequence[Entry]) -> list[Candidate]:
        return candidates(entries, self.direction, self._space, self.scaling)

    def _may_be_shown(self, track: Track) -> bool:
        return track.digest not in self.asked.hidden


def _depth(count: int) -> int:
    return max(MIN_CANDIDATES, CANDIDATES_EACH * count)
