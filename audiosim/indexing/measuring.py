"""How long files are, and how fast this machine is: some of them are tried, for a few seconds."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import takewhile

import numpy as np

from audiosim.audio.events import Embedded, Failed, Probed
from audiosim.core.types import AudioInfo, Encoder, Float32
from audiosim.encoders import LazyEncoder
from audiosim.extract import embed_files
from audiosim.library.scan import FoundFile

OnProgress = Callable[[str, int, int], object]  # told a stage, and how many of how many files
SAMPLE_FILES = 200  # whose length is read
LENGTH_SECONDS = 5.0  # after which no further one's is
SPEED_FILES = 16  # of those, at most, that are decoded to time the machine
SPEED_SECONDS = 5.0  # of timing


def look_into(
    files: Sequence[FoundFile], encoder: Encoder, jobs: int | None, on_progress: OnProgress
) -> dict[FoundFile, AudioInfo]:
    """Read what is told without decoding of some files, evenly spread, for a few seconds.

    Parameters
    ----------
    files : sequence of FoundFile
        All of them.
    encoder : Encoder
        For which they are decoded.
    jobs : int or None
        Decoding processes.
    on_progress : callable
        Told a stage, and how many of how many files are done.

    Returns
    -------
    dict of {FoundFile: AudioInfo}
        Of those that can be read, and in time.
    """
    files = _spread(files, SAMPLE_FILES)
    by_path = {file.path: file for file in files}
    end = time.monotonic() + LENGTH_SECONDS
    found: dict[FoundFile, AudioInfo] = {}
    in_time = takewhile(lambda _: not found or time.monotonic() < end, by_path)  # decoders may start slowly
    for number, event in enumerate(embed_files(in_time, encoder, jobs=jobs, want=lambda *_: False), 1):
        if isinstance(event, Probed):
            found[by_path[event.path]] = event.info
        on_progress("Lengths read", min(number, len(files)), len(files))
    return found


def scales(files: Sequence[FoundFile], some: Collection[FoundFile]) -> dict[FoundFile, float]:
    """Give for how many files, by their bytes, each of some stands.

    What tells about how many bytes a second of a file takes is its extension; files whose extension none of
    the some has are shared out.

    Parameters
    ----------
    files : sequence of FoundFile
        All of them.
    some : collection of FoundFile
        Those that stand for all.

    Returns
    -------
    dict of {FoundFile: float}
        For each of the some.
    """
    sizes, told = Counter[bytes](), Counter[bytes]()
    for counts, each in ((sizes, files), (told, some)):
        for file in each:
            counts[_kind(file)] += file.size
    shared = sizes.total() / sum(sizes[kind] for kind in told)
    return {file: shared * sizes[_kind(file)] / told[_kind(file)] for file in some}


def _kind(file: FoundFile) -> bytes:
    return os.path.splitext(file.path)[1].lower()


def windows_per_second(
    files: Sequence[FoundFile], encoder: Encoder, jobs: int | None, on_progress: OnProgress
) -> float:
    """Time the whole pipeline on some files, decoding included, once it is running.

    Parameters
    ----------
    files : sequence of FoundFile
        At least one.
    encoder : Encoder
        What embeds them.
    jobs : int or None
        Decoding processes.
    on_progress : callable
        Told a stage, and how many of how many files are done.

    Returns
    -------
    float
        Windows a second.
    """
    files = _spread(files, SPEED_FILES)
    timed, done = _Timed(encoder), 0
    on_progress("Timed", done, len(files))
    with suppress(_TimeIsUpError):
        for event in embed_files((file.path for file in files), timed, jobs=jobs):
            done += isinstance(event, Embedded | Failed)
            on_progress("Timed", done, len(files))
    if not timed.windows:  # too little audio: one batch of silence, already warm
        silence = np.zeros((encoder.batch_size, encoder.spec.framing.window), np.float32)
        timed.start = 0.0
        for _ in range(2):
            timed.embed(silence)
    return timed.windows / (timed.end - timed.start)


class _TimeIsUpError(Exception):
    """The timing has gone on for long enough."""


class _Timed(LazyEncoder):
    """Counts the windows of an encoder for a while, but for its first batch, which builds the graph."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder.spec, lambda: encoder)
        self.start = self.end = 0.0
        self.windows = 0

    def embed(self, windows: Float32) -> Float32:
        """Embeds, until time is up."""
        if self.start and time.perf_counter() - self.start > SPEED_SECONDS:
            raise _TimeIsUpError
        embeddings = super().embed(windows)
        self.end = time.perf_counter()
        if self.start:
            self.windows += len(windows)
        else:
            self.start = self.end
        return embeddings


def _spread(files: Sequence[FoundFile], count: int) -> list[FoundFile]:
    """At most `count` of the files, evenly spread; in an order of which any beginning is spread, too."""
    step = max(1.0, len(files) / count)
    order = np.random.default_rng(0).permutation(min(count, len(files)))
    return [files[int(i * step)] for i in order.tolist()]
