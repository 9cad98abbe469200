"""What people wait for with an audiosim of before and with this one, in turns, about the same tracks.

usage: python benchmarks/before.py --old CHECKOUT [--tracks N] [--files N N] [--work DIR] [--runs N]
       [--limit S] [--kind NAME ...] [--json]

CHECKOUT is the folder of an older checkout, 0.1.0 or later. Each makes a home of its own of scale.py's tracks
(over files that are there and empty) by its own catalog, once: both stay in DIR for further runs, 20 KB of
disk a track. Then commands are run in turns, after a pair that counts for nothing; of those that take over a
minute that pair is all. A command that takes longer than --limit is ended and told as such. Last both index
short files for the first time, two numbers of them, with an encoder without a network. --kind takes some of
this, by how names begin. The processor's seconds, those of processes started included, are told beside the
clock's: they count where other work runs beside it.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from compileall import compile_dir
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from common import Figures, parser, report, shown, spread
from million import GROWTH, HERE, command, fill_caches, placed
from scale import BATCH, SPEC, asked, kinds, path_of, records
from startup import make_files

from audiosim.core.config import Home
from audiosim.encoders.musicnn_labels import MSD
from audiosim.library.catalog.models import Record

SIDE = Path(__file__).with_name("before_side.py")
LONG = 60  # s, above which a command is run once
LATER = ("similar --text", "similar TRACK --text", "similar --each")  # of scale.py's kinds: 0.1.0 has none
PARTS = ("neighbourhoods of all", "neighbourhoods, a tenth more")
Sides = dict[str, Path]
Runs = dict[str, list[Figures | None]]


def values(made: Record, odds: bytes) -> tuple[Any, ...]:
    """A record, as before_side.py takes it."""
    info, tags = made.info, made.info.tags
    about = ("digest", "duration", "sample_rate", "channels", "codec", "size", "mtime_ns")
    audio = {name: getattr(info, name) for name in about}
    words = [tags.title, tags.artist, tags.album, tags.album_artist, tags.genre, tags.year, tags.track]
    more = {name: getattr(made, name) for name in ("windows", "passages", "scale", "fingerprint")}
    return made.path, audio, words, made.vector.tobytes(), more | {"words": odds}


def tracks(count: int, music: Path) -> Iterator[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    for some in records(count):
        odds = rng.normal(-3, 1, (len(some), len(MSD))).astype("<f2")
        for one, own in zip(some, odds, strict=True):
            yield values(placed(one, music), own.tobytes())


def side(checkout: Path, *words: object, send: Callable[[Any], None] = lambda file: None) -> Any:
    """What before_side.py says with a checkout's audiosim; errors end the benchmark."""
    with subprocess.Popen(
        [sys.executable, str(SIDE), *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        send(process.stdin)
        process.stdin.close()
        told = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{SIDE.name} {words[0]}: exit code {process.returncode}")
    return json.loads(told)


def make(checkout: Path, home: Path, work: Path, count: int) -> dict[str, Figures]:
    """A home of so many tracks; what its neighbourhoods took."""

    def send(file: Any) -> None:
        made, last = tracks(count, work / "music"), count // GROWTH
        pickle.dump((SPEC.to_json(), MSD, PARTS), file)
        for part in (count - last, last):
            for start in range(0, part, BATCH):
                pickle.dump(list(islice(made, min(BATCH, part - start))), file)
            pickle.dump([], file)  # which ends it

    shutil.rmtree(home, ignore_errors=True)
    print(f"making {home}", file=sys.stderr, flush=True)
    places = home, work / "new" / "cache", work / "music"
    found: dict[str, Figures] = side(checkout, "home", *places, send=send)
    return found


def homes(sides: Sides, work: Path, count: int) -> dict[str, Runs]:
    """Makes the homes, where they are not there yet; what that took."""
    done = work / "made.json"
    if not done.exists():
        found = {name: make(checkout, work / name, work, count) for name, checkout in sides.items()}
        fill_caches(Home(work / "new"), [file(work, asked(count) + step) for step in (0, 1)])
        done.write_text(json.dumps(found))
    told: dict[str, dict[str, Figures]] = json.loads(done.read_text())
    return {part: {name: [own[part]] for name, own in told.items()} for part in (*PARTS, "store filled")}


def file(work: Path, number: int) -> bytes:
    return os.fsencode(work / "music") + path_of(number).removeprefix(b"/music")


def commands(work: Path, count: int) -> dict[str, list[str]]:
    asking = {
        kind: [word.replace("/music/", f"{work}/music/", 1) for word in words]
        for kind, words in kinds(count).items()
        if not kind.startswith(LATER)
    }
    return asking | {
        "rescan, nothing new": ["index"],
        "duplicates": ["duplicates"],
        "map": ["map", "-q", "-o", str(work / "map.html")],
    }


def in_turns(sides: Sides, work: Path, words: list[str], runs: int, limit: float) -> Runs:
    """What a command takes each time, from each side; no more times where it was ended."""
    found: Runs = {name: [] for name in sides}
    for number in range(runs + 1):
        for name, checkout in sides.items():
            found[name].append(command(Home(work / name), limit, *words, checkout=checkout))
        if any(one is None or one["seconds"] > LONG for own in found.values() for one in own):
            return found
        if number == 0:
            found = {name: [] for name in sides}
    return found


def first_indexes(sides: Sides, count: int, folder: Path) -> Runs:
    """What the first index of so many short files takes."""
    make_files(folder / "music", count)
    found = {
        name: [side(checkout, "files", folder / name, folder / "music")] for name, checkout in sides.items()
    }
    shutil.rmtree(folder)
    return found


def figures(runs: list[Figures | None]) -> dict[str, Any] | None:
    """Of all runs together; None where they were ended."""
    whole = [one for one in runs if one is not None]
    if len(whole) < len(runs):
        return None
    return {name: spread([one[name] for one in whole]) for name in whole[0]}


def short(found: dict[str, float]) -> str:
    """A spread; of one run, that."""
    return shown(found) if found["min"] < found["max"] else f"{found['median']:.3g}"


def row(kind: str, found: dict[str, Any], limit: float) -> str:
    """A row of a table, and by how much of the old one's processor time ours takes."""
    cells = [
        f"over {limit:g} s"
        if own is None
        else f"{short(own['seconds'])}; {short(own['processor'])}; {own['peak bytes']['max'] / 1e6:.0f} MB"
        for own in found.values()
    ]
    old, new = found.values()
    ratio = "" if None in (old, new) else f"{new['processor']['median'] / old['processor']['median']:.2g}"
    return f"| {kind} | {' | '.join(cells)} | {ratio} |"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--old", type=Path, required=True)
    arguments.add_argument("--tracks", type=int, default=100_000)
    arguments.add_argument("--files", type=int, nargs="+", default=[2500, 10_000])
    arguments.add_argument("--work", type=Path, default=Path("before"))
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--limit", type=float, default=600, metavar="S")
    arguments.add_argument("--kind", nargs="+", default=[""])
    chosen = arguments.parse_args()
    sides = {"old": chosen.old.absolute(), "new": HERE}
    for checkout in sides.values():  # so that neither has to compile each time
        compile_dir(checkout / "audiosim", quiet=1)
    work = chosen.work.absolute() / str(chosen.tracks)
    work.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    lines = [
        "| seconds; of processor; peak memory | old | new | processor, new / old |",
        "|---|---|---|---|",
    ]

    def told(kind: str, take: Callable[[], Runs]) -> None:
        if any(map(kind.startswith, chosen.kind)):
            results[kind] = {name: figures(own) for name, own in take().items()}
            lines.append(row(kind, results[kind], chosen.limit))
            print(lines[-1], file=sys.stderr, flush=True)

    made = homes(sides, work, chosen.tracks)
    for kind, runs in made.items():
        told(kind, lambda own=runs: own)  # type: ignore[misc]
    for kind, words in commands(work, chosen.tracks).items():
        told(kind, lambda own=words: in_turns(sides, work, own, chosen.runs, chosen.limit))  # type: ignore[misc]
    for count in chosen.files:
        told(f"first index of {count} files", lambda own=count: first_indexes(sides, own, work / "files"))  # type: ignore[misc]
    report({"tracks": chosen.tracks, "figures": results}, lines, as_json=chosen.json)


if __name__ == "__main__":
    main()
