"""TensorFlow, NumPy and ONNX Runtime for one network: start, ms a window, memory, agreement.

usage: python benchmarks/engines.py [--windows N] [--runs N] [--json]

MusiCNN's weights are those of AUDIOSIM_WEIGHTS (fetched if need be); OpenL3's are seeded. The graph of
each engine is made by the same function. ONNX Runtime is measured where the package onnx is installed,
which writes its graphs; audiosim needs neither. Each figure is of a process of its own; times of processor
are those of all threads, and change less on a busy machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, report, shown, spread
from recipe import write_weights

from audiosim.core.config import weights_folder
from audiosim.encoders import musicnn, openl3
from audiosim.encoders.engines import Engine, NumPyEngine, TensorFlowEngine
from audiosim.encoders.musicnn_weights import find_musicnn
from audiosim.encoders.openl3_weights import read_weights
from audiosim.encoders.runtime import compute_dtype

ENGINES = ("tensorflow", "tensorflow float32", "numpy", "onnxruntime")
SHAPES = {"musicnn": (187, 96, 1), "mel256": (256, 199, 1)}
BATCHES = {"tensorflow": 4, "tensorflow float32": 4, "numpy": 4, "onnxruntime": 1}
FIGURES = ("start", "processor start", "ms", "processor ms", "MB")


class Symbol:
    """A tensor of a graph that is being written."""

    def __init__(self, writer: OnnxWriter, name: str, shape: tuple[int, ...]) -> None:
        self.writer, self.name, self.shape = writer, name, shape

    def __add__(self, other: Any) -> Symbol:
        return self.writer.add("Add", [self, other], np.broadcast_shapes(self.shape, np.shape(other)))

    def __mul__(self, other: Any) -> Symbol:
        return self.writer.add("Mul", [self, other], np.broadcast_shapes(self.shape, np.shape(other)))

    def __getitem__(self, index: Any) -> Symbol:
        if index[-1] is None:
            return self.writer.reshape(self, (*self.shape, 1))
        axis = index.index(0)  # one place of an axis, as MusiCNN takes it
        return self.writer.reshape(self, (*self.shape[:axis], *self.shape[axis + 1 :]))


class OnnxWriter:
    """An engine that writes a network down for ONNX Runtime: the operations of those measured here."""

    dtype = "float32"

    def __init__(self) -> None:
        import onnx

        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def write(self, graph: Any, shape: tuple[int, ...], path: Path) -> None:
        helper = self._onnx.helper
        out = graph(Symbol(self, "image", shape))
        kind = self._onnx.TensorProto.FLOAT
        ends = [
            helper.make_tensor_value_info(n, kind, s) for n, s in (("image", shape), (out.name, out.shape))
        ]
        made = helper.make_graph(self._nodes, "network", ends[:1], ends[1:], self._constants)
        opsets = [helper.make_opsetid("", 17)]
        path.write_bytes(helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString())

    def add(self, kind: str, inputs: list[Any], shape: tuple[int, ...], **attributes: Any) -> Symbol:
        names = [each.name if isinstance(each, Symbol) else self._constant(each) for each in inputs]
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, names, [name], **attributes))
        return Symbol(self, name, shape)

    def _constant(self, value: Any) -> str:
        array = np.asarray(value)
        array = array if array.dtype in (np.int64, np.bool_) else array.astype(np.float32)
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def cast(self, x: Symbol) -> Symbol:
        return x

    float32 = cast

    def convolution(self, kernel: Any, bias: Any, padding: str, *, relu: bool) -> Any:
        height, width = kernel.shape[:2]
        around = [(n - 1) // 2 for n in (height, width)] + [n // 2 for n in (height, width)]
        pads = around if padding == "SAME" else [0] * 4

        def convolve(image: Any) -> Symbol:
            n, rows, columns, _ = image.shape
            down, across = rows + pads[0] + pads[2] - height + 1, columns + pads[1] + pads[3] - width + 1
            filters = kernel.shape[3]
            x = self.transpose(image, (0, 3, 1, 2))
            x = self.add(
                "Conv", [x, kernel.transpose(3, 2, 0, 1), bias], (n, filters, down, across), pads=pads
            )
            return self.transpose(self.add("Relu", [x], x.shape) if relu else x, (0, 2, 3, 1))

        return convolve

    def max_pool(self, x: Any, height: int, width: int) -> Symbol:
        n, rows, columns, channels = x.shape
        sizes = {"kernel_shape": [height, width], "strides": [height, width]}
        shape = (n, channels, rows // height, columns // width)
        pooled = self.add("MaxPool", [self.transpose(x, (0, 3, 1, 2))], shape, **sizes)
        return self.transpose(pooled, (0, 2, 3, 1))

    def pad(self, x: Any, widths: Any) -> Symbol:
        pads = np.array([before for before, _ in widths] + [behind for _, behind in widths], np.int64)
        shape = tuple(size + sum(width) for size, width in zip(x.shape, widths, strict=True))
        return self.add("Pad", [x, pads], shape)

    def reshape(self, x: Any, shape: tuple[int, ...]) -> Symbol:
        whole = np.empty(x.shape, np.bool_).reshape(shape).shape
        return self.add("Reshape", [x, np.array(whole, np.int64)], whole)

    def transpose(self, x: Any, axes: tuple[int, ...]) -> Symbol:
        return self.add("Transpose", [x], tuple(x.shape[axis] for axis in axes), perm=axes)

    def concat(self, parts: list[Any], axis: int) -> Symbol:
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return self.add("Concat", parts, tuple(shape), axis=axis)

    def stack(self, parts: list[Any], axis: int) -> Symbol:
        shape = parts[0].shape
        return self.concat([self.reshape(x, (*shape[:axis], 1, *shape[axis:])) for x in parts], axis)

    def _reduced(self, kind: str, x: Any, axis: int) -> Symbol:
        return self.add(kind, [x], (*x.shape[:axis], *x.shape[axis + 1 :]), axes=[axis], keepdims=0)

    def largest(self, x: Any, axis: int) -> Symbol:
        return self._reduced("ReduceMax", x, axis)

    def smallest(self, x: Any, axis: int) -> Symbol:
        return self._reduced("ReduceMin", x, axis)

    def mean(self, x: Any, axis: int) -> Symbol:
        return self._reduced("ReduceMean", x, axis)

    def choose(self, condition: Any, one: Any, other: Any) -> Symbol:
        return self.add("Where", [condition, one, other], one.shape)

    def at_least(self, x: Any, least: float) -> Symbol:
        return self.add("Max", [x, least], x.shape)

    def product(self, x: Any, matrix: Any) -> Symbol:
        return self.add("MatMul", [x, matrix], (*x.shape[:-1], matrix.shape[1]))


def graph_of(engine: Engine, network: str, weights: Path) -> Any:
    """The graph from images to embeddings."""
    if network == "musicnn":
        read = musicnn.MusiCNNWeights.from_checkpoint(find_musicnn(weights_folder()))
        return musicnn.network(engine, read)
    return openl3.network(engine, read_weights(weights), openl3.OpenL3Options())


def child(engine: str, network: str, weights: Path, count: int, batch: int) -> dict[str, Any]:
    """What one engine takes, in this process; the embeddings of its first windows."""
    images = np.random.default_rng(0).normal(0, 0.1, (count, *SHAPES[network])).astype(np.float32)
    began, processor_began = time.perf_counter(), time.process_time()
    if engine == "onnxruntime":
        import onnxruntime

        session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])

        def run(part: Any) -> Any:
            return session.run(None, {"image": part})[0]

    else:
        plain = engine != "tensorflow" or network == "musicnn"
        made: Engine = (
            NumPyEngine()
            if engine == "numpy"
            else TensorFlowEngine("float32" if plain else compute_dtype("auto"))
        )
        compiled = made.compiled(graph_of(made, network, weights), (batch, *SHAPES[network]))

        def run(part: Any) -> Any:
            return made.array(made.run(compiled, part, batch))

    first = [run(images[:batch])]
    started, processor = time.perf_counter(), time.process_time()
    out = [*first, *(run(images[i : i + batch]) for i in range(batch, count, batch))]
    rest = max(1, count - batch) / 1000
    ms, processor_ms = (time.perf_counter() - started) / rest, (time.process_time() - processor) / rest
    status = Path("/proc/self/status").read_text(encoding="ascii")
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    embeddings = np.concatenate(out)[:8].tolist()
    return {
        "start": started - began,
        "processor start": processor - processor_began,
        "ms": ms,
        "processor ms": processor_ms,
        "MB": memory / 1000,
        "embeddings": embeddings,
    }


def alone(*arguments: object) -> dict[str, Any]:
    """`child` in a process of its own."""
    line = [sys.executable, __file__, "--child", *map(str, arguments)]
    done = subprocess.run(line, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def cosine(one: Any, other: Any) -> float:
    """The least cosine of two sets of embeddings, row by row."""
    a, b = np.array(one), np.array(other)
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        engine, network, weights, count, batch = sys.argv[2:]
        print(json.dumps(child(engine, network, Path(weights), int(count), int(batch))))
        return
    options = parser(__doc__)
    options.add_argument("--windows", type=int, default=16)
    options.add_argument("--runs", type=int, default=5)
    arguments = options.parse_args()
    results: dict[str, Any] = {}
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        seeded = Path(scratch) / "weights.h5"
        write_weights(seeded)
        for network, shape in SHAPES.items():
            files: dict[str, Path] = dict.fromkeys(ENGINES, seeded)
            try:
                writer = OnnxWriter()
            except ImportError:
                del files["onnxruntime"]
            else:
                files["onnxruntime"] = Path(scratch) / f"{network}.onnx"
                graph = graph_of(writer, network, seeded)  # type: ignore[arg-type]
                writer.write(graph, (1, *shape), files["onnxruntime"])
            if network == "musicnn":
                del files["tensorflow float32"]  # it has no other
            rounds = [
                {
                    each: alone(each, network, file, arguments.windows, BATCHES[each])
                    for each, file in files.items()
                }
                for _ in range(arguments.runs)
            ]
            exact = rounds[0].get("tensorflow float32", rounds[0]["tensorflow"])["embeddings"]
            for each in files:
                figures = {key: spread([one[each][key] for one in rounds]) for key in FIGURES}
                agreement = cosine(rounds[0][each]["embeddings"], exact)
                results[f"{network} {each}"] = {**figures, "cosine": agreement}
                start, processor_start, ms, processor, memory = (figures[key] for key in FIGURES)
                lines.append(
                    f"{network:8}{each:19} "
                    f"start {shown(start, ' s')}, of processor {shown(processor_start)}; "
                    f"a window {shown(ms, ' ms')}, of processor {shown(processor)}; "
                    f"{memory['median']:.0f} MB, cosine {agreement:.7f}"
                )
    report(results, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
