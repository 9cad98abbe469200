"""Keeping Chroma in step with the catalog."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from audiosim.catalog import Catalog
from audiosim.config import NEW_CHROMA, OLD_CHROMA, Home
from audiosim.errors import HomeError, LockedError, StoreError
from audiosim.inspection import Inspection
from audiosim.locks import hold
from audiosim.store import checksums
from audiosim.store_process import StoreProcess, ask_store

BURST_INTERVAL = 30.0  # s between bursts while there is little to write
LOCK_WAIT = 60.0  # s for readers to finish
CHECK_LIMIT = 120.0  # s for a process to open and query the collection
CHECK_LIMIT_A_ROW = 0.01  # s more for each vector there should be


class StoreSync:
    """Sends to Chroma what the catalog says it lacks.

    Parameters
    ----------
    home : whose Chroma and locks.
    catalog : the home's, open for writing; the index lock is held.
    """

    def __init__(self, home: Home, catalog: Catalog) -> None:
        self._home = home
        self._catalog = catalog
        self._behind: StoreProcess | None = None
        self.seconds = 0.0  # that a run waited for Chroma
        self._last = time.monotonic()

    def recover(self) -> str | None:
        """After an unclean end, checks Chroma and rebuilds it if need be.

        Returns what was done, as a sentence; None when the last end was clean.
        """
        if not self._catalog.store_dirty:
            return None
        found = self.inspect()
        faults = found.faults
        if not faults:
            # Sound, but a burst was cut off: what it may have held is sent again.
            self._catalog.mark_whole(found.checksums)
            return "The last run ended while it wrote to Chroma; its index was checked and is sound."
        self.rebuild()
        return (
            "The last run ended while it wrote to Chroma, and left its index damaged"
            f" ({faults[0]}); it is rebuilt."
        )

    def inspect(self, *, full: bool = False, folder: Path | None = None) -> Inspection:
        """Compares Chroma with the catalog; or a folder just filled, with all that is indexed."""
        limit = CHECK_LIMIT + CHECK_LIMIT_A_ROW * self._catalog.count("indexed")
        try:
            found = ask_store(
                "inspect",
                self._home,
                limit=limit,
                folder=None if folder is None else str(folder),
                full=full,
                wait=LOCK_WAIT,
            )
        except StoreError as error:
            return Inspection(faults=[" ".join(str(error).split())])
        except LockedError as error:
            raise _in_use(error) from error
        return Inspection(**found)

    def flush_behind(self) -> None:
        """Now and then, has what has gathered written while the run goes on."""
        if time.monotonic() - self._last < BURST_INTERVAL or (self._behind and self._behind.running):
            return
        self._join()
        self._last = time.monotonic()
        if self._catalog.pending_count():
            self._behind = StoreProcess()
            self._behind.send(
                "flush", self._home, wait=LOCK_WAIT, asker=os.getpid()
            )  # what fails is met again by `flush`

    def flush(self) -> None:
        """Writes everything Chroma lacks, after what is being written behind.

        Raises
        ------
        StoreError : when Chroma fails even after its index was made anew.
        """
        start = time.perf_counter()
        self._join()
        if self._catalog.pending_count():
            try:
                ask_store("flush", self._home, wait=LOCK_WAIT, asker=os.getpid())
            except StoreError:
                self.rebuild()
            except LockedError as error:
                raise _in_use(error) from error
        self._last = time.monotonic()
        self.seconds += time.perf_counter() - start

    def rebuild(self) -> None:
        """Makes Chroma's files anew from the catalog, in a folder that replaces the old one.

        It does so when a fresh process has opened and queried it; until then queries are answered
        by exact search.

        Raises
        ------
        StoreError : when the new files can't be made or are no better; the old ones stay.
        """
        self._join()
        self._catalog.mark_store(dirty=True)
        self.remove_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=NEW_CHROMA, dir=self._home.path))
        try:
            ask_store("fill", self._home, folder=str(folder), asker=os.getpid())
            faults = self.inspect(folder=folder).faults
            if faults:
                raise StoreError("Chroma's index was made anew and is no better", faults[0])
            self._replace_by(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Removes Chroma's folders that replaced ones or unfinished ones have left."""
        for folder in self._home.chroma_leftovers():
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise HomeError(f"Can't remove {folder}", error.strerror or str(error)) from error

    def _replace_by(self, folder: Path) -> None:
        ids = self._catalog.indexed_ids()
        try:
            with hold(self._home.store_lock, wait=LOCK_WAIT, what="using Chroma"):
                if self._home.chroma.exists():
                    old = tempfile.mkdtemp(prefix=OLD_CHROMA, dir=self._home.path)
                    self._home.chroma.rename(Path(old) / self._home.chroma.name)
                folder.rename(self._home.chroma)
                self._catalog.mark_rebuilt(ids, checksums(self._home.chroma))
        except LockedError as error:
            raise _in_use(error) from error

    def _join(self) -> None:
        if self._behind is not None:
            self._behind.wait()
            self._behind = None


def _in_use(error: LockedError) -> HomeError:
    return HomeError(
        "Chroma is in use", error.why, "The catalog is up to date; the next run writes the rest."
    )
