"""What runs have to do for each space of a home, and how a space is removed."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from audiosim.core.config import Home, find_home, no_index
from audiosim.core.errors import AudiosimWarning, HomeError, StoreError, UsageError
from audiosim.core.files import hold
from audiosim.core.paths import contains, identity
from audiosim.core.text import display_path
from audiosim.core.told_commands import at_home, index_again
from audiosim.core.types import Encoder
from audiosim.encoders.request import EncoderRequest
from audiosim.indexing.options import IndexOptions
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.spaces import find_space, named_space, spaces
from audiosim.library.status import disk_use, home_status
from audiosim.library.store_url import EMBEDDED, Leftover
from audiosim.store import Store


def runs(options: IndexOptions, home: Home) -> list[IndexOptions]:
    """Tell what is to be brought up to date: the space that is named, or the home itself and then its spaces.

    Raises
    ------
    UsageError
        If something is said of one space that is the same for all.
    """
    if options.space is None:
        names = [place.path.name for place in spaces(home)]
        return [options, *(_beside(options, name) for name in names)]
    shared = {"exclude": options.exclude, "ctime": options.ctime, "store": options.store}
    for name, value in shared.items():
        if value is not None:
            raise UsageError(f"`{name}` goes without `space`", "it is the same for all spaces of a home")
    return [options]


def _beside(options: IndexOptions, space: str) -> IndexOptions:
    """What is said of a home's run, but for what concerns its own configuration."""
    request = EncoderRequest()
    return replace(
        options, space=space, request=request, pooling=None, cache=None, whitening=None, rebuild=False
    )


def check_named(home: Home, name: str, paths: Iterable[str | os.PathLike[str]] = ()) -> None:
    """See that a space can be brought up to date by itself, over these paths or all.

    Raises
    ------
    HomeError
        If its home has no index.
    UsageError
        If it can't have that name, or a path is in no folder of the home.
    """
    named_space(home, name)
    if not home.catalog.exists():
        raise no_index(home)
    with Catalog(home.catalog, read_only=True, leave_no_trace=True) as catalog:
        if catalog.settings.configuration is None:
            raise no_index(home)
        roots, forgotten = catalog.settings.roots(), catalog.settings.forgotten
    for path in map(identity, paths):
        known = any(contains(root, path) for root in roots)
        if not known or any(contains(each, path) for each in forgotten):
            everywhere = at_home(index_again([path]), home.main.path)
            raise UsageError(
                f"{display_path(path)} is {'forgotten' if known else 'in no folder of the home'}",
                "which is the same for all its spaces",
                f"Leave `space` out, then all of them have it: {everywhere}",
            )


def check_begun(catalog: Catalog, options: IndexOptions, encoder: Encoder | None) -> None:
    """See that a new space was asked for by its encoder: a slip of the pen is not to begin one.

    Raises
    ------
    UsageError
        If it was not.
    """
    if catalog.settings.configuration is None and encoder is None and options.request.encoder is None:
        raise UsageError(
            f"There is no space {options.space} yet",
            "a new one needs an encoder",
            f"To make it: audiosim index `space` {options.space} `encoder` NAME",
        )


def other_spaces(home: Home, *, recover: bool = True) -> Iterator[tuple[Home, Catalog, Configuration]]:
    """Open the further spaces of a home, one after the other, for writing; the index lock is held.

    One whose catalog can't be used is left out, with a warning: what is done to the home, its next run does.

    Parameters
    ----------
    home : Home
        The main one, or a space, which has no others.
    recover : bool
        Whether their stores are first brought to what their catalogs say.

    Yields
    ------
    tuple of (Home, Catalog, Configuration)
        A space, its catalog, and what made it.
    """
    for place in spaces(home):
        try:
            opened = Catalog(place.catalog)
        except HomeError as error:
            told = f"The space {place.path.name} is left out. {error}"
            warnings.warn(told, AudiosimWarning, stacklevel=3)
            continue
        with opened as catalog:
            configuration = catalog.settings.configuration
            if configuration is not None:
                if recover:
                    Store(place, catalog).recover()
                yield place, catalog, configuration


@dataclass(frozen=True)
class Removed:
    """A space that `remove_space` removed, or would.

    Parameters
    ----------
    name : str
        What it was called.
    encoder : str or None
        Its encoder, described; None where its first run was cut short.
    tracks, bytes : int
        What it held.
    left_alone : Path or None
        Its cache folder outside the home, which is left alone.
    """

    name: str
    encoder: str | None
    tracks: int
    bytes: int
    left_alone: Path | None = None


def remove_space(
    name: str, *, home: str | os.PathLike[str] | None = None, dry_run: bool = False, wait: float = 0.0
) -> Removed:
    """Remove a further space of a home: its vectors, its collection in the store, and its caches in the home.

    Parameters
    ----------
    name : str
        The space.
    home : str or path-like, optional
        The home folder; by default as `index_folder` takes it.
    dry_run : bool
        Whether nothing is changed.
    wait : float
        Seconds to wait for another writer.

    Returns
    -------
    Removed
        What was removed, or would be.

    Raises
    ------
    UsageError
        If there is no such space.
    StoreError
        If a server that holds its vectors is away; nothing is removed then.
    LockedError
        If another process writes, for `wait` seconds.
    """
    main = find_home(home)
    place = Home(find_space(name, main.path))
    with hold(main.index_lock, wait=wait, what="indexing this home"):
        state, own = home_status(place.path), disk_use(place.path)
        with Catalog(place.catalog) as catalog:
            configuration = catalog.settings.configuration
            cache = None if configuration is None else configuration.cache
            if not dry_run:
                _leave_store(place, catalog)
        if not dry_run:
            remove_folder(place)
    outside = None if cache is None or place.path in cache.parents else cache
    return Removed(place.path.name, state.encoder, state.tracks, own, outside)


def remove_folder(place: Home) -> None:
    """Remove the folder of a space, its catalog first, without which the rest is nothing."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(f"{place.catalog}{suffix}")
    shutil.rmtree(place.path)
    with suppress(OSError):  # there are others
        place.path.parent.rmdir()


def _leave_store(place: Home, catalog: Catalog) -> None:
    """Have a store outside the home remove what it holds of a space."""
    settings, store = catalog.settings, Store(place, catalog)
    if settings.store_url == EMBEDDED:
        return
    if settings.store_name is not None:
        used = Leftover(settings.store_url, settings.store_name)
        settings.set_store_leftovers([*settings.store_leftovers(), used])
    store.remove_leftovers()
    if settings.store_leftovers():
        raise StoreError(
            f"{settings.store_url.label} could not be told to remove the vectors of the space",
            "it is away",
            "Nothing was removed. Try again when it can be reached.",
        )
