"""Searching: the tracks of the index that sound most like one or several queries."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.threads import products_in_one_thread
from audiosim.core.types import Encoder, Match, Precision
from audiosim.library.filters import Filter
from audiosim.library.hubness import HubScaling
from audiosim.library.index import Index, open_index
from audiosim.library.statistics import Percentiles, hub_scaling, percentiles
from audiosim.search.folding import Asked
from audiosim.search.query import LEFT_OUT, Paths, Query, Resolver, Source, as_source, mean_direction
from audiosim.search.ranking import Likeness, Measure, Pick, RankingOptions
from audiosim.search.recordings import Recordings, told_by_windows
from audiosim.search.retrieval import Retrieval
from audiosim.search.short import longer, longer_ones
from audiosim.search.told_failures import need_a_look
from audiosim.search.wish import Texts, Wish, as_texts, refuse_both
from audiosim.store import StoreReader, store_reader

if TYPE_CHECKING:
    from audiosim.search.track_words import TrackWords

DEFAULT_COUNT = 10


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
    text, not_text : tuple of str
        The words asked with. Without queries a match's similarity is what the network gives for them: a mean
        score, 0 to 1, or a cosine; its score is their fit (search/word_fit.py).
    needs_a_look : bool
        Whether a file was left out that can't be used, and no run has told so.
    """

    queries: list[Query]
    matches: list[Match]
    exact_because: str | None = None
    against: tuple[Query, ...] = ()
    notes: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    not_text: tuple[str, ...] = ()
    needs_a_look: bool = False


def find_similar(
    queries: Paths | Source = (),
    *,
    text: Texts = (),
    not_text: Texts = (),
    against: Paths | Source = (),
    count: int = DEFAULT_COUNT,
    home: str | os.PathLike[str] | Index | None = None,
    only: Filter | None = None,
    ranking: RankingOptions | None = None,
    include_self: bool = False,
    explain: bool = False,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
    longest: float = math.inf,
) -> SearchResult:
    """The tracks of the index nearest to one audio file, to several taken together, or to what words say.

    Parameters
    ----------
    queries : str, path-like, iterable of these, or Source
        Audio files, indexed or not; several count as the normalised mean of their vectors. Of a `Source`,
        those that are only listed are left out, with a note, where they can't be used.
    text, not_text : str or iterable of str
        What tracks should sound like, and what not, in words that the home's encoder knows
        (search/word_fit.py); beside queries, both count alike. What is under half a minute is left out
        then, unless nothing else fits, a query is as short, or the filter speaks of such lengths.
    against : str, path-like, iterable of these, or Source
        Audio files to stay away from: half their mean is subtracted.
    count : int
        How many matches at most.
    home : str, path-like or Index, optional
        The home folder, by default ``AUDIOSIM_HOME`` or the platform's user data folder; or its index,
        open, which then answers by itself: its store is not asked.
    only : Filter, optional
        What tracks must be to be found.
    ranking : RankingOptions, optional
        How answers are chosen among these.
    include_self : bool
        Whether the queries' own audio may be among the matches.
    explain : bool
        Whether each match is given the stretch that answers one of the queries best, and the words that both
        stand out by; without queries, those that it stands out by.
    precision : {"auto", "float32"}
        The network's, where a query has to be embedded.
    encoder : Encoder, optional
        Embeds queries, instead of one loaded for them; it must be the home's.
    longest : float
        Seconds of audio that a query may hold which has to be decoded; no more of it is.

    Returns
    -------
    SearchResult
        The matches, best first, and what should be known of them.

    Raises
    ------
    UsageError
        If a query does not exist, or what is to be found is to be stayed away from too; or the home's encoder
        knows no words, or not these.
    AudiosimError
        If there is no index, or a query can't be decoded.
    """
    wanted, unwanted = as_source(queries), as_source(against)
    wish = Wish(
        as_texts(text),
        as_texts(not_text),
        count,
        only or Filter(),
        ranking or RankingOptions(),
        include_self,
        explain,
    )
    if not wanted.paths and (unwanted.paths or not wish.text):
        raise UsageError(
            "Nothing to search with", "no query was given", "Name an audio file, or words as `text`."
        )
    exact = wish.is_exact or isinstance(home, Index)
    with open_index(home, encoder) as index, ExitStack() as stack:
        if not isinstance(home, Index):
            stack.enter_context(products_in_one_thread())
        exact = exact or index.is_scanned_fast
        store = None if exact else stack.enter_context(store_reader())  # it loads the engine meanwhile
        searcher, resolver = Searcher(index, wish, store), Resolver(index, precision, encoder, longest)
        found = resolver.resolve([*wanted.paths, *unwanted.paths], wanted.listed | unwanted.listed)
        likes, dislikes = ([found[p] for p in some.paths if p in found] for some in (wanted, unwanted))
        if wanted.paths and not likes:
            fault = AudiosimError if any(map(os.path.lexists, wanted.paths)) else UsageError
            raise fault("Nothing to search with", resolver.notes[0].removesuffix(LEFT_OUT))
        named = [[found[p] for p in some.paths if p not in some.listed] for some in (wanted, unwanted)]
        result = searcher.answer(likes, dislikes, *named)
        notes = (*wanted.notes, *unwanted.notes, *resolver.notes, *result.notes)
        listed = {*wanted.listed, *unwanted.listed, *wanted.unread, *unwanted.unread}
        failed = [*wanted.unread, *unwanted.unread, *resolver.failed]
        return replace(result, notes=notes, needs_a_look=need_a_look(failed, listed, index.catalog))


class Searcher:
    """Gives answers by one index; what they have in common is read once.

    Parameters
    ----------
    index : Index
        The home, open.
    wish : Wish
        What is asked for beside queries.
    store : StoreReader, optional
        The store, open for one answer; by default, and where it can't tell, exact search answers.

    Raises
    ------
    UsageError
        If a folder of the filter is neither there nor known.
    """

    def __init__(self, index: Index, wish: Wish, store: StoreReader | None = None) -> None:
        self._index, self._store = index, store
        self._wish = replace(wish, only=index.located(wish.only))

    def prepare(self) -> None:
        """See that the words asked for are known, before anything is decoded.

        Raises
        ------
        UsageError
            If they are not.
        HomeError
            If no track has scores yet.
        """
        if self._wish.has_words:
            self._measure(Asked([], [], self._wish.only, self._wish.ranking, include_self=False))

    def answer(
        self,
        likes: Sequence[Query],
        dislikes: Sequence[Query],
        named: Sequence[Query],
        unwanted: Sequence[Query],
    ) -> SearchResult:
        """Give what answers some queries taken together; its notes are not those of the queries.

        Parameters
        ----------
        likes, dislikes : sequence of Query
            What answers should be like, and what not.
        named, unwanted : sequence of Query
            Those of either that a user named one by one.

        Raises
        ------
        UsageError
            If a recording is wanted and not; or the words asked for are not known.
        AudiosimError
            If the queries cancel out.
        """
        index, wish = self._index, self._wish
        only = longer(wish.only, (query.track.duration for query in likes)) if wish.text else wish.only
        asked = Asked(likes, dislikes, only, wish.ranking, wish.include_self)
        refuse_both(Recordings.of(index, asked.heard), asked, named, unwanted)
        measure, notes = self._measure(asked)
        search = Retrieval(index, measure, asked, wish.count)
        if self._store is not None and isinstance(measure, Likeness):
            picks, reason = search.by_store(self._store, measure.direction)
        elif only != wish.only:
            picks, told = longer_ones(search, wish.only)
            notes, reason = [*notes, *told], None
        else:
            picks, reason = search.exactly(), None
        matches = as_matches(picks, self._known if likes else None)
        if not wish.ranking.show_duplicates and self._by_windows is not None:
            notes.append(self._by_windows)
        if wish.explain:
            from audiosim.search.explain import Explainer  # what not every search needs costs its start

            explainer = Explainer(index, likes, self._track_words)
            matches = [explainer.explained(match) for match in matches]
            notes += explainer.lacking([match.track for match in matches])
        away = tuple(dislikes)
        return SearchResult(
            [*likes], matches, reason, away, tuple(notes), text=wish.text, not_text=wish.not_text
        )

    def _measure(self, asked: Asked) -> tuple[Measure, list[str]]:
        """What answers are ordered by, and what a user should know of it."""
        likeness, space = None, self._index.configuration.space
        if asked.likes:
            likes, dislikes = ([space(q.vector) for q in some] for some in (asked.likes, asked.dislikes))
            likeness = Likeness(mean_direction(likes, dislikes), self._scaling)
        if likeness is not None and not self._wish.has_words:
            return likeness, []
        from audiosim.search.word_fit import with_words

        return with_words(self._index, likeness, self._wish.text, self._wish.not_text)

    @cached_property
    def _known(self) -> Percentiles | None:
        return percentiles(self._index.catalog)

    @cached_property
    def _scaling(self) -> HubScaling | None:
        return hub_scaling(self._index.catalog, self._known) if self._wish.ranking.hub_correction else None

    @cached_property
    def _by_windows(self) -> str | None:
        return told_by_windows(self._index)

    @cached_property
    def _track_words(self) -> TrackWords:
        from audiosim.search.track_words import TrackWords

        return TrackWords(self._index, fetch=False)


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
