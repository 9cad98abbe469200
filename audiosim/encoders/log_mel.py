"""Samples -> log-mel spectrogram: the front end of most audio networks, described by its parameters.

Computed in float64, frame by frame of the whole window: bands that are nearly silent beside a loud
tone are then those of the reference, whatever it was computed with.

Packages differ in what they leave unsaid. librosa, torchlibrosa and transformers centre a frame on
every multiple of the hop and pad by reflection; Essentia also centres the first frame on sample 0,
but pads with zeros, goes on until a frame lies on or behind the end, and has symmetric windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from audiosim.core.types import Float32, Float64
from audiosim.encoders.mel import MelNorm, MelScale, mel_filters

Taper = Literal["hann", "hamming", "blackman", "rectangular"]
Padding = Literal["reflect", "zeros", "none"]
FrameTail = Literal["drop", "pad"]
Log = Literal["db", "log10", "ln", "none"]
TAPERS: tuple[Taper, ...] = get_args(Taper)
PADDINGS: tuple[Padding, ...] = get_args(Padding)
FRAME_TAILS: tuple[FrameTail, ...] = get_args(FrameTail)
LOGS: tuple[Log, ...] = get_args(Log)

COSINES: dict[Taper, tuple[float, ...]] = {  # a[0] - a[1] cos(x) + a[2] cos(2x)
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "rectangular": (1.0,),
}
LOG_FACTORS: dict[Log, float] = {"db": 10 / np.log(10), "log10": 1 / np.log(10), "ln": 1.0}


@dataclass(frozen=True)
class LogMel:
    """A front end; called with samples, it gives their log-mel spectrogram.

    With bands x, the numbers are ``log(max(gain x + offset, floor)) - log(reference)``, raised to
    ``dynamic_range`` below the largest of them, times ``factor``, plus ``shift``.

    Parameters
    ----------
    sample_rate : int
        Rate in Hz of the samples.
    n_fft : int
        Length of the Fourier transform in samples.
    hop : int
        From frame to frame, in samples.
    bands : int
        Mel bands.
    fmin, fmax : float
        Where the lowest band begins and the highest ends, in Hz; by default 0 and half the sample rate.
    mel_scale : {"slaney", "htk"}
        What a mel is.
    mel_norm : {"slaney", "none"}
        Whether filters have the area 1, over Hz, or the height 1.
    taper : {"hann", "hamming", "blackman", "rectangular"}
        The window that a frame is multiplied with.
    periodic : bool
        Whether its period is its length, as for Fourier transforms, or one sample less (symmetric).
    frame : int, optional
        Samples in a frame, filled up with zeros to ``n_fft``; by default ``n_fft``.
    padding : {"reflect", "zeros", "none"}
        What half a frame before the samples, and after them, is made of, so that the first frame is
        centred on sample 0; "none": it begins there.
    frame_tail : {"drop", "pad"}
        Whether frames end with the last whole one, or zeros follow until a frame is centred on or
        behind the end; with padding "none", until none begins before it.
    power : {1, 2}
        Whether bands are sums of magnitudes or of their squares.
    log : {"db", "log10", "ln", "none"}
        The logarithm; "db" is 10 log10.
    gain, offset, floor : float
        What bands are multiplied with, what is added, and the least that it then counts.
    reference : float or "max"
        What gives 0; "max": the largest band of all.
    dynamic_range : float, optional
        How far below the largest number the others may lie, in those of the logarithm.
    factor, shift : float
        What the numbers are multiplied with at last, and what is added.
    frames : int, optional
        Exactly so many: later ones are left out, missing ones are of digital silence.
    """

    sample_rate: int
    n_fft: int
    hop: int
    bands: int
    fmin: float = 0.0
    fmax: float | None = None
    mel_scale: MelScale = "slaney"
    mel_norm: MelNorm = "slaney"
    taper: Taper = "hann"
    periodic: bool = True
    frame: int | None = None
    padding: Padding = "reflect"
    frame_tail: FrameTail = "drop"
    power: Literal[1, 2] = 2
    log: Log = "db"
    gain: float = 1.0
    offset: float = 0.0
    floor: float = 1e-10
    reference: float | Literal["max"] = 1.0
    dynamic_range: float | None = None
    factor: float = 1.0
    shift: float = 0.0
    frames: int | None = None

    def __call__(self, samples: Float32) -> Float32:
        """Compute the numbers, float32 (frames, bands), of samples (n,), full scale at +-1."""
        spectrum = np.fft.rfft(self._framed(samples) * self._taper, self.n_fft, axis=1)
        energy = np.square(spectrum.real) + np.square(spectrum.imag)
        bands = (energy if self.power == 2 else np.sqrt(energy)) @ self._filters
        values = self._logarithm(bands if self.frames is None else _exactly(bands, self.frames))
        if self.dynamic_range is not None:
            values = np.maximum(values, values.max(initial=-np.inf) - self.dynamic_range)
        return (values * self.factor + self.shift).astype(np.float32)

    def frame_count(self, samples: int) -> int:
        """Count the frames that so many samples give; it may be 0."""
        if self.frames is not None:
            return self.frames
        return self._whole_frames(samples)

    def _whole_frames(self, samples: int) -> int:
        if self.frame_tail == "pad":
            return -(-samples // self.hop) + (self.padding != "none")
        padded = samples + (0 if self.padding == "none" else 2 * (self._frame // 2))
        return max(0, 1 + (padded - self._frame) // self.hop)

    def _framed(self, samples: Float32) -> Float64:
        """Overlapping frames, float64 (frames, frame)."""
        signal = samples.astype(np.float64)
        if self.padding != "none":
            signal = np.pad(signal, self._frame // 2, "reflect" if self.padding == "reflect" else "constant")
        count = self._whole_frames(len(samples))
        missing = (count - 1) * self.hop + self._frame - len(signal)
        if count == 0:
            return np.empty((0, self._frame))
        signal = np.pad(signal, (0, max(0, missing)))
        frames: Float64 = np.lib.stride_tricks.sliding_window_view(signal, self._frame)[:: self.hop][:count]
        return frames

    def _logarithm(self, bands: Float64) -> Float64:
        arguments = np.maximum(bands * self.gain + self.offset, self.floor)
        if self.log == "none":
            return arguments
        largest = arguments.max(initial=self.floor) if self.reference == "max" else self.reference
        with np.errstate(divide="ignore"):  # without a floor, silence is -inf
            values: Float64 = LOG_FACTORS[self.log] * (np.log(arguments) - np.log(largest))
        return values

    @property
    def _frame(self) -> int:
        return self.frame or self.n_fft

    @cached_property
    def _taper(self) -> Float64:
        period = self._frame if self.periodic else self._frame - 1
        angles = 2 * np.pi * np.arange(self._frame) / period
        terms = [(-1) ** k * a * np.cos(k * angles) for k, a in enumerate(COSINES[self.taper])]
        taper: Float64 = np.sum(terms, axis=0)
        return taper

    @cached_property
    def _filters(self) -> Float64:
        filters = mel_filters(
            self.sample_rate, self.n_fft, self.bands,
            fmin=self.fmin, fmax=self.fmax, scale=self.mel_scale, norm=self.mel_norm,
        )  # fmt: skip
        return filters.astype(np.float64)


def _exactly(bands: Float64, frames: int) -> Float64:
    return np.pad(bands[:frames], ((0, max(0, frames - len(bands))), (0, 0)))
