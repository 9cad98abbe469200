"""What a decoding process and its parent say to each other, over pipes; never pickled.

A message is a kind (one byte), a length (4 bytes) and a payload: JSON, or samples.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from enum import Enum
from typing import Any, BinaryIO

import numpy as np

from audiosim.core.types import AudioInfo, Float32, Tags

HEADER = struct.Struct("<cI")
CHANNELS = struct.Struct("<I")  # before samples: how many there are side by side; 0 for a mix


class Kind(bytes, Enum):
    """Kinds of message; the first two come from the parent."""

    JOB = b"J"  # {"path", "sample_rate", "resampler", "mixing", "until"}: probe this file
    ANSWER = b"?"  # true or false: whether to decode it
    READY = b"R"  # the process can take jobs
    PROBED = b"P"  # AudioInfo
    TICK = b"T"  # still at work
    SAMPLES = b"S"  # channels, then float32 samples at the rate asked for
    RESTARTED = b"X"  # the samples so far are void
    ENDED = b"E"  # {"duration", "seconds", "fingerprint"}: the file is decoded
    FAILED = b"F"  # {"reason", "cause"}


def send(pipe: BinaryIO, kind: Kind, payload: bytes = b"") -> None:
    """Write one message."""
    pipe.write(HEADER.pack(kind.value, len(payload)))
    pipe.write(payload)
    pipe.flush()


def send_json(pipe: BinaryIO, kind: Kind, value: Any) -> None:
    """Write one message of JSON; surrogate escapes survive."""
    send(pipe, kind, json.dumps(value).encode("ascii"))


def send_samples(pipe: BinaryIO, samples: Float32) -> None:
    """Write one message of samples, (n,) or (n, channels)."""
    channels = CHANNELS.pack(samples.shape[1] if samples.ndim == 2 else 0)
    send(pipe, Kind.SAMPLES, channels + np.ascontiguousarray(samples, np.float32).tobytes())


def receive(pipe: BinaryIO) -> tuple[Kind, bytes]:
    """Read one message.

    Raises
    ------
    EOFError
        If the other side is gone.
    """
    header = _read(pipe, HEADER.size)
    kind, length = HEADER.unpack(header)
    return Kind(kind), _read(pipe, length)


def info_to_json(info: AudioInfo) -> dict[str, Any]:
    """Turn an `AudioInfo` into JSON values."""
    return asdict(info)


def info_from_json(payload: bytes) -> AudioInfo:
    """Read the `AudioInfo` of a PROBED message."""
    data = json.loads(payload)
    return AudioInfo(**{**data, "tags": Tags(**data["tags"])})


def samples_from(payload: bytes) -> Float32:
    """Read the samples of a SAMPLES message, float32 (n,) or (n, channels)."""
    (channels,) = CHANNELS.unpack_from(payload)
    samples: Float32 = np.frombuffer(payload, np.float32, offset=CHANNELS.size)
    return samples.reshape(-1, channels) if channels else samples


def _read(pipe: BinaryIO, length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
