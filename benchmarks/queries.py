"""How long each kind of query takes at 10,000 tracks, as a user waits for it: whole commands.

usage: python benchmarks/queries.py [--tracks N] [--runs N] [--musicnn] [--old CHECKOUT] [--only-old] [--json]

Makes a home of tracks of three to five minutes with OpenL3's shape (a window of 512 numbers each
second), caches included: about 3 GB for 10,000. With --musicnn they have MusiCNN's (200 numbers each
three seconds), and are searched whitened. With --old, the folder of an older checkout, a plain `similar`
and one by exact search are timed in pairs with it, in the same environment, on the same home; on a copy
of it that is not whitened, where the home is. --only-old leaves out the rest.
"""

from __future__ import annotations

import os
import shutil
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
RATE = 48_000  # Hz
OPENL3 = EncoderSpec("synthetic", 1, (), "none", RATE, "soxr_hq", 1.0, 512, Framing(RATE, RATE))
MUSICNN = EncoderSpec("musicnn", 1, (), "none", RATE, "soxr_hq", 3.0, 200, Framing(3 * RATE, 3 * RATE))
CENTRES = 200
GENRES = ("Rock", "Jazz", "Ambient", "Folk")
MAIN = "from audiosim.cli import main; main()"
HERE = Path(__file__).parent.parent


def frames(number: int, spec: EncoderSpec) -> FrameEmbeddings:
    """A track near one of the centres, which changes slowly as it goes on."""
    rng, size = np.random.default_rng(number), spec.dimension
    centre = np.random.default_rng(10**9 + number % CENTRES).normal(size=size)
    own = centre + 0.7 * rng.normal(size=size)
    count = int(rng.integers(SHORTEST, LONGEST + 1) / spec.hop)
    steps = rng.normal(size=(count // 10 + 1, size)).repeat(10, axis=0)[:count]
    embedding: Float32 = (2 + own + steps + 0.3 * rng.normal(size=(count, size))).astype(np.float32)
    return FrameEmbeddings(
        embedding.astype(np.float16),
        spec.hop * np.arange(count, dtype=np.float64),
        np.full(count, -20, np.float16),
    )


def path_of(number: int) -> bytes:
    return b"/music/%03d/%02d.flac" % (number // 100, number % 100)


def make(home: Home, count: int, spec: EncoderSpec) -> None:
    """A home with its caches, Chroma in step with it; not whitened."""
    configuration = Configuration(spec, "mean", home.cache)
    cache = Cache(home.cache, spec)
    home.path.mkdir(parents=True)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(configuration)
        catalog.settings.want_whitening(wanted=False)
        for number in range(count):
            tags = Tags(
                f"Song {number}", f"Artist {number % 997}", genre=GENRES[number % 4], year=1950 + number % 70
            )
            track = frames(number, spec)
            info = AudioInfo(f"{number:032x}", spec.hop * len(track), RATE, 2, "flac", 1, 1, tags)
            cache.write(info, track, "float32")
            catalog.files.record(path_of(number), info, configuration.pooler(track))
        settle(home, catalog)


def settle(home: Home, catalog: Catalog) -> None:
    """What the end of a run does."""
    measured, written = seconds(lambda: list(refresh(catalog))), seconds(Store(home, catalog).flush)
    print(f"measured {measured:.0f} s, wrote Chroma {written:.0f} s", file=sys.stderr)


def whiten(home: Home) -> None:
    with Catalog(home.catalog) as catalog:
        catalog.settings.want_whitening(wanted=True)
        settle(home, catalog)


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
    arguments.add_argument("--musicnn", action="store_true")
    arguments.add_argument("--old", type=Path)
    arguments.add_argument("--only-old", action="store_true")
    chosen = arguments.parse_args()
    results: dict[str, Any] = {"tracks": chosen.tracks}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = plain = Home(folder / "home")
        make(home, chosen.tracks, MUSICNN if chosen.musicnn else OPENL3)
        if chosen.musicnn:
            plain = Home(folder / "plain")
            shutil.copytree(home.path, plain.path, ignore=shutil.ignore_patterns("cache"))
            whiten(home)
        with Catalog(home.catalog, read_only=True) as catalog:
            results["passage bytes"] = sum(len(blob) for _, blob in catalog.tracks.all_passages())
        results["catalog bytes"] = home.catalog.stat().st_size
        results["cache bytes"] = sum(path.stat().st_size for path in home.cache.rglob("*.npz"))
        results["seconds"] = {}
        for kind, words in () if chosen.only_old else kinds(folder).items():
            runs = 1 if words[0] in ("map", "eval", "duplicates") else chosen.runs
            times = [seconds(lambda w=words: command(home.path, *w)) for _ in range(runs)]  # type: ignore[misc]
            results["seconds"][kind] = spread(times)
        if chosen.old:
            results["old"] = against(chosen.old.absolute(), plain, home, 2 * chosen.runs)
    lines = [f"{kind:36} {shown(figures)} s" for kind, figures in results["seconds"].items()]
    sizes = (results[f"{name} bytes"] / 1e6 for name in ("passage", "catalog", "cache"))
    lines.append("passages {:.0f} MB of a catalog of {:.0f} MB; caches {:.0f} MB".format(*sizes))
    if chosen.old:
        lines += [f"{kind}, new / old: {shown(told['ratio'])}" for kind, told in results["old"].items()]
    report(results, lines, as_json=chosen.json)


def against(checkout: Path, plain: Home, home: Home, runs: int) -> dict[str, Any]:
    """Plain `similar`, and exact search, in pairs with an older audiosim that reads our homes."""
    return {
        kind: pairs(
            lambda words=words: seconds(lambda: command(plain.path, *words, checkout=checkout)),  # type: ignore[misc]
            lambda words=words: seconds(lambda: command(home.path, *words)),  # type: ignore[misc]
            runs,
        )
        for kind, words in kinds(home.path).items()
        if kind in ("similar", "similar --genre")
    }


if __name__ == "__main__":
    main()
