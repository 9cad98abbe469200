"""What a run is to do, decided by reading alone: for `index_folder`, and for the estimate of one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from audiosim.core.config import Home
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.paths import contains
from audiosim.core.text import counted, display_path
from audiosim.core.types import Encoder
from audiosim.encoders import LazyEncoder, expected_spec, load_encoder, load_encoder_for
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.plan import Plan, is_vacant, keep_many, plan
from audiosim.indexing.roots import chosen_roots, given_paths, sound_roots
from audiosim.library.catalog import DROPPED, Catalog, Configuration, FileRow
from audiosim.library.configuration import (
    check_cache,
    check_caches,
    check_encoder,
    check_request,
    rebuilt_request,
)
from audiosim.library.missing_caches import AUDIO
from audiosim.library.scan import Globs, scan
from audiosim.library.store_url import StoreUrl, default_store
from audiosim.library.whitening import whitens


@dataclass(frozen=True)
class Target:
    """What a run works towards.

    Parameters
    ----------
    roots : list of bytes
        What is scanned.
    configuration : Configuration
        What embeddings and vectors are after the run.
    encoder : Encoder
        Fixes the configuration, or is loaded when the first file needs it.
    stored : Configuration or None
        What they are now; None in a new home.
    rebuilds : bool
        Whether a new catalog takes the place of the old one.
    store : StoreUrl or None
        Where the vectors go; None leaves them where they are.
    uncached : list of str
        Audio to be computed again, for it has no cache to be pooled from anew.
    exclude : tuple of str
        Patterns of files that are left out.
    ctime : bool
        Whether files of another ctime are read again.
    given : list of bytes
        What the user named; nothing, where the known roots are meant.
    forgotten : frozenset of bytes
        Files and folders that stay forgotten: what was named does not.
    """

    roots: list[bytes]
    configuration: Configuration
    encoder: Encoder
    stored: Configuration | None
    rebuilds: bool
    store: StoreUrl | None
    uncached: list[str]
    exclude: tuple[str, ...]
    ctime: bool
    given: list[bytes]
    forgotten: frozenset[bytes]

    @property
    def walk(self) -> Globs:
        """What the home leaves out."""
        return Globs(exclude=self.exclude, forgotten=self.forgotten)


def decide(
    home: Home,
    catalog: Catalog | None,
    paths: Iterable[str | os.PathLike[str]],
    options: IndexOptions,
    encoder: Encoder | None,
    *,
    read_only: bool = False,
) -> Target:
    """Decide what a run over these paths works towards.

    Parameters
    ----------
    home : Home
        Where the index is, or will be.
    catalog : Catalog or None
        The home's; None where there is none.
    paths : iterable of str or path-like
        Folders or files; without any, the known roots are meant.
    options : IndexOptions
        What the user said.
    encoder : Encoder or None
        One that is given, instead of loading one.
    read_only : bool
        Whether weights are neither kept nor fetched, and read when they are needed only.

    Raises
    ------
    UsageError
        If a path does not exist, or what was said contradicts the home.
    HomeError
        If a folder is not there that the run needs: its disk may not be mounted.
    WeightsError
        If a new configuration's weights can't be found or fetched.
    """
    stored = None if catalog is None else catalog.settings.configuration
    rebuilds = options.rebuild and stored is not None
    if rebuilds and (options.include or options.exclude is not None):
        raise UsageError("`rebuild` goes over the whole library", "`include` or `exclude` was given")
    if rebuilds and options.rescan:
        raise UsageError("`rebuild` reads every file anew", "`rescan` was given too", "Leave one out.")
    exclude, ctime = _kept_settings(catalog, options)
    given = given_paths(paths, catalog)
    forgotten = (catalog.settings.forgotten if catalog else frozenset()).difference(given)
    walk = Globs(exclude=exclude, forgotten=forgotten)
    roots = chosen_roots(given, catalog, home, options, walk)
    store, uncached = chosen_store(catalog, options), []
    if catalog is None or stored is None or rebuilds:
        configuration, encoder = _asked(home, stored, options, encoder, read_only)
        check_cache(configuration, home, None if stored and stored.cache == configuration.cache else stored)
    else:
        configuration, encoder = _kept(stored, options, encoder, read_only)
        check_cache(configuration, home, stored)
        uncached = _uncached(catalog, stored, configuration)
    if options.whitening and not whitens(configuration):
        raise UsageError(
            "`whitening` is for MusiCNN with mean pooling",
            f"this is {configuration.spec.describe()}, pooling {configuration.pooling}",
        )
    roots = walk.outermost([*sound_roots(catalog), *roots]) if rebuilds else roots
    return Target(
        roots, configuration, encoder, stored, rebuilds, store, uncached, exclude, ctime, given, forgotten
    )


def chosen_store(catalog: Catalog | None, options: IndexOptions) -> StoreUrl | None:
    """Tell where vectors are to go that are not there yet; None leaves them where they are."""
    if catalog is None or catalog.settings.configuration is None:
        return options.store or default_store()
    return None if options.store == catalog.settings.store_url else options.store


def resumed(target: Target, begun: Configuration | None, home: Home) -> Target:
    """The target of a rebuild that goes on where an earlier one ended.

    Parameters
    ----------
    target : Target
        Of the rebuild now.
    begun : Configuration or None
        That of the earlier one, if there was one.
    home : Home
        Where both are.

    Raises
    ------
    UsageError
        If the earlier one was another.
    """
    if begun is None:
        return target
    wanted = target.configuration
    if not wanted.spec.weights:  # of a look, which has not read them
        wanted = replace(wanted, spec=replace(wanted.spec, weights=begun.spec.weights))
    if replace(begun, centre=b"", whitening=b"") != wanted:
        raise UsageError(
            "Another rebuild was begun with other options",
            f"it is for {begun.spec.describe()}, pooling {begun.pooling}",
            f"Give the same options to go on with it, or remove {home.rebuild} to start over.",
        )
    return replace(target, configuration=begun)


def survey(target: Target, catalog: Catalog | None, options: IndexOptions) -> list[Plan]:
    """Look at the target's roots.

    Parameters
    ----------
    target : Target
        Of the run.
    catalog : Catalog or None
        What is known of the files; None where nothing is.
    options : IndexOptions
        Which files to look at, and whether to try again what failed.

    Returns
    -------
    list of Plan
        What there is to do, for each root.
    """
    globs = replace(target.walk, include=options.include)
    known = globs.outermost([*(catalog.settings.roots() if catalog else ()), *target.roots])
    plans = []
    for root in target.roots:
        inner = [other for other in known if other != root and contains(root, other)]
        rows = _rows(catalog, root, inner, set(target.uncached)) if catalog else ()
        found = scan(root, globs)
        if not target.ctime:
            found.files = [replace(file, ctime_ns=None) for file in found.files]
        plans.append(plan(found, rows, retry_failed=options.retry_failed, rescan=options.rescan))
    keep_many(plans)
    return plans


def vacant(target: Target, plans: Sequence[Plan]) -> list[bytes]:
    """Give what a user named that holds no audio, or is not there; all, where `include` leaves nothing."""
    if all(_is_left_bare(plan) for plan in plans):
        return [plan.scan.root for plan in plans]
    return [plan.scan.root for plan in plans if target.given and is_vacant(plan)]


def _is_left_bare(plan: Plan) -> bool:
    """Whether a folder was looked at, and the patterns of `include` match nothing of it."""
    seen = plan.scan.present and not plan.scan.unlisted
    return seen and bool(plan.scan.globs.include) and not (plan.found or plan.missing)


def _rows(catalog: Catalog, root: bytes, inner: Sequence[bytes], uncached: set[str]) -> Iterable[FileRow]:
    """What is known of a root's own files; those whose vectors are given up are as good as unknown."""
    for row in catalog.files.all(root):
        if not any(contains(other, row.path) for other in inner):
            yield replace(row, state="gone", reason=DROPPED) if row.digest in uncached else row


def _kept_settings(catalog: Catalog | None, options: IndexOptions) -> tuple[tuple[str, ...], bool]:
    """What is left out, and whether ctimes count: as is said now, or was before."""
    exclude, ctime = options.exclude, options.ctime
    if exclude is None:
        exclude = catalog.settings.exclude if catalog else ()
    if ctime is None:
        ctime = catalog is None or catalog.settings.ctime
    return tuple(pattern for pattern in exclude if pattern), ctime


def _asked(
    home: Home,
    stored: Configuration | None,
    options: IndexOptions,
    encoder: Encoder | None,
    read_only: bool,
) -> tuple[Configuration, Encoder]:
    """A new configuration, and its encoder; what is left open is as it was."""
    request, pooling, cache = options.request, options.pooling, options.cache
    if stored is not None:
        request = rebuilt_request(request, stored)
        pooling, cache = pooling or stored.pooling, cache or stored.cache
    load = partial(
        load_encoder, request, precision=options.precision, batch_size=options.batch_size, read_only=read_only
    )
    if encoder is None:
        encoder = LazyEncoder(expected_spec(request), load) if read_only else load()
    return Configuration(encoder.spec, pooling or "mean", (cache or home.cache).absolute()), encoder


def _kept(
    stored: Configuration, options: IndexOptions, encoder: Encoder | None, read_only: bool
) -> tuple[Configuration, Encoder]:
    """The home's own configuration, but for the pooling and the caches' place; and its encoder."""
    check_encoder(encoder, stored)
    check_request(options.request, stored, read_only=read_only, space=options.space)
    cache = options.cache.absolute() if options.cache else stored.cache
    load = partial(
        load_encoder_for,
        stored.spec,
        precision=options.precision,
        batch_size=options.batch_size,
        read_only=read_only,
        weights=options.request.weights if read_only else None,
    )
    configuration = replace(stored, pooling=options.pooling or stored.pooling, cache=cache)
    return configuration, encoder or LazyEncoder(stored.spec, load)


def _uncached(catalog: Catalog, stored: Configuration, configuration: Configuration) -> list[str]:
    """Tracks that another pooling has computed again.

    Raises
    ------
    HomeError
        If most tracks have no cache; or one has neither that nor its file.
    """
    if configuration.pooling == stored.pooling:
        return []
    digests = check_caches(sorted(catalog.tracks.known_digests()), configuration, AUDIO)
    rows = [catalog.files.get(path) for path in catalog.files.paths_with(digests)]
    lost = [row for row in rows if row and row.state == "indexed" and not os.path.exists(row.path)]
    if lost:
        raise HomeError(
            f"{counted(len(lost), 'track has', 'tracks have')} neither a cache to be pooled from"
            " nor a file to be computed from",
            f"{display_path(lost[0].path)} is one",
            "Mount their disk, or copy their caches to the cache folder;"
            " or take them out: audiosim forget PATH",
        )
    return digests
