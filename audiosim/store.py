"""Keeping the store in step with the catalog."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from audiosim.backends import backend_for, writing
from audiosim.backends.base import Backend
from audiosim.backends.inspection import Inspection
from audiosim.backends.process import StoreProcess, ask_store
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, HomeError, LockedError, StoreAwayError, StoreError
from audiosim.library.catalog import Catalog
from audiosim.library.catalog.models import Leftover
from audiosim.library.store_url import EMBEDDED, StoreUrl

BURST_INTERVAL = 30.0  # s between bursts while there is little to write
LOCK_WAIT = 60.0  # s for readers to finish
PATIENCE = 60.0  # s for which a server that is away is tried again
QUICK_PATIENCE = 2.0  # s, where somebody waits or there will be another try
DROP_LIMIT = 90.0  # s for a collection to be removed
CHECK_LIMIT = 180.0  # s for a process to open and query the collection
CHECK_LIMIT_A_ROW = 0.01  # s more for each vector there should be


class Store:
    """Sends to the store what the catalog says it lacks.

    Parameters
    ----------
    home : whose store and locks.
    catalog : the home's, open for writing; the index lock is held.
    """

    def __init__(self, home: Home, catalog: Catalog) -> None:
        self._home = home
        self._catalog = catalog
        self._behind: StoreProcess | None = None
        self.seconds = 0.0  # that a run waited for the store
        self._last = time.monotonic()

    def choose(self, url: StoreUrl) -> None:
        """Fixes where a new home's vectors are searched, once a server there has answered.

        Raises
        ------
        StoreAwayError : when it does not; the home keeps the URL.
        """
        self._catalog.settings.set_store(url, None)
        if url != EMBEDDED:
            self.rebuild()

    def recover(self) -> str | None:
        """After an unclean end, checks the store and rebuilds it if need be.

        Returns what was done, as a sentence; None when the last end was clean. A server that is
        away is left to `flush`.
        """
        if not self._catalog.store_state.dirty:
            return None
        try:
            return self._recover(QUICK_PATIENCE)
        except StoreAwayError as error:
            return f"{' '.join(str(error).split())} It is checked when the run ends."

    def inspect(self, *, full: bool = False) -> Inspection:
        """Compares the store with the catalog.

        Raises
        ------
        StoreAwayError : when its server is away.
        """
        return self._inspect(QUICK_PATIENCE, full=full)

    def flush_behind(self) -> None:
        """Now and then, has what has gathered written while the run goes on."""
        if time.monotonic() - self._last < BURST_INTERVAL or (self._behind and self._behind.running):
            return
        self._join()
        self._last = time.monotonic()
        if self._catalog.store_state.pending_count():
            self._behind = StoreProcess()
            self._behind.send(
                "flush", self._home, wait=LOCK_WAIT, patience=PATIENCE, asker=os.getpid()
            )  # what fails is met again by `flush`

    def flush(self, *, hurried: bool = False) -> str | None:
        """Writes everything the store lacks, after what is being written behind.

        Where it lacks nothing by the catalog, it is seen whether that is true, unless `hurried`. Returns
        what users should know, as a sentence. Where a server is away it is waited for; not for long when
        `hurried`.

        Raises
        ------
        StoreAwayError : when its server is away.
        StoreError : when the store fails even after it was made anew.
        """
        start, patience = time.perf_counter(), QUICK_PATIENCE if hurried else PATIENCE
        notice = None
        self._join()
        if self._catalog.store_state.dirty:
            self._recover(patience)
        if self._catalog.store_state.pending_count():
            self._write(patience)
        elif not hurried and not self._in_step():
            self.rebuild()
            label = self._catalog.settings.store_url.label
            notice = f"{label} did not hold what it should; it was made anew from the catalog."
        if self._catalog.settings.store_leftovers():
            self.remove_leftovers()
        self._last = time.monotonic()
        self.seconds += time.perf_counter() - start
        return notice

    def rebuild(self, url: StoreUrl | None = None) -> None:
        """Makes the store anew from the catalog, in a collection that replaces the old one; or elsewhere.

        It does so when a fresh process has opened and queried it.

        Raises
        ------
        StoreError : when the new one can't be made or is no better; the old one stays.
        """
        self._join()
        if url is None:
            self._catalog.store_state.mark(dirty=True)
        self.remove_leftovers()
        url = url or self._catalog.settings.store_url
        identity = self._identity()
        backend = backend_for(url, self._home)
        name = backend.new_name()
        self._catalog.settings.set_store_leftovers(
            [*self._catalog.settings.store_leftovers(), Leftover(url, name)]
        )
        try:
            ask_store("fill", self._home, url=url.text, name=name, patience=PATIENCE, asker=os.getpid())
            found = self._inspect(PATIENCE, url=url, name=name)
            if found.faults:
                raise StoreError(f"{url.label} was filled anew and is no better", found.faults[0])
            self._adopt(backend, url, name, found.stamp, identity)
        finally:
            with suppress(AudiosimError):
                self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Removes collections that have been replaced or were never completed.

        Those that can't be, as a server is away, are left for another time.
        """
        here = self._catalog.settings.store_url
        found = [Leftover(here, name) for name in backend_for(here, self._home).leftovers()]
        for each in dict.fromkeys([*self._catalog.settings.store_leftovers(), *found]):
            try:
                ask_store(
                    "drop",
                    self._home,
                    limit=DROP_LIMIT,
                    url=each.url.text,
                    name=each.name,
                    wait=LOCK_WAIT,
                )
            except AudiosimError:
                continue
            left = [other for other in self._catalog.settings.store_leftovers() if other != each]
            self._catalog.settings.set_store_leftovers(left)

    def _write(self, patience: float) -> None:
        if self._catalog.store_state.identity not in (None, self._identity()):
            self.rebuild()  # all vectors were replaced
            return
        try:
            ask_store("flush", self._home, wait=LOCK_WAIT, patience=patience, asker=os.getpid())
        except StoreAwayError:
            raise
        except StoreError:
            self.rebuild()
        except LockedError as error:
            raise self._in_use(error) from error

    def _in_step(self) -> bool:
        """Whether the store holds what the catalog says, as far as a look at it tells.

        The engine is asked only where its files do not tell; a server that is away may be in step.
        """
        catalog = self._catalog
        stamp, noted = catalog.store_state.stamp, catalog.store_state.identity
        if stamp is None and not catalog.store_state.stored_count():
            return True  # nothing was ever written
        if noted not in (None, self._identity()):
            return False
        backend = backend_for(catalog.settings.store_url, self._home)
        intact = None if stamp is None else backend.intact(stamp)
        if intact is None or (intact and noted is None):
            try:
                ask_store("check", self._home, limit=self._limit(), patience=QUICK_PATIENCE, wait=LOCK_WAIT)
            except (StoreAwayError, LockedError):
                return True
            except StoreError:
                return False
            catalog.store_state.note_identity(self._identity())
        return intact is not False

    def _identity(self) -> str:
        configuration = self._catalog.settings.configuration
        return "" if configuration is None else configuration.collection

    def _limit(self) -> float:
        """Seconds for a process to open and query the collection."""
        return CHECK_LIMIT + CHECK_LIMIT_A_ROW * self._catalog.files.count("indexed")

    def _recover(self, patience: float) -> str:
        label = _within(self._catalog.settings.store_url.label)
        found = self._inspect(patience)
        if not found.faults:
            # Sound, but a burst was cut off: what it may have held is sent again.
            self._catalog.store_state.mark_whole(found.stamp)
            return f"The last run ended while it wrote to {label}; its index was checked and is sound."
        self.rebuild()
        return (
            f"The last run ended while it wrote to {label}, and left its index damaged"
            f" ({found.faults[0]}); it is rebuilt."
        )

    def _inspect(
        self, patience: float, *, full: bool = False, url: StoreUrl | None = None, name: str | None = None
    ) -> Inspection:
        place = None if url is None else url.text
        try:
            found = ask_store(
                "inspect",
                self._home,
                limit=self._limit(),
                url=place,
                name=name,
                full=full,
                patience=patience,
                wait=LOCK_WAIT,
            )
        except StoreAwayError:
            raise
        except StoreError as error:
            return Inspection(faults=[" ".join(str(error).split())])
        except LockedError as error:
            raise self._in_use(error) from error
        return Inspection(**found)

    def _adopt(self, backend: Backend, url: StoreUrl, name: str, stamp: str | None, identity: str) -> None:
        ids = self._catalog.store_state.indexed_ids()
        try:
            with writing(backend, self._home, LOCK_WAIT):
                old, used = self._used(), Leftover(url, name)
                name, aside = backend.adopt(name)
                left = [each for each in self._catalog.settings.store_leftovers() if each != used]
                left = [each for each in left if (each.url, each.name) != (url, name)]
                if aside is not None:
                    left.append(Leftover(url, aside))
                if old is not None and (old.url, old.name) != (url, name):
                    left.append(old)
                self._catalog.store_state.mark_rebuilt(ids, stamp, identity, url, name, left)
        except LockedError as error:
            raise self._in_use(error) from error

    def _used(self) -> Leftover | None:
        """The collection in use, as one to be removed."""
        url = self._catalog.settings.store_url
        name = self._catalog.settings.store_name or backend_for(url, self._home).fixed_name
        return None if name is None else Leftover(url, name)

    def _join(self) -> None:
        if self._behind is not None:
            self._behind.wait()
            self._behind = None

    def _in_use(self, error: LockedError) -> HomeError:
        label = self._catalog.settings.store_url.label
        return HomeError(
            f"{label} is in use", error.why, "The catalog is up to date; the next run writes the rest."
        )


def _within(label: str) -> str:
    """A store's label as it stands within a sentence."""
    return label.replace("The ", "the ", 1) if label.startswith("The ") else label
