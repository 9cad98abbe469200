"""Decoding to blocks, mono mostly: soundfile where it and FFmpeg mean the same by a file, PyAV elsewhere."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import av
import av.error
import numpy as np
import soundfile

from audiosim.audio.coded_pcm import LOSSLESS, CodedForm, WordStream, coded_form
from audiosim.audio.demux import NOT_READABLE, open_demuxer, short
from audiosim.audio.mixing import Channels, Mix, Mixing
from audiosim.core.errors import AudioError
from audiosim.core.types import Float32

BLOCK = 65_536  # source frames in a block
MAX_DAMAGED = 0.1  # share of a file's packets that may fail to decode
# Hz; a lower claim would turn seconds into days; FFmpeg gives DSD1024 at an eighth of its 49 MHz
MIN_RATE, MAX_RATE = 1000, 6_144_000
SHORT_SHARE, SHORT_MARGIN = 0.99, 0.25  # of the expected duration; s
LONG_SHARE = 1.5  # of the expected duration; packets of real Vorbis files add up to 7 % less
EXACT = ("pcm_", "adpcm_", "gsm")  # codecs whose packets tell their durations exactly
# FFmpeg's names of what libsndfile decodes, by its own; both begin like this
CODECS = {
    "PCM_": ("pcm_s", "pcm_u", "flac"),
    "FLOAT": ("pcm_f",),
    "DOUBLE": ("pcm_f",),
    "ULAW": ("pcm_mulaw",),
    "ALAW": ("pcm_alaw",),
    "IMA_ADPCM": ("adpcm_ima",),
    "MS_ADPCM": ("adpcm_ms",),
    "G72": ("adpcm_g72",),
    "GSM": ("gsm",),
    "NMS_ADPCM": ("amr_nb",),  # one number in a WAV has both meanings, and libsndfile's is the likelier
    "VORBIS": ("vorbis",),
    "OPUS": ("opus",),
    "MPEG_LAYER": ("mp1", "mp2", "mp3"),
    "ALAC": ("alac",),
}

Mixer = Callable[[Float32], Float32]


@dataclass(frozen=True)
class Block:
    """Samples at the source's rate in Hz: float32 (n,) of a mix, (n, channels) where they stay apart."""

    samples: Float32
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.sample_rate


Decoder = Callable[[str, Mixer], Iterator[Block]]


def soundfile_blocks(path: str, mix: Mixer | None = None) -> Iterator[Block]:
    """Decode a file through libsndfile, to the plain mean of its channels or as `mix` does.

    Raises
    ------
    AudioError
        If libsndfile does not read it, at once or at a damaged place.
    """
    mix = mix or Mix()
    try:
        with soundfile.SoundFile(_soundfile_name(path)) as file:
            _check_rate(file.samplerate)
            while len(data := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield Block(mix(data), file.samplerate)
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError) as error:
        raise AudioError(f"{NOT_READABLE} ({short(error)})") from error


def av_blocks(path: str, mix: Mixer | None = None) -> Iterator[Block]:
    """Decode a file's chosen audio stream through FFmpeg, leaving out packets that fail to decode.

    Raises
    ------
    AudioError
        If FFmpeg does not read it, has no decoder for it, or more than a tenth of its
        packets are damaged.
    """
    with open_demuxer(path) as source:
        if source.codec is None:
            raise AudioError("there is no decoder for it")
        yield from _gathered(_av_frames(source.container, source.stream, mix or Mix()))


def decode_blocks(
    path: str, expected: float = 0.0, *, mixing: Mixing = "best", until: float = math.inf
) -> Iterator[Block | None]:
    """Decode a file through whichever decoder reads it to its end, to a mix that keeps its music.

    Where FFmpeg and libsndfile mean different things by a file, FFmpeg decodes it: libsndfile takes
    DTS in a WAV for PCM. libsndfile ends in silence where a stream changes its channels or rate, and
    reads on where another file was appended. A file is known by the packets that FFmpeg finds, so one
    that comes out shorter than these, or much longer, is read again through FFmpeg.

    Parameters
    ----------
    path : str
        The file.
    expected : float
        Its duration in s by its packets; 0 where that is not known.
    mixing : {"best", "mean", "none"}
        What becomes of channels: a mix that keeps the music; their mean, though they cancel each other; or
        nothing, and blocks are (n, channels).
    until : float
        How much of it is wanted, in s; the mix is chosen by that much.

    Yields
    ------
    Block or None
        Its samples; None when it starts again with another decoder or mix: what came before is void.

    Raises
    ------
    AudioError
        If no decoder reads it.
    """
    decoder, mix = yield from _decoded(path, expected, until, Channels if mixing == "none" else Mix)
    better = mix.better() if mixing == "best" and isinstance(mix, Mix) else None
    if better is not None:
        yield None
        yield from _beginning(decoder(path, better), until)


def _decoded(
    path: str, expected: float, until: float, begin: Callable[[], Mix | Channels]
) -> Generator[Block | None, None, tuple[Decoder, Mix | Channels]]:
    """Gives blocks, mixed anew by each decoder; returns that which went to the file's end, and its mix."""
    codec, shared = _identified(path)
    refusal: AudioError | None = None
    if shared:
        decoder, mix, seconds = _unwrapped(path, soundfile_blocks, codec), begin(), 0.0
        try:
            for block in _beginning(decoder(path, mix), until):
                seconds += block.seconds
                yield block
            if decoder is not soundfile_blocks or seconds >= until or _fits(seconds, expected):
                return decoder, mix
        except AudioError as error:
            refusal = error
        yield None
    decoder, mix = _unwrapped(path, av_blocks, codec), begin()
    try:
        yield from _beginning(decoder(path, mix), until)
        return decoder, mix
    except AudioError as error:
        if refusal is not None:
            raise _more_telling(error, refusal) from error
        if not shared:
            raise
    yield None
    decoder, mix = soundfile_blocks, begin()
    yield from _beginning(decoder(path, mix), until)
    return decoder, mix


def _identified(path: str) -> tuple[str, bool]:
    """What FFmpeg calls the codec, "" if it has no name for it, and whether libsndfile may decode it."""
    try:
        with open_demuxer(path) as source:
            codec, alone = source.codec, source.alone
    except AudioError:
        return "", True
    try:
        with soundfile.SoundFile(_soundfile_name(path)) as file:
            return codec or "", codec is None or (alone and means_the_same(file.subtype, codec))
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError):
        return codec or "", codec is None


def means_the_same(subtype: str, codec: str) -> bool:
    """Tell whether libsndfile's subtype and FFmpeg's codec are names of one thing."""
    return any(subtype.startswith(ours) and codec.startswith(theirs) for ours, theirs in CODECS.items())


def _unwrapped(path: str, decoder: Decoder, codec: str) -> Decoder:
    """The decoder itself, or one of the coded sound that lies in the PCM which this one gives."""
    form: CodedForm | None = None
    if codec.startswith(LOSSLESS):
        with suppress(AudioError):  # which comes again when it is decoded
            form = coded_form(block.samples for block in decoder(path, _channels))
    return decoder if form is None else partial(_coded_blocks, decoder, form)


def _coded_blocks(decoder: Decoder, form: CodedForm, path: str, mix: Mixer) -> Iterator[Block]:
    words = WordStream(block.samples for block in decoder(path, _channels))
    try:
        with av.open(words, format=form) as container:
            yield from _gathered(_av_frames(container, container.streams.audio[0], mix))
    except (av.error.FFmpegError, IndexError) as error:
        raise AudioError(f"it holds coded sound ({form}) that can't be decoded ({short(error)})") from error


def _channels(data: Float32) -> Float32:
    return data


def goes_on(path: str, codec: str, seconds: float) -> bool:
    """Tell whether libsndfile finds clearly more in a file than `seconds` of FFmpeg's packets."""
    if not codec.startswith(EXACT) or not seconds:
        return False
    try:
        with soundfile.SoundFile(_soundfile_name(path)) as file:
            there = file.frames / file.samplerate
            return means_the_same(file.subtype, codec) and clearly_longer(there, seconds)
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError):
        return False


def clearly_longer(seconds: float, expected: float) -> bool:
    """Tell whether so much can't be what `expected` s of packets were, give or take what codecs add."""
    return seconds > expected / SHORT_SHARE + SHORT_MARGIN


def _fits(seconds: float, expected: float) -> bool:
    """Whether so much was decoded as the packets told."""
    shortest, longest = SHORT_SHARE * expected - SHORT_MARGIN, LONG_SHARE * expected + SHORT_MARGIN
    return shortest <= seconds and (seconds <= longest or expected == 0)


def _beginning(blocks: Iterator[Block], until: float) -> Iterator[Block]:
    """The blocks up to the one that reaches `until` s."""
    seconds = 0.0
    for block in blocks:
        yield block
        seconds += block.seconds
        if seconds >= until:
            return


def _more_telling(error: AudioError, refusal: AudioError) -> AudioError:
    """FFmpeg's reason, unless it could not even open what libsndfile has something to say about."""
    unopened = error.reason.startswith(NOT_READABLE)
    return refusal if unopened and not refusal.reason.startswith(NOT_READABLE) else error


def _av_frames(container: Any, stream: Any, mix: Mixer) -> Iterator[Block]:
    convert = _Converter(mix)
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
        raise AudioError(f"damaged, no longer readable after {packets} packets ({short(error)})") from error
    if damaged > MAX_DAMAGED * packets:
        raise AudioError(f"damaged: {damaged} of its {packets} packets could not be decoded")


class _Converter:
    """Blocks of FFmpeg's frames, whose layout and rate may change on the way.

    Interleaved first: PyAV reads past the end of planar frames of eight channels and more.
    """

    def __init__(self, mix: Mixer) -> None:
        self._mix = mix
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
            yield Block(self._mix(samples), packed.sample_rate)


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


def _check_rate(rate: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"its header claims a sample rate of {rate} Hz")


def _soundfile_name(path: str) -> bytes | str:
    return path if os.name == "nt" else os.fsencode(path)
