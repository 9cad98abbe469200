"""What exact search asks of a home's tracks, as columns of one file that is mapped into memory.

Beside the catalog of many tracks, `catalog.columns` has where their vectors lie, and what filters look at: of
each tag, folder and length its different values, and a number for each file. It is made from the catalog, and
says nothing else: whoever finds none, or one that is not whole or not of this very state, reads the catalog.

A file begins with START: what it is, where its head lies, and a digest of that. The head, JSON, ends the
file. It has the catalog's stamp, what the vectors are, and for each column its type, shape and place, and the
sum of its bytes as numbers of eight.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Tags, Track
from audiosim.library.catalog.models import Configuration, path_id
from audiosim.library.filters import TAGS, Admission, Demand

MAGIC = b"audiosim cols 1\n"
START = struct.Struct("<16sQQ16s")
VALUES = (*TAGS, "folder", "duration")  # what filters look at
KINDS = ("number", "value")  # of columns that tell these
PIECE = 2**20  # bytes of a column read at a time: a number of eights
NO_NAME = b"\0"  # of a file, where only its folder counts

Numbers = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


class Columns:
    """The columns of a catalog, a row for each file of the index, in order of path.

    - ids and digests: bytes; first: whether it is the first that holds its audio
    - vectors, float32 (n, dim), as the catalog has them; and searched, where they are searched
    - scales: mean cosine distances to the nearest neighbours, NaN where it is not known
    - whole: whether the vector is not damaged
    - of each of VALUES, "number" and "value": which of all different ones it is

    Parameters
    ----------
    data : ndarray of uint8
        The file.
    head : dict
        What it says of itself.
    """

    def __init__(self, data: npt.NDArray[np.uint8], head: dict[str, Any]) -> None:
        self._data, self._head = data, head
        self._sound: dict[str, bool] = {}
        self._values: dict[str, list[Any]] = {}

    @property
    def stamp(self) -> str:
        """The stamp of the catalog that it was made from."""
        return str(self._head["stamp"])

    @property
    def lacking(self) -> int:
        """How many files of the index have no fingerprint."""
        return int(self._head["lacking"])

    @property
    def names(self) -> list[str]:
        """What columns there are."""
        return [*self._head["columns"]]

    def are_sound(self, *names: str) -> bool:
        """Tell whether columns are there, and what was written; each is read for that once."""
        for name in {*map(self._own_name, names)} - self._sound.keys():
            told = self._head["columns"].get(name)  # an older version has fewer
            self._sound[name] = told is not None and checksum(self._bytes(name)) == told["sum"]
        return all(self._sound[self._own_name(name)] for name in names)

    def are_written(self, path: Path) -> bool:
        """Tell whether all columns are what was written, as read from their file.

        Mapped into memory, all of it would count as memory of who asks.
        """
        with path.open("rb") as file:
            return all(written_sum(file, told) == told["sum"] for told in self._head["columns"].values())

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """Give a column, a row for each file."""
        told = self._head["columns"][self._own_name(name)]
        found: npt.NDArray[Any] = self._bytes(name).view(told["type"]).reshape(told["shape"])
        return found

    def admitted(self, admission: Admission, *, damaged: bool = False) -> Numbers | None:
        """Find the files that are admitted, by row; None where a column is not sound.

        Those whose vectors are `damaged` are no answers, but files of the index.
        """
        if not self.are_sound("whole", "ids"):
            return None
        whole = self["whole"]
        rows: Numbers | None = np.arange(len(whole)) if damaged else np.flatnonzero(whole)
        for demand in admission.demands:
            rows = None if rows is None else self.fitting(rows, demand)
        return rows

    def fitting(self, rows: Numbers, demand: Demand) -> Numbers | None:
        """Find those of some rows that meet a demand; None where a column is not sound.

        It is put to the different values of what it looks at.
        """
        if not self.are_sound("ids", *(f"{kind} {name}" for name in demand.values for kind in KINDS)):
            return None
        values = {name: self._all_values(name) for name in demand.values}
        if demand.lengths is not None:
            seconds = np.array([value or 0.0 for value in values["duration"]], np.float64)
            found: Numbers = rows[demand.has_length(seconds)[self["number duration"][rows]]]
            return found
        numbers = {name: self[f"number {name}"][rows] for name in demand.values}
        codes = np.zeros(len(rows), np.int64)
        for name, own in numbers.items():
            codes = np.unique(codes * len(values[name]) + own, return_inverse=True)[1]
        _, places, codes = np.unique(codes, return_index=True, return_inverse=True)

        def track(place: int, path: bytes | None) -> Track:
            return _track({name: values[name][own[place]] for name, own in numbers.items()}, path)

        fits = np.array([demand.admits(track(place, None)) for place in places.tolist()], bool)[codes]
        for path in demand.files:
            for place in np.flatnonzero(self["ids"][rows] == path_id(path).encode()).tolist():
                fits[place] = demand.admits(track(place, path))
        kept: Numbers = rows[fits]
        return kept

    def _all_values(self, name: str) -> list[Any]:
        """All different values of what filters look at."""
        if name not in self._values:
            self._values[name] = json.loads(bytes(self._bytes(f"value {name}")))
        return self._values[name]

    def _own_name(self, name: str) -> str:
        """By what a column is kept: vectors that are searched as they are, once."""
        return "vectors" if name == "searched" and name not in self._head["columns"] else name

    def _bytes(self, name: str) -> npt.NDArray[np.uint8]:
        told = self._head["columns"][self._own_name(name)]
        return self._data[told["begin"] : told["begin"] + told["size"]]


def open_columns(path: Path, stamp: str, configuration: Configuration) -> Columns | None:
    """Map a file of columns into memory.

    Parameters
    ----------
    path : Path
        The file.
    stamp : str
        The catalog's.
    configuration : Configuration
        The catalog's.

    Returns
    -------
    Columns or None
        None where there is none, or it is not whole or of something else. Of the columns themselves, who
        uses some asks first whether they are sound.
    """
    try:
        with path.open("rb") as file:
            magic, begin, size, digest = START.unpack(file.read(START.size))
            if magic != MAGIC or begin + size != os.fstat(file.fileno()).st_size:
                return None
            file.seek(begin)
            text = file.read(size)
            if digest_of(text) != digest:
                return None
            head = json.loads(text)
            if (head["stamp"], head["vectors"]) != (stamp, configuration.collection):
                return None
            return Columns(np.asarray(np.memmap(file, np.uint8, "r", shape=(begin + size,))), head)
    except (OSError, struct.error):
        return None


def written_sum(file: IO[bytes], told: dict[str, Any]) -> int:
    """Sum up a column, by what is told of it, as read from its file."""
    file.seek(told["begin"])
    pieces = (file.read(min(PIECE, told["size"] - start)) for start in range(0, told["size"], PIECE))
    return sum(checksum(np.frombuffer(piece, np.uint8)) for piece in pieces) % 2**64


def _track(values: dict[str, Any], path: bytes | None) -> Track:
    """A track of some values; a file in its folder, or of this path."""
    tags = Tags(**{name: value for name, value in values.items() if name in TAGS})
    place = values.get("folder", "").encode("latin-1") + b"/" + NO_NAME if path is None else path
    return Track(place, "", values.get("duration"), tags)


def checksum(data: npt.NDArray[np.uint8]) -> int:
    """Sum up bytes, taken as numbers of eight, modulo 2 to the power of 64."""
    even = len(data) // 8 * 8
    rest = int.from_bytes(bytes(data[even:]), "little")
    return (int(data[:even].view("<u8").sum(dtype=np.uint64)) + rest) % 2**64


def digest_of(text: bytes) -> bytes:
    """Give the digest of a head."""
    return hashlib.blake2b(text, digest_size=16).digest()
