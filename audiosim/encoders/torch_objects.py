"""What the pickles in torch's files may make: dictionaries, and tensors as views of numbers in the file."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_AXES = 32
MAX_LENGTH = 1 << 40  # of a tensor along an axis, and of its strides

STORAGES = {  # torch's name: NumPy's, but for the order of bytes
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class MalformedError(ValueError):
    """A file that is not what torch writes for tensors, or that asks for what is not done."""


@dataclass(frozen=True)
class Storage:
    """Numbers somewhere in the file: their type, as "f4", their key, and how many they are."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as a view of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class GlobalName:
    """A global that the file names, as "torch FloatStorage"."""

    text: str


def fill(target: dict[Any, Any], items: list[Any]) -> None:
    """Put pairs into a dictionary; its keys must be text or numbers."""
    for item in items:
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise MalformedError("its dictionaries are not made of pairs")
        key, value = item
        if not isinstance(key, str | int):  # tuples of tuples of ... would take for ever to hash
            raise MalformedError("a key of its dictionaries is neither text nor a number")
        target[key] = value


def _ordered_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    if arguments:
        if len(arguments) != 1 or not isinstance(arguments[0], list):
            raise MalformedError("its dictionaries are not made of pairs")
        fill(made, arguments[0])
    return made


def storage_of(persistent: Any) -> Storage:
    """Give the storage that a persistent id means."""
    match persistent:
        case ("storage", GlobalName(text), str(key), str(), int(count), *view) if (
            text.removeprefix("torch ") in STORAGES and view in ([], [None]) and 0 <= count <= MAX_LENGTH
        ):
            return Storage(STORAGES[text.removeprefix("torch ")], key, count)
    raise MalformedError("it refers to numbers in a way that torch does not")


def _tensor(arguments: tuple[Any, ...]) -> StoredTensor:
    match arguments:
        case (Storage() as storage, int(offset), tuple(shape), tuple(strides), *_) if len(shape) == len(
            strides
        ):
            axes = [offset, *shape, *strides]
            if len(shape) > MAX_AXES or not all(type(n) is int and 0 <= n <= MAX_LENGTH for n in axes):
                raise MalformedError("a tensor has an impossible shape, stride or offset")
            _check_extent(storage, offset, shape, strides)
            return StoredTensor(storage, offset, shape, strides)
    raise MalformedError("it makes a tensor in a way that torch does not")


def _check_extent(storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    size = math.prod(shape)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if size > storage.count or (size and last >= storage.count):
        raise MalformedError("a tensor reaches beyond its numbers")


def _parameter(arguments: tuple[Any, ...]) -> StoredTensor:
    if not arguments or not isinstance(arguments[0], StoredTensor):
        raise MalformedError("it makes a parameter in a way that torch does not")
    return arguments[0]


CALLS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections OrderedDict": _ordered_dict,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
}
