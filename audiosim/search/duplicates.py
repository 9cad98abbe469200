"""Groups of files that hold the same recording. Nothing is ever deleted."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass

from audiosim.core.types import Track
from audiosim.library.filters import Filter
from audiosim.library.index import open_index
from audiosim.search.copies import find_fitting
from audiosim.search.recordings import Evidence, Recordings


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
        What a recording must be: one of its files where it is looked for, and their tags, taken together,
        those demanded. Its other files are told of too, wherever they are.

    Returns
    -------
    list of Group
        Those of two files or more, in order of their first path.

    Raises
    ------
    HomeError
        If there is no index.
    """
    with open_index(home) as index:
        entries = list(index.catalog.tracks.entries())
        found = find_fitting(entries, Recordings.of(index), index.located(only))
    held: dict[int, list[Link]] = defaultdict(list)
    group_of = {row: number for number, group in enumerate(found.groups) for row in group}
    for joint in found.joints:
        if joint.first in group_of:
            link = Link(entries[joint.first].track, entries[joint.second].track, joint.evidence)
            held[group_of[joint.first]].append(link)
    return [
        Group(tuple(entries[row].track for row in group), tuple(held[number]))
        for number, group in enumerate(found.groups)
        if len(group) > 1
    ]
