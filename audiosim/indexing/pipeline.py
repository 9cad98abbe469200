"""Indexing: from music folders to a catalog, and a search index in step with it.

Read `index_folder`, then `IndexRun.events` in run.py, from top to bottom: that is what
``audiosim index`` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress

from audiosim.core.config import Home, find_home
from audiosim.core.errors import HomeError, UsageError, WeightsError
from audiosim.core.files import hold
from audiosim.core.paths import contains
from audiosim.core.text import display_path, first_path
from audiosim.core.threads import limited_threads
from audiosim.core.types import Encoder
from audiosim.indexing.changes import changes
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.plan import Plan, doubt
from audiosim.indexing.report import (
    Activity,
    IndexEvent,
    IndexReport,
    NoAudio,
    Notice,
    Planned,
    RootDoubted,
    Started,
)
from audiosim.indexing.roots import spoilt_roots
from audiosim.indexing.run import IndexRun
from audiosim.indexing.survey import Target, chosen_store, decide, resumed, survey, vacant
from audiosim.library.catalog import Catalog
from audiosim.library.configuration import made_home, make_cache, repooled
from audiosim.library.scan import Globs, holds_any
from audiosim.library.store_url import StoreUrl
from audiosim.store import Store, reach


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
        Folders or files; without any, those of earlier runs. What was forgotten is not any more, where it
        is named itself.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    options : IndexOptions, optional
        How the run works.
    encoder : Encoder, optional
        To use instead of loading one; later runs must be given its equal.
    on_event : callable, optional
        Called with each event as it happens: `Started`, `Activity`, `Notice`, `Planned`, `NoAudio`,
        `Progress`, a `TrackOutcome` for each file that was opened or failed, `RootDoubted`, and last
        the report.

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

    Finished work is kept wherever the iteration ends.

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

    Yields
    ------
    IndexEvent
        What happens: `Started`, `Activity`, `Notice`, `Planned`, `NoAudio`, `Progress`, a `TrackOutcome`
        for each file that was opened or failed, `RootDoubted`, and last the `IndexReport`.

    Raises
    ------
    UsageError
        If a path does not exist, or options contradict the home.
    LockedError
        If another process is writing to the home.
    AudiosimError
        If weights, disk or catalog fail.
    """
    options, paths = options or IndexOptions(), list(paths)
    if encoder is not None and options.cluster is not None:
        raise UsageError("An encoder given from Python can't work on a cluster", "its workers load their own")
    place = find_home(home)
    with limited_threads(None if options.cluster else options.jobs):
        if is_new := not place.catalog.exists():
            target = decide(place, None, paths, options, encoder, read_only=True)
            if not any(holds_any(root, Globs(include=options.include)) for root in target.roots):
                yield from _nothing(place, target, options)
                return
            encoder = yield from _first_encoder(place, paths, options, encoder)
        else:
            _check_usage(place, paths, options, encoder)
        locked = hold(place.index_lock, wait=options.wait, what="indexing this home")
        with locked, Catalog(place.catalog) as catalog:
            if not is_new and (url := chosen_store(catalog, options)) is not None:
                reach(place, url)
            if encoder is None and (options.rebuild or catalog.settings.configuration is None):
                yield Activity("Loading the model")
            target = decide(place, catalog, paths, options, encoder)
            make_cache(target.configuration)
            yield Started(target.configuration.spec.describe(), place.path)
            yield from _cure(catalog)
            yield from _bring_back(catalog, target)
            yield from (_rebuild if target.rebuilds else _update)(place, catalog, target, options)


def _nothing(home: Home, target: Target, options: IndexOptions) -> Iterator[IndexEvent]:
    """A first run over folders without audio: it settles nothing, and makes no home."""
    encoder = target.configuration.spec.describe()
    report = IndexReport(encoder, home.path, vacant=vacant(target, survey(target, None, options)))
    yield Started(encoder, home.path)
    yield Planned(0, 0)
    yield from map(NoAudio, report.vacant)
    yield report


def _first_encoder(
    home: Home, paths: Sequence[str | os.PathLike[str]], options: IndexOptions, encoder: Encoder | None
) -> Generator[IndexEvent, None, Encoder]:
    """Load what a new home will have; what fails at once does so here, and leaves nothing behind."""
    with made_home(home):
        if (url := chosen_store(None, options)) is not None:
            reach(home, url)
        if encoder is None:
            yield Activity("Loading the model")
        target = decide(home, None, paths, options, encoder)
        make_cache(target.configuration)
        return target.encoder


def _check_usage(
    home: Home, paths: Sequence[str | os.PathLike[str]], options: IndexOptions, encoder: Encoder | None
) -> None:
    """Refuse wrong usage without waiting for another run, unless that one may make it right.

    So may the first one, whose folders and encoder the home has yet to learn, and a rebuild.
    """
    if home.rebuild.exists():
        return
    with suppress(HomeError, WeightsError), Catalog(home.catalog, read_only=True) as catalog:  # told later
        if catalog.settings.configuration is not None and (paths or catalog.settings.roots()):
            decide(home, catalog, paths, options, encoder, read_only=True)


def _update(home: Home, catalog: Catalog, target: Target, options: IndexOptions) -> Iterator[IndexEvent]:
    stored, configuration = target.stored, target.configuration
    yield from map(Notice, changes(target, catalog))
    if stored is not None and configuration.pooling != stored.pooling:
        digests = sorted(catalog.tracks.known_digests())
        catalog.tracks.replace_vectors(configuration, repooled(digests, configuration))
    elif configuration != stored:
        catalog.settings.set_configuration(configuration)
    if target.exclude != catalog.settings.exclude:
        catalog.settings.set_exclude(target.exclude)
    if target.ctime != catalog.settings.ctime:
        catalog.settings.set_ctime(used=target.ctime)
    if not target.ctime:
        catalog.files.forget_ctimes()
    if options.whitening is not None:
        catalog.settings.want_whitening(wanted=options.whitening)
    store = Store(home, catalog)
    if target.store is not None and stored is None:
        store.choose(target.store)
    elif target.store is not None:
        yield from _move_store(catalog, target.store, store)
    notice = store.recover()
    if notice:
        yield Notice(notice)
    yield from IndexRun(home, catalog, target, store, options).events()


def _cure(catalog: Catalog) -> Iterator[IndexEvent]:
    """Let go of playlists and other files that earlier versions kept, and listed as failures, when named."""
    for root in spoilt_roots(catalog):
        yield Notice(f"{display_path(root)} is no audio: it is no longer looked at, nor listed as failed.")
        catalog.settings.set_roots(known for known in catalog.settings.roots() if known != root)
        catalog.files.drop([root])


def _bring_back(catalog: Catalog, target: Target) -> Iterator[IndexEvent]:
    """Have what was named be forgotten no more, and say what stays so though a folder around it was named."""
    back = catalog.settings.forgotten - target.forgotten
    if back:
        catalog.settings.set_forgotten(target.forgotten)
        yield Notice(f"No longer forgotten: {first_path(sorted(back))}.")
    stay = [path for path in target.forgotten if any(contains(given, path) for given in target.given)]
    if stay:
        verb = "stays" if len(stay) == 1 else "stay"
        yield Notice(
            f"{first_path(sorted(stay))} {verb} forgotten. To index such a file or folder again, name it:"
            " audiosim index PATH"
        )


def _move_store(catalog: Catalog, url: StoreUrl, store: Store) -> Iterator[IndexEvent]:
    old = catalog.settings.store_url
    store.rebuild(url)
    left = [each.name for each in catalog.settings.store_leftovers() if each.url == old]
    if left:
        yield Notice(f"{old.label} could not be told to remove {', '.join(left)}; later runs will try.")


def _rebuild(home: Home, catalog: Catalog, target: Target, options: IndexOptions) -> Iterator[IndexEvent]:
    """A new configuration for all known roots, in a catalog of its own until it is complete."""
    yield Notice("The new index is built beside the old one, which answers until the new one is complete.")
    with Catalog(home.rebuild) as new:
        target = resumed(target, new.settings.configuration, home)
        new.settings.set_configuration(target.configuration)
        new.settings.set_exclude(target.exclude)
        new.settings.set_forgotten(target.forgotten)
        new.settings.set_ctime(used=target.ctime)
        whitening = options.whitening
        new.settings.want_whitening(
            wanted=catalog.settings.wants_whitening if whitening is None else whitening
        )
        run = IndexRun(home, new, target, None, options)
        for event in run.events():
            if not isinstance(event, IndexReport):
                yield event
        lacking = [] if options.accept_removals else _lacking(catalog, new, run.plans)
    if run.report.left:
        yield Notice("Time is up: the old index stays until another `rebuild` completes the new one.")
    elif lacking:
        run.report.doubted += lacking
        yield from (RootDoubted(root, reason) for root, reason in lacking)
        yield Notice("The old index stays until `rebuild` finds every folder, or gets `accept_removals`.")
    else:
        catalog.adopt(home.rebuild)
        _remove_database(home.rebuild)
        Store(home, catalog).rebuild(target.store)
    yield run.report


def _lacking(old: Catalog, new: Catalog, plans: Iterable[Plan]) -> list[tuple[bytes, str]]:
    """The roots whose known files a rebuild did not find, and why that is no good."""
    lacking = []
    digests = {row.digest for row in new.files.all() if row.digest}
    for scan in (plan.scan for plan in plans):
        known = [row for row in old.files.all(scan.root) if row.state != "gone" and row.size >= 0]
        known = [row for row in known if not scan.globs.passes(row.path, scan.root)]
        lost = sum(new.files.get(row.path) is None and row.digest not in digests for row in known)
        reason = doubt(Plan(scan, known=len(known)), lost)
        if reason is None and lost and scan.unlisted:
            reason = "a folder in it could not be read"
        if reason is not None:
            lacking.append((scan.root, reason))
    return lacking


def _remove_database(path: os.PathLike[str]) -> None:
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(f"{os.fspath(path)}{suffix}")
