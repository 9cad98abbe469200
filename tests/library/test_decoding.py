from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audiosim.core.types import FrameEmbeddings
from audiosim.core.version import DECODING
from audiosim.library.cache import FIRST_DECODING, CachedTrack
from audiosim.library.decoding import concerns

MUSIC = [-18.0, -12.1, -10.4, -13.7, -15.2, -11.3]  # dBFS


def cached(level: list[float], channels: int = 2, decoding: int = FIRST_DECODING) -> CachedTrack:
    count = len(level)
    frames = FrameEmbeddings(
        np.zeros((count, 4), np.float16), np.arange(count, dtype=np.float64), np.array(level, np.float16)
    )
    return CachedTrack(frames, float(count), channels, decoding)


@pytest.mark.parametrize("codec", ["flac", "mp3", "aac", "vorbis", "pcm_s16le"])
def test_ordinary_music_is_not_concerned(codec: str) -> None:
    assert not concerns(cached(MUSIC), codec)
    assert not concerns(cached(MUSIC, channels=1), codec)
    assert not concerns(cached([*MUSIC, -np.inf, -np.inf, -np.inf, -np.inf, -14.0]), codec)


@pytest.mark.parametrize("level", [[-50.0] * 8, [-20.0]])
def test_what_todays_decoding_made_is_not_concerned(level: list[float]) -> None:
    assert not concerns(cached(level, decoding=DECODING), "dts")


@pytest.mark.parametrize("decoding", [FIRST_DECODING, 2])
def test_a_sound_that_fills_no_window_is_concerned_as_it_may_have_been_repeated(decoding: int) -> None:
    assert concerns(cached([-20.0], decoding=decoding), "mp3")


def test_a_second_decoding_differs_from_todays_in_nothing_else() -> None:
    assert not concerns(cached([-50.0] * 8, decoding=2), "dts")
    assert not concerns(replace(cached([-20.0], decoding=2), duration=60.0), "mp3")  # of a limit of windows


@pytest.mark.parametrize("codec", ["dts", "ac3", "eac3"])
def test_coded_sound_that_was_taken_for_pcm_is_concerned(codec: str) -> None:
    assert concerns(cached(MUSIC), codec)


def test_a_constant_noise_in_16_bits_is_concerned_as_it_may_be_dts() -> None:
    noise = [-8.94, -9.1, -8.9, -8.95, -9.05]
    assert concerns(cached(noise), "flac")
    assert not concerns(cached(noise), "mp3")
    assert not concerns(cached(noise, channels=1), "flac")


def test_a_mix_that_is_never_loud_is_concerned_as_its_channels_may_have_cancelled_each_other() -> None:
    soft = [level - 10 for level in MUSIC]
    assert concerns(cached(soft), "mp3")
    assert not concerns(cached(soft, channels=1), "mp3")


@pytest.mark.parametrize("level", [[*MUSIC, -40.0, -40.0, -40.0, -40.0], [-6.02] * 2])
def test_a_level_that_stands_still_is_concerned_as_it_may_be_an_offset(level: list[float]) -> None:
    assert concerns(cached(level, channels=1), "flac")


def test_a_cache_without_an_audible_window_is_not_concerned_by_its_level() -> None:
    assert not concerns(cached([-np.inf, -np.inf], channels=1), "flac")
