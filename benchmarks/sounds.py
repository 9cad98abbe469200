"""Real music cut, made quieter and encoded anew, for the programs that measure searching."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import numpy as np

from audiosim.audio.decode import decode_blocks
from audiosim.core.types import Float32


def decoded(path: str | bytes) -> tuple[Float32, int]:
    """A file's samples float32 (n,), mono, and their rate in Hz."""
    parts: list[Float32] = []
    rate = 0
    for block in decode_blocks(os.fsdecode(path)):
        if block is None:
            parts = []
        else:
            parts.append(block.samples)
            rate = block.sample_rate
    return np.concatenate(parts), rate


def encode(
    path: Path, samples: Float32, rate: int, *, codec: str, container: str, bit_rate: int, out_rate: int
) -> None:
    """Writes samples (n,), mono, through one of FFmpeg's encoders."""
    with av.open(str(path), "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=out_rate, layout="mono")
        stream.bit_rate = bit_rate
        size = stream.codec_context.frame_size or 0
        resampler = av.AudioResampler(
            format=stream.codec_context.format, layout="mono", rate=out_rate, frame_size=size
        )
        for start in range(0, len(samples), 65_536):
            block = np.ascontiguousarray(samples[None, start : start + 65_536], np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            for piece in resampler.resample(frame):
                out.mux(stream.encode(piece))
        for piece in resampler.resample(None):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
