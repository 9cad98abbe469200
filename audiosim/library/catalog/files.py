"""The files known, their states, and what of them is searched."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple

from audiosim.core.types import TAG_NAMES, AudioInfo, TrackVector
from audiosim.library.catalog.database import ABSENT, OUTDATED, SENDING, Connection
from audiosim.library.catalog.models import DROPPED, PENDING, FileRow, FileState, path_id
from audiosim.library.catalog.tracks import Tracks

_TAGS = ", ".join(TAG_NAMES)
_ROWS = (
    "SELECT path, state, size, mtime_ns, digest, reason, ctime_ns FROM files LEFT JOIN ctimes USING (path)"
)


def _selected(query: str, below: bytes | None) -> tuple[str, tuple[bytes, ...]]:
    """A query of paths, and its values, for all or for those at or below one."""
    if below is None:
        return query, ()
    prefix = below.rstrip(b"/") + b"/"
    after = prefix[:-1] + b"0"  # "0" follows "/"
    return f"{query} WHERE path = ? OR (path > ? AND path < ?)", (below, prefix, after)


class Files:
    """Every file known, its state, why it failed."""

    def __init__(self, database: Connection, tracks: Tracks) -> None:
        self._db = database
        self._tracks = tracks

    def all(self, below: bytes | None = None) -> Iterator[FileRow]:
        """The files known, all or those at or below a path."""
        for row in self._db.execute(*_selected(_ROWS, below)):
            yield FileRow(*row)

    def unopened(self, below: bytes | None = None) -> list[bytes]:
        """The files that a run found and has yet to open, all or those at or below a path."""
        return [path for (path,) in self._db.execute(*_selected("SELECT path FROM unopened", below))]

    def unopened_count(self) -> int:
        """How many files a run found and has yet to open."""
        return int(self._db.execute("SELECT count(*) FROM unopened").fetchone()[0])

    def note_unopened(self, *, others: Iterable[bytes], found: Iterable[bytes] = ()) -> None:
        """Say that files are to be opened, and others no more; one that is entered is not, either."""
        with self._db.transaction():
            self._db.executemany("DELETE FROM unopened WHERE path = ?", [(path,) for path in others])
            self._db.executemany("INSERT OR IGNORE INTO unopened VALUES (?)", [(path,) for path in found])

    def get(self, path: bytes) -> FileRow | None:
        """The file at this path."""
        row = self._db.execute(f"{_ROWS} WHERE path = ?", (path,)).fetchone()
        return FileRow(*row) if row else None

    def codec(self, path: bytes) -> str:
        """What FFmpeg calls the codec of the file at this path; empty where it is not known."""
        row = self._db.execute("SELECT codec FROM files WHERE path = ?", (path,)).fetchone()
        return (row[0] if row else None) or ""

    def record(self, path: bytes, info: AudioInfo, vector: TrackVector | None = None) -> None:
        """Enter a file as indexed; its audio's vector is given or already known."""
        with self._db.transaction():
            if vector is not None:
                self._tracks.set_vector(info.digest, vector, info.duration)
            self._enter(path, "indexed", info, None)

    def record_failure(
        self, path: bytes, size: int, mtime_ns: int, reason: str, info: AudioInfo | None = None
    ) -> None:
        """Enter a file as failed, for this reason."""
        info = info or AudioInfo("", 0.0, 0, 0, "", size, mtime_ns)
        reason = reason.encode("utf-8", "backslashreplace").decode()  # it may quote a file's bytes
        with self._db.transaction():
            self._enter(path, "failed", info, reason)

    def note_ctimes(self, ctimes: Iterable[tuple[bytes, int | None]]) -> None:
        """Keep (path, when content, name or rights changed last, in ns) of files; None forgets it."""
        with self._db.transaction():
            for path, ctime_ns in ctimes:
                if ctime_ns is None:
                    self._db.execute("DELETE FROM ctimes WHERE path = ?", (path,))
                else:
                    self._db.execute("INSERT OR REPLACE INTO ctimes VALUES (?, ?)", (path, ctime_ns))

    def forget_ctimes(self) -> None:
        """Forget all ctimes that `note_ctimes` kept: runs note them anew, and look at no file for that."""
        self._db.execute("DELETE FROM ctimes WHERE ctime_ns <> ?", (PENDING,))

    def drop(self, paths: Iterable[bytes]) -> None:
        """End the rows of files: moved, or to be forgotten.

        An id has yet to leave the store, so the row goes when that is acknowledged.
        """
        ended = list(paths)
        with self._db.transaction():
            self._db.executemany(
                "UPDATE files SET state = 'gone', reason = ? WHERE path = ?",
                [(DROPPED, path) for path in ended],
            )
            self.note_ctimes((path, None) for path in ended)
            self.end_dropped()

    def end_dropped(self) -> None:
        """Remove the rows of dropped files of which the store has nothing any more."""
        self._db.execute(
            f"DELETE FROM files WHERE state = 'gone' AND reason = ? AND in_store = {ABSENT}", (DROPPED,)
        )

    def relocate(self, old: bytes, new: bytes, *, keep_ctimes: bool) -> int:
        """Have what is known at and below one path lie at another; returns how many rows moved.

        Rows that the new path has already stay as they are. Copies of files have ctimes of their own,
        which the next run notes.
        """
        rows = [row for row in self.all(old) if row.reason != DROPPED]
        kept = f"state, size, mtime_ns, digest, reason, changed, sample_rate, channels, codec, {_TAGS}"
        with self._db.transaction():
            for row in rows:
                target = new + row.path[len(old) :]
                self._db.execute(
                    f"INSERT OR IGNORE INTO files (path, id, {kept}) SELECT ?, ?, {kept} FROM files"
                    " WHERE path = ?",
                    (target, path_id(target), row.path),
                )
                if keep_ctimes and row.ctime_ns is not None:
                    self._db.execute("INSERT OR IGNORE INTO ctimes VALUES (?, ?)", (target, row.ctime_ns))
            unopened = self.unopened(old)
            self.note_unopened(others=unopened, found=[new + path[len(old) :] for path in unopened])
            self.drop(row.path for row in rows)
        return len(rows)

    def gone_with(self, digest: str) -> list[bytes]:
        """The paths of files that are gone and held this audio."""
        query = "SELECT path FROM files WHERE digest = ? AND state = 'gone' AND reason IS NULL"
        return [path for (path,) in self._db.execute(query, (digest,))]

    def mark_gone(self, paths: Iterable[bytes]) -> None:
        """Take files out of the index, keeping all that is known of them."""
        with self._db.transaction():
            self._db.executemany(
                "UPDATE files SET state = 'gone', changed = ? WHERE path = ?",
                [(time.time(), path) for path in paths],
            )

    def gone(self) -> list[tuple[bytes, float]]:
        """(path, when they were missed first, in s since 1970) of files that are gone."""
        query = "SELECT path, changed FROM files WHERE state = 'gone' AND reason IS NOT ? ORDER BY path"
        return list(self._db.execute(query, (DROPPED,)))

    def mark_returned(self, paths: Iterable[bytes]) -> None:
        """Put files that were gone back as they were: indexed, or failed if they had failed."""
        with self._db.transaction():
            self._db.executemany(
                "UPDATE files SET state = CASE WHEN reason IS NULL THEN 'indexed' ELSE 'failed' END,"
                " changed = ? WHERE path = ?",
                [(time.time(), path) for path in paths],
            )

    def count(self, state: FileState) -> int:
        """How many files are in this state."""
        query = "SELECT count(*) FROM files WHERE state = ? AND reason IS NOT ?"
        return int(self._db.execute(query, (state, DROPPED)).fetchone()[0])

    def copies(self, digests: Iterable[str]) -> int:
        """How many indexed files hold any of this audio."""
        query = "SELECT count(*) FROM files WHERE state = 'indexed' AND digest = ?"
        return sum(int(self._db.execute(query, (digest,)).fetchone()[0]) for digest in set(digests))

    def paths_with(self, digests: Iterable[str]) -> list[bytes]:
        """The paths of files that hold, or held, any of this audio."""
        query = "SELECT path FROM files WHERE digest = ?"
        return [row[0] for digest in digests for row in self._db.execute(query, (digest,))]

    def failures(self) -> list[tuple[bytes, str]]:
        """(path, reason) of every file that failed."""
        query = "SELECT path, reason FROM files WHERE state = 'failed' ORDER BY path"
        return list(self._db.execute(query))

    def failed_digests(self) -> dict[str, str]:
        """The audio that can't be used, and why."""
        return dict(
            self._db.execute(
                f"SELECT digest, reason FROM files WHERE reason IS NOT NULL AND reason <> '{DROPPED}'"
                " AND digest IS NOT NULL AND digest NOT IN (SELECT digest FROM tracks)"
            )
        )

    def failed_paths(self) -> dict[bytes, str]:
        """The audio of files that failed once they were identified."""
        query = "SELECT path, digest FROM files WHERE state = 'failed' AND digest IS NOT NULL"
        return dict(self._db.execute(query))

    def _enter(self, path: bytes, state: FileState, info: AudioInfo, reason: str | None) -> None:
        """Inserts or replaces a row, keeping what the store has of it."""
        names = [
            "path", "id", "state", "size", "mtime_ns", "digest", "reason", "changed",
            "sample_rate", "channels", "codec", *TAG_NAMES,
        ]  # fmt: skip
        values = (
            path, path_id(path), state, info.size, info.mtime_ns, info.digest or None, reason, time.time(),
            info.sample_rate, info.channels, info.codec, *astuple(info.tags),
        )  # fmt: skip
        self._db.execute("DELETE FROM unopened WHERE path = ?", (path,))
        updates = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
        self._db.execute(
            f"INSERT INTO files ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
            f" ON CONFLICT (path) DO UPDATE SET {updates},"
            f" in_store = CASE WHEN in_store IN ({ABSENT}, {SENDING}) THEN in_store ELSE {OUTDATED} END",
            values,
        )
