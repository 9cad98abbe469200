"""PANNs' CNN14 (Kong et al., IEEE/ACM TASLP 28, 2020) on plain TensorFlow.

The network trained on AudioSet, up to its 2048-dimensional embedding, as panns_inference 0.1.1
computes it: for sound at 32 kHz, and the one for 16 kHz. Each batch normalisation but the first is
folded into the convolution before it; convolutions run in bfloat16 where the CPU has it, elsewhere some
by Winograd's algorithm in float32. The first normalisation acts on the zero-padded input of a convolution
and can't be folded exactly.

    window, 10 s -> power mel spectrogram, 64 bands -> dB -> 5 x [conv, ReLU, conv, ReLU, average-pool 2]
    -> conv, ReLU, conv, ReLU -> mean over bands -> maximum plus mean over time -> dense layer of 2048

The package embeds a file of any length as a whole. Here a track is cut into windows of 10 s, those
of AudioSet's clips; what is shorter is repeated, which leaves mean and maximum over time nearer to what
the package gives for it than silence does. The network itself takes any length from 31 hops on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, get_args

import numpy as np

from audiosim.core.errors import WeightsError
from audiosim.core.types import EncoderSpec, Float32, Framing, Precision
from audiosim.encoders.log_mel import LogMel
from audiosim.encoders.mel import mel_filters
from audiosim.encoders.runtime import compute_dtype, has_gpu, tensorflow
from audiosim.encoders.torch_file import Tensor
from audiosim.encoders.winograd import winograd_convolution
from audiosim.encoders.words import Vocabulary

Variant = Literal["cnn14", "cnn14-16k"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

VERSION = 1  # of this front end and network; raised by whatever changes vectors
WINDOW = 10.0  # s
DEFAULT_HOP = 10.0  # s
DIMENSION = 2048
CLASSES = 527  # of AudioSet
CHANNELS = (1, 64, 128, 256, 512, 1024, 2048)
BLOCKS = len(CHANNELS) - 1
EPSILON = 1e-5  # of torch's batch normalisation
BATCH_SIZE = 4  # windows; 2 take 15 % longer each, 8 no less
GPU_BATCH_SIZE = 16  # windows
WINOGRAD = range(3, 8)  # convolutions, by index; later ones have too few positions for their large kernels
NORM_TENSORS = ("weight", "bias", "running_mean", "running_var")
FILTERS = "logmel_extractor.melW"  # in the files too, though nothing of it is learnt

FRONT_ENDS: dict[Variant, LogMel] = {
    "cnn14": LogMel(32_000, n_fft=1024, hop=320, bands=64, fmin=50.0, fmax=14_000.0),
    "cnn14-16k": LogMel(16_000, n_fft=512, hop=160, bands=64, fmin=50.0, fmax=8_000.0),
}


@dataclass(frozen=True)
class PannsOptions:
    """Which of the networks, and how its windows lie; as in `EncoderRequest`."""

    variant: Variant = "cnn14"
    hop: float = DEFAULT_HOP
    max_windows: int | None = None


@dataclass(frozen=True)
class PannsWeights:
    """The weights of a network, the layer that names AudioSet's classes included.

    Parameters
    ----------
    variant : {"cnn14", "cnn14-16k"}
        The network.
    tensors : dict of str to ndarray of float32
        What is learnt, by the names and in the shapes of torch's state.
    """

    variant: Variant
    tensors: dict[str, Float32]

    @classmethod
    def from_state(cls, state: dict[str, Tensor], source: str) -> PannsWeights:
        """Check a network's state, as `read_tensors` reads it from a file.

        Raises
        ------
        WeightsError
            If it is of neither network, or damaged; `source` is named then.
        """
        wrong = next((n for n, shape in SHAPES.items() if n not in state or state[n].shape != shape), None)
        if wrong is not None:
            there = f"of the shape {state[wrong].shape}, not {SHAPES[wrong]}" if wrong in state else "missing"
            raise WeightsError(
                f"{source} does not hold CNN14 weights", f"its tensor {wrong} is {there}", REMEDY
            )
        if not all(np.issubdtype(state[name].dtype, np.floating) for name in SHAPES):
            raise WeightsError(f"{source} does not hold CNN14 weights", "some are whole numbers", REMEDY)
        variant = _variant(state.get(FILTERS), source)
        tensors = {name: np.asarray(state[name], np.float32) for name in SHAPES}
        if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
            raise WeightsError(
                f"{source} is damaged", "some of its weights are not finite numbers", "Fetch the file again."
            )
        return cls(variant, tensors)

    @property
    def digest(self) -> str:
        """The BLAKE2b-128 of the tensors by name, 32 hexadecimal digits, whatever file they came in."""
        state = hashlib.blake2b(self.variant.encode(), digest_size=16)
        for name, tensor in sorted(self.tensors.items()):
            state.update(f"{name} {tensor.shape}".encode())
            state.update(np.ascontiguousarray(tensor, "<f4").data)
        return state.hexdigest()


def panns_spec(options: PannsOptions, weights_digest: str) -> EncoderSpec:
    """Make the spec of an encoder with these options and weights."""
    rate = FRONT_ENDS[options.variant].sample_rate
    return EncoderSpec(
        name="panns",
        version=VERSION,
        options=(("variant", options.variant),),
        weights=weights_digest,
        sample_rate=rate,
        resampler="soxr_hq",
        hop=options.hop,
        dimension=DIMENSION,
        framing=Framing(window=round(WINDOW * rate), hop=round(options.hop * rate), tail="repeat"),
        max_windows=options.max_windows,
    )


def vocabulary(weights: PannsWeights) -> Vocabulary:
    """Give the last layer of a network the names of AudioSet's classes (LICENSES/audioset.txt)."""
    names = (files("audiosim.encoders") / "published" / "audioset_labels.txt").read_text("utf-8")
    kernel, bias = (weights.tensors[f"fc_audioset.{part}"] for part in ("weight", "bias"))
    return Vocabulary(tuple(names.splitlines()), kernel.T, bias)


class PannsEncoder:
    """CNN14 with weights loaded, front end included.

    Parameters
    ----------
    weights : PannsWeights
        The tensors.
    options : PannsOptions, optional
        Which network, and how its windows lie.
    precision : {"auto", "float32"}
        "auto" for bfloat16 convolutions where the CPU has them.
    batch_size : int, optional
        Windows computed at a time. In float32 smaller batches are filled up with zeros: each size
        takes seconds to compile.

    Raises
    ------
    WeightsError
        If the weights are of the other network.
    """

    def __init__(
        self,
        weights: PannsWeights,
        options: PannsOptions | None = None,
        *,
        precision: Precision = "auto",
        batch_size: int | None = None,
    ) -> None:
        options = options or PannsOptions(weights.variant)
        if options.variant != weights.variant:
            raise WeightsError(
                f"These weights are not of {options.variant}",
                f"they are of {weights.variant}",
                f"Choose {weights.variant} as `variant`.",
            )
        self.spec = panns_spec(options, weights.digest)
        self.dtype = compute_dtype(precision)
        self.batch_size = batch_size or (GPU_BATCH_SIZE if has_gpu() else BATCH_SIZE)
        self.stage_seconds = {"front end": 0.0, "network": 0.0}
        self._front_end = FRONT_ENDS[options.variant]
        self._network = _network(weights, self.dtype)

    def embed(self, windows: Float32) -> Float32:
        """Compute embeddings, float32 (n, 2048), of windows, float32 (n, samples), of 310 ms or more."""
        out = np.empty((len(windows), DIMENSION), np.float32)
        for start in range(0, len(windows), self.batch_size):
            part = windows[start : start + self.batch_size]
            begin = time.perf_counter()
            size = self.batch_size if self.dtype == "float32" else len(part)
            images = np.zeros((size, *self._image_shape(windows.shape[1])), np.float32)
            for image, window in zip(images, part, strict=False):
                image[...] = self._front_end(window)
            between = time.perf_counter()
            out[start : start + len(part)] = self._network(images).numpy()[: len(part)]
            self.stage_seconds["front end"] += between - begin
            self.stage_seconds["network"] += time.perf_counter() - between
        return out

    def _image_shape(self, samples: int) -> tuple[int, int]:
        return self._front_end.frame_count(samples), self._front_end.bands


def _network(weights: PannsWeights, dtype: str) -> Any:
    """A function from log-mels (n, frames, 64) to embeddings (n, 2048), traced for each shape it meets."""
    tf = tensorflow()
    scale, shift = _affine(weights, "bn0")
    layers = [_convolution(tf, index, *layer, dtype) for index, layer in enumerate(_folded(weights))]
    dense = tf.constant(weights.tensors["fc1.weight"].T), tf.constant(weights.tensors["fc1.bias"])

    def graph(mels: Any) -> Any:
        image = tf.cast((mels * scale + shift)[..., tf.newaxis], dtype)
        for index, layer in enumerate(layers):
            image = layer(image)
            if index % 2 and index < len(layers) - 1:
                image = tf.nn.avg_pool2d(image, 2, 2, "VALID")
        over_time = tf.reduce_mean(tf.cast(image, tf.float32), 2)
        pooled = tf.reduce_max(over_time, 1) + tf.reduce_mean(over_time, 1)
        return tf.nn.relu(tf.matmul(pooled, dense[0]) + dense[1])

    return tf.function(graph, autograph=False)


def _convolution(tf: Any, index: int, kernel: Float32, bias: Float32, dtype: str) -> Callable[[Any], Any]:
    """A convolution for use in a graph, by the faster of two ways (see benchmarks/RESULTS.md)."""
    if dtype == "float32" and index in WINOGRAD and not has_gpu():
        return winograd_convolution(kernel, bias, relu=True)
    filters, shift = tf.constant(kernel, dtype), tf.constant(bias, dtype)
    return lambda image: tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(image, filters, 1, "SAME"), shift))


def _folded(weights: PannsWeights) -> Iterator[tuple[Float32, Float32]]:
    """Kernels (3, 3, in, out) and biases with the normalisation that follows each multiplied in."""
    for block in range(1, BLOCKS + 1):
        for layer in (1, 2):
            scale, shift = _affine(weights, f"conv_block{block}.bn{layer}")
            kernel = weights.tensors[f"conv_block{block}.conv{layer}.weight"].transpose(2, 3, 1, 0)
            yield kernel * scale, shift


def _affine(weights: PannsWeights, norm: str) -> tuple[Float32, Float32]:
    """Scale and shift (channels,) that equal a batch normalisation."""
    gamma, beta, mean, variance = (weights.tensors[f"{norm}.{t}"].astype(np.float64) for t in NORM_TENSORS)
    scale = gamma / np.sqrt(variance + EPSILON)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def _variant(filters: Tensor | None, source: str) -> Variant:
    """The network whose mel filters a file holds: their learnt tensors have the same shapes."""
    for variant, front_end in FRONT_ENDS.items():
        ours = mel_filters(
            front_end.sample_rate, front_end.n_fft, front_end.bands, fmin=front_end.fmin, fmax=front_end.fmax
        )
        if filters is not None and filters.shape == ours.shape and np.allclose(filters, ours, atol=1e-5):
            return variant
    what = "no mel filters" if filters is None else "other mel filters"
    raise WeightsError(f"{source} is of neither CNN14 nor CNN14-16k", f"it has {what}", REMEDY)


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    def norm(name: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        return ((f"{name}.{tensor}", (size,)) for tensor in NORM_TENSORS)

    yield from norm("bn0", 64)
    for index in range(1, BLOCKS + 1):
        block, before, size = f"conv_block{index}", CHANNELS[index - 1], CHANNELS[index]
        yield f"{block}.conv1.weight", (size, before, 3, 3)
        yield f"{block}.conv2.weight", (size, size, 3, 3)
        yield from norm(f"{block}.bn1", size)
        yield from norm(f"{block}.bn2", size)
    for name, size in (("fc1", DIMENSION), ("fc_audioset", CLASSES)):
        yield f"{name}.weight", (size, DIMENSION)
        yield f"{name}.bias", (size,)


SHAPES = dict(_shapes())
REMEDY = "Bring one of the published files. Which they are: audiosim encoders show panns"
