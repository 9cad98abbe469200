"""Tracks as Gaussians of MFCCs, the method that most others have been compared with.

Twenty coefficients of windows of 46 ms, one Gaussian of full covariance a track, the symmetric
Kullback-Leibler divergence of two: Mandel and Ellis, "Song-level features and support vector machines for
music classification", ISMIR 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from peers import processor_time
from sounds import decoded

from audiosim.core.types import Float32, Float64
from audiosim.encoders.mel import mel_filters

RATE = 22_050  # Hz
LENGTH, STEP = 1024, 512  # samples
BANDS, COEFFICIENTS = 40, 20
FLOOR = 1e-10  # of power, where there is silence
REGULAR = 1e-6  # added to variances, so that covariances can be inverted
AT_A_TIME = 4096  # windows


@dataclass(frozen=True)
class Gaussian:
    """A track: mean (d,), covariance (d, d), and its inverse."""

    mean: Float64
    covariance: Float64
    inverse: Float64

    @property
    def bytes(self) -> int:
        """What must be kept of it, in float32; a covariance is symmetric."""
        count = len(self.mean)
        return 4 * (count + count * (count + 1) // 2)


def gaussian_distances(
    tracks: Sequence[Path], clips: Sequence[Path], rests: Sequence[Path]
) -> dict[str, Any]:
    """Divergences of all tracks, and of clips to these and to the rests of their tracks, as in peers.py."""
    begun = processor_time()
    found = [gaussian(str(path)) for path in tracks]
    seconds = processor_time() - begun
    parts, others = ([gaussian(str(path)) for path in part] for part in (clips, rests))
    return {
        "tracks": divergences(found, found),
        "clips": divergences(parts, found).reshape(len(parts), len(found)),
        "rests": np.array([divergence(*pair) for pair in zip(parts, others, strict=True)]),
        "seconds": seconds,
        "name": "MFCC Gaussians: symmetric Kullback-Leibler",
        "bytes": found[0].bytes,
        "whole": np.ones(len(found), bool),
    }


def gaussian(path: str | bytes) -> Gaussian:
    """Analyse a file."""
    samples, rate = decoded(path)
    rows = mfcc(soxr.resample(samples, rate, RATE).astype(np.float32))
    covariance = np.cov(rows, rowvar=False) + REGULAR * np.eye(COEFFICIENTS)
    inverse: Float64 = np.linalg.inv(covariance).astype(np.float64)
    return Gaussian(rows.mean(axis=0), covariance, inverse)


def mfcc(samples: Float32) -> Float64:
    """Coefficients (windows, 20) of samples (n,) at 22,050 Hz, the first one, loudness, included."""
    from scipy.fft import dct

    samples = np.pad(samples, (0, max(0, LENGTH - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(samples, LENGTH)[::STEP]
    filters, shape = mel_filters(RATE, LENGTH, BANDS), np.hanning(LENGTH).astype(np.float32)
    parts = []
    for start in range(0, len(windows), AT_A_TIME):
        power = np.abs(np.fft.rfft(windows[start : start + AT_A_TIME] * shape)) ** 2
        parts.append(dct(np.log(power @ filters + FLOOR), norm="ortho", axis=1)[:, :COEFFICIENTS])
    rows: Float64 = np.concatenate(parts)
    return rows


def divergences(first: Sequence[Gaussian], second: Sequence[Gaussian]) -> Float64:
    """Symmetric Kullback-Leibler divergences (n, m) of each with each."""
    return np.array([[divergence(one, other) for other in second] for one in first])


def divergence(one: Gaussian, other: Gaussian) -> float:
    """The divergence from one to the other and back, halved."""
    shift = one.mean - other.mean
    spread = np.sum(one.inverse * other.covariance) + np.sum(other.inverse * one.covariance)
    return float(spread + shift @ (one.inverse + other.inverse) @ shift - 2 * len(shift)) / 4
