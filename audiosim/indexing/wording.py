"""Word scores of what was that had none: from the caches, without the network."""

from __future__ import annotations

import time
from collections.abc import Iterator

from audiosim.core.text import counted
from audiosim.indexing.report import Activity, Notice
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.library.word_scores import WordScorer


def to_score(catalog: Catalog, cache: Cache, scorer: WordScorer) -> list[str]:
    """Give the audio that has a cache and no word scores, where these can be made."""
    lacking = catalog.words.lacking() if scorer.knows_words else []
    there = (digest for digest in lacking if cache.path(digest).exists())
    first = next(there, None)
    if first is None or scorer.vocabulary is None:  # which is loaded for nothing else
        return []
    return [first, *there]


def fill_words(catalog: Catalog, cache: Cache, scorer: WordScorer, end: float) -> Iterator[Notice | Activity]:
    """Make the word scores that are missing, and yield how far that is, and what users should know.

    A track that has no cache is passed by.

    Parameters
    ----------
    catalog : Catalog
        Open for writing, with the index lock held.
    cache : Cache
        Of the windows.
    scorer : WordScorer
        Makes the scores.
    end : float
        When to stop, by the monotonic clock, in s.
    """
    there = to_score(catalog, cache, scorer)
    if scorer.error is not None:
        yield Notice(f"No track gets word scores. {scorer.error}")
    made = 0
    for done, digest in enumerate(there):
        if time.monotonic() >= end:
            break
        yield Activity("Scoring words", done, len(there), end - time.monotonic())
        cached = cache.read(digest)
        made += cached is not None and scorer.enter(digest, cached.frames)
    if made:
        left = catalog.words.lacking_count()
        more = f"; {counted(left, 'track lacks', 'tracks lack')} them" if left else ""
        yield Notice(f"Words were scored for {counted(made, 'track')} that had none{more}.")
