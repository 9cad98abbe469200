"""Whether two files hold the same recording: the same audio, or the same music encoded or mastered anew.

Fingerprints tell, where both files have one (search/fingerprints.py); else how the windows of the home's
encoder change over time, of which far more is asked (search/windows.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from audiosim.audio.fingerprint import Landmarks
from audiosim.core.last_used import LastUsed
from audiosim.core.text import counted
from audiosim.library.cache import Cache
from audiosim.library.catalog import Entry
from audiosim.library.index import Index
from audiosim.search.fingerprints import STEADY, Overlap, overlap
from audiosim.search.windows import Windows

SIMILAR = 0.7  # cosine of two tracks' vectors, at least, where windows have to tell
SLACK, SLACK_SHARE = 10.0, 0.05  # by how much durations may differ, in s or as a share; the larger
LEAST_CUT = 0.45  # share of a recording that a cut of it has: an album in one file is none of its songs
CUT = 0.95  # share of the longer one's landmarks, below which the other is a cut
KEPT = 65_536  # fingerprints in memory, some 8 KB each

Change = Literal["encoding", "speed", "cut"]


@dataclass(frozen=True)
class Evidence:
    """Why two files are the same recording.

    Parameters
    ----------
    kind : {"same audio", "same recording"}
        Whether the very same audio is in both.
    similarity : float
        The cosine of their vectors.
    correlation : float, optional
        That of their windows over time, where a fingerprint is missing.
    offset : float
        Seconds by which the second file's music comes later.
    agreement : float, optional
        The least correlation among the kinds of bits of their fingerprints.
    change : {"encoding", "speed", "cut"}, optional
        What makes the second differ, by the fingerprints: no more than encoding and level; speed; or that
        one of the two is a part of the other.
    speed : float
        How much faster the second runs.
    shares : tuple of float
        The part of the first's time, and of the second's, that is in both.
    """

    kind: Literal["same audio", "same recording"]
    similarity: float
    correlation: float | None = None
    offset: float = 0.0
    agreement: float | None = None
    change: Change | None = None
    speed: float = 1.0
    shares: tuple[float, float] = (1.0, 1.0)


class Recordings:
    """The comparison of one home's tracks.

    Parameters
    ----------
    cache : Cache
        The home's.
    hop : float
        Between windows, in s.
    packed : callable
        Gives digests and fingerprints of those of some audio that have one.
    kept : LastUsed, optional
        Where fingerprints are kept that have been read.
    """

    def __init__(
        self,
        cache: Cache,
        hop: float,
        packed: Callable[[Collection[str]], Iterable[tuple[str, bytes]]],
        kept: LastUsed[Any] | None = None,
    ) -> None:
        self._windows = Windows(cache, hop)
        self._packed = packed
        self._kept: LastUsed[Landmarks | None] = LastUsed(KEPT) if kept is None else kept

    @classmethod
    def of(cls, index: Index, heard: Mapping[str, bytes] = MappingProxyType({})) -> Recordings:
        """Those of an index, and of files decoded just now, whose fingerprints are given by their audio."""

        def packed(digests: Collection[str]) -> Iterable[tuple[str, bytes]]:
            own = [(digest, heard[digest]) for digest in digests if heard.get(digest)]
            return [*index.catalog.fingerprints.of(digests), *own]

        return cls(index.cache, index.spec.hop, packed, index.kept)

    def same(self, first: Entry, second: Entry, *, parts: bool = False) -> Evidence | None:
        """The evidence that two files hold one recording; with `parts`, also one a part of the other."""
        similarity = float(np.dot(first.vector, second.vector))
        digests = first.track.digest, second.track.digest
        if digests[0] == digests[1]:
            return Evidence("same audio", similarity)
        durations = first.track.duration or 0.0, second.track.duration or 0.0
        landmarks = [self.landmarks(digest) for digest in digests]
        if landmarks[0] is not None and landmarks[1] is not None:
            found = overlap(landmarks[0], landmarks[1])
            told = evidence_of(found, similarity, durations)
            return told or (part_evidence(found, similarity, durations) if parts else None)
        if similarity < SIMILAR or abs(durations[0] - durations[1]) > slack(max(durations)):
            return None
        over_time = self._windows.correlation(*digests, max(durations))
        return None if over_time is None else Evidence("same recording", similarity, *over_time)

    def landmarks(self, digest: str) -> Landmarks | None:
        """The fingerprint of audio, None where there is none that can be read."""
        return self._kept.get(digest, lambda name: self._read([name])[name])

    def landmarks_of(self, digests: Sequence[str]) -> list[Landmarks | None]:
        """The fingerprints of audio, as by `landmarks`; those that are not in memory are read together."""
        return self._kept.get_all(digests, self._read)

    def _read(self, digests: Collection[str]) -> dict[str, Landmarks | None]:
        found = {digest: Landmarks.from_bytes(packed) for digest, packed in self._packed(digests)}
        return dict.fromkeys(digests) | found


def evidence_of(found: Overlap | None, similarity: float, durations: tuple[float, float]) -> Evidence | None:
    """What an overlap of fingerprints says of two files so many seconds long, if it is of one recording."""
    if found is None or not found.is_same or min(found.covered) < LEAST_CUT:
        return None
    return _evidence(found, similarity, durations)


def part_evidence(
    found: Overlap | None, similarity: float, durations: tuple[float, float]
) -> Evidence | None:
    """What an overlap says, if one is likely a part of the other, too little to be its recording."""
    if found is None or not found.is_same or min(found.covered) >= LEAST_CUT:
        return None
    return _evidence(found, similarity, durations)


def _evidence(found: Overlap, similarity: float, durations: tuple[float, float]) -> Evidence:
    change: Change = "speed" if abs(found.speed - 1) > STEADY else "encoding"
    if min(found.covered) < CUT:
        change = "cut"
    return Evidence(
        "same recording",
        similarity,
        offset=found.offset,
        agreement=found.agreement,
        change=change,
        speed=found.speed,
        shares=found.shares(*durations) if all(durations) else found.covered,
    )


def told_by_windows(index: Index) -> str | None:
    """How many tracks have no fingerprint yet, for people; None if all have one."""
    lacking = index.catalog.fingerprints.lacking()
    if not lacking:
        return None
    total = index.catalog.files.count("indexed")
    return (
        f"{lacking} of {counted(total, 'track')} {'has' if lacking == 1 else 'have'} no fingerprint yet,"
        " and copies of them are told by stricter, older evidence; the next run makes some."
    )


def slack(duration: float) -> float:
    """By how many seconds another encoding of so long a recording may be shorter."""
    return max(SLACK, SLACK_SHARE * duration)
