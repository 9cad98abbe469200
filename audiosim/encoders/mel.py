"""Mel filter banks on the Slaney scale, as librosa and kapre make them by default.

Source: M. Slaney, "Auditory Toolbox", Technical Report 1998-010, Interval Research; librosa
``filters.mel(htk=False, norm="slaney")``.
"""

from __future__ import annotations

import numpy as np

from audiosim.core.types import Float32, Float64

LINEAR_STEP = 200.0 / 3  # Hz a mel below BREAK
BREAK = 1000.0  # Hz, where the scale turns logarithmic
LOG_STEP = np.log(6.4) / 27.0  # natural logarithm of the ratio between mels above BREAK


def hz_to_mel(frequency: Float64) -> Float64:
    """Convert frequencies in Hz, any shape, to Slaney mels."""
    linear = frequency / LINEAR_STEP
    above = np.maximum(frequency, BREAK)
    return np.where(frequency < BREAK, linear, BREAK / LINEAR_STEP + np.log(above / BREAK) / LOG_STEP)


def mel_to_hz(mel: Float64) -> Float64:
    """Convert Slaney mels, any shape, to frequencies in Hz."""
    turn = BREAK / LINEAR_STEP
    return np.where(mel < turn, mel * LINEAR_STEP, BREAK * np.exp(LOG_STEP * (np.maximum(mel, turn) - turn)))


def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> Float32:
    """Make triangular filters of equal area from 0 Hz to half the sample rate.

    Parameters
    ----------
    sample_rate : int
        Rate in Hz.
    n_fft : int
        Length of the Fourier transform in samples.
    n_mels : int
        Number of bands.

    Returns
    -------
    ndarray of float32, shape=(n_fft // 2 + 1, n_mels)
        The filters, to be multiplied from the right.
    """
    bins = np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    top = hz_to_mel(np.asarray(sample_rate / 2))
    edges = mel_to_hz(np.linspace(0.0, float(top), n_mels + 2))
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))[None, :]).astype(np.float32)
