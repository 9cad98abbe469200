"""How soon `audiosim serve` answers, how many requests it answers a second, and what memory it takes.

usage: python benchmarks/serve.py [--tracks N ...] [--seconds S] [--json]

Makes a home of tracks with vectors of 512 numbers and fingerprints, without audio (2 GB for 100,000), and
asks for what sounds like indexed tracks, each time like another one: by one client, by 16 at a time, and by
one while another process writes. Server and clients share the machine.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, report, tree_memory
from queries import CENTRES, GENRES, OPENL3, RATE, path_of

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, Float32, Tags, TrackVector
from audiosim.library.catalog import Catalog, Configuration, path_id
from audiosim.library.statistics import refresh

CLIENTS = 16
LANDMARKS = 290  # of four minutes
ASKED = "/api/v1/similar?count=10&id="


def vector(number: int) -> Float32:
    """A unit vector near one of the centres."""
    centre = np.random.default_rng(10**9 + number % CENTRES).normal(size=OPENL3.dimension)
    own = centre + 0.9 * np.random.default_rng(number).normal(size=OPENL3.dimension)
    found: Float32 = (own / np.linalg.norm(own)).astype(np.float32)
    return found


def fingerprint(number: int) -> bytes:
    rng = np.random.default_rng(number)
    places = np.cumsum(rng.integers(1, 100, LANDMARKS))
    return Landmarks(places, rng.random((LANDMARKS, BITS)) < 0.5).to_bytes()


def enter(catalog: Catalog, number: int) -> None:
    tags = Tags(f"Song {number}", f"Artist {number % 997}", genre=GENRES[number % 4], year=1950 + number % 70)
    seconds = 180.0 + number % 120
    info = AudioInfo(f"{number:032x}", seconds, RATE, 2, "flac", 1, 1, tags)
    catalog.files.record(path_of(number), info, TrackVector(vector(number), 240))
    catalog.fingerprints.set(info.digest, fingerprint(number))


def make(home: Home, count: int) -> None:
    home.path.mkdir(parents=True)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(Configuration(OPENL3, "mean", home.cache))
        for start in range(0, count, 1000):
            with catalog.transaction():
                for number in range(start, min(start + 1000, count)):
                    enter(catalog, number)
        list(refresh(catalog))


@contextmanager
def serving(home: Home) -> Iterator[tuple[int, int, float]]:
    """A server: its process, its port, and how long it took to answer."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "audiosim", "serve", "--port", "0", "--home", str(home.path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            port = re.search(r":(\d+)/", line)
            if port is None:
                raise SystemExit(line + process.stderr.read())
            yield process.pid, int(port[1]), time.perf_counter() - start
        finally:
            process.kill()


def ask(port: int, ids: list[str], seconds: float, found: list[float]) -> None:
    """Asks for one track after the other, and notes the seconds each answer took."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    end, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        start = time.perf_counter()
        connection.request("GET", ASKED + ids[turn % len(ids)])
        answer = connection.getresponse()
        matches = json.loads(answer.read()).get("matches", [])
        if answer.status != 200 or len(matches) != 10:
            raise SystemExit(f"status {answer.status}, {len(matches)} matches")
        found.append(time.perf_counter() - start)
        turn += 1


def many(port: int, ids: list[str], seconds: float) -> float:
    """Requests a second that 16 clients get answered."""
    taken: list[list[float]] = [[] for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=ask, args=(port, ids[number::CLIENTS], seconds, taken[number]))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(map(len, taken)) / seconds


def write(home: Home, first: int, seconds: float) -> int:
    """What a run commits: a track at a time, some a second."""
    end, number = time.perf_counter() + seconds, first
    with Catalog(home.catalog) as catalog:
        while time.perf_counter() < end:
            with catalog.transaction():
                enter(catalog, number)
            number += 1
            time.sleep(0.05)
    return number - first


def milliseconds(taken: list[float]) -> dict[str, float]:
    return {f"p{share}": round(1000 * float(np.percentile(taken, share)), 2) for share in (50, 95, 99)}


def measured(count: int, seconds: float, folder: Path) -> dict[str, Any]:
    home = Home(folder / str(count))
    make(home, count)
    ids = [path_id(path_of(int(n))) for n in np.random.default_rng(1).permutation(count)]
    with serving(home) as (process, port, started):
        ask(port, ids[:50], 2.0, [])
        memory = tree_memory(process)
        one: list[float] = []
        ask(port, ids, seconds, one)
        rate = many(port, ids, seconds)
        beside: list[float] = []
        writer = subprocess.Popen(
            [sys.executable, __file__, "--write", str(home.path), str(count), str(seconds)]
        )
        ask(port, ids, seconds, beside)
        writer.wait()
        after = tree_memory(process)
    return {
        "tracks": count,
        "started_s": round(started, 1),
        "one_client_ms": milliseconds(one),
        "requests_a_second": round(rate, 1),
        "while_written_ms": milliseconds(beside),
        "memory_mb": round(memory / 2**20),
        "memory_after_mb": round(after / 2**20),
    }


def main() -> None:
    if sys.argv[1:2] == ["--write"]:
        write(Home(Path(sys.argv[2])), int(sys.argv[3]), float(sys.argv[4]))
        return
    options = parser(__doc__)
    options.add_argument("--tracks", type=int, nargs="+", default=[10_000, 100_000])
    options.add_argument("--seconds", type=float, default=10.0, help="of each kind of asking")
    given = options.parse_args()
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parent.parent))
    with tempfile.TemporaryDirectory() as folder:
        found = [measured(count, given.seconds, Path(folder)) for count in given.tracks]
    lines = [json.dumps(one) for one in found]
    report({"sizes": found}, lines, as_json=given.json)


if __name__ == "__main__":
    main()
