"""A track's sound: the file as it is, or a FLAC of it, in the ranges that players ask for; and its outline.

Only files that are in the index are opened, by their ids. One that has changed since must still be a file
of a known folder: a link that has come in its place leads nowhere.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from audiosim.audio.events import Failed, Restarted, Samples
from audiosim.audio.playable import make_playable, media_type
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.core.errors import AudioError
from audiosim.core.paths import AUDIO_EXTENSIONS, contains
from audiosim.core.types import Float32, Track
from audiosim.library.index import Index
from audiosim.library.scan import FoundFile
from audiosim.server.problems import ProblemError

CHUNK = 256 * 1024  # bytes sent at a time
KEPT = 2 * 2**30  # bytes of FLACs that are kept
RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
OUTLINE_RATE = 8_000  # Hz
OUTLINES = 200  # that are kept
LONGEST = 4 * 3600.0  # s of a file whose outline is drawn


@dataclass(frozen=True)
class Sound:
    """A file that is open to be played."""

    descriptor: int
    kind: str
    size: int
    tag: str


def open_track(index: Index, track: Track) -> int:
    """Open the file of a track of the index, if it may be played.

    Returns
    -------
    int
        A file descriptor.

    Raises
    ------
    ProblemError
        If it is gone, or is no longer the file that was indexed.
    """
    try:
        descriptor = os.open(track.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _gone(error.strerror or str(error)) from error
    status = os.fstat(descriptor)
    row = index.catalog.files.get(track.path)
    same = row is not None and FoundFile.at(track.path, status).same(row)
    roots = index.catalog.settings.roots()
    if stat.S_ISREG(status.st_mode) and (same or _is_music(track.path, status, roots)):
        return descriptor
    os.close(descriptor)
    raise _gone("another file is in its place")


def _is_music(path: bytes, status: os.stat_result, roots: list[bytes]) -> bool:
    """Whether a path leads by no link out of a known folder, to what has the name of music."""
    real = os.path.realpath(path)
    try:
        there = os.lstat(real)
    except OSError:
        return False
    known = any(contains(os.path.realpath(root), real) for root in roots)
    same = (there.st_dev, there.st_ino) == (status.st_dev, status.st_ino)
    return known and same and os.path.splitext(real)[1].lower() in AUDIO_EXTENSIONS


def _gone(why: str) -> ProblemError:
    return ProblemError(410, "The file is not there", why, "Bring the index up to date: audiosim index")


class Player:
    """The sounds of a library, and what was made of them to be played.

    Parameters
    ----------
    folder : Path
        Where FLACs are put.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._turn = folder, threading.Lock()
        self._made: OrderedDict[str, int] = OrderedDict()
        self._outlines: OrderedDict[str, Float32] = OrderedDict()

    def sound(self, index: Index, track: Track) -> Sound:
        """Open a track as browsers play it.

        Raises
        ------
        ProblemError
            If its file is not there, or can't be decoded.
        """
        descriptor = open_track(index, track)
        kind = media_type(track.path, index.catalog.files.codec(track.path))
        if kind is None:
            os.close(descriptor)
            descriptor, kind = self._flac(track), "audio/flac"
        status = os.fstat(descriptor)
        mark = f"{track.digest}{kind}{status.st_size}{status.st_mtime_ns}"
        return Sound(descriptor, kind, status.st_size, hashlib.sha256(mark.encode()).hexdigest()[:32])

    def outline(self, index: Index, track: Track, count: int) -> Float32:
        """The greatest samples (count,), 0 to 1, of so many equal parts of a track.

        Raises
        ------
        ProblemError
            If its file is not there, or can't be decoded.
        """
        with self._turn:
            if track.digest in self._outlines:
                return _parts(self._outlines[track.digest], count)
        os.close(open_track(index, track))
        found = _outline(track.path)
        with self._turn:
            self._outlines[track.digest] = found
            if len(self._outlines) > OUTLINES:
                self._outlines.popitem(last=False)
        return _parts(found, count)

    def _flac(self, track: Track) -> int:
        """The FLAC of a track, made if it is not there; one is made at a time."""
        path = self._folder / f"{track.digest}.flac"
        with self._turn:
            if track.digest not in self._made:
                try:
                    make_playable(track.path, os.fsencode(path))
                except AudioError as error:
                    raise ProblemError(422, "This track can't be played", error.reason) from error
                self._made[track.digest] = path.stat().st_size
            self._made.move_to_end(track.digest)
            while sum(self._made.values()) > KEPT and len(self._made) > 1:
                old, _ = self._made.popitem(last=False)
                (self._folder / f"{old}.flac").unlink(missing_ok=True)
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def answer(sound: Sound, method: str, headers: Headers) -> Response:
    """Give a sound, or the range of it that is asked for, as RFC 9110 has it."""
    part = _part(headers, sound)
    first, last = part or (0, sound.size - 1)
    told = {"Accept-Ranges": "bytes", "ETag": f'"{sound.tag}"', "Content-Type": sound.kind}
    if first > last and part is not None:
        os.close(sound.descriptor)
        told = {"Content-Range": f"bytes */{sound.size}"}
        return ProblemError(416, "There is no such range", f"it has {sound.size} bytes", "", told).response()
    told["Content-Length"] = str(last - first + 1)
    if part is not None:
        told["Content-Range"] = f"bytes {first}-{last}/{sound.size}"
    if method == "HEAD":
        os.close(sound.descriptor)
        return Response(None, 200 if part is None else 206, told)
    return _Stream(sound.descriptor, first, last, 200 if part is None else 206, told)


def _part(headers: Headers, sound: Sound) -> tuple[int, int] | None:
    """The first and last byte asked for; None for all; what can't be had ends before it begins."""
    match = RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if match is None or headers.get("if-range", f'"{sound.tag}"') != f'"{sound.tag}"':
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        return max(0, sound.size - int(last)), sound.size - 1 if int(last) else -1
    if int(first) >= sound.size or (last and int(last) < int(first)):
        return sound.size, -1
    return int(first), min(int(last), sound.size - 1) if last else sound.size - 1


class _Stream(StreamingResponse):
    """A range of an open file, which is closed in the end, whether or not anybody listened."""

    def __init__(self, descriptor: int, first: int, last: int, status: int, headers: dict[str, str]) -> None:
        super().__init__(_bytes(descriptor, first, last), status, headers)
        self._descriptor = descriptor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._descriptor)


async def _bytes(descriptor: int, first: int, last: int) -> AsyncIterator[bytes]:
    while first <= last:
        size = min(CHUNK, last - first + 1)
        data = await anyio.to_thread.run_sync(os.pread, descriptor, size, first)
        if not data:
            return  # it was cut meanwhile
        first += len(data)
        yield data


def _outline(path: bytes) -> Float32:
    """The greatest samples of each tenth of a second."""
    step = OUTLINE_RATE // 10
    found: list[Float32] = []
    rest = np.zeros(0, np.float32)
    with DecodeSupervisor(OUTLINE_RATE, "soxr_hq", jobs=1, until=LONGEST) as supervisor:
        for event in supervisor.events([path]):
            match event:
                case Samples(_, samples):
                    rest = np.concatenate([rest, np.abs(samples)])
                    whole = len(rest) // step * step
                    found.append(rest[:whole].reshape(-1, step).max(axis=1))
                    rest = rest[whole:]
                case Restarted():
                    found, rest = [], np.zeros(0, np.float32)
                case Failed(_, reason, _):
                    raise ProblemError(422, "This track can't be decoded", reason)
    outline: Float32 = np.minimum(np.concatenate([*found, rest.max(initial=0, keepdims=True)]), np.float32(1))
    return outline


def _parts(outline: Float32, count: int) -> Float32:
    """An outline in so many parts."""
    if not len(outline):
        return np.zeros(count, np.float32)
    starts = np.linspace(0, len(outline), count, endpoint=False).astype(np.intp)
    parts: Float32 = np.maximum.reduceat(outline, starts)
    return parts
