"""Writing an index to a file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.files import check_output, replacing
from audiosim.core.text import display_path
from audiosim.core.vectors import are_whole
from audiosim.encoders.passage_vectors import are_passages
from audiosim.indexing.exchange.header import Header
from audiosim.indexing.exchange.parquet import write
from audiosim.library.catalog import Catalog, Record, are_odds
from audiosim.library.catalog.settings import MEASURED, PERCENTILES
from audiosim.library.filters import Filter
from audiosim.library.index import open_index
from audiosim.library.spaces import spaces
from audiosim.library.suggestions import nothing_fits


@dataclass(frozen=True)
class Exported:
    """What `export_index` wrote.

    Parameters
    ----------
    path : Path
        The file.
    tracks, left_out : int
        How many tracks are in it, and how many are not, since they have no vector or a damaged one.
    bytes : int
        Its size.
    seconds : float
        How long it took.
    """

    path: Path
    tracks: int
    left_out: int
    bytes: int
    seconds: float


def export_index(
    path: str | os.PathLike[str],
    *,
    home: str | os.PathLike[str] | None = None,
    only: Filter | None = None,
) -> Exported:
    """Write the index of a home as a Parquet file, whole or not at all; other runs may go on.

    Parameters
    ----------
    path : str or path-like
        The file to write; one that is there is replaced.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    only : Filter, optional
        The tracks to write; by default all.

    Returns
    -------
    Exported
        What was written.

    Raises
    ------
    UsageError
        If the path is that of a folder, a device or the home's own catalog.
    AudiosimError
        If there is no index, no track fits, or the file can't be written.
    """
    start = time.perf_counter()
    target = Path(path)
    shown = display_path(os.fsencode(target))
    check_output(target)
    with open_index(home) as index:
        main = index.home.main
        if target.exists() and any(target.samefile(each.catalog) for each in (main, *spaces(main))):
            raise UsageError(f"Can't write {shown}", "it is the home's own catalog", "Name another file.")
        settings = index.catalog.settings
        header = Header.of(index.configuration, settings.roots())
        header = replace(header, learnt=settings.learnt, words=index.catalog.words.labels)
        if not only:
            header = _measured(header, index.catalog)
        source = _Source(index.catalog, header, index.located(only))
        try:
            with replacing(target) as file:
                count = write(file, header, source.records())
                if only and not count:
                    raise AudiosimError("There is nothing to export", *nothing_fits(index.catalog, only))
        except OSError as error:
            raise AudiosimError(f"Can't write {shown}", error.strerror or str(error)) from error
    return Exported(target, count, source.left_out, target.stat().st_size, time.perf_counter() - start)


def _measured(header: Header, catalog: Catalog) -> Header:
    """The header of all tracks, with what was measured of them together."""
    percentiles = catalog.settings.meta(PERCENTILES)
    return replace(header, percentiles=percentiles, measured=int(catalog.settings.meta(MEASURED) or 0))


class _Source:
    """The records of a catalog that are fit to be read elsewhere.

    Scales belong to the library they were measured in: those of a part of it are left out.
    """

    def __init__(self, catalog: Catalog, header: Header, only: Filter) -> None:
        self._catalog, self._header, self._only = catalog, header, only
        self.left_out = 0

    def records(self) -> Iterator[Record]:
        measured = self._header.percentiles is not None
        whole = 0
        for record in self._catalog.records.all(self._only.admits):
            if not are_whole(record.vector, self._header.dimension):
                self.left_out += 1
                continue
            whole += 1
            sound = record.passages is not None and are_passages(
                record.passages, self._header.spec.dimension, record.windows
            )
            scored = record.words is not None and are_odds(record.words, len(self._header.words))
            yield replace(
                record,
                words=record.words if scored else None,
                passages=record.passages if sound else None,
                scale=record.scale if measured else None,
            )
        if not self._only:  # those without any vector
            self.left_out = self._catalog.files.count("indexed") - whole
