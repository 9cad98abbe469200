"""An index in memory: what searches ask of a catalog's tracks, read in one moment and followed as it changes.

Vectors are one matrix: that of the file of columns, mapped, where there is one of the catalog's state, so
that they take memory only as long as nothing else needs it; else one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, Float64, Track
from audiosim.core.vectors import whole_rows
from audiosim.library.catalog.audio import Audio, Places
from audiosim.library.catalog.columns import Columns
from audiosim.library.catalog.held_words import HeldScores
from audiosim.library.catalog.models import PENDING, Configuration, Entry, Mark
from audiosim.library.catalog.tracks import COMPARED

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
    columns : Columns, optional
        The file that the vectors are mapped from.
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
    columns: Columns | None = None

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
    def durations(self) -> Float64:
        """The length of each file in s, 0 where it is not known, (n,)."""
        return np.array([track.duration or 0.0 for track in self.tracks], np.float64)

    @cached_property
    def searched(self) -> Float32:
        """The vectors where they are searched, float32 (n, dim)."""
        if self.columns is not None:
            found: Float32 = self.columns["searched"]
            return found
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
        _ = self.rows, self.durations, self.digests, self.holders, self.searched, self.whole

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
    columns = _current(catalog, marks)
    vectors = columns["vectors"] if columns else np.zeros((len(marks), configuration.dimension), np.float32)
    tracks: list[Track | None] = [None] * len(marks)
    places = {mark.id: row for row, mark in enumerate(marks)}
    if previous is not None and known:
        here, there = [places[id_] for id_ in known], list(known.values())
        for start in range(0, len(here) if columns is None else 0, COMPARED):
            some = slice(start, start + COMPARED)  # at once they were in memory three times
            vectors[here[some]] = previous.vectors[there[some]]
        for row, old in zip(here, there, strict=True):
            tracks[row] = previous.tracks[old]
    for entry in entries:
        row = places[entry.id]
        tracks[row] = entry.track
        if columns is None and entry.vector.shape == (configuration.dimension,):
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
        columns,
    )


def _current(catalog: Catalog, marks: Sequence[Mark]) -> Columns | None:
    """The columns of this very state of the catalog, if their vectors are those that were written."""
    columns = catalog.columns()
    if columns is None or not columns.are_sound("ids", "vectors", "searched"):
        return None
    return columns if columns["ids"].tolist() == [mark.id.encode() for mark in marks] else None


def _stat(mark: Mark) -> tuple[int, int, int]:
    return mark.size, mark.mtime_ns, PENDING if mark.ctime_ns is None else mark.ctime_ns


def _as_they_were(previous: Held, marks: Iterable[Mark]) -> dict[str, int]:
    """The places of files whose rows have not changed since, by id."""
    rows, changed = previous.rows, previous.changed
    return {
        mark.id: rows[mark.id] for mark in marks if mark.id in rows and changed[rows[mark.id]] == mark.changed
    }
