"""Groups of files that hold the same recording. Nothing is ever deleted."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from audiosim.core.types import Track
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.index import open_index
from audiosim.library.neighbours import nearest
from audiosim.search.common_landmarks import likely, sounds_of, with_keys_in_common
from audiosim.search.recordings import SIMILAR, Evidence, Recordings, slack

NEAREST = 10  # tracks of about the same length that each is compared with


@dataclass(frozen=True)
class Link:
    """Why two files are the same recording; ``offset`` of the evidence is of the second."""

    first: Track
    second: Track
    evidence: Evidence


@dataclass(frozen=True)
class Group:
    """Files of one recording.

    Parameters
    ----------
    tracks : tuple of Track
        In order of path.
    links : tuple of Link
        What holds them together.
    """

    tracks: tuple[Track, ...]
    links: tuple[Link, ...]


def find_duplicates(home: str | os.PathLike[str] | None = None, *, only: Filter | None = None) -> list[Group]:
    """Groups of files with the same audio, or the same music in another encoding or mastering.

    Parameters
    ----------
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    only : Filter, optional
        What tracks must be to be compared.

    Returns
    -------
    list of Group
        Those of two files or more, in order of their first path.

    Raises
    ------
    HomeError
        If there is no index.
    """
    from scipy.cluster.hierarchy import DisjointSet

    with open_index(home) as index:
        entries = list(index.catalog.tracks.entries(index.located(only).admits))
        recordings = Recordings.of(index)
        groups = DisjointSet(range(len(entries)))
        links: list[tuple[int, Link]] = []
        for first, second in _candidates(entries, recordings):
            if groups.connected(first, second):
                continue
            evidence = recordings.same(entries[first], entries[second])
            if evidence is not None:
                groups.merge(first, second)
                links.append((first, Link(entries[first].track, entries[second].track, evidence)))
    held: dict[int, list[Link]] = defaultdict(list)
    for row, link in links:
        held[groups[row]].append(link)
    return [
        Group(tuple(entries[row].track for row in sorted(rows)), tuple(held[groups[min(rows)]]))
        for rows in groups.subsets()
        if len(rows) > 1
    ]


def _candidates(entries: Sequence[Entry], recordings: Recordings) -> Iterator[tuple[int, int]]:
    """Pairs of rows worth comparing.

    First those of the same audio, then those whose fingerprints have most in common, then the nearest
    of about the same length.
    """
    holders: dict[str, int] = {}
    for row, entry in enumerate(entries):
        first = holders.setdefault(entry.track.digest, row)
        if first != row:
            yield first, row
    rows = list(holders.values())
    landmarks = [recordings.landmarks(entries[row].track.digest) for row in rows]
    yield from ((rows[first], rows[second]) for first, second in with_keys_in_common(landmarks))
    sounds = {row: sounds_of(one) for row, one in zip(rows, landmarks, strict=True) if one is not None}
    for first, second in _near_pairs(entries, rows):
        if not {first, second} <= sounds.keys() or likely(sounds[first], sounds[second]):
            yield first, second


def _near_pairs(entries: Sequence[Entry], rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each row with the nearest of those that are as long, or shorter by no more than re-encoding takes."""
    rows = sorted(rows, key=lambda row: (entries[row].track.duration or 0.0, entries[row].track.path))
    if not rows:
        return
    durations = np.array([entries[row].track.duration or 0.0 for row in rows])
    vectors = np.stack([entries[row].vector for row in rows])
    for place, row in enumerate(rows):
        first = int(np.searchsorted(durations, durations[place] - slack(durations[place])))
        near = nearest(vectors[place : place + 1], vectors[first:place], NEAREST)
        for other in near.indices[near.cosines >= SIMILAR]:
            twin = rows[first + int(other)]
            yield min(row, twin), max(row, twin)
