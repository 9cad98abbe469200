"""How a home of very many tracks answers, as a user waits for it: whole commands, with their peak memory.

usage: python benchmarks/scale.py [--tracks N] [--work DIR] [--old CHECKOUT] [--runs N] [--kind NAME ...]
       [--recall] [--json]

Makes a home of vectors of 512 numbers, once: it stays in DIR for further runs. Tracks are of two minutes,
twelve passages each, near to others of their album, artist and genre; they have tags, fingerprints, scores of
50 words, and neighbourhoods, and Chroma is in step; 15 KB of disk each. Caches are those of the tracks that
the passages asked with come near to. With --old, the folder of an older checkout, commands run in pairs with
it, in the same environment, on the same home. --kind takes some of the commands, by how their names begin.
--recall tells instead how many of the answers to passages are those of a scan of all passages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import parser, peak_memory, report, seconds, shown, spread
from moving import unit
from serve import fingerprint

from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, Float32, FrameEmbeddings, Framing, Tags
from audiosim.encoders.frames import CentredFrames
from audiosim.encoders.musicnn_labels import MSD
from audiosim.encoders.passage_vectors import packed
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.catalog.models import Record
from audiosim.library.filters import Filter
from audiosim.library.index import Index, open_index
from audiosim.library.statistics import refresh
from audiosim.search.folding import Asked
from audiosim.search.passage_query import ask_with
from audiosim.search.passage_search import depth_of, nearest_by_passages, ranked_by_windows
from audiosim.search.ranking import RankingOptions, needed
from audiosim.search.sifting import Opened, estimated_by_passages
from audiosim.store import Store

DIMENSION = 512
RATE = 48_000  # Hz
# MusiCNN's name, as a home that can be asked in words; OpenL3's shape
SPEC = EncoderSpec("musicnn", 1, (), "none", RATE, "soxr_hq", 1.0, DIMENSION, Framing(RATE, RATE))
PASSAGES, PASSAGE = 12, 10  # a track, and windows in each, one a second
ALBUM, ALBUMS = 11, 2  # tracks an album, albums an artist
GENRES = (
    *(
        "Rock",
        "Pop",
        "Jazz",
        "Soul",
        "Folk",
        "Blues",
        "Metal",
        "Punk",
        "Ambient",
        "Techno",
        "House",
        "Reggae",
    ),
    *("Classical", "Opera", "Country", "Gospel", "Latin", "Hip-Hop", "Funk", "Disco", "Soundtrack"),
)
# By how much vectors differ: of genres, of a genre's artists, an artist's albums, an album's tracks, passages
SPREADS = {"genre": 0.6, "artist": 0.6, "album": 0.4, "track": 0.6, "passage": 0.7, "window": 0.5}
DECAY = 0.5  # the n-th direction varies by n to the power of minus this
BATCH = 1000
SPARE = 1200  # tenths of a second by which tracks are longer at most: few are compared by `duplicates`
EACH = 1000  # queries of `similar --each`
RECALL = 20  # passages asked with by --recall
CACHED = 5000  # tracks near to each passage asked with that have a cache
MAIN = "from audiosim.cli import main; main()"
HERE = Path(__file__).parent.parent
Numbers = npt.NDArray[np.int64]


def path_of(number: int) -> bytes:
    album = number // ALBUM
    return b"/music/artist %05d/album %06d/%02d.flac" % (album // ALBUMS, album, number % ALBUM + 1)


def offsets(kind: str, numbers: Numbers, count: int = 1) -> Float32:
    """By how much some of a kind are off what they belong to, (n, count, dim): equal numbers alike."""
    seed = list(SPREADS).index(kind)
    weights = np.arange(1, DIMENSION + 1) ** -DECAY
    scale = (SPREADS[kind] * weights / np.linalg.norm(weights)).astype(np.float32)
    known, places = np.unique(numbers, return_inverse=True)
    drawn = [
        np.random.default_rng((seed, number)).standard_normal((count, DIMENSION), np.float32)
        for number in known.tolist()
    ]
    found: Float32 = np.stack(drawn)[places] * scale
    return found


def genre_of(artists: Numbers) -> Numbers:
    """Artists' genres: some have many, most have few."""
    return (len(GENRES) * ((artists * 2654435761 % 2**32) / 2**32) ** 2).astype(np.int64)


def vectors(numbers: Numbers) -> Float32:
    """Tracks' unit vectors (n, dim)."""
    albums = numbers // ALBUM
    artists = albums // ALBUMS
    total = offsets("genre", genre_of(artists)) + offsets("artist", artists)
    return unit((total + offsets("album", albums) + offsets("track", numbers))[:, 0])


def passages(numbers: Numbers) -> Float32:
    """Tracks' passages (n, PASSAGES, dim), unit vectors."""
    return unit(vectors(numbers)[:, None] + offsets("passage", numbers, PASSAGES))


def tags_of(number: int) -> Tags:
    album = number // ALBUM
    artist = album // ALBUMS
    genre = GENRES[int(genre_of(np.array([artist]))[0])]
    name = f"Artist {artist}"
    return Tags(f"Song {number}", name, f"Album {album}", name, genre, 1955 + album % 70, number % ALBUM + 1)


def records(count: int) -> Iterator[list[Record]]:
    for start in range(0, count, BATCH):
        numbers = np.arange(start, min(start + BATCH, count))
        both = zip(numbers.tolist(), vectors(numbers), passages(numbers), strict=True)
        yield [record(number, vector, rows) for number, vector, rows in both]


def record(number: int, vector: Float32, rows: Float32) -> Record:
    length = PASSAGES * PASSAGE + number * 7919 % SPARE / 10  # s: not all alike
    info = AudioInfo(f"{number:032x}", length, RATE, 2, "flac", 1, 1, tags_of(number))
    return Record(path_of(number), info, vector, int(length), packed(rows), None, fingerprint(number))


def make(home: Home, count: int) -> None:
    home.path.mkdir(parents=True)
    centre = np.zeros(DIMENSION, "<f4").tobytes()
    rng = np.random.default_rng(0)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(Configuration(SPEC, "mean", home.cache, centre))
        catalog.settings.want_whitening(wanted=False)
        catalog.settings.set_roots([b"/music"])
        catalog.words.set_labels(MSD)
        entered = time.perf_counter()
        for batch in records(count):
            with catalog.transaction():
                catalog.records.take(batch)
                for one in batch:
                    catalog.words.set(one.info.digest, rng.normal(-3, 1, len(MSD)).astype(np.float32))
        print(f"entered in {time.perf_counter() - entered:.0f} s", file=sys.stderr)
        measured = seconds(lambda: list(refresh(catalog)))
        print(f"measured in {measured:.0f} s", file=sys.stderr)
        print(f"filled Chroma in {seconds(Store(home, catalog).flush):.0f} s", file=sys.stderr)
    fill_caches(home, count)


def fill_caches(home: Home, count: int) -> None:
    """Caches of what the passages asked with come near to."""
    for number in (asked(count), asked(count) + 1):
        write_caches(home, np.array([number]))
        with open_index(home.path) as index:
            query = ask_with(index, path_of(number), 30.0, 50.0, "auto", None)
            near = nearest_by_passages(index, query, index.catalog.tracks.entries(), CACHED)
        write_caches(home, np.sort([int(entry.track.digest, 16) for entry in near]))


def write_caches(home: Home, numbers: Numbers) -> None:
    cache = Cache(home.cache, SPEC)
    for start in range(0, len(numbers), 100):
        some = numbers[start : start + 100]
        for number, frames in zip(some.tolist(), windows(some), strict=True):
            info = AudioInfo(f"{number:032x}", float(len(frames)), RATE, 2, "flac", 1, 1, tags_of(number))
            cache.write(info, frames, "float32")


def windows(numbers: Numbers) -> list[FrameEmbeddings]:
    """Tracks' windows."""
    rows = np.repeat(passages(numbers), PASSAGE, axis=1)
    rows = (rows + offsets("window", numbers, rows.shape[1])).astype(np.float16)
    grid, level = np.arange(rows.shape[1], dtype=np.float64), np.full(rows.shape[1], -20, np.float16)
    return [FrameEmbeddings(own, grid, level) for own in rows]


class Generated(Index):
    """The index, whose windows are made when they are asked for: caches of all would take 12 MB a hundred."""

    def directions(self, digest: str) -> CentredFrames:
        return self.configuration.pooler.directions(windows(np.array([int(digest, 16)]))[0])


def recall(home: Home, count: int) -> dict[str, Any]:
    """How many of the ten answers to passages of tracks, by all passages and many caches, columns find."""
    found, caches = [], []
    drawn = np.random.default_rng(2).permutation(count)[:RECALL]
    with open_index(home.path) as opened:
        index = Generated(opened.home, opened.catalog, opened.configuration)
        for number in drawn.tolist():
            query = ask_with(index, path_of(number), 30.0, 50.0, "auto", None)
            wanted = Asked([query.query], [], Filter(), RankingOptions(), include_self=False)
            entries = [e for e in index.catalog.tracks.entries() if e.track.digest not in wanted.hidden]
            depth = depth_of(10, count)
            ranked = partial(ranked_by_windows, index, query)
            exact = ranked(nearest_by_passages(index, query, entries, depth))[0][:10]
            estimated = estimated_by_passages(index, query, wanted, depth)
            if estimated is None:
                raise SystemExit("The home has no columns of its state.")
            some = Opened(index, estimated, ranked)
            near = some.best(needed(10, RankingOptions()))[:10]
            found.append(len({c.entry.id for c in exact} & {c.entry.id for c in near}) / 10)
            caches.append(float(some.opened))
    return {"recall@10": float(np.mean(found)), "least": min(found), "caches": spread(caches)}


def asked(count: int) -> int:
    """The track asked with; the one behind it is another query."""
    return count // 3


def kinds(count: int) -> dict[str, list[str]]:
    one, other = (os.fsdecode(path_of(asked(count) + step)) for step in (0, 1))
    passage = ["--from", "0:30", "--to", "0:50"]
    return {
        "similar": ["similar", one],
        "similar --genre --year": ["similar", one, "--genre", "jazz", "--year", "1980-1999"],
        "similar --exclude-same artist": ["similar", one, "--exclude-same", "artist"],
        "similar --under": ["similar", one, "--under", "/music/artist 00001"],
        "similar --text": ["similar", "--text", "ambient"],
        "similar TRACK --text --genre": ["similar", one, "--text", "ambient", "--genre", "jazz"],
        "similar --from --to": ["similar", one, *passage],
        "similar --from --to --genre": ["similar", other, *passage, "--genre", "jazz"],
        "playlist --seed": ["playlist", "--seed", one],
        "list --genre": ["list", "--genre", "opera"],
        "similar --each": ["similar", "--each", "-"],
    }


@dataclass(frozen=True)
class Run:
    """What a command took: s of wall time, and bytes of memory at most."""

    seconds: float
    memory: int


def run(home: Home, words: list[str], checkout: Path, given: bytes) -> Run:
    """Runs audiosim once; an error ends the benchmark."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *words, "--home", str(home.path)],
        env=environment,
        cwd=checkout,  # which Python looks in first
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process, peak_memory(process.pid) as peak:  # fmt: skip
        _, err = process.communicate(given)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: exit code {process.returncode}: {err.decode()[-500:]}")
    return Run(time.perf_counter() - start, peak[0])


def measured(home: Home, words: list[str], checkouts: list[Path], runs: int, given: bytes) -> dict[str, Any]:
    """Some runs of a command, by turns from each checkout, after one that counts for nothing."""
    found: dict[str, list[Run]] = {}
    for number in range(runs + 1):
        for checkout in checkouts:
            one = run(home, words, checkout, given)
            if number:
                found.setdefault("new" if checkout == HERE else "old", []).append(one)
    return {
        name: {
            "seconds": spread([one.seconds for one in some]),
            "peak bytes": max(one.memory for one in some),
        }
        for name, some in found.items()
    }


def line(kind: str, found: dict[str, Any]) -> str:
    told = [
        f"{name} {shown(figures['seconds'])} s, {figures['peak bytes'] / 1e6:.0f} MB"
        for name, figures in found.items()
    ]
    return f"{kind:32} {'; '.join(told)}"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tracks", type=int, default=10_000)
    arguments.add_argument("--work", type=Path, default=Path("scale"))
    arguments.add_argument("--old", type=Path)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--kind", nargs="+", default=[""])
    arguments.add_argument("--recall", action="store_true")
    chosen = arguments.parse_args()
    home = Home(chosen.work.absolute() / str(chosen.tracks))
    if not (done := home.path.with_suffix(".made")).exists():
        shutil.rmtree(home.path, ignore_errors=True)
        make(home, chosen.tracks)
        done.touch()
    with Catalog(home.catalog) as catalog:
        catalog.keep_columns()  # of a home that an older version made
    if chosen.recall:
        told = recall(home, chosen.tracks)
        report(
            told,
            [
                f"passages: recall@10 {told['recall@10']:.3f}, {told['least']:.1f} at least;"
                f" caches opened {shown(told['caches'])}"
            ],
            as_json=chosen.json,
        )
        return
    checkouts = [*([chosen.old.absolute()] if chosen.old else []), HERE]
    drawn = np.random.default_rng(1).permutation(chosen.tracks)[:EACH]
    given = b"".join(path_of(int(number)) + b"\n" for number in drawn)
    results: dict[str, Any] = {"tracks": chosen.tracks, "catalog bytes": home.catalog.stat().st_size}
    lines = [f"{chosen.tracks} tracks, a catalog of {results['catalog bytes'] / 1e6:.0f} MB"]
    results["commands"] = {}
    for kind, words in kinds(chosen.tracks).items():
        if any(map(kind.startswith, chosen.kind)):
            each = kind == "similar --each"  # which no older one has
            some, runs = ([HERE], 1) if each else (checkouts, chosen.runs)
            results["commands"][kind] = measured(home, words, some, runs, given if each else b"")
            lines.append(line(kind, results["commands"][kind]))
            print(lines[-1], file=sys.stderr)
    report(results, lines, as_json=chosen.json)


if __name__ == "__main__":
    main()
