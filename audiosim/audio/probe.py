"""What a file is, before decoding it: the identity of its audio, its length, its tags."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import av.error

from audiosim.audio.decode import Block, clearly_longer, goes_on, soundfile_blocks
from audiosim.audio.demux import open_demuxer
from audiosim.audio.events import UNKNOWN
from audiosim.audio.mixing import Mix
from audiosim.audio.setup_data import unusual_setup
from audiosim.audio.tags import ffmpeg_tags, read_tags
from audiosim.core.errors import AudioError
from audiosim.core.types import AudioInfo

DIGEST_BYTES = 16
READ_BLOCK = 1 << 20  # bytes

Tick = Callable[[], None]


class OutOfReachError(AudioError):
    """The file could not be read this time; that says nothing of its audio."""


@dataclass(frozen=True)
class _Identity:
    digest: str
    duration: float  # s
    sample_rate: int  # Hz
    channels: int
    codec: str
    packet_seconds: float = 0.0
    described: Mapping[str, str] = field(default_factory=dict)  # FFmpeg's tags


def probe(path: str, tick: Tick) -> AudioInfo:
    """Identify a file, reading it once.

    The digest is BLAKE2b-128 over codec, sample rate, channels and the demuxed audio packets, so
    that a new name or tag leaves it as it is; and over what else decides how these sound, where that is
    unusual. Where no demuxer reads the file it is taken over the decoded samples, and where no decoder
    does, over the file's bytes.

    Parameters
    ----------
    path : str
        The file, with surrogate escapes for what is not UTF-8.
    tick : callable
        Called again and again, as a sign of progress.

    Returns
    -------
    AudioInfo
        What is known of it without decoding.

    Raises
    ------
    OutOfReachError
        If there is no such file, or it may not be read.
    AudioError
        If it is empty or not a regular file.
    """
    try:
        with open(path, "rb", opener=_open_nonblocking) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise AudioError("not a regular file")
            if status.st_size == 0:
                raise AudioError("the file is empty")
            tick()
            identity = _identify(path, tick)
            tags = read_tags(file, identity.described)
    except OSError as error:
        raise OutOfReachError(unreadable(error)) from error
    return AudioInfo(
        digest=identity.digest,
        duration=identity.duration,
        sample_rate=identity.sample_rate,
        channels=identity.channels,
        codec=identity.codec,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        tags=tags,
        packet_seconds=identity.packet_seconds,
    )


def unreadable(error: OSError) -> str:
    """Say in one line why the system does not let us read a file."""
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return f"not readable ({error.strerror or error})"


def _identify(path: str, tick: Tick) -> _Identity:
    for identify in (_by_packets, _by_samples):
        try:
            return identify(path, tick)
        except AudioError:
            continue
    return _by_bytes(path, tick)


def _by_packets(path: str, tick: Tick) -> _Identity:
    with open_demuxer(path) as source:
        if source.codec is None:
            raise AudioError("there is no decoder for it")
        stream, context = source.stream, source.stream.codec_context
        rate, channels = context.sample_rate or 0, context.channels or 0
        state = hashlib.blake2b(f"{source.codec} {rate} {channels}\n".encode(), digest_size=DIGEST_BYTES)
        described = ffmpeg_tags(source.container, stream)
        ticks = 0
        try:
            for packet in source.container.demux(stream):
                state.update(packet)
                ticks += packet.duration or 0
                tick()
        except av.error.FFmpegError as error:
            raise AudioError("damaged") from error
        state.update(unusual_setup(source.codec, context.extradata or b""))
        duration = source.tick * (stream.duration if stream.duration and stream.duration > 0 else ticks)
        seconds = source.tick * ticks
    found = _Identity(state.hexdigest(), duration, rate, channels, source.codec, seconds, described)
    return _with_the_rest(path, found, tick) if goes_on(path, source.codec, seconds) else found


def _with_the_rest(path: str, found: _Identity, tick: Tick) -> _Identity:
    """A file of which libsndfile reads more than FFmpeg has packets of: the rest belongs to what it is."""
    state = hashlib.blake2b(f"{found.digest} and more\n".encode(), digest_size=DIGEST_BYTES)
    try:
        duration, _ = _update(state, soundfile_blocks(path), tick)
    except AudioError:
        return found  # so that FFmpeg's packets are decoded
    if not clearly_longer(duration, found.packet_seconds):
        return found
    return replace(found, digest=state.hexdigest(), duration=duration, packet_seconds=duration)


def _by_samples(path: str, tick: Tick) -> _Identity:
    """By the mean of the channels; where they cancel each other, by the mix that is decoded too."""
    state = hashlib.blake2b(b"decoded samples\n", digest_size=DIGEST_BYTES)
    plain = Mix()
    duration, rate = _update(state, soundfile_blocks(path, plain), tick)
    if (better := plain.better()) is not None:
        _update(state, soundfile_blocks(path, better), tick)
    return _Identity(state.hexdigest(), duration, rate, 1, "decoded")


def _update(state: hashlib.blake2b, blocks: Iterable[Block], tick: Tick) -> tuple[float, int]:
    """Adds samples to a digest; returns how long they last in s, and their rate in Hz."""
    duration, rate = 0.0, 0
    for block in blocks:
        rate = block.sample_rate
        duration += block.seconds
        state.update(block.samples.tobytes())
        tick()
    return duration, rate


def _by_bytes(path: str, tick: Tick) -> _Identity:
    state = hashlib.blake2b(b"bytes\n", digest_size=DIGEST_BYTES)
    read_through(path, tick, state.update)
    return _Identity(state.hexdigest(), 0.0, 0, 0, UNKNOWN)


def read_through(path: str, tick: Tick, take: Callable[[bytes], object] = len) -> None:
    """Read a file to its end.

    Parameters
    ----------
    path : str
        The file.
    tick : callable
        Called again and again, as a sign of progress.
    take : callable
        Is given each block of bytes.

    Raises
    ------
    OSError
        If the system can't read it all.
    """
    with open(path, "rb", opener=_open_nonblocking) as file:
        while block := file.read(READ_BLOCK):
            take(block)
            tick()


def _open_nonblocking(path: str, flags: int) -> int:
    """Opens without waiting for the other end of a FIFO."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
