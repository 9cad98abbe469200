"""A home's index, open for reading."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from audiosim.core.config import Home, find_home, no_index
from audiosim.core.errors import HomeError
from audiosim.core.files import is_held
from audiosim.core.last_used import LastUsed
from audiosim.core.paths import contains
from audiosim.core.text import counted
from audiosim.core.types import Encoder, EncoderSpec, Track
from audiosim.encoders.frames import CentredFrames
from audiosim.encoders.words import TextSide
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.catalog.made_columns import LEAST
from audiosim.library.configuration import check_encoder
from audiosim.library.filters import Filter
from audiosim.library.folders import located, notes_of_folders
from audiosim.library.missing_caches import MissingCaches, missing_caches
from audiosim.library.scan import is_gone
from audiosim.library.store_url import EMBEDDED

LOOKED_FOR = 1000  # files at most that an answer has looked for on the disk
SOON_READ = range(LEAST, 20_001)  # files of an index whose rows are read sooner than a store opens


@dataclass(frozen=True)
class Index:
    """A home's index, open for reading.

    Parameters
    ----------
    home : Home
        The home.
    catalog : Catalog
        Its catalog, as of one moment.
    configuration : Configuration
        What its vectors are made with.
    kept : LastUsed, optional
        Where what is read of audio, by its digest, is kept for whoever opens it next.
    reader : TextSide, optional
        What reads texts for its encoder, instead of one that is loaded for each search.
    loaded : list of TextSide
        That one, once it is loaded, for whatever else asks.
    turn : context manager
        Held while tracks are compared, where several threads ask.
    """

    home: Home
    catalog: Catalog
    configuration: Configuration
    kept: LastUsed[Any] | None = None
    reader: TextSide | None = None
    loaded: list[TextSide] = field(default_factory=list)
    turn: AbstractContextManager[object] = field(default_factory=nullcontext)

    @property
    def spec(self) -> EncoderSpec:
        """The spec of the encoder its vectors are made with."""
        return self.configuration.spec

    @cached_property
    def cache(self) -> Cache:
        """The caches of its tracks' windows."""
        return Cache(self.configuration.cache, self.spec)

    @property
    def is_scanned_fast(self) -> bool:
        """Whether exact search answers before an embedded store is open; a server is there to be asked.

        So it does from columns, and from rows of the catalog, where a run has yet to make columns of them.
        """
        if self.catalog.settings.store_url != EMBEDDED:
            return False
        return self.catalog.tracks.are_mapped() or self.catalog.files.count("indexed") in SOON_READ

    def located(self, only: Filter | None) -> Filter:
        """Give a filter whose folders are those of the catalog; a UsageError, where one is not known."""
        return located(only, self.catalog)

    def directions(self, digest: str) -> CentredFrames | None:
        """Give the windows of audio as directions; None where there is no cache of it."""
        cached = self.cache.read(digest)
        return None if cached is None else self.configuration.pooler.directions(cached.frames)


def unopened_note(index: Index) -> str | None:
    """Say how many files a run has yet to bring in, as no answer can hold them; None where there are none."""
    count = index.catalog.files.unopened_count()
    if not count:
        return None
    is_running = is_held(index.home.index_lock)
    why = "a run is at work" if is_running else "a run was cut short. To go on: audiosim index"
    return f"{counted(count, 'file is', 'files are')} not in the index yet: {why}"


def absent_note(index: Index, tracks: Iterable[Track], noun: str = "answer") -> str | None:
    """Say how many files in known folders are not there now, and why it seems; None where all are.

    Of very many, as many as can soon be looked for are, evenly spread.
    """
    roots = index.catalog.settings.roots()
    paths = list(dict.fromkeys(track.path for track in tracks))
    looked_for = paths[:: -(-len(paths) // LOOKED_FOR) or 1]
    absent = [
        path
        for path in looked_for
        if not os.path.lexists(path) and any(contains(root, path) for root in roots)
    ]
    if not absent:
        return None
    several = counted(len(absent), f"{noun} is", f"{noun}s are")
    if len(looked_for) < len(paths):
        several = f"of {len(looked_for)} {noun}s that were looked for, {counted(len(absent), 'is', 'are')}"
    if all((row := index.catalog.files.get(path)) and row.state == "gone" for path in absent):
        return f"{several} not there any more, as a run has found."
    if all(_is_missed(path, roots) for path in {os.path.dirname(path): path for path in absent}.values()):
        return f"{several} not there now, moved or removed. To look for what has changed: audiosim index"
    whose = "its" if len(absent) == 1 else "their"
    return f"{several} not there now: {whose} folder looks like a disk that is not mounted."


def _is_missed(path: bytes, roots: Iterable[bytes]) -> bool:
    """Whether a file is gone by itself, or with a folder around it, of a root that is there."""
    root = next(each for each in roots if contains(each, path))
    lost = path
    while lost != root and not os.path.lexists(os.path.dirname(lost)):
        lost = os.path.dirname(lost)
    return is_gone(lost) and (lost != root or path == root)


def has_index(home: Home) -> bool:
    """Tell whether a home has an index; one that can't be read has none."""
    with suppress(HomeError), open_index(home.path):
        return True
    return False


@contextmanager
def open_index(
    home: str | os.PathLike[str] | Index | None = None, encoder: Encoder | None = None
) -> Iterator[Index]:
    """Open a home's index.

    Parameters
    ----------
    home : path-like or Index, optional
        The home's folder; or its index, which is open already and stays so.
    encoder : Encoder, optional
        An encoder to be used with it, which must be the home's.

    Yields
    ------
    Index
        The index, as of one moment.

    Raises
    ------
    HomeError
        If there is no index.
    UsageError
        If the encoder is another.
    """
    if isinstance(home, Index):
        check_encoder(encoder, home.configuration)
        yield home
        return
    place = find_home(home)
    if not place.catalog.exists():
        raise no_index(place)
    with Catalog(place.catalog, read_only=True) as catalog, catalog.snapshot():
        configuration = catalog.settings.configuration
        if configuration is None:
            raise no_index(place)
        check_encoder(encoder, configuration)
        yield Index(place, catalog, configuration)


def indexed_tracks(home: str | os.PathLike[str] | None = None, *, only: Filter | None = None) -> list[Track]:
    """List the tracks of a home's index.

    Parameters
    ----------
    home : path-like, optional
        The home's folder; by default ``AUDIOSIM_HOME``, else the platform's user data folder.
    only : Filter, optional
        What tracks must be to be listed.

    Returns
    -------
    list of Track
        In order of path.

    Raises
    ------
    HomeError
        If there is no index.
    """
    with open_index(home) as index:
        return [entry.track for entry in index.catalog.tracks.entries(index.located(only).admission)]


def index_roots(home: str | os.PathLike[str] | None = None) -> list[bytes]:
    """List the folders of a home's index, where a playlist written elsewhere names files.

    Parameters
    ----------
    home : path-like, optional
        The home's folder.

    Raises
    ------
    HomeError
        If there is no index.
    """
    with open_index(home) as index:
        return index.catalog.settings.roots()


def folders_without_tracks(only: Filter, home: str | os.PathLike[str] | None = None) -> list[str]:
    """Say of which folders of a filter a home's index has no track, and why.

    Parameters
    ----------
    only : Filter
        What tracks must be.
    home : path-like, optional
        The home's folder.

    Returns
    -------
    list of str
        Sentences.

    Raises
    ------
    HomeError
        If there is no index.
    UsageError
        If a folder is neither there nor known.
    """
    with open_index(home) as index:
        index.located(only)
        return list(notes_of_folders(only, index.catalog))


def home_without_caches(
    home: str | os.PathLike[str] | None = None, *, only: Filter | None = None
) -> MissingCaches | None:
    """Find the tracks of a home's index that have no cache; None where all have one.

    Parameters
    ----------
    home : str or path-like, optional
        The home's folder.
    only : Filter, optional
        Which tracks to look at.

    Raises
    ------
    HomeError
        If there is no index.
    """
    with open_index(home) as index:
        entries = index.catalog.tracks.entries(index.located(only).admission)
        return missing_caches((entry.track.digest for entry in entries), index.configuration)
