"""Playlists: a radio around tracks, or a smooth path from one track to another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.paths import identity
from audiosim.core.tag_values import artist_keys
from audiosim.core.text import counted
from audiosim.core.types import Encoder, Float32, Precision, Track
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.library.index import Index, open_index
from audiosim.library.suggestions import nothing_fits
from audiosim.library.whitening import SearchSpace
from audiosim.search.copies import find_copies
from audiosim.search.pool import Pool, as_entries
from audiosim.search.query import Query, Resolver, mean_direction
from audiosim.search.radio import apart, radio, voices
from audiosim.search.recordings import Recordings
from audiosim.search.route import Crowding, smoothest
from audiosim.search.short import SHORTEST

DEFAULT_LENGTH = 20
SPACING = 3  # tracks by others between two of one artist, where there are others that fit

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
    fits : list of float
        Each one's cosine to what the list is made for: the mean of a radio's seeds, or the point of a
        path's arc that is its place.
    crowded : int
        How many follow one of their artist, or of their folder where they name none, sooner than asked, as
        no one else was near.
    crowded_folders : int
        How many of these name no artist.
    notes : tuple of str
        What is to be told of what was asked with, a sentence each: which track a title was taken for.
    unlike : bool
        Whether a radio is shorter than asked because all else is too unlike.
    """

    tracks: list[Track]
    similarities: list[float]
    fits: list[float]
    crowded: int = 0
    crowded_folders: int = 0
    notes: tuple[str, ...] = ()
    unlike: bool = False


def make_radio(
    seeds: PathLike | Iterable[PathLike],
    length: int = DEFAULT_LENGTH,
    *,
    home: PathLike | Index | None = None,
    only: Filter | None = None,
    spacing: int = SPACING,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
) -> Playlist:
    """A list that begins with its seeds and stays near their mean, each track like the one before.

    Artists are spaced where that leads to no track that is unlike the seeds: a track by an artist played
    just now counts as less like them, and one is near where it is more like them than the library's
    average by a third of the best.

    Parameters
    ----------
    seeds : str, path-like, or iterable of these
        Audio files, indexed or not.
    length : int
        Tracks in the list, the seeds included; fewer where the library has no more, or only such as are
        less like the seeds, or the track before, than two tracks of the library are on average.
    home : str, path-like or Index, optional
        The home folder, by default ``AUDIOSIM_HOME`` or the platform's user data folder; or its index, open.
    only : Filter, optional
        What tracks beside the seeds must be; those under half a minute are left out unless a seed is as
        short, or it gives a least duration.
    spacing : int
        How many others to play between two tracks of one artist, where there are any near; tracks
        without an artist count by their folder.
    precision : {"auto", "float32"}
        The network's, where a seed has to be embedded.
    encoder : Encoder, optional
        Embeds the seeds, instead of one loaded for them; it must be the home's.

    Returns
    -------
    Playlist
        The seeds and what follows them.

    Raises
    ------
    UsageError
        If there is no seed, one does not exist, or the length is less than 2 or than their number.
    AudiosimError
        If there is no index, a seed can't be decoded, or the filter leaves nothing beside the seeds.
    """
    paths = [seeds] if isinstance(seeds, str | os.PathLike) else list(seeds)
    _check_length(length)
    if not 0 < len(paths) <= length:
        raise UsageError(
            f"{counted(len(paths), 'seed makes', 'seeds make')} no playlist of {length}",
            "",
            "Give at least one, and a greater `length`.",
        )
    with open_index(home, encoder) as index:
        asked, notes = _resolved(index, paths, precision, encoder)
        recordings = _recordings(index, asked)
        given = _one_each_asked(asked, recordings)
        space = index.configuration.space
        target = mean_direction([space(query.vector) for query in given])
        pool = Pool(index, recordings, only, given, [target])
        chosen = radio(
            pool.entries,
            pool.vectors,
            pool.take,
            target,
            [query.track for query in given],
            space(given[-1].vector),
            length - len(given),
            spacing,
            pool.floor,
        )
        unlike = len(chosen) < length - len(given) and any(map(pool.take, pool.entries))
        _check_found(index, only, chosen, length - len(given), unlike=unlike)
        made = _playlist(space, [*given, *chosen], [target] * (len(given) + len(chosen)), spacing, notes)
        return replace(made, unlike=unlike)


def make_path(
    start: PathLike,
    end: PathLike,
    length: int = DEFAULT_LENGTH,
    *,
    home: PathLike | Index | None = None,
    only: Filter | None = None,
    spacing: int = SPACING,
    precision: Precision = "auto",
    encoder: Encoder | None = None,
) -> Playlist:
    """A list from `start` to `end` whose tracks lie on the way from the one to the other, in small steps.

    Each place has a target, a point on the arc between the two vectors, evenly spaced; of the tracks near
    their targets those are chosen whose largest step is smallest.

    Parameters
    ----------
    start, end : str or path-like
        Audio files, indexed or not.
    length : int
        Tracks in the list, `start` and `end` included; fewer where the library has no more.
    home : str, path-like or Index, optional
        The home folder, by default ``AUDIOSIM_HOME`` or the platform's user data folder; or its index, open.
    only : Filter, optional
        What tracks between the two must be; those under half a minute are left out unless one of the two
        is as short, or it gives a least duration.
    spacing : int
        How many others to play between two tracks of one artist, where that makes no large step; tracks
        without an artist count by their folder.
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
        If there is no index, one of the two can't be decoded, or the filter leaves nothing between them.
    """
    _check_length(length)
    with open_index(home, encoder) as index:
        asked, notes = _resolved(index, [start, end], precision, encoder)
        first, last = asked
        recordings = _recordings(index, asked)
        if len(_one_each_asked(asked, recordings)) < 2:
            raise UsageError("`start` and `end` are the same recording", "", "Give it as `seed` for a radio.")
        space = index.configuration.space
        start_vector, end_vector = space(first.vector), space(last.vector)
        targets = arc(start_vector, end_vector, length)[1:-1]
        pool = Pool(index, recordings, only, asked, targets)
        chosen = _path(pool, first, last, targets, spacing)
        _check_found(index, only, chosen, len(targets))
        places = arc(start_vector, end_vector, len(chosen) + 2)
        return _playlist(space, [first, *chosen, last], places, spacing, notes)


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


def _path(pool: Pool, first: Query, last: Query, targets: Sequence[Float32], spacing: int) -> list[Entry]:
    """One entry for each target, in the smoothest way from the first to the last; no recording twice."""
    entries, vectors = pool.entries, pool.vectors
    start, end = pool.space(first.vector), pool.space(last.vector)
    while entries and targets:
        by = [voices(track) for track in (first.track, *(entry.track for entry in entries), last.track)]
        crowding = Crowding(_in_common(by), spacing, float(np.std(vectors @ start)), pool.floor)
        rows = smoothest(start, end, np.stack(targets), vectors, crowding)
        chosen = [entries[row] for row in rows]
        copies = pool.copies(chosen)
        if not copies:
            return chosen
        kept = [row for row, entry in enumerate(entries) if entry.id not in copies]
        entries, vectors = [entries[row] for row in kept], vectors[kept]
    return []


def _in_common(by: Sequence[frozenset[str]]) -> npt.NDArray[np.bool_]:
    """Which tracks have a voice in common, bool (n, n)."""
    rows: dict[str, list[int]] = {}
    for row, own in enumerate(by):
        for name in own:
            rows.setdefault(name, []).append(row)
    shared = np.zeros((len(by), len(by)), bool)
    for alike in rows.values():
        shared[np.ix_(alike, alike)] = True
    return shared


def _playlist(
    space: SearchSpace,
    items: Sequence[Query | Entry],
    places: Sequence[Float32],
    spacing: int,
    notes: Sequence[str],
) -> Playlist:
    """The list of what was chosen."""
    vectors, targets = space(np.stack([item.vector for item in items])), np.stack(places)
    steps = np.einsum("ij,ij->i", vectors[1:], vectors[:-1])
    fits = np.einsum("ij,ij->i", vectors, targets)
    by = [voices(item.track) for item in items]
    crowded = [place for place, own in enumerate(by) if apart(own, by[:place], spacing) < spacing]
    return Playlist(
        [item.track for item in items],
        [1.0, *np.clip(steps, -1, 1).tolist()],
        np.clip(fits, -1, 1).tolist(),
        len(crowded),
        sum(not artist_keys(items[place].track.tags) for place in crowded),
        tuple(notes),
    )


def _recordings(index: Index, asked: Iterable[Query]) -> Recordings:
    return Recordings.of(index, {query.track.digest: query.fingerprint for query in asked})


def _one_each_asked(asked: Sequence[Query], recordings: Recordings) -> list[Query]:
    """The first file of each recording that is given."""
    return [asked[group[0]] for group in find_copies(as_entries(asked), recordings).groups]


def _resolved(
    index: Index, paths: Sequence[PathLike], precision: Precision, encoder: Encoder | None
) -> tuple[list[Query], list[str]]:
    """What is asked with, and what is to be told of it."""
    wanted = [identity(path) for path in paths]
    resolver = Resolver(index, precision, encoder)
    found = resolver.resolve(wanted)
    return [found[path] for path in wanted], resolver.notes


def _check_length(length: int) -> None:
    if length < 2:
        raise UsageError(f"A playlist of {length} is none", "", "Give a `length` of 2 or more.")


def _check_found(
    index: Index, only: Filter | None, chosen: Sequence[Entry], wanted: int, *, unlike: bool = False
) -> None:
    """Refuse a list of what is given and nothing else, where a filter leaves no more."""
    if chosen or not wanted or not only:
        return
    why, remedy = nothing_fits(index.catalog, only)
    if unlike:
        why = "what fits is less like it than tracks are on average"
        remedy = "Loosen the filter."
    elif any(index.catalog.tracks.entries(index.located(only).admission)):
        why = "nothing else fits what was asked for"
        if only.min_duration is None:
            remedy = (
                f"What is shorter than {SHORTEST:.0f} s is left out: `min_duration` sets how short it may be."
            )
    raise AudiosimError("There is nothing to play beside what is given", why, remedy)
