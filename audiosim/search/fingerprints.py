"""Where two fingerprints lie over one another, and whether they are then of one recording.

Landmarks that look alike vote for how much later one file has the music, as in Wang, "An
industrial-strength audio search algorithm", ISMIR 2003; where that gives nothing, for a speed and that.
Landmarks that then meet are compared bit by bit. Copies agree in pitch and in the bands above it,
whatever the encoding; other takes, keys, melodies and mixes disagree in one of them (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audiosim.audio.fingerprint import BANDS, CHROMA, HOP, RATE, Landmarks
from audiosim.core.types import Float32
from audiosim.search.promising import FASTEST, as_fast, faster

ALIKE = 9  # bits of 40 by which landmarks differ that vote
ALIKE_BANDS = 3  # of the bands' 16: those vote for a speed, which moves pitches
BIN = 4  # hops that are one offset
MEET = 4  # hops, 23 ms, by which landmarks may miss each other
MIN_VOTES = 4
SPEEDS = 1 + np.arange(-11, 12) * 0.004
DRIFT = 0.003  # how far from the speed found the true one may be
MAX_PAIRS = 2**22  # of landmarks that are compared at a time
SECONDS = HOP / RATE  # of a hop

MIN_LANDMARKS = 6  # that meet; less than that is told by its audio only
STEADY = 0.001  # by how much a speed that is none may differ from 1
# By how much more the pitch classes one up agree than those one down: for each semitone, at least, at most.
PITCH_EACH, PITCH_LEAST, PITCH_MOST = 0.35, 0.1, 0.2
MET_PART = 0.6  # share of the landmarks of a part that meet others
COVERED = 0.85  # share of the shorter one's landmarks that lie where both play
PART = 12  # landmarks that are one part of a recording
PARTS = 0.85  # share of the parts that agree

Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.floating]
Places = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint16] | npt.NDArray[np.uint64]

KINDS = tuple(  # the columns of bits: pitches and bands, at a landmark and halfway to the next
    slice(start, start + width)
    for start, width in ((0, CHROMA), (CHROMA, BANDS), (CHROMA + BANDS, CHROMA), (2 * CHROMA + BANDS, BANDS))
)
PITCHES, BANDS_ONLY = KINDS[::2], KINDS[1::2]


@dataclass(frozen=True)
class Limits:
    """What a recording needs at least.

    ``landmarks``: how many meet; ``met``: which share that is of those where both play; then correlations of
    bits, of pitches and of bands, of all and of a part.
    """

    landmarks: int
    met: float
    pitch: float
    bands: float
    pitch_part: float
    bands_part: float


AS_FAST = Limits(MIN_LANDMARKS, 0.78, 0.87, 0.6, 0.65, 0.5)
FASTER = Limits(12, 0.6, 0.5, 0.5, 0.35, 0.35)  # pitches lie between the classes


@dataclass(frozen=True)
class Overlap:
    """How a second fingerprint lies over a first.

    Parameters
    ----------
    speed : float
        How much faster the second runs.
    offset : float
        The place in the second, in s, where the first begins: its music comes so much later.
    pitch, bands : float
        Correlation of the bits where landmarks meet: the lesser of that there and that halfway to the next.
    landmarks : int
        How many meet.
    met : float
        Which share that is of the landmarks where both play.
    covered : tuple of float
        Which share of each one's landmarks lies where both play.
    parts : float
        The share of the parts of the overlap that agree by themselves.
    """

    speed: float
    offset: float
    pitch: float
    bands: float
    landmarks: int
    met: float
    covered: tuple[float, float]
    parts: float

    def shares(self, first: float, second: float) -> tuple[float, float]:
        """Give the part of each file's time that is in both, of files so many seconds long.

        It is not the part of their landmarks: these lie closer in some parts of a recording than in others.
        """
        both = min(second, first / self.speed + self.offset) - max(0.0, self.offset)  # s of the second
        return _part(both * self.speed, first), _part(both, second)

    @property
    def agreement(self) -> float:
        """The lesser of the two correlations."""
        return min(self.pitch, self.bands)

    @property
    def is_same(self) -> bool:
        """Whether both hold one recording, all of it or a cut."""
        return (
            self.landmarks >= _limits(self.speed).landmarks
            and self.pitch >= _limits(self.speed).pitch
            and self.bands >= _limits(self.speed).bands
            and self.met >= _limits(self.speed).met
            and max(self.covered) >= COVERED
            and self.parts >= PARTS
        )


def _limits(speed: float) -> Limits:
    return AS_FAST if abs(speed - 1) <= STEADY else FASTER


def overlap(first: Landmarks, second: Landmarks, *, speeds: bool = True) -> Overlap | None:
    """The likeliest way for two fingerprints to be one recording, if there is any.

    Parameters
    ----------
    first, second : Landmarks
        The fingerprints.
    speeds : bool
        Whether one may run faster than the other, by no more than FASTEST.
    """
    if min(len(first), len(second)) < MIN_LANDMARKS:
        return None
    found = _steady(first, second) if as_fast(first, [second])[0] else None
    if speeds and (found is None or not found.is_same) and faster(first, [second])[0]:
        other = _faster(first, second)
        found = other if found is None or (other is not None and other.is_same) else found
    return found


def _steady(first: Landmarks, second: Landmarks) -> Overlap | None:
    """What most pairs of landmarks that look alike say, at the same speed."""
    rows, columns = alike(first, second, KINDS, ALIKE)
    offsets = second.places[columns] - first.places[rows]
    votes, offset = _fullest(offsets, BIN)
    if votes < MIN_VOTES:
        return None
    near = offsets[np.abs(offsets - offset) <= BIN]
    return _judged(first, second, 1.0, float(np.median(near)))


def _faster(first: Landmarks, second: Landmarks) -> Overlap | None:
    """What most pairs of landmarks say whose bands look alike, at any speed that is tried."""
    rows, columns = alike(first, second, BANDS_ONLY, ALIKE_BANDS)
    x, y = first.places[rows].astype(float), second.places[columns].astype(float)
    votes, slope, offset = MIN_VOTES - 1, 1.0, 0.0
    for speed in SPEEDS.tolist():
        count, middle = _fullest(y - x / speed, 2 * BIN)
        if count > votes:
            votes, slope, offset = count, 1 / speed, middle
    if votes < MIN_VOTES:
        return None
    for reach in (DRIFT * float(np.ptp(first.places)), 4 * MEET, MEET):
        near = np.abs(y - slope * x - offset) <= max(reach, 2 * BIN if reach > MEET else MEET)
        if near.sum() < MIN_VOTES:
            return None
        slope, offset = _line(x[near], y[near])
    if not 1 / FASTEST <= slope <= FASTEST:
        return None
    return _judged(first, second, 1 / slope, offset)


def _fullest(offsets: Floats | Places, width: int) -> tuple[int, float]:
    """How many offsets lie in the fullest two bins, and the middle of these."""
    if not len(offsets):
        return 0, 0.0
    least = offsets.min()
    counts = np.bincount(((offsets - least) / width).astype(np.intp), minlength=2)
    pairs = counts[:-1] + counts[1:]
    best = int(pairs.argmax())
    return int(pairs[best]), float(least + width * (best + 1))


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope and intercept of the line nearest to points."""
    spread = float(np.var(x))
    slope = 1.0 if spread == 0 else float(np.mean((x - x.mean()) * (y - y.mean()))) / spread
    return slope, float(y.mean() - slope * x.mean())


def alike(first: Landmarks, second: Landmarks, kinds: Sequence[slice], limit: int) -> tuple[Indices, Indices]:
    """The pairs of landmarks whose bits of these kinds differ in no more than `limit`."""
    a, b = words(first, kinds), words(second, kinds)
    step = max(1, MAX_PAIRS // len(b))
    found = []
    for start in range(0, len(a), step):
        rows, columns = np.nonzero(np.bitwise_count(a[start : start + step, None] ^ b) <= limit)
        found.append((rows + start, columns))
    rows, columns = (np.concatenate(part) for part in zip(*found, strict=True))
    return rows, columns


def words(landmarks: Landmarks, kinds: Sequence[slice]) -> Words:
    """Some of the bits of each landmark as one number, no wider than it must be."""
    bits = np.packbits(np.hstack([landmarks.bits[:, kind] for kind in kinds]), axis=1)
    width = 2 if bits.shape[1] <= 2 else 8
    packed = np.pad(bits, ((0, 0), (0, width - bits.shape[1])))
    return packed.view(np.uint16)[:, 0] if width == 2 else packed.view(np.uint64)[:, 0]


def _judged(first: Landmarks, second: Landmarks, speed: float, offset: float) -> Overlap:
    """How well two fingerprints agree, laid over one another like this."""
    at, back = first.places / speed + offset, (second.places - offset) * speed
    inside = _within(at, second.places), _within(back, first.places)
    rows, columns = _meeting(at, second.places)
    semitones = 12 * float(np.log2(speed))
    a, b = _signs(first, rows, semitones), _signs(second, columns, 0.0)
    follows = np.append((np.diff(rows) == 1) & (np.diff(columns) == 1), False)[: len(rows)]
    pitch, bands = (
        min(_correlation(a[:, here], b[:, here]), _correlation(a[follows, halfway], b[follows, halfway]))
        for here, halfway in (PITCHES, BANDS_ONLY)
    )
    if abs(speed - 1) > STEADY and not _pitch_follows(_signs(first, rows, 0.0), b, semitones):
        pitch = 0.0
    met = 2 * len(rows) / max(1, int(inside[0].sum() + inside[1].sum()))
    covered = float(inside[0].mean()), float(inside[1].mean())
    parts = _parts(
        np.searchsorted(np.flatnonzero(inside[0]), rows), int(inside[0].sum()), a, b, _limits(speed)
    )
    return Overlap(speed, offset * SECONDS, pitch, bands, len(rows), met, covered, parts)


def _part(seconds: float, whole: float) -> float:
    return min(1.0, max(0.0, seconds / whole))


def _within(places: Floats, others: Places) -> Marks:
    """Which places lie where the others do."""
    inside: Marks = (places >= others[0] - MEET) & (places <= others[-1] + MEET)
    return inside


def _meeting(places: Floats, others: Places) -> tuple[Indices, Indices]:
    """The places with another no more than MEET away, and which that is."""
    after = np.clip(np.searchsorted(others, places), 1, len(others) - 1)
    nearest = after - (places - others[after - 1] < others[after] - places)
    near = np.flatnonzero(np.abs(others[nearest] - places) <= MEET)
    return near, nearest[near]


def _signs(landmarks: Landmarks, rows: Indices, semitones: float) -> Float32:
    """Bits of landmarks as -1 and 1, their pitches moved up by semitones, between the classes if need be."""
    signs = np.where(landmarks.bits[rows], np.float32(1), np.float32(-1))
    if semitones:
        below = int(np.floor(semitones))
        part = np.float32(semitones - below)
        for kind in PITCHES:
            chroma = signs[:, kind]
            signs[:, kind] = (1 - part) * np.roll(chroma, below, 1) + part * np.roll(chroma, below + 1, 1)
    return signs


def _pitch_follows(first: Float32, second: Float32, semitones: float) -> bool:
    """Whether pitches are moved the way that speed moves them: not so when it is played at another tempo."""
    up, down = (
        np.mean([_correlation(np.roll(first[:, k], step, 1), second[:, k]) for k in PITCHES])
        for step in (1, -1)
    )
    wanted = np.clip(PITCH_EACH * abs(semitones), PITCH_LEAST, PITCH_MOST)
    return bool((up - down) * np.sign(semitones) >= wanted)


def _correlation(a: Float32, b: Float32) -> float:
    """The correlation of two tables (n, m), each column less its mean: what never changes tells nothing."""
    if not len(a):
        return 0.0
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    power = float(np.vdot(a, a)) * float(np.vdot(b, b))
    return float(np.vdot(a, b)) / power**0.5 if power > 0 else 0.0


def _parts(places: Indices, total: int, a: Float32, b: Float32, limits: Limits) -> float:
    """The share of the parts of `total` landmarks that agree by themselves, in pitch and in the bands.

    `places` are those of the landmarks that meet, `a` and `b` their bits.
    """
    count = max(1, total // PART)
    parts = np.minimum(places // PART, count - 1)
    sizes = np.bincount(np.minimum(np.arange(total) // PART, count - 1), minlength=count)
    agreed = np.bincount(parts, minlength=count) >= MET_PART * sizes
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    for (here, _), least in ((PITCHES, limits.pitch_part), (BANDS_ONLY, limits.bands_part)):
        x, y = a[:, here], b[:, here]
        both, one, other = (
            np.bincount(parts, np.einsum("ij,ij->i", *pair), minlength=count)
            for pair in ((x, y), (x, x), (y, y))
        )
        agreed &= both >= least * np.sqrt(one * other)
    return float(agreed.mean())
