"""What is asked for beside queries, and what of it can't be had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from audiosim.core.errors import UsageError
from audiosim.core.text import display_path
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.search.folding import Asked
from audiosim.search.query import Query
from audiosim.search.ranking import RankingOptions
from audiosim.search.recordings import Recordings

Texts = str | Iterable[str]


@dataclass(frozen=True)
class Wish:
    """What is asked for beside queries, as of `find_similar`.

    Parameters
    ----------
    text, not_text : tuple of str
        What tracks should sound like, and what not.
    count : int
        How many matches at most.
    only : Filter
        What tracks must be.
    ranking : RankingOptions
        How answers are chosen among these.
    include_self : bool
        Whether the queries' own audio may be among the matches.
    explain : bool
        Whether matches are explained.

    Raises
    ------
    UsageError
        If fewer than one match is wanted.
    """

    text: tuple[str, ...]
    not_text: tuple[str, ...]
    count: int
    only: Filter
    ranking: RankingOptions
    include_self: bool
    explain: bool

    def __post_init__(self) -> None:
        check_count(self.count)

    @property
    def is_exact(self) -> bool:
        """Whether exact search has to answer: a store knows neither filters nor words."""
        return bool(self.only or self.ranking.exclude_same or self.has_words)

    @property
    def has_words(self) -> bool:
        """Whether anything is asked for in words."""
        return bool(self.text or self.not_text)


def refuse_both(
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


def as_texts(given: Texts) -> tuple[str, ...]:
    """One text, or several."""
    return (given,) if isinstance(given, str) else tuple(given)
