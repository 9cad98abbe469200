"""Fingerprints as music has them, without music: for homes of very many tracks.

Measured on real music (RESULTS.md) are how far apart landmarks are, how alike what is heard at one is to
what is heard next and halfway there, and how bits of one kind go together.
"""

from __future__ import annotations

import numpy as np

from audiosim.audio.fingerprint import APART, BANDS, CHROMA, HOP, LOCAL, RATE, Landmarks
from audiosim.core.types import Float64

SPREAD = 67.0  # hops between landmarks, in the mean, above the least there may be
STAYS = 0.15  # correlation of what is heard at one landmark and the next
HALFWAY = 0.35  # and halfway
TILT = 2.0  # how much bands go together
LEAK = 0.5  # of a pitch class into those beside it
BEAT = (70, 140)  # hops: gaps of every other piece are so many, or a multiple
WRONG, GONE, MOVED = 0.05, 0.1, 1  # bits, landmarks, hops: what encoding a track anew does


def landmarks(rng: np.random.Generator, seconds: float) -> Landmarks:
    """The fingerprint of a piece that was never played."""
    most = int(seconds * RATE / HOP)
    gaps = APART + rng.exponential(SPREAD, most // APART + 1)
    if rng.random() < 0.5:
        beat = rng.uniform(*BEAT)
        gaps = np.ceil(gaps / beat) * beat
    places = np.rint(np.cumsum(gaps)).astype(np.int64)
    places = places[places < most]
    at = _walk(rng, len(places))
    halfway = HALFWAY * at + (1 - HALFWAY**2) ** 0.5 * _walk(rng, len(places))
    heard = np.hstack([at, halfway])
    width = min(2 * LOCAL + 1, len(heard))
    kernel = np.ones(width)
    usual = np.stack([np.convolve(column, kernel, "same") for column in heard.T], axis=1)
    usual /= np.convolve(np.ones(len(heard)), kernel, "same")[:, None]
    return Landmarks(places, heard > usual)


def copy_of(one: Landmarks, rng: np.random.Generator) -> Landmarks:
    """The fingerprint of another encoding of a track."""
    kept = rng.random(len(one)) >= GONE
    places = one.places[kept] + rng.integers(-MOVED, MOVED + 1, int(kept.sum()))
    bits = one.bits[kept]
    return Landmarks(places, bits ^ (rng.random(bits.shape) < WRONG))


def _walk(rng: np.random.Generator, count: int) -> Float64:
    """Levels of pitch classes and bands, (count, CHROMA + BANDS), each kind less its mean, as they change."""
    from scipy.signal import lfilter

    steps = rng.normal(size=(count, CHROMA + BANDS))
    chroma = steps[:, :CHROMA]
    steps[:, :CHROMA] = chroma + LEAK * (np.roll(chroma, 1, axis=1) + np.roll(chroma, -1, axis=1))
    slope = np.linspace(-TILT, TILT, BANDS)
    steps[:, CHROMA:] += rng.normal(size=(count, 1)) * slope
    steps[1:] *= (1 - STAYS**2) ** 0.5
    levels: Float64 = lfilter([1], [1, -STAYS], steps, axis=0)
    for kind in (slice(0, CHROMA), slice(CHROMA, None)):
        levels[:, kind] -= levels[:, kind].mean(axis=1, keepdims=True)
    return levels
