"""MusiCNN (Pons, Serra, ISMIR 2019 late-breaking) on plain TensorFlow.

The network trained on the Million Song Dataset, up to its 200-dimensional penultimate layer, as
the musicnn 0.1.0 package computes it; that package is never imported. Its weights are read from
the package's TensorFlow checkpoint.

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
from typing import Any

import numpy as np

from audiosim.core.errors import WeightsError
from audiosim.core.types import EncoderSpec, Float32, Framing
from audiosim.encoders.mel import mel_filters
from audiosim.encoders.runtime import filled_up, tensorflow

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
    """How the windows lie; as in `EncoderRequest`."""

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
        tf = tensorflow()
        remedy = "Remove the folder: the weights are fetched again when they are needed."
        try:
            reader = tf.train.load_checkpoint(str(prefix))
            shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
        except (ValueError, RuntimeError, tf.errors.OpError) as error:
            raise WeightsError(f"{prefix} is no TensorFlow checkpoint", str(error), remedy) from error
        wrong = [name for name, shape in _expected_shapes().items() if shapes.get(name) != shape]
        if wrong:
            raise WeightsError(
                f"{prefix} does not hold MusiCNN weights", f"no tensor {wrong[0]} as expected", remedy
            )
        try:
            return cls({name: reader.get_tensor(name) for name in sorted(_expected_shapes())})
        except tf.errors.OpError as error:
            raise WeightsError(f"{prefix} is damaged", str(error), remedy) from error

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
        options=(),
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
    """

    def __init__(
        self, weights: MusiCNNWeights, options: MusiCNNOptions | None = None, *, batch_size: int | None = None
    ) -> None:
        self.spec = musicnn_spec(options or MusiCNNOptions(), weights.digest)
        self.batch_size = batch_size or BATCH_SIZE
        self.dtype = "float32"
        self.stage_seconds = {"network": 0.0}  # its front end is part of it
        self._graph = _build(weights, self.batch_size)

    def embed(self, windows: Float32) -> Float32:
        """Compute embeddings, float32 (n, 200), of windows, float32 (n, 48128), at 16 kHz."""
        out = np.empty((len(windows), DIMENSION), np.float32)
        for start in range(0, len(windows), self.batch_size):
            part = windows[start : start + self.batch_size]
            begin = time.perf_counter()
            batch = filled_up(part, self.batch_size)
            out[start : start + len(part)] = self._graph(batch).numpy()[: len(part)]
            self.stage_seconds["network"] += time.perf_counter() - begin
        return out


def _build(weights: MusiCNNWeights, batch_size: int) -> Any:
    """A traced function from windows (batch_size, 48128) to embeddings (batch_size, 200)."""
    tf = tensorflow()
    filters = tf.constant(mel_filters(SAMPLE_RATE, N_FFT, N_MELS))
    layers = _Layers(tf, weights.tensors)

    def graph(windows: Any) -> Any:
        power = tf.square(tf.abs(tf.signal.stft(windows, N_FFT, STFT_HOP)))
        mel = tf.cast(tf.cast(tf.matmul(power, filters), tf.float16), tf.float32)
        image = tf.math.log(10_000 * mel + 1) * np.float32(1 / np.log(10))
        front = _front(tf, layers, image[..., tf.newaxis])
        pooled = _pooled_over_time(tf, _dense_connections(tf, layers, front))
        return layers.dense(layers.norm(pooled, 9))

    return tf.function(
        graph, autograph=False, input_signature=[tf.TensorSpec((batch_size, WINDOW), tf.float32)]
    )


def _front(tf: Any, layers: _Layers, image: Any) -> Any:
    """Timbral filters, tall, and temporal ones, long; each pooled over frequency: (n, frames, 561)."""
    image = layers.norm(image, 0)
    padded = tf.pad(image, [[0, 0], [3, 3], [0, 0], [0, 0]])
    timbral = [
        layers.norm_of_maximum(layers.convolution(padded, index, "VALID"), index + 1, axis=2)
        for index in range(len(TIMBRAL_HEIGHTS))
    ]
    # One band at a time: a two-dimensional convolution of this shape takes 250 MB of scratch.
    count, frames, bands, _ = image.shape
    rows = tf.reshape(tf.transpose(image, [0, 2, 1, 3]), (count * bands, 1, frames, 1))
    temporal = []
    for index in range(len(TIMBRAL_HEIGHTS), len(TIMBRAL_HEIGHTS) + len(TEMPORAL_LENGTHS)):
        features = layers.convolution(rows, index, "SAME", turned=True)
        features = tf.reshape(features, (count, bands, frames, -1))
        temporal.append(layers.norm_of_maximum(features, index + 1, axis=1))
    return tf.concat([*timbral, *temporal], 2)


def _dense_connections(tf: Any, layers: _Layers, front: Any) -> Any:
    """Front end and three convolutions over time, side by side: (n, frames, 753)."""
    first = layers.over_time(front, 5)
    second = layers.over_time(first, 6) + first
    third = layers.over_time(second, 7) + second
    return tf.concat([front, first, second, third], 2)


def _pooled_over_time(tf: Any, features: Any) -> Any:
    """Maximum and mean of each feature, interleaved as the package's flatten leaves them."""
    pools = tf.stack([tf.reduce_max(features, 1), tf.reduce_mean(features, 1)], 2)
    return tf.reshape(pools, (features.shape[0], -1))


class _Layers:
    """The checkpoint's layers, by their numbers in it."""

    def __init__(self, tf: Any, tensors: dict[str, Float32]) -> None:
        self._tf = tf
        self._tensors = tensors

    def norm(self, x: Any, index: int) -> Any:
        scale, shift = self._affine(index)
        return x * scale + shift

    def norm_of_maximum(self, x: Any, index: int, axis: int) -> Any:
        """The maximum of a norm over an axis, without the norm's own large tensor."""
        tf = self._tf
        scale, shift = self._affine(index)
        extreme = tf.where(scale >= 0, tf.reduce_max(x, axis), tf.reduce_min(x, axis))
        return extreme * scale + shift

    def _affine(self, index: int) -> tuple[Float32, Float32]:
        gamma, beta, mean, variance = (self._tensors[f"{_norm(index)}/{t}"] for t in NORM_TENSORS)
        scale: Float32 = gamma / np.sqrt(variance + np.float32(EPSILON))
        return scale, beta - mean * scale

    def convolution(self, x: Any, index: int, padding: str, *, turned: bool = False) -> Any:
        tf, name = self._tf, _convolution(index)
        kernel = self._tensors[f"{name}/kernel"]
        y = tf.nn.conv2d(x, kernel.swapaxes(0, 1) if turned else kernel, 1, padding)
        return tf.nn.relu(tf.nn.bias_add(y, self._tensors[f"{name}/bias"]))

    def over_time(self, x: Any, index: int) -> Any:
        """Convolution 7 frames wide over all features (n, frames, f): (n, frames, 64)."""
        padded = self._tf.pad(x, [[0, 0], [3, 3], [0, 0]])[..., self._tf.newaxis]
        return self.norm(self.convolution(padded, index, "VALID")[:, :, 0, :], index + 1)

    def dense(self, x: Any) -> Any:
        tf = self._tf
        y = tf.nn.relu(tf.matmul(x, self._tensors["dense/kernel"]) + self._tensors["dense/bias"])
        return self.norm(y, 10)


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
