"""What a run makes at its end for tracks of before: fingerprints and word scores, without the network."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from audiosim.core.text import counted, span
from audiosim.indexing.fingerprinting import fill_fingerprints, to_fingerprint
from audiosim.indexing.report import Activity, Notice
from audiosim.indexing.wording import fill_words, to_score
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.library.word_scores import WordScorer

MOST_SECONDS = 900.0  # each, of a run that has no time limit of its own


@dataclass(frozen=True)
class Filling:
    """What tracks lack that were indexed before there was such a thing, or imported.

    Parameters
    ----------
    catalog : Catalog
        Open for writing, with the index lock held.
    cache : Cache
        Of the windows.
    scorer : WordScorer
        Makes word scores.
    deadline : float
        When the run ends, by the monotonic clock, in s; infinite where it has no limit.
    fingerprints : bool
        Whether fingerprints are made too.
    jobs : int, optional
        Decoding processes; by default one a processor.
    """

    catalog: Catalog
    cache: Cache
    scorer: WordScorer
    deadline: float
    fingerprints: bool
    jobs: int | None

    def announced(self) -> Iterator[Notice]:
        """Say what is going to be made, before the work that comes first."""
        counts = {
            "fingerprints": len(to_fingerprint(self.catalog)) if self.fingerprints else 0,
            "word scores": len(to_score(self.catalog, self.cache, self.scorer)),
        }
        made = [f"{what} of {counted(count, 'track')}" for what, count in counts.items() if count]
        if made:
            each = " each" if len(made) > 1 else ""
            limit = f"for {span(MOST_SECONDS)}{each} at most"
            if self.deadline < math.inf:
                limit = "as far as its time goes"
            yield Notice(f"At its end this run makes what tracks lack, {limit}: {', '.join(made)}.")

    def events(self) -> Iterator[Notice | Activity]:
        """Make it, and yield how far that is, and what users should know."""
        yield from fill_words(self.catalog, self.cache, self.scorer, self._end())
        if self.fingerprints:
            yield from fill_fingerprints(self.catalog, self._end(), jobs=self.jobs)

    def _end(self) -> float:
        return self.deadline if self.deadline < math.inf else time.monotonic() + MOST_SECONDS
