"""A catalog for searches whose index is in memory: tables that answer from it where they can.

What it does not hold (fingerprints, passages, the states of other files) is asked of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from audiosim.core.types import Float32, Track
from audiosim.library.catalog.audio import Audio, Places
from audiosim.library.catalog.database import Connection
from audiosim.library.catalog.files import Files
from audiosim.library.catalog.fingerprints import Fingerprints
from audiosim.library.catalog.held import Held
from audiosim.library.catalog.models import Configuration, Entry, FileRow, FileState, Page, path_id
from audiosim.library.catalog.settings import Settings
from audiosim.library.catalog.tracks import COMPARED, Tracks
from audiosim.library.filters import ALL, Admission, Demand
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace

MOST = 4  # times fewer than all that are searched as all are


class HeldSettings(Settings):
    """Settings as they were when the index was read."""

    def __init__(self, database: Connection, held: Held) -> None:
        super().__init__(database)
        self._held = held

    def meta(self, key: str) -> str | None:
        return self._held.settings.get(key)

    def roots(self) -> list[bytes]:
        return list(self._held.roots)

    @property
    def configuration(self) -> Configuration | None:
        return self._held.configuration


class HeldTracks(Tracks):
    """Tracks of the index from memory."""

    def __init__(self, database: Connection, settings: Settings, held: Held, kept: Tracks) -> None:
        super().__init__(database, settings)
        self._held, self._kept = held, kept

    def nearest_by_passages(
        self, mean: Float32, admission: Admission, count: int
    ) -> list[tuple[str, str]] | None:
        return self._kept.nearest_by_passages(mean, admission, count)

    def entries(self, admits: Callable[[Track], bool] = ALL) -> Iterator[Entry]:
        return map(self._held.entry, self._admitted(admits).tolist())

    def pages(self, space: SearchSpace, admits: Callable[[Track], bool] | None = None) -> Iterator[Page]:
        held = self._held
        if admits is None:
            yield Page(held.ids, held.digests, held.searched, held.scales, held.whole)
            return
        rows = self._admitted(admits)
        if MOST * len(rows) > len(held):  # all are sooner compared than many copied
            admitted = np.zeros(len(held), bool)
            admitted[rows] = True
            yield Page(held.ids, held.digests, held.searched, held.scales, held.whole & admitted)
            return
        ids = [held.ids[row] for row in rows.tolist()]
        digests = [held.digests[row] for row in rows.tolist()]
        yield Page(ids, digests, held.searched[rows], held.scales[rows], held.whole[rows])

    def _admitted(self, admits: Callable[[Track], bool]) -> Places:
        """The places of files that are admitted, one demand after the other."""
        held, rows = self._held, np.arange(len(self._held))
        if not isinstance(admits, Admission):
            return rows[[admits(track) for track in held.tracks]]
        for demand in admits.demands:
            rows = self._fitting(rows, demand)
        return rows

    def _fitting(self, rows: Places, demand: Demand) -> Places:
        """Those of some places whose files meet a demand."""
        held = self._held
        if demand.lengths is not None:
            return rows[demand.has_length(held.durations[rows])]
        found = None if held.columns is None else held.columns.fitting(rows, demand)
        if found is None:
            found = rows[np.array([demand.admits(held.tracks[row]) for row in rows.tolist()], bool)]
        return found

    def entries_with(self, ids: Iterable[str]) -> dict[str, Entry]:
        rows = self._held.rows
        return {id_: self._held.entry(rows[id_]) for id_ in ids if id_ in rows}

    def entries_of(self, digests: Iterable[str]) -> list[Entry]:
        holders = self._held.holders
        return [self._held.entry(row) for digest in digests for row in holders.get(digest, ())]

    def audio_pages(self) -> Iterator[tuple[Sequence[str], Float32]]:
        """Those of the index: what is gone is no answer, and no copy of one."""
        audio, rows = self._held.audio, self._held.audio_rows
        for start in range(0, len(rows), COMPARED):
            some = slice(start, start + COMPARED)
            yield audio[some], self._held.vectors[rows[some]]

    def measured(
        self, measure: Callable[[Float32], Float32], space: SearchSpace = AS_THEY_ARE
    ) -> tuple[Audio, Float32]:
        vectors = self._held.searched if space.whitening else self._held.vectors
        starts = range(0, max(1, len(vectors)), COMPARED)  # whose products stay where they are quick to reach
        found = np.concatenate([measure(vectors[start : start + COMPARED]) for start in starts])
        return self._held.audio, found[self._held.audio_rows]

    def vector(self, digest: str) -> Float32 | None:
        rows = self._held.holders.get(digest)
        return self._held.vectors[rows[0]] if rows else super().vector(digest)

    def at(self, path: bytes) -> Track | None:
        return self._held.find(path_id(path)) or super().at(path)

    def usual_scale(self, count: int) -> float | None:
        return self._held.usual_scale


class HeldFiles(Files):
    """Files as the database has them; those of the index as they were when it was read."""

    def __init__(self, database: Connection, tracks: Tracks, held: Held) -> None:
        super().__init__(database, tracks)
        self._held = held

    def get(self, path: bytes) -> FileRow | None:
        row = self._held.rows.get(path_id(path))
        if row is None:
            return super().get(path)
        size, mtime_ns, ctime_ns = self._held.stats[row].tolist()
        return FileRow(path, "indexed", size, mtime_ns, self._held.digests[row], None, ctime_ns)

    def unopened_count(self) -> int:
        return self._held.unopened

    def count(self, state: FileState) -> int:
        return len(self._held) if state == "indexed" else super().count(state)

    def copies(self, digests: Iterable[str]) -> int:
        return sum(len(self._held.holders.get(digest, ())) for digest in set(digests))


class HeldFingerprints(Fingerprints):
    """Fingerprints as the database has them, counted in memory."""

    def __init__(self, database: Connection, held: Held) -> None:
        super().__init__(database)
        self._held = held

    def lacking(self) -> int:
        return self._held.lacking
