"""What a run changes in a home beside its tracks, as it and its estimate announce it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audiosim.core.text import counted, visible
from audiosim.indexing.survey import Target
from audiosim.library.catalog import Catalog


def changes(target: Target, catalog: Catalog | None) -> Iterator[str]:
    """Say what a run changes in a home beside its tracks.

    Parameters
    ----------
    target : Target
        Of the run.
    catalog : Catalog or None
        The home's, as it is; None where there is none.

    Yields
    ------
    str
        A sentence; none of a rebuild, which makes all anew.
    """
    stored, now = target.stored, target.configuration
    if target.rebuilds:
        return
    if stored is not None and now.pooling != stored.pooling:
        yield f"Pooling changes from {stored.pooling} to {now.pooling}: all tracks are pooled again."
    if target.uncached:
        few, many = "track has no cache and is", "tracks have no cache and are"
        yield f"{counted(len(target.uncached), few, many)} computed again."
    before = catalog.settings.exclude if catalog else ()
    if target.exclude != before:
        yield _left_out(target.exclude, before)
    if catalog is not None and stored is not None and target.store is not None:
        yield f"Vectors move from {catalog.settings.store_url.text} to {target.store.text}."


def _left_out(patterns: Sequence[str], before: Sequence[str]) -> str:
    now = f"Left out from now on: {', '.join(patterns)}" if patterns else "`exclude` leaves out nothing now"
    return visible(f"{now} (instead of {', '.join(before)})." if before else f"{now}.")
