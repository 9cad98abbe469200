"""How a home turns a track's windows into what the catalog keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from audiosim.directions import Directions
from audiosim.passages import packed, passages
from audiosim.pooling import pool
from audiosim.types import Float32, FrameEmbeddings, Pooling, TrackVector


@dataclass(frozen=True)
class Pooler:
    """A pooling, the hop in s, and the mean window, float32 (dim,) as bytes; empty: not centred."""

    pooling: Pooling
    hop: float
    centre_bytes: bytes = b""

    @cached_property
    def centre(self) -> Float32 | None:
        """The mean window (dim,) that is subtracted from every window, if there is one."""
        return np.frombuffer(self.centre_bytes, "<f4") if self.centre_bytes else None

    def directions(self, frames: FrameEmbeddings) -> Directions:
        """A track's windows as directions."""
        return Directions(frames, self.centre, self.hop)

    def __call__(self, frames: FrameEmbeddings) -> TrackVector:
        """A track's vector and passages.

        Raises
        ------
        AudioError : as `pool` does.
        """
        vector = pool(frames, self.pooling, self.centre)
        return replace(vector, passages=packed(passages(self.directions(frames), self.hop)))
