"""What was used last is kept, up to a bound; threads may share it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

Value = TypeVar("Value")


class LastUsed(Generic[Value]):
    """Values by their names, of which the last used are kept.

    Parameters
    ----------
    most : int
        How many.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._values: OrderedDict[str, Value] = OrderedDict()

    def get(self, name: str, make: Callable[[str], Value]) -> Value:
        """Give the value of a name, which is made of it where it is not kept."""
        with self._lock:
            if name in self._values:
                self._values.move_to_end(name)
                return self._values[name]
        value = make(name)
        self._keep({name: value})
        return value

    def get_all(self, names: Sequence[str], make: Callable[[list[str]], Mapping[str, Value]]) -> list[Value]:
        """Give the values of names; those that are not kept are made together."""
        with self._lock:
            found = {name: self._values[name] for name in names if name in self._values}
            for name in found:
                self._values.move_to_end(name)
        lacking = [name for name in dict.fromkeys(names) if name not in found]
        if lacking:
            made = make(lacking)
            self._keep(made)
            found.update(made)
        return [found[name] for name in names]

    def _keep(self, made: Mapping[str, Value]) -> None:
        with self._lock:
            self._values.update(made)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
