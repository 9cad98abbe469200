from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audio_files import FORMS, aligned_error, encode, music, rms, write, write_sound

from audiosim.audio.decode import decode_blocks
from audiosim.audio.mixing import Channels, Mix, Mixing
from audiosim.audio.probe import probe
from audiosim.core.errors import AudioError
from audiosim.core.types import Float32, Float64

pytestmark = pytest.mark.slow

RATE = 44_100


def mixed(path: Path, *, mixing: Mixing = "best", until: float = np.inf) -> Float32:
    """The samples after the last restart."""
    blocks: list[Float32] = []
    expected = probe(str(path), lambda: None).packet_seconds
    for block in decode_blocks(str(path), expected, mixing=mixing, until=until):
        blocks = [] if block is None else [*blocks, block.samples]
    return np.concatenate(blocks)


def stereo(alike: float = 0.9, seconds: float = 4.0) -> Float32:
    """Two channels that have this much of their sound in common."""
    common, left, right = (music(seconds, RATE, seed=seed) for seed in (1, 2, 3))
    own = np.sqrt(1 - alike**2)
    return np.hstack([alike * common + own * left, alike * common + own * right]).astype(np.float32)


def inverted(samples: Float32, *channels: int) -> Float32:
    signs = np.ones(samples.shape[1], np.float32)
    signs[list(channels)] = -1
    return samples * signs


@pytest.mark.parametrize("alike", [1.0, 0.95])
@pytest.mark.parametrize("name", ["wav-float", "flac", "mp3", "vorbis", "opus", "aac", "alac", "wma"])
def test_a_file_with_an_inverted_channel_sounds_as_without(tmp_path: Path, name: str, alike: float) -> None:
    form = FORMS[name]
    source = stereo(alike)
    path = write(tmp_path / f"a{form.suffix}", inverted(source, 1), form)
    assert aligned_error(mixed(path), source.mean(axis=1)) <= max(form.error, 1e-3)


def test_an_inverted_channel_is_inverted_back_bit_for_bit(tmp_path: Path) -> None:
    source = stereo(0.95)
    usual = write_sound(tmp_path / "a.wav", source, RATE, "WAV", "FLOAT")
    odd = write_sound(tmp_path / "b.wav", inverted(source, 1), RATE, "WAV", "FLOAT")
    np.testing.assert_array_equal(mixed(odd), mixed(usual))


@pytest.mark.parametrize("share", [0.3, 0.8, 1.25])
def test_an_inverted_channel_of_another_level_counts_too(tmp_path: Path, share: float) -> None:
    left = music(4.0, RATE)
    path = write_sound(tmp_path / "a.wav", np.hstack([left, -share * left]), RATE, "WAV", "FLOAT")
    np.testing.assert_allclose(mixed(path), (1 + share) / 2 * left[:, 0], atol=1e-6)


def test_a_dc_offset_does_not_hide_that_channels_cancel(tmp_path: Path) -> None:
    left = 0.3 * music(4.0, RATE)
    path = write_sound(tmp_path / "a.wav", np.hstack([left, -left]) + np.float32(0.2), RATE, "WAV", "FLOAT")
    assert rms((mixed(path) - mixed(path).mean()).astype(np.float64)) == pytest.approx(
        rms(left.astype(np.float64)), rel=0.01
    )


@pytest.mark.parametrize("channels", [(1, 5), (0, 4), (0, 5)])
def test_channels_of_surround_sound_that_cancel_are_added_up(
    tmp_path: Path, channels: tuple[int, int]
) -> None:
    source = music(3.0, 48_000) * np.array([1.0, 1.0, 0.02, 0.01, 0.9, 0.9], np.float32)
    path = write_sound(tmp_path / "a.wav", inverted(source, *channels), 48_000, "WAV", "FLOAT")
    np.testing.assert_allclose(np.abs(mixed(path)), np.abs(source.mean(axis=1)), atol=0.01)


def test_surround_sound_in_aac_keeps_its_music(tmp_path: Path) -> None:
    source = music(3.0, 48_000) * np.array([1, -1, 0, 0, 0, 0], np.float32)
    path = encode(tmp_path / "a.m4a", source, 48_000, "aac", "ipod")
    assert rms(mixed(path).astype(np.float64)) > 0.2 * rms(source[:, 0].astype(np.float64))


@pytest.mark.parametrize("alike", [1.0, 0.7, 0.0])
def test_other_files_have_the_plain_mean(tmp_path: Path, alike: float) -> None:
    path = write_sound(tmp_path / "a.wav", stereo(alike), RATE, "WAV", "FLOAT")
    blocks = list(decode_blocks(str(path), 4.0))
    assert None not in blocks
    np.testing.assert_array_equal(mixed(path), mixed(path, mixing="mean"))


@pytest.mark.parametrize("silent", [0, 1])
def test_a_silent_channel_cancels_nothing(tmp_path: Path, silent: int) -> None:
    source = music(2.0, RATE, channels=2)
    source[:, silent] = 0
    path = write_sound(tmp_path / "a.wav", source, RATE, "WAV", "FLOAT")
    np.testing.assert_array_equal(mixed(path), source.mean(axis=1, dtype=np.float32))


def test_an_intro_whose_channels_cancel_does_not_change_the_mix_of_the_rest(tmp_path: Path) -> None:
    source = stereo(0.95, seconds=10.0)
    source[: 2 * RATE] = inverted(source[: 2 * RATE], 1)
    path = write_sound(tmp_path / "a.wav", source, RATE, "WAV", "FLOAT")
    np.testing.assert_array_equal(mixed(path), source.mean(axis=1, dtype=np.float32))


@pytest.mark.parametrize(("start", "stop"), [(0, 5), (3, 7), (4, 10)])
def test_a_file_that_is_cancelled_in_parts_keeps_its_stronger_channel(
    tmp_path: Path, start: int, stop: int
) -> None:
    source = stereo(0.99, seconds=10.0) * np.array([0.8, 1.0], np.float32)
    part = slice(start * RATE, stop * RATE)
    source[part] = inverted(source[part], 0)
    path = write_sound(tmp_path / "a.wav", source, RATE, "WAV", "FLOAT")
    np.testing.assert_array_equal(mixed(path), source[:, 1])


def test_loudness_does_not_count_but_how_long_a_part_is(tmp_path: Path) -> None:
    source = stereo(0.95, seconds=10.0) * np.float32(0.1)
    source[: 2 * RATE] = 10 * inverted(source[: 2 * RATE], 1)
    path = write_sound(tmp_path / "a.wav", source, RATE, "WAV", "FLOAT")
    np.testing.assert_array_equal(mixed(path), source.mean(axis=1, dtype=np.float32))


def test_silence_counts_for_nothing(tmp_path: Path) -> None:
    source = np.zeros((20 * RATE, 2), np.float32)
    source[: 4 * RATE] = inverted(stereo(0.99, seconds=4.0), 1)
    source[4 * RATE :] += np.random.default_rng(0).normal(0, 1e-5, (16 * RATE, 1)).astype(np.float32)
    path = write_sound(tmp_path / "a.wav", source, RATE, "WAV", "FLOAT")
    np.testing.assert_array_equal(mixed(path), inverted(source, 1).mean(axis=1, dtype=np.float32))


def test_only_what_is_wanted_of_a_file_is_decoded_and_judged(tmp_path: Path) -> None:
    source = stereo(0.95, seconds=8.0)
    source[: 3 * RATE] = inverted(source[: 3 * RATE], 1)
    path = write_sound(tmp_path / "a.wav", source, RATE, "WAV", "FLOAT")
    samples = mixed(path, until=2.0)
    assert 2 * RATE <= len(samples) < 4 * RATE
    assert rms(samples[: 2 * RATE].astype(np.float64)) > 0.9 * rms(source[: 2 * RATE, 0].astype(np.float64))


def test_the_plain_mean_is_to_be_had(tmp_path: Path) -> None:
    left = music(1.0, 8000)
    path = write_sound(tmp_path / "a.wav", np.hstack([left, -left]), 8000, "WAV", "FLOAT")
    assert not mixed(path, mixing="mean").any()


def test_files_that_only_libsndfile_reads_have_different_digests_though_their_channels_cancel(
    tmp_path: Path,
) -> None:
    digests = set()
    for seed in (1, 2):
        left = music(1.0, RATE, seed=seed)
        path = write_sound(tmp_path / "a.mat", np.hstack([left, -left]), RATE, "MAT5", "FLOAT")
        digests.add(probe(str(path), lambda: None).digest)
        assert mixed(path).any()
    assert len(digests) == 2


def test_the_number_of_channels_may_change_on_the_way() -> None:
    left = music(1.0, 8000)
    mix = Mix()
    for data in (left, np.hstack([left, -left])):
        mix(data)
    better = mix.better()
    assert better is not None
    np.testing.assert_array_equal(better(left), left[:, 0])
    np.testing.assert_array_equal(better(np.hstack([left, -left])), left[:, 0])


def test_silence_and_constant_channels_need_no_other_mix() -> None:
    for data in (np.zeros((1000, 2)), np.full((1000, 2), 0.5), np.tile([0.5, -0.5], (1000, 1))):
        mix = Mix()
        mix(data.astype(np.float32))
        assert mix.better() is None


def test_what_is_measured_does_not_depend_on_where_blocks_end() -> None:
    data = inverted(stereo(0.9), 1)
    whole, parts = Mix(), Mix()
    whole(data)
    for start in range(0, len(data), 1000):
        parts(data[start : start + 1000])
    first, second = whole.better(), parts.better()
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first(data), second(data))


def test_a_sample_that_is_no_finite_number_is_refused() -> None:
    with pytest.raises(AudioError, match="not finite"):
        Mix()(np.array([[0.0, np.nan]], np.float32))


def test_three_channels_that_add_up_to_nothing_are_not_lost() -> None:
    angles: Float64 = 2 * np.pi * (np.arange(9000)[:, None] / 30 + np.arange(3) / 3)
    data = np.sin(angles).astype(np.float32)
    mix = Mix()
    assert np.abs(mix(data)).max() < 1e-6
    better = mix.better()
    assert better is not None
    assert rms(better(data).astype(np.float64)) > 0.3


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("form", ["flac", "aac"])
def test_channels_stay_apart_whoever_decodes(tmp_path: Path, form: str, channels: int) -> None:
    source = np.hstack([music(2.0, RATE, seed=seed) for seed in range(channels)])
    path = write(tmp_path / f"a{FORMS[form].suffix}", source, FORMS[form])
    samples = mixed(path, mixing="none")
    assert samples.shape[1] == channels
    whole = [number for number in range(channels) if number != 3]  # that of 5.1 has no more than its bass
    errors = [[aligned_error(samples[:, ours], source[:, theirs]) for theirs in whole] for ours in whole]
    assert [whole[int(np.argmin(row))] for row in errors] == whole


def test_channels_that_change_on_the_way_can_not_stay_apart() -> None:
    apart = Channels()
    apart(np.zeros((4, 1), np.float32))
    with pytest.raises(AudioError, match="1 channels at its beginning, and 2 later on"):
        apart(np.zeros((4, 2), np.float32))


def test_channels_that_hold_no_numbers_are_damaged() -> None:
    with pytest.raises(AudioError, match="not finite"):
        Channels()(np.array([[0.0, np.nan]], np.float32))
