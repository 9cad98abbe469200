"""Caches: the embeddings of each window, one ``.npz`` file for each audio digest.

    FOLDER/<encoder fingerprint>/ab/<audio digest>.npz

holds ``embedding`` float16 (n, dim) and ``timestamps`` float64 (n,) in s under openl3's own
keys, ``level`` float16 (n,) in dBFS, and ``meta``, one JSON string. Nothing is pickled.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from audiosim.core.errors import HomeError
from audiosim.core.files import replacing
from audiosim.core.types import AudioInfo, EncoderSpec, FrameEmbeddings
from audiosim.core.version import DECODING, __version__

FORMAT = 1
FIRST_DECODING = 1  # of caches that do not say by which decoding they were made
SUFFIX = ".npz"


@dataclass(frozen=True)
class CachedTrack:
    """The embeddings of one recording.

    Parameters
    ----------
    frames : FrameEmbeddings
        Its windows.
    duration : float
        Its decoded length in s.
    channels : int
        Of its source.
    decoding : int
        By which decoding its windows were made: that of `audiosim.core.version`, or an older one.
    """

    frames: FrameEmbeddings
    duration: float
    channels: int
    decoding: int


@lru_cache
def _fingerprint(spec: EncoderSpec) -> str:
    """Its fingerprint, which takes long to make; each request to a server asks for it."""
    return spec.fingerprint


def cache_file(folder: Path, digest: str) -> Path:
    """Tell where an encoder's folder of caches has, or would have, the embeddings of this audio."""
    return folder / digest[:2] / f"{digest}{SUFFIX}"


class Cache:
    """The caches of one encoder configuration.

    Parameters
    ----------
    folder : Path
        The folder of all caches; each encoder has its own below it.
    spec : EncoderSpec
        The encoder.
    """

    def __init__(self, folder: Path, spec: EncoderSpec) -> None:
        self._spec, self._fingerprint = spec, _fingerprint(spec)
        self.folder = folder / self._fingerprint

    def path(self, digest: str) -> Path:
        """Tell where the embeddings of this audio are, or would be."""
        return cache_file(self.folder, digest)

    def write(self, info: AudioInfo, frames: FrameEmbeddings, dtype: str) -> None:
        """Keep a track's embeddings, computed in `dtype`, as float16; whole or not at all.

        Raises
        ------
        HomeError
            If the folder can't be written to.
        """
        meta = {
            "format": FORMAT,
            "encoder": asdict(self._spec),
            "fingerprint": self._fingerprint,
            "digest": info.digest,
            "duration": info.duration,
            "sample_rate": info.sample_rate,
            "channels": info.channels,
            "computed_in": dtype,
            "decoding": DECODING,
            "audiosim": __version__,
        }
        try:
            with replacing(self.path(info.digest)) as file:
                np.savez(
                    file,
                    embedding=frames.embedding.astype(np.float16, copy=False),
                    timestamps=frames.timestamps,
                    level=frames.level,
                    meta=np.array(json.dumps(meta)),
                )
        except OSError as error:
            raise HomeError(
                f"Can't write to the cache folder {self.folder}",
                error.strerror or str(error),
                "Finished tracks are kept. Make room or give another `cache` folder, then run again.",
            ) from error

    def read(self, digest: str) -> CachedTrack | None:
        """Read a track's embeddings; None where they are missing, damaged or of another encoder."""
        try:
            with open(self.path(digest), "rb") as file, np.load(file, allow_pickle=False) as data:
                meta = json.loads(str(data["meta"]))
                frames = FrameEmbeddings(data["embedding"], data["timestamps"], data["level"])
        except Exception:  # a flipped byte in a zip file raises nearly anything
            return None
        if not self._valid(meta, digest, frames):
            return None
        decoding = meta.get("decoding", FIRST_DECODING)
        return CachedTrack(frames, meta["duration"], meta["channels"], decoding)

    def _valid(self, meta: Any, digest: str, frames: FrameEmbeddings) -> bool:
        count = frames.timestamps.size
        return (
            isinstance(meta, dict)
            and meta.get("format") == FORMAT
            and meta.get("fingerprint") == self._fingerprint
            and meta.get("digest") == digest
            and isinstance(meta.get("duration"), float)
            and isinstance(meta.get("channels"), int)
            and isinstance(meta.get("decoding", FIRST_DECODING), int)
            and count > 0
            and frames.embedding.dtype == np.float16
            and frames.embedding.shape == (count, self._spec.dimension)
            and frames.timestamps.shape == frames.level.shape == (count,)
        )
