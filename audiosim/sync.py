"""Keeping Chroma in step with the catalog, in short bursts under the store's lock."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from audiosim.catalog import Catalog, Configuration
from audiosim.config import Home
from audiosim.errors import HomeError, LockedError, StoreError
from audiosim.locks import hold
from audiosim.pooling import pooled_dimension
from audiosim.store import Store

BURST_ROWS = 1000
BURST_INTERVAL = 30.0  # s between bursts while there is little to write
LOCK_WAIT = 60.0  # s for readers to finish
CHECK_LIMIT = 120.0  # s for a fresh process to open and query the collection
CHECK = "import sys; sys.path[:] = sys.argv[5:]; from audiosim.sync import check; check(*sys.argv[1:5])"


class StoreSync:
    """Sends to Chroma what the catalog says it lacks.

    Parameters
    ----------
    home : whose Chroma and locks.
    catalog : open for writing; the index lock is held.
    configuration : what the vectors are.
    """

    def __init__(self, home: Home, catalog: Catalog, configuration: Configuration) -> None:
        self._home = home
        self._catalog = catalog
        self._configuration = configuration
        self._thread: threading.Thread | None = None
        self.seconds = 0.0  # spent on Chroma
        self._identity = configuration.collection
        self._dimension = pooled_dimension(configuration.spec.dimension, configuration.pooling)
        self._last = time.monotonic()

    def recover(self) -> str | None:
        """After an unclean end, checks Chroma in a fresh process and rebuilds it if need be.

        Returns what was done, as a sentence; None when the last end was clean.
        """
        if not self._catalog.store_dirty:
            return None
        fault = self._fault()
        if fault is None:
            # Sound, but a burst was cut off: what it may have held is sent again.
            self._catalog.mark_store(dirty=False)
            return "The last run ended while it wrote to Chroma; its index was checked and is sound."
        self.reset()
        return f"The last run ended while it wrote to Chroma, and left it unusable ({fault}); it is rebuilt."

    def flush_behind(self) -> None:
        """Now and then, writes what has gathered, in a thread with a connection of its own."""
        if time.monotonic() - self._last < BURST_INTERVAL or (self._thread and self._thread.is_alive()):
            return
        self._last = time.monotonic()
        if self._catalog.pending_count():
            self._thread = threading.Thread(target=self._flush_apart)
            self._thread.start()

    def flush(self) -> None:
        """Writes everything Chroma lacks, a burst at a time, after what is being written behind.

        Raises
        ------
        StoreError : when Chroma fails even after its index was made anew.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        start = time.perf_counter()
        while pending := self._catalog.pending_count():
            try:
                self._burst()
            except StoreError:
                self.reset()
                pending = self._catalog.pending_count()
                self._burst()
            if self._catalog.pending_count() >= pending:
                raise StoreError(
                    "Chroma's index can't be brought up to date", "a burst of writes changed nothing"
                )
        self._last = time.monotonic()
        self.seconds += time.perf_counter() - start

    def _flush_apart(self) -> None:
        try:
            with Catalog(self._catalog.path) as own:
                apart = StoreSync(self._home, own, self._configuration)
                apart.flush()
                self.seconds += apart.seconds
        except Exception:  # the next flush, in the main thread, meets it again and says so
            return

    def reset(self) -> None:
        """Throws Chroma's files away, to be written again from the catalog."""
        with self._locked():
            if self._home.chroma.exists():
                _remove(self._home.chroma)
            self._catalog.mark_none_stored()
            self._catalog.mark_store(dirty=False)

    def _burst(self) -> None:
        upserts = self._catalog.pending_upserts(BURST_ROWS)
        deletes = self._catalog.pending_deletes(BURST_ROWS)
        with self._locked():
            self._catalog.mark_sending(row.id for row in upserts)
            with Store(self._home.chroma, self._identity, self._dimension, create=True) as store:
                self._compare(store.count() >= self._catalog.stored_count())
                store.delete(deletes)
                store.upsert([(row.id, row.track, row.vector) for row in upserts])
                self._catalog.mark_deleted(deletes)
                self._catalog.mark_stored(upserts)
                if not self._catalog.pending_count():
                    self._compare(store.count() == self._catalog.stored_count())
            self._catalog.mark_store(dirty=False)

    @staticmethod
    def _compare(equal: bool) -> None:
        if not equal:
            raise StoreError("Chroma does not hold what it acknowledged")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(hold(self._home.store_lock, wait=LOCK_WAIT, what="using Chroma"))
            except LockedError as error:
                raise HomeError(
                    "Chroma is in use", error.why, "The catalog is up to date; the next run writes the rest."
                ) from error
            yield

    def _fault(self) -> str | None:
        """What is wrong with Chroma's files, found out where a crash does no harm."""
        command = [sys.executable, "-c", CHECK, str(self._home.chroma), self._identity,
                   str(self._dimension), str(self._catalog.stored_count()), *sys.path]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return "it does not answer"
        if done.returncode == 0:
            return None
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines and done.returncode > 0 else f"exit code {done.returncode}"


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise HomeError(f"Can't remove {folder}", error.strerror or str(error)) from error


def check(folder: str, identity: str, dimension: str, count: str) -> None:
    """In a process of its own: opens the collection, counts it and asks it for a neighbour.

    Raises
    ------
    StoreError : when anything of that fails, or fewer vectors are there than acknowledged.
    """
    import numpy as np

    with Store(Path(folder), identity, int(dimension)) as store:
        held = store.count()
        if held < int(count):
            raise StoreError(f"it holds {held} vectors of {count}")
        if held:
            probe = np.full(int(dimension), int(dimension) ** -0.5, np.float32)
            if len(store.nearest(probe, min(held, 10))) < min(held, 10):
                raise StoreError("it finds fewer neighbours than it holds")
