"""What single tracks sound like, in the words that a home's encoder knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audiosim.core.errors import AudiosimError, HomeError
from audiosim.core.types import Float32, FrameEmbeddings
from audiosim.encoders.registry import find_for
from audiosim.encoders.words import Vocabulary
from audiosim.library.asked_words import TAGS, label_scores, tag_scores, text_side
from audiosim.library.index import Index
from audiosim.library.missing_caches import MissingCaches
from audiosim.library.word_scores import WordScores, cosines, log_odds, track_odds
from audiosim.search.query import Query

STANDS_OUT = 1.0  # deviations above the library's mean
FAINTEST = 0.02  # a mean score below which the network all but denies a word, as it looks on some tracks


@dataclass(frozen=True)
class Word:
    """A word, and how well it fits.

    Parameters
    ----------
    word : str
        The word, as the encoder has it.
    score : float
        How far what it is said of stands out: standard deviations above the mean of the library's tracks.
    similarity : float
        What the network gives for it: 0 to 1, or a cosine.
    """

    word: str
    score: float
    similarity: float


class TrackWords:
    """What tracks sound like.

    Parameters
    ----------
    index : Index
        The home, open.
    fetch : bool
        Whether what reads texts is fetched, where it is not here.
    """

    def __init__(self, index: Index, *, fetch: bool = True) -> None:
        self._index, self._fetch = index, fetch

    @cached_property
    def scores(self) -> WordScores:
        """The library's scores; raises what `all_words` does."""
        texts = self._texts
        return label_scores(self._index) if texts is None else tag_scores(self._index, texts)

    @cached_property
    def known(self) -> bool:
        """Whether there are any words to be had."""
        try:
            return bool(self.scores.labels)
        except AudiosimError:
            return False

    def values(self, query: Query) -> Float32:
        """Give a track's own values (labels,), indexed or not.

        Raises
        ------
        AudiosimError
            If it has no scores, and no windows or no weights are here to make them from.
        """
        row, texts = self.scores.row.get(query.track.digest), self._texts
        own: Float32
        if row is not None:
            own = self.scores.values[row]
        elif texts is not None:
            own = cosines(query.vector[None], texts)[0]
        else:
            own = self.together(self.frames(query))
        return own

    def together(self, frames: FrameEmbeddings) -> Float32:
        """Give the values (labels,) of windows taken together, as those of a whole track are."""
        if self._texts is None:
            return track_odds(self._vocabulary, frames)
        own: Float32 = cosines(self._index.configuration.pooler(frames).vector[None], self._texts)[0]
        return own

    def windows(self, frames: FrameEmbeddings) -> Float32:
        """Give the values of windows (n, labels)."""
        if self._texts is None:
            return log_odds(self._vocabulary.scores(frames.embedding))
        centre = self._index.configuration.pooler.centre
        rows = frames.embedding.astype(np.float32) - (0 if centre is None else centre)
        return cosines(rows, self._texts)

    def frames(self, query: Query) -> FrameEmbeddings:
        """Give a track's windows: those that were computed for it, or its cache.

        Raises
        ------
        HomeError
            If it has no cache.
        """
        if query.frames is not None:
            return query.frames
        cached = self._index.cache.read(query.track.digest)
        if cached is None:
            missing = MissingCaches((query.track.digest,), 1, self._index.cache.folder)
            raise HomeError(missing.what, missing.why, missing.remedy)
        return cached.frames

    def best(self, values: Float32, count: int, least: float = -np.inf) -> list[Word]:
        """Give the words that values (labels,) stand out by most, at least by so many deviations.

        A word that the network all but denies is none of them, unless it denies all.
        """
        standing, raw = self.scores.standard(values), self.scores.raw(values)
        order = np.argsort(-standing, kind="stable")
        if self.scores.odds:
            heard = raw[order] >= FAINTEST
            order = order[heard] if heard.any() else order
        return [
            Word(self.scores.labels[column], float(standing[column]), float(raw[column]))
            for column in order[:count].tolist()
            if standing[column] >= least
        ]

    def shared(self, some: Sequence[Float32], count: int) -> tuple[str, ...]:
        """Give the words by which all of some values (labels,) stand out, best first for the least."""
        values = np.stack(some)
        least = self.scores.standard(values).min(axis=0)
        if self.scores.odds:
            least[self.scores.raw(values).min(axis=0) < FAINTEST] = -np.inf
        order = np.argsort(-least, kind="stable")[:count].tolist()
        return tuple(self.scores.labels[column] for column in order if least[column] >= STANDS_OUT)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        entry = find_for(self._index.spec)
        found = None if entry is None else entry.vocabulary(self._index.spec)
        if found is None or found.labels != self.scores.labels:
            what = f"The words of {self._index.home.called} are not its encoder's any more"
            raise AudiosimError(what, "", "Run: audiosim index")
        return found

    @cached_property
    def _texts(self) -> Float32 | None:
        """What the encoder reads in usual tags, unit vectors (tags, dim); None where it reads nothing."""
        side = text_side(self._index, fetch=self._fetch)
        return None if side is None else side.embed(TAGS)
