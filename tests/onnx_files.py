"""ONNX files of the tests: written without onnx, as protocol buffers are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    """A field that has a length: a text, or a message."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(field_number: int, value: int) -> bytes:
    return varint(field_number << 3) + varint(value)


def tensor(location: str, name: str = "w") -> bytes:
    """A TensorProto whose numbers lie in another file."""
    entry = field(1, b"location") + field(2, location.encode())
    return field(8, name.encode()) + field(13, entry) + number(14, 1)


def model(graph: bytes) -> bytes:
    """A ModelProto of a graph."""
    return number(1, 7) + field(8, number(2, 13)) + field(7, graph)


def matrix_model(rows: int, columns: int, location: str) -> bytes:
    """embedding = audio x w, where w (rows, columns) lies in another file."""
    weights = number(1, rows) + number(1, columns) + number(2, 1) + tensor(location)
    node = field(1, b"audio") + field(1, b"w") + field(2, b"embedding") + field(4, b"MatMul")
    graph = field(1, node) + field(2, b"g") + field(5, weights)
    graph += field(11, _value("audio", rows)) + field(12, _value("embedding", columns))
    return model(graph)


def _value(name: str, length: int) -> bytes:
    """A ValueInfoProto of float32 (batch, length)."""
    shape = field(1, field(2, b"batch")) + field(1, number(1, length))
    return field(1, name.encode()) + field(2, field(1, number(1, 1) + field(2, shape)))


def weights_bytes(matrix: npt.NDArray[np.float32]) -> bytes:
    """What the other file holds."""
    return np.ascontiguousarray(matrix, "<f4").tobytes()
