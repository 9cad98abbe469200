"""What a user should know of a playlist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from statistics import median

from audiosim.core.text import counted
from audiosim.library.filters import Filter
from audiosim.search.playlist import Playlist


def playlist_notes(made: Playlist, length: int, spacing: int, only: Filter | None) -> Iterator[str]:
    """Say what was asked with, how good a list is, and where it is less than was asked for.

    Parameters
    ----------
    made : Playlist
        The list.
    length, spacing : int
        As it was asked for.
    only : Filter or None
        What its tracks had to be.

    Yields
    ------
    str
        A sentence each.
    """
    yield from made.notes
    if steps := sorted(made.similarities[1:]):
        yield f"similarity from track to track {median(steps):.2f} (median), {steps[0]:.2f} at least."
    by_artist = made.crowded - made.crowded_folders
    others = "others are too unlike" if only is None else "others don't fit, or are too unlike"
    for count, shared in ((by_artist, "by the same artist"), (made.crowded_folders, "of the same folder")):
        if count:
            yield (
                f"{counted(count, 'track comes', 'tracks come')} sooner after another {shared}"
                f" than `spacing` {spacing} asks: {others}."
            )
    if len(made.tracks) < length:
        asked = [f"`{each.name}`" for each in fields(only) if getattr(only, each.name)] if only else []
        fit = f" that fit {' and '.join(asked)}" if asked else ""
        if made.unlike:
            unlike = "others are less like it, or what they would come next to, than tracks are on average"
            end = f"{fit}: {unlike}."
        else:
            end = f"{fit}." if fit else "; `min_duration` sets how short they may be."
        yield f"the library has only {len(made.tracks)} of {length} tracks for it{end}"
