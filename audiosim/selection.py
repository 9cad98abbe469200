"""Which windows of a long track are embedded, where a limit was set: evenly spread short runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from audiosim.types import Framing

RUN = 10  # consecutive windows


def window_count(framing: Framing, samples: int) -> int:
    """How many windows a signal of so many samples gives."""
    length = framing.lead + samples + (framing.trail if framing.tail == "drop" else 0)
    beyond = max(0, length - framing.window)
    return 1 + (beyond // framing.hop if framing.tail == "drop" else -(-beyond // framing.hop))


def chosen_runs(total: int, limit: int) -> list[range]:
    """At most `limit` of `total` windows, in runs of ten (one may be shorter), evenly spread.

    The windows left out are shared equally among the places before, between and after the runs,
    those at the ends counting half.
    """
    if total <= limit:
        return [range(total)]
    lengths = [RUN] * (limit // RUN) + ([limit % RUN] if limit % RUN else [])
    gap = (total - limit) / len(lengths)
    runs, taken = [], 0
    for number, length in enumerate(lengths):
        start = taken + int(gap * (number + 0.5))
        runs.append(range(start, start + length))
        taken += length
    return runs


class Selection:
    """The windows to keep of one track whose number of windows is expected to be `total`."""

    def __init__(self, total: int, limit: int | None) -> None:
        self._chosen = None if limit is None else np.concatenate([list(r) for r in chosen_runs(total, limit)])

    def keep(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Of the windows `first` to ``first + count``, the indices to keep."""
        indices = np.arange(first, first + count)
        return indices if self._chosen is None else indices[np.isin(indices, self._chosen)]
