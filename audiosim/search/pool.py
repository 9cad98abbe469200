"""What a playlist is made from: tracks near to where it should be, one file of each recording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from audiosim.core.types import Float32
from audiosim.library.catalog import Entry
from audiosim.library.filters import Admission, Filter
from audiosim.library.index import Index
from audiosim.library.statistics import percentiles
from audiosim.library.whitening import SearchSpace
from audiosim.search.copies import one_each, without_fragments
from audiosim.search.folding import others_near
from audiosim.search.query import Query
from audiosim.search.recordings import Recordings
from audiosim.search.retrieval import Scored
from audiosim.search.short import longer

POOL = 2000  # tracks nearest to where the list should be, from which it is made
COMPARED = 200  # of these, the nearest, of which copies are looked for before


class Pool:
    """The tracks a list is made from: near to its targets, none a recording that is given, or a part of one.

    Its floor is the cosine that half of the library's pairs have at most, 0 at least: what is less alike does
    not belong together. In small libraries, of which that is not known, there is none.
    """

    def __init__(
        self,
        index: Index,
        recordings: Recordings,
        only: Filter | None,
        given: Sequence[Query],
        targets: Sequence[Float32],
    ) -> None:
        only = index.located(only)
        lends = only.of_tags and only.of_files
        only = longer(only, (query.track.duration for query in given))
        self._same = partial(recordings.same, parts=True)  # nor is a cut of what was just played wanted
        known = percentiles(index.catalog)
        self.floor = -math.inf if known is None else max(0.0, known.median)
        self._taken = as_entries(given)
        self.space = space = index.configuration.space
        entries = _nearest(index, only.admission, targets, POOL)
        near, rest = entries[:COMPARED], entries[COMPARED:]
        if lends:  # what is elsewhere tells the tags of its copies here
            near += _nearest(index, only.elsewhere, targets, COMPARED)
            near += others_near(index, near)
        compared = {entry.id for entry in near}
        rest = [entry for entry in rest if entry.id not in compared]
        each = one_each(_by_path(near), recordings, only, self._taken)
        self.entries = _by_path([*without_fragments(each, recordings), *rest])
        self.vectors = _placed(self.entries, space)

    def take(self, entry: Entry) -> bool:
        """Whether it is another recording than all given and taken, and no part of one; then it is taken."""
        if any(self._same(taken, entry) for taken in self._taken):
            return False
        self._taken.append(entry)
        return True

    def copies(self, chosen: Iterable[Entry]) -> set[str]:
        """The ids of those that are a recording given, or chosen before, or a part of one."""
        taken, found = list(self._taken), set()
        for entry in chosen:
            if any(self._same(other, entry) for other in taken):
                found.add(entry.id)
            taken.append(entry)
        return found


def _nearest(index: Index, admits: Admission, targets: Sequence[Float32], count: int) -> list[Entry]:
    """Up to `count` of the files that are admitted, which come near to any of the targets, nearest first."""
    if not targets:
        return []
    tracks, goals = index.catalog.tracks, np.stack(targets).T
    with index.turn:
        found = Scored.of(
            (page.ids, np.where(page.whole, (page.vectors @ goals).max(axis=1), -np.inf))
            for page in tracks.pages(index.configuration.space, admits)
        )
    ids = found.best(count)
    entries = tracks.entries_with(ids)
    return [entries[id_] for id_ in ids]


def _by_path(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.track.path)


def _placed(entries: Sequence[Entry], space: SearchSpace) -> Float32:
    """Where entries lie in the space, float32 (n, dim)."""
    if not entries:
        return np.zeros((0, 0), np.float32)
    return space(np.stack([entry.vector for entry in entries]))


def as_entries(asked: Iterable[Query]) -> list[Entry]:
    """Queries, to be compared with entries."""
    return [Entry("", query.track, query.vector) for query in asked]
