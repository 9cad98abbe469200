"""From channels to mono: their mean, or, where they cancel each other, one that keeps the music.

A file one of whose channels has been inverted has a mean without its music: silence, or a lossy
codec's noise. What the mean loses is measured over the whole file, without DC offset, by the power
of the sum of all channels as a multiple of the sum of their powers: 1 for channels that have nothing
in common (or one channel alone among silent ones), as many as there are channels where they are alike, 0
where they cancel. Real music has more than 0.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from audiosim.core.errors import AudioError
from audiosim.core.types import Float32, Float64

CANCELLED = 0.5  # of the power that channels with nothing in common would give
RELEVANT = 0.1  # a channel's share of the strongest one's part in what all have in common
FAINTEST = 1e-12  # power, of full scale, below which channels are silent but for rounding


class Mix:
    """Makes mono of blocks of one file, and measures what that loses.

    Parameters
    ----------
    signs : mapping of int to ndarray of float32, optional
        1 or -1 for each channel, by the number of channels; by default, the mean is plain.
    """

    def __init__(self, signs: Mapping[int, Float32] | None = None) -> None:
        self._signs = signs or {}
        self._moments: dict[int, _Moments] = {}

    def __call__(self, data: Float32) -> Float32:
        """Mix samples (n, channels) to mono, float32 (n,).

        Raises
        ------
        AudioError
            If one is not a finite number.
        """
        channels = data.shape[1]
        if channels in self._signs:
            data = data * self._signs[channels]
        mono = data[:, 0] if channels == 1 else data.mean(axis=1, dtype=np.float32)
        if not np.isfinite(mono).all():
            raise AudioError("damaged: it has samples that are not finite numbers")
        if channels > 1:
            self._moments[channels] = self._moments.get(channels, _Moments.none(channels)).and_of(data)
        return np.ascontiguousarray(mono)

    def better(self) -> Mix | None:
        """Give what keeps the music of the file just mixed; None where this one has kept it."""
        signs = {
            channels: _signs(covariance)
            for channels, moments in self._moments.items()
            if _cancel(covariance := moments.covariance)
        }
        return Mix(signs) if signs else None


@dataclass(frozen=True)
class _Moments:
    """Sums over samples of n channels: their number, themselves (n,), their products (n, n)."""

    count: int
    sums: Float64
    products: Float64

    @classmethod
    def none(cls, channels: int) -> _Moments:
        return cls(0, np.zeros(channels), np.zeros((channels, channels)))

    def and_of(self, data: Float32) -> _Moments:
        exact = data.astype(np.float64)
        return _Moments(
            self.count + len(exact), self.sums + exact.sum(axis=0), self.products + exact.T @ exact
        )

    @property
    def covariance(self) -> Float64:
        means = self.sums / max(1, self.count)
        covariance: Float64 = self.products / max(1, self.count) - np.outer(means, means)
        return covariance


def _cancel(covariance: Float64) -> bool:
    """Whether channels of this covariance (n, n) have far less power together than apart."""
    apart = float(np.trace(covariance))
    return apart > FAINTEST and float(covariance.sum()) < CANCELLED * apart


def _signs(covariance: Float64) -> Float32:
    """1 or -1 for each channel, by which what most of the power has in common adds up."""
    part = np.linalg.eigh(covariance)[1][:, -1]  # of each channel in it
    weak = np.abs(part) < RELEVANT * np.abs(part).max()
    first = part[np.argmin(weak)]
    return np.where(weak | (part * first > 0), 1, -1).astype(np.float32)
