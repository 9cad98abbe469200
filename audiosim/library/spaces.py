"""Several spaces in one home: its files heard by more than one encoder.

The main space is the home itself. A further one is a home of the same kind in it, ``HOME/spaces/NAME``, over
the same files: what is looked at, left out, forgotten or gone follows the main space, and so does the kind of
store. Fingerprints of audio, which need no encoder, are made once.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from audiosim.core.config import Home, find_home, no_index
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.paths import contains
from audiosim.encoders.registry import find_for
from audiosim.library.catalog import Catalog
from audiosim.library.folders import walk_of
from audiosim.library.index import open_index
from audiosim.library.store_url import StoreUrl

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")


def spaces(home: Home) -> list[Home]:
    """List the further spaces of a home, in order of name."""
    folders = sorted(home.spaces.iterdir()) if home.spaces.is_dir() else []
    return [
        place for place in map(Home, folders) if NAME.fullmatch(place.path.name) and place.catalog.exists()
    ]


def space_catalogs(home: Home) -> Iterator[Catalog]:
    """Give the catalogs of a home's further spaces, open to be read; those that can't be are passed over."""
    for space in spaces(home):
        with suppress(HomeError), Catalog(space.catalog, read_only=True) as catalog:
            yield catalog


def named_space(home: Home, name: str) -> Home:
    """Give the place of a space, there or not; a name that is there counts in any case.

    Raises
    ------
    UsageError
        If spaces can't have such a name.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"`space` {name} is no name for a space", "", "Choose one of at most 64 letters, digits, - and _."
        )
    there = (place for place in spaces(home) if place.path.name.casefold() == name.casefold())
    return next(there, Home(home.spaces / name))


def find_space(name: str, home: str | os.PathLike[str] | None = None) -> Path:
    """Find the folder of a further space, which all that reads a home takes for one.

    Parameters
    ----------
    name : str
        The space's name, in any case.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.

    Returns
    -------
    Path
        Its folder, itself a home.

    Raises
    ------
    UsageError
        If the home has no such space.
    HomeError
        If there is no index.
    """
    main = find_home(home)
    if not main.catalog.exists():
        raise no_index(main)
    place = named_space(main, name)
    if not place.catalog.exists():
        known = ", ".join(each.path.name for each in spaces(main))
        make = f"To make it: audiosim index `space` {name} `encoder` NAME"
        remedy = f"Choose one of: {known}.\n{make}" if known else make
        raise UsageError(f"There is no space {name}", f"{main.path} has none by that name", remedy)
    return place.path


def space_with_words(home: str | os.PathLike[str] | None = None) -> Path | None:
    """Find the space of a home that can be asked in words: the main one if it can, else the first by name.

    Parameters
    ----------
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.

    Returns
    -------
    Path or None
        Its folder, for `open_index`; None where no space has an encoder that knows words.

    Raises
    ------
    HomeError
        If there is no index; or a space that may know words can't be read, and no other does.
    """
    main, failure = find_home(home), None
    with open_index(main.path) as index:
        specs = {main: index.spec}
    for place in spaces(main):
        try:
            with Catalog(place.catalog, read_only=True) as catalog:
                if (configuration := catalog.settings.configuration) is not None:
                    specs[place] = configuration.spec
        except HomeError as error:
            failure = error
    entries = ((place, find_for(spec)) for place, spec in specs.items())
    found = next((place.path for place, entry in entries if entry is not None and entry.card.words), None)
    if found is None and failure is not None:
        raise failure
    return found


def store_of(home: Home) -> StoreUrl:
    """Tell where the vectors of a home are searched."""
    with Catalog(home.catalog, read_only=True) as catalog:
        return catalog.settings.store_url


def gone_files(home: Home) -> int:
    """Count the files of a home, or of a space, that are gone; none where it has no catalog yet."""
    if not home.catalog.exists():
        return 0
    with Catalog(home.catalog, read_only=True) as catalog:
        return catalog.files.count("gone")


@contextmanager
def following(place: Home) -> Iterator[Catalog]:
    """Open a home's catalog for writing, with the index lock held; that of a space follows the main one.

    When the block has ended, what a space has learnt of folders and fingerprints is the main one's, too.

    Raises
    ------
    HomeError
        If it is a space, and the main one has no index.
    """
    with ExitStack() as stack:
        main = None if place.main == place else stack.enter_context(Catalog(place.main.catalog))
        if main is not None and main.settings.configuration is None:
            raise no_index(place.main)
        catalog = stack.enter_context(Catalog(place.catalog))
        if main is not None:
            follow(catalog, main)
        before = catalog.settings.roots()
        yield catalog
        if main is not None:
            learnt = [root for root in catalog.settings.roots() if root not in before]
            main.settings.set_roots(walk_of(main.settings).outermost([*main.settings.roots(), *learnt]))
            main.fingerprints.take(catalog.path)


@contextmanager
def foreseen(place: Home) -> Iterator[Catalog]:
    """Give a space's catalog as `following` would, but change nothing that is kept.

    Raises
    ------
    HomeError
        If the main one has no index.
    """
    with ExitStack() as stack:
        main = stack.enter_context(Catalog(place.main.catalog, read_only=True, leave_no_trace=True))
        if main.settings.configuration is None:
            raise no_index(place.main)
        if place.catalog.exists():
            catalog = stack.enter_context(Catalog(place.catalog, read_only=True, leave_no_trace=True))
            catalog.keep_nothing()
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            catalog = stack.enter_context(Catalog(Path(folder) / place.catalog.name))
        _follow_files(catalog, main)
        yield catalog


def follow(space: Catalog, main: Catalog) -> None:
    """Have a space's catalog, open for writing, know what the main one does, whatever its encoder."""
    _follow_files(space, main)
    space.fingerprints.take(main.path)


def _follow_files(space: Catalog, main: Catalog) -> None:
    """What is looked at and what is not; and files that are gone, or in no folder of the home any more."""
    roots, gone = main.settings.roots(), {path for path, _ in main.files.gone()}

    def is_lost(path: bytes) -> bool:
        return path in gone or not any(contains(root, path) for root in roots)

    with space.transaction():
        # with none there would be no run, which tells the store that all files are gone
        space.settings.set_roots(roots or space.settings.roots())
        space.settings.set_exclude(main.settings.exclude)
        space.settings.set_forgotten(main.settings.forgotten)
        space.settings.set_ctime(used=main.settings.ctime)
        space.files.mark_gone(
            [row.path for row in space.files.all() if row.state != "gone" and is_lost(row.path)]
        )
