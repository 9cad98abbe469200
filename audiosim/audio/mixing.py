"""From channels to mono: their mean, or, where they cancel each other, a mix that keeps the music.

A file one of whose channels has been inverted has a mean without its music: silence, or a lossy
codec's noise. What the mean keeps is measured stretch by stretch, without DC offset, as the power of the
sum of all channels in multiples of the sum of their powers: 1 for channels that have nothing in common
(or one channel alone among silent ones), as many as there are channels where they are alike, 0 where they
cancel. Stretches of real music have more than 0.5 nearly always.

The mix is chosen for a file as a whole. Where most of it is cancelled, what has been inverted is inverted
back; where some parts are and others would be then, its strongest channel is taken alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

import numpy as np

from audiosim.core.errors import AudioError
from audiosim.core.types import Float32, Float64

STRETCH = 16_384  # samples
CANCELLED = 0.5  # of the power that channels with nothing in common would give
TOLERATED = 0.25  # share of the sound of a file that may be cancelled: an intro
HEARD = 60  # dB below the loudest stretch
RELEVANT = 0.1  # a channel's share of the strongest one's part in what all have in common
FAINTEST = 1e-12  # power, of full scale, below which channels are silent but for rounding

# A mix that keeps the music, the plain mean, or every channel by itself
Mixing = Literal["best", "mean", "none"]


class Mix:
    """Makes mono of blocks of one file, and measures what that loses.

    Parameters
    ----------
    weights : mapping of int to ndarray of float32, optional
        What each channel counts in the mean, by the number of channels; by default, all 1.
    """

    def __init__(self, weights: Mapping[int, Float32] | None = None) -> None:
        self._weights = weights or {}
        self._losses: dict[int, _Loss] = {}

    def __call__(self, data: Float32) -> Float32:
        """Mix samples (n, channels) to mono, float32 (n,).

        Raises
        ------
        AudioError
            If one is not a finite number.
        """
        channels = data.shape[1]
        if channels in self._weights:
            data = data * self._weights[channels]
        mono = data[:, 0] if channels == 1 else data.mean(axis=1, dtype=np.float32)
        _check_finite(mono)
        if channels > 1:
            self._losses.setdefault(channels, _Loss(channels)).add(data)
        return np.ascontiguousarray(mono)

    def better(self) -> Mix | None:
        """Give what keeps the music of the file just mixed; None where this one has kept it."""
        found = {channels: loss.weights() for channels, loss in self._losses.items()}
        weights = {channels: each for channels, each in found.items() if each is not None}
        return Mix(weights) if weights else None


class Channels:
    """Leaves the channels of blocks of one file as they are."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, data: Float32) -> Float32:
        """Give samples (n, channels) back.

        Raises
        ------
        AudioError
            If one is not a finite number, or they are not as many as those before.
        """
        count = data.shape[1]
        self._count = self._count or count
        if count != self._count:
            raise AudioError(f"it has {self._count} channels at its beginning, and {count} later on")
        _check_finite(data)
        return data


def _check_finite(samples: Float32) -> None:
    if not np.isfinite(samples).all():
        raise AudioError("damaged: it has samples that are not finite numbers")


class _Loss:
    """What the mean of so many channels has lost of a signal, and what would have kept it."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._clear()
        # samples by level in dB, and whether the mean cancels them (-1), or any other signs would (1)
        self._samples: Counter[tuple[int, int]] = Counter()
        self._powers = np.zeros(channels)
        self._cancelled = np.zeros((channels, channels))  # covariance of what is cancelled

    def add(self, data: Float32) -> None:
        """Measure the next samples (n, channels)."""
        while len(data):
            part = np.ascontiguousarray(data[: STRETCH - self._count].T, np.float64)  # which is quick to sum
            data = data[part.shape[1] :]
            self._count += part.shape[1]
            self._sums += part.sum(axis=1)
            self._products += part @ part.T
            if self._count == STRETCH:
                self._end()

    def weights(self) -> Float32 | None:
        """What each channel should count in the mean; None where that is well as it is."""
        self._end()
        loudest = max((level for level, _ in self._samples), default=0)
        heard: Counter[int] = Counter()
        for (level, kind), count in self._samples.items():
            heard[kind] += count if level >= loudest - HEARD else 0
        if heard[-1] <= TOLERATED * heard.total():
            return None
        if heard[1] <= TOLERATED * heard.total():
            return _signs(self._cancelled)
        alone = np.zeros(self._channels, np.float32)
        alone[np.argmax(self._powers)] = self._channels
        return alone

    def _clear(self) -> None:
        self._count = 0
        self._sums: Float64 = np.zeros(self._channels)
        self._products: Float64 = np.zeros((self._channels, self._channels))

    def _end(self) -> None:
        """Judges the stretch that is complete, or the rest of the signal."""
        count, means = max(1, self._count), self._sums / max(1, self._count)
        covariance = self._products / count - np.outer(means, means)
        apart = float(np.trace(covariance))
        if apart > FAINTEST:
            together = float(covariance.sum()) / apart
            kind = -(together < CANCELLED) + (together > self._channels - CANCELLED)
            self._samples[round(10 * np.log10(apart)), kind] += self._count
            self._powers += self._count * np.diag(covariance)
            if kind == -1:
                self._cancelled += self._count * covariance
        self._clear()


def _signs(covariance: Float64) -> Float32:
    """1 or -1 for each channel, by which what most of the power has in common adds up."""
    part = np.linalg.eigh(covariance)[1][:, -1]  # of each channel in it
    weak = np.abs(part) < RELEVANT * np.abs(part).max()
    first = part[np.argmin(weak)]
    return np.where(weak | (part * first > 0), 1, -1).astype(np.float32)
