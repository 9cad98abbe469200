"""What each encoder costs: ms a window, and times real time, front end included.

usage: python benchmarks/encoders.py [--rounds N] [--description FILE.toml] [--json]

On weights of the published shapes: seeded ones for OpenL3 and PANNs; for MusiCNN the published ones.
Described encoders are those that are given; make_clap.py makes a CLAP of full size.
The encoders take turns, so that what else the machine does meets all of them; processor time is what
remains comparable where it does much.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, report, shown, spread
from panns_recipe import seeded_state
from recipe import write_weights

from audiosim.core.config import weights_folder
from audiosim.core.types import Encoder, Precision
from audiosim.encoders import load_encoder
from audiosim.encoders.musicnn import MusiCNNEncoder, MusiCNNWeights
from audiosim.encoders.musicnn_weights import find_musicnn
from audiosim.encoders.openl3 import OpenL3Encoder
from audiosim.encoders.openl3_weights import read_weights
from audiosim.encoders.panns import PannsEncoder, PannsWeights
from audiosim.encoders.request import EncoderRequest
from audiosim.encoders.runtime import cpu_has_bfloat16

BATCHES = 2  # a round


def encoders(descriptions: list[Path]) -> Iterator[Encoder]:
    """Each encoder in each precision, with its default options."""
    for path in descriptions:
        yield load_encoder(EncoderRequest(str(path)), read_only=True)
    precisions: list[Precision] = ["auto", "float32"] if cpu_has_bfloat16() else ["float32"]
    yield MusiCNNEncoder(MusiCNNWeights.from_checkpoint(find_musicnn(weights_folder())))
    with tempfile.TemporaryDirectory() as scratch:
        write_weights(Path(scratch) / "weights.h5")
        openl3 = read_weights(Path(scratch) / "weights.h5")
    panns = PannsWeights.from_state(dict(seeded_state()), "seeded")
    for precision in precisions:
        yield OpenL3Encoder(openl3, precision=precision)
        yield PannsEncoder(panns, precision=precision)


def measure(encoder: Encoder, windows: Any) -> tuple[float, float, float]:
    """Wall time, processor time and the front end's part of the first, in ms a window."""
    before = encoder.stage_seconds.get("front end", 0.0)
    wall, cpu = time.perf_counter(), time.process_time()
    encoder.embed(windows)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    front_end = encoder.stage_seconds.get("front end", 0.0) - before
    return spent[0] / len(windows) * 1000, spent[1] / len(windows) * 1000, front_end / len(windows) * 1000


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--description", type=Path, action="append", default=[], metavar="FILE.toml")
    arguments = options.parse_args()
    rng = np.random.default_rng(0)
    runs: list[tuple[Encoder, Any, list[tuple[float, float, float]]]] = []
    for encoder in encoders(arguments.description):
        shape = BATCHES * encoder.batch_size, encoder.spec.framing.window
        windows = rng.normal(0, 0.1, shape).astype(np.float32)
        encoder.embed(windows)
        runs.append((encoder, windows, []))
    for _ in range(arguments.rounds):
        for encoder, windows, timings in runs:
            timings.append(measure(encoder, windows))
    results, lines = [], []
    for encoder, _, timings in runs:
        wall, cpu, front_end = (spread(list(values)) for values in zip(*timings, strict=True))
        hop = encoder.spec.hop
        times = hop * 1000 / wall["median"]
        results.append(
            {"encoder": encoder.spec.describe(), "dtype": encoder.dtype, "batch": encoder.batch_size,
             "wall_ms": wall, "processor_ms": cpu, "front_end_ms": front_end, "times_real_time": times}
        )  # fmt: skip
        lines.append(
            f"{encoder.spec.describe()}, {encoder.dtype}, batches of {encoder.batch_size}: "
            f"{shown(wall, ' ms')} a window, of which front end {front_end['median']:.3g}; "
            f"processor {shown(cpu, ' ms')}, {cpu['median'] / hop:.3g} ms a second of audio; "
            f"{times:.0f} x real time"
        )
    report({"encoders": results}, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
