"""Files as torch.save writes them, without torch: pickles made of single instructions."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {"f4": "FloatStorage", "f8": "DoubleStorage", "f2": "HalfStorage", "i8": "LongStorage"}
PROTOCOL = b"\x80\x02"
STOP = b"."
NONE = b"N"


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def integer(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(16, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def sequence(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def listed(*items: bytes) -> bytes:
    return b"](" + b"".join(items) + b"e"


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def dictionary(items: Mapping[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def ordered(items: Mapping[str, bytes]) -> bytes:
    """An OrderedDict, with the attribute that torch gives a state: its modules' versions."""
    pairs = b"".join(text(key) + value for key, value in items.items())
    state = dictionary({"_metadata": name("collections", "OrderedDict") + b")R"})
    return name("collections", "OrderedDict") + b")R(" + pairs + b"u" + state + b"b"


def storage(key: str, count: int, kind: str = "FloatStorage", *, view: bytes = NONE) -> bytes:
    parts = [text("storage"), name("torch", kind), text(key), text("cuda:0"), integer(count), view]
    return sequence(*parts) + b"Q"


def tensor(numbers: bytes, shape: Iterable[int], strides: Iterable[int], offset: int = 0) -> bytes:
    sizes = (sequence(*(integer(n) for n in axes)) for axes in (shape, strides))
    hooks = name("collections", "OrderedDict") + b")R"
    arguments = sequence(numbers, integer(offset), *sizes, b"\x89", hooks)
    return name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def whole(key: str, array: Any, *, view: bytes = NONE) -> bytes:
    """An array as a tensor that is all of its storage."""
    strides = [stride // array.itemsize for stride in array.strides]
    kind = STORAGES[array.dtype.str[1:]]
    return tensor(storage(key, array.size, kind, view=view), array.shape, strides)


def legacy(saved: bytes, numbers: Mapping[str, Any], keys: list[str] | None = None) -> bytes:
    """A file of the older format: `saved` is an object's instructions, `numbers` its storages."""
    keys = sorted(numbers) if keys is None else keys
    machine = dictionary({"protocol_version": integer(1001), "little_endian": b"\x88"})
    parts = [integer(MAGIC), integer(1001), machine, saved, listed(*(text(key) for key in keys))]
    head = b"".join(PROTOCOL + part + STOP for part in parts)
    return head + b"".join(struct.pack("<q", numbers[key].size) + _bytes(numbers[key]) for key in keys)


def write_zip(path: Path, saved: bytes, numbers: Mapping[str, Any], *, order: str = "little") -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", PROTOCOL + saved + STOP)
        archive.writestr("archive/byteorder", order)
        for key, array in numbers.items():
            archive.writestr(f"archive/data/{key}", _bytes(array, ">" if order == "big" else "<"))
        archive.writestr("archive/version", "3\n")


def model(state: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The instructions of {"model": state}, and its numbers by keys that sort in another order."""
    keys = {key: str(94_000_000 - 7 * index) for index, key in enumerate(state)}
    tensors = {key: whole(keys[key], array) for key, array in state.items()}
    return dictionary({"model": ordered(tensors)}), {keys[key]: array for key, array in state.items()}


def write_legacy(path: Path, state: Mapping[str, Any]) -> None:
    """A checkpoint {"model": state} in the older format."""
    path.write_bytes(legacy(*model(state)))


def _bytes(array: Any, order: str = "<") -> bytes:
    return bytes(np.ascontiguousarray(array, array.dtype.newbyteorder(order)).tobytes())
