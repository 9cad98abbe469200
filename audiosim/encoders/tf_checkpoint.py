"""TensorFlow checkpoints (tensor bundles, V2), read without TensorFlow.

``PREFIX.index`` is a table as LevelDB writes them, https://github.com/google/leveldb/blob/main/doc/table_format.md,
of protocol buffers that say where in ``PREFIX.data-00000-of-00001`` each tensor lies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from audiosim.core.errors import WeightsError
from audiosim.core.types import Float32

FOOTER = 48  # bytes
MAGIC = 0xDB4775248B80FB57  # its last eight
FLOAT = 1  # the number of float32 among TensorFlow's types
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers


def read_tensors(prefix: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Float32]:
    """Read tensors of a checkpoint by name.

    Parameters
    ----------
    prefix : Path
        What the names of its files begin with.
    shapes : mapping of str to tuple of int
        The names of the tensors to read, and the shapes that they should have.

    Returns
    -------
    dict of str to ndarray of float32
        The tensors.

    Raises
    ------
    WeightsError
        If it is no checkpoint, lacks one of the tensors, or is cut off.
    """
    remedy = "Remove the folder: the weights are fetched again when they are needed."
    index, data = (prefix.with_name(f"{prefix.name}.{end}") for end in ("index", "data-00000-of-00001"))
    try:
        entries = dict(_table(index.read_bytes()))
        places = {name: _place(entries.get(name.encode(), b"")) for name in shapes}
        content = data.read_bytes()
    except (OSError, IndexError, ValueError) as error:
        raise WeightsError(f"{prefix} is no TensorFlow checkpoint", str(error), remedy) from error
    tensors = {}
    for name, shape in shapes.items():
        found, offset, size = places[name]
        if found != shape or size != 4 * math.prod(shape):
            raise WeightsError(
                f"{prefix} does not hold these weights", f"no tensor {name} as expected", remedy
            )
        if offset + size > len(content):
            raise WeightsError(f"{data} is damaged", f"it ends before the tensor {name} does", remedy)
        tensors[name] = np.frombuffer(content, "<f4", size // 4, offset).reshape(shape)
    return tensors


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a table."""
    footer = data[-FOOTER:]
    if len(footer) < FOOTER or int.from_bytes(footer[-8:], "little") != MAGIC:
        raise ValueError("its index has no footer")
    _, _, offset, size = _numbers(footer, 4)[0]  # of the block of metadata, and of the index
    for _, handle in _block(data, offset, size):
        (offset, size), _ = _numbers(handle, 2)
        yield from _block(data, offset, size)


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block; each key is written as what differs from the one before."""
    block = data[offset : offset + size]
    if len(block) < size or data[offset + size]:
        raise ValueError("its index is cut off, or compressed")
    restarts = int.from_bytes(block[-4:], "little")
    position, end, key = 0, size - 4 * (restarts + 1), b""
    while position < end:
        (shared, added, length), position = _numbers(block, 3, position)
        key = key[:shared] + block[position : position + added]
        yield key, block[position + added : position + added + length]
        position += added + length


def _place(entry: bytes) -> tuple[tuple[int, ...], int, int]:
    """A tensor's shape, its offset and its size in bytes, as its entry says; of size 0 where it has none."""
    fields = list(_fields(entry))
    numbers = {number: value for number, value in fields if isinstance(value, int)}
    shape = next((value for number, value in fields if number == 2 and isinstance(value, bytes)), b"")
    if numbers.get(1) != FLOAT or numbers.get(3, 0):
        return (), 0, 0
    return tuple(_dimensions(shape)), numbers.get(4, 0), numbers.get(5, 0)


def _dimensions(shape: bytes) -> Iterable[int]:
    for _, dimension in _fields(shape):
        if isinstance(dimension, bytes):
            yield next((value for _, value in _fields(dimension) if isinstance(value, int)), 0)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: their numbers, and integers or bytes."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, position = _varint(message, position)
            yield number, value
        elif wire == BYTES:
            size, position = _varint(message, position)
            yield number, message[position : position + size]
            position += size
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
            yield number, int.from_bytes(message[position : position + size], "little")
            position += size
        else:
            raise ValueError(f"its index has a field of the kind {wire}")


def _numbers(data: bytes, count: int, position: int = 0) -> tuple[list[int], int]:
    """Numbers that follow each other, and where what follows them begins."""
    values = []
    for _ in range(count):
        value, position = _varint(data, position)
        values.append(value)
    return values, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, the least first, and where what follows begins."""
    value = shift = 0
    while data[position] & 0x80:
        value |= (data[position] & 0x7F) << shift
        position, shift = position + 1, shift + 7
    return value | data[position] << shift, position + 1
