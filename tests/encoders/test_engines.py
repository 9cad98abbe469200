"""Two engines, one network: the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from audiosim.encoders.engines import NumPyEngine, Padding, TensorFlowEngine

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("kernel", [(3, 3, 5, 7), (7, 4, 1, 3), (1, 64, 1, 3), (2, 1, 5, 4)])
@pytest.mark.parametrize("relu", [True, False])
def test_a_convolution_is_the_same(padding: Padding, kernel: tuple[int, ...], relu: bool) -> None:
    images, weights, bias = normal(2, 9, 70, kernel[2]), normal(*kernel), normal(kernel[3])
    ours, theirs = (
        engine.array(engine.convolution(weights, bias, padding, relu=relu)(images))
        for engine in (NumPyEngine(), TensorFlowEngine())
    )
    assert ours.dtype == theirs.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


def test_a_convolution_in_strips_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    images, kernel, bias = normal(1, 50, 20, 4), normal(3, 3, 4, 6), normal(6)
    convolve = NumPyEngine().convolution(kernel, bias, "SAME", relu=True)
    whole = convolve(images)
    monkeypatch.setattr("audiosim.encoders.engines.STRIP", 7 * 20 * 36 * 4)
    np.testing.assert_allclose(convolve(images), whole, atol=1e-5)


def test_an_axis_that_was_added_does_not_matter() -> None:
    image, kernel, bias = normal(1, 9, 70), normal(7, 70, 1, 3), normal(3)
    convolve = NumPyEngine().convolution(kernel, bias, "VALID", relu=False)
    np.testing.assert_array_equal(convolve(image[..., None]), convolve(image.reshape(1, 9, 70, 1)))


def test_the_other_operations_are_the_same() -> None:
    windows, x = normal(2, 2_000), normal(2, 9, 11, 3)
    ours, theirs = NumPyEngine(), TensorFlowEngine()
    for name, arguments in {
        "power": (windows, 512, 256),
        "magnitude": (windows[:, :512],),
        "hann": (512,),
        "half": (x,),
        "max_pool": (x, 2, 3),
        "pad": (x, [(0, 0), (1, 2), (0, 0), (3, 0)]),
        "reshape": (x, (18, 33)),
        "transpose": (x, (0, 2, 1, 3)),
        "concat": ([x, x], 2),
        "stack": ([x, x], 2),
        "largest": (x, (1, 2)),
        "smallest": (x, 1),
        "mean": (x, 1),
        "choose": (x[0, 0, 0] > 0, x, -x),
        "at_least": (x, 0.5),
        "log": (np.abs(x),),
        "product": (x, normal(3, 4)),
    }.items():
        one, other = (engine.array(getattr(engine, name)(*arguments)) for engine in (ours, theirs))
        assert (one.dtype, one.shape) == (other.dtype, other.shape), name
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max(), err_msg=name)
