"""Searching with a passage: the tracks that have a stretch like it, wherever it lies."""

from __future__ import annotations

import heapq
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from audiosim.audio.fingerprint import Landmarks
from audiosim.core.errors import HomeError
from audiosim.core.paths import identity
from audiosim.core.types import Encoder, Float32, Match, Passage, Precision, Track
from audiosim.core.vectors import whole_ones
from audiosim.encoders.passage_vectors import unpacked
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.index import Index, open_index
from audiosim.library.missing_caches import MissingCaches
from audiosim.search.alignment import best_place
from audiosim.search.folding import Asked, Folding
from audiosim.search.passage_place import placed
from audiosim.search.passage_query import PassageQuery, ask_with
from audiosim.search.ranking import Candidate, RankingOptions, select
from audiosim.search.recordings import Recordings
from audiosim.search.sifting import Opened, estimated_by_passages
from audiosim.search.similar import DEFAULT_COUNT, SearchResult, as_matches
from audiosim.search.wish import Wish

MIN_CANDIDATES = 200  # tracks whose windows are compared, at least
CANDIDATES_EACH = 20  # for each track wanted
CANDIDATES_ROOT = 5.0  # for the square root of the number of tracks: recall falls as a library grows
PAGE = 16 * 2**20  # bytes of passages compared at a time; four times as many as numbers


def find_passages(
    query: str | os.PathLike[str],
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
) -> SearchResult:
    """The tracks of the index with a stretch most like a passage of an audio file.

    Candidates are found by the passages that the catalog keeps of each track, and ranked by their
    windows; ``similarity`` is that of the stretch. A stretch of the same recording is then put where
    landmarks of both fingerprints meet, to some hundredths of a second.

    Parameters
    ----------
    query : str or path-like
        An audio file, indexed or not.
    start, end : float
        Where the passage lies, in s; an `end` of None is the file's end.
    count : int
        How many matches at most.
    home : str, path-like or Index, optional
        The home folder, by default ``AUDIOSIM_HOME`` or the platform's user data folder; or its index, open.
    only : Filter, optional
        What tracks must be to be found.
    ranking : RankingOptions, optional
        How answers are chosen among these; the correction for hubs does not apply.
    include_self : bool
        Whether the query's own audio may be among the matches.
    precision : {"auto", "float32"}
        The network's, where the query has to be embedded.
    encoder : Encoder, optional
        Embeds the query, instead of one loaded for it; it must be the home's.

    Returns
    -------
    SearchResult
        The matches, each with the stretch that answers.

    Raises
    ------
    UsageError
        If the query does not exist, or has no such passage.
    HomeError
        If there is no index, or no caches are there.
    AudiosimError
        If the query can't be decoded.
    """
    wish = Wish((), (), count, only or Filter(), ranking or RankingOptions(), include_self, explain=False)
    with open_index(home, encoder) as index:
        wish = replace(wish, only=index.located(only))
        return answered(index, ask_with(index, identity(query), start, end, precision, encoder), wish)


def answered(index: Index, asked: PassageQuery, wish: Wish) -> SearchResult:
    """The tracks with a stretch most like a passage, as `find_passages` gives them.

    Raises
    ------
    HomeError
        If no caches are there.
    """
    wanted = Asked([asked.query], [], wish.only, wish.ranking, wish.include_self)
    depth = depth_of(wish.count, index.catalog.files.count("indexed"))
    ranked = partial(ranked_by_windows, index, asked)
    fold = Folding(index, wanted, lambda others: ranked(others)[0])
    estimated = estimated_by_passages(index, asked, wanted, depth)
    if estimated is None:
        entries = index.catalog.tracks.entries(wanted.admits)
        shown = (entry for entry in entries if entry.track.digest not in wanted.hidden)
        nearest = nearest_by_passages(index, asked, shown, depth)
        places, _ = whole_ones([entry.vector for entry in nearest], index.configuration.dimension)
        found, missing = ranked([nearest[place] for place in places])
        picks = select(found, wish.count, wish.ranking, fold)
    else:
        opened = Opened(index, estimated, ranked)
        picks, missing = opened.picked(wish.count, wish.ranking, fold), opened.missing
    if missing and len(missing.digests) == missing.total:
        raise HomeError(missing.what, missing.why, missing.remedy)
    matches = as_matches(picks, None)
    landmarks = Recordings.of(index).landmarks
    matches = [_exact(match, asked, landmarks(match.track.digest)) for match in matches]
    notes = asked.notes
    if missing:
        notes = (*notes, f"{missing}; left out.\n{missing.remedy}")
    return SearchResult([asked.query], matches, notes=notes)


def _exact(match: Match, asked: PassageQuery, landmarks: Landmarks | None) -> Match:
    """The match, its passage where landmarks have it."""
    if match.passage is None:
        return match
    length = match.track.duration or math.inf
    return replace(match, passage=placed(match.passage, asked.landmarks, landmarks, length))


def depth_of(count: int, tracks: int) -> int:
    """How many tracks are compared by their windows at most, for so many answers."""
    return max(MIN_CANDIDATES, CANDIDATES_EACH * count, round(CANDIDATES_ROOT * math.sqrt(tracks)))


def nearest_by_passages(
    index: Index, asked: PassageQuery, entries: Iterable[Entry], count: int
) -> list[Entry]:
    """The `count` entries with the passages nearest to the one asked with."""
    mean = asked.mean
    best: dict[str, float] = {}
    for page in _pages(index.catalog.tracks.all_passages(), PAGE):
        best |= _best_products(page, mean)
    return heapq.nlargest(count, entries, key=lambda entry: best.get(entry.track.digest, -np.inf))


def _best_products(page: Sequence[tuple[str, bytes]], mean: Float32) -> dict[str, float]:
    """The highest product of `mean` (dim,) with a passage of each track, by digest."""
    sets = [unpacked(blob, len(mean)) for _, blob in page]
    lengths = np.array([len(vectors) for vectors in sets])
    digests = [digest for (digest, _), length in zip(page, lengths, strict=True) if length]
    if not digests:
        return {}
    products = np.concatenate(sets) @ mean
    starts = np.cumsum(lengths) - lengths
    return dict(zip(digests, np.maximum.reduceat(products, starts[lengths > 0]).tolist(), strict=True))


def ranked_by_windows(
    index: Index, asked: PassageQuery, entries: Iterable[Entry]
) -> tuple[list[Candidate], MissingCaches | None]:
    """Entries by their best stretch, best first; and those that have no cache."""
    found, missing = [], []
    for entry in entries:
        passage = _answer(index, asked, entry.track)
        if passage is None:
            missing.append(entry.track.digest)
        else:
            found.append(Candidate(entry, entry.vector, passage.similarity, passage.similarity, passage))
    total = len(found) + len(missing)
    lacking = MissingCaches(tuple(missing), total, index.cache.folder) if missing else None
    return sorted(found, key=lambda one: (-one.score, one.entry.track.path)), lacking


def _answer(index: Index, asked: PassageQuery, track: Track) -> Passage | None:
    directions = index.directions(track.digest)
    if directions is None:
        return None
    spec = index.spec
    lead = spec.framing.lead / spec.sample_rate
    best: Passage | None = None
    for before, rows in asked.phases:
        place = best_place(rows, directions)
        if best is None or place.similarity > best.similarity:
            start = (place.second - place.first) * spec.hop - lead - before
            end = start + asked.end - asked.start
            begun, ended = max(0.0, start), min(end, track.duration or end)
            best = Passage(place.similarity, begun, ended, asked.query.track.path, asked.start, asked.end)
    return best


def _pages(items: Iterator[tuple[str, bytes]], size: int) -> Iterator[list[tuple[str, bytes]]]:
    """The items, so many bytes of them at a time."""
    page: list[tuple[str, bytes]] = []
    held = 0
    for item in items:
        page.append(item)
        held += len(item[1])
        if held >= size:
            yield page
            page, held = [], 0
    if page:
        yield page
