"""What a home of very many tracks takes, part by part, and which part breaks first: for docs/scale.md.

usage: python benchmarks/million.py [--tracks N ...] [--work DIR] [--limit S] [--processor] [--json]

Makes homes of tracks as scale.py does, over files that are there and empty, and measures at each size what
people wait for: neighbourhoods of all tracks and after a growth of a tenth, the embedded Chroma and a Chroma
server filled and asked, questions, duplicates, a rescan; with memory and disk. Of two sizes or more it tells
how each part grows, what it would take at a million, which is extrapolated, and up to how many tracks it
stays within what people wait for. A command that takes longer than --limit is ended and told as such.
20 KB of disk a track, and 1.3 GB; all is removed at the end. --processor goes by seconds of processor, where
other work runs beside it; those of the server itself are not counted. The two sizes of the default take about
an hour on two processors.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from common import Figures, measured, parser, report, used
from scale import BATCH, CACHED, MAIN, SPEC, asked, kinds, path_of, records, write_caches

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from chroma_server import ChromaServerProcess

from audiosim.backends import backend_for
from audiosim.backends.base import Contents
from audiosim.core.config import Home
from audiosim.encoders.musicnn_labels import MSD
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.catalog.models import Record
from audiosim.library.index import open_index
from audiosim.library.neighbours import nearest
from audiosim.library.statistics import refresh
from audiosim.library.store_url import parse_store_url
from audiosim.search.passage_query import ask_with
from audiosim.search.passage_search import nearest_by_passages
from audiosim.store import Store

MILLION = 1_000_000
HERE = Path(__file__).parent.parent
GROWTH = 11  # the last of so many parts of the tracks comes when the others have been measured
QUERIES = 50  # that a store is asked
WANTED = 10  # nearest that these should find among ANSWERS
ANSWERS = 200  # that are taken of a store, to be ranked exactly
LEFT_OUT = ("playlist", "list", "similar --each")  # of the questions that scale.py asks
# Seconds that people wait for a part at most; the others are waited for once, or by nobody
LIMITS = {
    "neighbourhoods of all": 60,
    "neighbourhoods, a tenth more": 6,
    "similar": 1,
    "similar --genre --year": 0.6,
    "similar --exclude-same artist": 0.6,
    "similar --text": 0.6,
    "similar --from --to": 1,
    "rescan, nothing new": 5,
    "duplicates": 120,
}


def command(home: Home, limit: float, *words: str, checkout: Path = HERE) -> Figures | None:
    """What a command takes, ours or a checkout's; None where it was ended after `limit` seconds."""
    line = ["timeout", str(limit), sys.executable, "-c", MAIN, *words, "--home", str(home.path.absolute())]
    try:  # Python looks into the folder that it is started in first
        return used(line, env={**os.environ, "PYTHONPATH": str(checkout)}, cwd=checkout)
    except SystemExit as error:
        if ": exit code 124: " in str(error):
            return None
        raise


def placed(made: Record, folder: Path) -> Record:
    """A record of a file that is made for it, below a folder."""
    path = folder / os.fsdecode(made.path.removeprefix(b"/music/"))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():  # another home may have it
        path.touch()
    status = path.stat()
    info = replace(made.info, size=status.st_size, mtime_ns=status.st_mtime_ns)
    return replace(made, path=os.fsencode(path), info=info)


def enter(catalog: Catalog, made: Iterator[Record]) -> None:
    rng = np.random.default_rng(0)
    while batch := list(islice(made, BATCH)):
        with catalog.transaction():
            catalog.records.take(batch)
            for one in batch:
                catalog.words.set(one.info.digest, rng.normal(-3, 1, len(MSD)).astype(np.float32))


def build(home: Home, music: Path, count: int) -> Iterator[tuple[str, Figures]]:
    """Makes the home, and measures its parts."""
    home.path.mkdir(parents=True)
    made = (placed(record, music) for some in records(count) for record in some)
    with Catalog(home.catalog) as catalog:
        centre = np.zeros(SPEC.dimension, "<f4").tobytes()
        catalog.settings.set_configuration(Configuration(SPEC, "mean", home.cache, centre))
        catalog.settings.want_whitening(wanted=False)
        catalog.settings.set_roots([os.fsencode(music)])
        catalog.words.set_labels(MSD)
        yield "tracks entered", measured(lambda: enter(catalog, islice(made, count - count // GROWTH)))
        yield "neighbourhoods of all", measured(lambda: list(refresh(catalog)))
        enter(catalog, made)
        yield "neighbourhoods, a tenth more", measured(lambda: list(refresh(catalog)))
        yield "Chroma and columns filled", measured(Store(home, catalog).flush)


def fill_caches(home: Home, tracks: list[bytes]) -> None:
    """Caches of tracks, and of what passages of them come near to."""
    for path in tracks:
        with open_index(home.path) as index:
            track = index.catalog.tracks.at(path)
            assert track is not None
            write_caches(home, np.array([int(track.digest, 16)]))
            query = ask_with(index, path, 30.0, 50.0, "auto", None)
            near = nearest_by_passages(index, query, index.catalog.tracks.entries(), CACHED)
        write_caches(home, np.sort([int(entry.track.digest, 16) for entry in near]))


def store_asked(home: Home) -> Figures:
    """How long a store takes for a question, once it is open, and which of the nearest it finds."""
    with Catalog(home.catalog, read_only=True) as catalog:
        configuration, url = catalog.settings.configuration, catalog.settings.store_url
        backend = backend_for(url, home)
        name = catalog.settings.store_name or backend.fixed_name
        assert configuration is not None
        assert name is not None
        digests, vectors = catalog.tracks.audio_vectors()
        ids = {entry.track.digest: entry.id for entry in catalog.tracks.entries()}
    some = np.linspace(0, len(digests) - 1, QUERIES).astype(int)
    rows = nearest(vectors[some], vectors, WANTED).indices.tolist()
    wanted = [{ids[digests[row]] for row in own} for own in rows]
    times, hits = [], 0
    with backend.open(name, Contents(configuration.collection, configuration.dimension)) as store:
        for row, right in zip(some, wanted, strict=True):
            begun = time.perf_counter()
            found = store.nearest(vectors[row], ANSWERS)
            times.append(time.perf_counter() - begun)
            hits += len(right & set(found))
    return {"seconds": float(np.median(times)), f"recall@{WANTED}": hits / (WANTED * QUERIES)}


def measure(count: int, folder: Path, limit: float) -> dict[str, Figures | None]:
    """All parts at a size; those of what is no time have no seconds."""
    home, music = Home(folder / "home"), folder / "music"

    def told(name: str, found: Figures | None) -> None:
        result[name] = found
        print(f"{count}: {line(name, found)}", file=sys.stderr, flush=True)

    result: dict[str, Figures | None] = {}
    for part in build(home, music, count):
        told(*part)
    told("embedded Chroma, a question", store_asked(home))
    query = music / os.fsdecode(path_of(asked(count)).removeprefix(b"/music/"))
    other = music / os.fsdecode(path_of(asked(count) + 1).removeprefix(b"/music/"))
    fill_caches(home, [os.fsencode(query), os.fsencode(other)])
    for kind, words in kinds(count).items():
        if not kind.startswith(LEFT_OUT):
            line_of = [word.replace("/music/", f"{music}/", 1) for word in words]
            command(home, limit, *line_of)  # which finds the files in memory as little as the next one will
            told(kind, command(home, limit, *line_of))
    told("rescan, files never looked at", command(home, limit, "index"))
    told("rescan, nothing new", command(home, limit, "index"))
    told("duplicates", command(home, limit, "duplicates"))
    for name, place in (("catalog", home.catalog), ("columns", home.path / "catalog.columns")):
        told(f"{name} on disk", {"bytes": place.stat().st_size})
    told("Chroma on disk", {"bytes": size_of(home.path / "chroma")})
    with ExitStack() as stack:
        server = stack.enter_context(ChromaServerProcess(folder / "server"))
        with Catalog(home.catalog) as catalog:
            url = parse_store_url(server.url)
            told("Chroma server filled", measured(lambda: Store(home, catalog).rebuild(url)))
        told("Chroma server, a question", store_asked(home))
        told("Chroma server on disk", {"bytes": size_of(folder / "server")})
    return result


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def line(name: str, found: Figures | None) -> str:
    """A part for people."""
    if found is None:
        return f"{name}: ended at the limit"
    units = {"seconds": "s", "processor": "s of processor"}
    parts = [
        f"{value / 1e6:.0f} MB{' at most' if kind.startswith('peak') else ''}"
        if "bytes" in kind
        else f"{value:.3g} {units.get(kind, kind)}"
        for kind, value in found.items()
    ]
    return f"{name}: {', '.join(parts)}"


def extrapolated(sizes: dict[int, dict[str, Figures | None]], by: str) -> list[str]:
    """How each part grows between the two largest sizes, and would; what passes its limit first is first."""
    small, large = sorted(sizes)[-2:]
    told: list[tuple[float, str]] = []
    for name, found in sizes[large].items():
        before = sizes[small][name]
        kind = "bytes" if found and "bytes" in found else by if found and by in found else "seconds"
        if found and before:
            grown = Growth(small, before[kind], large, found[kind])
            at = grown.at(MILLION)
            text = (
                f"{name}: {grown}; at a million {f'{at / 1e9:.3g} GB' if kind == 'bytes' else f'{at:.3g} s'}"
            )
            most = math.inf
            if name in LIMITS:
                most = grown.reaches(LIMITS[name])
                text += f"; within {LIMITS[name]} s up to {most:,.0f} tracks"
            told.append((most, text))
    return [text for _, text in sorted(told, key=lambda one: one[0])]


@dataclass(frozen=True)
class Growth:
    """How a figure grows: by a part for each track beside a constant one; by a power above one."""

    small: int
    first: float
    large: int
    second: float

    @property
    def power(self) -> float:
        return math.log(self.second / self.first) / math.log(self.large / self.small)

    @property
    def slope(self) -> float:
        """By a track."""
        return max(0.0, self.second - self.first) / (self.large - self.small)

    def __str__(self) -> str:
        return f"power {self.power:.2f}" if self.power > 1 else f"linear (power {self.power:.2f})"

    def at(self, count: int) -> float:
        if self.power > 1:
            return float(self.second * (count / self.large) ** self.power)
        return self.second + self.slope * (count - self.large)

    def reaches(self, limit: float) -> float:
        """The number of tracks at which the figure is at a limit."""
        if self.power > 1:
            return float(self.large * (limit / self.second) ** (1 / self.power))
        if self.slope == 0:
            return math.inf if self.second <= limit else 0
        return max(0.0, self.large + (limit - self.second) / self.slope)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tracks", type=int, nargs="+", default=[50_000, 200_000], metavar="N")
    arguments.add_argument("--work", type=Path, help="where homes are made [default: a temporary folder]")
    arguments.add_argument("--limit", type=float, default=900, metavar="S")
    arguments.add_argument("--processor", action="store_true")
    chosen = arguments.parse_args()
    sizes: dict[int, dict[str, Figures | None]] = {}
    for count in sorted(chosen.tracks):
        folder = Path(tempfile.mkdtemp(prefix=f"{count}-", dir=chosen.work))
        try:
            sizes[count] = measure(count, folder, chosen.limit)
        finally:
            shutil.rmtree(folder)
    lines = []
    for count, parts in sizes.items():
        lines += [f"{count:,} tracks:", *(f"  {line(name, found)}" for name, found in parts.items())]
    growth = extrapolated(sizes, "processor" if chosen.processor else "seconds") if len(sizes) > 1 else []
    if growth:
        lines += [
            "Extrapolated from the two largest sizes; what breaks first stands first:",
            *(f"  {one}" for one in growth),
        ]
    report({"sizes": sizes, "growth": growth}, lines, as_json=chosen.json)


if __name__ == "__main__":
    main()
