from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audio_files import encode, music, rms

from audiosim.audio.decode import decode_blocks
from audiosim.audio.probe import probe
from audiosim.audio.setup_data import unusual_setup
from audiosim.core.types import Float64

RATE = 44_100


def sound(path: Path) -> tuple[str, Float64]:
    """The digest of a file, and its samples."""
    info = probe(str(path), lambda: None)
    blocks = [block for block in decode_blocks(str(path), info.packet_seconds) if block is not None]
    return info.digest, np.concatenate([block.samples for block in blocks]).astype(np.float64)


@pytest.mark.parametrize(
    "data",
    [
        "",  # in ADTS
        "1210",  # 44.1 kHz, stereo
        "121056e500",  # the same, by FFmpeg: no SBR follows
        "2b920800",  # SBR, 22.05 to 44.1 kHz
        "eb8a0800",  # PS
        "1780562210",  # the rate in Hz, spelt out
    ],
)
def test_the_usual_setup_of_aac_leaves_digests_as_they_are(data: str) -> None:
    assert unusual_setup("aac", bytes.fromhex(data)) == b""


@pytest.mark.parametrize(
    "data",
    [
        "1214",  # frames of 960 samples
        "0a10",  # AAC Main
        "2a120800",  # SBR from 44.1 to 44.1 kHz
        "f8e84000",  # ELD
    ],
)
def test_an_unusual_setup_of_aac_belongs_to_the_digest(data: str) -> None:
    assert unusual_setup("aac", bytes.fromhex(data)) == bytes.fromhex(data)


def test_other_codecs_have_no_setup_that_counts() -> None:
    assert unusual_setup("vorbis", b"comments") == unusual_setup("flac", bytes(34)) == b""
    assert unusual_setup("opus", b"") == unusual_setup("alac", b"") == b""


def test_the_same_aac_packets_in_frames_of_another_length_are_another_sound(tmp_path: Path) -> None:
    usual = encode(tmp_path / "a.m4a", music(2.0, RATE, channels=2), RATE, "aac", "ipod")
    odd = tmp_path / "b.m4a"
    data = usual.read_bytes()
    assert data.count(bytes.fromhex("121056e500")) == 1
    odd.write_bytes(data.replace(bytes.fromhex("121056e500"), bytes.fromhex("121456e500")))
    assert sound(usual)[0] != sound(odd)[0]
    assert len(sound(usual)[1]) > len(sound(odd)[1])


def test_the_same_opus_packets_with_a_gain_are_another_sound(tmp_path: Path) -> None:
    usual = encode(tmp_path / "a.mka", music(2.0, 48_000, channels=2), 48_000, "libopus", "matroska")
    odd = tmp_path / "b.mka"
    data = bytearray(usual.read_bytes())
    place = data.index(b"OpusHead") + 16
    data[place : place + 2] = (6 * 256).to_bytes(2, "little")  # dB / 256
    odd.write_bytes(data)
    (first, plain), (second, louder) = sound(usual), sound(odd)
    assert first != second
    assert rms(louder) == pytest.approx(2 * rms(plain), rel=0.01)


def test_the_same_alac_packets_with_other_parameters_are_another_sound(tmp_path: Path) -> None:
    usual = encode(tmp_path / "a.m4a", music(2.0, RATE, channels=2), RATE, "alac", "ipod")
    odd = tmp_path / "b.m4a"
    data = usual.read_bytes()
    assert data.count(bytes([40, 10, 14, 2])) == 1
    odd.write_bytes(data.replace(bytes([40, 10, 14, 2]), bytes([40, 10, 13, 2])))
    assert probe(str(usual), lambda: None).digest != probe(str(odd), lambda: None).digest
