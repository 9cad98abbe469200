"""Decoding to mono blocks: soundfile first, PyAV for what it doesn't read or refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import av
import av.error
import numpy as np
import soundfile

from audiosim.core.errors import AudioError
from audiosim.core.types import Float32

BLOCK = 65_536  # source frames in a block
MAX_DAMAGED = 0.1  # share of a file's packets that may fail to decode
MIN_RATE, MAX_RATE = 1000, 768_000  # Hz; a lower claim would turn seconds into days
SHORT_SHARE, SHORT_MARGIN = 0.99, 0.25  # of the expected duration; s
LONG_SHARE = 1.5  # of the expected duration; packets of real Vorbis files add up to 7 % less
# A file that claims to be a playlist must not make FFmpeg open anything else.
# Tags that are not UTF-8 must not make a file unreadable; from version 19 on PyAV sees to it.
LENIENT = {"metadata_errors": "surrogateescape"}
TOLERANT: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else LENIENT
OPEN_OPTIONS = {"protocol_whitelist": "file"}
NOT_READABLE = "not readable as audio"


@dataclass(frozen=True)
class Block:
    """Mono samples float32 (n,) at the source's rate in Hz."""

    samples: Float32
    sample_rate: int


@contextmanager
def open_demuxer(path: str) -> Iterator[tuple[Any, Any]]:
    """Open FFmpeg's container and first audio stream of a file.

    Raises
    ------
    AudioError
        If no demuxer reads it, or it has no audio stream.
    """
    try:
        container = av.open(path, options=OPEN_OPTIONS, **TOLERANT)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise AudioError(f"{NOT_READABLE} ({_short(error)})") from error
    with container:
        if not container.streams.audio:
            raise AudioError("there is no audio stream in it")
        yield container, container.streams.audio[0]


def soundfile_blocks(path: str) -> Iterator[Block]:
    """Decode a file through libsndfile.

    Raises
    ------
    AudioError
        If libsndfile does not read it, at once or at a damaged place.
    """
    try:
        with soundfile.SoundFile(_soundfile_name(path)) as file:
            _check_rate(file.samplerate)
            while len(data := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield Block(_mono(data), file.samplerate)
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError) as error:
        raise AudioError(f"{NOT_READABLE} ({_short(error)})") from error


def av_blocks(path: str) -> Iterator[Block]:
    """Decode a file's first audio stream through FFmpeg, leaving out packets that fail to decode.

    Raises
    ------
    AudioError
        If FFmpeg does not read it, has no decoder for it, or more than a tenth of its
        packets are damaged.
    """
    with open_demuxer(path) as (container, stream):
        if stream.codec_context is None:
            raise AudioError("there is no decoder for it")
        yield from _gathered(_av_frames(container, stream))


def decode_blocks(path: str, expected: float = 0.0) -> Iterator[Block | None]:
    """Decode a file through whichever decoder reads it to its end.

    libsndfile ends in silence where a stream changes its channels or rate, and reads on where
    another file was appended. A file is known by the packets that FFmpeg finds, so one that comes
    out shorter than these, or much longer, is read again through FFmpeg.

    Parameters
    ----------
    path : str
        The file.
    expected : float
        Its duration in s by its packets; 0 where that is not known.

    Yields
    ------
    Block or None
        Its samples; None when it starts again with the other decoder: what came before is void.

    Raises
    ------
    AudioError
        If no decoder reads it.
    """
    refusal: AudioError | None = None
    seconds = 0.0
    try:
        for block in soundfile_blocks(path):
            seconds += len(block.samples) / block.sample_rate
            yield block
    except AudioError as error:
        refusal = error
    shortest, longest = SHORT_SHARE * expected - SHORT_MARGIN, LONG_SHARE * expected + SHORT_MARGIN
    if refusal is None and shortest <= seconds and (seconds <= longest or expected == 0):
        return
    yield None
    try:
        yield from av_blocks(path)
    except AudioError as error:
        if refusal is not None:
            raise _more_telling(error, refusal) from error
        yield None
        yield from soundfile_blocks(path)


def _more_telling(error: AudioError, refusal: AudioError) -> AudioError:
    """FFmpeg's reason, unless it could not even open what libsndfile has something to say about."""
    unopened = error.reason.startswith(NOT_READABLE)
    return refusal if unopened and not refusal.reason.startswith(NOT_READABLE) else error


def _av_frames(container: Any, stream: Any) -> Iterator[Block]:
    convert = _Converter()
    packets = damaged = 0
    try:
        for packet in container.demux(stream):
            packets += 1
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                damaged += 1
                continue
            for frame in frames:
                yield from convert(frame)
    except av.error.FFmpegError as error:
        raise AudioError(f"damaged, no longer readable after {packets} packets ({_short(error)})") from error
    if damaged > MAX_DAMAGED * packets:
        raise AudioError(f"damaged: {damaged} of its {packets} packets could not be decoded")


class _Converter:
    """Mono blocks of FFmpeg's frames, whose layout and rate may change on the way.

    Interleaved first: PyAV reads past the end of planar frames of eight channels and more.
    """

    def __init__(self) -> None:
        self._form: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def __call__(self, frame: Any) -> Iterator[Block]:
        _check_rate(frame.sample_rate)
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            self._form = form
            self._resampler = av.AudioResampler(format="flt")  # changes the sample format only
        for packed in self._resampler.resample(frame):
            samples = packed.to_ndarray().reshape(-1, packed.layout.nb_channels)
            yield Block(_mono(samples), packed.sample_rate)


def _gathered(blocks: Iterator[Block]) -> Iterator[Block]:
    """Fewer, longer blocks; never across a change of rate."""
    parts: list[Float32] = []
    rate = 0
    for block in blocks:
        if parts and (block.sample_rate != rate or sum(map(len, parts)) >= BLOCK):
            yield Block(np.concatenate(parts), rate)
            parts = []
        parts.append(block.samples)
        rate = block.sample_rate
    if parts:
        yield Block(np.concatenate(parts), rate)


def _mono(data: Float32) -> Float32:
    """The mean of the channels, float32 (n,), of data (n, channels)."""
    mono = data[:, 0] if data.shape[1] == 1 else data.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise AudioError("damaged: it has samples that are not finite numbers")
    return np.ascontiguousarray(mono)


def _check_rate(rate: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"its header claims a sample rate of {rate} Hz")


def _soundfile_name(path: str) -> bytes | str:
    return path if os.name == "nt" else os.fsencode(path)


def _short(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or getattr(error, "error_string", None) or str(error)
    return " ".join(text.replace("\\x00", "").split()) or type(error).__name__
