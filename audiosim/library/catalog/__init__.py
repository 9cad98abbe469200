"""The catalog: every file known, its state, why it failed; and each track's vector.

SQLite in WAL mode, one writer and any number of readers. It is the truth that the store is
made from: changes are committed here first, and ``in_store`` records what the store has
acknowledged. Vectors belong to audio digests, so that copies of a recording share one, and stay
when a file is gone, so that it can come back at no cost.
"""

from __future__ import annotations

from pathlib import Path

from audiosim.library.catalog.files import DROPPED
from audiosim.library.catalog.models import (
    Configuration,
    Entry,
    Fate,
    FileRow,
    FileState,
    PendingRow,
    Record,
    path_id,
)
from audiosim.library.catalog.records import Records
from audiosim.library.catalog.store_state import StoreState
from audiosim.library.catalog.tracks import Measures

__all__ = [
    "DROPPED",
    "Catalog",
    "Configuration",
    "Entry",
    "Fate",
    "FileRow",
    "FileState",
    "PendingRow",
    "Record",
    "path_id",
]


class Catalog(Records, StoreState, Measures):
    """A home's catalog, open. Close it, or use it as a context manager."""

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def adopt(self, other: Path) -> None:
        """Replaces everything by another catalog's content, in one step; the store stays the home's own."""
        self._db.execute("ATTACH ? AS other", (str(other),))
        try:
            with self.transaction():
                store = self.store_settings()
                for table in ("meta", "roots", "tracks", "files", "lost", "passages"):
                    self._db.execute(f"DELETE FROM main.{table}")
                    self._db.execute(f"INSERT INTO main.{table} SELECT * FROM other.{table}")
                self._db.execute("UPDATE files SET in_store = 0")
                for key, value in store.items():
                    self.set_meta(key, value)
        finally:
            self._db.execute("DETACH other")
