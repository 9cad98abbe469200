"""A look before a long run: what there is to do, how long it will take, whether there is room."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosim.audio.events import Probed
from audiosim.audio.framing import window_count
from audiosim.core.config import Home, find_home
from audiosim.core.threads import limited_threads
from audiosim.core.types import Encoder, EncoderSpec, Float32
from audiosim.encoders import LazyEncoder
from audiosim.extract import embed_files
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.survey import decide, resumed, survey
from audiosim.library.catalog import Catalog
from audiosim.library.scan import FoundFile

SAMPLE_FILES = 200  # whose length is read
SPEED_FILES = 16  # of those, at most, that are decoded to time the machine
SPEED_SECONDS = 15.0  # of timing
ROW_BYTES = 4_000  # a track in the catalog and in the store, apart from its vectors


@dataclass(frozen=True)
class Estimate:
    """What `index_folder` would do now; nothing was written.

    Parameters
    ----------
    home : Path
        The home folder.
    encoder : str
        The encoder, described.
    found : int
        Files in the folders.
    files : int
        Those of them to be opened.
    reread : int
        Others that will be read again, for only their ctime is another one, or to `rescan`; not in `seconds`.
    sampled : int
        Those of these whose lengths were read; the lengths of the others follow from their sizes.
    audio_hours : float
        How much audio all of them hold.
    windows : int
        How many windows of it the network will see.
    seconds : float
        The time it will take, if no file turns out to be known audio under a new name.
    real_time_factor : float
        Hours of audio an hour.
    bytes_needed, bytes_free : int
        Disk space for caches and vectors, and what there is.
    """

    home: Path
    encoder: str
    found: int
    files: int
    reread: int
    sampled: int
    audio_hours: float
    windows: int
    seconds: float
    real_time_factor: float
    bytes_needed: int
    bytes_free: int

    def describe(self) -> str:
        """Say it in a few lines, for people."""
        from audiosim.core.text import counted, size

        room = "there is room" if self.bytes_free > self.bytes_needed else "THERE IS NOT ENOUGH ROOM"
        sampled = counted(self.sampled, "file")
        lines = [
            f"Encoder: {self.encoder}; home: {self.home}",
            f"{counted(self.found, 'file')} found, {self.files} to open.",
        ]
        if self.reread:
            lines.append(f"{self.reread} of the others to be read again, without the network.")
        if self.files:
            lines += [
                f"About {self.audio_hours:.1f} hours of audio (from the lengths of {sampled}).",
                f"About {_span(self.seconds)} on this machine, at {self.real_time_factor:.0f} x real time.",
                f"About {size(self.bytes_needed)} of disk; {size(self.bytes_free)} are free: {room}.",
            ]
        return "\n".join([*lines, "Nothing was written to the home."]) + "\n"


def estimate(
    paths: Iterable[str | os.PathLike[str]] = (),
    *,
    home: str | os.PathLike[str] | None = None,
    options: IndexOptions | None = None,
    encoder: Encoder | None = None,
) -> Estimate:
    """Measure what `index_folder` with the same arguments would take, writing and fetching nothing.

    Raises
    ------
    AudiosimError
        If `index_folder` would raise it at once.
    """
    options = options or IndexOptions()
    with limited_threads(options.jobs):
        return _estimated(paths, find_home(home), options, encoder)


def _estimated(
    paths: Iterable[str | os.PathLike[str]], place: Home, options: IndexOptions, encoder: Encoder | None
) -> Estimate:
    with _reading(place.catalog) as catalog:
        target = decide(place, catalog, paths, options, encoder, read_only=True)
        if target.rebuilds:
            with _reading(place.rebuild) as new:
                target = resumed(target, new.settings.configuration if new else None, place)
                plans = survey(target, new, options)
        else:
            plans = survey(target, catalog, options)
    encoder, spec = target.encoder, target.configuration.spec
    work = [file for plan in plans for file in [*plan.process, *plan.alone]]
    lengths = _lengths(_spread(work, SAMPLE_FILES), encoder, options.jobs)
    scale = sum(file.size for file in work) / max(1, sum(file.size for file in lengths))
    hours = scale * sum(lengths.values()) / 3600
    windows = round(scale * sum(_windows(spec, seconds) for seconds in lengths.values()))
    speed = 0.0
    if lengths:
        speed = _windows_per_second(_spread(list(lengths), SPEED_FILES), encoder, options.jobs)
    seconds = windows / speed if speed else 0.0
    vector = 4 * target.configuration.dimension
    return Estimate(
        home=place.path,
        encoder=spec.describe(),
        found=sum(plan.found for plan in plans),
        files=len(work),
        reread=sum(len(plan.reread) for plan in plans),
        sampled=len(lengths),
        audio_hours=hours,
        windows=windows,
        seconds=seconds,
        real_time_factor=hours * 3600 / seconds if seconds else 0.0,
        bytes_needed=windows * (2 * spec.dimension + 10) + len(work) * (2 * vector + ROW_BYTES),
        bytes_free=_free(target.configuration.cache),
    )


@contextmanager
def _reading(path: Path) -> Iterator[Catalog | None]:
    """A catalog that is only read; None where there is none."""
    if not path.exists():
        yield None
        return
    with Catalog(path, read_only=True, leave_no_trace=True) as catalog:
        yield catalog


def _spread(files: Sequence[FoundFile], count: int) -> list[FoundFile]:
    """At most `count` of the files, evenly spread."""
    step = max(1.0, len(files) / count)
    return [files[int(i * step)] for i in range(min(count, len(files)))]


def _lengths(files: Sequence[FoundFile], encoder: Encoder, jobs: int | None) -> dict[FoundFile, float]:
    """The length in s of those files that can be read."""
    by_path = {file.path: file for file in files}
    events = embed_files(by_path, encoder, jobs=jobs, want=lambda *_: False)
    return {by_path[e.path]: e.info.duration for e in events if isinstance(e, Probed)}


def _windows(spec: EncoderSpec, seconds: float) -> int:
    count = window_count(spec.framing, round(seconds * spec.sample_rate))
    return min(count, spec.max_windows or count)


def _windows_per_second(files: Sequence[FoundFile], encoder: Encoder, jobs: int | None) -> float:
    """Windows a second of the whole pipeline, decoding included, once it is running."""
    timed = _Timed(encoder)
    with suppress(_TimeIsUpError):
        for _ in embed_files((file.path for file in files), timed, jobs=jobs):
            pass
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


def _free(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
