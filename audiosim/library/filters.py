"""Which tracks may be among the answers: by tags, year, folder and length."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import UsageError
from audiosim.core.paths import contains
from audiosim.core.tag_values import folded, genre_keys, names
from audiosim.core.text import durations
from audiosim.core.types import Float64, Track

TAGS = ("genre", "artist", "album_artist", "album", "year")  # that are looked at
YEARS = re.compile(r"(\d{1,4})?\s*(?:(-)\s*(\d{1,4})?)?", re.ASCII)


@dataclass(frozen=True)
class Years:
    """A range of years, both ends included.

    Parameters
    ----------
    first, last : int or None
        The ends; None where it is open.

    Examples
    --------
    >>> from audiosim import Years
    >>> eighties = Years.parse("1980-1989")
    >>> 1984 in eighties, 1990 in eighties, 1990 in Years.parse("1990-")
    (True, False, True)
    """

    first: int | None
    last: int | None

    @classmethod
    def parse(cls, text: str) -> Years:
        """Read ``1984``, ``1980-1989``, ``1990-`` or ``-1979``.

        Raises
        ------
        UsageError
            If it is none of these.
        """
        match = YEARS.fullmatch(text.strip())
        if match is None or not (match[1] or match[3]):
            raise UsageError(f"`years` {text} is no year", "", "Give 1984, 1980-1989, 1990- or -1979.")
        first = int(match[1]) if match[1] else None
        last = int(match[3]) if match[3] else None
        if not match[2]:
            last = first
        if first is not None and last is not None and first > last:
            raise UsageError(f"`years` {text} holds no year", f"{first} comes after {last}")
        return cls(first, last)

    def __contains__(self, year: int | None) -> bool:
        return year is not None and (self.first or year) <= year <= (self.last or year)


@dataclass(frozen=True)
class Filter:
    """What a track must be; what is empty or None demands nothing.

    Of several genres, artists, albums or folders, one must fit. Texts are compared whole, case,
    accents, Unicode form and the number of spaces aside. A track without a tag does not fit what is demanded
    of it, and one with several values fits by any of them. Files of one recording share their tags.

    Parameters
    ----------
    genres : tuple of str
        Genres; a track's tag may name several.
    artists : tuple of str
        Artists, of the track or of its album.
    albums : tuple of str
        Albums.
    years : Years, optional
        The years of release.
    under : tuple of bytes
        Folders, by the file system's own bytes.
    min_duration, max_duration : float, optional
        The lengths in s, both ends included.

    Raises
    ------
    UsageError
        If the least length is more than the greatest.

    Examples
    --------
    >>> from audiosim import Filter, Tags, Track
    >>> track = Track(b"/music/a.flac", "00" * 16, 240.0, Tags(artist="Nina Simone", genre="Jazz; Soul"))
    >>> Filter(genres=("soul",), max_duration=300).admits(track)
    True
    >>> Filter(artists=("Simone",)).admits(track)
    False
    """

    genres: tuple[str, ...] = ()
    artists: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    years: Years | None = None
    under: tuple[bytes, ...] = ()
    min_duration: float | None = None
    max_duration: float | None = None

    def __post_init__(self) -> None:
        least, most = self.min_duration, self.max_duration
        if least is not None and most is not None and least > most:
            longer, shorter = durations(least, most)
            raise UsageError(
                "No length is asked for",
                f"`min_duration` {longer} is more than `max_duration` {shorter}",
                "Give the shorter length as `min_duration`.",
            )

    def __bool__(self) -> bool:
        return self != Filter()

    def admits(self, track: Track) -> bool:
        """Tell whether a track fits."""
        return self.fits_tags([track]) and self.fits_file(track)

    def admits_recording(self, tracks: Collection[Track]) -> bool:
        """Tell whether a recording fits: its files share their tags, and one is where it is looked for."""
        return self.fits_tags(tracks) and any(map(self.fits_file, tracks))

    def fits_tags(self, tracks: Collection[Track]) -> bool:
        """Tell whether the tags of a recording's files, taken together, are those demanded."""
        if not self.of_tags:
            return True
        tags = [track.tags for track in tracks]
        return (
            _one_of(self._genres, (names(one.genre) | genre_keys(one) for one in tags))
            and _one_of(self._artists, (names(one.artist, one.album_artist) for one in tags))
            and _one_of(self._albums, (names(one.album) for one in tags))
            and (self.years is None or any(one.year in self.years for one in tags))
        )

    def fits_file(self, track: Track) -> bool:
        """Tell whether a file is where it is looked for, and as long as demanded."""
        return (
            (not self.under or any(contains(folder, track.path) for folder in self.under))
            and (self.min_duration is None or (track.duration or 0.0) >= self.min_duration)
            and (self.max_duration is None or (track.duration or 0.0) <= self.max_duration)
        )

    @property
    def demands(self) -> tuple[Demand, ...]:
        """What it demands of a track by itself, one by one."""
        return tuple(
            Demand(values, one.admits, one.under, one._lengths) for values, one in self._parts if one
        )

    @property
    def admission(self) -> Admission:
        """What tells whether a track fits, demand by demand: columns are asked where there are any."""
        return Admission(self.demands)

    @property
    def elsewhere(self) -> Admission:
        """What is demanded of tags, of files that are not where they are looked for, or not as long."""
        tags = (Demand(values, one.admits) for values, one in self._parts if one.of_tags)
        files = {value for values, one in self._parts if one.of_files for value in values}
        return Admission((*tags, Demand((*sorted(files),), lambda t: not self.fits_file(t), self.under)))

    @property
    def _parts(self) -> tuple[tuple[tuple[str, ...], Filter], ...]:
        """Filters of one demand each, and what these look at."""
        return (
            (("genre",), Filter(genres=self.genres)),
            (("artist", "album_artist"), Filter(artists=self.artists)),
            (("album",), Filter(albums=self.albums)),
            (("year",), Filter(years=self.years)),
            (("folder",), Filter(under=self.under)),
            (("duration",), Filter(min_duration=self.min_duration, max_duration=self.max_duration)),
        )

    @property
    def _lengths(self) -> tuple[float, float] | None:
        """The least and the most, where lengths are all that is demanded."""
        if self != Filter(min_duration=self.min_duration, max_duration=self.max_duration):
            return None
        least, most = self.min_duration, self.max_duration
        return -math.inf if least is None else least, math.inf if most is None else most

    @cached_property
    def _genres(self) -> frozenset[str]:
        return frozenset(map(folded, self.genres))

    @cached_property
    def _artists(self) -> frozenset[str]:
        return frozenset(map(folded, self.artists))

    @cached_property
    def _albums(self) -> frozenset[str]:
        return frozenset(map(folded, self.albums))

    @property
    def of_tags(self) -> bool:
        """Whether anything is demanded of tags, which other files of a recording may have."""
        return bool(self.genres or self.artists or self.albums or self.years)

    @property
    def of_files(self) -> bool:
        """Whether anything is demanded of the file itself."""
        return bool(self.under) or self.min_duration is not None or self.max_duration is not None


@dataclass(frozen=True)
class Demand:
    """What some values of a track are to be.

    Parameters
    ----------
    values : tuple of str
        What is looked at: some of TAGS, "folder" and "duration".
    admits : callable
        Tells whether a track fits, of which no more than these values is known.
    files : tuple of bytes
        Paths that a folder's name does not tell of: they may be files.
    lengths : tuple of float, optional
        Where no more is demanded than a length: the least and the most, in s; one that is not known is 0.
    """

    values: tuple[str, ...]
    admits: Callable[[Track], bool]
    files: tuple[bytes, ...] = ()
    lengths: tuple[float, float] | None = None

    def has_length(self, seconds: Float64) -> npt.NDArray[np.bool_]:
        """Tell of each of some lengths, (n,), whether `lengths` admit it."""
        least, most = self.lengths or (-math.inf, math.inf)
        return (seconds >= least) & (seconds <= most)


@dataclass(frozen=True)
class Admission:
    """All that is demanded of a track by itself; it tells whether one fits."""

    demands: tuple[Demand, ...]

    def __call__(self, track: Track) -> bool:
        """Tell whether a track fits."""
        return all(demand.admits(track) for demand in self.demands)


ALL = Admission(())


def _one_of(wanted: frozenset[str], found: Iterable[frozenset[str]]) -> bool:
    return not wanted or any(not wanted.isdisjoint(own) for own in found)
