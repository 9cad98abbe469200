"""A tiny encoder behind the real protocol: band energies instead of a network."""

from __future__ import annotations

import numpy as np

from audiosim.core.types import EncoderSpec, Float32, Framing

BANDS = 16
SAMPLE_RATE = 8_000  # Hz


class FakeEncoder:
    """Log energies of 16 bands of each second; counts the windows it was given."""

    def __init__(
        self, *, name: str = "fake", weights: str = "fake", hop: float = 1.0, max_windows: int | None = None
    ) -> None:
        self.spec = EncoderSpec(
            name=name,
            version=1,
            options=(),
            weights=weights,
            sample_rate=SAMPLE_RATE,
            resampler="soxr_hq",
            hop=hop,
            dimension=BANDS,
            framing=Framing(window=SAMPLE_RATE, hop=int(hop * SAMPLE_RATE)),
            max_windows=max_windows,
        )
        self.batch_size = 4
        self.dtype = "float32"
        self.windows = 0
        self.stage_seconds = {"network": 0.0}

    def embed(self, windows: Float32) -> Float32:
        self.windows += len(windows)
        power = np.abs(np.fft.rfft(windows, axis=1)[:, 1:4001]) ** 2
        bands = power.reshape(len(windows), BANDS, -1).sum(axis=2)
        embedding: Float32 = (np.log10(bands + 1e-3) + 4).astype(np.float32)
        return embedding
