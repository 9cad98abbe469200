"""Pieces of audio in an order, and where each of them stands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import repeat

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.intp]


class Audio(list[str]):
    """Digests of audio, each once; it does not change."""

    _whole: tuple[Sequence[str], Places] | None = None  # those of a whole index, which stay as they are
    _last: tuple[Sequence[str], Places] | None = None  # those asked for last, often twice

    @cached_property
    def row(self) -> dict[str, int]:
        """The place of each."""
        return {digest: row for row, digest in enumerate(self)}

    def places(self, digests: Sequence[str]) -> Places:
        """Give the places (n,) of some digests; -1 for those that are not here."""
        for asked in (self._last, self._whole):
            if asked is not None and asked[0] is digests:
                return asked[1]
        found = np.fromiter(map(self.row.get, digests, repeat(-1)), np.intp, len(digests))
        self._last = digests, found
        if 2 * len(digests) > len(self):
            self._whole = self._last
        return found
