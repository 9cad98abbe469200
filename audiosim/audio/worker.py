"""A decoding process: reads jobs from stdin, writes messages to stdout.

It imports neither TensorFlow nor chromadb, and whatever a decoder does to it, hanging and
crashing included, costs the one file it has in hand.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from typing import BinaryIO, cast

from audiosim.audio.decode import Block, decode_blocks
from audiosim.audio.fingerprint import Fingerprinter
from audiosim.audio.messages import Kind, info_to_json, receive, send, send_json, send_samples
from audiosim.audio.mixing import Mixing
from audiosim.audio.probe import OutOfReachError, probe, read_through, unreadable
from audiosim.audio.resample import Resampler, make_resampler
from audiosim.core.errors import AudioError
from audiosim.core.types import AudioInfo, Float32, ResamplerName

TICK_INTERVAL = 1.0  # s
OUT_OF_MEMORY = "it ran out of memory"


def main() -> None:
    """Serve jobs until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    jobs, out = sys.stdin.buffer, _private_stdout()
    send(out, Kind.READY)
    try:
        while True:
            kind, payload = receive(jobs)
            if kind is Kind.JOB:
                _serve(json.loads(payload), jobs, out)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # nothing of ours to clean up, and the pipes are gone


def _private_stdout() -> BinaryIO:
    """Stdout for messages alone: whatever a decoder library prints goes nowhere."""
    private = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    return os.fdopen(private, "wb")


def _serve(job: dict[str, object], jobs: BinaryIO, out: BinaryIO) -> None:
    path = os.fsdecode(bytes.fromhex(cast("str", job["path"])))
    try:
        info = probe(path, _Ticker(out).tick)
        send_json(out, Kind.PROBED, info_to_json(info))
        _, answer = receive(jobs)
        if json.loads(answer):
            rate, name = cast("int", job["sample_rate"]), cast("ResamplerName", job["resampler"])
            mixing, until = cast("Mixing", job["mixing"]), cast("float", job["until"])
            start = time.process_time()
            blocks = decode_blocks(path, info.packet_seconds, mixing=mixing, until=until)
            listener = Fingerprinter if mixing == "best" else _Deaf
            duration, fingerprint = _send(blocks, rate, name, listener, out)
            _check_unchanged(path, info)
            seconds = time.process_time() - start
            ended = {"duration": duration, "seconds": seconds, "fingerprint": fingerprint.hex()}
            send_json(out, Kind.ENDED, ended)
    except OutOfReachError as error:
        send_json(out, Kind.FAILED, {"reason": error.reason, "cause": "file"})
    except AudioError as error:
        _send_failure(path, error, out)
    except (EOFError, BrokenPipeError):
        raise
    except OSError as error:
        send_json(out, Kind.FAILED, {"reason": unreadable(error), "cause": "file"})
    except Exception as error:  # a defect of ours or a decoder's: this file's failure, no more
        what = OUT_OF_MEMORY if _lacked_memory(error) else f"{type(error).__name__}: {error}"
        send_json(out, Kind.FAILED, {"reason": f"the decoder failed ({what})", "cause": "decoder"})


def _send_failure(path: str, error: AudioError, out: BinaryIO) -> None:
    """Why audio can't be used: unless it was for want of memory, or can't be read from its disk."""
    if _lacked_memory(error):
        send_json(out, Kind.FAILED, {"reason": f"the decoder failed ({OUT_OF_MEMORY})", "cause": "decoder"})
        return
    try:
        if os.path.isfile(path):
            read_through(path, _Ticker(out).tick)
    except OSError as reading:
        send_json(out, Kind.FAILED, {"reason": unreadable(reading), "cause": "file"})
    else:
        send_json(out, Kind.FAILED, {"reason": error.reason, "cause": "audio"})


def _lacked_memory(error: BaseException) -> bool:
    """Whether an error came of one that says so."""
    seen: list[BaseException | None] = [None]
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
    return any(isinstance(one, MemoryError) for one in seen)


def _send(
    blocks: Iterable[Block | None],
    rate: int,
    name: ResamplerName,
    listener: type[Fingerprinter],
    out: BinaryIO,
) -> tuple[float, bytes]:
    """Sends a file's samples at `rate`; returns its duration in s, and its fingerprint."""
    resampler: Resampler | None = None
    fingerprinter = listener()
    source = 0
    duration, sent = 0.0, 0
    for block in blocks:
        if block is None:
            send(out, Kind.RESTARTED)
            resampler, duration, sent = None, 0.0, 0
            fingerprinter = listener()
            continue
        if resampler is None or block.sample_rate != source:
            sent += _send_samples(out, resampler.finish()) if resampler else 0
            source = block.sample_rate
            resampler = make_resampler(name, source, rate, *block.samples.shape[1:])
        duration += block.seconds
        sent += _send_samples(out, resampler.push(block.samples))
        fingerprinter.push(block.samples, source)
    if resampler is not None:
        sent += _send_samples(out, resampler.finish())
    if sent == 0:
        raise AudioError(f"there is no sound in it (not one sample at {rate} Hz)")
    return duration, fingerprinter.finish()


def _send_samples(out: BinaryIO, samples: Float32) -> int:
    if len(samples):
        send_samples(out, samples)
    return len(samples)


class _Deaf(Fingerprinter):
    """Makes no fingerprint."""

    def push(self, samples: Float32, sample_rate: int) -> None:
        pass

    def finish(self) -> bytes:
        return b""


def _check_unchanged(path: str, info: AudioInfo) -> None:
    status = os.stat(path)
    if (status.st_size, status.st_mtime_ns) != (info.size, info.mtime_ns):
        raise OutOfReachError("it changed while it was read; the next run tries again")


class _Ticker:
    """Tells the parent now and then that a long file is still being read."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._last = time.monotonic()

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._last >= TICK_INTERVAL:
            self._last = now
            send(self._out, Kind.TICK)


if __name__ == "__main__":
    main()
