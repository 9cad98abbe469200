"""Tracks, fingerprints and words of a catalog that has a file of columns: it is read where it is sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, Track
from audiosim.library.catalog.audio import Audio
from audiosim.library.catalog.columns import Columns, Numbers, open_columns
from audiosim.library.catalog.database import PAGE, Connection
from audiosim.library.catalog.fingerprints import Fingerprints
from audiosim.library.catalog.made_columns import columns_of, stamp_of
from audiosim.library.catalog.models import Entry, Page
from audiosim.library.catalog.passage_columns import PASSAGES, best_products
from audiosim.library.catalog.settings import Settings
from audiosim.library.catalog.tracks import COMPARED, Tracks
from audiosim.library.catalog.word_columns import LACKING, SCORED, label_column
from audiosim.library.catalog.words import Words
from audiosim.library.filters import ALL, Admission
from audiosim.library.whitening import SearchSpace

AUDIO = ("vectors", "digests", "first", "whole")
SEARCHED = ("searched", "scales", "digests")


class ColumnTracks(Tracks):
    """Tracks as the database has them, and as columns where these are of its state."""

    _columns: Columns | None = None

    def columns(self) -> Columns | None:
        """Give the columns; None where there are none of this state of the catalog."""
        stamp, configuration = stamp_of(self._db), self._settings.configuration
        if stamp is None or configuration is None:
            return None
        if self._columns is None or self._columns.stamp != stamp:
            self._columns = open_columns(columns_of(self._db.path), stamp, configuration)
        return self._columns

    def are_mapped(self) -> bool:
        columns = self.columns()
        return columns is not None and columns.are_sound(*SEARCHED)

    def entries(self, admits: Callable[[Track], bool] = ALL) -> Iterator[Entry]:
        columns = self.columns() if isinstance(admits, Admission) and admits.demands else None
        rows = None
        if columns is not None and isinstance(admits, Admission):
            rows = columns.admitted(admits, damaged=True)
        if columns is None or rows is None:
            yield from super().entries(admits)
            return
        for start in range(0, len(rows), PAGE):
            ids = list(_Names(columns["ids"][rows[start : start + PAGE]]))
            found = self.entries_with(ids)
            yield from (found[id_] for id_ in ids)

    def pages(self, space: SearchSpace, admits: Callable[[Track], bool] | None = None) -> Iterator[Page]:
        admission = ALL if admits is None else admits
        columns = self.columns() if isinstance(admission, Admission) else None
        rows = None
        if columns is not None and isinstance(admission, Admission) and columns.are_sound(*SEARCHED):
            rows = columns.admitted(admission)
        if columns is None or rows is None:
            yield from super().pages(space, admits)
            return
        for some in _blocks(rows):
            ids, digests = _Names(columns["ids"][some]), _Names(columns["digests"][some])
            vectors = columns["searched"][some]
            yield Page(ids, digests, vectors, columns["scales"][some], np.ones(len(vectors), bool))

    def nearest_by_passages(
        self, mean: Float32, admission: Admission, count: int
    ) -> list[tuple[str, str]] | None:
        columns = self.columns()
        if columns is None or not columns.are_sound("digests", *PASSAGES):
            return None
        if (rows := columns.admitted(admission)) is None:
            return None
        products = best_products(columns, mean)
        order = rows[np.argsort(-products[rows], kind="stable")[:count]]
        return [*zip(_Names(columns["ids"][order]), _Names(columns["digests"][order]), strict=True)]

    def audio_vectors(self) -> tuple[list[str], Float32]:
        columns = self.columns()
        if columns is None or not columns.are_sound(*AUDIO):
            return super().audio_vectors()
        rows = np.flatnonzero(columns["first"] & columns["whole"])
        rows = rows[np.argsort(columns["digests"][rows])]
        return list(_Names(columns["digests"][rows])), columns["vectors"][rows]

    def audio_pages(self) -> Iterator[tuple[Sequence[str], Float32]]:
        columns = self.columns()
        if columns is None or not columns.are_sound(*AUDIO):
            yield from super().audio_pages()
            return
        for some in _blocks(np.flatnonzero(columns["first"] & columns["whole"])):
            yield _Names(columns["digests"][some]), columns["vectors"][some]


class ColumnFingerprints(Fingerprints):
    """Fingerprints as the database has them; how many are lacking is known by the columns."""

    def __init__(self, database: Connection, tracks: ColumnTracks) -> None:
        super().__init__(database)
        self._tracks = tracks

    def lacking(self) -> int:
        columns = self._tracks.columns()
        return super().lacking() if columns is None else columns.lacking


class ColumnWords(Words):
    """Scores as the database has them, and as columns where these are of its state."""

    def __init__(self, database: Connection, settings: Settings, tracks: ColumnTracks) -> None:
        super().__init__(database, settings)
        self._tracks = tracks

    def all(self, columns: Sequence[int] | None = None) -> tuple[Audio, Float32]:
        kept, chosen = self._tracks.columns(), self._chosen(columns)
        names = [label_column(number) for number in chosen]
        if kept is None or not kept.are_sound(SCORED, *names):
            return super().all(columns)
        audio = Audio(kept[SCORED].astype("U").tolist())
        values = np.zeros((len(audio), len(chosen)), np.float32)
        for place, name in enumerate(names):
            values[:, place] = kept[name]
        return audio, values

    def lacking_count(self) -> int:
        kept = self._tracks.columns()
        known = kept is not None and kept.are_sound(LACKING)
        return int(kept[LACKING][0]) if kept is not None and known else super().lacking_count()


class _Names(Sequence[str]):
    """Names that are made when they are asked for: of very many, few are."""

    def __init__(self, names: npt.NDArray[np.bytes_]) -> None:
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, place: Any) -> Any:
        return str(self._names[place], "ascii")

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.astype("U").tolist())


def _blocks(rows: Numbers) -> Iterator[Numbers | slice]:
    """Rows, in order, some at a time; those without a gap as a slice, whose vectors need not be copied."""
    for start in range(0, len(rows), COMPARED):
        some = rows[start : start + COMPARED]
        first, last = int(some[0]), int(some[-1])
        yield slice(first, last + 1) if last - first == len(some) - 1 else some
