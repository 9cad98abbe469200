"""From audio to frame embeddings: windows of many tracks, batched through one loaded encoder."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from audiosim.audio.events import (
    Advanced,
    DecodeEvent,
    Embedded,
    Ended,
    Failed,
    FileEvent,
    Idle,
    Loading,
    Probed,
    Restarted,
    Samples,
)
from audiosim.audio.mixing import Mixing
from audiosim.audio.resample import make_resampler
from audiosim.audio.supervisor import DecodeSupervisor, every
from audiosim.audio.track_frames import Indices, TrackFrames
from audiosim.core.config import default_jobs
from audiosim.core.errors import AudioError
from audiosim.core.paths import identity
from audiosim.core.types import AudioInfo, Encoder, Float32, FrameEmbeddings, Waveform
from audiosim.encoders import LazyEncoder

Key = TypeVar("Key", bound=Hashable)
ADVANCE_INTERVAL = 1.0  # s between two tellings of how far files are


class Extractor(Generic[Key]):
    """Embeds the windows of tracks that arrive in blocks, whatever track they belong to.

    Tracks are known by a key of the caller's: `begin`, `push`, `end`, `finished`. A batch is
    computed when it is full, so a track may be complete only after later ones have been pushed,
    or after `flush`.

    Parameters
    ----------
    encoder : Encoder
        The model.
    dtype : type
        Of the embeddings given out: float16 for caches, float32 for users.
    spill : Path, optional
        Folder for the embeddings of very long tracks; by default the system's temporary one.
    """

    def __init__(self, encoder: Encoder, *, dtype: type = np.float32, spill: Path | None = None) -> None:
        self.encoder = encoder
        self._dtype = np.dtype(dtype)
        self._spill = spill
        self._batch: Float32 | None = None  # made for the first window: the encoder may load late
        self._owners: list[TrackFrames] = []  # of the batch's rows
        self._tracks: dict[Key, TrackFrames] = {}

    def begin(self, key: Key, seconds: float) -> None:
        """Start a track that is expected to last so many seconds; only a limit of windows asks for it."""
        self.drop(key)
        self._tracks[key] = TrackFrames(self.encoder.spec, seconds, self._dtype, self._spill)

    def push(self, key: Key, samples: Float32) -> None:
        """Add samples at the encoder's rate, float32 (n,), or (n, channels), which are embedded apart."""
        track = self._tracks[key]
        self._add(track, track.framer.push(samples))

    def end(self, key: Key) -> None:
        """Say that a track has no more samples.

        Raises
        ------
        AudioError
            If it had none at all.
        """
        track = self._tracks[key]
        try:
            self._add(track, track.framer.finish())
        except ValueError as error:
            raise AudioError("there is no sound in it (not one sample)") from error
        if track.kept == 0:
            self._embed(track, *track.last)  # shorter than it claimed to be: any window will do
        track.ended = True

    def drop(self, key: Key) -> None:
        """Forget a track; windows of it on their way are computed for nothing."""
        track = self._tracks.pop(key, None)
        if track is not None:
            track.close()

    def finished(self) -> Iterator[tuple[Key, FrameEmbeddings]]:
        """Give the tracks that are complete by now, each once.

        Yields
        ------
        key : hashable
            What the track began with.
        frames : FrameEmbeddings
            Its embeddings, in the extractor's dtype.
        """
        for key in [key for key, track in self._tracks.items() if track.complete]:
            yield key, self._tracks.pop(key).frames()

    def reached(self) -> Iterator[tuple[Key, float]]:
        """Tell how far the tracks are that are not complete.

        Yields
        ------
        key : hashable
            What the track began with.
        seconds : float
            How much of its audio, in s from the beginning, has been embedded.
        """
        for key, track in self._tracks.items():
            yield key, track.reached

    def flush(self) -> None:
        """Compute the windows at hand, though they fill no batch."""
        if self._batch is None or not self._owners:
            return
        embeddings = self.encoder.embed(self._batch[: len(self._owners)])
        start = 0
        for owner, rows in groupby(self._owners):
            stop = start + sum(1 for _ in rows)
            owner.append(embeddings[start:stop])
            start = stop
        self._owners = []

    def extract(self, waveform: Waveform) -> FrameEmbeddings:
        """Embed one signal in memory, resampled if need be.

        Returns
        -------
        FrameEmbeddings
            One embedding a window, in the extractor's dtype.

        Raises
        ------
        AudioError
            If it has no samples.
        """
        spec = self.encoder.spec
        resampler = make_resampler(spec.resampler, waveform.sample_rate, spec.sample_rate)
        single: Extractor[str] = Extractor(self.encoder, dtype=self._dtype.type, spill=self._spill)
        single.begin("", len(waveform.samples) / waveform.sample_rate)
        for samples in (resampler.push(waveform.samples), resampler.finish()):
            single.push("", samples)
        single.end("")
        single.flush()
        return next(single.finished())[1]

    def _add(self, track: TrackFrames, windows: Float32) -> None:
        if len(windows):
            self._embed(track, *track.choose(windows))

    def _embed(self, track: TrackFrames, indices: Indices, windows: Float32) -> None:
        windows = track.expect(indices, windows)
        if self._batch is None:
            self._batch = np.zeros((self.encoder.batch_size, windows.shape[1]), np.float32)
        size = len(self._batch)
        while len(windows):
            filled = len(self._owners)
            part = windows[: size - filled]
            self._batch[filled : filled + len(part)] = part
            self._owners += [track] * len(part)
            windows = windows[len(part) :]
            if len(self._owners) == size:
                self.flush()


def embed_files(
    paths: Iterable[bytes],
    encoder: Encoder,
    *,
    jobs: int | None = None,
    want: Callable[[bytes, AudioInfo], bool] = every,
    dtype: type = np.float32,
    spill: Path | None = None,
    advance_interval: float = ADVANCE_INTERVAL,
    second_try: bool = False,
    mixing: Mixing = "best",
    until: float = math.inf,
) -> Iterator[FileEvent]:
    """Decode files in other processes and embed them; the processes end with the iteration.

    Parameters
    ----------
    paths : iterable of bytes
        The files. They are drawn as decoding goes on, in other threads, and may block: a batch that
        is not full is computed when no file is on its way.
    encoder : Encoder
        Embeds them. A `LazyEncoder` is loaded for the first file that has a window.
    jobs : int, optional
        Decoding processes; by default one a processor.
    want, dtype, spill, second_try, mixing, until
        As `DecodeSupervisor` and `Extractor` take them.
    advance_interval : float
        Seconds between two tellings of how far long files are.

    Yields
    ------
    FileEvent
        `Probed` and then, if it is wanted, `Embedded` or `Failed`; or only `Failed`, where a file
        can't be identified. Before the last of a file that takes long, `Advanced` now and then; before
        a `LazyEncoder` is loaded, `Loading`. Files interleave.

    Raises
    ------
    AudiosimError
        When decoding processes can't be started, or the encoder can't be loaded.
    """
    spec = encoder.spec
    with DecodeSupervisor(
        spec.sample_rate,
        spec.resampler,
        jobs=jobs or default_jobs(),
        want=want,
        second_try=second_try,
        mixing=mixing,
        until=until,
    ) as supervisor:
        files = _Files(Extractor(encoder, dtype=dtype, spill=spill), supervisor, advance_interval)
        for event in supervisor.events(paths):
            yield from files.take(event)
        yield from files.take(Idle())


class _Files:
    """What the decoding processes say, as events of files."""

    def __init__(
        self, extractor: Extractor[bytes], supervisor: DecodeSupervisor, advance_interval: float
    ) -> None:
        self._extractor, self._supervisor = extractor, supervisor
        self._interval, self._advanced = advance_interval, time.monotonic()
        self._seconds: dict[bytes, float] = {}  # how long each wanted file claims to be
        self._ended: dict[bytes, Ended] = {}
        self._told = self._stages()

    def take(self, event: DecodeEvent) -> Iterator[FileEvent]:
        match event:
            case Probed(path, info, wanted):
                yield event
                if wanted:
                    self._seconds[path] = info.duration
                    self._extractor.begin(path, info.duration)
            case Samples(path, samples):
                if isinstance(self._extractor.encoder, LazyEncoder) and not self._extractor.encoder.loaded:
                    yield Loading(path)
                self._extractor.push(path, samples)
                yield from self._advances()
            case Restarted(path):
                self._extractor.begin(path, self._seconds[path])
            case Ended(path):
                self._extractor.end(path)
                self._ended[path] = event
            case Failed(path):
                self._extractor.drop(path)
                self._seconds.pop(path, None)
                yield event
            case Idle():
                self._extractor.flush()
        for path, frames in self._extractor.finished():
            yield self._embedded(self._ended.pop(path), frames)

    def _advances(self) -> Iterator[Advanced]:
        """How far each file is, now and then."""
        now = time.monotonic()
        if now - self._advanced >= self._interval:
            self._advanced = now
            yield from (Advanced(path, seconds) for path, seconds in self._extractor.reached())

    def _embedded(self, ended: Ended, frames: FrameEmbeddings) -> Embedded:
        del self._seconds[ended.path]
        before, self._told = self._told, self._stages()
        stages = {"waiting for input": 0.0, "decode": ended.seconds}
        stages |= {name: seconds - before.get(name, 0.0) for name, seconds in self._told.items()}
        encoder = self._extractor.encoder
        return Embedded(ended.path, frames, ended.duration, encoder.dtype, stages, ended.fingerprint)

    def _stages(self) -> dict[str, float]:
        return {"waiting for input": self._supervisor.waited, **self._extractor.encoder.stage_seconds}


def extract_files(
    paths: Iterable[str | os.PathLike[str]],
    encoder: Encoder,
    *,
    jobs: int | None = None,
    per_channel: bool = False,
) -> Iterator[tuple[str, FrameEmbeddings | AudioError]]:
    """Embed audio files, decoding in other processes; one result a file, as they are done.

    Channels are averaged, as openl3 does: where they cancel each other, an index takes another mix.

    Parameters
    ----------
    paths : iterable of str or path-like
        The files; one that is named twice is embedded once.
    encoder : Encoder
        Embeds them.
    jobs : int, optional
        Decoding processes; by default one a processor.
    per_channel : bool
        Whether each channel is embedded by itself: embeddings are (windows, dim, channels) then.

    Yields
    ------
    path : str
        The file, as it was named.
    result : FrameEmbeddings or AudioError
        Its embeddings, float32; or what befell the file.
    """
    names = {identity(path): os.fspath(path) for path in paths}
    mixing: Mixing = "none" if per_channel else "mean"
    for event in embed_files(names, encoder, jobs=jobs, second_try=True, mixing=mixing):
        if isinstance(event, Embedded):
            yield names[event.path], event.frames
        elif isinstance(event, Failed):
            yield names[event.path], AudioError(event.reason)
