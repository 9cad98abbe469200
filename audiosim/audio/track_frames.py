"""The windows of one track while they are embedded, and what has come of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiosim.audio.framing import Framer, Selection, levels, window_count
from audiosim.core.spill import Rows
from audiosim.core.types import EncoderSpec, Float32, FrameEmbeddings

Indices = npt.NDArray[np.int64]


class TrackFrames:
    """One track on its way through the network.

    Parameters
    ----------
    spec : EncoderSpec
        What embeds it.
    seconds : float
        How long it is expected to last; only a limit of windows asks for it.
    dtype : numpy.dtype
        Of the embeddings.
    spill : Path, optional
        Folder for those of a very long track.
    """

    def __init__(self, spec: EncoderSpec, seconds: float, dtype: np.dtype[Any], spill: Path | None) -> None:
        self.framer = Framer(spec.framing)
        self.channels: int | None = None  # that stay apart; None of a mono signal
        self.ended = False
        self.last: tuple[Indices, Float32]  # the window that came last, and its index
        self._hop = spec.hop
        self._embedding = Rows(spec.dimension, dtype, spill)  # of a window's channels one after the other
        self._indices: list[Indices] = []
        self._levels: list[npt.NDArray[np.float16]] = []
        self._seen = 0
        self.kept = 0
        expected = window_count(spec.framing, round(seconds * spec.sample_rate))
        self._selection = Selection(expected, spec.max_windows)

    def choose(self, windows: Float32) -> tuple[Indices, Float32]:
        """Choose the windows to embed of those that the framer gives next, with their indices."""
        first = self._seen
        self._seen += len(windows)
        indices = self._selection.keep(first, len(windows))
        self.last = np.array([self._seen - 1]), windows[-1:].copy()
        return indices, windows if len(indices) == len(windows) else windows[indices - first]

    def expect(self, indices: Indices, windows: Float32) -> Float32:
        """Say which windows are to be embedded, before they are; gives what to embed, (rows, samples)."""
        self.channels = windows.shape[1] if windows.ndim == 3 else None
        rows = windows.reshape(-1, windows.shape[-1])
        self.kept += len(windows)
        self._indices.append(indices)
        lengths = np.repeat(self.framer.lengths(indices), self.channels or 1)
        self._levels.append(levels(rows, lengths).reshape(windows.shape[:-1]))
        return rows

    def append(self, embeddings: Float32) -> None:
        """Take the embeddings (rows, dim) that come next."""
        self._embedding.append(embeddings)

    @property
    def complete(self) -> bool:
        """Whether it has ended and all its windows are embedded."""
        return self.ended and self._embedded == self.kept

    @property
    def reached(self) -> float:
        """How much of its audio, in s from the beginning, has been embedded or passed by."""
        return (self._seen - (self.kept - self._embedded)) * self._hop

    def close(self) -> None:
        """Let go of what lies on disk."""
        self._embedding.close()

    def frames(self) -> FrameEmbeddings:
        """Give the embeddings of a complete track."""
        timestamps = np.concatenate(self._indices).astype(np.float64) * self._hop
        embedding = self._embedding.array()
        if self.channels is not None:
            embedding = embedding.reshape(self.kept, self.channels, -1).transpose(0, 2, 1)
        return FrameEmbeddings(embedding, timestamps, np.concatenate(self._levels))

    @property
    def _embedded(self) -> float:
        """The windows that are: a whole number, but where only some channels of one are."""
        return self._embedding.count / (self.channels or 1)
