"""What an import is refused for: before anything is changed, and before another run is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from audiosim.core.config import Home
from audiosim.core.errors import HomeError, UsageError
from audiosim.indexing.exchange.header import Header
from audiosim.indexing.exchange.parquet import ExportFile
from audiosim.indexing.exchange.path_map import PathMap
from audiosim.indexing.exchange.progress import OnProgress, Stage
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration, Record
from audiosim.library.folders import told_forgotten
from audiosim.library.index import has_index
from audiosim.library.missing_caches import copied_from
from audiosim.library.store_url import StoreUrl


def check_import(
    exports: Sequence[ExportFile], home: Home, store: StoreUrl | None, path_map: PathMap
) -> None:
    """See that files go with a home, while another run may write to it, or there is none yet.

    Raises
    ------
    UsageError
        If encoder, pooling or `store` are others than the home's.
    HomeError
        If caches are missing that a new home needs.
    """
    if not has_index(home):
        first = exports[0].header
        configuration = Configuration(first.spec, first.pooling, home.cache, centre=first.centre)
        refuse_lacking(None, configuration, exports, path_map)
        return
    with suppress(HomeError), Catalog(home.catalog, read_only=True) as catalog:  # told with the lock
        if (stored := catalog.settings.configuration) is not None:
            refuse_other(exports[0], Header.of(stored, ()), f"those of {home.called}")
            refuse_other_store(store, catalog)


def refuse_other(export: ExportFile, header: Header, whose: str) -> None:
    """Refuse a file whose vectors can't be compared with others: encoder or pooling differ."""
    if export.header.kind != header.kind:
        raise UsageError(
            f"The vectors of {export.name} can't be compared with {whose}",
            f"they are of {export.header.describe()}, not of {header.describe()}",
            "Import it into a `home` of its own.",
        )


def refuse_other_store(store: StoreUrl | None, catalog: Catalog) -> None:
    """Refuse to move the vectors that a home has on the way."""
    if store not in (None, catalog.settings.store_url):
        raise UsageError(
            f"`store` {store.text} contradicts this home",
            f"its vectors are searched in {catalog.settings.store_url.text}",
            "Leave it out, and move them afterwards: audiosim index `store` URL",
        )


def read_through(exports: Sequence[ExportFile], path_map: PathMap, on_progress: OnProgress) -> None:
    """See that files are whole, and hold what is mapped."""
    read = Stage(on_progress, "Read", sum(map(len, exports)))
    for export in exports:
        for batch in export.batches():
            for record in batch:
                path_map.meet(record.path)
            read.add(len(batch))
    path_map.refuse_idle()


def refuse_lacking(
    catalog: Catalog | None, configuration: Configuration, exports: Sequence[ExportFile], path_map: PathMap
) -> None:
    """Refuse files whose tracks have to be pooled again, where their caches are missing.

    They have to be where they are centred otherwise than the home, which may be none yet.
    """
    cache = Cache(configuration.cache, configuration.spec)
    wants = _wanting(catalog) if catalog else lambda record: True
    for export in exports:
        if export.header.centre == configuration.centre:
            continue
        lacking = total = 0
        for record in _moved(export, path_map):
            total += 1
            lacking += wants(record) and not cache.path(record.info.digest).exists()
        if lacking:
            raise HomeError(
                f"The vectors of {export.name} are centred on another mean window than those here",
                f"its tracks have to be pooled again, and {lacking} of {total} have no cache here",
                f"Copy them, {copied_from(cache.folder)}\nOr import it into a `home` of its own.",
            )


def _wanting(catalog: Catalog) -> Callable[[Record], bool]:
    """What tells whether a catalog would take a record's vector."""
    is_forgotten = told_forgotten(catalog)
    return lambda record: not is_forgotten(record.path) and catalog.records.wants_vector(record)


def _moved(export: ExportFile, path_map: PathMap) -> Iterator[Record]:
    return (replace(record, path=path_map(record.path)) for batch in export.batches() for record in batch)
