"""What is done to the store, each in a process of its own; see process.py."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from audiosim.backends import backend_for, writing
from audiosim.backends.base import Backend, Contents
from audiosim.backends.chroma import load_chroma
from audiosim.backends.inspection import compare
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, StoreError
from audiosim.library.catalog import Catalog
from audiosim.library.store_url import parse_store_url

BURST_ROWS = 1000
READER_PATIENCE = 2.0  # s for which a server that is away is tried again; then exact search answers
SEALING = 0.3  # s in which a server's collection and the catalog may disagree


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


def flush(home: Home, *, wait: float, patience: float, asker: int) -> None:
    """Writes to the store what the catalog says it lacks, a burst at a time.

    After a burst that did not end, the store is checked first. It ends early, between two bursts,
    when the process that asked is gone.
    """
    with Catalog(home.catalog) as catalog:
        backend = backend_for(catalog.settings.store_url, home)
        while catalog.store_state.pending_count() and os.getppid() == asker:
            with writing(backend, home, wait):
                if catalog.store_state.dirty:
                    _check_sound(backend, catalog, patience)
                _burst(backend, catalog, patience)


def fill(home: Home, *, url: str, name: str, patience: float, asker: int) -> None:
    """Makes a collection that nobody else uses yet, with all the catalog's vectors."""
    with Catalog(home.catalog) as catalog:
        backend = backend_for(parse_store_url(url), home)
        with backend.open(name, _contents(catalog), create=True, patience=patience) as store:
            for page in catalog.store_state.indexed_rows(BURST_ROWS):
                if os.getppid() != asker:
                    return
                store.upsert([(row.id, row.track, row.vector) for row in page])
            store.seal()


def inspect(
    home: Home, *, url: str | None, name: str | None, full: bool, patience: float, wait: float
) -> dict[str, Any]:
    """Compares the store with the catalog; or a collection just filled, with all the catalog has."""
    with Catalog(home.catalog, read_only=True) as catalog:
        filled = url is not None
        backend = backend_for(catalog.settings.store_url if url is None else parse_store_url(url), home)
        name = name or catalog.settings.store_name or backend.fixed_name
        with writing(backend, home, wait):
            found = compare(catalog, backend, name, full=full, filled=filled, patience=patience)
        return asdict(found)


def check(home: Home, *, patience: float, wait: float) -> None:
    """Opens the store as those do who ask it, when the catalog says that it lacks nothing."""
    with Catalog(home.catalog, read_only=True) as catalog:
        backend = backend_for(catalog.settings.store_url, home)
        name = catalog.settings.store_name or backend.fixed_name
        if name is None:
            raise StoreError("There is no collection")
        with (
            writing(backend, home, wait),
            backend.open(
                name, _contents(catalog), stamp=catalog.store_state.stamp, patience=patience
            ) as store,
        ):
            _check(store.count() == catalog.store_state.stored_count())


def drop(home: Home, *, url: str, name: str, wait: float) -> None:
    """Removes a collection that was being made or has been replaced."""
    backend = backend_for(parse_store_url(url), home)
    with backend.lock(wait):
        backend.drop(name)


def nearest(home: Home, *, vector: str, count: int, collection: str, wait: float) -> list[str]:
    """Ids nearest to a vector (float32, hexadecimal) of a collection, and those it does not have yet."""
    query = np.frombuffer(bytes.fromhex(vector), "<f4")
    with Catalog(home.catalog, read_only=True) as catalog:
        backend = backend_for(catalog.settings.store_url, home)
        with backend.lock(wait):
            before = catalog.store_state.stamp
            try:
                return _nearest(backend, catalog, query, count, collection)
            except StoreError:
                if not backend.shared:
                    raise
                time.sleep(SEALING)  # a writer may have sealed its burst, and not said so yet
                if catalog.store_state.stamp == before:
                    raise
                return _nearest(backend, catalog, query, count, collection)


def _nearest(backend: Backend, catalog: Catalog, query: Any, count: int, collection: str) -> list[str]:
    if catalog.store_state.dirty and not backend.shared:
        # A burst holds the lock, so this one did not end. A server has whole rows only.
        raise StoreError("a run ended while it wrote to the store")
    contents = _contents(catalog)
    if contents.identity != collection:
        raise StoreError("the index was changed meanwhile")
    name = catalog.settings.store_name or backend.fixed_name
    if name is None:
        raise StoreError("nothing was written to the store yet")
    unsettled = (
        catalog.store_state.unsettled_ids()
    )  # before the store is asked: a writer may send them meanwhile
    with backend.open(name, contents, stamp=catalog.store_state.stamp, patience=READER_PATIENCE) as store:
        held, expected = store.count(), catalog.store_state.stored_count()
        if held < expected:
            raise StoreError(f"{backend.label} holds {held} vectors of {expected}")
        wanted = min(held, count + catalog.store_state.pending_delete_count())
        found = store.nearest(query, wanted) if held else []
    return list(dict.fromkeys(found + unsettled))


def _burst(backend: Backend, catalog: Catalog, patience: float) -> None:
    name = catalog.settings.store_name or backend.fixed_name
    if name is None:
        name = backend.new_name()
        catalog.settings.set_store(catalog.settings.store_url, name)
    stamp, contents = catalog.store_state.stamp, _contents(catalog)
    with backend.open(name, contents, create=stamp is None, stamp=stamp, patience=patience) as store:
        upserts, deletes = catalog.store_state.begin_burst(BURST_ROWS, contents.identity)
        if not upserts and not deletes and catalog.store_state.pending_count():
            raise StoreError("The store can't be brought up to date", "a file in the index has no vector")
        _check(store.count() >= catalog.store_state.stored_count())
        store.delete(deletes)
        store.upsert([(row.id, row.track, row.vector) for row in upserts])
        catalog.store_state.acknowledge(upserts, deletes, contents.identity)
        if not catalog.store_state.pending_count():
            _check(store.count() == catalog.store_state.stored_count())
        catalog.store_state.mark_whole(store.seal())


def _check_sound(backend: Backend, catalog: Catalog, patience: float) -> None:
    name = catalog.settings.store_name or backend.fixed_name
    found = compare(catalog, backend, name, full=False, patience=patience)
    if found.faults:
        raise StoreError("A burst of writes did not end, and left the store damaged", found.faults[0])
    catalog.store_state.mark_whole(found.stamp)


def _check(equal: bool) -> None:
    if not equal:
        raise StoreError("The store does not hold what it acknowledged")


def _contents(catalog: Catalog) -> Contents:
    configuration = catalog.settings.configuration
    if configuration is None:
        raise StoreError("There is no index")
    return Contents(configuration.collection, configuration.dimension)


ACTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (flush, fill, inspect, check, drop, nearest)
}
