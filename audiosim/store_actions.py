"""What is done to Chroma, each in a process of its own; see store_process.py."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from audiosim.catalog import Catalog
from audiosim.config import Home
from audiosim.errors import AudiosimError, StoreError
from audiosim.inspection import compare
from audiosim.locks import hold
from audiosim.store import Store, checksums, load_chroma

BURST_ROWS = 1000
USING = "using Chroma"


def main() -> None:
    """Reads one request, [action, home, arguments], from stdin; prints {"value"} or {"error"}."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a burst is finished, whoever asked for it
    load_chroma()
    text = sys.stdin.read()
    if not text:
        return  # nobody has asked
    action, home, arguments = json.loads(text)
    answer: dict[str, Any]
    try:
        answer = {"value": ACTIONS[action](Home(Path(home)), **arguments)}
    except AudiosimError as error:
        answer = {"error": [type(error).__name__, error.what, error.why, error.remedy]}
    sys.stdout.write(json.dumps(answer) + "\n")


def flush(home: Home, *, wait: float, asker: int) -> None:
    """Writes to Chroma what the catalog says it lacks, a burst at a time.

    It ends early, between two bursts, when the process that asked is gone.
    """
    with Catalog(home.catalog) as catalog:
        while catalog.pending_count() and os.getppid() == asker:
            with hold(home.store_lock, wait=wait, what=USING):
                _burst(home, catalog)


def fill(home: Home, *, folder: str, asker: int) -> None:
    """Writes all the catalog's vectors to an empty folder that nobody else uses."""
    with Catalog(home.catalog) as catalog, _open(Path(folder), catalog, create=True) as store:
        for page in catalog.indexed_rows(BURST_ROWS):
            if os.getppid() != asker:
                return
            store.upsert([(row.id, row.track, row.vector) for row in page])


def inspect(home: Home, *, folder: str | None, full: bool, wait: float) -> dict[str, Any]:
    """Compares Chroma with the catalog; or a folder just filled, with all the catalog has."""
    with Catalog(home.catalog, read_only=True) as catalog:
        if folder is not None:
            return asdict(compare(catalog, Path(folder), full=full, filled=True))
        with hold(home.store_lock, wait=wait, what=USING):
            return asdict(compare(catalog, home.chroma, full=full))


def nearest(home: Home, *, vector: str, count: int, collection: str, wait: float) -> list[str]:
    """Ids nearest to a vector (float32, hexadecimal) of a collection, and those it does not have yet."""
    with (
        Catalog(home.catalog, read_only=True) as catalog,
        hold(home.store_lock, wait=wait, what=USING),
    ):
        if catalog.store_dirty:  # a burst holds the lock, so this one did not end
            raise StoreError("a run ended while it wrote to Chroma")
        configuration = catalog.configuration
        if configuration is None or configuration.collection != collection:
            raise StoreError("the index was changed meanwhile")
        _check_files(home, catalog)
        with _open(home.chroma, catalog) as store:
            held, expected = store.count(), catalog.stored_count()
            if held < expected:
                raise StoreError(f"Chroma holds {held} vectors of {expected}")
            query = np.frombuffer(bytes.fromhex(vector), "<f4")
            wanted = min(held, count + catalog.pending_delete_count())
            found = store.nearest(query, wanted) if held else []
        return list(dict.fromkeys(found + catalog.unsettled_ids()))


def _burst(home: Home, catalog: Catalog) -> None:
    _check_files(home, catalog)
    upserts, deletes = catalog.begin_burst(BURST_ROWS)
    if not upserts and not deletes and catalog.pending_count():
        raise StoreError("Chroma's index can't be brought up to date", "a file in the index has no vector")
    with _open(home.chroma, catalog, create=True) as store:
        _check(store.count() >= catalog.stored_count())
        store.delete(deletes)
        store.upsert([(row.id, row.track, row.vector) for row in upserts])
        catalog.mark_deleted(deletes)
        catalog.mark_stored(upserts)
        if not catalog.pending_count():
            _check(store.count() == catalog.stored_count())
    catalog.mark_whole(checksums(home.chroma))


def _check_files(home: Home, catalog: Catalog) -> None:
    if catalog.store_checksums not in (None, checksums(home.chroma)):
        raise StoreError("Chroma's files are damaged", "they are not as they were written")


def _check(equal: bool) -> None:
    if not equal:
        raise StoreError("Chroma does not hold what it acknowledged")


def _open(folder: Path, catalog: Catalog, *, create: bool = False) -> Store:
    configuration = catalog.configuration
    if configuration is None:
        raise StoreError("There is no index")
    return Store(folder, configuration.collection, configuration.dimension, create=create)


ACTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (flush, fill, inspect, nearest)
}
