"""Many queries, each answered by itself: the index is read once, and models are loaded once."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.last_used import LastUsed
from audiosim.core.threads import products_in_one_thread
from audiosim.core.types import Encoder, Precision
from audiosim.encoders import QueryEncoder
from audiosim.library.catalog.held import hold
from audiosim.library.filters import Filter
from audiosim.library.index import Index, open_index
from audiosim.search.passage_query import ask_with
from audiosim.search.passage_search import answered
from audiosim.search.query import Paths, Query, Resolver, Source, as_source
from audiosim.search.ranking import RankingOptions
from audiosim.search.recordings import KEPT
from audiosim.search.similar import DEFAULT_COUNT, Searcher, SearchResult
from audiosim.search.titles import taken_for
from audiosim.search.wish import Texts, Wish, as_texts

Answer = tuple[str, SearchResult | AudiosimError]


def find_similar_each(
    queries: Paths | Source,
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
) -> Generator[Answer, None, None]:
    """What `find_similar` says of each of many audio files by itself, one after the other.

    The index is read into memory, as of one moment, and searched exactly there; no store is asked.

    Parameters
    ----------
    queries : str, path-like, iterable of these, or Source
        Audio files, indexed or not; one that is named twice is answered once.
    text, not_text : str or iterable of str
        What answers should sound like, and what not, beside each query.
    against : str, path-like, iterable of these, or Source
        Audio files to stay away from.
    count : int
        How many matches at most, of each.
    home : str, path-like or Index, optional
        The home folder, by default ``AUDIOSIM_HOME`` or the platform's user data folder; or its index, open.
    only : Filter, optional
        What tracks must be to be found.
    ranking : RankingOptions, optional
        How answers are chosen among these.
    include_self, explain : bool
        Whether a query's own audio may be among its matches; whether these are explained.
    precision : {"auto", "float32"}
        The network's, where a query has to be embedded.
    encoder : Encoder, optional
        Embeds queries, instead of one loaded for them; it must be the home's.
    longest : float
        Seconds of audio that a query may hold which has to be decoded.

    Yields
    ------
    path : str
        The query, in the order of the queries.
    answer : SearchResult or AudiosimError
        What answers it; or why it can't be asked with, as it is no file of audio or there is none.

    Raises
    ------
    UsageError
        If there are no queries, or a file of `against` does not exist; or the home's encoder knows no words,
        or not these.
    AudiosimError
        If there is no index, or a file of `against` can't be decoded.
    """
    wanted, unwanted = _some(queries), as_source(against)
    filters, options = only or Filter(), ranking or RankingOptions()
    wish = Wish(as_texts(text), as_texts(not_text), count, filters, options, include_self, explain)
    with _in_memory(home, encoder) as index:
        resolver = Resolver(index, precision, encoder, longest)
        away = resolver.resolve(unwanted.paths, unwanted.listed)
        named = [query for path, query in away.items() if path not in unwanted.listed]
        notes = [*unwanted.notes, *resolver.notes]
        searcher = Searcher(index, wish)
        searcher.prepare()
        for path, query in resolver.resolve_each(wanted):
            yield os.fsdecode(path), _answer(searcher, path, query, [*away.values()], named, notes)


def find_passages_each(
    queries: Paths | Source,
    start: float = 0.0,
    end: float | None = None,
    *,
    count: int = DEFAULT_COUNT,
    home: str | os.PathLike[str] | Index | None = None,
    only: Filter | None = None,
    ranking: RankingOptions | None = None,
    include_self: bool = False,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
) -> Generator[Answer, None, None]:
    """What `find_passages` says of the same passage of each of many audio files, one after the other.

    Parameters
    ----------
    queries : str, path-like, iterable of these, or Source
        Audio files, indexed or not; one that is named twice is answered once.
    start, end : float
        Where the passage lies in each, in s; an `end` of None is the file's end.
    count : int
        How many matches at most, of each.
    home : str, path-like or Index, optional
        The home folder, by default ``AUDIOSIM_HOME`` or the platform's user data folder; or its index, open.
    only : Filter, optional
        What tracks must be to be found.
    ranking : RankingOptions, optional
        How answers are chosen among these; the correction for hubs does not apply.
    include_self : bool
        Whether a query's own audio may be among its matches.
    precision : {"auto", "float32"}
        The network's, where a query has to be embedded.
    encoder : Encoder, optional
        Embeds queries, instead of one loaded for them; it must be the home's.

    Yields
    ------
    path : str
        The query, in the order of the queries.
    answer : SearchResult or AudiosimError
        What answers it; or why it can't be asked with.

    Raises
    ------
    UsageError
        If there are no queries.
    HomeError
        If there is no index.
    """
    wanted = _some(queries)
    wish = Wish((), (), count, only or Filter(), ranking or RankingOptions(), include_self, explain=False)
    with _in_memory(home, encoder) as index:
        wish = replace(wish, only=index.located(only))
        model = encoder or QueryEncoder(index.spec, precision)
        for path in wanted.paths:
            listed = path in wanted.listed
            try:
                asked = ask_with(index, path, start, end, precision, model, listed=listed)
                yield os.fsdecode(path), answered(index, asked, wish)
            except AudiosimError as error:
                yield os.fsdecode(path), error


def _some(queries: Paths | Source) -> Source:
    source = as_source(queries)
    if not source.paths:
        raise UsageError("Nothing to search with", "no query was given", "Name an audio file.")
    return source


@contextmanager
def _in_memory(home: str | os.PathLike[str] | Index | None, encoder: Encoder | None) -> Iterator[Index]:
    """An index whose tracks are in memory; one that is open already is taken as it is."""
    with open_index(home, encoder) as index, products_in_one_thread():
        held = None if isinstance(home, Index) else hold(index.catalog)
        if held is None:
            yield index
        else:
            catalog, configuration = index.catalog.holding(held), held.configuration
            yield replace(index, catalog=catalog, configuration=configuration, kept=LastUsed(KEPT))


def _answer(
    searcher: Searcher,
    path: bytes,
    query: Query | AudiosimError,
    away: list[Query],
    named: list[Query],
    notes: list[str],
) -> SearchResult | AudiosimError:
    if isinstance(query, AudiosimError):
        return query
    try:
        result = searcher.answer([query], away, [query], named)
    except AudiosimError as error:
        return error
    place = query.track.path
    own = [] if place == path else [taken_for(path, place)]
    return replace(result, notes=(*notes, *own, *result.notes))
