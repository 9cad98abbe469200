"""Track vectors, and the tracks they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from audiosim.catalog.rows import TRACK_COLUMNS, Configuration, track_from
from audiosim.catalog.settings import Settings
from audiosim.types import Float32, Track, TrackVector

PAGE = 500  # values bound in one statement


class Vectors(Settings):
    """Vectors by audio digest, so that copies of a recording share one."""

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

    def tracks(self, ids: Iterable[str]) -> dict[str, tuple[Track, Float32]]:
        """Indexed files by id, with their vectors; ids that are not indexed are left out."""
        found: dict[str, tuple[Track, Float32]] = {}
        wanted = list(ids)
        for start in range(0, len(wanted), PAGE):
            page = wanted[start : start + PAGE]
            marks = ", ".join("?" * len(page))
            query = (
                f"SELECT id, vector, {TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
                f" WHERE state = 'indexed' AND id IN ({marks})"
            )
            for row in self._db.execute(query, page):
                found[row[0]] = (track_from(row[2:]), np.frombuffer(row[1], "<f4"))
        return found

    def track(self, path: bytes) -> Track | None:
        """A file with a vector, indexed or gone, as results show it."""
        row = self._db.execute(
            f"SELECT {TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
            " WHERE path = ? AND (reason IS NULL OR reason = 'moved')",
            (path,),
        ).fetchone()
        return track_from(row) if row else None

    def copies(self, digests: Iterable[str]) -> int:
        """How many indexed files hold any of this audio."""
        query = "SELECT count(*) FROM files WHERE state = 'indexed' AND digest = ?"
        return sum(int(self._db.execute(query, (digest,)).fetchone()[0]) for digest in set(digests))

    def duration(self) -> float:
        """Seconds of audio in the index."""
        query = (
            "SELECT coalesce(sum(tracks.duration), 0) FROM files JOIN tracks USING (digest)"
            " WHERE state = 'indexed'"
        )
        return float(self._db.execute(query).fetchone()[0])
