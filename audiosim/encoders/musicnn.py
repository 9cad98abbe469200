"""MusiCNN (Pons, Serra, ISMIR 2019 late-breaking).

The networks trained on the Million Song Dataset and on MagnaTagATune, up to their 200-dimensional
penultimate layer, as the musicnn 0.1.0 package computes it; that package is never imported. Weights are
read from its TensorFlow checkpoints; the last layer, which names tags, from there too (`vocabulary`).

    window, 3 s at 16 kHz -> power mel spectrogram -> float16 -> log10(10000 x + 1)
    -> timbral and temporal convolutions -> three convolutions, densely connected
    -> mean and maximum over time -> dense layer of 200

The windows carry half a Fourier frame of context on either side, so that their frames equal
those of the package's centred transform over the whole signal.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from audiosim.core.types import EncoderSpec, Float32, Framing
from audiosim.encoders.engines import Engine, Graph, NumPyEngine, Padding, TensorFlowEngine
from audiosim.encoders.mel import mel_filters
from audiosim.encoders.musicnn_labels import MSD, MTT
from audiosim.encoders.tf_checkpoint import read_tensors
from audiosim.encoders.words import Vocabulary

Variant = Literal["msd", "mtt"]
LABELS: dict[Variant, tuple[str, ...]] = {"msd": MSD, "mtt": MTT}

VERSION = 1  # of this front end and network; raised by whatever changes vectors
SAMPLE_RATE = 16_000  # Hz
N_FFT = 512  # samples
STFT_HOP = 256  # samples
N_MELS = 96
FRAMES = 187  # spectrogram frames in a window, 3 s
WINDOW = (FRAMES - 1) * STFT_HOP + N_FFT  # samples
DEFAULT_HOP = FRAMES * STFT_HOP / SAMPLE_RATE  # s; the package's windows do not overlap
DIMENSION = 200
EPSILON = 1e-3  # of TensorFlow's batch normalisation
BATCH_SIZE = 4  # windows; as fast as 16, in less memory
QUICK_BATCH_SIZE = 8  # windows, one on each processor
TIMBRAL_HEIGHTS = (38, 67)  # mel bands a filter spans
TEMPORAL_LENGTHS = (128, 64, 32)  # frames a filter spans
NORM_SIZES = (1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200)
KERNEL_SHAPES = (
    *((7, height, 1, 204) for height in TIMBRAL_HEIGHTS),
    *((length, 1, 1, 51) for length in TEMPORAL_LENGTHS),
    (7, 561, 1, 64),
    (7, 64, 1, 64),
    (7, 64, 1, 64),
)
NORM_TENSORS = ("gamma", "beta", "moving_mean", "moving_variance")


@dataclass(frozen=True)
class MusiCNNOptions:
    """Which of the networks, and how the windows lie; as in `EncoderRequest`."""

    variant: Variant = "msd"
    hop: float = DEFAULT_HOP
    max_windows: int | None = None


@dataclass(frozen=True)
class MusiCNNWeights:
    """The weights of the network up to its penultimate layer.

    Parameters
    ----------
    tensors : dict of str to ndarray of float32
        The checkpoint's tensors by name, those that are needed.
    """

    tensors: dict[str, Float32]

    @classmethod
    def from_checkpoint(cls, prefix: Path) -> MusiCNNWeights:
        """Read ``PREFIX.index`` and ``PREFIX.data-00000-of-00001``.

        Raises
        ------
        WeightsError
            If they are no checkpoint, or not of this network.
        """
        return cls(read_tensors(prefix, _expected_shapes()))

    @property
    def digest(self) -> str:
        """The BLAKE2b-128 of the tensors by name, 32 hexadecimal digits."""
        state = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(self.tensors.items()):
            state.update(f"{name} {tensor.shape}".encode())
            state.update(np.ascontiguousarray(tensor, "<f4").tobytes())
        return state.hexdigest()


def musicnn_spec(options: MusiCNNOptions, weights_digest: str) -> EncoderSpec:
    """Make the spec of an encoder with these options and weights."""
    half = N_FFT // 2
    return EncoderSpec(
        name="musicnn",
        version=VERSION,
        options=()
        if options.variant == "msd"
        else (("variant", options.variant),),  # homes without one are msd
        weights=weights_digest,
        sample_rate=SAMPLE_RATE,
        resampler="soxr_hq",
        hop=options.hop,
        dimension=DIMENSION,
        framing=Framing(
            window=WINDOW, hop=round(options.hop * SAMPLE_RATE), lead=half, trail=half, tail="drop"
        ),
        max_windows=options.max_windows,
    )


def vocabulary(prefix: Path, variant: Variant) -> Vocabulary:
    """Read the last layer of a checkpoint, and give it its names.

    Raises
    ------
    WeightsError
        If it is no checkpoint, or not of this network.
    """
    labels = LABELS[variant]
    shapes = {"dense_1/kernel": (DIMENSION, len(labels)), "dense_1/bias": (len(labels),)}
    return Vocabulary(labels, *read_tensors(prefix, shapes).values())


class MusiCNNEncoder:
    """MusiCNN with weights loaded, front end included.

    Parameters
    ----------
    weights : MusiCNNWeights
        The tensors.
    options : MusiCNNOptions, optional
        How the windows lie.
    batch_size : int, optional
        Windows computed at a time; smaller batches are filled up with zeros.
    quick : bool
        Whether NumPy computes them, which starts fast.
    """

    def __init__(
        self,
        weights: MusiCNNWeights,
        options: MusiCNNOptions | None = None,
        *,
        batch_size: int | None = None,
        quick: bool = False,
    ) -> None:
        self.spec = musicnn_spec(options or MusiCNNOptions(), weights.digest)
        self.batch_size = batch_size or (QUICK_BATCH_SIZE if quick else BATCH_SIZE)
        self.dtype = "float32"
        self.stage_seconds = {"network": 0.0}  # its front end is part of it
        self._engine: Engine = NumPyEngine() if quick else TensorFlowEngine()
        self._graph = self._engine.compiled(_graph(self._engine, weights), (self.batch_size, WINDOW))

    def embed(self, windows: Float32) -> Float32:
        """Compute embeddings, float32 (n, 200), of windows, float32 (n, 48128), at 16 kHz."""
        out = np.empty((len(windows), DIMENSION), np.float32)
        for start in range(0, len(windows), self.batch_size):
            part = windows[start : start + self.batch_size]
            begin = time.perf_counter()
            found = self._engine.array(self._engine.run(self._graph, part, self.batch_size))
            out[start : start + len(part)] = found[: len(part)]
            self.stage_seconds["network"] += time.perf_counter() - begin
        return out


def _graph(engine: Engine, weights: MusiCNNWeights) -> Graph:
    """The graph from windows (n, 48128) to embeddings (n, 200)."""
    image, embedding = front_end(engine), network(engine, weights)
    return lambda windows: embedding(image(windows))


def front_end(engine: Engine) -> Graph:
    """Make the graph from windows (n, 48128) to images (n, frames, bands, 1)."""
    filters = mel_filters(SAMPLE_RATE, N_FFT, N_MELS)

    def graph(windows: Any) -> Any:
        mel = engine.half(engine.product(engine.power(windows, N_FFT, STFT_HOP), filters))
        return (engine.log(10_000 * mel + 1) * np.float32(1 / np.log(10)))[..., None]

    return graph


def network(engine: Engine, weights: MusiCNNWeights) -> Graph:
    """Make the graph from images (n, frames, bands, 1) to embeddings (n, 200)."""
    layers = _Layers(engine, weights.tensors)

    def graph(image: Any) -> Any:
        front = _front(engine, layers, image)
        pooled = _pooled_over_time(engine, _dense_connections(engine, layers, front))
        return layers.dense(layers.norm(pooled, 9))

    return graph


def _front(engine: Engine, layers: _Layers, image: Any) -> Any:
    """Timbral filters, tall, and temporal ones, long; each pooled over frequency: (n, frames, 561)."""
    image = layers.norm(image, 0)
    padded = engine.pad(image, [(0, 0), (3, 3), (0, 0), (0, 0)])
    timbral = [
        layers.norm_of_maximum(layers.convolution(padded, index, "VALID"), index + 1, axis=2)
        for index in range(len(TIMBRAL_HEIGHTS))
    ]
    # One band at a time: a two-dimensional convolution of this shape takes 250 MB of scratch.
    count, frames, bands, _ = image.shape
    rows = engine.reshape(engine.transpose(image, (0, 2, 1, 3)), (count * bands, 1, frames, 1))
    temporal = []
    for index in range(len(TIMBRAL_HEIGHTS), len(TIMBRAL_HEIGHTS) + len(TEMPORAL_LENGTHS)):
        features = layers.convolution(rows, index, "SAME", turned=True)
        features = engine.reshape(features, (count, bands, frames, -1))
        temporal.append(layers.norm_of_maximum(features, index + 1, axis=1))
    return engine.concat([*timbral, *temporal], 2)


def _dense_connections(engine: Engine, layers: _Layers, front: Any) -> Any:
    """Front end and three convolutions over time, side by side: (n, frames, 753)."""
    first = layers.over_time(front, 5)
    second = layers.over_time(first, 6) + first
    third = layers.over_time(second, 7) + second
    return engine.concat([front, first, second, third], 2)


def _pooled_over_time(engine: Engine, features: Any) -> Any:
    """Maximum and mean of each feature, interleaved as the package's flatten leaves them."""
    pools = engine.stack([engine.largest(features, 1), engine.mean(features, 1)], 2)
    return engine.reshape(pools, (features.shape[0], -1))


class _Layers:
    """The checkpoint's layers, by their numbers in it."""

    def __init__(self, engine: Engine, tensors: dict[str, Float32]) -> None:
        self._engine = engine
        self._tensors = tensors

    def norm(self, x: Any, index: int) -> Any:
        scale, shift = self._affine(index)
        return x * scale + shift

    def norm_of_maximum(self, x: Any, index: int, axis: int) -> Any:
        """The maximum of a norm over an axis, without the norm's own large tensor."""
        scale, shift = self._affine(index)
        extremes = self._engine.largest(x, axis), self._engine.smallest(x, axis)
        extreme = self._engine.choose(scale >= 0, *extremes)
        return extreme * scale + shift

    def _affine(self, index: int) -> tuple[Float32, Float32]:
        gamma, beta, mean, variance = (self._tensors[f"{_norm(index)}/{t}"] for t in NORM_TENSORS)
        scale: Float32 = gamma / np.sqrt(variance + np.float32(EPSILON))
        return scale, beta - mean * scale

    def convolution(self, x: Any, index: int, padding: Padding, *, turned: bool = False) -> Any:
        kernel, bias = (self._tensors[f"{_convolution(index)}/{part}"] for part in ("kernel", "bias"))
        kernel = kernel.swapaxes(0, 1) if turned else kernel
        return self._engine.convolution(kernel, bias, padding, relu=True)(x)

    def over_time(self, x: Any, index: int) -> Any:
        """Convolution 7 frames wide over all features (n, frames, f): (n, frames, 64)."""
        padded = self._engine.pad(x, [(0, 0), (3, 3), (0, 0)])[..., None]
        return self.norm(self.convolution(padded, index, "VALID")[:, :, 0, :], index + 1)

    def dense(self, x: Any) -> Any:
        y = self._engine.product(x, self._tensors["dense/kernel"]) + self._tensors["dense/bias"]
        return self.norm(self._engine.at_least(y, 0.0), 10)


def _norm(index: int) -> str:
    return "batch_normalization" + (f"_{index}" if index else "")


def _convolution(index: int) -> str:
    return "conv2d" + (f"_{index}" if index else "")


def _expected_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"dense/kernel": (1506, DIMENSION), "dense/bias": (DIMENSION,)}
    for index, size in enumerate(NORM_SIZES):
        shapes |= {f"{_norm(index)}/{tensor}": (size,) for tensor in NORM_TENSORS}
    for index, shape in enumerate(KERNEL_SHAPES):
        shapes[f"{_convolution(index)}/kernel"] = shape
        shapes[f"{_convolution(index)}/bias"] = shape[-1:]
    return shapes
