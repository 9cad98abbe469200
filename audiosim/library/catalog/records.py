"""Whole records of indexed files: read to be taken elsewhere, and taken from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from audiosim.core.types import TAG_NAMES, AudioInfo, Tags, Track, TrackVector
from audiosim.library.catalog.database import Connection
from audiosim.library.catalog.files import Files
from audiosim.library.catalog.fingerprints import Fingerprints
from audiosim.library.catalog.models import DROPPED, Fate, FileRow, Record, vector_from
from audiosim.library.catalog.tracks import Tracks
from audiosim.library.catalog.words import Words

_COLUMNS = (
    "path, digest, tracks.duration, sample_rate, channels, codec, size, mtime_ns,"
    " vector, windows, passages.vectors, scale, fingerprint, odds"
)


class Records:
    """Files with all that is known of them and of their audio."""

    def __init__(
        self, database: Connection, files: Files, tracks: Tracks, fingerprints: Fingerprints, words: Words
    ) -> None:
        self._db = database
        self._fingerprints, self._words = fingerprints, words
        self._files = files
        self._tracks = tracks

    def all(self, admits: Callable[[Track], bool] = lambda track: True) -> Iterator[Record]:
        """The files of the index that have a vector and that a filter admits, in order of path."""
        # CROSS JOIN keeps the order of the tables, so that SQLite need not sort the rows
        query = (
            f"SELECT {_COLUMNS}, {', '.join(TAG_NAMES)} FROM files CROSS JOIN tracks USING (digest)"
            " LEFT JOIN passages USING (digest) LEFT JOIN fingerprints USING (digest)"
            " LEFT JOIN words USING (digest) WHERE state = 'indexed' ORDER BY path"
        )
        for row in self._db.execute(query):
            path, digest, duration, rate, channels, codec, size, mtime_ns = row[:8]
            info = AudioInfo(
                digest, duration, rate or 0, channels or 0, codec or "", size, mtime_ns, Tags(*row[14:])
            )
            record = Record(path, info, vector_from(row[8]), *row[9:14])
            if admits(record.track):
                yield record

    def wants_vector(self, record: Record) -> bool:
        """Whether `take` would enter this record's vector: its file is to be known, its audio is not yet."""
        row = self._files.get(record.path)
        return self._fate(row, record) != "kept" and not self._has_vector(record.info.digest)

    def take(self, records: Sequence[Record]) -> list[Fate]:
        """Enter records from elsewhere as a run would have, in one step; tells what became of each.

        Audio that is known keeps its vector. A file at a path that has a row is "known" where that says
        the same, and the row is "kept" where it says something else, unless it is of the very file that is
        recorded and only says that it failed.
        """
        with self._db.transaction():
            return [self._take(record) for record in records]

    def _take(self, record: Record) -> Fate:
        fate = self._fate(self._files.get(record.path), record)
        if fate == "kept":
            return fate
        digest = record.info.digest
        if not self._has_vector(digest):
            vector = TrackVector(record.vector, record.windows, record.passages or b"")
            self._tracks.set_vector(digest, vector, record.info.duration)
            self._tracks.note_decoding(digest)  # it has no cache here that could be older
            if record.passages is None:
                self._db.execute("DELETE FROM passages WHERE digest = ?", (digest,))
            self._db.execute("UPDATE tracks SET scale = ? WHERE digest = ?", (record.scale, digest))
        if record.fingerprint is not None and self._fingerprints.get(digest) is None:
            self._fingerprints.set(digest, record.fingerprint)
        if record.words is not None:
            self._words.add(digest, record.words)
        if fate == "added":
            self._files.record(record.path, record.info)
        return fate

    @staticmethod
    def _fate(row: FileRow | None, record: Record) -> Fate:
        if row is None or row.reason == DROPPED:
            return "added"
        if row.state == "indexed":
            return "known" if row.digest == record.info.digest else "kept"
        same = (row.size, row.mtime_ns) == (record.info.size, record.info.mtime_ns)
        opened = row.size >= 0
        return "added" if row.state == "failed" and (same or not opened) else "kept"

    def _has_vector(self, digest: str) -> bool:
        return self._db.execute("SELECT 1 FROM tracks WHERE digest = ?", (digest,)).fetchone() is not None
