"""What is done to the store, each in a process of its own; see process.py."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from audiosim.backends import backend_for, writing
from audiosim.backends.base import Backend, Contents
from audiosim.backends.chroma import load_chroma
from audiosim.backends.inspection import Inspection, compare
from audiosim.backends.process import Sign
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, StoreAwayError, StoreError
from audiosim.core.text import counted
from audiosim.core.types import Float32
from audiosim.library.catalog import Catalog
from audiosim.library.store_url import Leftover, StoreUrl

BURST_ROWS = 1000
SEALING = 0.3  # s in which a server's collection and the catalog may disagree


def main() -> None:
    """Read from stdin what to do, a callable; write to stdout what it returns, or an error of ours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a burst is finished, whoever asked for it
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever an engine prints is no answer
    try:
        load_chroma()
        try:
            work = pickle.load(sys.stdin.buffer)  # noqa: S301  # of the process that started this one
        except EOFError:
            return  # nobody has asked
        answer = work()
        if isinstance(answer, Iterator):  # long work: each step is a sign of progress
            for _ in answer:
                _say(answers, Sign.PROGRESS)
            answer = None
    except AudiosimError as error:
        answer = error
    with answers:
        _say(answers, answer)


def _say(answers: IO[bytes], what: object) -> None:
    pickle.dump(what, answers)
    answers.flush()


@dataclass(frozen=True)
class StoreWorker:
    """Works on the store of a home, in this process.

    Parameters
    ----------
    home : Home
        Whose store and catalog these are.
    wait : float
        Seconds to wait for other processes that use the store.
    patience : float
        Seconds for which a server that is away is tried again.
    first_sign : float, optional
        Seconds within which it must say that it is there.
    asker : int
        The process for which this is done; where that is gone, long work ends early.
    """

    home: Home
    wait: float
    patience: float
    first_sign: float | None = None
    asker: int = field(default_factory=os.getpid)

    def reach(self, url: StoreUrl) -> None:
        """See that a store is there."""
        self._backend(url).reach()

    def flush(self) -> Iterator[None]:
        """Write to the store what the catalog says it lacks, a burst at a time.

        After a burst that did not end, the store is checked first.

        Yields
        ------
        None
            After each burst.
        """
        with Catalog(self.home.catalog) as catalog:
            backend = self._backend(catalog.settings.store_url)
            while catalog.store_state.pending_count() and self._wanted:
                with writing(backend, self.home, self.wait):
                    if catalog.store_state.dirty:
                        self._check_sound(backend, catalog)
                    self._burst(backend, catalog)
                yield

    def fill(self, url: StoreUrl, name: str) -> Iterator[None]:
        """Make a collection that nobody else uses yet, with all the catalog's vectors.

        Yields
        ------
        None
            Each time that some have been written.
        """
        with Catalog(self.home.catalog) as catalog:
            backend = self._backend(url)
            with backend.open(name, _contents(catalog), create=True) as store:
                for page in catalog.store_state.indexed_rows(BURST_ROWS):
                    if not self._wanted:
                        return
                    store.upsert([(row.id, row.track, row.vector) for row in page])
                    yield
                store.seal()

    def inspect(self, filled: Leftover | None = None, *, full: bool = False) -> Inspection:
        """Compare the store with the catalog; or a collection just `filled`, with all the catalog has."""
        with Catalog(self.home.catalog, read_only=True) as catalog:
            url = filled.url if filled else catalog.settings.store_url
            backend = self._backend(url)
            name = filled.name if filled else _name(backend, catalog)
            with writing(backend, self.home, self.wait):
                return compare(catalog, backend, name, full=full, filled=filled is not None)

    def check(self) -> None:
        """Open the store as those do who ask it, when the catalog says that it lacks nothing."""
        with Catalog(self.home.catalog, read_only=True) as catalog:
            backend = self._backend(catalog.settings.store_url)
            name, stamp = _name(backend, catalog), catalog.store_state.stamp
            if name is None:
                raise StoreError("There is no collection")
            with (
                writing(backend, self.home, self.wait),
                backend.open(name, _contents(catalog), stamp=stamp) as store,
            ):
                _check(store.count() == catalog.store_state.stored_count())

    def drop(self, leftover: Leftover) -> None:
        """Remove a collection that was being made or has been replaced."""
        backend = self._backend(leftover.url)
        with backend.lock(self.wait):
            backend.drop(leftover.name)

    def nearest(self, vector: Float32, count: int, collection: str) -> list[str]:
        """Find the tracks of a collection nearest to a vector (dim,), and those it does not have yet.

        Returns
        -------
        list of str
            Their ids; the nearest come first.
        """
        with Catalog(self.home.catalog, read_only=True) as catalog:
            backend = self._backend(catalog.settings.store_url)
            with backend.lock(self.wait):
                before = catalog.store_state.stamp
                try:
                    return self._nearest(backend, catalog, vector, count, collection)
                except StoreAwayError:
                    raise
                except StoreError:
                    if not backend.shared:
                        raise
                    time.sleep(SEALING)  # a writer may have sealed its burst, and not said so yet
                    if catalog.store_state.stamp == before:
                        raise
                    return self._nearest(backend, catalog, vector, count, collection)

    def _backend(self, url: StoreUrl) -> Backend:
        return backend_for(url, self.home, self.patience, self.first_sign)

    @property
    def _wanted(self) -> bool:
        return os.getppid() == self.asker

    def _nearest(
        self, backend: Backend, catalog: Catalog, query: Float32, count: int, collection: str
    ) -> list[str]:
        state = catalog.store_state
        if state.dirty and not backend.shared:
            # A burst holds the lock, so this one did not end. A server has whole rows only.
            raise StoreError("a run ended while it wrote to the store")
        contents = _contents(catalog)
        if contents.identity != collection:
            raise StoreError("the index was changed meanwhile")
        name = _name(backend, catalog)
        if name is None:
            raise StoreError("nothing was written to the store yet")
        unsettled = state.unsettled_ids()  # before the store is asked: a writer may send them meanwhile
        with backend.open(name, contents, stamp=state.stamp) as store:
            held, expected = store.count(), state.stored_count()
            if held < expected:
                raise StoreError(f"{backend.label} holds {held} of {counted(expected, 'vector')}")
            wanted = min(held, count + state.pending_delete_count())
            found = store.nearest(query, wanted) if held else []
        return list(dict.fromkeys(found + unsettled))

    def _burst(self, backend: Backend, catalog: Catalog) -> None:
        state, name = catalog.store_state, _name(backend, catalog)
        if name is None:
            name = backend.new_name()
            catalog.settings.set_store(catalog.settings.store_url, name)
        stamp, contents = state.stamp, _contents(catalog)
        with backend.open(name, contents, create=stamp is None, stamp=stamp) as store:
            upserts, deletes = state.begin_burst(BURST_ROWS, contents.identity)
            if not upserts and not deletes and state.pending_count():
                raise StoreError("The store can't be brought up to date", "a file in the index has no vector")
            _check(store.count() >= state.stored_count())
            store.delete(deletes)
            store.upsert([(row.id, row.track, row.vector) for row in upserts])
            state.acknowledge(upserts, deletes, contents.identity)
            if not state.pending_count():
                _check(store.count() == state.stored_count())
            state.mark_whole(store.seal())

    def _check_sound(self, backend: Backend, catalog: Catalog) -> None:
        found = compare(catalog, backend, _name(backend, catalog), full=False)
        if found.faults:
            raise StoreError("A burst of writes did not end, and left the store damaged", found.faults[0])
        catalog.store_state.mark_whole(found.stamp)


def _name(backend: Backend, catalog: Catalog) -> str | None:
    """The collection in use; None before there is one."""
    return catalog.settings.store_name or backend.fixed_name


def _check(equal: bool) -> None:
    if not equal:
        raise StoreError("The store does not hold what it acknowledged")


def _contents(catalog: Catalog) -> Contents:
    configuration = catalog.settings.configuration
    if configuration is None:
        raise StoreError("There is no index")
    return Contents(configuration.collection, configuration.dimension)
