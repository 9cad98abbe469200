"""3 x 3 convolutions in float32 by Winograd's minimal filtering, F(4 x 4, 3 x 3).

After A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016: a tile
of 4 x 4 outputs takes 36 multiplications a channel instead of 144, as 36 matrix products over the
channels between two transforms, outputs = A^T [(G kernel G^T) * (B^T inputs B)] A. The transforms
are bound by memory: XLA compiles each into two passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from audiosim.core.types import Float32
from audiosim.encoders.runtime import tensorflow

Matrix = tuple[tuple[int, ...], ...]

TILE = 4  # outputs a side
PATCH = 6  # inputs a side
INPUT_TRANSFORM: Matrix = (  # B^T, section 4.3 of the paper
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
OUTPUT_TRANSFORM: Matrix = (  # A^T
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)
KERNEL_TRANSFORM = (  # G
    np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
)


def winograd_convolution(kernel: Float32, bias: Float32, *, relu: bool) -> Callable[[Any], Any]:
    """Make what equals tf.nn.conv2d(image, kernel, 1, "SAME") + bias, but for rounding.

    Parameters
    ----------
    kernel : ndarray of float32, shape=(3, 3, in, out)
        The filters.
    bias : ndarray of float32, shape=(out,)
        What is added to each.
    relu : bool
        Whether what is negative becomes zero.

    Returns
    -------
    callable
        A function for use in a graph, of images float32 (n, height, width, in) of a static shape.
    """
    tf = tensorflow()
    g = KERNEL_TRANSFORM
    products = np.einsum("ai,ijxy,bj->abxy", g, kernel.astype(np.float64), g).astype(np.float32)
    matrices = [tf.constant(matrix) for row in products for matrix in row]
    shift, floor = tf.constant(bias), tf.constant(0.0 if relu else -np.inf)
    rows_in, columns_in, columns_out, rows_out = _transforms()

    def convolve(image: Any) -> Any:
        n, height, width, channels = image.shape
        rows, columns = -(-height // TILE), -(-width // TILE)
        below, right = TILE * (rows + 1) - height - 1, TILE * (columns + 1) - width - 1
        padded = tf.pad(image, [[0, 0], [1, below], [1, right], [0, 0]])
        strips = tf.reshape(padded, (n, rows + 1, TILE, TILE * (columns + 1), channels))
        patches = [matrix for line in rows_in(strips) for matrix in columns_in(line)]
        sums = [tf.matmul(values, matrix) for values, matrix in zip(patches, matrices, strict=True)]
        points = [tf.reshape(values, (n, rows, columns, -1)) for values in sums]
        lines = [columns_out(*points[i : i + PATCH]) for i in range(0, len(points), PATCH)]
        return rows_out([values for line in lines for values in line], shift, floor, height, width)

    return convolve


@cache
def _transforms() -> list[Any]:
    """The two passes into the tiles and the two out of them, each compiled once for each shape."""
    passes = (_rows_in, _columns_in, _columns_out, _rows_out)
    return [tensorflow().function(function, autograph=False, jit_compile=True) for function in passes]


def _rows_in(strips: Any) -> list[Any]:
    """B^T: (n, rows + 1, 4, width, in) to a patch's 6 lines, each (n, rows, width, in)."""
    here, below = strips[:, :-1], strips[:, 1:]
    lines = [here[:, :, i] for i in range(TILE)] + [below[:, :, i] for i in range(PATCH - TILE)]
    return _combinations(INPUT_TRANSFORM, lines)


def _columns_in(line: Any) -> list[Any]:
    """B: (n, rows, width, in) to the 6 points of a patch's line, each (n * rows * columns, in)."""
    tf = tensorflow()
    n, rows, width, channels = line.shape
    strips = tf.reshape(line, (n, rows, width // TILE, TILE, channels))
    here, right = strips[:, :, :-1], strips[:, :, 1:]
    points = [here[..., i, :] for i in range(TILE)] + [right[..., i, :] for i in range(PATCH - TILE)]
    return [tf.reshape(values, (-1, channels)) for values in _combinations(INPUT_TRANSFORM, points)]


def _columns_out(*points: Any) -> list[Any]:
    """A: a patch's line, 6 points (n, rows, columns, out), to a tile's, 4 points."""
    return _combinations(OUTPUT_TRANSFORM, points)


def _rows_out(points: list[Any], bias: Any, floor: Any, height: int, width: int) -> Any:
    """A^T: 6 lines of 4 points (n, rows, columns, out) to (n, height, width, out), finished."""
    tf = tensorflow()
    by_column = [_combinations(OUTPUT_TRANSFORM, points[i::TILE]) for i in range(TILE)]
    lines = [tf.stack([column[i] for column in by_column], 3) for i in range(TILE)]
    n, rows, columns, channels = points[0].shape
    tiled = tf.reshape(tf.stack(lines, 2), (n, TILE * rows, TILE * columns, channels))
    return tf.maximum(tiled[:, :height, :width] + bias, floor)


def _combinations(matrix: Matrix, tensors: Sequence[Any]) -> list[Any]:
    """The matrix times the tensors; a matrix product would need them in one piece."""
    return [
        sum(tensor * factor for tensor, factor in zip(tensors, row, strict=True) if factor) for row in matrix
    ]
