"""Indexing: from music folders to a catalog, and a search index in step with it.

Read `index_folder`, then `IndexRun.events` in run.py, from top to bottom: that is what
``audiosim index`` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace

from audiosim.core.config import Home, find_home
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.files import hold
from audiosim.core.paths import contains, identity, outermost
from audiosim.core.text import display_path
from audiosim.core.types import Encoder
from audiosim.encoders import load_encoder
from audiosim.indexing.plan import Plan, doubt
from audiosim.indexing.report import IndexEvent, IndexReport, Notice, RootDoubted, Started
from audiosim.indexing.run import IndexOptions, IndexRun
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.configuration import (
    check_caches,
    first_configuration,
    kept_configuration,
    prepare_cache,
    prepare_home,
    rebuilt_wish,
    repooled,
)
from audiosim.library.scan import Scan
from audiosim.library.store_url import StoreUrl, default_store
from audiosim.store import Store


def index_folder(
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    home: str | os.PathLike[str] | None = None,
    options: IndexOptions | None = None,
    encoder: Encoder | None = None,
    on_event: Callable[[IndexEvent], object] = lambda event: None,
) -> IndexReport:
    """Bring a home's index up to date with music folders.

    Finished work is kept wherever the run ends.

    Parameters
    ----------
    paths : iterable of str or path-like
        Folders or files; without any, those of earlier runs.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    options : IndexOptions, optional
        How the run works.
    encoder : Encoder, optional
        To use instead of loading one; later runs must be given its equal.
    on_event : callable, optional
        Called with each event as it happens: `Started`, `Notice`, `Planned`, `Progress`, a
        `TrackOutcome` for each file that was opened or failed, `RootDoubted`, and last the report.

    Returns
    -------
    IndexReport
        What the run did. ``needs_a_look`` says whether something new went wrong.

    Raises
    ------
    UsageError
        If a path does not exist, or options contradict the home.
    LockedError
        If another process is writing to the home.
    AudiosimError
        If weights, disk or catalog fail.
    """
    with closing(index_events(paths, home=home, options=options, encoder=encoder)) as events:
        for event in events:
            on_event(event)
            if isinstance(event, IndexReport):
                report = event
    return report


def index_events(
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    home: str | os.PathLike[str] | None = None,
    options: IndexOptions | None = None,
    encoder: Encoder | None = None,
) -> Generator[IndexEvent, None, None]:
    """Bring a home's index up to date, event by event; nothing is done but by iterating.

    The arguments and errors are those of `index_folder`. Finished work is kept wherever the
    iteration ends.

    Yields
    ------
    IndexEvent
        What happens, the `IndexReport` last.
    """
    options = options or IndexOptions()
    if encoder is not None and options.cluster is not None:
        raise UsageError("An encoder given from Python can't work on a cluster", "its workers load their own")
    place = find_home(home)
    given = [identity(path) for path in paths]
    prepare_home(place)
    with (
        hold(place.index_lock, wait=options.wait, what="indexing this home"),
        Catalog(place.catalog) as catalog,
    ):
        roots = _roots(given, catalog, place)
        stored = catalog.settings.configuration
        if options.rebuild and stored is not None:
            wanted = outermost([*catalog.settings.roots(), *roots])
            yield from _rebuild(place, catalog, stored, options, wanted, encoder)
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
        url = options.wish.store or default_store()
        encoder = encoder or load_encoder(
            options.wish.encoder, precision=options.precision, batch_size=options.batch_size
        )
        configuration = first_configuration(home, options.wish, encoder.spec)
    else:
        configuration = kept_configuration(stored, options.wish, encoder)
    prepare_cache(configuration, home, stored)
    yield Started(configuration.spec.describe(), home.path)
    pooling = options.wish.pooling
    if stored is not None and pooling not in (None, stored.pooling):
        configuration = replace(configuration, pooling=pooling)
        digests = sorted(catalog.tracks.known_digests())
        missing = check_caches(digests, configuration)
        _refuse_loss(catalog, missing)
        yield Notice(f"Pooling changes from {stored.pooling} to {pooling}: all tracks are pooled again.")
        if missing:
            yield Notice(f"{len(missing)} tracks have no cache and are computed again.")
        catalog.tracks.replace_vectors(configuration, repooled(digests, configuration))
    elif configuration != stored:
        catalog.settings.set_configuration(configuration)
    store = Store(home, catalog)
    if stored is None:
        store.choose(url)
    elif options.wish.store not in (None, catalog.settings.store_url):
        yield from _move_store(catalog, options.wish.store, store)
    notice = store.recover()
    if notice:
        yield Notice(notice)
    yield from IndexRun(home, catalog, configuration, store, options, encoder).events(roots)


def _move_store(catalog: Catalog, url: StoreUrl, store: Store) -> Iterator[IndexEvent]:
    old = catalog.settings.store_url
    yield Notice(f"Vectors move from {old.text} to {url.text}.")
    store.rebuild(url)
    left = [each.name for each in catalog.settings.store_leftovers() if each.url == old]
    if left:
        yield Notice(f"{old.label} could not be told to remove {', '.join(left)}; later runs will try.")


def _refuse_loss(catalog: Catalog, digests: list[str]) -> None:
    """Sees that what has no cache to be pooled from can be computed again.

    Raises
    ------
    HomeError : when an indexed file is not there: on a disk not mounted, or imported from another machine.
    """
    rows = [catalog.files.get(path) for path in catalog.files.paths_with(digests)]
    lost = [row for row in rows if row and row.state == "indexed" and not os.path.exists(row.path)]
    if lost:
        raise HomeError(
            f"{len(lost)} tracks have neither a cache to be pooled from nor a file to be computed from",
            f"{display_path(lost[0].path)} is one",
            "Mount their disk, or copy their caches to the cache folder; or take them out: audiosim forget.",
        )


def _rebuild(
    home: Home,
    catalog: Catalog,
    stored: Configuration,
    options: IndexOptions,
    roots: list[bytes],
    encoder: Encoder | None,
) -> Iterator[IndexEvent]:
    """A new configuration for all known roots, in a catalog of its own until it is complete."""
    if options.include or options.exclude:
        raise UsageError("--rebuild goes over the whole library", "--include or --exclude was given")
    wish = rebuilt_wish(options.wish, stored)
    encoder = encoder or load_encoder(
        wish.encoder, precision=options.precision, batch_size=options.batch_size
    )
    configuration = first_configuration(home, wish, encoder.spec)
    prepare_cache(configuration, home, stored if wish.cache != stored.cache else None)
    yield Started(configuration.spec.describe(), home.path)
    yield Notice("The new index is built beside the old one, which answers until the new one is complete.")
    with Catalog(home.rebuild) as new:
        begun = new.settings.configuration
        if begun is not None and replace(begun, centre=b"") != configuration:
            raise UsageError(
                "Another rebuild was begun with other options",
                f"it is for {begun.spec.describe()}, pooling {begun.pooling}",
                f"Give the same options to go on with it, or remove {home.rebuild} to start over.",
            )
        configuration = begun or configuration
        new.settings.set_configuration(configuration)
        run = IndexRun(home, new, configuration, None, options, encoder)
        for event in run.events(roots):
            if not isinstance(event, IndexReport):
                yield event
        lacking = [] if options.accept_removals else _lacking(catalog, new, run.scans)
    if run.report.left:
        yield Notice("Time is up: the old index stays until another --rebuild completes the new one.")
    elif lacking:
        run.report.doubted += lacking
        yield from (RootDoubted(root, reason) for root, reason in lacking)
        yield Notice("The old index stays until --rebuild finds every folder, or gets --accept-removals.")
    else:
        catalog.adopt(home.rebuild)
        _remove_database(home.rebuild)
        Store(home, catalog).rebuild(wish.store)
    yield run.report


def _lacking(old: Catalog, new: Catalog, scans: dict[bytes, Scan]) -> list[tuple[bytes, str]]:
    """The roots whose known files a rebuild did not find, and why that is no good."""
    lacking = []
    digests = {row.digest for row in new.files.all() if row.digest}
    for root, found in scans.items():
        known = [row for row in old.files.all(root) if row.state != "gone" and row.size >= 0]
        lost = sum(new.files.get(row.path) is None and row.digest not in digests for row in known)
        reason = doubt(found, Plan(known=len(known)), lost)
        if reason is None and lost and found.unlisted:
            reason = "a folder in it could not be read"
        if reason is not None:
            lacking.append((root, reason))
    return lacking


def _roots(given: list[bytes], catalog: Catalog, home: Home) -> list[bytes]:
    """What to scan: the paths given, or the roots of earlier runs."""
    known = catalog.settings.roots()
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


def _remove_database(path: os.PathLike[str]) -> None:
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(f"{os.fspath(path)}{suffix}")
