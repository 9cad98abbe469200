"""Whether our OpenL3 gives with the published weights what the openl3 package gave with them.

The package's own tests hold two of its answers: of mel256_music and of linear_env, for a chirp. Three
windows of each are kept here. The published weights could not be had where audiosim is developed, so
that whoever has them proves the network with them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

import numpy as np

from audiosim.core.errors import AudiosimWarning
from audiosim.core.types import Float32, Precision
from audiosim.encoders.openl3 import (
    SAMPLE_RATE,
    WINDOW,
    ContentType,
    EmbeddingSize,
    InputRepr,
    OpenL3Encoder,
    OpenL3Options,
    OpenL3Weights,
)
from audiosim.encoders.runtime import compute_dtype

ANSWERED: dict[str, tuple[EmbeddingSize, ...]] = {"mel256_music": (512, 6144), "linear_env": (512,)}
STARTS = (0.0, 0.5, 1.0)  # s, of the windows whose answers are kept
LEAST_COSINE = {"float32": 0.9999, "bfloat16": 0.9998}
REQUEST = "Please report it to audiosim's developers, with this line and the name of your processor."
CHANNELS = 512  # of the last convolution: an embedding of 512 has the maximum of each


@dataclass(frozen=True)
class Proof:
    """How near a network comes to the published answer.

    Parameters
    ----------
    network : str
        Its name, as "mel256_music".
    size : {512, 6144}
        The length of its embeddings.
    dtype : str
        What it computed in.
    cosine : float
        The least of the cosines of its windows to the published ones.
    """

    network: str
    size: int
    dtype: str
    cosine: float

    @property
    def what(self) -> str:
        """What was held to what."""
        return f"{self.network} {self.size} in {self.dtype}, against the published answer"

    @property
    def fault(self) -> str:
        """What is wrong, with the figures; empty where nothing is."""
        least = LEAST_COSINE[self.dtype]
        if self.cosine >= least:
            return ""
        return f"the cosine is {self.cosine:.6f}, where at least {least} is right. {REQUEST}"


def proofs(weights: OpenL3Weights, network: str) -> Iterator[Proof]:
    """Hold a network to its published answer, in each dtype and size; none where there is no answer.

    Parameters
    ----------
    weights : OpenL3Weights
        The published weights of the network.
    network : str
        Its name, as "mel256_music".

    Yields
    ------
    Proof
        How near it comes.
    """
    input_repr, content_type = network.split("_")
    precisions: tuple[Precision, ...] = ("auto", "float32")
    for precision in {compute_dtype(precision): precision for precision in precisions}.values():
        for size in ANSWERED.get(network, ()):
            options = OpenL3Options(
                cast("ContentType", content_type), cast("InputRepr", input_repr), size, center=False
            )
            encoder = OpenL3Encoder(weights, options, precision=precision, batch_size=len(STARTS))
            ours, theirs = encoder.embed(chirp_windows()), answer(network, size)
            yield Proof(network, size, encoder.dtype, _least_cosine(ours, theirs))


def warn_unless_proven(weights: OpenL3Weights, network: str) -> None:
    """Hold weights that are new here to the published answer, with an `AudiosimWarning` where they fail."""
    for proof in proofs(weights, network):
        if proof.fault:
            warnings.warn(f"{proof.what}: {proof.fault}", AudiosimWarning, stacklevel=2)


def chirp_windows() -> Float32:
    """Give the windows of the chirp that are answered, float32 (3, 48000), at 48 kHz."""
    samples = _kept("chirp")
    starts = (round(start * SAMPLE_RATE) for start in STARTS)
    return np.stack([samples[start : start + WINDOW] for start in starts])


def answer(network: str, size: EmbeddingSize) -> Float32:
    """Give the published embeddings of those windows, float32 (3, size)."""
    embedding: Float32 = _kept(network).astype(np.float32)
    if embedding.shape[1] == size:
        return embedding
    # The final pooling of the smaller one covers all cells of the larger one.
    largest: Float32 = embedding.reshape(len(embedding), -1, CHANNELS).max(axis=1)
    return largest


def _kept(name: str) -> Any:
    place = files("audiosim.encoders") / "published" / "openl3_chirp.npz"
    with place.open("rb") as file, np.load(file) as data:
        return data[name]


def _least_cosine(ours: Float32, theirs: Float32) -> float:
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    products = (ours.astype(np.float64) * theirs).sum(axis=1)
    return float(np.min(np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)))
