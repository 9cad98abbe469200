"""What a map shows: tracks, their places, their groups and their nearest neighbours by cosine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audiosim.core.types import Float32, Track
from audiosim.library.catalog import Entry
from audiosim.library.neighbours import Neighbours, nearest_others
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace
from audiosim.library.word_scores import WordScores
from audiosim.map.groups import Color, Grouping, group_tracks
from audiosim.map.projection import lay_out

NEIGHBOURS = 10  # of a spot
FEW = 10  # times as many spots as neighbours that share a word: in a small library all would


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
    recordings: Sequence[Sequence[Entry]],
    color: Color | None,
    encoder: str,
    space: SearchSpace = AS_THEY_ARE,
    scores: WordScores | None = None,
) -> Atlas:
    """The atlas of at least one recording, each with the file first that stands for it, in a space.

    `scores` are needed where words give the colours.
    """
    tracks = [files[0].track for files in recordings]
    rows = space(np.stack([files[0].vector for files in recordings]))
    near = nearest_others(rows, min(NEIGHBOURS, len(rows) - 1))
    words = () if scores is None else region_words([track.digest for track in tracks], near, scores)
    return Atlas(
        [entry.track for files in recordings for entry in files],
        [spot for spot, files in enumerate(recordings) for _ in files],
        lay_out(rows),
        near,
        group_tracks(tracks, color, words),
        encoder,
    )


def region_words(digests: Sequence[str], near: Neighbours, scores: WordScores) -> list[str | None]:
    """The word by which each spot and its nearest neighbours together stand out most; None without scores.

    Neighbours count, so that a region has one word rather than each of its tracks another.
    """
    if not scores.digests:
        return [None] * len(digests)
    rows = np.array([scores.row.get(digest, -1) for digest in digests])
    own = np.where((rows >= 0)[:, None], scores.standing_out[rows], 0.0)
    together = own + own[near.indices[:, : len(digests) // FEW]].sum(axis=1)
    words = [scores.labels[column] for column in together.argmax(axis=1).tolist()]
    return [word if row >= 0 else None for word, row in zip(words, rows.tolist(), strict=True)]
