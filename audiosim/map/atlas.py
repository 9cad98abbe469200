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

    Files of a recording share a spot: ``spots`` gives each track's, counted from 0. The first of a
    spot's tracks stands for them: its vector has a place, and its tags give the spot's group.
    ``places`` float32 (n spots, 2), 0 to 1, x to the right and y down.
    """

    tracks: Sequence[Track]
    spots: Sequence[int]
    places: Float32
    neighbours: Neighbours
    grouping: Grouping
    encoder: str

    @property
    def recordings(self) -> Sequence[Track]:
        """The tracks that stand for their recordings, by spot."""
        firsts = np.unique(self.spots, return_index=True)[1]
        return [self.tracks[row] for row in firsts.tolist()]


def make_atlas(
    recordings: Sequence[Sequence[Entry]], color: Color | None, encoder: str, space: SearchSpace = AS_THEY_ARE
) -> Atlas:
    """The atlas of at least one recording, each with the file first that stands for it, in a space."""
    rows = space(np.stack([files[0].vector for files in recordings]))
    places = np.arange(len(rows))
    near = nearest(rows, rows, min(NEIGHBOURS, len(rows) - 1), same=(places, places))
    return Atlas(
        [entry.track for files in recordings for entry in files],
        [spot for spot, files in enumerate(recordings) for _ in files],
        lay_out(rows),
        near,
        group_tracks([files[0].track for files in recordings], color),
        encoder,
    )
