"""Folders and files as users name them, and the paths by which the catalog knows them.

It keeps paths as they were named to `index`: by way of a folder link, or not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from audiosim.core.errors import UsageError
from audiosim.core.paths import contains
from audiosim.core.text import display_path
from audiosim.core.told_commands import index_again
from audiosim.library.catalog import DROPPED, Catalog, Settings
from audiosim.library.filters import Filter
from audiosim.library.scan import Globs

SHOWN = 5  # known folders in an error


def known_as(path: bytes, roots: Iterable[bytes]) -> list[bytes]:
    """Give the paths by which a catalog with these roots may know what is at or below a path.

    Parameters
    ----------
    path : bytes
        As it is named, absolute.
    roots : iterable of bytes
        The catalog's.

    Returns
    -------
    list of bytes
        The path itself first, then where it is the same place, or holds it, by its real path.
    """
    real = os.path.realpath(path)
    names = [path]
    for root in roots:
        place = os.path.realpath(root)
        if contains(place, real):
            names.append(root.rstrip(b"/") + real[len(place.rstrip(b"/")) :] or b"/")
        elif contains(real, place):
            names.append(root)
    return list(dict.fromkeys(names))


def walk_of(settings: Settings) -> Globs:
    """Give what a home leaves out."""
    return Globs(exclude=settings.exclude, forgotten=settings.forgotten)


def told_forgotten(catalog: Catalog) -> Callable[[bytes], bool]:
    """Give what tells whether a path lies in what was forgotten, and in no root that is known within that."""
    walk, roots = Globs(forgotten=catalog.settings.forgotten), catalog.settings.roots()

    def is_forgotten(path: bytes) -> bool:
        holding = [root for root in roots if contains(root, path)] or [b"/"]
        return all(walk.excludes(path, root) for root in holding)

    return is_forgotten


def located(only: Filter | None, catalog: Catalog) -> Filter:
    """Give a filter whose folders are those that the catalog knows.

    Parameters
    ----------
    only : Filter, optional
        As a user says it; None demands nothing.
    catalog : Catalog
        Where it is to be applied.

    Returns
    -------
    Filter
        The same, for paths of the catalog.

    Raises
    ------
    UsageError
        If a folder is neither there nor known.
    """
    if only is None or not only.under:
        return only or Filter()
    roots = catalog.settings.roots()
    under: list[bytes] = []
    for folder in only.under:
        names = known_as(folder, roots)
        if not os.path.exists(folder) and not any(_rows(name, catalog) for name in names):
            more = [f"and {len(roots) - SHOWN} more"] if len(roots) > SHOWN else []
            known = [*map(display_path, roots[:SHOWN]), *more]
            raise UsageError(
                f"`under` {display_path(folder)} is no folder",
                "it is neither there nor in the index",
                f"The folders of the index: {', '.join(known)}." if known else "",
            )
        under += names
    return replace(only, under=tuple(under))


def notes_of_folders(only: Filter, catalog: Catalog) -> Iterator[str]:
    """Say of which folders of a filter the index has no track, and of which because they were forgotten.

    Yields
    ------
    str
        A sentence.
    """
    roots, is_forgotten = catalog.settings.roots(), told_forgotten(catalog)
    for folder in only.under:
        names = known_as(folder, roots)
        if any("indexed" in _rows(name, catalog) for name in names):
            continue
        if any(map(is_forgotten, names)):
            again = index_again([folder])
            yield f"{display_path(folder)} was forgotten. To bring it back: {again}"
        else:
            yield f"No track of the index is in {display_path(folder)}."


def _rows(path: bytes, catalog: Catalog) -> set[str]:
    """The states of the files known at and below a path."""
    return {row.state for row in catalog.files.all(path) if row.reason != DROPPED}
