"""Mel filter banks, as librosa, kapre, torchlibrosa, transformers and Essentia make them.

Source: M. Slaney, "Auditory Toolbox", Technical Report 1998-010, Interval Research; S. Young et al.,
"The HTK Book", 2006, section 5.6; librosa ``filters.mel``.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from audiosim.core.types import Float32, Float64

MelScale = Literal["slaney", "htk"]
MelNorm = Literal["slaney", "none"]
MEL_SCALES: tuple[MelScale, ...] = get_args(MelScale)
MEL_NORMS: tuple[MelNorm, ...] = get_args(MelNorm)

LINEAR_STEP = 200.0 / 3  # Hz a mel below BREAK
BREAK = 1000.0  # Hz, where the scale turns logarithmic
LOG_STEP = np.log(6.4) / 27.0  # natural logarithm of the ratio between mels above BREAK
HTK_BREAK = 700.0  # Hz
HTK_MELS = 2595.0  # mels to a factor of ten above it


def hz_to_mel(frequency: Float64, scale: MelScale = "slaney") -> Float64:
    """Convert frequencies in Hz, any shape, to mels."""
    if scale == "htk":
        return np.asarray(HTK_MELS * np.log10(1.0 + frequency / HTK_BREAK))
    linear = frequency / LINEAR_STEP
    above = np.maximum(frequency, BREAK)
    return np.where(frequency < BREAK, linear, BREAK / LINEAR_STEP + np.log(above / BREAK) / LOG_STEP)


def mel_to_hz(mel: Float64, scale: MelScale = "slaney") -> Float64:
    """Convert mels, any shape, to frequencies in Hz."""
    if scale == "htk":
        return np.asarray(HTK_BREAK * (10.0 ** (mel / HTK_MELS) - 1.0))
    turn = BREAK / LINEAR_STEP
    return np.where(mel < turn, mel * LINEAR_STEP, BREAK * np.exp(LOG_STEP * (np.maximum(mel, turn) - turn)))


def mel_filters(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    *,
    fmin: float = 0.0,
    fmax: float | None = None,
    scale: MelScale = "slaney",
    norm: MelNorm = "slaney",
) -> Float32:
    """Make triangular filters, their edges evenly spaced in mels.

    Parameters
    ----------
    sample_rate : int
        Rate in Hz.
    n_fft : int
        Length of the Fourier transform in samples.
    n_mels : int
        Number of bands.
    fmin, fmax : float
        Where the lowest band begins and the highest ends, in Hz; by default 0 and half the sample rate.
    scale : {"slaney", "htk"}
        What a mel is.
    norm : {"slaney", "none"}
        Whether the triangles have the area 1, over Hz, or the height 1.

    Returns
    -------
    ndarray of float32, shape=(n_fft // 2 + 1, n_mels)
        The filters, to be multiplied from the right.
    """
    bins = np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    bottom = hz_to_mel(np.asarray(fmin), scale)
    top = hz_to_mel(np.asarray(sample_rate / 2 if fmax is None else fmax), scale)
    edges = mel_to_hz(np.linspace(float(bottom), float(top), n_mels + 2), scale)
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    if norm == "slaney":
        triangles = triangles * (2.0 / (edges[2:] - edges[:-2]))[None, :]
    return triangles.astype(np.float32)
