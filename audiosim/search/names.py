"""Tracks by what they are called, for somebody who types."""

from __future__ import annotations

from collections.abc import Sequence

from audiosim.core.tag_values import folded
from audiosim.core.text import display_path
from audiosim.core.types import Track


class Names:
    """Titles, artists, albums and paths of tracks, to be searched by words.

    Parameters
    ----------
    tracks : sequence of Track
        The tracks, in the order in which they are found.
    before : Names, optional
        What was made for tracks before: texts of tracks that are the same are taken from it.
    """

    def __init__(self, tracks: Sequence[Track], before: Names | None = None) -> None:
        known = {} if before is None else dict(zip(map(id, before.tracks), before.texts, strict=True))
        self.tracks: Sequence[Track] = tracks
        self.texts: list[str] = [known.get(id(track)) or _text(track) for track in tracks]

    def find(self, words: str) -> list[Track]:
        """Find the tracks in whose names every word occurs, those called so first.

        Parameters
        ----------
        words : str
            Parts of words, in any order; case and accents aside. None finds every track.

        Returns
        -------
        list of Track
            First those whose title, artist or album begins with what was typed, then those in which a
            word begins with it, then the others; each in order of path.
        """
        whole = folded(words)
        parts = whole.split()
        if not parts:
            return list(self.tracks)
        found: tuple[list[Track], ...] = ([], [], [])
        for track, text in zip(self.tracks, self.texts, strict=True):
            if all(part in text for part in parts):
                found[0 if f"\n{whole}" in text else 1 if f" {whole}" in text else 2].append(track)
        return [*found[0], *found[1], *found[2]]


def _text(track: Track) -> str:
    """The names of a track, each on a line of its own."""
    tags = track.tags
    names = (tags.title, tags.artist, tags.album_artist, tags.album, display_path(track.path))
    return "".join(f"\n{folded(name)}" for name in names if name)
