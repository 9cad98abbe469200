"""Fingerprints as random as those of different recordings."""

from __future__ import annotations

import numpy as np

from audiosim.audio.fingerprint import BITS, Landmarks


def a_set(seed: int, count: int = 100) -> Landmarks:
    rng = np.random.default_rng(seed)
    return Landmarks(np.cumsum(rng.integers(69, 250, count)), rng.random((count, BITS)) < 0.5)


def copy_of(one: Landmarks, seed: int, wrong: float = 0.05, first: int = 0) -> Landmarks:
    flips = np.random.default_rng(seed).random(one.bits.shape) < wrong
    return Landmarks(one.places[first:], (one.bits ^ flips)[first:])
