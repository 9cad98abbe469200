"""What a cluster costs: `index` as it is, on a Ray of this machine's own, and on two nodes of it.

usage: python benchmarks/ray_cluster.py MUSIC [--encoder NAME] [--pairs N] [--json]

Every run is a process of its own into a fresh home. Each round has the three ways one after
another, over all files and over one file: the difference of the two ways for one file is what a
cluster costs once, and the rest is what it costs a file. The nodes share this machine's
processors and clock rates, so this measures overhead, never speed-up.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import parser, report, shown, spread


def run(folder: Path, encoder: str, *options: str) -> dict[str, Any]:
    """One run into a fresh home: wall time in s, and its own report."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "audiosim", "index", str(folder), "--home", home]
        command += ["--encoder", encoder, "--json", *options]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, check=True)
        wall = time.perf_counter() - start
    return {"wall": wall, **json.loads(done.stdout)}


@contextmanager
def two_nodes() -> Iterator[str]:
    """The address of a Ray of two nodes, each with half of this machine's processors."""
    from ray.cluster_utils import Cluster

    half = max(1, (os.cpu_count() or 1) // 2)
    small: dict[str, Any] = {"include_dashboard": False, "object_store_memory": 200 * 2**20}
    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=half, **small)
        yield cluster.address
    finally:
        cluster.shutdown()


def one_round(folder: Path, encoder: str, address: str) -> dict[str, dict[str, Any]]:
    """The three ways, one after another."""
    return {
        "plain": run(folder, encoder),
        "--ray local": run(folder, encoder, "--ray", "local"),
        "two nodes": run(folder, encoder, "--ray", address),
    }


def measure(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    whole, alone = [], []
    with tempfile.TemporaryDirectory() as scratch, two_nodes() as address:
        files = [path for path in sorted(arguments.music.rglob("*")) if path.suffix in SUFFIXES]
        if not files:
            raise SystemExit(f"no music in {arguments.music}")
        shutil.copy(min(files, key=lambda path: path.stat().st_size), scratch)
        for _ in range(arguments.pairs):
            alone.append(one_round(Path(scratch), arguments.encoder, address))
            whole.append(one_round(arguments.music, arguments.encoder, address))
    count = whole[0]["plain"]["indexed"]
    results: dict[str, Any] = {"files": count, "pairs": arguments.pairs, "ways": {}}
    lines = []
    for way in whole[0]:
        fixed = [row[way]["wall"] - row["plain"]["wall"] for row in alone]
        extra = [row[way]["wall"] - row["plain"]["wall"] for row in whole]
        each = [(more - once) / max(1, count - 1) for more, once in zip(extra, fixed, strict=True)]
        figures = {
            "wall": spread([row[way]["wall"] for row in whole]),
            "fixed": spread(fixed),
            "per file": spread(each),
            "ratio": spread([row[way]["wall"] / row["plain"]["wall"] for row in whole]),
        }
        results["ways"][way] = figures
        lines.append(
            f"{way}: {shown(figures['wall'], ' s')} for {count} files, {shown(figures['ratio'])} of plain; "
            f"once {shown(figures['fixed'], ' s')}, a file {shown(figures['per file'], ' ms', 1000)}"
        )
    return results, lines


SUFFIXES = {".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("music", type=Path, metavar="MUSIC")
    options.add_argument("--encoder", default="musicnn")
    options.add_argument("--pairs", type=int, default=3)
    arguments = options.parse_args()
    results, lines = measure(arguments)
    report(results, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
