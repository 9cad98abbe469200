"""Winograd convolutions against TensorFlow's own."""

from __future__ import annotations

import numpy as np
import pytest

from audiosim.encoders.runtime import tensorflow
from audiosim.encoders.winograd import winograd_convolution


@pytest.mark.parametrize(
    "shape", [(1, 4, 4, 3, 5), (2, 32, 24, 8, 16), (2, 9, 7, 4, 4), (1, 3, 1, 2, 2), (3, 6, 13, 1, 1)]
)
def test_equals_a_direct_convolution(shape: tuple[int, int, int, int, int]) -> None:
    n, height, width, channels, filters = shape
    tf = tensorflow()
    random = np.random.default_rng(sum(shape))
    image = tf.constant(random.normal(size=(n, height, width, channels)).astype(np.float32))
    kernel = random.normal(size=(3, 3, channels, filters)).astype(np.float32)
    expected = tf.nn.conv2d(tf.cast(image, tf.float64), kernel.astype(np.float64), 1, "SAME").numpy()
    result = tf.function(winograd_convolution(kernel))(image).numpy()
    assert result.dtype == np.float32
    assert result.shape == expected.shape
    assert np.abs(result - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_openl3_network_uses_it_in_float32_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from audiosim.encoders import openl3

    made: list[tuple[int, ...]] = []
    monkeypatch.setattr(openl3, "winograd_convolution", lambda kernel: made.append(kernel.shape))
    tf = tensorflow()
    kernels = [np.zeros((3, 3, a, b), np.float32) for a, b in ((128, 256), (256, 256), (512, 512))]
    for dtype in ("float32", "bfloat16"):
        for kernel in kernels:
            openl3._convolution(tf, kernel, dtype)
    assert made == [(3, 3, 256, 256), (3, 3, 512, 512)]
