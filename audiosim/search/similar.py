"""Searching: the tracks of the index that sound most like one or several queries."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.text import display_path
from audiosim.core.types import Encoder, Match, Precision
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.index import Index, open_index
from audiosim.library.statistics import Percentiles, hub_scaling, percentiles
from audiosim.search.folding import Asked
from audiosim.search.query import (
    Paths,
    Query,
    Resolver,
    Source,
    Texts,
    as_source,
    as_texts,
    mean_direction,
)
from audiosim.search.ranking import (
    Likeness,
    Measure,
    Pick,
    RankingOptions,
)
from audiosim.search.recordings import Recordings, told_by_windows
from audiosim.search.retrieval import Retrieval
from audiosim.store import store_reader

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
    """

    queries: list[Query]
    matches: list[Match]
    exact_because: str | None = None
    against: tuple[Query, ...] = ()
    notes: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    not_text: tuple[str, ...] = ()


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
        (search/word_fit.py); beside queries, both count alike.
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
    words, other_words = as_texts(text), as_texts(not_text)
    if not wanted.paths and (unwanted.paths or not words):
        raise UsageError(
            "Nothing to search with", "no query was given", "Name an audio file, or words as `text`."
        )
    check_count(count)
    ranking = ranking or RankingOptions()
    exact = bool(only or ranking.exclude_same or words or other_words) or isinstance(home, Index)
    with open_index(home, encoder) as index, ExitStack() as stack:
        store = None if exact else stack.enter_context(store_reader())  # it loads the engine meanwhile
        only, resolver = index.located(only), Resolver(index, precision, encoder, longest)
        found = resolver.resolve([*wanted.paths, *unwanted.paths], wanted.listed | unwanted.listed)
        likes, dislikes = ([found[p] for p in some.paths if p in found] for some in (wanted, unwanted))
        if wanted.paths and not likes:
            raise AudiosimError("Nothing to search with", resolver.notes[0])
        asked = Asked(likes, dislikes, only, ranking, include_self)
        named = [[found[p] for p in some.paths if p not in some.listed] for some in (wanted, unwanted)]
        _refuse_both(Recordings.of(index, asked.heard), asked, *named)
        known = percentiles(index.catalog)
        measure, lacking = _measure(index, asked, words, other_words, known)
        search = Retrieval(index, measure, asked, count)
        if store is not None and isinstance(measure, Likeness):
            picks, reason = search.by_store(store, measure.direction)
        else:
            picks, reason = search.exactly(), None
        matches = as_matches(picks, known if likes else None)
        notes = [*wanted.notes, *unwanted.notes, *resolver.notes, *lacking]
        if not ranking.show_duplicates and (note := told_by_windows(index)):
            notes.append(note)
        if explain:
            from audiosim.search.explain import Explainer  # what not every search needs costs its start

            explainer = Explainer(index, likes)
            matches = [explainer.explained(match) for match in matches]
            notes += explainer.lacking([match.track for match in matches])
        return SearchResult(
            likes, matches, reason, tuple(dislikes), tuple(notes), text=words, not_text=other_words
        )


def _measure(
    index: Index,
    asked: Asked,
    text: tuple[str, ...],
    not_text: tuple[str, ...],
    known: Percentiles | None,
) -> tuple[Measure, list[str]]:
    """What answers are ordered by, and what a user should know of it."""
    likeness, space = None, index.configuration.space
    if asked.likes:
        likes, dislikes = ([space(q.vector) for q in some] for some in (asked.likes, asked.dislikes))
        scaling = hub_scaling(index.catalog, known) if asked.ranking.hub_correction else None
        likeness = Likeness(mean_direction(likes, dislikes), scaling)
    if likeness is not None and not (text or not_text):
        return likeness, []
    from audiosim.search.word_fit import with_words

    return with_words(index, likeness, text, not_text)


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
    if asked.likes and all(query.track.digest in away for query in asked.likes):
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
