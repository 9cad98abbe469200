"""Where a similarity stands among those of random pairs of a library."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from audiosim.types import Float32

SAMPLE = 1000  # tracks, all of whose pairs are taken
REACH = 12.0  # of the shares kept, as logits: the best hundred-thousandth is told apart
SHARES = 1 / (1 + np.exp(-np.linspace(-REACH, REACH, 1001)))


@dataclass(frozen=True)
class Percentiles:
    """The similarities (1001,) of random pairs at SHARES, rising."""

    quantiles: Float32

    @classmethod
    def of(cls, vectors: Float32) -> Percentiles:
        """Those of all pairs of unit vectors (n, dim), n at least 2."""
        first, second = np.triu_indices(len(vectors), 1)
        pairs = (vectors @ vectors.T)[first, second]
        return cls(np.quantile(pairs, SHARES).astype(np.float32))

    def of_similarity(self, similarity: float) -> float:
        """The percentage of random pairs that are less alike, 0 to 100."""
        return float(100 * np.interp(similarity, self.quantiles, SHARES, left=0, right=1))

    def to_text(self) -> str:
        """A rendering that `from_text` reads."""
        return base64.b64encode(self.quantiles.astype("<f4").tobytes()).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> Percentiles:
        """What `to_text` wrote."""
        return cls(np.frombuffer(base64.b64decode(text), "<f4"))
