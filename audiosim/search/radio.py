"""A radio: tracks that stay near a point, each like the one before, artists apart."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

import numpy as np

from audiosim.core.tag_values import artist_keys
from audiosim.core.types import Float32, Track
from audiosim.library.catalog import Entry

STEP_WEIGHT = 0.5  # of likeness to the track before, against likeness to the point
CROWDING = 1.0  # standard deviations of likeness to the point that a track of the artist just played costs
NEAR_SHARE = 0.3  # of the way from the library's average to the best that fit: what is farther is not near


def radio(
    entries: Sequence[Entry],
    vectors: Float32,
    take: Callable[[Entry], bool],
    target: Float32,
    before: Sequence[Track],
    last: Float32,
    count: int,
    spacing: int,
    floor: float,
) -> list[Entry]:
    """Choose what to play next, again and again.

    What is near comes before what is not; of that, what is most like the target and the track before,
    where one by an artist played just now counts as so much less like them. What is less like the one or
    the other than the floor never comes: where nothing else is left, what is as like as that to two that
    were to follow each other comes between them, and the list ends where nothing is.

    Parameters
    ----------
    entries : sequence of Entry
        To choose from.
    vectors : float32 (n, dim)
        Where these lie when they are searched.
    take : callable
        Asked of each choice; one that it refuses is passed over for good.
    target : float32 (dim,)
        A unit vector.
    before : sequence of Track
        What has been played.
    last : float32 (dim,)
        The vector of the last of these.
    count : int
        How many to choose; fewer where there are no more that fit.
    spacing : int
        How many others should come between two by one artist.
    floor : float
        The least cosine to the target and to the track before.

    Returns
    -------
    list of Entry
        In the order in which to play them.
    """
    if not entries or count < 1:
        return []
    by = [voices(entry.track) for entry in entries]
    fits = vectors @ target
    near = fits >= _least(fits, count)
    cost = CROWDING * float(fits.std()) / max(1, spacing)
    played, first = [voices(track) for track in before], last
    left = set(np.flatnonzero(fits >= floor).tolist())
    chosen: list[int] = []
    while len(chosen) < count:
        steps = vectors @ last
        values = (1 - STEP_WEIGHT) * fits + STEP_WEIGHT * steps
        values -= cost * np.array([spacing - apart(own, played, spacing) for own in by])
        onward = (row for row in left if steps[row] >= floor)
        row = max(onward, key=lambda row: (near[row], values[row], -row), default=None)
        place = len(chosen)
        if row is None:
            row, place = _between(vectors, [first, *(vectors[other] for other in chosen)], left, floor)
            if row is None:
                break
        left.remove(row)
        if take(entries[row]):
            chosen.insert(place, row)
            played.insert(len(before) + place, by[row])
            last = vectors[chosen[-1]]
    return [entries[row] for row in chosen]


def _between(
    vectors: Float32, played: Sequence[Float32], left: Collection[int], floor: float
) -> tuple[int | None, int]:
    """What has the best place between two that follow each other, and behind how many; None: nothing."""
    rows = sorted(left)
    if not rows or len(played) < 2:
        return None, 0
    beside = vectors[rows] @ np.stack(played).T
    lesser = np.minimum(beside[:, :-1], beside[:, 1:])
    best, place = np.unravel_index(int(lesser.argmax()), lesser.shape)
    return (rows[best] if lesser[best, place] >= floor else None), int(place)


def _least(fits: Float32, count: int) -> float:
    """The least fit of what is near."""
    average, best = float(fits.mean()), float(np.median(np.sort(fits)[::-1][:count]))
    return average + NEAR_SHARE * (best - average)


def apart(own: frozenset[str], played: Sequence[frozenset[str]], spacing: int) -> int:
    """How many others come between a track by some artists and the last by one of them; `spacing` at most."""
    recent = played[-spacing:][::-1] if spacing else []
    return next((place for place, other in enumerate(recent) if own & other), spacing)


def voices(track: Track) -> frozenset[str]:
    """By whom tracks are spaced: the artists, or the folder where none is named."""
    return artist_keys(track.tags) or frozenset([os.fsdecode(os.path.dirname(track.path))])
