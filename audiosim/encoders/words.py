"""What an encoder knows of words: a vocabulary that it was trained to name, or any text.

A `Vocabulary` gives every window a score for each of its labels, from the embeddings that are cached;
a `TextSide` puts texts where the windows lie, so that a cosine tells how well they fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from audiosim.core.types import Float32, Frames


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The last layer of a network that was trained to name what it hears.

    Parameters
    ----------
    labels : tuple of str
        The words, as those who trained it wrote them.
    kernel : ndarray of float32, shape=(dim, labels)
        The layer's weights.
    bias : ndarray of float32, shape=(labels,)
        Its bias.
    """

    labels: tuple[str, ...]
    kernel: Float32
    bias: Float32

    def scores(self, windows: Frames) -> Float32:
        """Give the score, 0 to 1, of each label for windows (n, dim): float32 (n, labels)."""
        logits = windows.astype(np.float32) @ self.kernel + self.bias
        scores: Float32 = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))  # beyond that, float32 overflows
        return scores


class TextSide(Protocol):
    """The half of a network that reads, loaded."""

    def embed(self, texts: Sequence[str]) -> Float32:
        """Compute unit vectors, float32 (n, dim), of texts, which it puts into the form that it learnt."""
