"""OpenL3's audio network (Cramer, Wu, Salamon, Bello, ICASSP 2019).

It reads the published v0.4.0 weights and gives the numbers of openl3 0.4.2, faster: each batch
normalisation but the first is folded into the convolution before it, batches have one fixed
shape, and TensorFlow's convolutions run in bfloat16 where the CPU has it, elsewhere the largest
by Winograd's algorithm in float32. The first normalisation acts on the zero-padded input of a convolution and
can't be folded exactly: it stays an affine map.

    window, 1 s at 48 kHz -> |STFT| -> mel bands -> dB below the window's maximum, not under -80
    -> 3 x [conv, ReLU, conv, ReLU, max-pool 2] -> conv, ReLU -> conv -> max-pool -> flatten
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from audiosim.core.errors import WeightsError
from audiosim.core.types import EncoderSpec, Float32, Framing, Precision
from audiosim.encoders.engines import Engine, Graph, NumPyEngine, TensorFlowEngine
from audiosim.encoders.mel import mel_filters
from audiosim.encoders.runtime import compute_dtype, has_gpu

ContentType = Literal["music", "env"]
InputRepr = Literal["mel256", "mel128", "linear"]
EmbeddingSize = Literal[512, 6144]
CONTENT_TYPES: tuple[ContentType, ...] = get_args(ContentType)
INPUT_REPRS: tuple[InputRepr, ...] = get_args(InputRepr)
EMBEDDING_SIZES: tuple[EmbeddingSize, ...] = get_args(EmbeddingSize)

VERSION = 1  # of this front end and network; raised by whatever changes vectors
SAMPLE_RATE = 48_000  # Hz
WINDOW = 48_000  # samples
DEFAULT_HOP = 1.0  # s
STFT_HOP = 242  # samples
MIN_MAGNITUDE = 1e-10
DYNAMIC_RANGE = 80.0  # dB
EPSILON = 1e-3  # of Keras' BatchNormalization
FILTERS = (64, 64, 128, 128, 256, 256, 512, 512)
POOLED = (1, 3, 5)  # indices of the convolutions that a 2 x 2 max-pool follows
BATCH_SIZES = {"bfloat16": 8, "float32": 4}  # windows; as fast as twice as many, with half the activations
GPU_BATCH_SIZE = 64  # windows
QUICK_BATCH_SIZE = 8  # windows, one on each processor

N_FFT: dict[InputRepr, int] = {"mel256": 2048, "mel128": 2048, "linear": 512}
N_MELS: dict[InputRepr, int] = {"mel256": 256, "mel128": 128}
IMAGE_SHAPES: dict[InputRepr, tuple[int, int]] = {
    "mel256": (256, 199),
    "mel128": (128, 199),
    "linear": (257, 197),
}
FINAL_POOL: dict[InputRepr, dict[EmbeddingSize, tuple[int, int]]] = {
    "mel256": {6144: (8, 8), 512: (32, 24)},
    "mel128": {6144: (4, 8), 512: (16, 24)},
    "linear": {6144: (8, 8), 512: (32, 24)},
}


@dataclass(frozen=True)
class OpenL3Options:
    """Which of OpenL3's networks, and how its windows lie; as in `EncoderRequest`."""

    content_type: ContentType = "music"
    input_repr: InputRepr = "mel256"
    embedding_size: EmbeddingSize = 512
    center: bool = True
    hop: float = DEFAULT_HOP
    max_windows: int | None = None


@dataclass(frozen=True)
class OpenL3Weights:
    """The weight tensors, float32, in the network's order.

    Parameters
    ----------
    norms : tuple of ndarray, shape=(4, channels)
        Gamma, beta, mean and variance, of the input and then of each convolution but the last.
    convolutions : tuple of (ndarray, ndarray)
        Kernels, shape=(3, 3, in, out), and biases, shape=(out,).
    """

    norms: tuple[Float32, ...]
    convolutions: tuple[tuple[Float32, Float32], ...]

    @classmethod
    def from_layers(cls, layers: list[list[Float32]], source: str) -> OpenL3Weights:
        """Check the layers of a Keras file, those that have weights, in the file's order.

        Raises
        ------
        WeightsError
            If number or shapes are not those of OpenL3's audio network; `source` is named then.
        """
        shapes = [[tensor.shape for tensor in layer] for layer in layers]
        if shapes != _expected_shapes():
            raise WeightsError(
                f"{source} does not hold OpenL3 audio weights",
                _first_difference(shapes, _expected_shapes()),
                "Bring one of the published files. Which they are: audiosim weights list",
            )
        norms = tuple(np.stack(layer) for layer in layers[0:1] + layers[2::2])
        convolutions = tuple((kernel, bias) for kernel, bias in layers[1::2])
        weights = cls(norms, convolutions)
        if not all(np.isfinite(tensor).all() for layer in layers for tensor in layer):
            raise WeightsError(
                f"{source} is damaged", "some of its weights are not finite numbers", "Fetch the file again."
            )
        return weights

    @cached_property
    def digest(self) -> str:
        """The BLAKE2b-128 of the tensors, 32 hexadecimal digits, whatever file they came in."""
        state = hashlib.blake2b(digest_size=16)
        for tensor in [*self.norms, *(t for pair in self.convolutions for t in pair)]:
            state.update(repr(tensor.shape).encode())
            state.update(np.ascontiguousarray(tensor, "<f4").data)
        return state.hexdigest()


def openl3_spec(options: OpenL3Options, weights_digest: str) -> EncoderSpec:
    """Make the spec of an encoder with these options and weights."""
    return EncoderSpec(
        name="openl3",
        version=VERSION,
        options=(
            ("content_type", options.content_type),
            ("input_repr", options.input_repr),
            ("embedding_size", options.embedding_size),
            ("center", options.center),
        ),
        weights=weights_digest,
        sample_rate=SAMPLE_RATE,
        resampler="kaiser_best",
        hop=options.hop,
        dimension=options.embedding_size,
        framing=Framing(
            window=WINDOW,
            hop=int(options.hop * SAMPLE_RATE),  # truncated, as openl3 does
            lead=WINDOW // 2 if options.center else 0,
        ),
        max_windows=options.max_windows,
    )


class OpenL3Encoder:
    """OpenL3's audio network with weights loaded, front end included.

    Parameters
    ----------
    weights : OpenL3Weights
        The tensors.
    options : OpenL3Options, optional
        Which network, and how its windows lie.
    precision : {"auto", "float32"}
        "auto" for bfloat16 convolutions where the CPU has them.
    batch_size : int, optional
        Windows computed at a time; smaller batches are filled up with zeros.
    quick : bool
        Whether NumPy computes them, which starts fast, in float32.
    """

    def __init__(
        self,
        weights: OpenL3Weights,
        options: OpenL3Options | None = None,
        *,
        precision: Precision = "auto",
        batch_size: int | None = None,
        quick: bool = False,
    ) -> None:
        options = options or OpenL3Options()
        self.spec = openl3_spec(options, weights.digest)
        self._engine: Engine = NumPyEngine() if quick else TensorFlowEngine(compute_dtype(precision))
        self.dtype = self._engine.dtype
        self.batch_size = batch_size or (QUICK_BATCH_SIZE if quick else _batch_size(self.dtype))
        self.stage_seconds = {"front end": 0.0, "network": 0.0}
        image = (self.batch_size, *IMAGE_SHAPES[options.input_repr], 1)
        graph = front_end(self._engine, options.input_repr, weights.norms[0])
        self._front_end = self._engine.compiled(graph, (self.batch_size, WINDOW))
        self._network = self._engine.compiled(network(self._engine, weights, options), image)

    def embed(self, windows: Float32) -> Float32:
        """Compute embeddings, float32 (n, dim), of windows, float32 (n, 48000), at 48 kHz."""
        out = np.empty((len(windows), self.spec.dimension), np.float32)
        for start in range(0, len(windows), self.batch_size):
            part = windows[start : start + self.batch_size]
            out[start : start + len(part)] = self._embed_batch(part)[: len(part)]
        return out

    def _embed_batch(self, batch: Float32) -> Float32:
        begin = time.perf_counter()
        images = self._engine.run(self._front_end, batch, self.batch_size)
        between = time.perf_counter()
        embeddings = self._engine.array(self._engine.run(self._network, images, self.batch_size))
        end = time.perf_counter()
        self.stage_seconds["front end"] += between - begin
        self.stage_seconds["network"] += end - between
        return embeddings


def _batch_size(dtype: str) -> int:
    return GPU_BATCH_SIZE if has_gpu() else BATCH_SIZES[dtype]


def front_end(engine: Engine, input_repr: InputRepr, norm: Float32) -> Graph:
    """Make the graph from windows (n, 48000) to images (n, bands, frames, 1)."""
    n_fft = N_FFT[input_repr]
    taper = engine.hann(n_fft)
    filters = _mel_blocks(input_repr)
    scale, shift = (float(value[0]) for value in _affine(norm))

    def graph(windows: Any) -> Any:
        bands = engine.magnitude(_frames(engine, windows, n_fft, padded=bool(filters)) * taper)
        if filters:
            parts = [engine.product(bands[:, :, low:high], block) for low, high, block in filters]
            bands = engine.concat(parts, 2)
        decibels = engine.log(engine.at_least(bands, MIN_MAGNITUDE)) * np.float32(10 / np.log(10))
        top = engine.largest(decibels, (1, 2), keep=True)
        clipped = engine.at_least(decibels - top, -DYNAMIC_RANGE)
        return engine.transpose(clipped, (0, 2, 1))[..., None] * scale + shift

    return graph


def _frames(engine: Engine, windows: Any, n_fft: int, *, padded: bool) -> Any:
    """Overlapping frames (n, frames, n_fft) of windows; as tf.signal.frame, whose gather is slow."""
    count = -(-WINDOW // STFT_HOP) if padded else 1 + (WINDOW - n_fft) // STFT_HOP
    pieces = -(-n_fft // STFT_HOP)
    rows = count + pieces - 1
    missing = rows * STFT_HOP - WINDOW
    windows = engine.pad(windows, [(0, 0), (0, missing)]) if missing >= 0 else windows[:, : rows * STFT_HOP]
    rows_of_hops = engine.reshape(windows, (windows.shape[0], rows, STFT_HOP))
    return engine.concat([rows_of_hops[:, i : i + count] for i in range(pieces)], 2)[:, :, :n_fft]


def _mel_blocks(input_repr: InputRepr) -> list[tuple[int, int, Float32]]:
    """The mel filters in parts, (first bin, last bin + 1, matrix): most of the whole is zeros."""
    if input_repr == "linear":
        return []
    filters = mel_filters(SAMPLE_RATE, N_FFT[input_repr], N_MELS[input_repr])
    blocks = []
    for part in np.split(np.arange(filters.shape[1]), [N_MELS[input_repr] // 2, 3 * N_MELS[input_repr] // 4]):
        used = np.flatnonzero(filters[:, part].any(axis=1))
        low, high = int(used[0]), int(used[-1]) + 1
        blocks.append((low, high, filters[low:high, part]))
    return blocks


def network(engine: Engine, weights: OpenL3Weights, options: OpenL3Options) -> Graph:
    """Make the graph from images (n, bands, frames, 1) to embeddings (n, dim)."""
    folded = _folded(weights)
    last = len(folded) - 1
    convolutions = [
        engine.convolution(kernel, bias, "SAME", relu=i < last) for i, (kernel, bias) in enumerate(folded)
    ]
    height, width = FINAL_POOL[options.input_repr][options.embedding_size]  # which divide what it pools

    def graph(images: Any) -> Any:
        features = engine.cast(images)
        for index, convolution in enumerate(convolutions):
            features = convolution(features)
            if index in POOLED:
                features = engine.max_pool(features, 2, 2)
        pooled = engine.max_pool(features, height, width)
        return engine.float32(engine.reshape(pooled, (images.shape[0], options.embedding_size)))

    return graph


def _affine(norm: Float32) -> tuple[Float32, Float32]:
    """Scale and shift (channels,) that equal a batch normalisation (4, channels)."""
    gamma, beta, mean, variance = norm.astype(np.float64)
    scale = gamma / np.sqrt(variance + EPSILON)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def _folded(weights: OpenL3Weights) -> list[tuple[Float32, Float32]]:
    """Kernels and biases with the normalisation that follows each multiplied in."""
    folded = []
    for (kernel, bias), norm in zip(weights.convolutions, weights.norms[1:], strict=False):
        scale, shift = _affine(norm)
        folded.append((kernel * scale, bias * scale + shift))
    return [*folded, weights.convolutions[-1]]  # the last convolution has none


def _expected_shapes() -> list[list[tuple[int, ...]]]:
    shapes: list[list[tuple[int, ...]]] = [[(1,)] * 4]
    channels = 1
    for filters in FILTERS:
        shapes += [[(3, 3, channels, filters), (filters,)], [(filters,)] * 4]
        channels = filters
    return shapes[:-1]


def _first_difference(found: list[list[tuple[int, ...]]], expected: list[list[tuple[int, ...]]]) -> str:
    if len(found) != len(expected):
        return f"it has {len(found)} layers with weights, not {len(expected)}"
    index = next(i for i, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1])
    return f"layer {index + 1} has the shapes {found[index]}, not {expected[index]}"
