"""Which tracks may answer which, and which answers are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from audiosim.core.tag_values import album_keys, artist_keys
from audiosim.core.types import Float64, Track
from audiosim.evaluation.labels import LabelSet
from audiosim.library.neighbours import Codes, blocks

ExcludeSame = Literal["artist", "album"]
EXCLUDE_SAME: tuple[ExcludeSame, ...] = get_args(ExcludeSame)

Admitted = npt.NDArray[np.bool_]


class GroundTruth:
    """The judge of the answers of tracks to each other, a block of queries at a time.

    Each track asks and every other one answers, but for copies of its own recording. With
    `exclude_same`, answers with the query's own artist or album don't count either, neither as right
    nor as wrong: MIREX's artist filter, after Pampalk, Flexer, Widmer, "Improvements of audio-based
    music similarity and genre classification", ISMIR 2005. What the same is,
    core/tag_values.py says. Tracks without the tag are not filtered.

    Parameters
    ----------
    tracks : sequence of Track
        The n tracks, which ask and answer.
    labels : sequence of LabelSet
        The labels of each; an answer is right when it shares one with the query.
    exclude_same : {"artist", "album"}, optional
        The tag to filter by.
    copies : mapping of str to int, optional
        The recording that audio holds, by its digest; by default, other audio is another recording.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        labels: Sequence[LabelSet],
        exclude_same: ExcludeSame | None = None,
        copies: Mapping[str, int] | None = None,
    ) -> None:
        self.count = len(tracks)
        self.recordings = codes(copies[t.digest] if copies else t.digest for t in tracks)
        keys = {"artist": artist_keys, "album": album_keys}
        self._groups = _incidence([keys[exclude_same](t.tags) for t in tracks]) if exclude_same else None
        self._labels = labels
        self._incidence = _incidence(labels)

    def admitted(self, rows: slice) -> Admitted:
        """Which answers count, bool (rows, n)."""
        admitted = self.recordings[rows, None] != self.recordings
        return cast("Admitted", admitted if self._groups is None else admitted & ~_shared(self._groups, rows))

    def right(self, rows: slice) -> Admitted:
        """Which answers count and share a label with their query, bool (rows, n)."""
        return _shared(self._incidence, rows) & self.admitted(rows)

    def main_labels(self) -> Codes:
        """A code for each track, int (n,): that of the one of its labels which most tracks have.

        So each query counts to one label where whole labels are drawn.
        """
        counts = Counter(label for own in self._labels for label in own)
        return codes(max(own, key=lambda one: (counts[one], one), default="") for own in self._labels)

    def shares(self) -> Float64:
        """What share of each track's answers is right, float64 (n,): a random answer's precision."""
        shares = np.zeros(self.count)
        for rows in blocks(self.count):
            right, admitted = self.right(rows).sum(axis=1), self.admitted(rows).sum(axis=1)
            shares[rows] = right / np.maximum(admitted, 1)
        return shares


def codes(values: Iterable[Hashable]) -> Codes:
    """Give a number for each value, equal where values are."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def _shared(incidence: Any, rows: slice) -> Admitted:
    """Which tracks have a label in common with these, bool (rows, n)."""
    return cast("Admitted", (incidence[rows] @ incidence.T).toarray() > 0)


def _incidence(labels: Sequence[LabelSet]) -> Any:
    """Tracks by labels, a sparse matrix of ones: tracks may have many labels, and there may be many."""
    from scipy.sparse import csr_array

    numbers = {label: number for number, label in enumerate(sorted(set().union(*labels)))}
    columns = [numbers[label] for own in labels for label in own]
    starts = np.cumsum([0, *map(len, labels)])
    ones = np.ones(len(columns), np.int32)
    return csr_array((ones, columns, starts), shape=(len(labels), max(len(numbers), 1)))
