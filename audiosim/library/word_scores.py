"""Which words fit the tracks of a library, and how those that fit everything are kept from winning.

A track's score s for a label is the mean, over its audible windows, of what the network's last layer gives;
it is kept as log-odds, x = log(s / (1 - s)). What is compared is how far a track stands out of its library:

    z = (x - mean of the library's x) / their standard deviation

for each label by itself, so that a label that is given to nearly everything, as rock or electronic are by
MusiCNN, says something of those it is given more than others only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audiosim.core.errors import AudiosimError
from audiosim.core.types import EncoderSpec, Float32, FrameEmbeddings
from audiosim.encoders.frames import audible
from audiosim.encoders.registry import find_for
from audiosim.encoders.words import Vocabulary
from audiosim.library.catalog import Audio, Catalog, Tracks

CHUNK = 4096  # windows scored at a time
LEAST = 1e-7  # a score that is as good as none; float16 holds its log-odds well


@dataclass(frozen=True, eq=False)
class Standard:
    """What is usual in a library, for each label.

    Parameters
    ----------
    mean, deviation : ndarray of float32, shape=(labels,)
        Of all its tracks.
    """

    mean: Float32
    deviation: Float32

    @classmethod
    def of(cls, values: Float32) -> Standard:
        """Take it from the values (n, labels) of a library's tracks."""
        if not len(values):
            return cls(np.zeros(values.shape[1], np.float32), np.zeros(values.shape[1], np.float32))
        return cls(values.mean(axis=0, dtype=np.float64).astype(np.float32), values.std(axis=0))

    def __call__(self, values: Float32) -> Float32:
        """Tell how far values (..., labels) are above the usual, in deviations; 0 where nothing varies."""
        found: Float32 = np.zeros(np.shape(values), np.float32)
        np.divide(values - self.mean, self.deviation, out=found, where=self.deviation > 0)
        return found


@dataclass(frozen=True, eq=False)
class WordScores:
    """Which words fit the tracks of a library.

    Parameters
    ----------
    labels : tuple of str
        The words.
    digests : Audio
        The tracks' audio.
    values : ndarray of float32, shape=(n, labels)
        The log-odds; or the cosines with a text, where an encoder reads any.
    odds : bool
        Whether they are log-odds.
    """

    labels: tuple[str, ...]
    digests: Audio
    values: Float32
    odds: bool = True

    @cached_property
    def standard(self) -> Standard:
        """What is usual in the library."""
        return Standard.of(self.values)

    @cached_property
    def standing_out(self) -> Float32:
        """How far each track stands out by each word, in deviations (n, labels)."""
        return self.standard(self.values)

    @property
    def row(self) -> dict[str, int]:
        """The row of each audio."""
        return self.digests.row

    def raw(self, values: Float32) -> Float32:
        """Give values as the network does: scores of 0 to 1, or cosines."""
        if not self.odds:
            return values
        scores: Float32 = (1 / (1 + np.exp(-values))).astype(np.float32)
        return scores


def log_odds(scores: Float32) -> Float32:
    """Turn scores, 0 to 1, into log-odds."""
    some = np.clip(scores.astype(np.float64), LEAST, 1 - LEAST)
    odds: Float32 = np.log(some / (1 - some)).astype(np.float32)
    return odds


def track_odds(vocabulary: Vocabulary, frames: FrameEmbeddings) -> Float32:
    """Give the log-odds (labels,) of the mean score of a track's audible windows; one there must be."""
    mask = audible(frames.level)
    total = np.zeros(len(vocabulary.labels), np.float64)
    for start in range(0, len(mask), CHUNK):
        some = frames.embedding[start : start + CHUNK][mask[start : start + CHUNK]]
        total += vocabulary.scores(some.astype(np.float16, copy=False)).sum(axis=0, dtype=np.float64)
    return log_odds((total / mask.sum()).astype(np.float32))


class WordScorer:
    """What gives a home's tracks their scores, where the encoder has a vocabulary and its weights are here.

    Parameters
    ----------
    catalog : Catalog
        Open for writing.
    spec : EncoderSpec
        The home's encoder.
    """

    def __init__(self, catalog: Catalog, spec: EncoderSpec) -> None:
        self._catalog, self._spec = catalog, spec
        self.error: AudiosimError | None = None  # why there is no vocabulary, though there should be one

    @property
    def knows_words(self) -> bool:
        """Whether the encoder knows words, as far as that is known without loading anything."""
        try:
            entry = find_for(self._spec)
        except AudiosimError:  # a broken plug-in
            return False
        return entry is not None and entry.card.words

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The words, loaded when they are first needed; None where there are none to be had."""
        try:
            entry = find_for(self._spec)
            found = None if entry is None else entry.vocabulary(self._spec)
        except AudiosimError as error:
            self.error = error
            return None
        if found is not None:
            self._catalog.words.set_labels(found.labels)
        return found

    def enter(self, digest: str, frames: FrameEmbeddings) -> bool:
        """Keep the scores of audio in the catalog; tells whether there are any."""
        if self.vocabulary is None or not audible(frames.level).any():
            return False
        self._catalog.words.set(digest, track_odds(self.vocabulary, frames))
        return True


def text_scores(labels: Sequence[str], texts: Float32, tracks: Tracks) -> WordScores:
    """Give the cosines of texts, unit vectors (labels, dim), with all tracks of an index."""
    audio, values = tracks.measured(lambda rows: cosines(rows, texts))
    return WordScores(tuple(labels), audio, values, odds=False)


def cosines(vectors: Float32, texts: Float32) -> Float32:
    """Give the cosines (n, labels) of vectors (n, dim or more) with texts, unit vectors (labels, dim).

    Of vectors that hold more than means of windows, the means count.
    """
    means = vectors[:, : texts.shape[1]]
    norms = np.sqrt(np.einsum("ij,ij->i", means, means))[:, None]
    products = means @ texts.T
    found: Float32 = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return found
