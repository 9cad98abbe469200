"""Track vectors, the tracks they belong to, and what is measured of tracks beside their vectors."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from audiosim.core.types import Float32, Track, TrackVector
from audiosim.core.vectors import whole_ones
from audiosim.core.version import DECODING
from audiosim.library.catalog.audio import Audio
from audiosim.library.catalog.database import ABSENT, OUTDATED, PAGE, STORED, Connection
from audiosim.library.catalog.models import (
    DROPPED,
    ENTRY_COLUMNS,
    TRACK_COLUMNS,
    Configuration,
    Entry,
    Mark,
    Page,
    entry_from,
    track_from,
    vector_from,
    vectors_from,
)
from audiosim.library.catalog.settings import LEARNT, MEASURED, PERCENTILES, Settings
from audiosim.library.filters import ALL, Admission
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace

COMPARED = 4096  # vectors at a time
ENTRIES = f"SELECT {ENTRY_COLUMNS} FROM files JOIN tracks USING (digest) WHERE state = 'indexed'"
INDEXED = "digest IN (SELECT digest FROM files WHERE state = 'indexed')"
THERE = "EXISTS (SELECT 1 FROM files WHERE digest = tracks.digest AND state = 'indexed')"  # sooner for a few


class Tracks:
    """Vectors by audio digest, so that copies of a recording share one."""

    def __init__(self, database: Connection, settings: Settings) -> None:
        self._db = database
        self._settings = settings

    def known_digests(self) -> set[str]:
        """The audio whose vectors are known, and whose caches are not known to be lost."""
        return self.all_digests() - self.lost()

    def has_vectors(self) -> bool:
        """Whether any audio is known."""
        return self._db.execute("SELECT 1 FROM tracks LIMIT 1").fetchone() is not None

    def all_vectors(self) -> Iterator[tuple[str, Float32]]:
        """(digest, vector) of all audio known, of files that are gone too."""
        for digest, vector in self._db.execute("SELECT digest, vector FROM tracks"):
            yield digest, vector_from(vector)

    def are_mapped(self) -> bool:
        """Whether exact search finds all vectors in one file, mapped into memory."""
        return False

    def audio_pages(self) -> Iterator[tuple[Sequence[str], Float32]]:
        """The same, some at a time, (n) and unit vectors (n, dim); damaged ones are left out."""
        found = self.all_vectors()
        while page := list(islice(found, COMPARED)):
            places, vectors = whole_ones([vector for _, vector in page], self._dimension)
            yield [page[place][0] for place in places], vectors

    def digests_without_vector(self) -> set[str]:
        """Audio of indexed files whose vector is missing."""
        query = (
            "SELECT DISTINCT digest FROM files WHERE state = 'indexed'"
            " AND digest NOT IN (SELECT digest FROM tracks)"
        )
        return {row[0] for row in self._db.execute(query)}

    def all_digests(self) -> set[str]:
        """All audio whose vectors are known, of files that are gone too."""
        return {row[0] for row in self._db.execute("SELECT digest FROM tracks")}

    def unused_digests(self, *, without: Collection[bytes] = ()) -> set[str]:
        """Audio whose vectors belong to no file, or only to files of these paths."""
        leaving = set(without)
        query = "SELECT path, digest FROM files WHERE digest IS NOT NULL AND reason IS NOT ?"
        used = {digest for path, digest in self._db.execute(query, (DROPPED,)) if path not in leaving}
        return self.all_digests() - used

    def indexed_digests(self) -> list[str]:
        """The audio of the files in the index, each once, in order."""
        query = (
            "SELECT DISTINCT digest FROM files JOIN tracks USING (digest) WHERE state = 'indexed'"
            " ORDER BY digest"
        )
        return [row[0] for row in self._db.execute(query)]

    def measured(
        self, measure: Callable[[Float32], Float32], space: SearchSpace = AS_THEY_ARE
    ) -> tuple[Audio, Float32]:
        """What a function makes, (n, k), of the audio of the files in the index; not of damaged ones.

        It is given vectors (m, dim), as they are or where they are searched, and must take each by itself.
        """
        digests, vectors = self.audio_vectors()
        return Audio(digests), measure(space(vectors))

    def audio_vectors(self) -> tuple[list[str], Float32]:
        """The audio of the files in the index, each once, and its unit vectors (n, dim); not damaged ones."""
        query = f"SELECT digest, vector FROM tracks WHERE {INDEXED} ORDER BY digest"
        found = self._db.execute(query).fetchall()
        places, vectors = vectors_from([blob for _, blob in found], self._dimension)
        return [found[place][0] for place in places], vectors

    def set_vector(self, digest: str, vector: TrackVector, duration: float) -> None:
        """Replace the vector of audio; `duration` in s."""
        with self._db.transaction():
            for table in ("lost", "words"):
                self._db.execute(f"DELETE FROM {table} WHERE digest = ?", (digest,))
            self._insert_vector(digest, vector, duration)
            # `changed` of all copies: a burst that is under way may be sending what the vector was
            self._db.execute(
                "UPDATE files SET changed = ?,"
                f" in_store = CASE WHEN in_store = {STORED} THEN {OUTDATED} ELSE in_store END"
                " WHERE digest = ? AND state = 'indexed'",
                (time.time(), digest),
            )

    def vector(self, digest: str) -> Float32 | None:
        """The unit vector (dim,) of this audio."""
        row = self._db.execute("SELECT vector FROM tracks WHERE digest = ?", (digest,)).fetchone()
        return vector_from(row[0]) if row else None

    def indexed_vectors(self) -> Iterator[tuple[str, Float32]]:
        """(id, unit vector) of every file in the index, for exact search."""
        query = "SELECT id, vector FROM files JOIN tracks USING (digest) WHERE state = 'indexed'"
        for id_, vector in self._db.execute(query):
            yield id_, vector_from(vector)

    def entries(self, admits: Callable[[Track], bool] = ALL) -> Iterator[Entry]:
        """The files of the index that a filter admits, in order of path."""
        for row in self._db.execute(f"{ENTRIES} ORDER BY path"):
            if admits(track_from(row[3:])):
                yield entry_from(row)

    def pages(self, space: SearchSpace, admits: Callable[[Track], bool] | None = None) -> Iterator[Page]:
        """The files of the index that a filter admits, or all, in order of path, some at a time."""
        entries = self.entries() if admits is None else self.entries(admits)
        while page := list(islice(entries, COMPARED)):
            places, vectors = whole_ones([entry.vector for entry in page], self._dimension)
            whole = [page[place] for place in places]
            scales = np.array([entry.scale for entry in whole], np.float64)
            ids, digests = [entry.id for entry in whole], [entry.track.digest for entry in whole]
            yield Page(ids, digests, space(vectors), scales, np.ones(len(whole), bool))

    def marks(self) -> Iterator[Mark]:
        """What of each file in the index may change without its track, by path."""
        query = (
            "SELECT id, changed, scale, size, mtime_ns, ctime_ns FROM files JOIN tracks USING (digest)"
            " LEFT JOIN ctimes USING (path) WHERE state = 'indexed' ORDER BY path"
        )
        return (Mark(*row) for row in self._db.execute(query))

    def replace_vectors(
        self, configuration: Configuration, vectors: Iterable[tuple[str, TrackVector, float]]
    ) -> None:
        """Change configuration and every vector, (digest, vector, duration in s), in one step.

        Files whose audio has no vector now are forgotten, so that the next run redoes them.
        """
        with self._db.transaction():
            for table in ("tracks", "lost", "passages"):
                self._db.execute(f"DELETE FROM {table}")
            for digest, vector, duration in vectors:
                self._insert_vector(digest, vector, duration)
            self._db.execute(
                "DELETE FROM files WHERE reason IS NULL AND digest NOT IN (SELECT digest FROM tracks)"
            )
            self._db.execute("DELETE FROM words WHERE digest NOT IN (SELECT digest FROM tracks)")
            self._void()
            self._settings.set_configuration(configuration)

    def set_whitening(self, configuration: Configuration, count: int) -> None:
        """Change how vectors are searched, as learnt from a library of so many tracks, in one step.

        What the store holds and what was measured are void.
        """
        with self._db.transaction():
            self._settings.set_configuration(configuration)
            self._settings.set_meta(LEARNT, str(count))
            self._void()
            self._db.execute("UPDATE tracks SET scale = NULL")

    def _void(self) -> None:
        """Forget what the store holds and what was measured of all vectors."""
        self._db.execute(f"UPDATE files SET in_store = {ABSENT}")
        # a burst that is under way sends what the vectors were: it must not count as stored
        self._db.execute("UPDATE files SET changed = ? WHERE state = 'indexed'", (time.time(),))
        self._db.executemany("DELETE FROM meta WHERE key = ?", [(PERCENTILES,), (MEASURED,)])

    def entries_with(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Indexed files by id; ids that are not indexed are left out."""
        return {row[0]: entry_from(row) for row in self._among(f"{ENTRIES} AND id", ids)}

    def entries_of(self, digests: Iterable[str]) -> list[Entry]:
        """The indexed files that hold any of this audio."""
        return [entry_from(row) for row in self._among(f"{ENTRIES} AND digest", digests)]

    def _among(self, query: str, values: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """What a query, which ends with a column, finds where that is one of some values."""
        wanted = list(values)
        for start in range(0, len(wanted), PAGE):
            page = wanted[start : start + PAGE]
            yield from self._db.execute(f"{query} IN ({', '.join('?' * len(page))})", page)

    def duration(self) -> float:
        """Seconds of audio in the index."""
        query = (
            "SELECT coalesce(sum(tracks.duration), 0) FROM files JOIN tracks USING (digest)"
            " WHERE state = 'indexed'"
        )
        return float(self._db.execute(query).fetchone()[0])

    def at(self, path: bytes) -> Track | None:
        """A file with a vector, indexed or gone, as results show it."""
        row = self._db.execute(
            f"SELECT {TRACK_COLUMNS} FROM files JOIN tracks USING (digest)"
            f" WHERE path = ? AND (reason IS NULL OR reason = '{DROPPED}')",
            (path,),
        ).fetchone()
        return track_from(row) if row else None

    def drop(self, digests: Collection[str]) -> None:
        """Remove vectors that belong to no file."""
        with self._db.transaction():
            for table in ("tracks", "lost", "passages", "decodings", "fingerprints", "words"):
                self._db.executemany(f"DELETE FROM {table} WHERE digest = ?", [(d,) for d in digests])

    def mark_lost(self, digests: Iterable[str]) -> None:
        """Have audio computed again by the next run; what vectors it has stay until then."""
        unread = "UPDATE files SET size = -1, mtime_ns = -1 WHERE digest = ? AND state = 'indexed'"
        with self._db.transaction():
            for digest in digests:
                self._db.execute("INSERT OR IGNORE INTO lost VALUES (?)", (digest,))
                self._db.execute(unread, (digest,))

    def lost(self) -> set[str]:
        """The audio that the next run computes again."""
        return {digest for (digest,) in self._db.execute("SELECT digest FROM lost")}

    def passages(self, digest: str) -> bytes | None:
        """The packed passages of this audio, if they are known."""
        row = self._db.execute("SELECT vectors FROM passages WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    def all_passages(self) -> Iterator[tuple[str, bytes]]:
        """(digest, packed passages) of the audio of the files in the index."""
        return iter(self._db.execute(f"SELECT digest, vectors FROM passages WHERE {INDEXED}"))

    def passages_of(self, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """(digest, packed passages) of some audio; what has none is left out."""
        return self._among("SELECT digest, vectors FROM passages WHERE digest", digests)

    def nearest_by_passages(
        self, mean: Float32, admission: Admission, count: int
    ) -> list[tuple[str, str]] | None:
        """(id, digest) of so many files with passages most like a direction (dim,), or nearly so; best first.

        None where only reading all passages tells which these are.
        """
        return None

    def digests_without_passages(self) -> list[str]:
        """Audio that has a vector, but no passages."""
        # not NOT IN, which would look each up among rows of many pages
        query = "SELECT digest FROM tracks EXCEPT SELECT digest FROM passages"
        return [row[0] for row in self._db.execute(query)]

    def set_passages(self, digest: str, packed: bytes) -> None:
        """Keep the packed passages of audio."""
        self._db.execute("INSERT OR REPLACE INTO passages VALUES (?, ?)", (digest, packed))

    def digests_without_scale(self) -> set[str]:
        """Audio in the index whose neighbourhood has not been measured."""
        query = f"SELECT digest FROM tracks WHERE scale IS NULL AND +{INDEXED}"  # + has it come second
        return {row[0] for row in self._db.execute(query)}

    def usual_scale(self, count: int) -> float | None:
        """The median scale of `count` tracks of the index, drawn by digest; None where none is known."""
        query = f"SELECT scale FROM tracks WHERE scale IS NOT NULL AND {THERE} ORDER BY digest LIMIT ?"
        found = sorted(row[0] for row in self._db.execute(query, (count,)))
        middle = found[(len(found) - 1) // 2 : len(found) // 2 + 1]  # np.median loads numpy.ma, for longer
        return sum(middle) / len(middle) if found else None

    def scales(self) -> dict[str, float | None]:
        """How near the neighbours of all audio in the index are; None where that is not known."""
        return dict(self._db.execute(f"SELECT digest, scale FROM tracks WHERE {INDEXED}"))

    def set_scales(self, scales: Iterable[tuple[float, str]]) -> None:
        """Keep (mean cosine distance to the nearest neighbours, digest)."""
        with self._db.transaction():
            self._db.executemany("UPDATE tracks SET scale = ? WHERE digest = ?", scales)

    def note_decoding(self, digest: str, decoding: int = DECODING) -> None:
        """Note by which decoding audio was decoded, or that this one would make no other windows of it."""
        self._db.execute("INSERT OR REPLACE INTO decodings VALUES (?, ?)", (digest, decoding))

    def older_decodings(self) -> set[str]:
        """Audio in the index that was decoded by an older decoding than today's."""
        query = (
            f"SELECT digest FROM tracks WHERE {INDEXED}"
            " AND digest NOT IN (SELECT digest FROM decodings WHERE decoding >= ?)"
        )
        return {row[0] for row in self._db.execute(query, (DECODING,))}

    def indexed_count(self) -> int:
        """How many different pieces of audio the index holds."""
        return int(self._db.execute(f"SELECT count(*) FROM tracks WHERE {INDEXED}").fetchone()[0])

    @property
    def _dimension(self) -> int:
        return 0 if self._settings.configuration is None else self._settings.configuration.dimension

    def _insert_vector(self, digest: str, vector: TrackVector, duration: float) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO tracks (digest, vector, windows, duration) VALUES (?, ?, ?, ?)",
            (digest, vector.vector.astype("<f4").tobytes(), vector.windows, duration),
        )
        self._db.execute("INSERT OR REPLACE INTO passages VALUES (?, ?)", (digest, vector.passages))
