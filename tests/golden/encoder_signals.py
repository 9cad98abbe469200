"""The signals that the golden files of PANNs, CLAP and Essentia's front end were made from.

NumPy only, the same on every machine: numpy.random.RandomState is used because NumPy freezes its
streams for ever, and rounding to int16 hides what little the machines' sin and exp differ by. What
the encoders got is the int16 signal / 32768, as float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def _pcm(x: Any) -> Any:
    return np.round(np.clip(x, -1, 1) * 32767).astype("<i2")


def noise(n: int, rate: int) -> Any:
    return _pcm(0.2 * np.random.RandomState(1).normal(size=n))


def chirp(n: int, rate: int) -> Any:
    t = np.arange(n) / rate
    x = 0.4 * np.sin(2 * np.pi * (90 + 700 * t) * t)
    return _pcm(x + 0.01 * np.random.RandomState(2).normal(size=n))


def chord(n: int, rate: int) -> Any:
    """A major chord struck again every 2.5 s, each time decaying."""
    t = np.arange(n) / rate
    tones = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.18, 329.63, 440.0, 880.0))
    return _pcm(0.15 * tones * np.exp(-1.8 * (t % 2.5)))


def speech(n: int, rate: int) -> Any:
    """Speech-like: a buzz of harmonics with a moving pitch, in bursts, over faint breath."""
    t = np.arange(n) / rate
    phase = 2 * np.pi * (130 * t + 4 * np.sin(2 * np.pi * 0.7 * t))
    buzz = sum(np.sin(k * phase) / k**0.7 for k in range(1, 20))
    breath = 0.03 * np.random.RandomState(3).normal(size=n)
    return _pcm((0.12 * buzz + breath) * np.maximum(0, np.sin(2 * np.pi * 1.7 * t)) ** 2)


def click(n: int, rate: int) -> Any:
    """Digital silence with one click."""
    x = np.zeros(n)
    x[n // 3 : n // 3 + 40] = 0.9 * np.hanning(40)
    return _pcm(x)


def panns_signals() -> Iterator[tuple[str, Any]]:
    """Yields (name, int16 audio [n]) at 32 kHz."""
    yield "noise", noise(32000, 32000)
    yield "chirp", chirp(105600, 32000)
    yield "chord", chord(320000, 32000)
    yield "speech", speech(105600, 32000)
    yield "click", click(32000, 32000)
    yield "shortest", chirp(9920, 32000)  # the fewest samples that CNN14 can take


def clap_signals() -> Iterator[tuple[str, Any]]:
    """Yields (name, int16 audio [n]) at 48 kHz."""
    yield "short", speech(130000, 48000)  # fits three times into 10 s
    yield "most_of_it", chirp(400000, 48000)
    yield "equal", chord(480000, 48000)
    parts = chord(400000, 48000), speech(400000, 48000), noise(300000, 48000)
    yield "long", np.concatenate(parts)  # 2.3 times 10 s


def patch_signals() -> Iterator[tuple[str, Any]]:
    """Yields (name, int16 audio [n]) at 16 kHz."""
    yield "one_patch", speech(32768, 16000)
    yield "odd_length", chirp(99999, 16000)
    yield "two_batches", chord(1100000, 16000) // 2 + speech(1100000, 16000) // 4  # 68 patches


def waveform_signals() -> Iterator[tuple[str, Any]]:
    """Yields (name, int16 audio [n]) at 16 kHz."""
    yield "noise", noise(16000, 16000)
    yield "chirp", chirp(52801, 16000)
    yield "chord", chord(80000, 16000)


# What the tiny tokenizer of CLAP's golden files and its text tower were given.
PROMPTS = (
    "a dog barks in the distance",
    "The Sound of RAIN, isn't it?",
    "",
    "café música — 日本語 🎻",
    "  two  spaces,\ta tab\nand a line break ",
    "a door slams and an engine starts, " * 100,  # more than 512 tokens
)
