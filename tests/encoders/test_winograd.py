"""Winograd convolutions against TensorFlow's own."""

from __future__ import annotations

import numpy as np
import pytest

from audiosim.encoders.runtime import tensorflow
from audiosim.encoders.winograd import winograd_convolution

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "shape", [(1, 4, 4, 3, 5), (2, 32, 24, 8, 16), (2, 9, 7, 4, 4), (1, 3, 1, 2, 2), (3, 6, 13, 1, 1)]
)
def test_equals_a_direct_convolution(shape: tuple[int, int, int, int, int]) -> None:
    n, height, width, channels, filters = shape
    tf = tensorflow()
    random = np.random.default_rng(sum(shape))
    image = tf.constant(random.normal(size=(n, height, width, channels)).astype(np.float32))
    kernel = random.normal(size=(3, 3, channels, filters)).astype(np.float32)
    bias = random.normal(size=filters).astype(np.float32)
    expected = tf.nn.conv2d(tf.cast(image, tf.float64), kernel.astype(np.float64), 1, "SAME").numpy() + bias
    result = tf.function(winograd_convolution(kernel, bias, relu=False))(image).numpy()
    assert result.dtype == np.float32
    assert result.shape == expected.shape
    assert np.abs(result - expected).max() < 1e-5 * np.abs(expected).max()
    rectified = tf.function(winograd_convolution(kernel, bias, relu=True))(image).numpy()
    np.testing.assert_array_equal(rectified, np.maximum(result, 0))


def test_the_openl3_network_uses_it_in_float32_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from audiosim.encoders import engines

    made: list[tuple[int, ...]] = []
    monkeypatch.setattr(engines, "winograd_convolution", lambda kernel, bias, relu: made.append(kernel.shape))
    for dtype in ("float32", "bfloat16"):
        for channels, filters in ((64, 128), (256, 256), (512, 512)):
            kernel = np.zeros((3, 3, channels, filters), np.float32)
            engine = engines.TensorFlowEngine(dtype)
            engine.convolution(kernel, np.zeros(filters, np.float32), "SAME", relu=True)
    assert made == [(3, 3, 256, 256), (3, 3, 512, 512)]
