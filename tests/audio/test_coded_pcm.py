"""DTS and AC-3 that lie in PCM. `golden/dts_cd.bin` is 0.19 s of a DTS CD: no encoder of it is at hand."""

from __future__ import annotations

import io
import os
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from audio_files import FORMS, aligned_error, encode, music, write
from conftest import GOLDEN

from audiosim.audio.coded_pcm import coded_form, words
from audiosim.audio.decode import decode_blocks, soundfile_blocks
from audiosim.audio.probe import probe
from audiosim.core.errors import AudioError
from audiosim.core.types import Float32

RATE = 44_100
FRAME = 2048  # bytes of the DTS
DTS = np.frombuffer((GOLDEN / "dts_cd.bin").read_bytes(), "<i2").reshape(-1, 2)


@pytest.fixture
def ac3(tmp_path: Path) -> tuple[Float32, np.ndarray]:
    """Music, and the same as AC-3 on its way through a digital output, 16 bits (n, 2)."""
    source = music(3.0, RATE, channels=2)
    path = encode(tmp_path / "a.spdif", source, RATE, "ac3", "spdif")
    return source, np.frombuffer(path.read_bytes(), "<i2").reshape(-1, 2)


def kept(path: Path, coded: np.ndarray, *, lead: float = 0.0, subtype: str = "PCM_16") -> Path:
    silence = np.zeros((round(lead * RATE), 2), np.int16)
    soundfile.write(path, np.concatenate([silence, coded]), RATE, subtype=subtype)
    return path


def decoded(path: Path) -> Float32:
    blocks: list[Float32] = []
    for block in decode_blocks(str(path), probe(str(path), lambda: None).packet_seconds):
        blocks = [] if block is None else [*blocks, block.samples]
    return np.concatenate(blocks)


def dts_decoded() -> Float32:
    """What FFmpeg makes of the DTS stream itself."""
    with av.open(io.BytesIO(DTS.tobytes()), "r", format="dts") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    mono: Float32 = np.concatenate(frames, axis=1).mean(axis=0, dtype=np.float32)
    return mono


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".w64"])
@pytest.mark.parametrize("lead", [0.0, 0.5, 12.0])
def test_ac3_in_pcm_is_decoded(
    tmp_path: Path, ac3: tuple[Float32, np.ndarray], suffix: str, lead: float
) -> None:
    source, coded = ac3
    samples = decoded(kept(tmp_path / f"a{suffix}", coded, lead=lead))
    assert aligned_error(samples[: 3 * RATE], source.mean(axis=1)) < 0.15


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff"])
@pytest.mark.parametrize("lead", [0.0, 0.5, 12.0])
def test_dts_in_pcm_is_decoded(tmp_path: Path, suffix: str, lead: float) -> None:
    samples, expected = decoded(kept(tmp_path / f"a{suffix}", DTS, lead=lead)), dts_decoded()
    assert abs(len(samples) - len(expected)) <= 512
    assert aligned_error(samples, expected) < 0.01


def test_dts_that_begins_in_the_middle_of_a_frame_is_decoded(tmp_path: Path) -> None:
    samples = decoded(kept(tmp_path / "a.flac", DTS[200:]))
    assert aligned_error(samples[1024:], dts_decoded()[1536:]) < 0.05


@pytest.mark.parametrize("order", ["<i2", ">i2"])
def test_dts_of_14_bits_is_decoded(tmp_path: Path, order: str) -> None:
    bits = np.unpackbits(DTS.astype(">i2").reshape(-1).view(np.uint8)).reshape(-1, 8 * FRAME)
    padded = np.pad(bits, ((0, 0), (0, -8 * FRAME % 28))).reshape(-1, 14)
    whole = padded @ (1 << np.arange(13, -1, -1))
    signed = ((whole ^ 0x2000) - 0x2000).astype(order).view("<i2").reshape(-1, 2)
    samples = decoded(kept(tmp_path / "a.flac", signed, lead=12.0))
    expected = dts_decoded()
    assert len(samples) > 0.8 * len(expected)
    assert aligned_error(samples, expected[: len(samples)]) < 0.01


def test_dts_kept_with_24_bits_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.concatenate([np.zeros((44_100, 2)), DTS / 32768]), RATE, subtype="PCM_24")
    assert aligned_error(decoded(path), dts_decoded()) < 0.01


def test_ac3_in_alac_is_decoded(tmp_path: Path, ac3: tuple[Float32, np.ndarray]) -> None:
    source, coded = ac3
    path = write(tmp_path / "a.m4a", (coded / 32768).astype(np.float32), FORMS["alac"])
    assert aligned_error(decoded(path)[: 3 * RATE], source.mean(axis=1)) < 0.15


def test_coded_sound_that_cannot_be_decoded_is_no_noise_but_a_failure(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-32768, 32767, (40_000, 2), np.int16)
    noise[::1536] = np.array([0xF872, 0x4E1F], np.uint16).view(np.int16)
    with pytest.raises(AudioError, match="coded sound"):
        decoded(kept(tmp_path / "a.flac", noise))


@pytest.mark.parametrize(
    "samples",
    [
        np.random.default_rng(0).integers(-32768, 32767, (200_000, 2), np.int16),
        np.tile(np.array([[32766, -32767]], np.int16), (200_000, 1)),
        np.zeros((1000, 2), np.int16),
    ],
    ids=["noise", "square wave", "silence"],
)
def test_other_pcm_is_left_as_it_is(tmp_path: Path, samples: np.ndarray) -> None:
    path = kept(tmp_path / "a.wav", samples)
    plain = np.concatenate([block.samples for block in soundfile_blocks(os.fspath(path))])
    assert coded_form([(samples / 32768).astype(np.float32)]) is None
    assert len(decoded(path)) == len(plain)


def test_samples_become_the_words_that_they_were() -> None:
    whole = np.arange(-32768, 32768, dtype=np.int16).reshape(-1, 2)
    np.testing.assert_array_equal(
        words((whole / 32768).astype(np.float32)), whole.reshape(-1).view(np.uint16)
    )
