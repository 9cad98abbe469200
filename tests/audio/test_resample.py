from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from audio_files import music, rms
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.audio.resample import KaiserBest, Resampler, make_resampler
from audiosim.core.types import Float32, Float64, ResamplerName

COMMON_RATES = [
    8000,
    11_025,
    16_000,
    22_050,
    32_000,
    44_100,
    88_200,
    96_000,
    176_400,
    192_000,
    352_800,
    384_000,
]
ODD_RATES = [44_056, 47_952, 11_127]
CROSSINGS, PRECISION, BETA, ROLLOFF = 64, 512, 14.769656459379492, 0.9475937167399596


def whole(resampler: Resampler, samples: Float32) -> Float32:
    return in_blocks(resampler, samples, [])


def in_blocks(resampler: Resampler, samples: Float32, cuts: list[int]) -> Float32:
    edges = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    parts = [resampler.push(samples[a:b]) for a, b in pairwise(edges)]
    return np.concatenate([*parts, resampler.finish()])


def resampy(samples: Float64, source: int, target: int) -> Float64:
    """resampy 0.2's "kaiser_best", sample by sample as its loop reads, in double precision."""
    count = CROSSINGS * PRECISION
    window = (
        ROLLOFF
        * np.sinc(ROLLOFF * np.linspace(0, CROSSINGS, count + 1))
        * np.kaiser(2 * count + 1, BETA)[count:]
    )
    scale = min(1.0, target / source)
    window = window * scale
    slope = np.append(np.diff(window), 0.0)
    step = int(scale * PRECISION)
    out = np.zeros(len(samples) * target // source)
    for index in range(len(out)):
        centre, rest = divmod(index * source, target)
        past = scale * rest / target
        for first, direction, limit, share in (
            (centre, -1, centre + 1, past),
            (centre + 1, 1, len(samples) - centre - 1, scale - past),
        ):
            offset = int(share * PRECISION)
            eta = share * PRECISION - offset
            taps = np.arange(min(limit, (len(window) - offset) // step))
            weights = window[offset + taps * step] + eta * slope[offset + taps * step]
            out[index] += weights @ samples[first + direction * taps]
    return out


@pytest.mark.parametrize("source", COMMON_RATES + ODD_RATES)
def test_kaiser_best_is_the_formula_of_resampy(source: int) -> None:
    count = max(600, source // 80)
    samples = music(count / source, source)[:, 0]
    out = whole(KaiserBest(source, 48_000), samples)
    expected = resampy(samples.astype(np.float64), source, 48_000)
    assert out.shape == expected.shape
    np.testing.assert_allclose(out, expected, atol=1e-6)


@pytest.mark.parametrize(("source", "target"), [(48_000, 16_000), (44_100, 16_000), (8000, 22_050)])
def test_kaiser_best_reaches_other_rates_too(source: int, target: int) -> None:
    samples = music(0.05, source)[:, 0]
    expected = resampy(samples.astype(np.float64), source, target)
    np.testing.assert_allclose(whole(KaiserBest(source, target), samples), expected, atol=1e-6)


@pytest.mark.parametrize("source", COMMON_RATES + ODD_RATES)
def test_kaiser_best_gives_the_same_in_blocks_as_at_once(source: int) -> None:
    samples = music(0.2, source)[:, 0]
    size = 1777
    parts = in_blocks(KaiserBest(source, 48_000), samples, list(range(size, len(samples), size)))
    np.testing.assert_allclose(parts, whole(KaiserBest(source, 48_000), samples), atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 100, 4409, 4410, 4411, 30_001])
@pytest.mark.parametrize("source", COMMON_RATES + ODD_RATES)
def test_kaiser_best_rounds_its_length_down(source: int, count: int) -> None:
    assert len(whole(KaiserBest(source, 48_000), np.ones(count, np.float32))) == count * 48_000 // source


@pytest.mark.parametrize("name", ["kaiser_best", "soxr_hq"])
@pytest.mark.parametrize("source", [*COMMON_RATES, *ODD_RATES])
def test_a_sine_keeps_its_frequency_and_amplitude(name: ResamplerName, source: int) -> None:
    frequency, amplitude, target = 1000.0, 0.7, 48_000
    time = np.arange(source) / source
    samples = (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)
    out = whole(make_resampler(name, source, target), samples)
    expected = amplitude * np.sin(2 * np.pi * frequency * np.arange(len(out)) / target)
    inner = slice(2000, 45_000)
    gain = float(out[inner] @ expected[inner] / (expected[inner] @ expected[inner]))
    scale = PRECISION * min(1.0, target / source)
    # resampy truncates its step through the table, which raises its gain by up to so much
    excess = scale / int(scale) - 1.0 if name == "kaiser_best" else 0.0
    assert -1e-4 < gain - 1.0 < excess + 1e-4
    np.testing.assert_allclose(out[inner] / gain, expected[inner], atol=1e-4)


@pytest.mark.parametrize("name", ["kaiser_best", "soxr_hq"])
def test_what_lies_above_the_new_half_rate_is_gone(name: ResamplerName) -> None:
    time = np.arange(96_000) / 96_000
    samples = np.sin(2 * np.pi * 30_000 * time).astype(np.float32)
    out = whole(make_resampler(name, 96_000, 48_000), samples)
    assert rms(out[2000:-2000].astype(np.float64)) < 1e-4


@pytest.mark.parametrize("source", [8000, 44_100, 48_000, 44_056, 96_000])
def test_soxr_gives_the_same_in_blocks_as_at_once(source: int) -> None:
    samples = music(1.0, source)[:, 0]
    size = 1777
    parts = in_blocks(
        make_resampler("soxr_hq", source, 16_000), samples, list(range(size, len(samples), size))
    )
    once = whole(make_resampler("soxr_hq", source, 16_000), samples)
    np.testing.assert_allclose(parts, once, atol=1e-6)
    assert abs(len(once) - 16_000) <= 1


@pytest.mark.parametrize("name", ["kaiser_best", "soxr_hq"])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_the_same_rate_leaves_the_samples_as_they_are(name: ResamplerName, rate: int) -> None:
    samples = music(0.2, rate)[:, 0]
    out = in_blocks(make_resampler(name, rate, rate), samples, [10, 500])
    assert out.tobytes() == samples.tobytes()


@pytest.mark.parametrize("name", ["kaiser_best", "soxr_hq"])
def test_silence_stays_silence(name: ResamplerName) -> None:
    out = whole(make_resampler(name, 44_100, 48_000), np.zeros(44_100, np.float32))
    assert len(out) == 48_000
    assert not out.any()


@settings(deadline=None, max_examples=60)
@given(
    source=st.sampled_from([8000, 44_100, 44_056, 96_000]),
    count=st.integers(1, 6000),
    cuts=st.lists(st.integers(0, 6000), max_size=12),
)
def test_kaiser_best_does_not_depend_on_where_blocks_end(source: int, count: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(count).uniform(-1, 1, count).astype(np.float32)
    once = whole(KaiserBest(source, 48_000), samples)
    parts = in_blocks(KaiserBest(source, 48_000), samples, cuts)
    assert len(parts) == len(once)
    np.testing.assert_allclose(parts, once, atol=2e-6)


@settings(deadline=None, max_examples=60)
@given(
    source=st.sampled_from([8000, 44_100, 44_056, 96_000]),
    count=st.integers(1, 6000),
    cuts=st.lists(st.integers(0, 6000), max_size=12),
)
def test_soxr_does_not_depend_on_where_blocks_end(source: int, count: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(count).uniform(-1, 1, count).astype(np.float32)
    once = whole(make_resampler("soxr_hq", source, 16_000), samples)
    parts = in_blocks(make_resampler("soxr_hq", source, 16_000), samples, cuts)
    assert len(parts) == len(once)
    np.testing.assert_allclose(parts, once, atol=2e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(2000, 60_000), st.integers(1, 3000))
def test_kaiser_best_takes_any_rate(source: int, count: int) -> None:
    source -= source % 50  # a period of at most 960 outputs, quick to tabulate
    if source == 48_000:
        source = 48_050
    out = whole(KaiserBest(source, 48_000), np.ones(count, np.float32))
    assert len(out) == count * 48_000 // source
    assert np.isfinite(out).all()


@pytest.mark.parametrize("source", [88_211, 191_999, 383_987, 767_957, 1_411_200, 2_822_400, 6_144_000])
@pytest.mark.parametrize("name", ["kaiser_best", "soxr_hq"])
def test_rates_that_need_large_tables_come_out_right_too(name: ResamplerName, source: int) -> None:
    time = np.arange(source // 4) / source
    samples = (0.7 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    resampler = make_resampler(name, source, 48_000)
    out = in_blocks(resampler, samples, list(range(65_536, len(samples), 65_536)))
    assert abs(len(out) - 12_000) <= 1
    expected = 0.7 * np.sin(2 * np.pi * 1000 * np.arange(len(out)) / 48_000)
    np.testing.assert_allclose(out[1000:-1000], expected[1000:-1000], atol=1e-4)


def test_no_rate_takes_much_memory() -> None:
    code = (
        "import resource, numpy as np; from audiosim.audio.resample import make_resampler;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "[make_resampler('kaiser_best', rate, 48_000).push(np.zeros(rate // 4, np.float32))"
        " for rate in (767_957, 191_999, 88_211, 44_101, 5_644_799, 5_644_800)];"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    used = int(
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    )
    assert used < 200_000  # KiB


@pytest.mark.parametrize("name", ["kaiser_best", "soxr_hq"])
@pytest.mark.parametrize("source", [8000, 44_100, 48_000])
def test_each_of_several_channels_comes_out_as_it_does_alone(name: ResamplerName, source: int) -> None:
    apart, cuts = music(1.0, source, channels=3), [100, 7000]
    found = in_blocks(make_resampler(name, source, 48_000, 3), apart, cuts)
    for channel in range(3):
        alone = in_blocks(make_resampler(name, source, 48_000), np.ascontiguousarray(apart[:, channel]), cuts)
        np.testing.assert_array_equal(found[:, channel], alone)
