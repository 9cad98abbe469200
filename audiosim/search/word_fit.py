"""Asking in words: how well what a user writes fits each track.

Each label or text that is meant (library/asked_words.py) is standardised over the library
(library/word_scores.py); a track's fit is

    the mean of its z over what is wanted - 0.5 x the mean of its z over what is not

and beside audio files, whose cosine (corrected for hubs) is standardised in the same way, the sum of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audiosim.core.types import Float32, Float64
from audiosim.library.asked_words import asked_for, unscored
from audiosim.library.catalog import Audio
from audiosim.library.index import Index
from audiosim.library.word_scores import Standard, WordScores
from audiosim.search.query import AWAY
from audiosim.search.ranking import Bools, Likeness, Measure, Vectors


@dataclass(frozen=True, eq=False)
class WordFit:
    """How well words fit tracks; beside how much these are like queries, if there are any.

    Parameters
    ----------
    audio : Audio
        What has scores.
    raw, fit : ndarray of float64, shape=(n,)
        Of each: the mean score that the network gives to what is wanted, and the fit.
    likeness : Likeness, optional
        To the queries.
    usual : Standard, optional
        Of the cosines of the library's tracks with them.
    """

    audio: Audio
    raw: Float64
    fit: Float64
    likeness: Likeness | None = None
    usual: Standard | None = None

    def covers(self, digests: Sequence[str]) -> Bools:
        """Tell of which audio what is measured is known."""
        covered: Bools = self.audio.places(digests) >= 0
        return covered

    @cached_property
    def _values(self) -> Float64:
        """Both (n + 1, 2); last what counts for a file that is not covered."""
        least = self.fit.min() if len(self.fit) else 0.0
        return np.stack([np.append(self.raw, 0.0), np.append(self.fit, least)], axis=1)

    def __call__(self, digests: Sequence[str], scales: Float64, vectors: Vectors) -> tuple[Float64, Float64]:
        """Give the cosines with the queries, or the scores of the words, and what both come to."""
        raw, fit = self._values[self.audio.places(digests)].T
        if self.likeness is None or self.usual is None:
            return raw, fit
        cosines, scores = self.likeness(digests, scales, vectors)
        alike = self.usual(scores.astype(np.float32)[:, None])[:, 0]
        return cosines, alike + fit


def with_words(
    index: Index, likeness: Likeness | None, text: Sequence[str], not_text: Sequence[str]
) -> tuple[Measure, list[str]]:
    """Make the measure of what was asked for in words, beside queries or without; and what users should know.

    Raises
    ------
    UsageError
        If the home's encoder knows no words, or not these.
    HomeError
        If no track has scores yet.
    """
    scores, (wanted, unwanted) = asked_for(index, [text, not_text])
    raw, fit = fitting(scores, wanted, unwanted)
    usual = None
    if likeness is not None:
        direction = likeness.direction

        def cosines(rows: Float32) -> Float32:
            found: Float32 = np.einsum("ij,j->i", rows, direction)[:, None]  # as in `Likeness`
            return found

        _, alike = index.catalog.tracks.measured(cosines, index.configuration.space)
        usual = Standard.of(alike)
    return WordFit(scores.digests, raw, fit, likeness, usual), unscored(index)


def fitting(scores: WordScores, wanted: list[int], unwanted: list[int]) -> tuple[Float64, Float64]:
    """Give the network's mean score of what is wanted, and the fit, each (n,), by columns of the scores."""
    fit = np.zeros(len(scores.digests))
    for columns, weight in ((wanted, 1.0), (unwanted, -AWAY)):
        if columns:
            fit += weight * scores.standing_out[:, columns].mean(axis=1)
    raw: Float64 = scores.raw(scores.values[:, wanted or unwanted]).mean(axis=1, dtype=np.float64)
    return raw, fit
