"""Indexing: from music folders to a catalog, and a search index in step with it.

Read `index_folder`, then `IndexRun.events` in run.py, from top to bottom: that is what
``audiosim index`` does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from audiosim.core.config import Home, find_home
from audiosim.core.errors import AudiosimError, StoreError, UsageError, WeightsError
from audiosim.core.files import hold
from audiosim.core.paths import contains
from audiosim.core.text import display_path, first_path
from audiosim.core.threads import limited_threads
from audiosim.core.told_commands import in_space, index_again
from audiosim.core.types import Encoder
from audiosim.indexing.beginning import check_usage, empty_run, first_encoder
from audiosim.indexing.changes import changes
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.rebuild import rebuild_events
from audiosim.indexing.report import (
    Activity,
    IndexEvent,
    IndexReport,
    NoAudio,
    Notice,
    RootDoubted,
    SpaceFailed,
    Started,
)
from audiosim.indexing.roots import spoilt_roots
from audiosim.indexing.run import IndexRun
from audiosim.indexing.spaces import check_begun, check_named, remove_folder, runs
from audiosim.indexing.survey import Target, chosen_store, decide
from audiosim.library.catalog import Catalog
from audiosim.library.configuration import made_home, make_cache, repooled
from audiosim.library.scan import Globs, holds_any
from audiosim.library.spaces import following, gone_files, named_space, store_of
from audiosim.library.store_url import StoreUrl
from audiosim.store import Store, reach

PathLike = str | os.PathLike[str]


def index_folder(
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    home: str | os.PathLike[str] | None = None,
    options: IndexOptions | None = None,
    encoder: Encoder | None = None,
    on_event: Callable[[IndexEvent], object] = lambda event: None,
) -> IndexReport:
    """Bring a home's index up to date with music folders, and then its further spaces.

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
        To use instead of loading one, but for further spaces; later runs must be given its equal.
    on_event : callable, optional
        Called with each event as it happens: `Started`, `Activity`, `Notice`, `Planned`, `NoAudio`,
        `Progress`, a `TrackOutcome` for each file that was opened or failed, `RootDoubted`, `SpaceFailed`,
        and last the report.

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
    """Bring a home's index and its further spaces up to date, event by event, by iterating.

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
        To use instead of loading one, but for further spaces; later runs must be given its equal.

    Yields
    ------
    IndexEvent
        What happens: `Started`, `Activity`, `Notice`, `Planned`, `NoAudio`, `Progress`, a `TrackOutcome`
        for each file that was opened or failed, `RootDoubted`, `SpaceFailed`, and last the `IndexReport`.

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
    if place.space is not None:  # its folder was given for that of the home
        options, place = replace(options, space=place.space), place.main
    options, *others = runs(options, place)
    with limited_threads(None if options.cluster else options.jobs):
        is_new = options.space is None and not place.catalog.exists()
        if options.space is not None:
            check_named(place, options.space, paths)
            check_usage(named_space(place, options.space), paths, options, encoder)
        elif is_new:
            target = decide(place, None, paths, options, encoder, read_only=True)
            if not any(holds_any(root, Globs(include=options.include)) for root in target.roots):
                yield from empty_run(place, target, options)
                return
            encoder = yield from first_encoder(place, paths, options, encoder)
        else:
            check_usage(place, paths, options, encoder)
        with hold(place.index_lock, wait=options.wait, what="indexing this home"):
            if options.space is not None:
                yield from _space_events(place, paths, options, encoder)
            else:
                yield from _home_and_spaces(place, paths, options, encoder, others, is_new=is_new)


def _home_and_spaces(
    home: Home,
    paths: Sequence[PathLike],
    options: IndexOptions,
    encoder: Encoder | None,
    others: Sequence[IndexOptions],
    *,
    is_new: bool,
) -> Iterator[IndexEvent]:
    """The home itself, then its spaces one by one; one without its weights or store does not end the rest."""
    start = time.monotonic()
    failure: AudiosimError | None = None
    report, told = IndexReport("", home.path), set[bytes]()
    try:
        with Catalog(home.catalog) as catalog:
            for event in _events(home, catalog, paths, options, encoder, is_new=is_new):
                if isinstance(event, IndexReport):
                    report = event
                    continue
                if isinstance(event, RootDoubted | NoAudio):
                    told.add(event.root)
                yield event
    except (WeightsError, StoreError) as error:  # what is computed for the others is not in vain
        failure = error
    for each in others:
        name = str(each.space)
        try:
            for event in _space_events(home, paths, _with_time_left(each, start), None):
                if isinstance(event, IndexReport):
                    report.spaces[name] = event
                elif not isinstance(event, RootDoubted | NoAudio) or event.root not in told:
                    yield event
        except (AudiosimError, ImportError) as error:
            report.failed_spaces[name] = " ".join(str(error).split())
            yield SpaceFailed(name, str(error))
    if failure is not None:
        raise failure
    yield report


def _with_time_left(options: IndexOptions, start: float) -> IndexOptions:
    """The options with what is left of their time, which began to run at `start`."""
    if options.max_hours is None:
        return options
    return replace(options, max_hours=max(0.0, options.max_hours - (time.monotonic() - start) / 3600))


def _space_events(
    main: Home, paths: Sequence[PathLike], options: IndexOptions, encoder: Encoder | None
) -> Iterator[IndexEvent]:
    """A space, which follows its main home; what can't be begun leaves no folder."""
    place = named_space(main, str(options.space))
    new, begun, gone = not place.path.exists(), False, gone_files(place)
    try:
        with made_home(place), following(place) as catalog:
            gone = (
                catalog.files.count("gone") - gone
            )  # with those of the main home, before the space's own run
            check_begun(catalog, options, encoder)
            options = replace(options, space=place.space, store=store_of(main))
            for event in _events(place, catalog, paths, options, encoder):
                begun = begun or isinstance(event, Started)
                if isinstance(event, IndexReport):
                    event.gone += gone
                yield Notice(in_space(event.text, place.space)) if isinstance(event, Notice) else event
    finally:
        if new and not begun:
            remove_folder(place)


def _events(
    place: Home,
    catalog: Catalog,
    paths: Sequence[PathLike],
    options: IndexOptions,
    encoder: Encoder | None,
    *,
    is_new: bool = False,
) -> Iterator[IndexEvent]:
    """One home, or a space, with its catalog open and the index lock held."""
    if not is_new and (url := chosen_store(catalog, options)) is not None:
        reach(place, url)
    if encoder is None and (options.rebuild or catalog.settings.configuration is None):
        yield Activity("Loading the model")
    target = decide(place, catalog, paths, options, encoder)
    make_cache(target.configuration)
    yield Started(target.configuration.spec.describe(), place.path, options.space)
    yield from _cure(catalog)
    yield from _bring_back(catalog, target)
    yield from (rebuild_events if target.rebuilds else _update)(place, catalog, target, options)


def _update(home: Home, catalog: Catalog, target: Target, options: IndexOptions) -> Iterator[IndexEvent]:
    stored, configuration = target.stored, target.configuration
    yield from map(Notice, changes(target, catalog))
    if stored is not None and configuration.pooling != stored.pooling:
        digests = sorted(catalog.tracks.known_digests())
        catalog.tracks.replace_vectors(configuration, repooled(digests, configuration))
    elif configuration != stored or not catalog.settings.tells_whose_cache:
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
            f" {index_again(sorted(stay))}"
        )


def _move_store(catalog: Catalog, url: StoreUrl, store: Store) -> Iterator[IndexEvent]:
    old = catalog.settings.store_url
    store.rebuild(url)
    left = [each.name for each in catalog.settings.store_leftovers() if each.url == old]
    if left:
        yield Notice(f"{old.label} could not be told to remove {', '.join(left)}; later runs will try.")
