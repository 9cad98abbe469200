"""Scores of words in memory: read when they are first asked for, and from then on with the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audiosim.core.types import Float32
from audiosim.library.catalog.audio import Audio
from audiosim.library.catalog.database import Connection
from audiosim.library.catalog.settings import Settings
from audiosim.library.catalog.words import LABELS, Odds, Words

if TYPE_CHECKING:
    from audiosim.library.catalog.held import Held


@dataclass(frozen=True, eq=False)
class HeldScores:
    """Which words fit audio, as it was at one moment.

    Parameters
    ----------
    labels : tuple of str
        The words.
    audio : Audio
        The audio that has scores.
    odds : ndarray of float16, shape=(n, labels)
        The log-odds.
    """

    labels: tuple[str, ...]
    audio: Audio
    odds: Odds

    @classmethod
    def read(cls, words: Words) -> HeldScores:
        """Read them from a catalog, in a snapshot."""
        labels, audio = words.labels, Audio()
        pages = [np.zeros((0, len(labels)), np.float16)]
        for digests, odds in words.pages():
            audio += digests
            pages.append(odds)
        return cls(labels, audio, np.concatenate(pages))


class HeldWords(Words):
    """Scores of words from memory."""

    def __init__(self, database: Connection, settings: Settings, held: Held) -> None:
        super().__init__(database, settings)
        self._held = held

    @property
    def labels(self) -> tuple[str, ...]:
        return self._scores.labels if LABELS in self._held.settings else ()

    def all(self, columns: Sequence[int] | None = None) -> tuple[Audio, Float32]:
        scores = self._scores
        odds = scores.odds if columns is None else scores.odds[:, list(columns)]
        return scores.audio, odds.astype(np.float32)

    def lacking_count(self) -> int:
        return len(self._held.holders) - len(self._scores.audio)

    @property
    def _scores(self) -> HeldScores:
        if not self._held.scores:
            self._held.scores.append(HeldScores.read(Words(self._db, Settings(self._db))))
        return self._held.scores[0]
