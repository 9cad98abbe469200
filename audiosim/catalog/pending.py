"""What Chroma has of the catalog, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from audiosim.catalog.database import ABSENT, OUTDATED, SENDING, STORED
from audiosim.catalog.files import Files
from audiosim.catalog.rows import TRACK_COLUMNS, PendingRow, track_from
from audiosim.catalog.settings import Settings


class Pending(Files, Settings):
    """The state of each row in Chroma, and the mark that brackets each burst of writes."""

    def pending_upserts(self, limit: int) -> list[PendingRow]:
        """Indexed files that Chroma has not acknowledged."""
        query = (
            f"SELECT id, vector, changed, {TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
            " WHERE in_store <> (state = 'indexed') AND state = 'indexed' LIMIT ?"
        )
        return [
            PendingRow(row[0], track_from(row[3:]), np.frombuffer(row[1], "<f4"), row[2])
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

    def unsettled_ids(self) -> list[str]:
        """Indexed files that Chroma does not have yet."""
        query = "SELECT id FROM files WHERE in_store <> (state = 'indexed') AND state = 'indexed'"
        return [row[0] for row in self._db.execute(query)]

    def stored_count(self) -> int:
        """How many vectors Chroma should hold."""
        query = f"SELECT count(*) FROM files WHERE in_store IN ({STORED}, {OUTDATED})"
        return int(self._db.execute(query).fetchone()[0])
