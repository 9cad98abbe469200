"""What the catalog tells of files and of the home."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from audiosim.core.types import TAG_NAMES, AudioInfo, EncoderSpec, Float32, Float64, Pooling, Tags, Track
from audiosim.core.vectors import whole_rows
from audiosim.encoders.pooling import Pooler, pooled_dimension
from audiosim.library.whitening import SearchSpace

FileState = Literal["indexed", "failed", "gone"]
Fate = Literal["added", "known", "kept"]
PENDING = -1  # in place of a ctime: the file is to be read anew, whatever its times
DROPPED = "moved"  # the reason of a row that ends when the store has let it go

# The decoded duration of the audio is better than what the container claims.
TRACK_COLUMNS = ", ".join(["path", "digest", "tracks.duration", *TAG_NAMES])
ENTRY_COLUMNS = f"id, vector, scale, {TRACK_COLUMNS}"


@dataclass(frozen=True)
class FileRow:
    """What the catalog knows of a file; ``size`` in bytes, ``ctime_ns`` None where it was not noted."""

    path: bytes
    state: FileState
    size: int
    mtime_ns: int
    digest: str | None
    reason: str | None
    ctime_ns: int | None = None


class Mark(NamedTuple):
    """What of a file in the index may change without its track; `changed` is when its row did, in s."""

    id: str
    changed: float
    scale: float | None
    size: int
    mtime_ns: int
    ctime_ns: int | None


@dataclass(frozen=True)
class Configuration:
    """What the first `index` fixed for a home."""

    spec: EncoderSpec
    pooling: Pooling
    cache: Path
    centre: bytes = b""  # the mean window that is subtracted, once there is one; float32
    whitening: bytes = b""  # the matrix that means are searched through, once there is one; float32

    @property
    def pooler(self) -> Pooler:
        """Turns windows into what the catalog keeps."""
        return Pooler(self.pooling, self.spec.hop, self.centre)

    @property
    def dimension(self) -> int:
        """The dimension of the pooled vectors."""
        return pooled_dimension(self.spec.dimension, self.pooling)

    @cached_property
    def space(self) -> SearchSpace:
        """Where vectors lie when they are searched."""
        return SearchSpace(self.whitening if self.pooling == "mean" else b"")

    @property
    def collection(self) -> str:
        """Identifies what the store's vectors are: encoder fingerprint, pooling, centre and whitening."""
        words = [self.spec.fingerprint, self.pooling]
        for part in filter(None, (self.centre, self.space.whitening)):
            words.append(hashlib.blake2b(part, digest_size=8).hexdigest())
        return " ".join(words)


@dataclass(frozen=True)
class Expected:
    """Ids in the store: those it has acknowledged, those it may hold, those whose vectors are current."""

    acknowledged: set[str]
    possible: set[str]
    current: set[str]


def path_id(path: bytes) -> str:
    """The ASCII id of a path, as the store knows it: BLAKE2b-128, 32 hexadecimal digits."""
    return hashlib.blake2b(path, digest_size=16).hexdigest()


@dataclass(frozen=True)
class PendingRow:
    """A row on its way to the store, as it was at the time ``changed``."""

    id: str
    track: Track
    vector: Float32
    changed: float


@dataclass(frozen=True)
class Entry:
    """A file of the index: its id in the store, the track, and its unit vector (dim,).

    ``scale`` is the track's mean cosine distance to its nearest neighbours, where it is known.
    """

    id: str
    track: Track
    vector: Float32
    scale: float | None = None


@dataclass(frozen=True)
class Record:
    """All that the catalog keeps of an indexed file and of its audio.

    ``vector`` is a unit vector (dim,) of ``windows`` windows; ``passages``, ``fingerprint`` and ``words``
    (log-odds) are packed, None where they are not known; ``scale`` as in `Entry`.
    """

    path: bytes
    info: AudioInfo
    vector: Float32
    windows: int
    passages: bytes | None
    scale: float | None
    fingerprint: bytes | None = None
    words: bytes | None = None

    @property
    def track(self) -> Track:
        """The file as results show it."""
        return Track(self.path, self.info.digest, self.info.duration, self.info.tags)


@dataclass(frozen=True)
class Page:
    """Files of the index, to be compared.

    Parameters
    ----------
    ids, digests : sequence of str
        Their ids and their audio, in order of path.
    vectors : ndarray of float32, shape=(n, dim)
        Where they are searched.
    scales : ndarray of float64, shape=(n,)
        Mean cosine distances to the nearest neighbours; NaN where it is not known.
    whole : ndarray of bool, shape=(n,)
        Whose vectors are not damaged.
    """

    ids: Sequence[str]
    digests: Sequence[str]
    vectors: Float32
    scales: Float64
    whole: npt.NDArray[np.bool_]


def track_from(row: tuple[Any, ...]) -> Track:
    """A track from its TRACK_COLUMNS."""
    return Track(row[0], row[1], row[2], Tags(*row[3:]))


def entry_from(row: tuple[Any, ...]) -> Entry:
    """An entry from its ENTRY_COLUMNS."""
    return Entry(row[0], track_from(row[3:]), vector_from(row[1]), row[2])


def vector_from(blob: bytes) -> Float32:
    """A vector (dim,) as it is kept; an empty one where that is damaged."""
    return np.frombuffer(blob if len(blob) % 4 == 0 else b"", "<f4")


def vectors_from(blobs: Sequence[bytes], dimension: int) -> tuple[list[int], Float32]:
    """Which of many vectors are not damaged, and those (m, dim): in a third of the time of one by one."""
    places = [place for place, blob in enumerate(blobs) if len(blob) == 4 * dimension]
    data = bytearray().join([blobs[place] for place in places])
    rows: Float32 = np.frombuffer(data, "<f4").reshape(len(places), dimension)
    whole = whole_rows(rows)
    if whole.all():
        return places, rows  # a copy would be as much memory again
    return [place for place, sound in zip(places, whole, strict=True) if sound], rows[whole]
