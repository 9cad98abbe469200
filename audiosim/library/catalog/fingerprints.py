"""Acoustic fingerprints, by audio digest: whatever the encoder, and whether or not caches are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from audiosim.library.catalog.database import PAGE, Connection

# files of the index whose audio has none; by EXCEPT, as NOT IN would look each up among large rows
LACKING = (
    " FROM files WHERE state = 'indexed' AND digest IN"
    " (SELECT digest FROM files WHERE state = 'indexed' EXCEPT SELECT digest FROM fingerprints)"
)


class Fingerprints:
    """Packed fingerprints; a home that was indexed before there were any has none until they are made."""

    def __init__(self, database: Connection) -> None:
        self._db = database

    def get(self, digest: str) -> bytes | None:
        """The packed fingerprint of this audio, if it is known."""
        query = "SELECT fingerprint FROM fingerprints WHERE digest = ?"
        row = self._db.execute(query, (digest,)).fetchone()
        return row[0] if row else None

    def of(self, digests: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """(digest, packed fingerprint) of those of this audio that are known."""
        wanted = list(digests)
        for start in range(0, len(wanted), PAGE):
            page = wanted[start : start + PAGE]
            marks = ", ".join("?" * len(page))
            yield from self._db.execute(
                f"SELECT digest, fingerprint FROM fingerprints WHERE digest IN ({marks})", page
            )

    def set(self, digest: str, packed: bytes) -> None:
        """Keep the packed fingerprint of audio; an empty one says nothing."""
        if packed:
            self._db.execute("INSERT OR REPLACE INTO fingerprints VALUES (?, ?)", (digest, packed))

    def take(self, other: Path) -> None:
        """Take over those that another catalog has, and this one lacks."""
        self._db.execute("ATTACH ? AS other", (other.absolute().as_uri(),))
        try:
            self._db.execute(
                "INSERT INTO main.fingerprints SELECT * FROM other.fingerprints"
                " WHERE digest NOT IN (SELECT digest FROM main.fingerprints)"
            )
        finally:
            self._db.execute("DETACH other")

    def drop(self, digests: Collection[str]) -> None:
        """Remove those of this audio."""
        self._db.executemany("DELETE FROM fingerprints WHERE digest = ?", [(digest,) for digest in digests])

    def lacking(self) -> int:
        """How many files of the index have no fingerprint."""
        return int(self._db.execute(f"SELECT count(*){LACKING}").fetchone()[0])

    def missing(self) -> list[tuple[str, bytes]]:
        """(digest, path) of one file of each audio in the index that has no fingerprint, in order of path."""
        query = f"SELECT digest, min(path){LACKING} GROUP BY digest ORDER BY min(path)"
        return list(self._db.execute(query))
