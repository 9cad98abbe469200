"""Exports: an index as one Parquet file, a row a file of the index, in order of path.

Each row is whole in itself, with columns that any reader of Parquet understands. Rows are written and
read a few thousand at a time, or fewer where they are long.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import IO, Any

import numpy as np

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.memory import check_address_space
from audiosim.core.text import display_path, utf8_path
from audiosim.core.types import TAG_NAMES, Float32
from audiosim.core.vectors import are_whole
from audiosim.indexing.exchange.header import FORMAT, PREFIX, Header
from audiosim.indexing.exchange.validation import AUDIO, record_of
from audiosim.library.catalog import Record

BATCH = 2000  # rows in a group, and in memory at a time, at most
ROOM = 16_000_000  # bytes of vectors and passages in a group, about
COUNT = f"{PREFIX}tracks"  # the key of how many rows there are
NUMBERS = ("year", "track")  # tags that are numbers
ADDRESS_SPACE = 0.8e9  # bytes that pyarrow takes with its threads
PACKED = ("passages", "fingerprint", "words")  # the last one where there are labels
LATER = ("fingerprint", "words")  # columns that exports of earlier versions have not
REMEDY = "Export it again, or fetch the file again."


def write(file: IO[Any], header: Header, records: Iterable[Record]) -> int:
    """Write an export of records in order of path, whose vectors are whole; returns how many they are.

    Raises
    ------
    OSError
        If the file can't be written.
    """
    pq = _parquet()
    import pyarrow as pa

    schema = _schema(header)
    texts = [field.name for field in schema if pa.types.is_string(field.type) and field.name != "path"]
    count = 0
    with pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        use_dictionary=[name for name in texts if name != "digest"],
        write_statistics=[name for name in schema.names if name not in ("vector", *PACKED)],
        write_page_checksum=True,
    ) as writer:
        for batch in _batches(records):
            writer.write_batch(_batch(batch, schema), row_group_size=BATCH)
            count += len(batch)
        writer.add_key_value_metadata({COUNT: str(count)})  # known only now; the header is written first
    return count


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    room = ROOM
    for record in records:
        batch.append(record)
        packed = (getattr(record, name) for name in PACKED)
        room -= record.vector.nbytes + sum(len(data or b"") for data in packed)
        if len(batch) == BATCH or room <= 0:
            yield batch
            batch, room = [], ROOM
    if batch:
        yield batch


class ExportFile:
    """An export as a file to read. Nothing in it is taken on trust.

    Parameters
    ----------
    path : path-like
        The file to read.

    Raises
    ------
    UsageError
        If there is no such file.
    AudiosimError
        If it is no export that this audiosim reads, or is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            why = "it is no regular file" if self.path.exists() else ""
            raise UsageError(f"Can't import {self.name}" if why else f"No such file: {self.name}", why)
        with self._explained(), self._open() as file:
            self.header = self._header(file)

    @property
    def name(self) -> str:
        """The file's path, safe to show."""
        return display_path(os.fsencode(self.path))

    def batches(self) -> Iterator[list[Record]]:
        """Its records, so many at a time, in order of path.

        Raises
        ------
        AudiosimError
            If one is not as it should be, those before it having been given.
        """
        last, count = b"", 0
        with self._explained(), self._open() as file:
            if self._header(file) != self.header:
                raise ValueError("it was changed while it was read")
            names = [name for name in _schema(self.header).names if name in file.schema_arrow.names]
            for batch in _arrow_batches(file, names):
                records = _records(batch, self.header)
                for record in records:
                    if record.path <= last:
                        again = "is there twice" if record.path == last else "is out of order"
                        raise ValueError(f"{display_path(record.path)} {again}")
                    last = record.path
                count += len(records)
                if records:
                    yield records
            if (file.metadata.metadata or {}).get(COUNT.encode()) != str(count).encode():
                raise ValueError("it does not have as many rows as were written")

    def __len__(self) -> int:
        """How many tracks it holds, as far as it says."""
        with self._explained(), self._open() as file:
            return int(file.metadata.num_rows)

    def _open(self) -> Any:
        return _parquet().ParquetFile(
            self.path, buffer_size=1 << 20, pre_buffer=False, page_checksum_verification=True
        )

    def _header(self, file: Any) -> Header:
        found = file.schema_arrow
        metadata = {
            key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for key, value in (found.metadata or {}).items()
        }
        number = metadata.get(f"{PREFIX}format")
        if number is None:
            raise AudiosimError(
                f"Can't import {self.name}", "it was not written by audiosim export", "Give a file that was."
            )
        if number != FORMAT:
            raise AudiosimError(
                f"Can't import {self.name}",
                f"it has format {number}, this audiosim reads format {FORMAT}",
                "Use the audiosim that wrote it, or a later one.",
            )
        header = Header.from_metadata(metadata)
        for field in _schema(header):
            place = found.get_field_index(field.name)
            if place < 0 and field.name in LATER:
                continue
            if place < 0:
                raise ValueError(f"it has no column {field.name}")
            if found.field(place).type != field.type:
                raise ValueError(f"its column {field.name} is {found.field(place).type}, not {field.type}")
        return header

    def _explained(self) -> _Explained:
        return _Explained(self.name)


class _Explained:
    """Tells of a file that can't be read, as an error for users."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # damaged files raise nearly anything; what ends the process, or is said already, goes on
        if isinstance(error, Exception) and not isinstance(error, AudiosimError | ImportError | MemoryError):
            why = " ".join(str(error).split()) or type(error).__name__
            raise AudiosimError(f"Can't import {self._name}", why.rstrip("."), REMEDY) from error


def _parquet() -> Any:
    check_address_space("pyarrow", ADDRESS_SPACE)
    import pyarrow.parquet as pq

    return pq


def _schema(header: Header) -> Any:
    import pyarrow as pa

    def column(name: str, kind: Any, *, nullable: bool = False) -> Any:
        return pa.field(name, kind, nullable=nullable)

    tags = [column(n, pa.int64() if n in NUMBERS else pa.string(), nullable=True) for n in TAG_NAMES]
    return pa.schema(
        [
            column("path", pa.string()),
            column("path_bytes", pa.binary()),
            column("digest", pa.string()),
            column("duration", pa.float64()),
            column("sample_rate", pa.int32()),
            column("channels", pa.int32()),
            column("codec", pa.string()),
            *tags,
            column("size", pa.int64()),
            column("mtime_ns", pa.int64()),
            column("windows", pa.int32()),
            column("scale", pa.float64(), nullable=True),
            column("vector", pa.list_(pa.float32(), header.dimension)),
            *(column(n, pa.binary(), nullable=True) for n in PACKED if n != "words" or header.words),
        ],
        metadata=header.to_metadata(),
    )


def _batch(records: list[Record], schema: Any) -> Any:
    import pyarrow as pa

    infos = [record.info for record in records]
    tags = zip(*(astuple(info.tags) for info in infos), strict=True)
    values = np.concatenate([record.vector for record in records]).astype(np.float32, copy=False)
    columns: dict[str, Any] = {
        "path": [utf8_path(record.path) for record in records],
        "path_bytes": [record.path for record in records],
        **{name: [getattr(info, name) for info in infos] for name in AUDIO},
        **dict(zip(TAG_NAMES, tags, strict=True)),
        "windows": [record.windows for record in records],
        "scale": [record.scale for record in records],
        **{name: [getattr(record, name) for record in records] for name in PACKED},
    }
    vector = schema.field("vector").type
    arrays = [
        pa.FixedSizeListArray.from_arrays(pa.array(values), vector.list_size)
        if field.name == "vector"
        else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _arrow_batches(file: Any, names: list[str]) -> Iterator[Any]:
    """A group at a time, so that a batch is no larger than a group."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(batch_size=BATCH, row_groups=[group], columns=names)


def _records(batch: Any, header: Header) -> list[Record]:
    """The rows of a batch.

    Raises
    ------
    ValueError
        If one is not as it should be.
    """
    vectors = _vectors(batch.column("vector"), header.dimension)
    names = [name for name in batch.schema.names if name != "vector"]
    rows = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
    return [
        record_of(dict(zip(names, row, strict=True)), vector, header.spec.dimension, len(header.words))
        for row, vector in zip(rows, vectors, strict=True)
    ]


def _vectors(column: Any, dimension: int) -> Float32:
    values = column.flatten()
    if column.null_count or values.null_count or len(values) != len(column) * dimension:
        raise ValueError("a vector is missing or not whole")
    vectors: Float32 = values.to_numpy(zero_copy_only=False).reshape(-1, dimension)
    if not are_whole(vectors, dimension):
        raise ValueError("a vector is not finite, or not of length 1")
    return vectors
