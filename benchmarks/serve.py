"""How soon `audiosim serve` answers, how many requests it answers a second, and what memory it takes.

usage: python benchmarks/serve.py [--tracks N ...] [--seconds S] [--mp3 FILE] [--no-upload] [--json]

Makes homes of tracks with vectors of 512 numbers, fingerprints and scores of words, without audio (2 GB for
100,000), and asks for what sounds like indexed tracks, each time like another one: by one client, by 16 at a
time, and by one while another process writes; and by words. While it is written to, each answer is compared
with what was committed. Then a file of four minutes (made, unless one is given) is uploaded to a home of
MusiCNN, whose weights are fetched or are in AUDIOSIM_WEIGHTS. Server and clients share the machine.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import psutil
from common import parser, report, tree_memory
from queries import CENTRES, GENRES, RATE, path_of
from queries import OPENL3 as SYNTHETIC

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, Float32, Tags, TrackVector
from audiosim.encoders.musicnn_labels import MSD
from audiosim.library.catalog import Catalog, Configuration, path_id
from audiosim.library.statistics import refresh

OPENL3 = replace(SYNTHETIC, name="openl3")  # for whose words no plug-ins are looked for
CLIENTS = 16
LANDMARKS = 290  # of four minutes
SIMILAR = "/api/v1/similar?count=10"
FOUND = 10
UPLOADS = 6  # the first of which loads the network
LENGTH = 240.0  # s of what is uploaded
FIRST, STEP = 0.5, 0.001  # rad from the first track: of the first that is written, and less for each other
TURNS = 450
SEEN = 0.0006  # s of writing a track of the home, at least: a large one is read anew every few seconds only
Answer = dict[str, Any]


def vector(number: int, size: int = OPENL3.dimension) -> Float32:
    """A unit vector near one of the centres."""
    centre = np.random.default_rng(10**9 + number % CENTRES).normal(size=size)
    return unit(centre + 0.9 * np.random.default_rng(number).normal(size=size))


def unit(values: Any) -> Float32:
    found: Float32 = (values / np.linalg.norm(values)).astype(np.float32)
    return found


def turned(turn: int) -> Float32:
    """A vector that is more like the first track's than all of this kind before, and all others."""
    first, angle = vector(0).astype(np.float64), FIRST - STEP * turn
    aside = np.random.default_rng(2 * 10**9 + turn).normal(size=len(first))
    aside -= (aside @ first) * first
    return unit(np.cos(angle) * first + np.sin(angle) * unit(aside))


def fingerprint(number: int) -> bytes:
    rng = np.random.default_rng(number)
    places = np.cumsum(rng.integers(1, 100, LANDMARKS))
    return Landmarks(places, rng.random((LANDMARKS, BITS)) < 0.5).to_bytes()


def enter(catalog: Catalog, number: int, at: Float32) -> None:
    tags = Tags(f"Song {number}", f"Artist {number % 997}", genre=GENRES[number % 4], year=1950 + number % 70)
    seconds = 180.0 + number % 120
    info = AudioInfo(f"{number:032x}", seconds, RATE, 2, "flac", 1, 1, tags)
    catalog.files.record(path_of(number), info, TrackVector(at, 240))
    catalog.fingerprints.set(info.digest, fingerprint(number))
    odds = np.random.default_rng(number).normal(-3, 1, len(MSD)).astype(np.float32)
    catalog.words.set(info.digest, odds)


def make(home: Home, count: int, spec: EncoderSpec = OPENL3) -> None:
    home.path.mkdir(parents=True)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(Configuration(spec, "mean", home.cache))
        catalog.settings.want_whitening(wanted=False)  # there are no windows to learn it from
        catalog.words.set_labels(MSD)
        for start in range(0, count, 1000):
            with catalog.transaction():
                for number in range(start, min(start + 1000, count)):
                    enter(catalog, number, vector(number, spec.dimension))
        list(refresh(catalog))
        catalog.keep_columns()  # as a run does at its end


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


def ask(
    port: int,
    asked: Sequence[str],
    seconds: float,
    found: list[float],
    check: Callable[[str, Answer], object] = lambda call, answer: None,
) -> None:
    """Makes one call after the other, and notes the seconds each answer took."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    end, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        call = asked[turn % len(asked)]
        start = time.perf_counter()
        connection.request("GET", SIMILAR + call)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        found.append(time.perf_counter() - start)
        if answer.status != 200 or len(body["matches"]) != FOUND:
            raise SystemExit(f"{call}: status {answer.status}, {body}")
        check(call, body)
        turn += 1


def many(process: int, port: int, asked: list[str], seconds: float) -> dict[str, float]:
    """Requests a second that 16 clients get answered, and the processor time of each, here and there."""
    server_ms, client_ms = processor_ms(process), processor_ms(os.getpid())
    taken: list[list[float]] = [[] for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=ask, args=(port, asked[number::CLIENTS], seconds, taken[number]))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = sum(map(len, taken))
    return {
        "a_second": round(count / seconds, 1),
        "processor": round((processor_ms(process) - server_ms) / count, 2),
        "clients_processor": round((processor_ms(os.getpid()) - client_ms) / count, 2),
    }


def write(home: Home, first: int, seconds: float) -> None:
    """What a run commits, some of it a second: two tracks at a time, each more like the first one.

    The longer it lasts, the more slowly they come.
    """
    end, turn = time.perf_counter() + seconds, 0
    with Catalog(home.catalog) as catalog:
        while time.perf_counter() < end and turn < TURNS:
            with catalog.transaction():
                for number in (turn, turn + 1):
                    enter(catalog, first + number, turned(number))
            turn += 2
            time.sleep(max(0.05, 2 * seconds / TURNS))


class Committed:
    """Sees that answers for the first track are those after some whole commit, and never go back.

    After k of the tracks of `write` these are the last ones, in order, then what there was before.
    """

    def __init__(self, call: str, count: int, before: list[int]) -> None:
        self.call, self._count, self._before = call, count, before
        self.states: set[int] = set()
        self._last = 0

    def __call__(self, call: str, answer: Answer) -> None:
        if call != self.call:
            return
        numbers = numbers_of(answer)
        state = max(0, numbers[0] - self._count + 1)
        newest = range(self._count + state - 1, max(self._count, self._count + state - FOUND) - 1, -1)
        if state % 2 or state < self._last or numbers != [*newest, *self._before][:FOUND]:
            raise SystemExit(f"an answer of no committed state: {numbers}")
        self._last = state
        self.states.add(state)


def numbers_of(answer: Answer) -> list[int]:
    found = [re.fullmatch(r"/music/(\d+)/(\d+)\.flac", one["path"]) for one in answer["matches"]]
    return [100 * int(one[1]) + int(one[2]) for one in found if one]


def processor_ms(process: int) -> float:
    """What the server's process has taken by now, which does not depend on what else runs."""
    times = psutil.Process(process).cpu_times()
    return 1000 * (times.user + times.system)


def memory_of(process: int) -> dict[str, int]:
    """What the server's process has in memory, in MB: all of it, and of that what is no file's."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return {name: int(lines[key].split()[0]) // 1024 for name, key in (("all", "VmRSS"), ("own", "RssAnon"))}


def milliseconds(taken: list[float]) -> dict[str, float]:
    return {f"p{share}": round(1000 * float(np.percentile(taken, share)), 2) for share in (50, 95, 99)}


def measured(count: int, seconds: float, folder: Path) -> dict[str, Any]:
    home = Home(folder / str(count))
    make(home, count)
    order = np.random.default_rng(1).permutation(np.arange(1, count)).tolist()
    like = [f"&id={path_id(path_of(number))}" for number in order]
    words = [f"&text={quote(label)}" for label in MSD]
    both = [f"{text}{track}" for text, track in zip(words, like, strict=False)]
    with serving(home) as (process, port, started):
        ask(port, like[:50], 2.0, [])
        memory = memory_of(process)
        figures: dict[str, Any] = {"tracks": count, "started_s": round(started, 1)}
        for name, asked in (("one_client", like), ("words", words), ("words_and_track", both)):
            ask(port, asked[:5], 1.0, [])
            taken, before_ms = list[float](), processor_ms(process)
            ask(port, asked, seconds, taken)
            each = (processor_ms(process) - before_ms) / len(taken)
            figures[f"{name}_ms"] = {**milliseconds(taken), "processor": round(each, 2)}
        for name, asked in (("", like), ("_by_words", words)):
            figures[f"many{name}"] = many(process, port, asked, seconds)
        first = f"&hub_correction=false&id={path_id(path_of(0))}"
        before: list[Answer] = []
        ask(port, [first], 0.1, [], lambda _, answer: before.append(answer))
        check, beside = Committed(first, count, numbers_of(before[0])), list[float]()
        seconds = max(seconds, SEEN * count)
        command = [sys.executable, __file__, "--write", str(home.path), str(count), str(seconds)]
        with subprocess.Popen(command):
            mixed = [call for pair in zip(like, cycle(words)) for one in pair for call in (one, first)]
            ask(port, mixed, seconds, beside, check)
        figures |= {
            "while_written_ms": milliseconds(beside),
            "states_seen": len(check.states),
            "memory_mb": memory,
            "memory_after_mb": memory_of(process),
        }
    return figures


def uploaded(count: int, mp3: Path | None, folder: Path) -> dict[str, Any]:
    """How soon an uploaded file is answered, first and then, by a library of MusiCNN's."""
    from audiosim.encoders import load_encoder
    from audiosim.encoders.request import EncoderRequest

    home = Home(folder / "musicnn")
    make(home, count, load_encoder(EncoderRequest("musicnn")).spec)
    file = (mp3 or encoded(folder)).read_bytes()
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
    body = head + file + b"\r\n--b--\r\n"
    taken = []
    with serving(home) as (process, port, _):
        for _ in range(UPLOADS):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            start = time.perf_counter()
            connection.request("POST", SIMILAR, body, {"content-type": "multipart/form-data; boundary=b"})
            answer = connection.getresponse()
            told = answer.read()
            taken.append(round(time.perf_counter() - start, 2))
            if answer.status != 200:
                raise SystemExit(told.decode())
        memory = tree_memory(process)
    told_of = {"tracks": count, "bytes": len(file), "memory_mb": round(memory / 2**20)}
    return {**told_of, "cold_s": taken[0], "warm_s": taken[1:]}


def encoded(folder: Path) -> Path:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from audio_files import FORMS, music, write

    return write(folder / "a.mp3", music(LENGTH, channels=2), FORMS["mp3"])


def main() -> None:
    if sys.argv[1:2] == ["--write"]:
        write(Home(Path(sys.argv[2])), int(sys.argv[3]), float(sys.argv[4]))
        return
    options = parser(__doc__)
    options.add_argument("--tracks", type=int, nargs="*", default=[10_000, 100_000])
    options.add_argument("--seconds", type=float, default=10.0, help="of each kind of asking")
    options.add_argument("--mp3", type=Path, help="what is uploaded")
    options.add_argument("--no-upload", action="store_true")
    given = options.parse_args()
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parent.parent))
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        found["sizes"] = [measured(count, given.seconds, Path(folder)) for count in given.tracks]
        if not given.no_upload:
            found["upload"] = uploaded(min([10_000, *given.tracks]), given.mp3, Path(folder))
    lines = [json.dumps(one) for one in (*found["sizes"], *([found["upload"]] if "upload" in found else ()))]
    report(found, lines, as_json=given.json)


if __name__ == "__main__":
    main()
