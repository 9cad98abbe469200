from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.encoders.mel import MelScale, hz_to_mel, mel_filters, mel_to_hz

CASES = [(48_000, 2048, 256), (48_000, 2048, 128), (16_000, 512, 96), (22_050, 2048, 128)]


def slaney_mel(frequency: float) -> float:
    """The Slaney scale for one frequency, from its definition."""
    return frequency * 3 / 200 if frequency < 1000 else 15 + 27 * log(frequency / 1000) / log(6.4)


def slaney_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * exp((mel - 15) * log(6.4) / 27)


@pytest.mark.parametrize(
    ("frequency", "mel"),
    [
        (0.0, 0.0),
        (200 / 3, 1.0),
        (110.0, 1.65),
        (440.0, 6.6),
        (1000.0, 15.0),
        (6400.0, 42.0),
        (40_960.0, 69.0),
    ],
)
def test_frequencies_have_their_slaney_mels(frequency: float, mel: float) -> None:
    assert float(hz_to_mel(np.asarray(frequency))) == pytest.approx(mel, abs=1e-9)
    assert float(mel_to_hz(np.asarray(mel))) == pytest.approx(frequency, abs=1e-6)


@settings(deadline=None)  # the machine may be busy
@given(st.floats(0, 100_000))
def test_mels_and_frequencies_invert_each_other(frequency: float) -> None:
    mel = hz_to_mel(np.asarray(frequency))
    assert float(mel) == pytest.approx(slaney_mel(frequency))
    assert float(mel_to_hz(mel)) == pytest.approx(frequency, abs=1e-6)


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), CASES)
def test_filters_have_a_row_a_bin_and_a_column_a_band(rate: int, n_fft: int, n_mels: int) -> None:
    filters = mel_filters(rate, n_fft, n_mels)
    assert filters.shape == (n_fft // 2 + 1, n_mels)
    assert filters.dtype == np.float32
    assert (filters >= 0).all()


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), CASES)
def test_every_weight_is_that_of_its_triangle(rate: int, n_fft: int, n_mels: int) -> None:
    filters = mel_filters(rate, n_fft, n_mels)
    top = slaney_mel(rate / 2)
    for band in {0, 1, n_mels // 3, n_mels // 2, n_mels - 2, n_mels - 1}:
        low, peak, high = (slaney_hz(top * (band + i) / (n_mels + 1)) for i in range(3))
        for row in range(n_fft // 2 + 1):
            frequency = row * rate / n_fft
            if low < frequency <= peak:
                height = (frequency - low) / (peak - low)
            elif peak < frequency < high:
                height = (high - frequency) / (high - peak)
            else:
                height = 0.0
            expected = height * 2 / (high - low)
            assert float(filters[row, band]) == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_one_filter_is_what_it_is_by_hand() -> None:
    # 8 kHz has 15 + 27 ln(8) / ln(6.4) = 45.2456 mels; three bands have edges at its quarters:
    # 11.3114, 22.6228, 33.9342 mels, which are 754.094, 1688.908 and 3675.768 Hz.
    filters = mel_filters(16_000, 16, 3)  # bins at 0, 1000, 2000 ... 8000 Hz
    assert filters[0].tolist() == [0, 0, 0]
    first = [(1688.908 - 1000) / (1688.908 - 754.094) * 2 / 1688.908, 0, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(filters[1:, 0], first, rtol=1e-4)
    second = [
        (1000 - 754.094) / (1688.908 - 754.094) * 2 / (3675.768 - 754.094),
        (3675.768 - 2000) / (3675.768 - 1688.908) * 2 / (3675.768 - 754.094),
        (3675.768 - 3000) / (3675.768 - 1688.908) * 2 / (3675.768 - 754.094),
        *[0] * 5,
    ]
    np.testing.assert_allclose(filters[1:, 1], second, rtol=1e-4)


@pytest.mark.parametrize("n_mels", [32, 64])
def test_every_triangle_has_the_area_one(n_mels: int) -> None:
    rate, n_fft = 48_000, 1 << 16  # fine enough for a sum to be an integral
    areas = mel_filters(rate, n_fft, n_mels).astype(np.float64).sum(axis=0) * rate / n_fft
    np.testing.assert_allclose(areas, 1.0, rtol=1e-3)


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), CASES)
def test_a_bin_belongs_to_at_most_two_neighbouring_bands(rate: int, n_fft: int, n_mels: int) -> None:
    for row in mel_filters(rate, n_fft, n_mels):
        bands = np.flatnonzero(row)
        assert len(bands) <= 2
        assert len(bands) < 2 or bands[1] == bands[0] + 1


def test_the_lowest_bin_and_the_highest_count_in_no_band() -> None:
    filters = mel_filters(48_000, 2048, 128)
    assert not filters[0].any()
    np.testing.assert_allclose(filters[-1], 0.0, atol=1e-12)


def filters_of_before(rate: int, n_fft: int, n_mels: int) -> Any:
    """As version 1 of OpenL3's and MusiCNN's front ends was written: not a bit may change."""
    step, turn, ratio = 200.0 / 3, 1000.0, np.log(6.4) / 27.0
    bins = np.linspace(0.0, rate / 2, n_fft // 2 + 1)
    top = turn / step + np.log(np.asarray(rate / 2) / turn) / ratio
    mels = np.linspace(0.0, float(top), n_mels + 2)
    high = turn * np.exp(ratio * (np.maximum(mels, turn / step) - turn / step))
    edges = np.where(mels < turn / step, mels * step, high)
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))[None, :]).astype(np.float32)


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), CASES)
def test_the_filters_of_openl3_and_musicnn_are_those_of_before_to_the_bit(
    rate: int, n_fft: int, n_mels: int
) -> None:
    before = filters_of_before(rate, n_fft, n_mels)
    assert mel_filters(rate, n_fft, n_mels).tobytes() == before.tobytes()


@pytest.mark.parametrize(
    ("frequency", "mel"), [(0.0, 0.0), (700.0, 2595 * np.log10(2)), (1000.0, 999.9855), (6300.0, 2595.0)]
)
def test_frequencies_have_their_htk_mels(frequency: float, mel: float) -> None:
    assert float(hz_to_mel(np.asarray(frequency), "htk")) == pytest.approx(mel, abs=1e-3)
    assert float(mel_to_hz(np.asarray(mel), "htk")) == pytest.approx(frequency, abs=1e-3)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_bands_lie_between_the_range_asked_for_evenly_in_mels(scale: MelScale) -> None:
    rate, n_fft, fmin, fmax = 32_000, 1 << 15, 50.0, 14_000.0
    filters = mel_filters(rate, n_fft, 64, fmin=fmin, fmax=fmax, scale=scale, norm="none")
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    heard = bins[filters.any(axis=1)]
    assert heard[0] == pytest.approx(fmin, abs=2 * rate / n_fft)
    assert heard[-1] == pytest.approx(fmax, abs=2 * rate / n_fft)
    steps = np.diff(hz_to_mel(bins[filters.argmax(axis=0)], scale))
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.05)


def test_filters_without_norm_have_the_height_1_those_with_it_the_area_1() -> None:
    n_fft = 1 << 16
    plain = mel_filters(16_000, n_fft, 40, fmin=20, fmax=7000, norm="none")
    normed = mel_filters(16_000, n_fft, 40, fmin=20, fmax=7000)
    np.testing.assert_allclose(plain.max(axis=0), 1.0, atol=0.02)
    np.testing.assert_allclose(normed.sum(axis=0) * 16_000 / n_fft, 1.0, rtol=1e-3)
    np.testing.assert_allclose(normed / normed.max(axis=0), plain / plain.max(axis=0), atol=1e-6)
