"""From candidates to the list a listener wants: best first, not ten times the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import UsageError
from audiosim.core.tag_values import album_keys, artist_keys
from audiosim.core.types import Float32, Float64, Passage, Track
from audiosim.library.catalog import Entry
from audiosim.library.hubness import HubScaling
from audiosim.library.whitening import SearchSpace

Bools = npt.NDArray[np.bool_]
Vectors = Float32 | Float64  # all are compared in float32, candidates in float64
SameTag = Literal["artist", "album"]
LOOKED_AT: dict[SameTag, tuple[str, ...]] = {  # by `unlike`
    "artist": ("artist", "album_artist"),
    "album": ("album", "artist", "album_artist"),
}
SAME_TAGS: tuple[SameTag, ...] = get_args(SameTag)
DIVERSE_EACH = 5  # of the best candidates for each answer, among which diverse ones are chosen
FOLLOWING = 20  # candidates beside as many as are wanted that may be duplicates of those
DEEPER = 4  # times as many candidates, where those leave too few answers


@dataclass(frozen=True)
class RankingOptions:
    """How answers are chosen among the tracks that fit.

    Parameters
    ----------
    max_per_artist : int, optional
        Tracks by one artist at most; one by several counts for each.
    exclude_same : tuple of {"artist", "album"}
        Answers by an artist, or of an album, of the queries are left out.
    diversity : float
        0 to 1: the weight of difference from the answers before, against likeness, among five times as
        many of the best (maximal marginal relevance, Carbonell and Goldstein 1998).
    show_duplicates : bool
        Whether each file of one recording is an answer of its own.
    hub_correction : bool
        Whether to order by the similarity corrected for hubs (library/hubness.py).

    Raises
    ------
    UsageError
        If a number is out of range.
    """

    max_per_artist: int | None = None
    exclude_same: tuple[SameTag, ...] = ()
    diversity: float = 0.0
    show_duplicates: bool = False
    hub_correction: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.diversity <= 1:
            raise UsageError(f"Diversity {self.diversity:g} is out of range", "", "Give 0 to 1.")
        if self.max_per_artist is not None and self.max_per_artist < 1:
            raise UsageError(f"Can't take {self.max_per_artist} tracks an artist", "", "Give at least 1.")


@dataclass(frozen=True)
class Candidate:
    """A track that may be an answer, or its ``passage``; it is ordered by ``score``, higher is better.

    ``vector`` is where it lies among those searched.
    """

    entry: Entry
    vector: Float32
    similarity: float
    score: float
    passage: Passage | None = None


@dataclass(frozen=True)
class Pick:
    """An answer, the other files of the same recording, and by whom it is, as any of these tells."""

    candidate: Candidate
    duplicates: list[Entry]
    artists: frozenset[str]


class Measure(Protocol):
    """What files are ordered by."""

    def covers(self, digests: Sequence[str]) -> Bools:
        """Tell of which audio what is measured is known, bool (n,)."""

    def __call__(self, digests: Sequence[str], scales: Float64, vectors: Vectors) -> tuple[Float64, Float64]:
        """Give similarities and scores of audio, by its distances to neighbours and its place (n, dim)."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """The cosine to a unit vector (dim,) of the space; scores are corrected for hubs, given a scaling."""

    direction: Float32
    scaling: HubScaling | None = None

    def covers(self, digests: Sequence[str]) -> Bools:
        """Tell of which audio what is measured is known: of all."""
        return np.ones(len(digests), bool)

    def __call__(self, digests: Sequence[str], scales: Float64, vectors: Vectors) -> tuple[Float64, Float64]:
        """Give the cosines and the scores."""
        direction: Any = self.direction.astype(vectors.dtype)
        products: Vectors = np.einsum("ij,j->i", vectors, direction)  # as `@`, with one vector much quicker
        similarities: Float64 = np.clip(products.astype(np.float64), -1.0, 1.0)
        if self.scaling is None:
            return similarities, similarities
        return similarities, self.scaling.scores(similarities, scales)


def needed(count: int, ranking: RankingOptions) -> int:
    """Tell how many candidates `select` looks at first."""
    return (DIVERSE_EACH * count if ranking.diversity else count) + FOLLOWING


def candidates(entries: Sequence[Entry], space: SearchSpace, measure: Measure) -> list[Candidate]:
    """Entries as a measure has them, best first; ties in order of path."""
    if not entries:
        return []
    vectors = space(np.stack([entry.vector for entry in entries]))
    scales = np.array([entry.scale for entry in entries], np.float64)
    digests = [entry.track.digest for entry in entries]
    similarities, scores = measure(digests, scales, vectors.astype(np.float64))
    found = map(Candidate, entries, vectors, similarities.tolist(), scores.tolist())
    return sorted(found, key=lambda one: (-one.score, one.entry.track.path))


def select(
    found: Sequence[Candidate],
    count: int,
    ranking: RankingOptions,
    fold: Callable[[Sequence[Candidate]], list[Pick]],
) -> list[Pick]:
    """The best candidates, chosen as the options say.

    Parameters
    ----------
    found : sequence of Candidate
        The candidates, best first.
    count : int
        How many answers at most.
    ranking : RankingOptions
        What else counts; ``exclude_same`` is seen to by `fold`.
    fold : callable
        Makes answers of some candidates, best first, one of each recording that may be one.
    """
    depth = needed(count, ranking)
    while True:
        picks = _chosen(fold(found[:depth]), count, ranking)
        if len(picks) == count or depth >= len(found):
            return picks
        depth = DEEPER * (depth - FOLLOWING) + FOLLOWING


def _chosen(answers: Sequence[Pick], count: int, ranking: RankingOptions) -> list[Pick]:
    picks: list[Pick] = []
    artists: Counter[str] = Counter()
    for answer in _in_turn(answers, picks, DIVERSE_EACH * count, ranking.diversity):
        if len(picks) == count:
            break
        if all(artists[artist] != ranking.max_per_artist for artist in answer.artists):
            artists.update(answer.artists)
            picks.append(answer)
    return picks


def unlike(tracks: Collection[Track], tags: Collection[SameTag]) -> Callable[[Track], bool]:
    """Whether a track is by other artists, and of another album, than all of these."""
    artists = {key for t in tracks for key in artist_keys(t.tags)} if "artist" in tags else set()
    albums = {key for t in tracks for key in album_keys(t.tags)} if "album" in tags else set()
    return lambda t: (
        (not artists or artists.isdisjoint(artist_keys(t.tags)))
        and (not albums or albums.isdisjoint(album_keys(t.tags)))
    )


def _in_turn(found: Sequence[Pick], picks: Sequence[Pick], pool: int, diversity: float) -> Iterator[Pick]:
    """The first `pool` answers one after the other, each the best in view of those picked by then.

    The others follow as they are.
    """
    first = found[:pool] if diversity else ()
    vectors = np.array([answer.candidate.vector for answer in first])
    scores = np.array([answer.candidate.score for answer in first])
    scores = scores / scores.max(initial=1.0)  # of words, the best counts as what is alike
    nearest = np.full(len(first), -np.inf)  # similarity to the nearest pick
    left, seen = np.ones(len(first), bool), 0
    while left.any():
        if len(picks) > seen:
            nearest = np.maximum(nearest, vectors @ picks[-1].candidate.vector)
            seen = len(picks)
        likeness = np.where(np.isfinite(nearest), nearest, 0.0)
        values = np.where(left, (1 - diversity) * scores - diversity * likeness, -np.inf)
        best = int(values.argmax())
        left[best] = False
        yield first[best]
    yield from found[len(first) :]
