"""The database behind the catalog: opened, prepared, with errors that say what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audiosim.core.errors import HomeError
from audiosim.core.types import TAG_NAMES

SCHEMA_VERSION = 3
PAGE = 500  # values bound in one statement
BUSY_LIMIT = 30.0  # s to wait for another connection's commit

# What the store has of a file: nothing, its current vector, an older one, or perhaps a new one.
ABSENT, STORED, OUTDATED, SENDING = 0, 1, 2, 3

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE roots (path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE tracks (digest TEXT PRIMARY KEY, vector BLOB NOT NULL, windows INTEGER NOT NULL,
    duration REAL NOT NULL);
CREATE TABLE files (
    path BLOB PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('indexed', 'failed', 'gone')),
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    digest TEXT,
    reason TEXT,
    in_store INTEGER NOT NULL DEFAULT 0,
    changed REAL NOT NULL,
    sample_rate INTEGER,
    channels INTEGER,
    codec TEXT,
    {", ".join(f"{name} {'INTEGER' if name in ('year', 'track') else 'TEXT'}" for name in TAG_NAMES)}
);
CREATE INDEX files_by_digest ON files (digest);
CREATE INDEX files_pending ON files (id) WHERE in_store <> (state = 'indexed');
"""
# Audio whose cache was lost: it is computed again, and until then keeps its vector.
LOST = "CREATE TABLE lost (digest TEXT PRIMARY KEY) WITHOUT ROWID;"
# Vectors of stretches, by audio; and each track's mean distance to its nearest, NULL where it is not known.
PASSAGES = """
CREATE TABLE passages (digest TEXT PRIMARY KEY, vectors BLOB NOT NULL) WITHOUT ROWID;
ALTER TABLE tracks ADD COLUMN scale REAL;
"""
UPGRADES = {0: SCHEMA + LOST + PASSAGES, 1: LOST + PASSAGES, 2: PASSAGES}  # by the format there is
# Tables that came later without a new format, empty where a home has none yet: earlier versions pass them by.
ADDITIONS = {
    "ctimes": "(path BLOB PRIMARY KEY, ctime_ns INTEGER NOT NULL) WITHOUT ROWID",
    "decodings": "(digest TEXT PRIMARY KEY, decoding INTEGER NOT NULL) WITHOUT ROWID",
    "blobs": "(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "fingerprints": "(digest TEXT PRIMARY KEY, fingerprint BLOB NOT NULL) WITHOUT ROWID",
    "forgotten": "(path BLOB PRIMARY KEY) WITHOUT ROWID",
    "words": "(digest TEXT PRIMARY KEY, odds BLOB NOT NULL) WITHOUT ROWID",
    "unopened": "(path BLOB PRIMARY KEY) WITHOUT ROWID",
}
BY_AUDIO = ("fingerprints",)  # of these, which hold for any configuration, what was known stays known

DAMAGED = (
    "Restore it from a backup; or move it away, with its -wal and -shm files, and index your folders"
    " again with the same options: what is in the cache folder is not computed again."
)
REMEDIES = (  # by what SQLite says
    ("malformed", DAMAGED),
    ("not a database", DAMAGED),
    ("Could not decode", DAMAGED),
    ("disk I/O error", "Check the disk; then: audiosim verify"),
    ("full", "Make room, then run it again: finished tracks are kept."),
    ("locked", "Another process holds it: a backup, perhaps. Try again when that has ended."),
    ("readonly", "Check that the folder and its files may be written to."),
)
REMEDY = "Check the disk and the folder's permissions."


class Cursor(sqlite3.Cursor):
    """A cursor whose errors say which file, and what to do."""

    connection: Connection

    def fetchone(self) -> Any:
        with _explained(self.connection.path):
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with _explained(self.connection.path):
            return super().fetchall()

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.Error:
            with _explained(self.connection.path):
                raise


class Connection(sqlite3.Connection):
    """A connection whose errors say which file, and what to do."""

    path: Path
    _depth = 0  # of transactions, one inside the other

    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, *args: Any) -> sqlite3.Cursor:
        with _explained(self.path):
            return super().execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        with _explained(self.path):
            return super().executemany(*args)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none; a block inside another one is a part of it."""
        depth, part = self._depth, f"part_{self._depth}"
        begin, end, undo = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
        if depth:
            begin, end, undo = f"SAVEPOINT {part}", f"RELEASE {part}", f"ROLLBACK TO {part}"
        self.execute(begin)
        self._depth += 1
        try:
            yield
            self.execute(end)
        except BaseException:
            if self.in_transaction:  # SQLite may have ended it: a full disk
                self.execute(undo)
            raise
        finally:
            self._depth = depth

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read in the block is of one moment, whoever writes meanwhile."""
        self.execute("BEGIN")
        try:
            yield
        finally:
            if self.in_transaction:  # SQLite may have ended it: a failing disk
                self.execute("ROLLBACK")


class LateConnection(Connection):
    """A connection for reading that is opened when anything is read: from then on, of one moment.

    Parameters
    ----------
    path : Path
        The database.
    opened : callable
        Told when it is open, before anything else is read.
    """

    def __init__(self, path: Path, opened: Callable[[Connection], object]) -> None:
        self.path, self._opened, self._is_open = path, opened, False

    def execute(self, *args: Any) -> sqlite3.Cursor:
        if not self._is_open:
            with _explained(self.path):
                super().__init__(_uri(self.path, read_only=True), uri=True, timeout=BUSY_LIMIT)
            self._is_open = True
            _set_up(self, read_only=True)
            super().execute("BEGIN")
            self._opened(self)
        return super().execute(*args)

    def close(self) -> None:
        if self._is_open:
            super().close()


def connect(path: Path, *, read_only: bool, leave_no_trace: bool = False) -> Connection:
    """Open a catalog's database, and prepare it unless `read_only`.

    Raises
    ------
    HomeError
        When it can't be opened, is damaged, or was made by a later audiosim.
    """
    with _explained(path):
        uri = _uri(path, read_only=read_only, leave_no_trace=leave_no_trace)
        database = sqlite3.connect(uri, uri=True, timeout=BUSY_LIMIT, factory=Connection)
        database.path = path
        try:
            _set_up(database, read_only)
        except BaseException:
            database.close()
            raise
    return database


def _set_up(database: Connection, read_only: bool) -> None:
    database.isolation_level = None  # transactions are explicit
    if not read_only:
        database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    _prepare(database, read_only)


def _prepare(database: Connection, read_only: bool) -> None:
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version in UPGRADES and not read_only:
        database.executescript(f"BEGIN; {UPGRADES[version]} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    elif version == 0:
        raise HomeError(
            f"{database.path} is empty", "its first run was cut short", "Run it again: audiosim index"
        )
    elif version in UPGRADES:
        raise HomeError(f"{database.path} has an older format", "", "Bring it up to date: audiosim index")
    elif version != SCHEMA_VERSION:
        raise HomeError(
            f"{database.path} has format {version}",
            f"this audiosim reads format {SCHEMA_VERSION}",
            "Use the audiosim that made it, or another `home`.",
        )
    there = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for name in ADDITIONS.keys() - there:
        # a reader can't make a table in the file: it sees an empty one of its own
        database.execute(f"CREATE {'TEMP' if read_only else ''} TABLE IF NOT EXISTS {name} {ADDITIONS[name]}")


def _uri(path: Path, *, read_only: bool, leave_no_trace: bool = False) -> str:
    """Where the file is and how to open it.

    In a folder that can't be written to, SQLite can't share it with a writer. Nor can it without
    making files of its own there, where no one has the file open.
    """
    place = path.absolute().as_uri()
    if not read_only:
        return f"{place}?mode=rwc"
    log = path.with_name(f"{path.name}-wal")
    frozen = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    frozen = frozen or (leave_no_trace and not log.exists())
    return f"{place}?mode=ro&immutable=1" if frozen else f"{place}?mode=ro"


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        why = str(error)
        remedy = next((cure for sign, cure in REMEDIES if sign in why), REMEDY)
        raise HomeError(f"The catalog {path} can't be used", why, remedy) from error
