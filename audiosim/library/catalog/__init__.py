"""The catalog: every file known, its state, why it failed; and each track's vector.

SQLite in WAL mode, one writer and any number of readers. It is the truth that the store is
made from: changes are committed here first, and ``in_store`` records what the store has
acknowledged. Vectors belong to audio digests, so that copies of a recording share one, and stay
when a file is gone, so that it can come back at no cost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import copy
from pathlib import Path

from audiosim.core.errors import HomeError
from audiosim.library.catalog.audio import Audio
from audiosim.library.catalog.column_tracks import ColumnFingerprints, ColumnTracks, ColumnWords
from audiosim.library.catalog.columns import Columns
from audiosim.library.catalog.database import (
    ADDITIONS,
    BY_AUDIO,
    DAMAGED,
    Connection,
    LateConnection,
    connect,
)
from audiosim.library.catalog.files import Files
from audiosim.library.catalog.fingerprints import Fingerprints
from audiosim.library.catalog.held import Held
from audiosim.library.catalog.held_tables import HeldFiles, HeldFingerprints, HeldSettings, HeldTracks
from audiosim.library.catalog.held_words import HeldWords
from audiosim.library.catalog.made_columns import Source, keep_columns
from audiosim.library.catalog.models import (
    DROPPED,
    PENDING,
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
from audiosim.library.catalog.settings import Settings
from audiosim.library.catalog.store_state import StoreState
from audiosim.library.catalog.tracks import Tracks
from audiosim.library.catalog.words import Words, are_odds

__all__ = [
    "DROPPED",
    "PENDING",
    "Audio",
    "Catalog",
    "Configuration",
    "Entry",
    "Fate",
    "FileRow",
    "FileState",
    "Files",
    "Held",
    "PendingRow",
    "Record",
    "Settings",
    "Tracks",
    "are_odds",
    "path_id",
]


class Catalog:
    """A home's catalog, open. Close it, or use it as a context manager.

    Parameters
    ----------
    path : Path
        The database; made if it is not there, unless `read_only`.
    read_only : bool
        For queries: any number may read beside one writer.
    leave_no_trace : bool
        For a short look: SQLite makes no files beside it. Who begins to write meanwhile may spoil the answer.

    Attributes
    ----------
    files : Files
        The files known, and their states.
    tracks : Tracks
        The vectors, passages and measures of audio.
    fingerprints : Fingerprints
        What audio sounds like, to tell recordings apart.
    words : Words
        Which words fit audio, where its encoder knows any.
    records : Records
        Files with all that is known of their audio, to be taken elsewhere and from elsewhere.
    store_state : StoreState
        What the store has of all this.
    settings : Settings
        The configuration, the roots, and where the store is.

    Raises
    ------
    HomeError
        When it can't be opened, is damaged, or was made by a later audiosim.
    """

    def __init__(self, path: Path, *, read_only: bool = False, leave_no_trace: bool = False) -> None:
        self._use(connect(path, read_only=read_only, leave_no_trace=leave_no_trace))

    @classmethod
    def late(cls, path: Path, held: Held, opened: Callable[[Catalog], object]) -> Catalog:
        """The same as `holding`, of a catalog that is opened when something is read that is not in memory.

        Parameters
        ----------
        path : Path
            The database.
        held : Held
            What was read before.
        opened : callable
            Told the catalog when it is open; what is read of it is of that moment.
        """
        found = cls.__new__(cls)
        found._use(LateConnection(path, lambda database: opened(found)))
        return found.holding(held)

    def _use(self, database: Connection) -> None:
        self.path, self._db = database.path, database
        self.settings = Settings(self._db)
        tracks = ColumnTracks(self._db, self.settings)
        self.tracks: Tracks = tracks
        self.files = Files(self._db, self.tracks)
        self.fingerprints: Fingerprints = ColumnFingerprints(self._db, tracks)
        self.words: Words = ColumnWords(self._db, self.settings, tracks)
        self.records = Records(self._db, self.files, self.tracks, self.fingerprints, self.words)
        self.store_state = StoreState(self._db, self.files, self.settings)

    def holding(self, held: Held) -> Catalog:
        """The same catalog for searches, which find in memory what was read before; this one stays open."""
        found = copy(self)
        found.settings = HeldSettings(self._db, held)
        found.tracks = HeldTracks(self._db, found.settings, held, self.tracks)
        found.files = HeldFiles(self._db, found.tracks, held)
        found.fingerprints = HeldFingerprints(self._db, held)
        found.words = HeldWords(self._db, found.settings, held)
        return found

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All changes of the block, or none; a block inside another one is a part of it."""
        return self._db.transaction()

    def snapshot(self) -> AbstractContextManager[None]:
        """What is read in the block is of one moment, whoever writes meanwhile."""
        return self._db.snapshot()

    def columns(self) -> Columns | None:
        """Give the file of columns, mapped into memory; None where there is none of this state."""
        return self.tracks.columns() if isinstance(self.tracks, ColumnTracks) else None

    def keep_columns(self) -> None:
        """Have the file of columns, by which many tracks are searched fast, be what the catalog says."""
        configuration, count = self.settings.configuration, self.files.count("indexed")
        if configuration is not None:
            source = Source(self.tracks, self.words, self.fingerprints.lacking)
            keep_columns(self._db, configuration, source, count)

    def keep_nothing(self) -> None:
        """Have what is changed of files and settings from now on be so for this connection only."""
        for table in ("meta", "roots", "forgotten", "files"):
            query = "SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = ?"
            made = self._db.execute(query, (table,)).fetchone()
            if made is not None:  # else `connect` has seen to it
                self._db.execute(made[0].replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
                self._db.execute(f"INSERT INTO temp.{table} SELECT * FROM main.{table}")

    def check(self) -> None:
        """Read the whole file.

        Raises
        ------
        HomeError
            When SQLite finds it damaged.
        """
        found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise HomeError(f"The catalog {self.path} is damaged", " ".join(str(found).split()), DAMAGED)

    def adopt(self, other: Path) -> None:
        """Replace everything by another catalog's content, in one step; the store stays the home's own."""
        self._db.execute("ATTACH ? AS other", (str(other),))
        try:
            with self.transaction():
                store = self.settings.store_settings()
                for table in ("meta", "roots", "tracks", "files", "lost", "passages", *ADDITIONS):
                    if table not in BY_AUDIO:
                        self._db.execute(f"DELETE FROM main.{table}")
                    self._db.execute(f"INSERT OR REPLACE INTO main.{table} SELECT * FROM other.{table}")
                self._db.execute(
                    "DELETE FROM fingerprints WHERE digest NOT IN (SELECT digest FROM main.tracks)"
                )
                self._db.execute("UPDATE files SET in_store = 0")
                for key, value in store.items():
                    self.settings.set_meta(key, value)
        finally:
            self._db.execute("DETACH other")
