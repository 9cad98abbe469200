"""Whether a described encoder gives what it must: its embedding of a signal that anyone can make.

Signals are NumPy's alone and the same on every machine: the stream of `RandomState` is frozen for ever,
and rounding to 16 bits hides what little the machines' sines differ by.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from audiosim.core.errors import WeightsError
from audiosim.core.types import Encoder, Float32, Float64
from audiosim.encoders.described.description import SelfTest, Signal

RECORDED: Signal = "chirp"  # what is asked where a description asks nothing
TOLERANCE = 1e-3  # of the largest number


def signal(name: Signal, samples: int, rate: int) -> Float32:
    """Make a signal.

    Parameters
    ----------
    name : {"noise", "chirp", "chord"}
        Which.
    samples : int
        How many.
    rate : int
        Of how many Hz.

    Returns
    -------
    ndarray of float32, shape=(samples,)
        The signal, full scale at +-1, on the grid of 16 bits.
    """
    exact = SIGNALS[name](np.arange(samples) / rate)
    return (np.round(np.clip(exact, -1, 1) * 32767) / 32768).astype(np.float32)


def answer(encoder: Encoder, name: Signal) -> Float32:
    """Embed the first window, float32 (dim,), of a track that is a signal as long as the window."""
    framing = encoder.spec.framing
    samples = signal(name, framing.window - framing.lead, encoder.spec.sample_rate)
    found: Float32 = encoder.embed(np.pad(samples, (framing.lead, 0))[None])[0]
    return found


def fault(encoder: Encoder, test: SelfTest) -> str:
    """Say how far an encoder is from what its test demands; empty where it is near enough."""
    expected = np.asarray(test.vector)
    error = float(np.abs(answer(encoder, test.signal) - expected).max())
    largest = float(np.abs(expected).max())
    if error <= test.tolerance * largest:  # not so for what is not a number
        return ""
    return (
        f"its largest error is {error / largest if largest else np.inf:.2g} of the largest number,"
        f" where {test.tolerance:g} is allowed"
    )


def record(encoder: Encoder) -> SelfTest:
    """Make a self-test of what an encoder answers here.

    Raises
    ------
    WeightsError
        If its answer is no numbers.
    """
    vector = answer(encoder, RECORDED)
    if not np.isfinite(vector).all():
        raise WeightsError(f"{encoder.spec.name} gives no numbers", "some of its embedding are not finite")
    return SelfTest(RECORDED, tuple(float(f"{number:.7g}") for number in vector), TOLERANCE)


def as_toml(test: SelfTest, variant: str) -> str:
    """Write a self-test as a description has it."""
    numbers = [f"{number:.7g}" for number in test.vector]
    rows = [", ".join(numbers[start : start + 8]) for start in range(0, len(numbers), 8)]
    vector = "".join(f"  {row},\n" for row in rows)
    return (
        f'[variants.{json.dumps(variant)}.self_test]\nsignal = "{test.signal}"\n'
        f"tolerance = {test.tolerance:g}\nvector = [\n{vector}]\n"
    )


def _noise(t: Float64) -> Float64:
    return np.asarray(0.2 * np.random.RandomState(1).normal(size=len(t)))


def _chirp(t: Float64) -> Float64:
    """A sine from 90 Hz, 1400 Hz higher each second, over faint noise."""
    noise = np.random.RandomState(2).normal(size=len(t))
    return np.asarray(0.4 * np.sin(2 * np.pi * (90 + 700 * t) * t) + 0.01 * noise)


def _chord(t: Float64) -> Float64:
    """A major chord struck every 2.5 s."""
    tones = sum(np.sin(2 * np.pi * frequency * t) for frequency in (220.0, 277.18, 329.63, 440.0, 880.0))
    return np.asarray(0.15 * tones * np.exp(-1.8 * (t % 2.5)))


SIGNALS: dict[Signal, Callable[[Float64], Float64]] = {"noise": _noise, "chirp": _chirp, "chord": _chord}
