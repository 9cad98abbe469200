"""Which other files an ONNX model keeps its weights in; read without the package onnx.

An ONNX file is a protocol buffer: messages made of numbered fields. Of these only those are looked
at that lead to tensors (onnx.proto of onnx 1.18); the weights themselves are passed over.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

from audiosim.core.errors import WeightsError
from audiosim.core.text import display_path

BYTES = 2  # the kind of a field that has a length
FIXED = {1: 8, 5: 4}  # bytes of the kinds that have none
# The kind of message in each field that leads to tensors.
MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
    "entry": {},
}
Buffer = mmap.mmap | bytes


def external_files(path: Path) -> list[str]:
    """List the files beside a model that it keeps weights in.

    Parameters
    ----------
    path : Path
        The model.

    Returns
    -------
    list of str
        Their names, sorted.

    Raises
    ------
    WeightsError
        If it is no ONNX file, or wants a file that does not lie beside it.
    """
    shown = display_path(os.fsencode(path))
    try:
        names = set(_locations(path))
    except (OSError, ValueError, IndexError) as error:
        raise WeightsError(f"{shown} is no ONNX model", str(error), "Bring another file.") from error
    for name in names:
        if not name or name.startswith(".") or any(mark in name for mark in "/\\:\0"):
            raise WeightsError(
                f"{shown} is refused",
                f"it keeps weights in {name!r}, which is not the name of a file beside it",
                "Save the model with its weights in files beside it.",
            )
    return sorted(names)


def _locations(path: Path) -> Iterator[str]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        waiting = [("model", 0, len(data))]
        while waiting:
            message, start, stop = waiting.pop()
            if message == "entry":
                fields = {
                    number: data[begin:end].decode() for number, begin, end in _fields(data, start, stop)
                }
                if fields.get(1) == "location":
                    yield fields.get(2, "")
                continue
            for number, begin, end in _fields(data, start, stop):
                if number in MESSAGES[message]:
                    waiting.append((MESSAGES[message][number], begin, end))


def _fields(data: Buffer, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Number and extent of each field of a message that has a length."""
    while start < stop:
        key, start = _varint(data, start, stop)
        number, kind = key >> 3, key & 7
        if kind == BYTES:
            length, start = _varint(data, start, stop)
            if length > stop - start:
                raise ValueError("it is cut off")
            yield number, start, start + length
            start += length
        elif kind in FIXED:
            start += FIXED[kind]
        elif kind == 0:
            _, start = _varint(data, start, stop)
        else:
            raise ValueError(f"it has a field of kind {kind}")


def _varint(data: Buffer, start: int, stop: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    value = 0
    for place in range(start, min(stop, start + 10)):
        value |= (data[place] & 0x7F) << 7 * (place - start)
        if data[place] < 0x80:
            return value, place + 1
    raise ValueError("it is cut off, or no protocol buffer")
