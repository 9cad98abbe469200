"""A rebuild: a new catalog beside the old one, until it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

from audiosim.core.config import Home
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.plan import Plan, doubt
from audiosim.indexing.report import IndexEvent, IndexReport, Notice, RootDoubted
from audiosim.indexing.roots import sound_roots
from audiosim.indexing.run import IndexRun
from audiosim.indexing.survey import Target, resumed
from audiosim.library.catalog import Catalog
from audiosim.store import Store


def rebuild_events(
    home: Home, catalog: Catalog, target: Target, options: IndexOptions
) -> Iterator[IndexEvent]:
    """Make a new index of all known roots, in a catalog of its own until it is complete.

    Parameters
    ----------
    home : Home
        Whose index it is; the index lock is held.
    catalog : Catalog
        That which is replaced.
    target : Target
        What the run works towards.
    options : IndexOptions
        Of the run.

    Yields
    ------
    IndexEvent
        What happens, the report last.
    """
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
        known = sound_roots(catalog)  # of which some are missing, and may return
        new.settings.set_roots(target.walk.outermost([*new.settings.roots(), *known]))
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
        lost = [r.path for r in known if new.files.get(r.path) is None and r.digest not in digests]
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
