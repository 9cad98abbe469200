"""The general front end against those of torchlibrosa, transformers and Essentia.

The golden files were computed by torchlibrosa 0.1.0 (PANNs), transformers 5.24.0 (CLAP) and essentia
2.1b6.dev1389 (as for its Discogs-EffNet) on the signals of golden/encoder_signals.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN

from audiosim.core.types import Float32
from audiosim.encoders.log_mel import LogMel, Padding

PANNS = LogMel(32_000, n_fft=1024, hop=320, bands=64, fmin=50.0, fmax=14_000.0)
CLAP = LogMel(48_000, n_fft=1024, hop=480, bands=64, fmin=50.0, fmax=14_000.0)
ESSENTIA = LogMel(
    16_000, n_fft=512, hop=256, bands=96, periodic=False, padding="zeros", frame_tail="pad",
    log="log10", gain=10_000.0, offset=1.0,
)  # fmt: skip
PLAIN = LogMel(8_000, n_fft=64, hop=16, bands=8, log="none", floor=0.0)


def floats(audio: Any) -> Float32:
    return np.asarray(audio / 32768, np.float32)


def signals(which: str) -> dict[str, Any]:
    import encoder_signals

    return dict(getattr(encoder_signals, which)())


def sound(count: int = 1000) -> Float32:
    return np.random.default_rng(0).normal(0, 0.1, count).astype(np.float32)


@pytest.mark.parametrize("name", ["noise", "speech", "click", "shortest"])
def test_pannss_log_mels_are_within_a_hundredth_of_a_decibel(name: str) -> None:
    with np.load(GOLDEN / "golden_panns.npz") as data:
        expected = data[f"{name}_logmel"]
    ours = PANNS(floats(signals("panns_signals")[name]))
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= 0.01


@pytest.mark.parametrize("name", ["short", "most_of_it", "equal"])
def test_claps_features_are_within_a_ten_thousandth_of_the_largest(name: str) -> None:
    audio = floats(signals("clap_signals")[name])
    window = np.zeros(480_000, np.float32)
    times = len(window) // len(audio)
    window[: times * len(audio)] = np.tile(audio, times)
    with np.load(GOLDEN / "golden_front_ends.npz") as data:
        frames, expected = data["clap_frames"], data[f"clap_{name}"]
    ours = CLAP(window)
    assert ours.shape == (1001, 64)
    assert np.abs(ours[frames] - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["one_patch", "odd_length"])
def test_essentias_bands_are_within_a_thousandth_of_the_largest(name: str) -> None:
    with np.load(GOLDEN / "golden_front_ends.npz") as data:
        count, frames, expected = (data[f"essentia_{name}{part}"] for part in ("_count", "_frames", ""))
    ours = ESSENTIA(floats(signals("patch_signals")[name]))
    assert ours.shape == (count, 96)
    assert np.abs(ours[frames] - expected).max() <= 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("front_end", "change", "error"),
    [
        (PANNS, {"periodic": False}, 0.1),
        (PANNS, {"mel_norm": "none"}, 1.0),
        (PANNS, {"mel_scale": "htk"}, 1.0),
        (PANNS, {"padding": "zeros"}, 0.1),
        (PANNS, {"taper": "hamming"}, 0.1),
        (PANNS, {"power": 1}, 1.0),
        (PANNS, {"fmax": 16_000.0}, 1.0),
    ],
)
def test_every_parameter_changes_the_numbers(front_end: LogMel, change: dict[str, Any], error: float) -> None:
    audio = floats(signals("panns_signals")["speech"])
    assert np.abs(front_end(audio) - replace(front_end, **change)(audio)).max() > error


@pytest.mark.parametrize("frame", [64, 48])
@pytest.mark.parametrize(("padding", "mode"), [("reflect", "reflect"), ("zeros", "constant"), ("none", None)])
def test_bands_are_what_the_definition_says(frame: int, padding: Padding, mode: Any) -> None:
    """Frame by frame, with the discrete Fourier transform written out."""
    x = sound(200).astype(np.float64)
    padded = np.pad(x, frame // 2, mode) if mode else x
    n = np.arange(frame)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * n / frame)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(33), n) / 64)
    starts = range(0, len(padded) - frame + 1, 16)
    power = np.array([np.abs(waves @ (taper * padded[i : i + frame])) ** 2 for i in starts])
    front_end = replace(PLAIN, frame=frame, padding=padding)
    expected = power @ front_end._filters
    np.testing.assert_allclose(front_end(x.astype(np.float32)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("padding", "tail", "counts"),
    [
        ("none", "drop", {0: 0, 63: 0, 64: 1, 79: 1, 80: 2}),
        ("zeros", "drop", {1: 1, 15: 1, 16: 2, 31: 2, 32: 3}),
        ("none", "pad", {1: 1, 16: 1, 17: 2}),
        ("zeros", "pad", {1: 2, 16: 2, 17: 3}),
    ],
)
def test_there_are_as_many_frames_as_the_tail_asks_for(
    padding: Padding, tail: Any, counts: dict[int, int]
) -> None:
    front_end = replace(PLAIN, padding=padding, frame_tail=tail)
    for samples, frames in counts.items():
        assert front_end.frame_count(samples) == frames
        assert front_end(sound(samples)).shape == (frames, 8)


def test_an_exact_number_of_frames_cuts_or_adds_silence() -> None:
    whole = PLAIN(sound())
    fewer, more = (replace(PLAIN, frames=frames)(sound()) for frames in (10, 70))
    np.testing.assert_array_equal(fewer, whole[:10])
    np.testing.assert_array_equal(more[: len(whole)], whole)
    assert more.shape == (70, 8)
    assert not more[len(whole) :].any()
    silent = replace(PLAIN, log="db", floor=1e-10, frames=70)(sound())[-1]
    np.testing.assert_allclose(silent, -100.0)


def test_logarithms_are_what_they_are_called() -> None:
    bands = PLAIN(sound()).astype(np.float64)
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"log": "db", "floor": 1e-10}, 10 * np.log10(bands)),
        ({"log": "db", "floor": 1e-10, "reference": 2.0}, 10 * np.log10(bands / 2)),
        ({"log": "db", "floor": 1e-10, "reference": "max"}, 10 * np.log10(bands / bands.max())),
        ({"log": "ln", "offset": 0.01}, np.log(bands + 0.01)),
        ({"log": "log10", "gain": 10_000.0, "offset": 1.0}, np.log10(1 + 10_000 * bands)),
        (
            {"log": "log10", "floor": 1e-5, "factor": 0.25, "shift": 1.0},
            np.log10(np.maximum(bands, 1e-5)) / 4 + 1,
        ),
    ]
    for change, expected in cases:
        np.testing.assert_allclose(replace(PLAIN, **change)(sound()), expected, rtol=1e-4, atol=1e-5)


def test_a_dynamic_range_raises_what_lies_below_it() -> None:
    plain = replace(PLAIN, log="db", floor=1e-10)
    ranged = replace(plain, dynamic_range=6.0)
    expected = np.maximum(plain(sound()), plain(sound()).max() - 6.0)
    np.testing.assert_allclose(ranged(sound()), expected, rtol=1e-6)


def test_openl3s_and_whispers_front_ends_can_be_said_too() -> None:
    """kapre: magnitudes, zeros behind the end, dB below the maximum, 80 at most."""
    kapre = LogMel(
        48_000, n_fft=2048, hop=242, bands=128, padding="none", frame_tail="pad", power=1,
        reference="max", dynamic_range=80.0,
    )  # fmt: skip
    image = kapre(sound(48_000))
    assert image.shape == (199, 128)
    assert image.max() == 0.0
    assert image.min() >= -80.0
    whisper = LogMel(
        16_000, n_fft=400, hop=160, bands=80, log="log10", dynamic_range=8.0, factor=0.25, shift=1.0,
        frames=3000,
    )  # fmt: skip
    assert whisper(sound(480_000)).shape == (3000, 80)


def test_digital_silence_is_the_floor() -> None:
    np.testing.assert_allclose(PANNS(np.zeros(32_000, np.float32)), -100.0)
