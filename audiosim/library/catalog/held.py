"""An index in memory: what searches ask of a catalog's tracks, read in one moment and followed as it changes.

Vectors are one matrix, tracks a column each. A `HeldCatalog` answers from it where it can; what it does not
hold (fingerprints, passages, the states of files) belongs to audio or is asked of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, Float64, Track
from audiosim.core.vectors import whole_rows
from audiosim.library.catalog.audio import Audio, Places
from audiosim.library.catalog.database import Connection
from audiosim.library.catalog.files import Files
from audiosim.library.catalog.fingerprints import Fingerprints
from audiosim.library.catalog.held_words import HeldScores
from audiosim.library.catalog.models import (
    PENDING,
    Configuration,
    Entry,
    FileRow,
    FileState,
    Mark,
    Page,
    path_id,
)
from audiosim.library.catalog.settings import Settings
from audiosim.library.catalog.tracks import COMPARED, Tracks
from audiosim.library.filters import Admission
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace

if TYPE_CHECKING:
    from audiosim.library.catalog import Catalog

CONFIGURATION = "configuration"  # a key of meta
Stats = npt.NDArray[np.int64]
SCALES = 1000  # tracks whose median scale is the usual one, as in library/statistics.py


@dataclass(frozen=True)
class Held:
    """An index as it was at one moment.

    Parameters
    ----------
    configuration : Configuration
        What its vectors are made with.
    settings : dict of str to str
        All that the catalog keeps under keys.
    ids, tracks, changed : list
        Of each file in order of path: its id, the track, and when its row changed last, in s since 1970.
    vectors : ndarray of float32, shape=(n, dim)
        The unit vectors as the catalog has them; a damaged one is zeros.
    scales : ndarray of float64, shape=(n,)
        Mean cosine distances to the nearest neighbours; NaN where it is not known.
    usual_scale : float or None
        The median of them, as the catalog tells it.
    stats : ndarray of int64, shape=(n, 3)
        Size, mtime and ctime of each file as the catalog has them; PENDING for a ctime that is not known.
    lacking, unopened : int
        How many files have no fingerprint; and how many a run has yet to open.
    roots : list of bytes
        The folders and files that runs rescan.
    scores : list of HeldScores
        Which words fit: read when it is first asked for, and then with the rest.
    """

    configuration: Configuration
    settings: dict[str, str]
    ids: list[str]
    tracks: list[Track]
    changed: list[float]
    vectors: Float32
    scales: Float64
    usual_scale: float | None
    stats: Stats
    lacking: int
    unopened: int
    roots: list[bytes]
    scores: list[HeldScores] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def text(self) -> str:
        """What the catalog keeps of the configuration."""
        return self.settings[CONFIGURATION]

    @cached_property
    def rows(self) -> dict[str, int]:
        """The place of each file, by its id."""
        return {id_: row for row, id_ in enumerate(self.ids)}

    @cached_property
    def digests(self) -> list[str]:
        """The audio of each file."""
        return [track.digest for track in self.tracks]

    @cached_property
    def holders(self) -> dict[str, list[int]]:
        """The places of the files that hold each audio, by its digest."""
        found: dict[str, list[int]] = {}
        for row, track in enumerate(self.tracks):
            found.setdefault(track.digest, []).append(row)
        return found

    @cached_property
    def searched(self) -> Float32:
        """The vectors where they are searched, float32 (n, dim)."""
        return self.configuration.space(self.vectors)

    @cached_property
    def whole(self) -> npt.NDArray[np.bool_]:
        """Which vectors are not damaged, bool (n,)."""
        return whole_rows(self.vectors)

    @cached_property
    def audio(self) -> Audio:
        """Each piece of audio whose vector is not damaged."""
        return Audio(self.tracks[row].digest for row in self.audio_rows.tolist())

    @cached_property
    def audio_rows(self) -> Places:
        """A place of each of these."""
        rows = np.fromiter((rows[0] for rows in self.holders.values()), np.intp, len(self.holders))
        return rows[self.whole[rows]]

    def prepare(self) -> None:
        """Make what searches need of it, so that none has to wait for that."""
        _ = self.rows, self.digests, self.holders, self.searched, self.whole

    def entry(self, row: int) -> Entry:
        """Give one file with its vector."""
        scale = float(self.scales[row])
        known = None if np.isnan(scale) else scale
        return Entry(self.ids[row], self.tracks[row], self.vectors[row], known)

    def find(self, id_: str) -> Track | None:
        """Give the track of an id; None where there is no such file in the index."""
        row = self.rows.get(id_)
        return None if row is None else self.tracks[row]


def hold(catalog: Catalog, previous: Held | None = None) -> Held | None:
    """Read an index into memory.

    Parameters
    ----------
    catalog : Catalog
        The catalog, in a snapshot.
    previous : Held, optional
        What was read before: rows that are as they were are taken from it.

    Returns
    -------
    Held or None
        The index; None where nothing was indexed yet.
    """
    configuration, settings = catalog.settings.configuration, catalog.settings.all_meta()
    if configuration is None:
        return None
    if previous is not None and previous.text == settings[CONFIGURATION]:
        configuration = previous.configuration
    else:
        previous = None
    marks = list(catalog.tracks.marks())
    known = {} if previous is None else _as_they_were(previous, marks)
    fresh = [mark.id for mark in marks if mark.id not in known]
    entries: Iterable[Entry] = (
        catalog.tracks.entries() if not known else catalog.tracks.entries_with(fresh).values()
    )
    vectors = np.zeros((len(marks), configuration.dimension), np.float32)
    tracks: list[Track | None] = [None] * len(marks)
    places = {mark.id: row for row, mark in enumerate(marks)}
    if previous is not None and known:
        here, there = [places[id_] for id_ in known], list(known.values())
        vectors[here] = previous.vectors[there]
        for row, old in zip(here, there, strict=True):
            tracks[row] = previous.tracks[old]
    for entry in entries:
        row = places[entry.id]
        tracks[row] = entry.track
        if entry.vector.shape == (configuration.dimension,):
            vectors[row] = entry.vector
    scores = [] if previous is None or not previous.scores else [HeldScores.read(catalog.words)]
    return Held(
        configuration,
        settings,
        [mark.id for mark in marks],
        [track for track in tracks if track is not None],
        [mark.changed for mark in marks],
        vectors,
        np.array([np.nan if mark.scale is None else mark.scale for mark in marks], np.float64),
        catalog.tracks.usual_scale(SCALES),
        np.array([_stat(mark) for mark in marks], np.int64).reshape(-1, 3),
        catalog.fingerprints.lacking(),
        catalog.files.unopened_count(),
        catalog.settings.roots(),
        scores,
    )


def _stat(mark: Mark) -> tuple[int, int, int]:
    return mark.size, mark.mtime_ns, PENDING if mark.ctime_ns is None else mark.ctime_ns


def _as_they_were(previous: Held, marks: Iterable[Mark]) -> dict[str, int]:
    """The places of files whose rows have not changed since, by id."""
    rows, changed = previous.rows, previous.changed
    return {
        mark.id: rows[mark.id] for mark in marks if mark.id in rows and changed[rows[mark.id]] == mark.changed
    }


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

    def entries(self, admits: Callable[[Track], bool] = lambda track: True) -> Iterator[Entry]:
        held = self._held
        return (held.entry(row) for row, track in enumerate(held.tracks) if admits(track))

    def pages(self, space: SearchSpace, admits: Callable[[Track], bool] | None = None) -> Iterator[Page]:
        held = self._held
        if admits is None:
            yield Page(held.ids, held.digests, held.searched, held.scales, held.whole)
            return
        rows = np.array([row for row, track in enumerate(held.tracks) if admits(track)], np.intp)
        ids = [held.ids[row] for row in rows.tolist()]
        digests = [held.digests[row] for row in rows.tolist()]
        yield Page(ids, digests, held.searched[rows], held.scales[rows], held.whole[rows])

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
