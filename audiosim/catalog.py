"""The catalog: every file known, its state, why it failed; and each track's vector.

SQLite in WAL mode, one writer and any number of readers. It is the truth that Chroma's index is
made from: changes are committed here first, and ``in_store`` records what Chroma has
acknowledged. Vectors belong to audio digests, so that copies of a recording share one, and stay
when a file is gone, so that it can come back at no cost.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from audiosim.errors import HomeError
from audiosim.types import TAG_NAMES, AudioInfo, EncoderSpec, Float32, Pooling, Tags, Track, TrackVector

SCHEMA_VERSION = 1
BUSY_LIMIT = 30.0  # s to wait for another connection's commit
PAGE = 500  # values bound in one statement
FileState = Literal["indexed", "failed", "gone"]

# What Chroma has of a file: nothing, its current vector, an older one, or perhaps a new one.
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

# The decoded duration of the audio is better than what the container claims.
_TRACK_COLUMNS = ", ".join(["path", "digest", "tracks.duration", *TAG_NAMES])


@dataclass(frozen=True)
class FileRow:
    """What the catalog knows of a file; ``size`` in bytes."""

    path: bytes
    state: FileState
    size: int
    mtime_ns: int
    digest: str | None
    reason: str | None


@dataclass(frozen=True)
class Configuration:
    """What the first `index` fixed for a home."""

    spec: EncoderSpec
    pooling: Pooling
    cache: Path

    @property
    def collection(self) -> str:
        """Identifies what Chroma's vectors are: encoder fingerprint and pooling."""
        return f"{self.spec.fingerprint} {self.pooling}"


def path_id(path: bytes) -> str:
    """The ASCII id of a path, as Chroma knows it: BLAKE2b-128, 32 hexadecimal digits."""
    return hashlib.blake2b(path, digest_size=16).hexdigest()


@dataclass(frozen=True)
class PendingRow:
    """A row on its way to Chroma, as it was at the time ``changed``."""

    id: str
    track: Track
    vector: Float32
    changed: float


class _Connection(sqlite3.Connection):
    """A connection whose errors say which file, and what to do."""

    path: Path

    def execute(self, *args: Any) -> sqlite3.Cursor:
        with _explained(self.path):
            return super().execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        with _explained(self.path):
            return super().executemany(*args)


class Catalog:
    """A home's catalog, open. Close it, or use it as a context manager.

    Parameters
    ----------
    path : of the database; made if it is not there, unless `read_only`.
    read_only : for queries: any number may read beside one writer.

    Raises
    ------
    HomeError : when it can't be opened, is damaged, or was made by a later audiosim.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        with _explained(path):
            uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            self._db = sqlite3.connect(uri, uri=True, timeout=BUSY_LIMIT, factory=_Connection)
            self._db.path = path
            try:
                self._db.isolation_level = None  # transactions are explicit
                if not read_only:
                    self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._prepare(read_only)
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite may have ended it: a full disk
                self._db.execute("ROLLBACK")
            raise

    # --- the home's configuration and marks

    def meta(self, key: str) -> str | None:
        """A value set with `set_meta`."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Keeps a value under a key."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @property
    def configuration(self) -> Configuration | None:
        """The home's configuration, once the first `index` has fixed it."""
        text = self.meta("configuration")
        if text is None:
            return None
        data = json.loads(text)
        return Configuration(EncoderSpec.from_json(data["spec"]), data["pooling"], Path(data["cache"]))

    def set_configuration(self, configuration: Configuration) -> None:
        """Fixes the configuration; vectors already there must fit it."""
        data = {
            "spec": configuration.spec.to_json(),
            "pooling": configuration.pooling,
            "cache": str(configuration.cache),
        }
        self.set_meta("configuration", json.dumps(data))

    # --- roots

    def roots(self) -> list[bytes]:
        """The folders and files that `index` without a path rescans."""
        return [row[0] for row in self._db.execute("SELECT path FROM roots ORDER BY path")]

    def set_roots(self, roots: Iterable[bytes]) -> None:
        """Replaces the roots."""
        with self.transaction():
            self._db.execute("DELETE FROM roots")
            self._db.executemany("INSERT INTO roots VALUES (?)", [(root,) for root in roots])

    # --- files

    def files(self, below: bytes | None = None) -> Iterator[FileRow]:
        """The files known, all or those at or below a path."""
        query = "SELECT path, state, size, mtime_ns, digest, reason FROM files"
        values: tuple[bytes, ...] = ()
        if below is not None:
            prefix = below.rstrip(b"/") + b"/"
            query += " WHERE path = ? OR (path > ? AND path < ?)"
            values = (below, prefix, prefix[:-1] + b"0")  # "0" follows "/"
        for row in self._db.execute(query, values):
            yield FileRow(*row)

    def file(self, path: bytes) -> FileRow | None:
        """The file at this path."""
        row = self._db.execute(
            "SELECT path, state, size, mtime_ns, digest, reason FROM files WHERE path = ?", (path,)
        ).fetchone()
        return FileRow(*row) if row else None

    def record(self, path: bytes, info: AudioInfo, vector: TrackVector | None = None) -> None:
        """Enters a file as indexed; its audio's vector is given or already known."""
        with self.transaction():
            if vector is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO tracks VALUES (?, ?, ?, ?)",
                    (info.digest, vector.vector.astype("<f4").tobytes(), vector.windows, info.duration),
                )
            self._enter(path, "indexed", info, None)

    def record_failure(
        self, path: bytes, size: int, mtime_ns: int, reason: str, info: AudioInfo | None = None
    ) -> None:
        """Enters a file as failed, for this reason."""
        info = info or AudioInfo("", 0.0, 0, 0, "", size, mtime_ns)
        reason = reason.encode("utf-8", "backslashreplace").decode()  # it may quote a file's bytes
        with self.transaction():
            self._enter(path, "failed", info, reason)

    def mark_moved(self, old: bytes) -> None:
        """Ends the row of a file that is known under a new path now.

        Its id has yet to leave Chroma, so the row goes when that is acknowledged.
        """
        with self.transaction():
            self._db.execute("UPDATE files SET state = 'gone', reason = 'moved' WHERE path = ?", (old,))
            self._forget_moved()

    def gone_with(self, digest: str) -> bytes | None:
        """The path of a file that is gone and held this audio."""
        row = self._db.execute(
            "SELECT path FROM files WHERE digest = ? AND state = 'gone' AND reason IS NULL", (digest,)
        ).fetchone()
        return row[0] if row else None

    def forget(self, paths: Iterable[bytes]) -> None:
        """Removes rows that never were in the index."""
        with self.transaction():
            self._db.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in paths])

    def mark_gone(self, paths: Iterable[bytes]) -> None:
        """Takes files out of the index, keeping all that is known of them."""
        with self.transaction():
            self._db.executemany(
                "UPDATE files SET state = 'gone', changed = ? WHERE path = ?",
                [(time.time(), path) for path in paths],
            )

    def mark_returned(self, paths: Iterable[bytes]) -> None:
        """Puts files that were gone back as they were: indexed, or failed if they had failed."""
        with self.transaction():
            self._db.executemany(
                "UPDATE files SET state = CASE WHEN reason IS NULL THEN 'indexed' ELSE 'failed' END,"
                " changed = ? WHERE path = ?",
                [(time.time(), path) for path in paths],
            )

    # --- vectors

    def known_digests(self) -> set[str]:
        """The audio whose vectors are known."""
        return {row[0] for row in self._db.execute("SELECT digest FROM tracks")}

    def failed_digests(self) -> dict[str, str]:
        """The audio that can't be used, and why."""
        return dict(
            self._db.execute(
                "SELECT digest, reason FROM files WHERE reason IS NOT NULL AND reason <> 'moved'"
                " AND digest IS NOT NULL AND digest NOT IN (SELECT digest FROM tracks)"
            )
        )

    def vector(self, digest: str) -> Float32 | None:
        """The unit vector (dim,) of this audio."""
        row = self._db.execute("SELECT vector FROM tracks WHERE digest = ?", (digest,)).fetchone()
        return np.frombuffer(row[0], "<f4") if row else None

    def indexed_vectors(self) -> Iterator[tuple[str, Float32]]:
        """(id, unit vector) of every file in the index, for exact search."""
        query = "SELECT id, vector FROM files JOIN tracks USING (digest) WHERE state = 'indexed'"
        for id_, vector in self._db.execute(query):
            yield id_, np.frombuffer(vector, "<f4")

    def replace_vectors(
        self, configuration: Configuration, vectors: Iterable[tuple[str, TrackVector, float]]
    ) -> None:
        """Changes configuration and every vector, (digest, vector, duration in s), in one step.

        Files whose audio has no vector now are forgotten, so that the next run redoes them.
        """
        with self.transaction():
            self._db.execute("DELETE FROM tracks")
            self._db.executemany(
                "INSERT INTO tracks VALUES (?, ?, ?, ?)",
                ((d, v.vector.astype("<f4").tobytes(), v.windows, s) for d, v, s in vectors),
            )
            self._db.execute(
                "DELETE FROM files WHERE reason IS NULL AND digest NOT IN (SELECT digest FROM tracks)"
            )
            self._db.execute("UPDATE files SET in_store = 0")
            self.set_configuration(configuration)

    def adopt(self, other: Path) -> None:
        """Replaces everything by another catalog's content, in one step."""
        self._db.execute("ATTACH ? AS other", (str(other),))
        try:
            with self.transaction():
                for table in ("meta", "roots", "tracks", "files"):
                    self._db.execute(f"DELETE FROM main.{table}")
                    self._db.execute(f"INSERT INTO main.{table} SELECT * FROM other.{table}")
                self._db.execute("UPDATE files SET in_store = 0")
        finally:
            self._db.execute("DETACH other")

    # --- what Chroma has, and lacks

    def pending_upserts(self, limit: int) -> list[PendingRow]:
        """Indexed files that Chroma has not acknowledged."""
        query = (
            f"SELECT id, vector, changed, {_TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
            " WHERE in_store <> (state = 'indexed') AND state = 'indexed' LIMIT ?"
        )
        return [
            PendingRow(row[0], _track(row[3:]), np.frombuffer(row[1], "<f4"), row[2])
            for row in self._db.execute(query, (limit,))
        ]

    def pending_deletes(self, limit: int) -> list[str]:
        """Ids that Chroma still has though their files are gone or failed."""
        query = "SELECT id FROM files WHERE in_store <> (state = 'indexed') AND state <> 'indexed' LIMIT ?"
        return [row[0] for row in self._db.execute(query, (limit,))]

    def pending_delete_count(self) -> int:
        """How many ids Chroma still has, or may have, though their files are not indexed."""
        query = "SELECT count(*) FROM files WHERE in_store <> (state = 'indexed') AND state <> 'indexed'"
        return int(self._db.execute(query).fetchone()[0])

    def pending_count(self) -> int:
        """How many files Chroma is behind by."""
        query = "SELECT count(*) FROM files WHERE in_store <> (state = 'indexed')"
        return int(self._db.execute(query).fetchone()[0])

    def mark_sending(self, ids: Iterable[str]) -> None:
        """Begins a burst: Chroma may have these rows from now on, whatever happens."""
        with self.transaction():
            self.mark_store(dirty=True)
            self._db.executemany(
                f"UPDATE files SET in_store = {SENDING} WHERE id = ? AND in_store = {ABSENT}",
                [(id_,) for id_ in ids],
            )

    def mark_stored(self, rows: Iterable[PendingRow]) -> None:
        """Records rows that Chroma has acknowledged, unless they have changed meanwhile."""
        with self.transaction():
            self._db.executemany(
                f"UPDATE files SET in_store = {STORED} WHERE id = ? AND changed = ?",
                [(row.id, row.changed) for row in rows],
            )

    def mark_deleted(self, ids: Iterable[str]) -> None:
        """Records what Chroma has dropped; rows of moved files end here."""
        with self.transaction():
            self._db.executemany(
                f"UPDATE files SET in_store = {ABSENT} WHERE id = ? AND state <> 'indexed'",
                [(id_,) for id_ in ids],
            )
            self._forget_moved()

    def mark_none_stored(self) -> None:
        """Records that Chroma has nothing, so that all is sent again."""
        with self.transaction():
            self._db.execute("UPDATE files SET in_store = 0")
            self._forget_moved()

    @property
    def store_dirty(self) -> bool:
        """Whether a burst of writes to Chroma began and did not end."""
        return self.meta("store") == "dirty"

    def mark_store(self, *, dirty: bool) -> None:
        """Brackets a burst of writes to Chroma."""
        self.set_meta("store", "dirty" if dirty else "clean")

    # --- for queries and status

    def tracks(self, ids: Iterable[str]) -> dict[str, tuple[Track, Float32]]:
        """Indexed files by id, with their vectors; ids that are not indexed are left out."""
        found: dict[str, tuple[Track, Float32]] = {}
        wanted = list(ids)
        for start in range(0, len(wanted), PAGE):
            page = wanted[start : start + PAGE]
            marks = ", ".join("?" * len(page))
            query = (
                f"SELECT id, vector, {_TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
                f" WHERE state = 'indexed' AND id IN ({marks})"
            )
            for row in self._db.execute(query, page):
                found[row[0]] = (_track(row[2:]), np.frombuffer(row[1], "<f4"))
        return found

    def track(self, path: bytes) -> Track | None:
        """A file with a vector, indexed or gone, as results show it."""
        row = self._db.execute(
            f"SELECT {_TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
            " WHERE path = ? AND (reason IS NULL OR reason = 'moved')",
            (path,),
        ).fetchone()
        return _track(row) if row else None

    def unsettled_ids(self) -> list[str]:
        """Indexed files that Chroma does not have yet."""
        query = "SELECT id FROM files WHERE in_store <> (state = 'indexed') AND state = 'indexed'"
        return [row[0] for row in self._db.execute(query)]

    def stored_count(self) -> int:
        """How many vectors Chroma should hold."""
        query = f"SELECT count(*) FROM files WHERE in_store IN ({STORED}, {OUTDATED})"
        return int(self._db.execute(query).fetchone()[0])

    def copies(self, digests: Iterable[str]) -> int:
        """How many indexed files hold any of this audio."""
        query = "SELECT count(*) FROM files WHERE state = 'indexed' AND digest = ?"
        return sum(int(self._db.execute(query, (digest,)).fetchone()[0]) for digest in set(digests))

    def count(self, state: FileState) -> int:
        """How many files are in this state."""
        query = "SELECT count(*) FROM files WHERE state = ?"
        return int(self._db.execute(query, (state,)).fetchone()[0])

    def failures(self) -> list[tuple[bytes, str]]:
        """(path, reason) of every file that failed."""
        query = "SELECT path, reason FROM files WHERE state = 'failed' ORDER BY path"
        return list(self._db.execute(query))

    def duration(self) -> float:
        """Seconds of audio in the index."""
        query = (
            "SELECT coalesce(sum(tracks.duration), 0) FROM files JOIN tracks USING (digest)"
            " WHERE state = 'indexed'"
        )
        return float(self._db.execute(query).fetchone()[0])

    def _enter(self, path: bytes, state: FileState, info: AudioInfo, reason: str | None) -> None:
        """Inserts or replaces a row, keeping what Chroma has of it."""
        names = [
            "path", "id", "state", "size", "mtime_ns", "digest", "reason", "changed",
            "sample_rate", "channels", "codec", *TAG_NAMES,
        ]  # fmt: skip
        values = (
            path, path_id(path), state, info.size, info.mtime_ns, info.digest or None, reason, time.time(),
            info.sample_rate, info.channels, info.codec, *astuple(info.tags),
        )  # fmt: skip
        updates = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
        self._db.execute(
            f"INSERT INTO files ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
            f" ON CONFLICT (path) DO UPDATE SET {updates},"
            f" in_store = CASE WHEN in_store IN ({ABSENT}, {SENDING}) THEN in_store ELSE {OUTDATED} END",
            values,
        )

    def _forget_moved(self) -> None:
        self._db.execute("DELETE FROM files WHERE state = 'gone' AND reason = 'moved' AND in_store = 0")

    def _prepare(self, read_only: bool) -> None:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version == 0 and not read_only:
            self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version == 0:
            raise HomeError(
                f"{self.path} is empty", "its first run was cut short", "Run audiosim index again."
            )
        elif version != SCHEMA_VERSION:
            raise HomeError(
                f"{self.path} has format {version}",
                f"this audiosim reads format {SCHEMA_VERSION}",
                "Use the audiosim that made it, or another --home.",
            )


def _track(row: tuple[Any, ...]) -> Track:
    return Track(row[0], row[1], row[2], Tags(*row[3:]))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise HomeError(
            f"The catalog {path} can't be used", str(error), "Check the disk and the folder's permissions."
        ) from error
