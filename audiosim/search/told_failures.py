"""Which failures of files need a look: those that are new, and those of files that are named themselves."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

from audiosim.library.catalog import Catalog, FileRow
from audiosim.library.scan import FoundFile


def need_a_look(failed: Iterable[bytes], listed: Collection[bytes], catalog: Catalog) -> bool:
    """Tell whether any of some failures needs a look.

    Parameters
    ----------
    failed : iterable of bytes
        Files that can't be used, and folders that can't be read.
    listed : collection of bytes
        Those which are only in a folder, a playlist or another list that was named.
    catalog : Catalog
        What is known of the files.
    """
    return any(path not in listed or not is_told(path, catalog) for path in failed)


def is_told(path: bytes, catalog: Catalog) -> bool:
    """Whether a run has met and told the same failure: of the file as it is, or of what can't be read."""
    row = catalog.files.get(path)
    return row is not None and row.state == "failed" and (row.size < 0 or _is_as_it_was(row))


def _is_as_it_was(row: FileRow) -> bool:
    try:
        return FoundFile.at(row.path, os.stat(row.path)).same(row)
    except OSError:
        return False
