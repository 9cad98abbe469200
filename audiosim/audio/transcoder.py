"""The process that makes a FLAC of one file, for those who can't play the file itself."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from contextlib import suppress
from typing import Any, cast

import av
import av.error

from audiosim.audio.demux import open_demuxer
from audiosim.audio.playable import LIMIT
from audiosim.core.errors import AudioError

RATES = (44_100, 48_000)  # Hz, of what is made
MOST = 2**30  # bytes of samples that are made


def main() -> None:
    """Make what is asked for on stdin; say on stdout what went wrong."""
    path, output = (os.fsdecode(bytes.fromhex(word)) for word in json.loads(sys.stdin.buffer.read()))
    try:
        _transcode(path, output)
    except (AudioError, av.error.FFmpegError, OSError, ValueError) as error:
        with suppress(OSError):
            os.unlink(output)
        reason = error.reason if isinstance(error, AudioError) else str(error)
        sys.stdout.write(" ".join(reason.split()))


def _transcode(path: str, output: str) -> None:
    deadline = time.monotonic() + LIMIT
    with open_demuxer(path) as source, av.open(output, "w", format="flac") as made:
        if source.codec is None:
            raise AudioError("there is no decoder for it")
        rate = _rate(source.stream.rate or RATES[0])
        stream = cast("Any", made.add_stream("flac", rate=rate))
        layout = "mono" if source.stream.channels == 1 else "stereo"
        stream.layout, stream.format = layout, "s16"
        converter = av.AudioResampler("s16", layout, rate, frame_size=4096)
        frames = 0
        for packet in source.container.demux(source.stream):
            with suppress(av.error.FFmpegError, ValueError):  # a damaged packet is left out
                for frame in packet.decode():
                    frame.pts = None
                    frames += _encode(stream, made, converter.resample(frame))
            if frames * 4 > MOST or time.monotonic() > deadline:
                raise AudioError("it is too long")
        frames += _encode(stream, made, converter.resample(None))
        if not frames:
            raise AudioError("there is no sound in it")
        made.mux(stream.encode(None))


def _encode(stream: Any, made: Any, frames: Any) -> int:
    count = 0
    for frame in frames:
        made.mux(stream.encode(frame))
        count += frame.samples
    return count


def _rate(source: int) -> int:
    """A rate that all play: the source's, or the one that it is a multiple of."""
    if source in RATES:
        return source
    return next((rate for rate in RATES if math.gcd(source, rate) == rate), RATES[1])


if __name__ == "__main__":
    main()
