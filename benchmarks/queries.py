"""How long each kind of query takes at 10,000 tracks, as a user waits for it: whole commands.

usage: python benchmarks/queries.py [--tracks N] [--runs N] [--old CHECKOUT] [--json]

Makes a home of tracks of three to five minutes with OpenL3's shape (a window of 512 numbers each
second), caches included: about 3 GB for 10,000. With --old, the folder of an older checkout, a plain
`similar` is timed in pairs with it, in the same environment, on the same home.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import pairs, parser, report, seconds, shown, spread

from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, Float32, FrameEmbeddings, Framing, Tags
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.statistics import refresh
from audiosim.store import Store

SHORTEST, LONGEST = 180, 300  # s, and windows
DIMENSION = 512
RATE = 48_000  # Hz
SPEC = EncoderSpec("synthetic", 1, (), "none", RATE, "soxr_hq", 1.0, DIMENSION, Framing(RATE, RATE))
CENTRES = 200
GENRES = ("Rock", "Jazz", "Ambient", "Folk")
MAIN = "from audiosim.cli import main; main()"
HERE = Path(__file__).parent.parent


def frames(number: int) -> FrameEmbeddings:
    """A track near one of the centres, which changes slowly as it goes on."""
    rng = np.random.default_rng(number)
    centre = np.random.default_rng(10**9 + number % CENTRES).normal(size=DIMENSION)
    own = centre + 0.7 * rng.normal(size=DIMENSION)
    count = int(rng.integers(SHORTEST, LONGEST + 1))
    steps = rng.normal(size=(count // 10 + 1, DIMENSION)).repeat(10, axis=0)[:count]
    embedding: Float32 = (2 + own + steps + 0.3 * rng.normal(size=(count, DIMENSION))).astype(np.float32)
    return FrameEmbeddings(
        embedding.astype(np.float16), np.arange(count, dtype=np.float64), np.full(count, -20, np.float16)
    )


def path_of(number: int) -> bytes:
    return b"/music/%03d/%02d.flac" % (number // 100, number % 100)


def make(home: Home, count: int) -> None:
    """A home with its caches, Chroma in step with it."""
    configuration = Configuration(SPEC, "mean", home.cache)
    cache = Cache(home.cache, SPEC)
    home.path.mkdir(parents=True)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(configuration)
        for number in range(count):
            tags = Tags(
                f"Song {number}", f"Artist {number % 997}", genre=GENRES[number % 4], year=1950 + number % 70
            )
            track = frames(number)
            info = AudioInfo(f"{number:032x}", float(len(track)), RATE, 2, "flac", 1, 1, tags)
            cache.write(info, track, "float32")
            catalog.files.record(path_of(number), info, configuration.pooler(track))
        figures = {"refresh": seconds(lambda: list(refresh(catalog)))}
        figures["Chroma"] = seconds(Store(home, catalog).flush)
    print(f"measured {figures['refresh']:.0f} s, wrote Chroma {figures['Chroma']:.0f} s", file=sys.stderr)


def command(home: Path, *arguments: str, checkout: Path = HERE) -> None:
    """Runs audiosim once; errors end the benchmark."""
    whole = [sys.executable, "-c", MAIN, *arguments, "--home", str(home)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(whole, check=False, capture_output=True, text=True, cwd=home, env=environment)
    if done.returncode not in (0, 3):  # 3: verify found what it repaired
        raise SystemExit(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-500:]}")


def kinds(folder: Path) -> dict[str, list[str]]:
    one, other, third = (os.fsdecode(path_of(n)) for n in (123, 4567 % 1000, 789))
    return {
        "similar": ["similar", one],
        "similar, three seeds": ["similar", one, other, third],
        "similar --not": ["similar", one, "--not", other],
        "similar --genre": ["similar", one, "--genre", "jazz"],
        "similar --year --max-per-artist 1": ["similar", one, "--year", "1980-1999", "--max-per-artist", "1"],
        "similar --diversity 0.5": ["similar", one, "--diversity", "0.5"],
        "similar --explain": ["similar", one, "--explain"],
        "similar --from --to": ["similar", one, "--from", "1:10", "--to", "1:30"],
        "similar --from --to --genre": ["similar", one, "--from", "1:10", "--to", "1:30", "--genre", "jazz"],
        "list": ["list"],
        "playlist --seed": ["playlist", "--seed", one],
        "playlist --start --end": ["playlist", "--start", one, "--end", other],
        "duplicates": ["duplicates"],
        "eval": ["eval", "--labels", "genre"],
        "map": ["map", "-q", "-o", str(folder / "map.html")],
    }


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tracks", type=int, default=10_000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--old", type=Path)
    chosen = arguments.parse_args()
    results: dict[str, Any] = {"tracks": chosen.tracks}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = Home(folder / "home")
        make(home, chosen.tracks)
        with Catalog(home.catalog, read_only=True) as catalog:
            results["passage bytes"] = sum(len(blob) for _, blob in catalog.tracks.all_passages())
        results["catalog bytes"] = home.catalog.stat().st_size
        results["cache bytes"] = sum(path.stat().st_size for path in home.cache.rglob("*.npz"))
        results["seconds"] = {}
        for kind, words in kinds(folder).items():
            runs = 1 if words[0] in ("map", "eval", "duplicates") else chosen.runs
            times = [seconds(lambda w=words: command(home.path, *w)) for _ in range(runs)]  # type: ignore[misc]
            results["seconds"][kind] = spread(times)
        if chosen.old:
            results["old"] = against(chosen.old.absolute(), home, 2 * chosen.runs)
    lines = [f"{kind:36} {shown(figures)} s" for kind, figures in results["seconds"].items()]
    sizes = (results[f"{name} bytes"] / 1e6 for name in ("passage", "catalog", "cache"))
    lines.append("passages {:.0f} MB of a catalog of {:.0f} MB; caches {:.0f} MB".format(*sizes))
    if chosen.old:
        lines.append(f"similar, new / old: {shown(results['old']['ratio'])}")
    report(results, lines, as_json=chosen.json)


def against(checkout: Path, home: Home, runs: int) -> dict[str, Any]:
    """Plain `similar`, in pairs with an older audiosim that reads our homes."""
    words = ["similar", os.fsdecode(path_of(123))]
    return pairs(
        lambda: seconds(lambda: command(home.path, *words, checkout=checkout)),
        lambda: seconds(lambda: command(home.path, *words)),
        runs,
    )


if __name__ == "__main__":
    main()
