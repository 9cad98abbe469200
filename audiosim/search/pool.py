"""What a playlist is made from: tracks near to where it should be, one file of each recording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from audiosim.core.types import Float32
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.index import Index
from audiosim.library.statistics import percentiles
from audiosim.library.whitening import SearchSpace
from audiosim.search.copies import one_each
from audiosim.search.folding import others_near
from audiosim.search.query import Query
from audiosim.search.recordings import Recordings
from audiosim.search.short import longer

POOL = 2000  # tracks nearest to where the list should be, from which it is made
COMPARED = 200  # of these, the nearest, of which copies are looked for before


class Pool:
    """The tracks a list is made from: near to its targets, none of them a recording that is given.

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
        self._same = recordings.same
        known = percentiles(index.catalog)
        self.floor = -math.inf if known is None else max(0.0, known.median)
        self._taken = as_entries(given)
        self.space = space = index.configuration.space
        tracks = index.catalog.tracks
        entries = _nearest(list(tracks.entries(only.admits)), space, targets, POOL)
        near = _nearest(entries, space, targets, COMPARED)
        if lends:  # what is elsewhere tells the tags of its copies here
            elsewhere = tracks.entries(lambda t: only.fits_tags([t]) and not only.fits_file(t))
            tagged = _nearest(list(elsewhere), space, targets, COMPARED)
            near += [*tagged, *others_near(index, [*near, *tagged])]
        compared = {entry.id for entry in near}
        rest = [entry for entry in entries if entry.id not in compared]
        found = [*one_each(near, recordings, only, self._taken), *rest]
        self.entries = sorted(found, key=lambda entry: entry.track.path)
        self.vectors = _placed(self.entries, space)

    def take(self, entry: Entry) -> bool:
        """Whether it is another recording than all those given and taken; then it is taken."""
        if any(self._same(taken, entry) for taken in self._taken):
            return False
        self._taken.append(entry)
        return True

    def copies(self, chosen: Iterable[Entry]) -> set[str]:
        """The ids of those that are a recording given, or chosen before."""
        taken, found = list(self._taken), set()
        for entry in chosen:
            if any(self._same(other, entry) for other in taken):
                found.add(entry.id)
            taken.append(entry)
        return found


def _nearest(
    entries: Sequence[Entry], space: SearchSpace, targets: Sequence[Float32], count: int
) -> list[Entry]:
    """The `count` entries that come near to any of the targets, in their order."""
    if len(entries) <= count or not targets:
        return list(entries)
    best = (_placed(entries, space) @ np.stack(targets).T).max(axis=1)
    return [entries[row] for row in np.sort(np.argsort(-best, kind="stable")[:count])]


def _placed(entries: Sequence[Entry], space: SearchSpace) -> Float32:
    """Where entries lie in the space, float32 (n, dim)."""
    if not entries:
        return np.zeros((0, 0), np.float32)
    return space(np.stack([entry.vector for entry in entries]))


def as_entries(asked: Iterable[Query]) -> list[Entry]:
    """Queries, to be compared with entries."""
    return [Entry("", query.track, query.vector) for query in asked]
