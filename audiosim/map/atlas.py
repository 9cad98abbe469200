"""What a map shows: tracks, their places, their groups and their nearest neighbours by exact cosine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audiosim.core.types import Float32, Track
from audiosim.library.catalog import Entry
from audiosim.library.neighbours import Neighbours, nearest
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace
from audiosim.map.groups import Color, Grouping, group_tracks
from audiosim.map.projection import lay_out

NEIGHBOURS = 10  # of a spot


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


def make_atlas(
    entries: Sequence[Entry], color: Color | None, encoder: str, space: SearchSpace = AS_THEY_ARE
) -> Atlas:
    """The atlas of at least one entry of the catalog, as they lie in the space."""
    numbers: dict[str, int] = {}
    spots = [numbers.setdefault(entry.track.digest, len(numbers)) for entry in entries]
    vectors = {entry.track.digest: entry.vector for entry in entries}
    rows = space(np.stack([vectors[digest] for digest in numbers]))
    tracks = [entry.track for entry in entries]
    places = np.arange(len(rows))
    near = nearest(rows, rows, min(NEIGHBOURS, len(rows) - 1), same=(places, places))
    return Atlas(tracks, spots, lay_out(rows), near, group_tracks(tracks, color), encoder)
