from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.audio.framing import Framer, levels, window_count
from audiosim.audio.resample import make_resampler
from audiosim.core.types import Float32, Framing, ResamplerName


def signal(count: int) -> Float32:
    """Samples that are all different, and none zero."""
    return np.arange(1, count + 1, dtype=np.float32)


def frame(framing: Framing, samples: Float32, cuts: list[int] | None = None) -> Float32:
    """The windows of a signal pushed in blocks that end at `cuts`."""
    framer = Framer(framing)
    edges = [0, *sorted(min(cut, len(samples)) for cut in cuts or []), len(samples)]
    parts = [framer.push(samples[a:b]).copy() for a, b in pairwise(edges)]
    return np.concatenate([*parts, framer.finish()])


def openl3(samples: Float32, window: int, hop: int, center: bool) -> Float32:
    """openl3's `_center_audio`, `_pad_audio` and framing, over the whole signal."""
    if center:
        samples = np.pad(samples, (window // 2, 0))
    if len(samples) < window:
        samples = np.pad(samples, (0, window - len(samples)))
    count = 1 + ceil((len(samples) - window) / hop)
    samples = np.pad(samples, (0, max(0, (count - 1) * hop + window - len(samples))))
    return np.stack([samples[i * hop : i * hop + window] for i in range(count)])


def musicnn(samples: Float32, window: int, hop: int, margin: int) -> Float32:
    """musicnn's `batch_data`, over samples with a margin of zeros on both sides."""
    padded = np.pad(samples, margin)
    starts = range(0, len(padded) - window + 1, hop)
    return np.array([padded[start : start + window] for start in starts], np.float32)


cut_lists = st.lists(st.integers(0, 120), max_size=8)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 120), st.integers(1, 30), st.integers(1, 60), st.booleans(), cut_lists)
def test_padded_windows_are_openl3s_wherever_blocks_end(
    count: int, window: int, hop: int, center: bool, cuts: list[int]
) -> None:
    framing = Framing(window, hop, lead=window // 2 if center else 0)
    np.testing.assert_array_equal(
        frame(framing, signal(count), cuts), openl3(signal(count), window, hop, center)
    )


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 120), st.integers(2, 30), st.integers(1, 60), st.integers(0, 15), cut_lists)
def test_dropped_windows_are_musicnns_wherever_blocks_end(
    count: int, window: int, hop: int, margin: int, cuts: list[int]
) -> None:
    margin = min(margin, (window - 1) // 2)
    framing = Framing(window, hop, lead=margin, trail=margin, tail="drop")
    windows = frame(framing, signal(count), cuts)
    if count + 2 * margin >= window:
        np.testing.assert_array_equal(windows, musicnn(signal(count), window, hop, margin))
    else:
        silence = window - margin - count
        np.testing.assert_array_equal(windows, np.pad(signal(count), (margin, silence))[None, :])


@pytest.mark.parametrize(
    ("count", "hop", "center", "windows"),
    [
        (1, 4, False, 1),
        (9, 4, False, 1),
        (10, 4, False, 1),
        (11, 4, False, 2),
        (14, 4, False, 2),
        (15, 4, False, 3),
        (5, 4, True, 1),
        (6, 4, True, 2),
        (10, 25, False, 1),
        (11, 25, False, 2),
        (35, 25, False, 2),
        (36, 25, False, 3),
    ],
)
def test_there_are_as_many_padded_windows_as_openl3_gives(
    count: int, hop: int, center: bool, windows: int
) -> None:
    framing = Framing(10, hop, lead=5 if center else 0)
    assert frame(framing, signal(count)).shape == (windows, 10)


def test_a_centred_signal_begins_in_the_middle_of_the_first_window() -> None:
    first = frame(Framing(6, 2, lead=3), signal(20))[0]
    assert first.tolist() == [0, 0, 0, 1, 2, 3]


def test_a_hop_longer_than_the_window_leaves_out_what_lies_between() -> None:
    windows = frame(Framing(3, 5), signal(14), [4, 5, 9])
    assert windows.tolist() == [[1, 2, 3], [6, 7, 8], [11, 12, 13], [0, 0, 0]]


def test_a_signal_shorter_than_a_window_is_padded_to_one() -> None:
    assert frame(Framing(5, 2), signal(2)).tolist() == [[1, 2, 0, 0, 0]]


def test_silence_follows_a_signal_shorter_than_a_dropping_window() -> None:
    framing = Framing(9, 4, lead=1, trail=1, tail="drop")
    assert frame(framing, signal(3), [1]).tolist() == [[0, 1, 2, 3, 0, 0, 0, 0, 0]]


def test_what_fills_no_window_is_dropped() -> None:
    assert frame(Framing(4, 4, tail="drop"), signal(11)).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


def repeated(samples: Float32, window: int, hop: int) -> Float32:
    """Windows with a last one that is repeated, if at least half of what it adds is there."""
    windows = [samples[i : i + window] for i in range(0, len(samples) - window + 1, hop)]
    rest = samples[len(windows) * hop :]
    if not windows or len(rest) >= window - min(window, hop) // 2:
        windows.append(np.tile(rest, window)[:window])
    return np.stack(windows)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 120), st.integers(1, 30), st.integers(1, 60), cut_lists)
def test_a_last_window_is_repeated_wherever_blocks_end(
    count: int, window: int, hop: int, cuts: list[int]
) -> None:
    framing = Framing(window, hop, tail="repeat")
    windows = frame(framing, signal(count), cuts)
    np.testing.assert_array_equal(windows, repeated(signal(count), window, hop))
    assert window_count(framing, count) == len(windows)


def test_what_is_left_is_repeated_unless_it_is_less_than_half_a_window() -> None:
    framing = Framing(4, 4, tail="repeat")
    assert frame(framing, signal(6)).tolist() == [[1, 2, 3, 4], [5, 6, 5, 6]]
    assert frame(framing, signal(7)).tolist() == [[1, 2, 3, 4], [5, 6, 7, 5]]
    assert frame(framing, signal(5)).tolist() == [[1, 2, 3, 4]]
    assert frame(framing, signal(1)).tolist() == [[1, 1, 1, 1]]


def test_what_is_repeated_counts_as_signal() -> None:
    framer = Framer(Framing(8, 8, tail="repeat"))
    framer.push(np.resize(np.array([0.5, -0.5], np.float32), 30))
    last, index = framer.finish(), np.array([3])
    assert framer.lengths(index).tolist() == [8]
    np.testing.assert_allclose(levels(last, framer.lengths(index)), 20 * np.log10(0.5), atol=0.01)


@settings(deadline=None)
@given(st.integers(1, 120), st.integers(1, 30), st.integers(1, 60), cut_lists)
def test_tiles_are_repeated_whole_times_and_silence_follows(
    count: int, window: int, hop: int, cuts: list[int]
) -> None:
    """As CLAP's feature extractor does; of which windows there are, as those that are repeated."""
    framing = Framing(window, hop, tail="tile")
    windows = frame(framing, signal(count), cuts)
    expected = repeated(signal(count), window, hop)
    assert window_count(framing, count) == len(windows) == len(expected)
    rest = count - (len(windows) - 1) * hop
    whole = window // rest * rest if rest < window else window
    np.testing.assert_array_equal(windows[-1], np.where(np.arange(window) < whole, expected[-1], 0))
    np.testing.assert_array_equal(windows[:-1], expected[:-1])


def test_the_silence_behind_tiles_is_no_signal() -> None:
    framer = Framer(Framing(50, 50, tail="tile"))
    framer.push(np.full(120, 0.5, np.float32))
    last, index = framer.finish(), np.array([2])
    assert last.shape == (0, 50)
    short = Framer(Framing(50, 50, tail="tile"))
    short.push(np.full(20, 0.5, np.float32))
    assert short.finish()[0].tolist() == [0.5] * 40 + [0.0] * 10
    assert short.lengths(np.array([0])).tolist() == [40]
    assert framer.lengths(index - 1).tolist() == [50]


@pytest.mark.parametrize("tail", ["pad", "drop", "repeat", "tile"])
def test_no_samples_are_an_error(tail: Literal["pad", "drop", "repeat", "tile"]) -> None:
    framer = Framer(Framing(4, 2, lead=2, tail=tail))
    framer.push(np.empty(0, np.float32))
    with pytest.raises(ValueError, match="no samples"):
        framer.finish()


def test_windows_come_as_soon_as_they_are_complete() -> None:
    framer = Framer(Framing(4, 2))
    assert framer.push(signal(3)).shape == (0, 4)
    assert framer.push(np.array([4.0], np.float32)).tolist() == [[1, 2, 3, 4]]
    assert framer.push(np.array([5.0], np.float32)).shape == (0, 4)


def test_memory_does_not_grow_with_the_signal() -> None:
    framer = Framer(Framing(100, 10, lead=50))
    for _ in range(1000):
        framer.push(np.ones(997, np.float32))
    assert len(framer._buffer) < 100


def test_levels_are_rms_in_dbfs() -> None:
    windows = np.array([[1, -1, 1, -1], [0.1, 0.1, -0.1, -0.1], [0, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(levels(windows), [0, -20, -np.inf], atol=0.01)


@pytest.mark.parametrize("offset", [1e-4, 0.01, -0.5, 1.0])
def test_levels_are_without_dc_offset(offset: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1 * abs(offset), (3, 4800)).astype(np.float32)
    np.testing.assert_allclose(levels(noise + np.float32(offset)), levels(noise), atol=0.1)
    assert np.isneginf(levels(np.full((3, 4800), offset, np.float32))).all()


@pytest.mark.parametrize("tail", ["pad", "drop"])
@pytest.mark.parametrize("count", [17, 50, 99, 100, 101, 260, 1000])
def test_a_constant_signal_is_silent_in_windows_that_reach_beyond_it_too(
    count: int, tail: Literal["pad", "drop"]
) -> None:
    framer = Framer(Framing(100, 30, lead=50, trail=20, tail=tail))
    parts = np.array_split(np.full(count, 0.3, np.float32), 3)
    every = np.concatenate([*[framer.push(part) for part in parts], framer.finish()])
    lengths = framer.lengths(np.arange(len(every)))
    assert [int(row.any()) and int((row != 0).sum()) for row in every] == lengths.tolist()
    assert np.isneginf(levels(every, lengths)).all()


@pytest.mark.parametrize("name", ["kaiser_best", "soxr_hq"])
@pytest.mark.parametrize("source", [8000, 22_050, 44_100, 96_000])
def test_a_constant_signal_is_silent_though_it_is_resampled(name: ResamplerName, source: int) -> None:
    resampler = make_resampler(name, source, 16_000)
    framer = Framer(Framing(16_000, 8000, lead=8000))
    parts = [resampler.push(np.full(int(2.7 * source), 0.5, np.float32)), resampler.finish()]
    every = np.concatenate([*[framer.push(part).copy() for part in parts], framer.finish()])
    assert np.isneginf(levels(every, framer.lengths(np.arange(len(every))))).all()


def test_a_click_is_no_offset() -> None:
    framer = Framer(Framing(1000, 1000, lead=500))
    windows = np.concatenate([framer.push(np.array([0.5], np.float32)), framer.finish()])
    assert levels(windows, framer.lengths(np.arange(1)))[0] == pytest.approx(-36, abs=0.1)


def test_padding_adds_nothing_to_a_level() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 100).astype(np.float32)
    half = np.concatenate([noise[:50] - noise[:50].mean(), np.zeros(50, np.float32)])[None]
    assert levels(half, np.array([50]))[0] == levels(half)[0]


@settings(deadline=None)  # the machine may be busy
@given(
    st.integers(1, 120),
    st.integers(2, 30),
    st.integers(1, 60),
    st.sampled_from(["pad", "drop", "repeat", "tile"]),
    st.integers(1, 3),
    cut_lists,
)
def test_each_of_several_channels_has_the_windows_that_it_has_alone(
    count: int,
    window: int,
    hop: int,
    tail: Literal["pad", "drop", "repeat", "tile"],
    channels: int,
    cuts: list[int],
) -> None:
    margin = 0 if tail in ("repeat", "tile") else (window - 1) // 2
    framing = Framing(window, hop, lead=margin, trail=margin if tail == "drop" else 0, tail=tail)
    apart = np.stack([signal(count) + 1000 * channel for channel in range(channels)], axis=1)
    windows = frame(framing, apart, cuts)
    for channel in range(channels):
        np.testing.assert_array_equal(windows[:, channel], frame(framing, apart[:, channel], cuts))
