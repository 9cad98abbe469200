"""What a map shows: tracks, their places, their groups and their nearest neighbours by exact cosine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, Track
from audiosim.library.catalog import Entry
from audiosim.map.groups import Color, Grouping, group_tracks
from audiosim.map.projection import lay_out

COUNT = 10
BLOCK = 1024  # rows compared at a time: 40 MB for 10,000


@dataclass(frozen=True)
class Atlas:
    """A library ready to be drawn.

    Copies of a recording share a spot: ``spots`` gives each track's, counted from 0 in the order
    in which they first occur. ``places`` float32 (n spots, 2), 0 to 1, x to the right and y down.
    """

    tracks: Sequence[Track]
    spots: Sequence[int]
    places: Float32
    neighbours: Neighbours
    grouping: Grouping
    encoder: str


def make_atlas(entries: Sequence[Entry], color: Color | None, encoder: str) -> Atlas:
    """The atlas of at least one entry of the catalog."""
    numbers: dict[str, int] = {}
    spots = [numbers.setdefault(entry.track.digest, len(numbers)) for entry in entries]
    vectors = {entry.track.digest: entry.vector for entry in entries}
    rows = np.stack([vectors[digest] for digest in numbers])
    tracks = [entry.track for entry in entries]
    return Atlas(tracks, spots, lay_out(rows), nearest(rows), group_tracks(tracks, color), encoder)


@dataclass(frozen=True)
class Neighbours:
    """Of each of n vectors the k nearest, nearest first: ``indices`` and ``cosines``, both (n, k)."""

    indices: npt.NDArray[np.intp]
    cosines: Float32


def nearest(vectors: Float32, count: int = COUNT) -> Neighbours:
    """The neighbours of unit vectors (n, dim) among themselves, at most `count` each; ties by index."""
    number = len(vectors)
    count = min(count, number - 1)
    indices = np.empty((number, count), np.intp)
    cosines = np.empty((number, count), np.float32)
    for start in range(0, number if count else 0, BLOCK):
        rows = slice(start, min(start + BLOCK, number))
        similarities = vectors[rows] @ vectors.T
        similarities[np.arange(rows.stop - start), np.arange(start, rows.stop)] = -np.inf
        best = np.sort(np.argpartition(-similarities, count - 1, axis=1)[:, :count], axis=1)
        found = np.take_along_axis(similarities, best, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(best, order, axis=1)
        cosines[rows] = np.clip(np.take_along_axis(found, order, axis=1), -1.0, 1.0)
    return Neighbours(indices, cosines)
