"""The making of the file of columns: in a home of many tracks, when its catalog has changed.

The catalog has a stamp as long as the file is of its state: a table of one row, which triggers empty when
anything changes that is kept there, whoever writes: older versions, too, which know of neither. Of passages,
which are many, triggers note whose have changed since the file was made last: the others are taken from it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from audiosim.core.config import COLUMNS
from audiosim.core.errors import HomeError
from audiosim.core.files import replacing
from audiosim.core.types import TAG_NAMES, Float32, Track
from audiosim.core.vectors import whole_rows
from audiosim.library.catalog.columns import MAGIC, START, VALUES, Bools, digest_of, open_columns, written_sum
from audiosim.library.catalog.database import Connection
from audiosim.library.catalog.models import Configuration, Entry
from audiosim.library.catalog.passage_columns import CODES, PASSAGES, Kept, describe
from audiosim.library.catalog.tracks import COMPARED, Tracks
from audiosim.library.catalog.word_columns import WORDS, write_words
from audiosim.library.catalog.words import Words
from audiosim.library.filters import TAGS

LEAST = 1000  # files of the index; fewer are searched as fast without
ALIGNED = 64  # bytes
# What the file keeps of each table
WATCHED = {
    "files": ("path, id, state, digest, " + ", ".join(TAG_NAMES)),
    "tracks": "digest, vector, duration, scale",
    "fingerprints": "digest",
    "passages": "digest, vectors",
    "words": "digest, odds",
}
END = "DELETE FROM columns_stamp;"
NOTE = "INSERT OR IGNORE INTO columns_passages VALUES ({}.digest);"
INDEXED = {  # files of the index, and what becomes one or was one
    "insert": "WHEN NEW.state = 'indexed' OR EXISTS"
    " (SELECT 1 FROM files WHERE path = NEW.path AND state = 'indexed')",
    "update": "WHEN NEW.state = 'indexed' OR OLD.state = 'indexed'",
    "delete": "WHEN OLD.state = 'indexed'",
}
COUNT = "SELECT count(*) FROM files JOIN tracks USING (digest) WHERE state = 'indexed'"


@dataclass(frozen=True)
class Source:
    """What the file tells of: tracks, their words, and how many files have no fingerprint."""

    tracks: Tracks
    words: Words
    lacking: Callable[[], int]


def columns_of(path: Path) -> Path:
    """Tell where the columns of a catalog's file lie."""
    return path.with_suffix(COLUMNS)


def stamp_of(database: Connection) -> str | None:
    """Give the catalog's stamp; None where there are no columns of its state."""
    query = "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'columns_stamp'"
    if database.execute(query).fetchone() is None:
        return None
    row = database.execute("SELECT stamp FROM columns_stamp").fetchone()
    return str(row[0]) if row else None


def keep_columns(
    database: Connection,
    configuration: Configuration,
    source: Source,
    files: int,
) -> None:
    """Have the file of columns be what the catalog says; or not be there, where it has few files.

    Where it can't be written, there is none of this state: searches read the catalog.

    Parameters
    ----------
    database : Connection
        The catalog's, open for writing; the index lock is held.
    configuration : Configuration
        What its vectors are made with.
    source : Source
        What the file tells; read only where it has to be made.
    files : int
        How many files are in the index, with those whose vector is missing.
    """
    path = columns_of(database.path)
    with suppress(OSError, HomeError):  # a full disk
        if files < LEAST:
            path.unlink(missing_ok=True)
        elif not _is_current(path, stamp_of(database), configuration):
            with database.transaction():
                _watch(database)
                stamp, count = secrets.token_hex(16), database.execute(COUNT).fetchone()[0]
                with replacing(path) as file:
                    kept = _kept(database, configuration)
                    write_columns(file, stamp, configuration, source, count, kept)
                    del kept  # no file is replaced that is mapped, on Windows
                # a kill before this is committed leaves a file whose stamp no catalog has
                database.execute("DELETE FROM columns_passages")
                for table in ("columns_stamp", "columns_last"):
                    database.execute(f"DELETE FROM {table}")
                    database.execute(f"INSERT INTO {table} VALUES (?)", (stamp,))


def _is_current(path: Path, stamp: str | None, configuration: Configuration) -> bool:
    columns = None if stamp is None else open_columns(path, stamp, configuration)
    return columns is not None and {*PASSAGES, *WORDS} <= {*columns.names} and columns.are_written(path)


def _kept(database: Connection, configuration: Configuration) -> Kept | None:
    """What the last file tells of passages that have not changed since; None where it is not there."""
    last = database.execute("SELECT stamp FROM columns_last").fetchone()
    columns = open_columns(columns_of(database.path), last[0], configuration) if last else None
    changed = {digest for (digest,) in database.execute("SELECT digest FROM columns_passages")}
    return None if columns is None else Kept.of(columns, changed)


def _watch(database: Connection) -> None:
    """Have whatever changes the catalog end the stamp."""
    for table in ("columns_stamp", "columns_last"):
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} (stamp TEXT NOT NULL)")
    database.execute("CREATE TABLE IF NOT EXISTS columns_passages (digest TEXT PRIMARY KEY) WITHOUT ROWID")
    for table, columns in WATCHED.items():
        for name, event in (
            ("insert", "BEFORE INSERT"),  # before it replaces another
            ("update", f"AFTER UPDATE OF {columns}"),
            ("delete", "AFTER DELETE"),
        ):
            when, what = INDEXED[name] if table == "files" else "", END
            if table == "passages":
                what += NOTE.format("OLD" if name == "delete" else "NEW")
            database.execute(
                f"CREATE TRIGGER IF NOT EXISTS columns_{table}_{name} {event} ON {table} {when}"
                f" BEGIN {what} END"
            )


def write_columns(
    file: IO[bytes],
    stamp: str,
    configuration: Configuration,
    source: Source,
    count: int,
    kept: Kept | None,
) -> None:
    """Write a file of columns.

    Parameters
    ----------
    file : IO
        Open for reading and writing, empty.
    stamp : str
        The catalog's.
    configuration : Configuration
        What the vectors are made with.
    source : Source
        What is written.
    count : int
        How many files of the index have a vector.
    kept : Kept, optional
        What is known from before of passages.
    """
    head, rest = _Head(_aligned(START.size)), _Rest()
    space, shape = configuration.space, (count, configuration.dimension)
    places = [head.place("vectors", "<f4", shape)]
    if space.whitening:
        places.append(head.place("searched", "<f4", shape))
    each = iter(source.tracks.entries())
    while page := list(islice(each, COMPARED)):
        vectors = _matrix(page, configuration.dimension)
        for place, rows in zip(places, (vectors, space(vectors)), strict=False):
            file.seek(place + len(rest.ids) * 4 * configuration.dimension)
            file.write(rows.astype("<f4").tobytes())
        rest.take(page, whole_rows(vectors))
    described = describe(file, head.end, source.tracks, rest.digests, configuration.spec.dimension, kept)
    head.place(CODES, "|i1", described.shape)
    words = write_words(file, head.place, source.words)
    for name, column in (*rest.columns(), *described.columns(), *words):
        file.seek(head.place(name, column.dtype.str, column.shape))
        file.write(column.tobytes())
    lacking = source.lacking()
    _finish(file, head, {"stamp": stamp, "vectors": configuration.collection, "lacking": lacking})


def _finish(file: IO[bytes], head: _Head, told: dict[str, Any]) -> None:
    """Sum up the columns that are written, and write the head."""
    file.truncate(head.end)
    file.flush()
    for column in head.columns.values():
        column["sum"] = written_sum(file, column)
    text = json.dumps({**told, "columns": head.columns}).encode()
    file.seek(head.end)
    file.write(text)
    file.seek(0)
    file.write(START.pack(MAGIC, head.end, len(text), digest_of(text)))


@dataclass
class _Head:
    """Where columns lie, one behind the other."""

    end: int
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def place(self, name: str, type_: str, shape: Sequence[int]) -> int:
        begin, size = self.end, int(np.prod(shape)) * np.dtype(type_).itemsize
        self.columns[name] = {"type": type_, "shape": [*shape], "begin": begin, "size": size}
        self.end = _aligned(begin + size)
        return begin


@dataclass
class _Rest:
    """What is kept of files beside their vectors, gathered."""

    ids: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    scales: list[float] = field(default_factory=list)
    whole: list[Bools] = field(default_factory=list)
    known: dict[str, dict[Any, int]] = field(default_factory=lambda: {name: {} for name in VALUES})
    numbers: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in VALUES})

    def take(self, page: Sequence[Entry], whole: Bools) -> None:
        self.ids += [entry.id for entry in page]
        self.digests += [entry.track.digest for entry in page]
        self.scales += [np.nan if entry.scale is None else entry.scale for entry in page]
        self.whole.append(whole)
        for entry in page:
            for name, value in _values(entry.track).items():
                known = self.known[name]
                self.numbers[name].append(known.setdefault(value, len(known)))

    def columns(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        first = np.zeros(len(self.ids), bool)
        first[np.unique(self.digests, return_index=True)[1]] = True
        yield "ids", np.array(self.ids, "S")
        yield "digests", np.array(self.digests, "S")
        yield "scales", np.array(self.scales, "<f8")
        yield "whole", np.concatenate(self.whole)
        yield "first", first
        for name in VALUES:
            yield f"number {name}", np.array(self.numbers[name], "<i4")
            yield f"value {name}", np.frombuffer(json.dumps([*self.known[name]]).encode(), np.uint8)


def _values(track: Track) -> dict[str, Any]:
    folder = track.path.rpartition(b"/")[0].decode("latin-1")
    return {name: getattr(track.tags, name) for name in TAGS} | {"folder": folder, "duration": track.duration}


def _matrix(page: Sequence[Entry], dimension: int) -> Float32:
    """The vectors of some files; one that is damaged is zeros."""
    vectors = np.zeros((len(page), dimension), np.float32)
    for row, entry in enumerate(page):
        if entry.vector.shape == (dimension,):
            vectors[row] = entry.vector
    vectors[~whole_rows(vectors)] = 0
    return vectors


def _aligned(place: int) -> int:
    return -(-place // ALIGNED) * ALIGNED
