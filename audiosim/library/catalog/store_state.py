"""What the store has of the catalog, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audiosim.core.errors import StoreError
from audiosim.library.catalog.database import ABSENT, OUTDATED, SENDING, STORED, Connection
from audiosim.library.catalog.files import Files
from audiosim.library.catalog.models import (
    TRACK_COLUMNS,
    Expected,
    PendingRow,
    track_from,
    vector_from,
)
from audiosim.library.catalog.settings import Settings
from audiosim.library.store_url import Leftover, StoreUrl
from audiosim.library.whitening import AS_THEY_ARE

STORE_IDENTITY = "store_identity"  # a key of meta


class StoreState:
    """The state of each row in the store, and the mark that brackets each burst of writes."""

    def __init__(self, database: Connection, files: Files, settings: Settings) -> None:
        self._db = database
        self._files = files
        self._settings = settings

    def pending_upserts(self, limit: int) -> list[PendingRow]:
        """Indexed files that the store has not acknowledged."""
        query = (
            f"SELECT id, vector, changed, {TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
            " WHERE in_store <> (state = 'indexed') AND state = 'indexed' LIMIT ?"
        )
        return self._rows(query, limit)

    def indexed_rows(self, limit: int) -> Iterator[list[PendingRow]]:
        """All indexed files, so many at a time."""
        last = ""
        while True:
            query = (
                f"SELECT id, vector, changed, {TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
                " WHERE state = 'indexed' AND id > ? ORDER BY id LIMIT ?"
            )
            page = self._rows(query, last, limit)
            if not page:
                return
            yield page
            last = page[-1].id

    def pending_deletes(self, limit: int) -> list[str]:
        """Ids that the store still has though their files are gone or failed."""
        query = "SELECT id FROM files WHERE in_store <> (state = 'indexed') AND state <> 'indexed' LIMIT ?"
        return [row[0] for row in self._db.execute(query, (limit,))]

    def pending_delete_count(self) -> int:
        """How many ids the store still has, or may have, though their files are not indexed."""
        query = "SELECT count(*) FROM files WHERE in_store <> (state = 'indexed') AND state <> 'indexed'"
        return int(self._db.execute(query).fetchone()[0])

    def pending_count(self) -> int:
        """How many files the store is behind by."""
        query = "SELECT count(*) FROM files WHERE in_store <> (state = 'indexed')"
        return int(self._db.execute(query).fetchone()[0])

    def begin_burst(self, limit: int, identity: str) -> tuple[list[PendingRow], list[str]]:
        """Rows to send to the store and ids to delete there, so many of each at most.

        From now on the store may have them or not, whatever happens.

        Raises
        ------
        StoreError
            If the catalog's vectors are not those of a collection with this identity (any more).
        """
        with self._db.transaction():
            self._require(identity)
            upserts, deletes = self.pending_upserts(limit), self.pending_deletes(limit)
            self.mark(dirty=True)
            self._db.executemany(
                f"UPDATE files SET in_store = {SENDING} WHERE id = ? AND in_store = {ABSENT}",
                [(row.id,) for row in upserts],
            )
            self._db.executemany(
                f"UPDATE files SET in_store = {SENDING} WHERE id = ?", [(id_,) for id_ in deletes]
            )
        return upserts, deletes

    def acknowledge(self, rows: Iterable[PendingRow], deleted: Iterable[str], identity: str) -> None:
        """Record what the store has taken, unless it has changed meanwhile, and what it has dropped.

        Rows of moved files end here.

        Raises
        ------
        StoreError
            If all vectors were replaced meanwhile: nothing that was sent counts.
        """
        with self._db.transaction():
            self._require(identity)
            self._db.executemany(
                f"UPDATE files SET in_store = {ABSENT} WHERE id = ? AND state <> 'indexed'",
                [(id_,) for id_ in deleted],
            )
            self._files.end_dropped()
            self._db.executemany(
                f"UPDATE files SET in_store = {STORED} WHERE id = ? AND changed = ?",
                [(row.id, row.changed) for row in rows],
            )
            self._settings.set_meta(STORE_IDENTITY, identity)

    def mark_rebuilt(
        self,
        ids: Iterable[str],
        stamp: str | None,
        identity: str,
        url: StoreUrl,
        name: str,
        leftovers: Iterable[Leftover],
    ) -> None:
        """Record that a new collection of this name holds these rows, and what it leaves to be removed.

        Raises
        ------
        StoreError
            If all vectors were replaced meanwhile.
        """
        with self._db.transaction():
            self._require(identity)
            self._settings.set_meta(STORE_IDENTITY, identity)
            self._settings.set_store(url, name)
            self._settings.set_store_leftovers(leftovers)
            self._db.execute(f"UPDATE files SET in_store = {ABSENT}")
            self._db.executemany(
                f"UPDATE files SET in_store = {STORED} WHERE id = ?", [(id_,) for id_ in ids]
            )
            self._files.end_dropped()
            self.mark_whole(stamp)

    @property
    def dirty(self) -> bool:
        """Whether a burst of writes to the store began and did not end."""
        return self._settings.meta("store") == "dirty"

    def mark(self, *, dirty: bool) -> None:
        """Bracket a burst of writes to the store."""
        self._settings.set_meta("store", "dirty" if dirty else "clean")

    def mark_whole(self, stamp: str | None) -> None:
        """End a burst: the store is as it should be, and bears this stamp; None: there is none yet."""
        if stamp is not None:
            self._settings.set_meta("store_checksums", stamp)
        self.mark(dirty=False)

    @property
    def stamp(self) -> str | None:
        """What the store bore when it was written last; None where that was not noted."""
        return self._settings.meta("store_checksums")

    @property
    def identity(self) -> str | None:
        """What the vectors in the store are, as `Configuration.collection` says it; None where not noted."""
        return self._settings.meta(STORE_IDENTITY)

    def note_identity(self, identity: str) -> None:
        """Note what the vectors in the store were found to be."""
        self._settings.set_meta(STORE_IDENTITY, identity)

    def unsettled_ids(self) -> list[str]:
        """Indexed files that the store does not have yet."""
        query = "SELECT id FROM files WHERE in_store <> (state = 'indexed') AND state = 'indexed'"
        return [row[0] for row in self._db.execute(query)]

    def indexed_ids(self) -> list[str]:
        """The ids of all indexed files that have a vector."""
        query = "SELECT id FROM files JOIN tracks USING (digest) WHERE state = 'indexed'"
        return [row[0] for row in self._db.execute(query)]

    def expected(self, *, filled: bool) -> Expected:
        """What the store should hold; or, `filled`, a folder that was given all that is indexed."""
        if filled:
            ids = set(self.indexed_ids())
            return Expected(ids, ids, ids)
        rows = self._db.execute(
            f"SELECT id, in_store, state FROM files WHERE in_store <> {ABSENT}"
        ).fetchall()
        return Expected(
            {id_ for id_, mark, _ in rows if mark in (STORED, OUTDATED)},
            {id_ for id_, _, _ in rows},
            {id_ for id_, mark, state in rows if mark == STORED and state == "indexed"},
        )

    def stored_count(self) -> int:
        """How many vectors the store should hold."""
        query = f"SELECT count(*) FROM files WHERE in_store IN ({STORED}, {OUTDATED})"
        return int(self._db.execute(query).fetchone()[0])

    def _require(self, identity: str) -> None:
        configuration = self._settings.configuration
        if configuration is None or configuration.collection != identity:
            raise StoreError("The index was changed while it was written to the store")

    def _rows(self, query: str, *values: str | int) -> list[PendingRow]:
        configuration = self._settings.configuration
        space = AS_THEY_ARE if configuration is None else configuration.space
        return [
            PendingRow(row[0], track_from(row[3:]), space(vector_from(row[1])), row[2])
            for row in self._db.execute(query, values)
        ]
