"""Speed of the OpenL3 network: each shape and precision, against openl3 and against the machine.

usage: python benchmarks/network.py [--reference PYTHON] [--pairs N] [--json]
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import Reference, pairs, parser, report, seconds, shown, spread
from recipe import write_weights

from audiosim.core.types import Precision
from audiosim.encoders.openl3 import EMBEDDING_SIZES, INPUT_REPRS, OpenL3Encoder, OpenL3Options
from audiosim.encoders.openl3_weights import read_weights
from audiosim.encoders.runtime import cpu_has_bfloat16, tensorflow

WINDOWS = 32  # in a timing
MATRIX = 4096
MULTIPLY_ADDS = {"mel256": 10.2e9, "mel128": 5.1e9, "linear": 10.2e9}  # a window


def matrix_product(dtype: str) -> Any:
    """A function that multiplies two large matrices."""
    tf = tensorflow()
    a = tf.cast(tf.random.normal((MATRIX, MATRIX)), dtype)
    multiply = tf.function(lambda x: tf.matmul(x, x))
    multiply(a)
    return lambda: tf.reduce_sum(multiply(a)).numpy()


def measure(encoder: OpenL3Encoder, windows: Any, rounds: int) -> dict[str, Any]:
    """Ms a window by stage."""
    encoder.embed(windows)
    figures: dict[str, list[float]] = {"front end": [], "network": []}
    for _ in range(rounds):
        before = dict(encoder.stage_seconds)
        encoder.embed(windows)
        for stage, times in figures.items():
            times.append((encoder.stage_seconds[stage] - before[stage]) / len(windows) * 1000)
    return {stage: spread(times) for stage, times in figures.items()}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--reference", metavar="PYTHON", help="of an environment with openl3 0.4.2")
    options.add_argument("--pairs", type=int, default=10)
    arguments = options.parse_args()
    precisions: list[Precision] = ["auto", "float32"] if cpu_has_bfloat16() else ["float32"]
    windows = np.random.default_rng(0).normal(0, 0.1, (WINDOWS, 48_000)).astype(np.float32)
    results: dict[str, Any] = {"shapes": [], "matrix product": [], "openl3": []}
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "weights.h5"
        write_weights(path)
        weights = read_weights(path)
        for precision in precisions:
            for input_repr in INPUT_REPRS:
                for size in EMBEDDING_SIZES:
                    shape = OpenL3Options("music", input_repr, size)
                    encoder = OpenL3Encoder(weights, shape, precision=precision)
                    figures = measure(encoder, windows, arguments.pairs)
                    share = figures["front end"]["median"] / figures["network"]["median"]
                    results["shapes"].append(
                        {"input_repr": input_repr, "size": size, "dtype": encoder.dtype, "ms": figures}
                    )
                    lines.append(
                        f"{input_repr:7}{size:5} {encoder.dtype:9} "
                        f"network {shown(figures['network'], ' ms')}, "
                        f"front end {shown(figures['front end'], ' ms')} = {100 * share:.1f} %"
                    )
        for precision in precisions:
            encoder = OpenL3Encoder(weights, precision=precision)
            encoder.embed(windows)
            product = matrix_product(encoder.dtype)

            def network_rate(encoder: OpenL3Encoder = encoder) -> float:
                before = encoder.stage_seconds["network"]
                encoder.embed(windows)
                return 2 * MULTIPLY_ADDS["mel256"] * WINDOWS / (encoder.stage_seconds["network"] - before)

            def product_rate(product: Any = product) -> float:
                return 2 * MATRIX**3 / seconds(product)

            compared = pairs(product_rate, network_rate, arguments.pairs)
            results["matrix product"].append({"dtype": encoder.dtype, **compared})
            lines.append(
                f"{encoder.dtype:8} network {shown(compared['second'], ' GFLOP/s', 1e-9)},"
                f" matrix product {shown(compared['first'], ' GFLOP/s', 1e-9)},"
                f" ratio {shown(compared['ratio'])}"
            )
            if arguments.reference:
                openl3 = Reference(arguments.reference, path, "mel256", "512")
                openl3(str(WINDOWS))
                compared = pairs(
                    lambda encoder=encoder: seconds(lambda: encoder.embed(windows)),  # type: ignore[misc]
                    lambda openl3=openl3: openl3(str(WINDOWS)),  # type: ignore[misc]
                    arguments.pairs,
                )
                openl3.close()
                results["openl3"].append({"dtype": encoder.dtype, **compared})
                lines.append(
                    f"{encoder.dtype:9} samples to embedding, mel256: {shown(compared['ratio'])} x openl3"
                    f" ({shown(compared['first'], ' ms', 1000 / WINDOWS)} a window,"
                    f" openl3 {shown(compared['second'], ' ms', 1000 / WINDOWS)})"
                )
    report(results, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
