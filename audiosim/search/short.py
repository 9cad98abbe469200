"""What is under half a minute: no track to play, and words say little of it, unless it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from audiosim.library.filters import Filter
from audiosim.search.ranking import Pick
from audiosim.search.retrieval import Retrieval

SHORTEST = 30.0  # s; jingles and effects are shorter
LEFT_OUT = (
    f"what is under {SHORTEST:.0f} s is left out, though some of it fits as well: words say little of it."
    " To have it too: `min_duration` 0"
)


def longer(only: Filter, asked: Iterable[float | None] = ()) -> Filter:
    """Have a filter leave out what is short, unless it speaks of lengths, or what is asked with is short.

    Parameters
    ----------
    only : Filter
        What tracks must be.
    asked : iterable of float, optional
        The lengths of what is asked with, in s; None where one is not known.
    """
    wanted = [only.max_duration, *asked]
    if only.min_duration is None and all(each is None or each >= SHORTEST for each in wanted):
        return replace(only, min_duration=SHORTEST)
    return only


def longer_ones(search: Retrieval, only: Filter) -> tuple[list[Pick], list[str]]:
    """Give the picks of a search by words, and what is to be said of what was left out of them.

    Parameters
    ----------
    search : Retrieval
        The search, among tracks that are not short.
    only : Filter
        What tracks must be: where no longer one answers, short ones do.
    """
    picks = search.exactly()
    if not picks:
        return search.among(only).exactly(), []
    least = min(pick.candidate.score for pick in picks) if len(picks) == search.count else -math.inf
    return picks, [LEFT_OUT] if search.among(short(only)).has_any(least) else []


def short(only: Filter) -> Filter:
    """Have a filter admit no more than what `longer` has it leave out."""
    return replace(only, max_duration=math.nextafter(SHORTEST, 0))
