"""The index that a server answers from: in memory, and followed as runs change it.

Between requests the catalog is closed. What tells of a change are the times and sizes of its files, which
each commit alters; then rows that have changed are read. A request sees one committed state.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from audiosim.core.config import Home, find_home, no_index
from audiosim.core.errors import AudiosimError
from audiosim.core.last_used import LastUsed
from audiosim.core.types import EncoderSpec
from audiosim.encoders.words import TextSide
from audiosim.library.catalog import Catalog, Held
from audiosim.library.catalog.held import CONFIGURATION, hold
from audiosim.library.index import Index
from audiosim.search.names import Names
from audiosim.server.problems import ProblemError

LOOK_INTERVAL = 0.5  # s between looks at the catalog's files
FINGERPRINTS = 10_240  # that are kept, some 8 KB each
# Searches at a time: of many tracks, one reads vectors while another is in Python, which takes most of few.
MANY, TURNS = 30_000, 2
SHARE = 4  # times as long as reading took, at least, until it is read again

Signature = tuple[tuple[int, int, int] | None, ...]


class Library:
    """A home's index in memory.

    Parameters
    ----------
    home : path-like, optional
        The home's folder.
    reader : callable, optional
        Gives what reads texts for an encoder by its spec, or None.

    Raises
    ------
    HomeError
        If there is no index.
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        reader: Callable[[EncoderSpec], TextSide | None] = lambda spec: None,
    ) -> None:
        self._reader = reader
        self.home: Home = find_home(home)
        self._reading = threading.Lock()
        self._stopped = threading.Event()
        self._few, self._many = Turns(1), Turns(TURNS)
        self._seen = _signature(self.home.catalog)
        self._kept: LastUsed[Any] = LastUsed(FINGERPRINTS)
        self._held, self._took = self._read(None)
        self.version = 1  # counts how often it was read
        self._names: Names | None = None  # made when it is asked for, or by `follow`
        self.error: str | None = None  # why it could not be followed, the last time

    @property
    def held(self) -> Held:
        """The index as it was read last."""
        return self._held

    @property
    def names(self) -> Names:
        """The tracks of the index by their names."""
        names, held = self._names, self._held
        if names is None or names.tracks is not held.tracks:
            names = self._names = Names(held.tracks, names)
        return names

    @contextmanager
    def index(self) -> Iterator[Index]:
        """Open the index for one request: tracks in memory, the rest from the catalog.

        Yields
        ------
        Index
            The index, as of one moment.

        Raises
        ------
        HomeError
            If the catalog can't be read.
        """
        held, seen = self._held, self._seen
        if _signature(self.home.catalog) == seen:
            with Catalog.late(self.home.catalog, held, partial(_check, held)) as late:
                yield self._opened(late, held)
            return
        if not self.home.catalog.exists():
            raise no_index(self.home)
        with Catalog(self.home.catalog, read_only=True) as catalog, catalog.snapshot():
            if catalog.settings.meta(CONFIGURATION) != held.text:  # vectors of another kind: none may mix
                held = self._follow(catalog)
            yield self._opened(catalog.holding(held), held)

    def _opened(self, catalog: Catalog, held: Held) -> Index:
        reader = self._reader(held.configuration.spec)
        turn = self._many if len(held.tracks) >= MANY else self._few
        return Index(self.home, catalog, held.configuration, self._kept, reader, turn=turn)

    def follow(self, each_time: Callable[[], object] = lambda: None) -> None:
        """Read what changes, until `stop`; `each_time` is called now and then."""
        _ = self.names
        while not self._stopped.wait(max(LOOK_INTERVAL, SHARE * self._took)):
            each_time()
            try:
                self.refresh()
                self.error = None
            except (
                AudiosimError
            ) as error:  # a catalog that is being put back, perhaps: what was known answers
                self.error = " ".join(str(error).split())

    def refresh(self) -> bool:
        """Read what has changed, if anything has.

        Returns
        -------
        bool
            Whether anything had.

        Raises
        ------
        HomeError
            If the catalog can't be read.
        """
        signature = _signature(self.home.catalog)
        if signature == self._seen:
            return False
        with self._reading:
            self._held, self._took = self._read(self._held)
            self.version += 1
            self._seen = signature  # of before it was read: what came meanwhile is read again
        return True

    def stop(self) -> None:
        """Have `follow` end."""
        self._stopped.set()

    def _follow(self, catalog: Catalog) -> Held:
        """What the index is in a snapshot."""
        held = hold(catalog, self._held)
        if held is None:
            raise no_index(self.home)
        with self._reading:
            self._held, self.version = held, self.version + 1
        return held

    def _read(self, previous: Held | None) -> tuple[Held, float]:
        if not self.home.catalog.exists():
            raise no_index(self.home)
        start = time.monotonic()
        with Catalog(self.home.catalog, read_only=True) as catalog, catalog.snapshot():
            held = hold(catalog, previous)
        if held is None:
            raise no_index(self.home)
        held.prepare()
        if previous is not None and previous.lacking != held.lacking:
            self._kept = LastUsed(FINGERPRINTS)  # which knows what has none
        return held, time.monotonic() - start


class Turns:
    """Lets a few threads at a time into a block, while the others wait.

    Threads that all compute take Python's lock from each other at each step that NumPy makes without it.
    They wait in a queue, which is made in C: a `threading.Semaphore` would have them take it as often.

    Parameters
    ----------
    count : int
        How many are let in.
    """

    def __init__(self, count: int) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(count):
            self._free.put(None)

    def __enter__(self) -> None:
        self._free.get()

    def __exit__(self, *exc: object) -> None:
        self._free.put(None)


def _check(held: Held, catalog: Catalog) -> None:
    """See that what is read of a catalog goes with what is in memory."""
    if catalog.settings.meta(CONFIGURATION) != held.text:  # since it was looked at, milliseconds ago
        why, later = "its tracks are read anew", {"Retry-After": "1"}
        raise ProblemError(503, "The index has just been changed", why, "Ask again.", later)


def _signature(catalog: Path) -> Signature:
    """What differs once anything has been committed: of the database and of its write-ahead log."""
    found: list[tuple[int, int, int] | None] = []
    for path in (catalog, catalog.with_name(f"{catalog.name}-wal")):
        status = None
        with suppress(OSError):
            status = path.stat()
        found.append(status and (status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
