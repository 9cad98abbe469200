"""What words fit audio, as its encoder's own vocabulary tells: scores by audio digest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32
from audiosim.library.catalog.audio import Audio
from audiosim.library.catalog.database import Connection
from audiosim.library.catalog.settings import Settings

LABELS = "words"  # a key of meta: the labels of the scores, in their order
AT_A_TIME = 4096  # rows read
Odds = npt.NDArray[np.float16]
INDEXED = "SELECT digest FROM files WHERE state = 'indexed'"


def are_odds(data: bytes, count: int) -> bool:
    """Tell whether bytes are log-odds of so many labels, as they are kept."""
    return len(data) == 2 * count and bool(np.isfinite(np.frombuffer(data, "<f2")).all())


class Words:
    """The log-odds of each label, float16; a home that was indexed before there were any has none."""

    def __init__(self, database: Connection, settings: Settings) -> None:
        self._db, self._settings = database, settings

    @property
    def labels(self) -> tuple[str, ...]:
        """What the scores are of; none before there are any."""
        return tuple(json.loads(self._settings.meta(LABELS) or "[]"))

    def set_labels(self, labels: Sequence[str]) -> None:
        """Say what the scores to come are of; those of other labels are forgotten."""
        if tuple(labels) != self.labels:
            with self._db.transaction():
                self._db.execute("DELETE FROM words")
                self._settings.set_meta(LABELS, json.dumps(list(labels)))

    def set(self, digest: str, odds: Float32) -> None:
        """Keep the log-odds (labels,) of audio."""
        self._db.execute("INSERT OR REPLACE INTO words VALUES (?, ?)", (digest, odds.astype("<f2").tobytes()))

    def add(self, digest: str, packed: bytes) -> None:
        """Keep the log-odds of audio that has none, as another catalog has them."""
        self._db.execute("INSERT OR IGNORE INTO words VALUES (?, ?)", (digest, packed))

    def lacking(self) -> list[str]:
        """The audio of the files in the index that has no scores, in order."""
        query = (
            f"SELECT digest FROM tracks WHERE digest IN ({INDEXED})"
            " AND digest NOT IN (SELECT digest FROM words) ORDER BY digest"
        )
        return [digest for (digest,) in self._db.execute(query)]

    def lacking_count(self) -> int:
        """How many pieces of audio in the index have no scores."""
        query = (
            f"SELECT count(*) FROM tracks WHERE digest IN ({INDEXED})"
            " AND digest NOT IN (SELECT digest FROM words)"
        )
        return int(self._db.execute(query).fetchone()[0])

    def all(self, columns: Sequence[int] | None = None) -> tuple[Audio, Float32]:
        """The audio of the files in the index that has scores, each once, and its log-odds (n, labels).

        Those of some `columns` of the labels, or of all. Damaged ones are left out.
        """
        chosen = self._chosen(columns)
        audio, pages = Audio(), [np.zeros((0, len(chosen)), np.float32)]
        for digests, odds in self.pages():
            audio += digests
            pages.append(odds[:, chosen].astype(np.float32))
        return audio, np.concatenate(pages)

    def _chosen(self, columns: Sequence[int] | None) -> list[int]:
        return list(range(len(self.labels))) if columns is None else list(columns)

    def scored_count(self) -> int:
        """How many pieces of audio `pages` gives."""
        query = f"SELECT count(*) FROM words WHERE digest IN ({INDEXED}) AND length(odds) = ?"
        return int(self._db.execute(query, (2 * len(self.labels),)).fetchone()[0])

    def pages(self) -> Iterator[tuple[list[str], Odds]]:
        """The audio of the files in the index that has scores, and its log-odds, some at a time, in order."""
        count = len(self.labels)
        query = f"SELECT digest, odds FROM words WHERE digest IN ({INDEXED}) ORDER BY digest"
        rows = (row for row in self._db.execute(query) if len(row[1]) == 2 * count)
        while page := list(islice(rows, AT_A_TIME)):
            odds = np.frombuffer(b"".join(blob for _, blob in page), "<f2").reshape(len(page), count)
            yield [digest for digest, _ in page], odds
