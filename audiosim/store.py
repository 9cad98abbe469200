"""The vector store as all else sees it: asked by searches, kept in step with the catalog by runs.

It alone knows of the store's processes, locks and stamps. What they do is imported when they are needed: a
command opens a `store_reader` before anything else, for its process takes longest to start.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from audiosim.backends import backend_for, writing
from audiosim.backends.process import StoreProcess
from audiosim.backends.reader import StoreReader, store_reader
from audiosim.core.errors import AudiosimError, HomeError, LockedError, StoreAwayError, StoreError
from audiosim.library.store_url import EMBEDDED, Leftover, StoreUrl

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiosim.backends.inspection import Inspection
    from audiosim.backends.worker import StoreWorker
    from audiosim.core.config import Home
    from audiosim.library.catalog import Catalog

__all__ = ["Store", "StoreReader", "reach", "store_reader"]

BURST_INTERVAL = 30.0  # s between bursts while there is little to write
LOCK_WAIT = 60.0  # s for readers to finish
PATIENCE = 60.0  # s for which a server that is away is tried again
QUICK_PATIENCE = 2.0  # s, where somebody waits or there will be another try
FIRST_SIGN = 4.0  # s for a server that was named just now to say that it is there
MISSPELLED = (
    "Nothing was done yet. Check the `store`: its host, port, and http or https; and that it runs and can be"
    " reached."
)
# Seconds of work, or of waiting for a server; see `StoreProcess.do`.
DROP_LIMIT = 90.0  # s for a collection to be removed
CHECK_LIMIT = 180.0  # s for a process to open and query the collection
CHECK_LIMIT_A_ROW = 0.01  # s more for each vector there should be


def reach(home: Home, url: StoreUrl) -> None:
    """See that a store which was named just now is there, before anything is done for it.

    Parameters
    ----------
    home : Home
        Whose store it is to be.
    url : StoreUrl
        Where it is.

    Raises
    ------
    StoreError
        If it is not: its URL may be misspelled.
    """
    if url == EMBEDDED:
        return
    from audiosim.backends.worker import StoreWorker

    work = partial(StoreWorker(home, LOCK_WAIT, QUICK_PATIENCE, FIRST_SIGN).reach, url)
    try:
        if url.engine == "milvus":  # whose libraries do not go with the network's
            StoreProcess().do(work)
        else:
            work()  # a greeting: Chroma is not loaded for it
    except StoreError as error:
        raise type(error)(error.what, error.why, MISSPELLED) from error


class Store:
    """Sends to the store what the catalog says it lacks.

    Parameters
    ----------
    home : Home
        Whose store and locks these are.
    catalog : Catalog
        The home's, open for writing; the index lock is held.
    on_burst : callable, optional
        Called after each burst of writes for which somebody waits.
    """

    def __init__(self, home: Home, catalog: Catalog, on_burst: Callable[[], object] = lambda: None) -> None:
        self._on_burst = on_burst
        self._home = home
        self._catalog = catalog
        self._settings, self._state = catalog.settings, catalog.store_state
        self._behind: StoreProcess | None = None
        self.seconds = 0.0  # that a run waited for the store
        self._last = time.monotonic()

    def choose(self, url: StoreUrl) -> None:
        """Fix where a new home's vectors are searched, once a server there has answered.

        Raises
        ------
        StoreAwayError
            If it does not; the home keeps the URL.
        """
        self._settings.set_store(url, None)
        if url != EMBEDDED:
            self.rebuild()

    def recover(self) -> str | None:
        """After an unclean end, check the store and rebuild it if need be.

        Returns
        -------
        str or None
            What was done, as a sentence; None where the last end was clean. A server that is away is left
            to `flush`.
        """
        if not self._state.dirty:
            return None
        try:
            return self._recover(QUICK_PATIENCE)
        except StoreAwayError as error:
            return f"{' '.join(str(error).split())} It is checked when the run ends."

    def inspect(self, *, full: bool = False) -> Inspection:
        """Compare the store with the catalog.

        Raises
        ------
        StoreAwayError
            If its server is away.
        """
        return self._inspect(QUICK_PATIENCE, full=full)

    def flush_behind(self) -> None:
        """Now and then, have what has gathered written while the run goes on."""
        if time.monotonic() - self._last < BURST_INTERVAL or (self._behind and self._behind.running):
            return
        self._join()
        self._last = time.monotonic()
        if self._state.pending_count():
            self._behind = StoreProcess()
            self._behind.begin(self._worker(PATIENCE).flush)  # what fails is met again by `flush`

    def flush(self, *, hurried: bool = False) -> str | None:
        """Write everything the store lacks, after what is being written behind.

        Where it lacks nothing by the catalog, it is seen whether that is true, unless `hurried`. Where a
        server is away it is waited for; not for long when `hurried`.

        Returns
        -------
        str or None
            What users should know, as a sentence.

        Raises
        ------
        StoreAwayError
            If its server is away.
        StoreError
            If the store fails even after it was made anew.
        """
        start, notice, patience = time.perf_counter(), None, QUICK_PATIENCE if hurried else PATIENCE
        self._join()
        if self._state.dirty:
            self._recover(patience)
        if self._state.pending_count():
            self._write(patience)
        elif not hurried and not self._in_step():
            self.rebuild()
            notice = f"{self._label} did not hold what it should; it was made anew from the catalog."
        if self._settings.store_leftovers():
            self.remove_leftovers()
        if not hurried:
            self._catalog.keep_columns()
        self._last = time.monotonic()
        self.seconds += time.perf_counter() - start
        return notice

    def rebuild(self, url: StoreUrl | None = None) -> None:
        """Make the store anew from the catalog, in a collection that replaces the old one; or elsewhere.

        It does so when a fresh process has opened and queried it.

        Raises
        ------
        StoreError
            If the new one can't be made or is no better; the old one stays.
        """
        self._join()
        if url is None:
            self._state.mark(dirty=True)
        self.remove_leftovers()
        url, identity = url or self._settings.store_url, self._identity()
        new = Leftover(url, backend_for(url, self._home).new_name())
        self._settings.set_store_leftovers([*self._settings.store_leftovers(), new])
        try:
            work = partial(self._worker(PATIENCE).fill, url, new.name)
            StoreProcess().do(work, on_progress=self._on_burst)
            found = self._inspect(PATIENCE, filled=new)
            if found.faults:
                raise StoreError(f"{url.label} was filled anew and is no better", found.faults[0])
            self._adopt(new, found.stamp, identity)
            self._catalog.keep_columns()
        finally:
            with suppress(AudiosimError):
                self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Remove collections that have been replaced or were never completed.

        Those that can't be, as a server is away, are left for another time.
        """
        here = self._settings.store_url
        found = [Leftover(here, name) for name in backend_for(here, self._home).leftovers()]
        for each in dict.fromkeys([*self._settings.store_leftovers(), *found]):
            try:
                StoreProcess().do(partial(self._worker(0.0).drop, each), limit=DROP_LIMIT)
            except AudiosimError:
                continue
            left = [other for other in self._settings.store_leftovers() if other != each]
            self._settings.set_store_leftovers(left)

    @property
    def _label(self) -> str:
        return self._settings.store_url.label

    def _worker(self, patience: float) -> StoreWorker:
        from audiosim.backends.worker import StoreWorker

        return StoreWorker(self._home, LOCK_WAIT, patience)

    def _write(self, patience: float) -> None:
        if self._state.identity not in (None, self._identity()):
            self.rebuild()  # all vectors were replaced
            return
        try:
            StoreProcess().do(self._worker(patience).flush, on_progress=self._on_burst)
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
        stamp, noted = self._state.stamp, self._state.identity
        if stamp is None and not self._state.stored_count():
            return True  # nothing was ever written
        if noted not in (None, self._identity()):
            return False
        backend = backend_for(self._settings.store_url, self._home)
        intact = None if stamp is None else backend.intact(stamp)
        if intact is None or (intact and noted is None):
            try:
                StoreProcess().do(self._worker(QUICK_PATIENCE).check, limit=self._limit())
            except (StoreAwayError, LockedError):
                return True
            except StoreError:
                return False
            self._state.note_identity(self._identity())
        return intact is not False

    def _identity(self) -> str:
        configuration = self._settings.configuration
        return "" if configuration is None else configuration.collection

    def _limit(self) -> float:
        """Seconds for a process to open and query the collection."""
        return CHECK_LIMIT + CHECK_LIMIT_A_ROW * self._catalog.files.count("indexed")

    def _recover(self, patience: float) -> str:
        label = self._label.replace("The ", "the ", 1) if self._label.startswith("The ") else self._label
        found = self._inspect(patience)
        if not found.faults:
            # Sound, but a burst was cut off: what it may have held is sent again.
            self._state.mark_whole(found.stamp)
            return f"The last run ended while it wrote to {label}; its index was checked and is sound."
        self.rebuild()
        return (
            f"The last run ended while it wrote to {label}, and left its index damaged"
            f" ({found.faults[0]}); it is rebuilt."
        )

    def _inspect(self, patience: float, *, filled: Leftover | None = None, full: bool = False) -> Inspection:
        from audiosim.backends.inspection import Inspection

        work = partial(self._worker(patience).inspect, filled, full=full)
        try:
            return StoreProcess().do(work, limit=self._limit())
        except StoreAwayError:
            raise
        except StoreError as error:
            return Inspection(faults=[" ".join(str(error).split())])
        except LockedError as error:
            raise self._in_use(error) from error

    def _adopt(self, made: Leftover, stamp: str | None, identity: str) -> None:
        ids = self._state.indexed_ids()
        backend = backend_for(made.url, self._home)
        try:
            with writing(backend, self._home, LOCK_WAIT):
                old = self._used()
                name, aside = backend.adopt(made.name)
                left = self._settings.store_leftovers()
                left += [Leftover(made.url, aside)] if aside is not None else []
                left += [old] if old is not None else []
                left = [each for each in left if each not in (made, Leftover(made.url, name))]
                self._state.mark_rebuilt(ids, stamp, identity, made.url, name, left)
        except LockedError as error:
            raise self._in_use(error) from error

    def _used(self) -> Leftover | None:
        """The collection in use, as one to be removed."""
        url = self._settings.store_url
        name = self._settings.store_name or backend_for(url, self._home).fixed_name
        return None if name is None else Leftover(url, name)

    def _join(self) -> None:
        if self._behind is not None:
            self._behind.wait()
            self._behind = None

    def _in_use(self, error: LockedError) -> HomeError:
        return HomeError(
            f"{self._label} is in use", error.why, "The catalog is up to date; the next run writes the rest."
        )
