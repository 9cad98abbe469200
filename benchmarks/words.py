"""How well words find what they say, and what they cost.

usage: python benchmarks/words.py [--games HOME] [--games-mtt HOME] [--demo HOME]
                                  [--time] [--tracks N] [--runs N] [--json]

Asks homes, indexed with MusiCNN, in words: --games of the games of fetch_sets.sh, --games-mtt of the same
with `--variant mtt`, --demo of the music of examples/make_music.py. Right are the tracks of whose kind their
names, folders or genre tags speak, by patterns that were written down before anything was asked. Precision at
5 stands against chance, the share of right tracks. With --time, a home of N tracks like those of queries.py
is asked with a track and with a word, whole commands in pairs.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import pairs, parser, report, seconds, shown
from queries import MUSICNN, command, make, path_of, whiten

from audiosim.core.config import Home
from audiosim.core.types import Track
from audiosim.encoders.musicnn_labels import MSD
from audiosim.library.catalog import Catalog
from audiosim.library.index import indexed_tracks
from audiosim.search.similar import find_similar

COUNT = 5


@dataclass(frozen=True)
class Question:
    """Words, and the pattern of what is said of tracks that they are to find: path, title, album, genre."""

    text: str
    right: str
    not_text: str = ""


QUESTIONS = {
    "games": (
        Question("metal", "marsshooter-data/"),
        Question("heavy metal", "marsshooter-data/"),
        Question("metal female vocalists", "marsshooter-data/"),
        Question("ambient", r"/(.*_)?(amb|rain|wind|waves)[^/]*$|\tambi"),
        Question("ambient", r"/(.*_)?(amb|rain|wind|waves)[^/]*$|\tambi", not_text="rock"),
        Question("blues", "blues"),
        Question("hip hop", "_rap"),
        Question("dance", "disko"),
    ),
    "games_mtt": (
        Question("metal", "marsshooter-data/"),
        Question("ambient", r"/(.*_)?(amb|rain|wind|waves)[^/]*$|\tambi"),
        Question("classical", "bach|violinkonzert|peer gynt|divertissement"),
        Question("violin", "violinkonzert"),
        Question("flute", "pour_flute"),
    ),
    "demo": (
        Question("guitar", "/guitar/"),
        Question("acoustic", "/guitar/"),
        Question("ambient", "/ambient/"),
        Question("electronic", "/(techno|chiptune)/"),
        Question("dance electronic", "/techno/"),
    ),
}


def said(track: Track) -> str:
    """What is said of a track."""
    tags = (track.tags.title, track.tags.album, track.tags.genre)
    return "\t".join([os.fsdecode(track.path), *(tag or "" for tag in tags)]).lower()


def judged(home: Path, question: Question) -> dict[str, Any]:
    """Precision at 5, chance, and the place of the first right answer."""
    tracks = indexed_tracks(home)
    found = find_similar(text=question.text, not_text=question.not_text or (), count=len(tracks), home=home)
    right = [re.search(question.right, said(match.track)) is not None for match in found.matches]
    return {
        "text": question.text,
        "not_text": question.not_text,
        "right": sum(right),
        "of": len(right),
        "precision": sum(right[:COUNT]) / COUNT,
        "best": min(sum(right), COUNT) / COUNT,
        "chance": sum(right) / len(right),
        "first": right.index(True) + 1 if any(right) else None,
    }


def timed(tracks: int, runs: int) -> dict[str, Any]:
    """A plain `similar` and one by words, in pairs."""
    with tempfile.TemporaryDirectory() as name:
        home = Home(Path(name) / "home")
        make(home, tracks, MUSICNN)
        whiten(home)
        rng = np.random.default_rng(0)
        with Catalog(home.catalog) as catalog, catalog.transaction():
            catalog.words.set_labels(MSD)
            for digest in catalog.tracks.indexed_digests():
                catalog.words.set(digest, rng.normal(-3, 1, len(MSD)).astype(np.float32))
        query = os.fsdecode(path_of(123))
        return pairs(
            lambda: seconds(lambda: command(home.path, "similar", query)),
            lambda: seconds(lambda: command(home.path, "similar", "--text", "ambient")),
            runs,
        )


def main() -> None:
    arguments = parser(__doc__)
    for name in QUESTIONS:
        arguments.add_argument(f"--{name.replace('_', '-')}", type=Path)
    arguments.add_argument("--time", action="store_true")
    arguments.add_argument("--tracks", type=int, default=10_000)
    arguments.add_argument("--runs", type=int, default=10)
    chosen = arguments.parse_args()
    results: dict[str, Any] = {}
    lines = []
    for name, questions in QUESTIONS.items():
        if home := getattr(chosen, name):
            results[name] = [judged(home, question) for question in questions]
            lines += [f"{name}:", *map(line, results[name])]
    if chosen.time:
        results["time"] = found = timed(chosen.tracks, chosen.runs)
        lines.append(f"similar {shown(found['first'])} s, --text {shown(found['second'])} s")
        lines.append(f"ratio {shown(found['ratio'])}, {found['pairs']} pairs")
    report(results, lines, as_json=chosen.json)


def line(found: dict[str, Any]) -> str:
    words = found["text"] + (f", not {found['not_text']}" if found["not_text"] else "")
    measured = f"P@5 {found['precision']:.1f} (at best {found['best']:.1f}), chance {found['chance']:.2f}"
    return f"  {words:28} {measured}; {found['right']} of {found['of']} right, the first at {found['first']}"


if __name__ == "__main__":
    main()
