"""Two engines for networks that are written once: TensorFlow, which runs fast, and NumPy, which starts fast.

A network is a function of an engine, and calls its operations. Images are (n, height, width,
channels); all is float32 but for what TensorFlow may convolve in bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from audiosim.core.threads import on_each_processor
from audiosim.core.types import Float32
from audiosim.encoders.runtime import has_gpu, tensorflow
from audiosim.encoders.winograd import winograd_convolution

Padding = Literal["SAME", "VALID"]
Graph = Callable[[Any], Any]

WINOGRAD_FILTERS = 256  # with fewer, its transforms cost what it saves
STRIP = 2**21  # bytes of an image's patches that are multiplied at a time: they stay in the cache


class Engine(Protocol):
    """What networks are made of; tensors also know ``+``, ``-``, ``*`` and slices."""

    @property
    def dtype(self) -> str:
        """What convolutions run in."""

    def compiled(self, graph: Graph, shape: tuple[int, ...]) -> Graph:
        """Make a graph of one float32 tensor of a fixed shape ready to run."""

    def run(self, graph: Graph, batch: Float32, size: int) -> Any:
        """Compute what was compiled for batches of a size, of as many rows or fewer: at least those."""

    def array(self, tensor: Any) -> Float32:
        """Give a result as an array."""

    def cast(self, x: Any) -> Any:
        """Bring a tensor to the dtype that convolutions run in."""

    def float32(self, x: Any) -> Any:
        """Bring a tensor back to float32."""

    def half(self, x: Any) -> Any:
        """Round float32 to what float16 can hold."""

    def convolution(self, kernel: Float32, bias: Float32, padding: Padding, *, relu: bool) -> Graph:
        """Make a convolution of images by a kernel (height, width, in, out)."""

    def max_pool(self, x: Any, height: int, width: int) -> Any:
        """Maxima of tiles of images; what fills no tile is left out."""

    def hann(self, length: int) -> Any:
        """Give Hann's window, periodic."""

    def power(self, windows: Any, n_fft: int, hop: int) -> Any:
        """Power spectra (n, frames, n_fft // 2 + 1) of windows (n, samples), under Hann's."""

    def magnitude(self, frames: Any) -> Any:
        """Magnitudes of the spectra of frames, along the last axis, as they are."""

    def pad(self, x: Any, widths: Sequence[tuple[int, int]]) -> Any:
        """Add zeros before and behind, on each axis."""

    def reshape(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Give a tensor another shape."""

    def transpose(self, x: Any, axes: tuple[int, ...]) -> Any:
        """Put a tensor's axes into another order."""

    def concat(self, parts: list[Any], axis: int) -> Any:
        """Join tensors along an axis."""

    def stack(self, parts: list[Any], axis: int) -> Any:
        """Join tensors along a new axis."""

    def largest(self, x: Any, axis: int | tuple[int, ...], *, keep: bool = False) -> Any:
        """Maxima over axes, which stay, of length 1, or go."""

    def smallest(self, x: Any, axis: int) -> Any:
        """Minima over an axis, which goes."""

    def mean(self, x: Any, axis: int) -> Any:
        """Means over an axis, which goes."""

    def choose(self, condition: Any, one: Any, other: Any) -> Any:
        """Take one where a condition holds, else the other."""

    def at_least(self, x: Any, least: float) -> Any:
        """Replace what is less."""

    def log(self, x: Any) -> Any:
        """Natural logarithms."""

    def product(self, x: Any, matrix: Float32) -> Any:
        """A matrix product, over the last axis."""


class TensorFlowEngine:
    """TensorFlow: three or four seconds to import, then the fastest.

    Parameters
    ----------
    dtype : {"float32", "bfloat16"}
        What convolutions run in.
    """

    def __init__(self, dtype: str = "float32") -> None:
        self._tf = tf = tensorflow()
        self.dtype = dtype
        self.pad, self.reshape, self.transpose = tf.pad, tf.reshape, tf.transpose
        self.concat, self.stack, self.log = tf.concat, tf.stack, tf.math.log
        self.smallest, self.mean, self.choose = tf.reduce_min, tf.reduce_mean, tf.where
        self.at_least, self.product = tf.maximum, tf.matmul

    def compiled(self, graph: Graph, shape: tuple[int, ...]) -> Graph:
        tf = self._tf
        function: Graph = tf.function(
            graph, autograph=False, input_signature=[tf.TensorSpec(shape, tf.float32)]
        )
        return function

    def run(self, graph: Graph, batch: Any, size: int) -> Any:
        return graph(_filled_up(batch, size))

    def array(self, tensor: Any) -> Float32:
        found: Float32 = tensor.numpy()
        return found

    def cast(self, x: Any) -> Any:
        return self._tf.cast(x, self.dtype)

    def float32(self, x: Any) -> Any:
        return self._tf.cast(x, self._tf.float32)

    def half(self, x: Any) -> Any:
        return self._tf.cast(self._tf.cast(x, self._tf.float16), self._tf.float32)

    def convolution(self, kernel: Float32, bias: Float32, padding: Padding, *, relu: bool) -> Graph:
        """By the faster of two ways (see benchmarks/RESULTS.md)."""
        tf = self._tf
        square = kernel.shape[:2] == (3, 3) and padding == "SAME" and kernel.shape[3] >= WINOGRAD_FILTERS
        if square and self.dtype == "float32" and not has_gpu():
            return winograd_convolution(kernel, bias, relu=relu)
        filters, shift = tf.constant(kernel, self.dtype), tf.constant(bias, self.dtype)

        def convolve(image: Any) -> Any:
            features = tf.nn.bias_add(tf.nn.conv2d(image, filters, 1, padding), shift)
            return tf.nn.relu(features) if relu else features

        return convolve

    def max_pool(self, x: Any, height: int, width: int) -> Any:
        return self._tf.nn.max_pool2d(x, (height, width), (height, width), "VALID")

    def hann(self, length: int) -> Any:
        return self._tf.signal.hann_window(length)

    def power(self, windows: Any, n_fft: int, hop: int) -> Any:
        return self._tf.square(self._tf.abs(self._tf.signal.stft(windows, n_fft, hop)))

    def magnitude(self, frames: Any) -> Any:
        tf = self._tf
        spectrum = tf.signal.rfft(frames)
        # tf.abs guards against overflow, at three times the cost
        return tf.sqrt(tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum)))

    def largest(self, x: Any, axis: int | tuple[int, ...], *, keep: bool = False) -> Any:
        return self._tf.reduce_max(x, axis, keepdims=keep)


class NumPyEngine:
    """NumPy: here at once, and good for some windows; convolutions are matrix products of patches."""

    dtype = "float32"

    def __init__(self) -> None:
        self.pad, self.reshape, self.transpose = np.pad, np.reshape, np.transpose
        self.concat, self.stack, self.log = np.concatenate, np.stack, np.log
        self.smallest, self.mean, self.choose = np.min, np.mean, np.where
        self.at_least, self.product = np.maximum, np.matmul

    def compiled(self, graph: Graph, shape: tuple[int, ...]) -> Graph:
        return graph

    def run(self, graph: Graph, batch: Any, size: int) -> Any:
        rows = [batch[row : row + 1] for row in range(len(batch))]
        return np.concatenate(on_each_processor(graph, rows))

    def array(self, tensor: Any) -> Float32:
        found: Float32 = tensor
        return found

    def cast(self, x: Any) -> Any:
        return x

    def float32(self, x: Any) -> Any:
        return x

    def half(self, x: Any) -> Any:
        return x.astype(np.float16).astype(np.float32)

    def convolution(self, kernel: Float32, bias: Float32, padding: Padding, *, relu: bool) -> Graph:
        height, width, channels, filters = kernel.shape
        matrix = np.ascontiguousarray(kernel.reshape(-1, filters))
        floor = np.float32(0 if relu else -np.inf)

        def convolve(images: Any) -> Any:
            if padding == "SAME":
                rows, columns = _around(height), _around(width)
                images = np.pad(images, [(0, 0), rows, columns, (0, 0)])
            patches = _patches(images, height, width)
            n, down, across, _, _ = patches.shape
            out = np.empty((n, down, across, filters), np.float32)
            strip = max(1, STRIP // (across * matrix.shape[0] * matrix.itemsize))
            for image, features in zip(patches, out, strict=True):
                for top in range(0, down, strip):
                    rows = image[top : top + strip].reshape(-1, height * width * channels)
                    part = features[top : top + strip].reshape(-1, filters)
                    np.matmul(rows, matrix, out=part)
                    part += bias
                    np.maximum(part, floor, out=part)
            return out

        return convolve

    def max_pool(self, x: Any, height: int, width: int) -> Any:
        n, down, across, channels = x.shape[0], x.shape[1] // height, x.shape[2] // width, x.shape[3]
        tiles = x[:, : down * height, : across * width].reshape(n, down, height, across, width, channels)
        return tiles.max(axis=2).max(axis=3)

    def hann(self, length: int) -> Float32:
        return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)

    def power(self, windows: Any, n_fft: int, hop: int) -> Any:
        frames = np.lib.stride_tricks.sliding_window_view(windows, n_fft, axis=1)[:, ::hop]
        spectrum = np.fft.rfft(frames * self.hann(n_fft))
        return np.square(spectrum.real) + np.square(spectrum.imag)

    def magnitude(self, frames: Any) -> Any:
        spectrum = np.fft.rfft(frames)
        return np.sqrt(np.square(spectrum.real) + np.square(spectrum.imag))

    def largest(self, x: Any, axis: int | tuple[int, ...], *, keep: bool = False) -> Any:
        return np.max(x, axis, keepdims=keep)


def _filled_up(batch: Any, size: int) -> Any:
    """A batch with rows of zeros behind, so that there are as many as the graph is made for."""
    if len(batch) == size:
        return batch
    whole = np.zeros((size, *batch.shape[1:]), np.float32)
    whole[: len(batch)] = batch
    return whole


def _around(length: int) -> tuple[int, int]:
    """The zeros before and behind with which a filter of a length gives as much as it gets."""
    return (length - 1) // 2, length // 2


def _patches(images: Float32, height: int, width: int) -> Float32:
    """A view (n, down, across, height, width * channels) of what a filter sees at each place."""
    images = np.ascontiguousarray(images)
    n, rows, columns, channels = images.shape
    channel = images.itemsize  # an axis of length 1 may have any stride
    column = channels * channel
    row = columns * column
    return np.lib.stride_tricks.as_strided(
        images,
        (n, rows - height + 1, columns - width + 1, height, width * channels),
        (rows * row, row, column, row, channel),
        writeable=False,
    )
