"""What a `similar` for a file outside the index takes beyond decoding it and the network itself.

usage: python benchmarks/outside.py [--runs N] [--json]

The file is 20 s of music, the homes are of six other pieces: one by MusiCNN, whose weights are those of
AUDIOSIM_WEIGHTS (fetched if need be), one by OpenL3, whose weights are seeded. The whole command is timed;
from that are taken the decoder's own time for the file, fingerprint included, and the front end's and the
network's for its windows, both measured in a process that has done the same before. Aim: at most 1.2 s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from common import parser, report, seconds, shown, spread
from forms import FORMS, RATE, Piece
from recipe import write_weights

from audiosim.audio.events import Embedded
from audiosim.core.config import Home
from audiosim.encoders import QueryEncoder
from audiosim.extract import embed_files
from audiosim.library.catalog import Catalog

AIM = 1.2  # s
LENGTH = 20.0  # s
PIECES = 6


def write(path: Path, number: int) -> None:
    form = list(FORMS)[number % len(FORMS)]
    piece = Piece(form, number, (0, 3, -2, 5), 1.0, number, number, LENGTH)
    soundfile.write(path, piece.play().astype(np.float32), RATE)


def command(*words: object, weights: Path | None) -> None:
    """Runs audiosim once; errors end the benchmark."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    if weights is not None:
        environment["AUDIOSIM_WEIGHTS"] = str(weights)
    line = [sys.executable, "-m", "audiosim", *map(str, words)]
    done = subprocess.run(line, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)}: exit code {done.returncode}: {done.stderr[-500:]}")


def child(home: str, path: str) -> dict[str, float]:
    """How long decoding and the network take for a file, in a process that has done so before."""
    with Catalog(Home(Path(home)).catalog, read_only=True) as catalog:
        configuration = catalog.settings.configuration
    assert configuration is not None
    encoder = QueryEncoder(configuration.spec, "auto")
    for _ in range(2):
        events = embed_files([os.fsencode(path)], encoder, dtype=np.float16)
        (done,) = [event for event in events if isinstance(event, Embedded)]
    network = sum(done.stages.get(name, 0.0) for name in ("front end", "network"))
    return {"decode": done.stages["decode"], "network": network}


def alone(home: Path, path: Path, weights: Path | None) -> dict[str, float]:
    """`child` in a process of its own."""
    environment = os.environ if weights is None else {**os.environ, "AUDIOSIM_WEIGHTS": str(weights)}
    line = [sys.executable, __file__, "--child", str(home), str(path)]
    done = subprocess.run(line, check=True, capture_output=True, text=True, env=environment)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def measured(home: Path, query: Path, weights: Path | None, runs: int) -> dict[str, dict[str, float]]:
    found: dict[str, list[float]] = {name: [] for name in ("whole", "decode", "network", "beyond")}
    for _ in range(runs):
        whole = seconds(lambda: command("similar", query, "--home", home, weights=weights))
        parts = alone(home, query, weights)
        beyond = whole - sum(parts.values())
        for name, value in {"whole": whole, **parts, "beyond": beyond}.items():
            found[name].append(value)
    return {name: spread(values) for name, values in found.items()}


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(*sys.argv[2:])))
        return
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=5)
    arguments = options.parse_args()
    results: dict[str, Any] = {"aim": AIM}
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "music").mkdir()
        for number in range(PIECES):
            write(folder / "music" / f"{number}.flac", number)
        write(folder / "outside.flac", PIECES)
        write_weights(folder / "seeded.h5")
        kinds: dict[str, tuple[list[object], Path | None]] = {
            "musicnn": (["--encoder", "musicnn"], None),
            "openl3": (["--weights", folder / "seeded.h5"], folder / "weights"),
        }
        for name, (words, weights) in kinds.items():
            home = folder / name
            command("index", folder / "music", *words, "--home", home, weights=weights)
            results[name] = found = measured(home, folder / "outside.flac", weights, arguments.runs)
            told = ", ".join(f"{part} {shown(found[part], ' s')}" for part in ("whole", "decode", "network"))
            lines.append(f"outside, {name}: beyond {shown(found['beyond'], ' s')}, aim {AIM} s; {told}")
    report(results, lines, as_json=arguments.json)


if __name__ == "__main__":
    main()
