"""The data that flows from stage to stage, each stage with its own type.

Shapes are (rows, columns), times in s, rates in Hz, signals' lengths in samples, paths the system's bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Frames = npt.NDArray[np.float16] | npt.NDArray[np.float32]
Pooling = Literal["mean", "max", "mean-std"]
Precision = Literal["auto", "float32"]
ResamplerName = Literal["kaiser_best", "soxr_hq"]


@dataclass(frozen=True)
class Tags:
    """What a file says of itself; absent tags are None.

    Parameters
    ----------
    title, artist, album, album_artist, genre : str, optional
        As they stand in the file.
    year, track : int, optional
        The year of release, and the track's number on its album.
    """

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    genre: str | None = None
    year: int | None = None
    track: int | None = None


@dataclass(frozen=True)
class AudioInfo:
    """What is known of an audio file without decoding it.

    ``digest``, 32 hexadecimal digits, identifies the audio whatever the file's name and tags; ``size`` in
    bytes and ``mtime_ns`` are of the moment it was read; ``packet_seconds`` sums packets' durations.
    """

    digest: str
    duration: float  # s
    sample_rate: int  # Hz
    channels: int
    codec: str
    size: int
    mtime_ns: int
    tags: Tags = field(default_factory=Tags)
    packet_seconds: float = 0.0


@dataclass(frozen=True)
class Waveform:
    """A mono signal.

    Parameters
    ----------
    samples : ndarray of float32, shape=(n,)
        The signal, full scale at +-1.
    sample_rate : int
        Rate in Hz.
    """

    samples: Float32
    sample_rate: int  # Hz


@dataclass(frozen=True)
class Framing:
    """How an encoder's windows lie over a signal; all lengths in samples.

    ``lead`` zeros go before the signal. With ``tail="pad"`` zeros follow until the last hop is whole; with
    "drop", ``trail`` zeros, and what fills no window is left out, unless it would be all there is; else it is
    repeated, "tile" whole times with zeros behind, unless it adds less than half of what a whole one would.
    """

    window: int
    hop: int
    lead: int = 0
    trail: int = 0
    tail: Literal["pad", "drop", "repeat", "tile"] = "pad"


@dataclass(frozen=True)
class EncoderSpec:
    """Everything that decides which numbers an encoder gives for a file.

    Parameters
    ----------
    name : str
        The encoder's name, as "openl3".
    version : int
        A count of the changes of our front end or network that change vectors.
    options : tuple of (str, str | int | bool)
        The encoder's own options, by name.
    weights : str
        The BLAKE2b-128 of the weight tensors, whatever file they came in.
    sample_rate : int
        Rate in Hz that signals are resampled to.
    resampler : {"kaiser_best", "soxr_hq"}
        How they are resampled.
    hop : float
        From window to window, in s.
    dimension : int
        Length of an embedding.
    framing : Framing
        How the windows lie over a signal.
    max_windows : int, optional
        The most windows of a track that are embedded; all, if None.
    """

    name: str
    version: int
    options: tuple[tuple[str, str | int | bool], ...]
    weights: str
    sample_rate: int  # Hz
    resampler: ResamplerName
    hop: float  # s
    dimension: int
    framing: Framing
    max_windows: int | None = None  # of a track

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits; equal exactly when the numbers are comparable."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=16).hexdigest()

    @property
    def window(self) -> float:
        """Length of a window in seconds."""
        return self.framing.window / self.sample_rate

    def to_json(self) -> str:
        """Render the spec as canonical JSON, which `from_json` reads."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> EncoderSpec:
        """Read the spec that `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        options = tuple((key, value) for key, value in data["options"])
        return cls(**data | {"framing": Framing(**data["framing"]), "options": options})

    def describe(self) -> str:
        """Describe it in a short phrase for people: ``openl3 music mel256 512, hop 1 s, centred``."""
        options = dict(self.options)
        centred = options.pop("center", None)
        text = f"{' '.join([self.name, *map(str, options.values())])}, hop {self.hop:g} s"
        text += "" if centred is None else ", centred" if centred else ", not centred"
        return text if self.max_windows is None else f"{text}, at most {self.max_windows} windows a track"


@dataclass(frozen=True)
class FrameEmbeddings:
    """One embedding a window, or one for each channel of it.

    Parameters
    ----------
    embedding : ndarray of float16 or float32, shape=(n, dim) or (n, dim, channels)
        The embeddings.
    timestamps : ndarray of float64, shape=(n,)
        The windows' times in s, as openl3 counts them: index times hop.
    level : ndarray of float16, shape=(n,) or (n, channels)
        The windows' RMS without DC offset in dBFS, -inf for silence.
    """

    embedding: Frames
    timestamps: Float64
    level: npt.NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.timestamps)


@dataclass(frozen=True)
class TrackVector:
    """A track as one unit vector.

    Parameters
    ----------
    vector : ndarray of float32, shape=(dim,)
        The vector, of length 1.
    windows : int
        The number of audible windows it was pooled from.
    passages : bytes
        Vectors of its stretches, packed as encoders/passage_vectors.py does.
    """

    vector: Float32
    windows: int
    passages: bytes = b""


@dataclass(frozen=True)
class Track:
    """A file of the index, as results show it.

    Parameters
    ----------
    path : bytes
        The file, by the file system's own bytes.
    digest : str
        What identifies its audio, 32 hexadecimal digits.
    duration : float, optional
        Length in s, where it is known.
    tags : Tags
        What the file says of itself.
    """

    path: bytes
    digest: str
    duration: float | None  # s
    tags: Tags = field(default_factory=Tags)


@dataclass(frozen=True)
class Passage:
    """Which stretch of a track answers which stretch of a query.

    Parameters
    ----------
    similarity : float
        The mean cosine of their windows, one by one, where these are most alike.
    start, end : float
        The track's stretch, in s from its beginning; placed by fingerprints where these find it.
    query, query_start, query_end : bytes, float, float
        The query's path, and its stretch, in s from its beginning.
    """

    similarity: float
    start: float
    end: float
    query: bytes
    query_start: float
    query_end: float


@dataclass(frozen=True)
class Match:
    """One answer to a query.

    Parameters
    ----------
    rank : int
        Its place among the answers, from 1.
    similarity : float
        The cosine, -1 to 1, of the track or the stretch; of words alone, see `SearchResult`.
    track : Track
        The answer.
    percentile : float, optional
        The percentage of random pairs of the library that are less alike.
    duplicates : tuple of Track
        Other files of the same recording that would have followed.
    passage : Passage, optional
        The stretch that answers, where a passage was asked with or the match is explained.
    score : float, optional
        What answers are ordered by: the similarity, corrected for hubs, or the fit of words.
    words : tuple of str
        Of an explained match, the words that it and the queries stand out by.
    """

    rank: int
    similarity: float
    track: Track
    percentile: float | None = None
    duplicates: tuple[Track, ...] = ()
    passage: Passage | None = None
    score: float | None = None
    words: tuple[str, ...] = ()


Status = Literal["indexed", "reused", "moved", "unchanged", "failed", "failed_before"]


@dataclass(frozen=True)
class TrackOutcome:
    """What became of one file in a run of `index_folder`.

    Parameters
    ----------
    path : bytes
        The file, by the file system's own bytes.
    status : {"indexed", "reused", "moved", "unchanged", "failed", "failed_before"}
        How its vector was had: computed, by its audio, by its new name, or as it was; or that it failed.
    reason : str, optional
        Why it failed.
    """

    path: bytes
    status: Status
    reason: str | None = None


class Encoder(Protocol):
    """A model loaded once, which turns windows of samples into embeddings."""

    @property
    def spec(self) -> EncoderSpec:
        """Everything that decides the numbers this encoder gives."""

    @property
    def batch_size(self) -> int:
        """The number of windows a call computes best."""

    @property
    def dtype(self) -> str:
        """The dtype it computes in, as "float32"; recorded, not part of the spec."""

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds spent so far by stage, as "front end" and "network"."""

    def embed(self, windows: Float32) -> Float32:
        """Compute the embeddings, float32 (n, dim), of windows, float32 (n, samples); any n."""


TAG_NAMES = tuple(f.name for f in fields(Tags))
