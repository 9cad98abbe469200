"""Where in a track of its recording a passage lies, to some hundredths of a second: windows are longer.

Landmarks of the track that are like one of the passage's each speak for a place, as in Wang, "An
industrial-strength audio search algorithm", ISMIR 2003; the more, the fewer of their bits differ. Ten
seconds have about a dozen landmarks: too few to tell copies from other takes (search/fingerprints.py),
enough to tell where in a track that sounds alike they are (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from audiosim.audio.fingerprint import Landmarks
from audiosim.core.types import Passage
from audiosim.search.fingerprints import KINDS, MEET, SECONDS, alike, words

UNLIKE = 13  # bits of 40 by which landmarks differ that speak for no place
LEAST = 27  # bits by which those of a place are nearer than that, in all: of three landmarks or more
MET = 0.4  # share of the passage's landmarks that lie in the track which must meet one


def placed(found: Passage, passage: Landmarks | None, track: Landmarks | None, length: float) -> Passage:
    """The passage that windows found, put where landmarks have it, where both are of one recording.

    Parameters
    ----------
    found : Passage
        What windows found; of places that are as near as each other the one nearest to that is taken.
    passage, track : Landmarks or None
        The landmarks of the query's stretch, placed as in its file, and of the track.
    length : float
        The track's, in s.
    """
    if passage is None or track is None:
        return found
    later = offset_of(passage, track, found.start - found.query_start)
    if later is None:
        return found
    begin, stop = max(found.query_start, -later), min(found.query_end, length - later)
    start = max(0.0, found.query_start + later)
    return replace(found, start=start, end=start + stop - begin, query_start=begin, query_end=stop)


def offset_of(passage: Landmarks, track: Landmarks, near: float) -> float | None:
    """By how many s a track has a passage later than the file that it is from; None if that is not sure.

    Parameters
    ----------
    passage, track : Landmarks
        The landmarks of a stretch of one file, and of all of another.
    near : float
        Which of several offsets to take that as much speaks for: the nearest to this, in s.
    """
    if not len(passage) or not len(track):
        return None
    rows, columns = alike(passage, track, KINDS, UNLIKE - 1)
    offsets = track.places[columns] - passage.places[rows]
    order = np.argsort(offsets, kind="stable")
    rows, columns, offsets = rows[order], columns[order], offsets[order]
    nearer = UNLIKE - np.bitwise_count(words(passage, KINDS)[rows] ^ words(track, KINDS)[columns]).astype(int)
    sums = np.cumsum(np.append(0, nearer))
    first, last = np.searchsorted(offsets, offsets - MEET), np.searchsorted(offsets, offsets + MEET, "right")
    votes = sums[last] - sums[first]
    best = np.flatnonzero(votes == votes.max(initial=LEAST))
    if not len(best):
        return None
    chosen = best[np.abs(offsets[best] * SECONDS - near).argmin()]
    met = offsets[first[chosen] : last[chosen]]
    at = passage.places + offsets[chosen]
    inside = (at >= track.places[0] - MEET) & (at <= track.places[-1] + MEET)
    return float(np.median(met)) * SECONDS if len(met) >= MET * inside.sum() else None
