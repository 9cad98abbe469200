"""What is measured of tracks beside their vectors: passages, and how near their neighbours are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audiosim.catalog.files import Files

INDEXED = "digest IN (SELECT digest FROM files WHERE state = 'indexed')"


class Measures(Files):
    """Measures by audio digest; where there are none yet, the next `index` makes them."""

    def passages(self, digest: str) -> bytes | None:
        """The packed passages of this audio, if they are known."""
        row = self._db.execute("SELECT vectors FROM passages WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    def all_passages(self) -> Iterator[tuple[str, bytes]]:
        """(digest, packed passages) of the audio of the files in the index."""
        return iter(self._db.execute(f"SELECT digest, vectors FROM passages WHERE {INDEXED}"))

    def digests_without_passages(self) -> list[str]:
        """Audio that has a vector, but no passages."""
        query = "SELECT digest FROM tracks WHERE digest NOT IN (SELECT digest FROM passages)"
        return [row[0] for row in self._db.execute(query)]

    def set_passages(self, digest: str, packed: bytes) -> None:
        """Keeps the packed passages of audio."""
        self._db.execute("INSERT OR REPLACE INTO passages VALUES (?, ?)", (digest, packed))

    def indexed_audio_count(self) -> int:
        """How many different pieces of audio the index holds."""
        return int(self._db.execute(f"SELECT count(*) FROM tracks WHERE {INDEXED}").fetchone()[0])

    def digests_without_scale(self) -> set[str]:
        """Audio in the index whose neighbourhood has not been measured."""
        query = f"SELECT digest FROM tracks WHERE scale IS NULL AND {INDEXED}"
        return {row[0] for row in self._db.execute(query)}

    def set_scales(self, scales: Iterable[tuple[str, float]]) -> None:
        """Keeps (digest, mean cosine distance to the nearest neighbours)."""
        with self.transaction():
            self._db.executemany(
                "UPDATE tracks SET scale = ? WHERE digest = ?", [(scale, digest) for digest, scale in scales]
            )
