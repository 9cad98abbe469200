"""Indexing: from music folders to a catalog, and a search index in step with it.

Read `index_folder`, then `IndexRun.events` in run.py, from top to bottom: that is what
``audiosim index`` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from audiosim.catalog import Catalog, Configuration
from audiosim.config import Home, find_home
from audiosim.configure import (
    check_cache,
    first_configuration,
    kept_configuration,
    rebuilt_wish,
    repooled,
)
from audiosim.encoders import load_encoder
from audiosim.errors import AudiosimError, UsageError
from audiosim.library import contains, identity, outermost
from audiosim.locks import hold
from audiosim.report import IndexEvent, IndexReport, Notice, RootDoubted, Started
from audiosim.run import IndexOptions, IndexRun
from audiosim.sync import StoreSync
from audiosim.types import Encoder


def index_folder(
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    home: str | os.PathLike[str] | None = None,
    options: IndexOptions | None = None,
    encoder: Encoder | None = None,
) -> Iterator[IndexEvent]:
    """Brings a home's index up to date with music folders.

    Parameters
    ----------
    paths : folders or files; without any, those of earlier runs.
    home : the home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    options : of the run.
    encoder : to use instead of loading one; later runs must be given its equal.

    Yields
    ------
    Events as they happen: `Started`, `Notice`, `Planned`, `Progress`, a `TrackOutcome` for each
    file that was opened or failed, `RootDoubted`, and last the `IndexReport`. Finished work is
    kept wherever the iteration ends.

    Raises
    ------
    UsageError : when a path does not exist, or options contradict the home.
    LockedError : when another process is writing to the home.
    AudiosimError : when weights, disk or catalog fail.
    """
    options = options or IndexOptions()
    place = find_home(home)
    given = [identity(path) for path in paths]
    _make_home(place)
    with (
        hold(place.index_lock, wait=options.wait, what="indexing this home"),
        Catalog(place.catalog) as catalog,
    ):
        roots = _roots(given, catalog, place)
        stored = catalog.configuration
        if options.rebuild and stored is not None:
            yield from _rebuild(place, catalog, stored, options, encoder)
        else:
            yield from _update(place, catalog, stored, options, roots, encoder)


def _update(
    home: Home,
    catalog: Catalog,
    stored: Configuration | None,
    options: IndexOptions,
    roots: list[bytes],
    encoder: Encoder | None,
) -> Iterator[IndexEvent]:
    if stored is None:
        encoder = encoder or load_encoder(
            options.wish.encoder, precision=options.precision, batch_size=options.batch_size
        )
        configuration = first_configuration(home, options.wish, encoder.spec)
    else:
        configuration = kept_configuration(stored, options.wish, encoder)
    _prepare_cache(configuration, home, options)
    yield Started(configuration.spec.describe(), home.path)
    pooling = options.wish.pooling
    if stored is not None and pooling not in (None, stored.pooling):
        configuration = replace(configuration, pooling=pooling)
        yield Notice(f"Pooling changes from {stored.pooling} to {pooling}: all tracks are pooled again.")
        digests = sorted(catalog.known_digests())
        catalog.replace_vectors(configuration, repooled(digests, configuration))
    elif configuration != stored:
        catalog.set_configuration(configuration)
    sync = StoreSync(home, catalog, configuration)
    notice = sync.recover()
    if notice:
        yield Notice(notice)
    yield from IndexRun(home, catalog, configuration, sync, options, encoder).events(roots)


def _rebuild(
    home: Home, catalog: Catalog, stored: Configuration, options: IndexOptions, encoder: Encoder | None
) -> Iterator[IndexEvent]:
    """A new configuration for all known roots, in a catalog of its own until it is complete."""
    wish = rebuilt_wish(options.wish, stored)
    encoder = encoder or load_encoder(
        wish.encoder, precision=options.precision, batch_size=options.batch_size
    )
    configuration = first_configuration(home, wish, encoder.spec)
    _prepare_cache(configuration, home, options)
    yield Started(configuration.spec.describe(), home.path)
    yield Notice("The new index is built beside the old one, which answers until the new one is complete.")
    with Catalog(home.rebuild) as new:
        started = new.configuration
        if started is not None and started != configuration:
            raise UsageError(
                "Another rebuild was begun with other options",
                f"it is for {started.spec.describe()}, pooling {started.pooling}",
                f"Give the same options to go on with it, or remove {home.rebuild} to start over.",
            )
        new.set_configuration(configuration)
        for event in IndexRun(home, new, configuration, None, options, encoder).events(catalog.roots()):
            if isinstance(event, IndexReport):
                report = event
            else:
                yield event
        absent = [root for root in catalog.roots() if any(catalog.files(root)) and not any(new.files(root))]
    if absent and not options.accept_removals:
        for root in absent:
            report.doubted.append((root, "none of its known files are there"))
            yield RootDoubted(root, "none of its known files are there")
        yield Notice("The old index stays until --rebuild finds every folder, or gets --accept-removals.")
    else:
        catalog.adopt(home.rebuild)
        _remove_database(home.rebuild)
        sync = StoreSync(home, catalog, configuration)
        sync.reset()
        sync.flush()
    yield report


def _make_home(home: Home) -> None:
    try:
        home.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudiosimError(
            f"Can't make the home folder {home.path}", error.strerror or str(error)
        ) from error


def _roots(given: list[bytes], catalog: Catalog, home: Home) -> list[bytes]:
    """What to scan: the paths given, or the roots of earlier runs."""
    known = catalog.roots()
    for path in given:
        if not os.path.lexists(path) and not any(contains(root, path) for root in known):
            raise UsageError(f"No such file or folder: {os.fsdecode(path)}")
    roots = outermost(given or known)
    if not roots:
        raise UsageError(
            "Nothing to index",
            f"the home {home.path} knows no folder yet",
            "Name one: audiosim index FOLDER.",
        )
    return roots


def _prepare_cache(configuration: Configuration, home: Home, options: IndexOptions) -> None:
    if options.wish.cache is not None:
        configuration.cache.mkdir(parents=True, exist_ok=True)
    check_cache(configuration, home)


def _remove_database(path: os.PathLike[str]) -> None:
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(f"{os.fspath(path)}{suffix}")
