"""A passage of an audio file, to ask with."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from audiosim.audio.events import Ended, Failed, Probed, Restarted, Samples
from audiosim.audio.fingerprint import Landmarks
from audiosim.audio.framing import Framer, levels
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.core.errors import UsageError
from audiosim.core.text import durations
from audiosim.core.types import AudioInfo, Encoder, Float32, FrameEmbeddings, Framing, Precision, Track
from audiosim.encoders import QueryEncoder
from audiosim.encoders.frames import CentredFrames
from audiosim.library.index import Index
from audiosim.search.query import Query, Resolver, mean_direction, unusable
from audiosim.search.titles import can_be_opened

PHASES = 8  # of a hop, at which a passage is embedded that may lie anywhere on another track's grid
MAX_QUERY_WINDOWS = 512  # in all phases; a long passage gets fewer of them
MAX_PASSAGE = 600.0  # s
LATENCY = 1.0  # s of a file behind a passage, for the last samples of it to be resampled


@dataclass(frozen=True)
class PassageQuery:
    """A passage to ask with: its directions in each phase, and where it lies in its file.

    Each of ``phases`` is (seconds from the passage's start to its first window's, rows (n, dim));
    ``landmarks`` are those of the passage, where its file has a fingerprint; ``notes`` say which file a
    title was taken for.
    """

    query: Query
    start: float
    end: float
    phases: list[tuple[float, Float32]]
    landmarks: Landmarks | None
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> Float32:
        """The mean (dim,) of all its directions."""
        rows = np.concatenate([rows for _, rows in self.phases])
        mean: Float32 = rows[rows.any(axis=1)].mean(axis=0)
        return mean


def ask_with(
    index: Index,
    path: bytes,
    start: float,
    end: float | None,
    precision: Precision,
    encoder: Encoder | None,
    *,
    listed: bool = False,
) -> PassageQuery:
    """A passage from `start` to `end` in s, None for the file's end: from its cache, or embedded.

    What only a list names is taken for a path, not for a title.

    Raises
    ------
    UsageError
        If there is no such file, or no such passage in it.
    AudiosimError
        If it can't be decoded, or is silent.
    """
    if start < 0 or (end is not None and end <= start):
        raise UsageError("There is no such passage", "it ends before it begins", "Give `start` before `end`.")
    resolver = Resolver(index, precision, encoder, lenient=[path] if listed else ())
    query = resolver.indexed(path)
    if query is None and not can_be_opened(path) and (place := resolver.titled(path)):
        path, query = place, resolver.indexed(place)
    directions = None if query is None else index.directions(query.track.digest)
    asked = None if query is None or directions is None else _cached(index, query, directions, start, end)
    if asked is None and can_be_opened(path):
        asked = _embedded(index, path, start, end, encoder or QueryEncoder(index.spec, precision))
        asked = replace(asked, query=replace(asked.query, indexed=query is not None and query.indexed))
    if asked is not None:
        return replace(_audible(asked), notes=tuple(resolver.notes))
    if query is None:
        raise resolver.missing(path)
    raise unusable(path, "the file is not there, and neither are all windows of the passage in the caches")


def _cached(
    index: Index, query: Query, directions: CentredFrames, start: float, end: float | None
) -> PassageQuery | None:
    """The passage as it is in its track's cache; None where not all windows of it were kept."""
    end = _checked_end(query.track.path, start, end, query.track.duration or 0.0)
    spec = index.spec
    lead = spec.framing.lead / spec.sample_rate
    first, last = ((moment + lead - spec.window / 2) / spec.hop for moment in (start, end))
    begin = min(max(0, int(np.ceil(first))), len(directions) - 1)
    stop = min(max(begin + 1, int(np.floor(last)) + 1), len(directions))
    if np.diff(np.searchsorted(directions.places, (begin, stop))) < stop - begin:
        return None
    phases = [(begin * spec.hop - lead - start, directions.rows(begin, stop))]
    packed = index.catalog.fingerprints.get(query.track.digest)
    return PassageQuery(query, start, end, phases, _landmarks(packed, start, end))


def _embedded(index: Index, path: bytes, start: float, end: float | None, encoder: Encoder) -> PassageQuery:
    """The passage of a file that is not in the index, in several phases."""
    info, part, duration, packed = _decoded(index, path, start, end)
    end = _checked_end(path, start, end, duration)
    rate = index.spec.sample_rate
    hop = index.spec.framing.hop
    count = max(1, len(part) // hop)
    phases = min(PHASES, max(1, MAX_QUERY_WINDOWS // count))
    step = max(1, hop // phases)
    tail: Literal["repeat", "drop"] = "repeat" if index.spec.framing.tail == "repeat" else "drop"
    framer = Framer(Framing(index.spec.framing.window, step, tail=tail))
    windows = framer.push(part)  # they overlap in memory
    windows = windows if len(windows) else framer.finish()
    size = encoder.batch_size
    embedding = np.concatenate([encoder.embed(windows[i : i + size]) for i in range(0, len(windows), size)])
    with np.errstate(over="ignore"):  # what float16 can't hold is like nothing
        kept = embedding.astype(np.float16)
    frames = FrameEmbeddings(kept, np.arange(len(windows), dtype=np.float64), levels(windows))
    rows = replace(index.configuration.pooler, hop=1.0).directions(frames).rows(0, len(windows))
    every = max(1, hop // step)
    split = [(phase * step / rate, rows[phase::every]) for phase in range(min(every, len(rows)))]
    vector = mean_direction(list(rows[rows.any(axis=1)])) if rows.any() else rows[0]
    track = Track(path, info.digest, info.duration, info.tags)
    landmarks = _landmarks(packed, start, end)
    return PassageQuery(Query(track, vector, indexed=False), start, end, split, landmarks)


def _decoded(
    index: Index, path: bytes, start: float, end: float | None
) -> tuple[AudioInfo, Float32, float, bytes]:
    """What the file is, its samples from `start` to `end`; seconds and fingerprint of what was decoded."""
    rate = index.spec.sample_rate
    first, last = round(start * rate), round(min(end or np.inf, start + MAX_PASSAGE + 1) * rate)
    blocks: list[Float32] = []
    place = 0
    info: AudioInfo | None = None
    packed = b""
    until = last / rate + LATENCY
    with DecodeSupervisor(rate, index.spec.resampler, jobs=1, second_try=True, until=until) as supervisor:
        for event in supervisor.events([path]):
            match event:
                case Probed(_, found, _):
                    info, blocks, place = found, [], 0
                case Samples(_, samples):
                    blocks.append(samples[max(0, first - place) : max(0, last - place)])
                    place += len(samples)
                case Restarted():
                    blocks, place = [], 0
                case Ended():
                    packed = event.fingerprint
                case Failed(_, reason, _):
                    raise unusable(path, reason)
    if info is None or not place:
        raise unusable(path, "there is no sound in it")
    return info, np.concatenate(blocks), place / rate, packed


def _landmarks(packed: bytes | None, start: float, end: float) -> Landmarks | None:
    """The landmarks of a passage, of those of its file."""
    found = Landmarks.from_bytes(packed) if packed else None
    return None if found is None else found.between(start, end)


def _checked_end(path: bytes, start: float, end: float | None, duration: float) -> float:
    if start >= duration:
        begin, whole = durations(start, duration)
        raise UsageError(f"{os.fsdecode(path)} has no passage from {begin}", f"it is {whole} long")
    end = duration if end is None else min(end, duration)
    if end - start > MAX_PASSAGE:
        asked, most = durations(end - start, MAX_PASSAGE)
        raise UsageError(
            f"A passage of {asked} is too long",
            f"{most} is the most",
            "Give `start` and `end`.",
        )
    return end


def _audible(asked: PassageQuery) -> PassageQuery:
    phases = [(before, rows) for before, rows in asked.phases if rows.any()]
    if not phases:
        raise unusable(asked.query.track.path, "the passage is silent")
    return replace(asked, phases=phases)
