"""The pickles in torch's files, read by an interpreter that can build data and nothing else.

Python's own unpickler calls what a file names. This one knows the few instructions that
``torch.save`` writes for a dictionary of tensors, and the few names in them; it imports and calls
nothing. Any other instruction or name is refused, so a file can't run code, and what it
makes is never more than some times the file's size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from audiosim.encoders.torch_objects import (
    CALLS,
    STORAGES,
    GlobalName,
    MalformedError,
    Storage,
    fill,
    storage_of,
)

MAX_INSTRUCTIONS = 1_000_000  # a network of a thousand tensors needs 50,000
MAX_NAME = 200  # bytes
MAX_INTEGER = 16  # bytes; torch's magic number has 10

SKIPPED = frozenset(  # of NumPy arrays, which the state of a training has: passed over, not made
    {
        *(f"numpy.{core}.multiarray _reconstruct" for core in ("core", "_core")),
        *(f"numpy.{core}.multiarray scalar" for core in ("core", "_core")),
        *("numpy ndarray", "numpy dtype", "_codecs encode"),
    }
)


@dataclass(frozen=True)
class Pickled:
    """What a pickle holds.

    Parameters
    ----------
    value : object
        Dictionaries, lists, tuples, strings, numbers, `Storage` and `StoredTensor`.
    storages : dict of str to Storage
        All storages that it refers to, by their keys.
    """

    value: Any
    storages: dict[str, Storage]


class _Skipped:
    """What is passed over."""


def load(file: IO[bytes], remaining: int) -> Pickled:
    """Read one pickle from where a file stands, and leave it behind the pickle's end.

    Parameters
    ----------
    file : IO
        The file.
    remaining : int
        How many bytes it still has.

    Returns
    -------
    Pickled
        What it holds.

    Raises
    ------
    MalformedError
        If it holds anything but data, or ends too early.
    """
    machine = _Machine(file, remaining)
    return Pickled(machine.run(), machine.storages)


class _Machine:
    """The stack, the memo and the instructions."""

    def __init__(self, file: IO[bytes], remaining: int) -> None:
        self._file, self._remaining = file, remaining
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks under each mark
        self._memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def run(self) -> Any:
        for _ in range(MAX_INSTRUCTIONS):
            code = self._bytes(1)
            if code == b".":
                return self._pop()
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                raise MalformedError(f"it has the pickle instruction {code!r}, which is not allowed")
            instruction(self)
        raise MalformedError(f"it has more than {MAX_INSTRUCTIONS:,} pickle instructions")

    def _bytes(self, count: int) -> bytes:
        if count > self._remaining:
            raise MalformedError("it is cut short")
        self._remaining -= count
        data = self._file.read(count)
        if len(data) < count:
            raise MalformedError("it is cut short")
        return data

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]

    def _line(self) -> str:
        line = self._file.readline(MAX_NAME)
        self._remaining -= len(line)
        if not line.endswith(b"\n"):
            raise MalformedError("it names something without an end")
        return line[:-1].decode("ascii", "backslashreplace")

    def _pop(self) -> Any:
        if not self._stack:
            raise MalformedError("its pickle takes from an empty stack")
        return self._stack.pop()

    def _to_mark(self) -> list[Any]:
        if not self._below:
            raise MalformedError("its pickle has no mark where one is needed")
        items, self._stack = self._stack, self._below.pop()
        return items

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def protocol(self) -> None:
        version = self._number("B")
        if version != 2:
            raise MalformedError(f"its pickle has protocol {version}; torch writes 2")

    def number(self, form: str) -> None:
        self.push(self._number(form))

    def long(self) -> None:
        count = self._number("B")
        if count > MAX_INTEGER:
            raise MalformedError(f"it has a whole number of {count} bytes")
        self.push(int.from_bytes(self._bytes(count), "little", signed=True))

    def text(self) -> None:
        self.push(self._bytes(self._number("<I")).decode("utf-8", "surrogatepass"))

    def tuple(self, count: int | None) -> None:
        items = self._to_mark() if count is None else [self._pop() for _ in range(count)][::-1]
        self.push(tuple(items))

    def put(self, form: str) -> None:
        value = self._pop()
        self.push(value)
        self._memo[self._number(form)] = value

    def get(self, form: str) -> None:
        index = self._number(form)
        if index not in self._memo:
            raise MalformedError("its pickle refers to what is not there")
        self.push(self._memo[index])

    def name(self) -> None:
        text = f"{self._line()} {self._line()}"
        module, _, name = text.partition(" ")
        if text not in CALLS and not (module == "torch" and name in STORAGES) and text not in SKIPPED:
            raise MalformedError(
                f"it names {'.'.join((module, name))}, which is not allowed: nothing was run"
            )
        self.push(GlobalName(text))

    def call(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, GlobalName) or not isinstance(arguments, tuple):
            raise MalformedError("its pickle calls what can't be called")
        if function.text in SKIPPED:
            self.push(_Skipped())
        elif function.text in CALLS:
            self.push(CALLS[function.text](arguments))
        else:
            raise MalformedError(f"its pickle calls {function.text}")

    def build(self) -> None:
        """Attributes of a dictionary (torch keeps versions there), or of what is passed over."""
        self._pop()
        target = self._pop()
        if not isinstance(target, dict | _Skipped):
            raise MalformedError("its pickle sets the state of what has none")
        self.push(target)

    def persistent(self) -> None:
        storage = storage_of(self._pop())
        if self.storages.setdefault(storage.key, storage) != storage:
            raise MalformedError("it describes the same numbers in two ways")
        self.push(storage)

    def append(self, *, many: bool) -> None:
        items = self._to_mark() if many else [self._pop()]
        target = self._pop()
        if not isinstance(target, list):
            raise MalformedError("its pickle appends to what is no list")
        target += items
        self.push(target)

    def set(self, *, many: bool) -> None:
        items = self._to_mark() if many else [self._pop(), self._pop()][::-1]
        target = self._pop()
        if not isinstance(target, dict) or len(items) % 2:
            raise MalformedError("its pickle sets items of what is no dictionary")
        fill(target, list(zip(items[::2], items[1::2], strict=True)))
        self.push(target)


_INSTRUCTIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _Machine.protocol,
    b"(": _Machine.mark,
    b"}": lambda machine: machine.push({}),
    b"]": lambda machine: machine.push([]),
    b")": lambda machine: machine.push(()),
    b"N": lambda machine: machine.push(None),
    b"\x88": lambda machine: machine.push(True),
    b"\x89": lambda machine: machine.push(False),
    b"K": lambda machine: machine.number("B"),
    b"M": lambda machine: machine.number("<H"),
    b"J": lambda machine: machine.number("<i"),
    b"G": lambda machine: machine.number(">d"),
    b"\x8a": _Machine.long,
    b"X": _Machine.text,
    b"t": lambda machine: machine.tuple(None),
    b"\x85": lambda machine: machine.tuple(1),
    b"\x86": lambda machine: machine.tuple(2),
    b"\x87": lambda machine: machine.tuple(3),
    b"q": lambda machine: machine.put("B"),
    b"r": lambda machine: machine.put("<I"),
    b"h": lambda machine: machine.get("B"),
    b"j": lambda machine: machine.get("<I"),
    b"c": _Machine.name,
    b"R": _Machine.call,
    b"b": _Machine.build,
    b"Q": _Machine.persistent,
    b"a": lambda machine: machine.append(many=False),
    b"e": lambda machine: machine.append(many=True),
    b"s": lambda machine: machine.set(many=False),
    b"u": lambda machine: machine.set(many=True),
}
