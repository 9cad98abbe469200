"""FFmpeg's view of a file: which of its audio streams is meant, and what its clock is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import av
import av.error
from av.stream import Disposition

from audiosim.core.errors import AudioError

# Tags that are not UTF-8 must not make a file unreadable; from version 19 on PyAV sees to it.
LENIENT = {"metadata_errors": "surrogateescape"}
TOLERANT: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else LENIENT
# A file that claims to be a playlist must not make FFmpeg open anything else.
OPEN_OPTIONS = {"protocol_whitelist": "file"}
NO_EDIT_LIST = {"ignore_editlist": "1"}
NOT_READABLE = "not readable as audio"
USUAL_CLOCKS = (0.5, 1.0, 2.0)  # of an MP4, in ticks a sample; 0.5 and 2 where AAC doubles its rate
PACKETS = 5  # that are compared with an unusual clock
MAX_DRIFT = 4.0  # times as long or as short as its samples a packet may claim to be
IMPAIRED = Disposition.visual_impaired | Disposition.hearing_impaired


@dataclass(frozen=True)
class Source:
    """A file that FFmpeg has open.

    ``stream`` is the audio stream that players take; ``alone``, whether it is the only one; ``tick`` the unit
    of its times in s.
    """

    container: Any
    stream: Any
    alone: bool
    tick: float

    @property
    def codec(self) -> str | None:
        """FFmpeg's name of the stream's codec; None where it has no decoder for it."""
        context = self.stream.codec_context
        return None if context is None else str(context.codec.canonical_name)


@contextmanager
def open_demuxer(path: str) -> Iterator[Source]:
    """Open a file and the audio stream in it that players take.

    Raises
    ------
    AudioError
        If no demuxer reads it, or it has no audio stream.
    """
    with ExitStack() as stack:
        source = _source(stack.enter_context(_opened(path, OPEN_OPTIONS)))
        drift = _drift(path, source)
        if not 1 / MAX_DRIFT <= drift <= MAX_DRIFT:
            # by such a clock its edit list would cut off what it should keep
            stack.close()
            source = _source(stack.enter_context(_opened(path, OPEN_OPTIONS | NO_EDIT_LIST)))
            source = replace(source, tick=source.tick / drift)
        yield source


def _opened(path: str, options: dict[str, str]) -> Any:
    try:
        return av.open(path, options=options, **TOLERANT)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise AudioError(f"{NOT_READABLE} ({short(error)})") from error


def _source(container: Any) -> Source:
    streams = container.streams.audio
    if not streams:
        raise AudioError("there is no audio stream in it")
    stream = chosen(streams)
    return Source(container, stream, len(streams) == 1, float(stream.time_base or 0))


def chosen(streams: Sequence[Any]) -> Any:
    """Choose among audio streams as players do: the default one, or else the first.

    What can't be decoded is chosen last, and what is made for the impaired after what is not.
    """

    def rank(stream: Any) -> tuple[bool, bool, bool]:
        default = bool(stream.disposition & Disposition.default)
        return stream.codec_context is not None, default, not stream.disposition & IMPAIRED

    return max(streams, key=rank)


def _drift(path: str, source: Source) -> float:
    """How many times as long as its samples a packet claims to be; 1 where that can't be told.

    Only an MP4's header can be so wrong: whatever else has a clock of its own has no edit list.
    """
    context = source.stream.codec_context
    if "mp4" not in source.container.format.name or context is None or not context.sample_rate:
        return 1.0
    if source.stream.time_base and 1 / (source.stream.time_base * context.sample_rate) in USUAL_CLOCKS:
        return 1.0
    ticks = samples = 0
    with suppress(av.error.FFmpegError), _opened(path, OPEN_OPTIONS | NO_EDIT_LIST) as container:
        for packet in islice(container.demux(_source(container).stream), PACKETS):
            ticks += packet.duration or 0
            samples += sum(frame.samples for frame in packet.decode())
    return ticks * source.tick * context.sample_rate / samples if samples else 1.0


def short(error: BaseException) -> str:
    """Say in one line what a library reports."""
    text = getattr(error, "strerror", None) or getattr(error, "error_string", None) or str(error)
    return " ".join(text.replace("\x00", "").split()) or type(error).__name__
