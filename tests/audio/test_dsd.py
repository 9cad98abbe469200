"""DSD files, as SACDs are kept: one bit a sample, at 64 to 1024 times a CD's rate."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from fake_encoder import FakeEncoder

from audiosim.audio.decode import decode_blocks
from audiosim.audio.events import Embedded
from audiosim.audio.probe import probe
from audiosim.core.types import Float32, Float64
from audiosim.encoders.pooling import pool
from audiosim.extract import embed_files

pytestmark = pytest.mark.slow

CD = 44_100  # Hz
BLOCK = 4096  # bytes of a channel in a .dsf
AMPLITUDE, FREQUENCY = 0.4, 440.0


def bits(signal: Float64) -> npt.NDArray[np.uint8]:
    """Sigma-delta modulation of the first order: a 0 or 1 for each sample of -1 to 1."""
    return np.diff(np.floor(np.cumsum((signal + 1) / 2)), prepend=0).astype(np.uint8)


def sine(rate: int, seconds: float = 0.25) -> Float64:
    return AMPLITUDE * np.sin(2 * np.pi * FREQUENCY * np.arange(int(seconds * rate)) / rate)


def write_dsf(path: Path, channels: list[Float64], rate: int) -> Path:
    packed = [np.packbits(bits(channel), bitorder="little").tobytes() for channel in channels]
    starts = range(0, len(packed[0]), BLOCK)
    data = b"".join(part[start : start + BLOCK].ljust(BLOCK, b"\x69") for start in starts for part in packed)
    count, samples = len(channels), len(channels[0])
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, count, count, rate, 1, samples, BLOCK, 0)
    head = struct.pack("<4sQQQ", b"DSD ", 28, 28 + 52 + 12 + len(data), 0)
    path.write_bytes(head + form + struct.pack("<4sQ", b"data", 12 + len(data)) + data)
    return path


def write_dff(path: Path, channels: list[Float64], rate: int) -> Path:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">4sQ", name, len(body)) + body + bytes(len(body) % 2)

    data = np.stack([np.packbits(bits(channel)) for channel in channels], axis=1).tobytes()
    names = b"".join([b"SLFT", b"SRGT"][: len(channels)])
    properties = (
        b"SND "
        + chunk(b"FS  ", struct.pack(">I", rate))
        + chunk(b"CHNL", struct.pack(">H", len(channels)) + names)
        + chunk(b"CMPR", b"DSD \x0enot compressed\0")
    )
    body = b"DSD " + chunk(b"FVER", b"\x01\x05\0\0") + chunk(b"PROP", properties) + chunk(b"DSD ", data)
    path.write_bytes(chunk(b"FRM8", body))
    return path


@pytest.mark.parametrize("write", [write_dsf, write_dff], ids=["dsf", "dff"])
@pytest.mark.parametrize("rate", [64 * CD, 128 * CD, 256 * CD, 512 * CD, 512 * 48_000, 1024 * 48_000])
def test_dsd_of_every_rate_is_decoded(
    tmp_path: Path, write: Callable[[Path, list[Float64], int], Path], rate: int
) -> None:
    path = write(tmp_path / "a.dsf", [sine(rate)] * 2, rate)
    info = probe(str(path), lambda: None)
    assert (info.sample_rate, info.channels) == (rate // 8, 2)
    blocks = [block for block in decode_blocks(str(path), info.packet_seconds) if block is not None]
    samples: Float32 = np.concatenate([block.samples for block in blocks])
    assert {block.sample_rate for block in blocks} == {rate // 8}
    assert len(samples) / (rate // 8) == pytest.approx(0.25, abs=0.02)
    inner = slice(len(samples) // 4, len(samples) // 2)
    time = np.arange(len(samples))[inner] / (rate // 8)
    found = 2 * abs(np.exp(-2j * np.pi * FREQUENCY * time) @ samples[inner]) / len(time)
    assert found == pytest.approx(AMPLITUDE, rel=0.05)


def test_dsd_of_all_rates_gives_the_same_vectors(tmp_path: Path) -> None:
    rates = [multiple * CD for multiple in (64, 256, 512)]
    paths = [write_dsf(tmp_path / f"{rate}.dsf", [sine(rate, 1.1)], rate) for rate in rates]
    events = embed_files(map(os.fsencode, paths), FakeEncoder(), jobs=1)
    vectors = [pool(event.frames).vector for event in events if isinstance(event, Embedded)]
    assert len(vectors) == 3
    assert min(vectors[0] @ vectors[1], vectors[1] @ vectors[2]) > 0.999
