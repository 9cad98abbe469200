from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from audio_files import aligned_error, encode, music

from audiosim.audio.decode import decode_blocks
from audiosim.audio.probe import probe
from audiosim.core.types import AudioInfo, Float32

pytestmark = pytest.mark.slow

RATE = 44_100


def identify(path: Path) -> AudioInfo:
    return probe(str(path), lambda: None)


def decoded(path: Path) -> Float32:
    blocks: list[Float32] = []
    for block in decode_blocks(str(path), identify(path).packet_seconds):
        blocks = [] if block is None else [*blocks, block.samples]
    return np.concatenate(blocks)


def several(path: Path, container: str, codec: str, seeds: list[int], dispositions: list[str]) -> Path:
    """A file with an audio stream for each seed, marked so."""
    sources = [music(2.0, RATE, channels=2, seed=seed) for seed in seeds]
    with av.open(str(path), "w", format=container) as file:
        streams: list[Any] = []
        for disposition in dispositions:
            stream: Any = file.add_stream(codec, rate=RATE)
            stream.layout = "stereo"
            stream.disposition = av.stream.Disposition[disposition] if disposition else 0
            streams.append(stream)
        for start in range(0, 2 * RATE, 1024):
            for source, stream in zip(sources, streams, strict=True):
                part = np.ascontiguousarray(source[start : start + 1024])
                frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="flt", layout="stereo")
                frame.sample_rate, frame.pts = RATE, start
                converted = av.AudioResampler(format=stream.format, layout="stereo", rate=RATE).resample(
                    frame
                )
                for packed in converted:
                    packed.pts = start
                    file.mux(stream.encode(packed))
        for stream in streams:
            file.mux(stream.encode(None))
    return path


KEPT = [["", "default", ""], ["default", "", ""], ["", "", "default"], ["default", "default", ""]]
MATROSKA = [*KEPT, ["", "", ""], ["visual_impaired", "", ""], ["visual_impaired", "default", "default"]]


@pytest.mark.parametrize(
    ("container", "codec", "dispositions"),
    [("matroska", "pcm_s16le", marks) for marks in MATROSKA]
    + [(container, "aac", marks) for container in ("mp4", "mov") for marks in KEPT],
)
def test_the_stream_that_players_take_is_identified_and_decoded(
    tmp_path: Path, container: str, codec: str, dispositions: list[str]
) -> None:
    path = several(tmp_path / f"a.{container}", container, codec, [1, 2, 3], dispositions)
    expected = dispositions.index("default") if "default" in dispositions else dispositions.index("")
    source = music(2.0, RATE, channels=2, seed=expected + 1).mean(axis=1)
    assert aligned_error(decoded(path), source) < 0.15
    alone = several(tmp_path / "b", container, codec, [expected + 1], ["default"])
    assert identify(path).digest == identify(alone).digest


def patched(path: Path, timescale: int, header: bytes = b"mdhd") -> Path:
    """An MP4 whose media (or movie) header names another clock, in ticks a second."""
    data = bytearray(path.read_bytes())
    place = data.index(header) + 16
    data[place : place + 4] = timescale.to_bytes(4, "big")
    target = path.with_name(f"patched{path.suffix}")
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("timescale", [0, 1, 10, 4410, 441_000, 0xFFFFFFFF])
@pytest.mark.parametrize("codec", ["aac", "alac", "pcm_s16le"])
def test_an_mp4_whose_clock_is_wrong_is_decoded_whole(tmp_path: Path, codec: str, timescale: int) -> None:
    source = music(4.0, RATE, channels=2)
    container = "mov" if codec.startswith("pcm") else "ipod"
    right = encode(tmp_path / "a.m4a", source, RATE, codec, container)
    wrong = patched(right, timescale)
    assert aligned_error(decoded(wrong)[: 4 * RATE], source.mean(axis=1)) < 0.15
    assert identify(wrong).duration == pytest.approx(4.0, abs=0.1)
    assert identify(wrong).digest == identify(right).digest


@pytest.mark.parametrize("factor", [1, 2, 10])
def test_an_mp4_with_an_unusual_clock_that_is_right_keeps_its_edit_list(tmp_path: Path, factor: int) -> None:
    path = encode(tmp_path / "a.m4a", music(4.0, RATE, channels=2), RATE, "aac", "ipod")
    data = bytearray(path.read_bytes())
    mdhd, elst, stts = data.index(b"mdhd"), data.index(b"elst"), data.index(b"stts")
    deltas = [stts + 16 + 8 * entry for entry in range(data[stts + 11])]
    for place in (mdhd + 16, mdhd + 20, elst + 16, *deltas):
        data[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") * factor).to_bytes(4, "big")
    data[elst + 12 : elst + 16] = (2000).to_bytes(4, "big")  # ms of it are to be played
    path.write_bytes(data)
    assert 1.7 * RATE < len(decoded(path)) < 2.1 * RATE
