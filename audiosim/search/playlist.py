"""Playlists: a radio around a track, or a smooth path from one track to another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audiosim.core.errors import UsageError
from audiosim.core.paths import identity
from audiosim.core.types import Encoder, Float32, Precision, Track
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.index import Index, open_index
from audiosim.search.query import Query, Resolver
from audiosim.search.ranking import artist_of
from audiosim.search.recordings import Recordings

DEFAULT_LENGTH = 20
SPACING = 3  # tracks by others between two of one artist, where the library has them
STEP_WEIGHT = 0.5  # of likeness to the track before, against likeness to where the list should be
POOL = 2000  # tracks nearest to where the list should be, from which it is made

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Playlist:
    """A list to play.

    Parameters
    ----------
    tracks : list of Track
        In playing order.
    similarities : list of float
        Each one's cosine to the one before; 1 for the first.
    """

    tracks: list[Track]
    similarities: list[float]


def make_radio(
    seed: PathLike,
    length: int = DEFAULT_LENGTH,
    *,
    home: PathLike | None = None,
    only: Filter | None = None,
    spacing: int = SPACING,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
) -> Playlist:
    """A list that begins with `seed` and stays near it, each track like the one before.

    Parameters
    ----------
    seed : str or path-like
        An audio file, indexed or not.
    length : int
        Tracks in the list, the seed included; fewer where the library has no more.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    only : Filter, optional
        What tracks beside the seed must be.
    spacing : int
        How many others to play between two tracks of one artist, where there are any.
    precision : {"auto", "float32"}
        The network's, where the seed has to be embedded.
    encoder : Encoder, optional
        Embeds the seed, instead of one loaded for it; it must be the home's.

    Returns
    -------
    Playlist
        The seed and what follows it.

    Raises
    ------
    UsageError
        If the seed does not exist, or the length is less than 2.
    AudiosimError
        If there is no index, or the seed can't be decoded.
    """
    _check_length(length)
    with open_index(home, encoder) as index:
        (first,) = _resolved(index, [seed], precision, encoder)
        targets = [first.vector] * (length - 1)
        walk = _Walk(index, only, spacing, [first], targets)
        return walk.playlist([first, *walk.steps(first, targets)])


def make_path(
    start: PathLike,
    end: PathLike,
    length: int = DEFAULT_LENGTH,
    *,
    home: PathLike | None = None,
    only: Filter | None = None,
    spacing: int = SPACING,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
) -> Playlist:
    """A list from `start` to `end` whose tracks lie evenly on the way from the one to the other.

    The targets are points on the arc between the two vectors, evenly spaced.

    Parameters
    ----------
    start, end : str or path-like
        Audio files, indexed or not.
    length : int
        Tracks in the list, `start` and `end` included; fewer where the library has no more.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    only : Filter, optional
        What tracks between the two must be.
    spacing : int
        How many others to play between two tracks of one artist, where there are any.
    precision : {"auto", "float32"}
        The network's, where one of the two has to be embedded.
    encoder : Encoder, optional
        Embeds the two, instead of one loaded for them; it must be the home's.

    Returns
    -------
    Playlist
        From `start` to `end`.

    Raises
    ------
    UsageError
        If one of the two does not exist, both are the same recording, or the length is less than 2.
    AudiosimError
        If there is no index, or one of the two can't be decoded.
    """
    _check_length(length)
    with open_index(home, encoder) as index:
        first, last = _resolved(index, [start, end], precision, encoder)
        if first.track.digest == last.track.digest:
            raise UsageError("`start` and `end` are the same recording", "", "Give it as `seed` for a radio.")
        targets = arc(first.vector, last.vector, length)[1:-1]
        walk = _Walk(index, only, spacing, [first, last], targets)
        return walk.playlist([first, *walk.steps(first, targets, last), last])


def arc(start: Float32, end: Float32, count: int) -> list[Float32]:
    """Unit vectors (dim,) from one to another, `count` of them, evenly spaced on the great circle.

    Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985 (spherical interpolation).
    """
    angle = float(np.arccos(np.clip(np.dot(start, end), -1.0, 1.0)))
    shares = np.linspace(0.0, 1.0, count)
    if np.sin(angle) < 1e-6:
        return [start] * count
    weights = np.sin(np.outer([1, 0], angle) + np.outer([-1, 1], shares * angle)) / np.sin(angle)
    points = weights[0][:, None] * start + weights[1][:, None] * end
    return list((points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32))


class _Walk:
    """Goes from target to target over tracks, no recording twice, artists apart."""

    def __init__(
        self,
        index: Index,
        only: Filter | None,
        spacing: int,
        given: Sequence[Query],
        targets: Sequence[Float32],
    ) -> None:
        self._same, self._spacing = Recordings(index.cache, index.spec.hop).same, spacing
        digests = {query.track.digest for query in given}
        entries = index.catalog.tracks.entries((only or Filter()).admits)
        self._entries = _nearest([e for e in entries if e.track.digest not in digests], targets)
        self._vectors = np.stack([e.vector for e in self._entries]) if self._entries else np.empty((0, 0))
        self._taken = [Entry("", query.track, query.vector) for query in given]
        self._used: set[str] = set()

    def steps(self, first: Query, targets: Sequence[Float32], last: Query | None = None) -> list[Entry]:
        """One track for each target, as long as there are any."""
        chosen: list[Entry] = []
        before = first.vector
        end = [] if last is None else [artist_of(last.track)]
        for number, target in enumerate(targets):
            recent = [artist_of(first.track), *(artist_of(entry.track) for entry in chosen)]
            barred = set(recent[-self._spacing :] if self._spacing else [])
            if len(targets) - number <= self._spacing:
                barred.update(end)
            entry = self._next(target, before, barred - {""})
            if entry is None:
                break
            chosen.append(entry)
            before = entry.vector
        return chosen

    def playlist(self, items: Sequence[Query | Entry]) -> Playlist:
        """The list of what was chosen."""
        vectors = np.stack([item.vector for item in items])
        steps = np.einsum("ij,ij->i", vectors[1:], vectors[:-1])
        return Playlist([item.track for item in items], [1.0, *np.clip(steps, -1, 1).tolist()])

    def _next(self, target: Float32, before: Float32, barred: set[str]) -> Entry | None:
        if not self._entries:
            return None
        values = (1 - STEP_WEIGHT) * (self._vectors @ target) + STEP_WEIGHT * (self._vectors @ before)
        order = np.argsort(-values, kind="stable")
        choice: Entry | None = None
        for entry in (self._entries[row] for row in order):
            if entry.id in self._used or any(self._same(taken, entry) for taken in self._taken):
                continue
            if artist_of(entry.track) not in barred:
                choice = entry
                break
            choice = choice or entry  # all are by artists played just now: the best of them will do
        if choice is not None:
            self._taken.append(choice)
            self._used.add(choice.id)
        return choice


def _nearest(entries: Sequence[Entry], targets: Sequence[Float32]) -> list[Entry]:
    """The entries that come near to any of the targets."""
    if len(entries) <= POOL or not targets:
        return list(entries)
    best = (np.stack([entry.vector for entry in entries]) @ np.stack(targets).T).max(axis=1)
    return [entries[row] for row in np.sort(np.argsort(-best, kind="stable")[:POOL])]


def _resolved(
    index: Index, paths: Sequence[PathLike], precision: Precision, encoder: Encoder | None
) -> list[Query]:
    wanted = [identity(path) for path in paths]
    found = Resolver(index, precision, encoder).resolve(wanted)
    return [found[path] for path in wanted]


def _check_length(length: int) -> None:
    if length < 2:
        raise UsageError(f"A playlist of {length} is none", "", "Give a `length` of 2 or more.")
