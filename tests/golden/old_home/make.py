"""Makes home.tar.xz: a home of audiosim 0.1.0 (commit 8dd3c04), its music, an export, and answers.

Run as root with that commit's code and MusiCNN's weights ($AUDIOSIM_WEIGHTS); writes below /srv/music
and /srv/home, which must not exist. A catalog holds absolute paths: tests `relocate` the music.

usage: PYTHONPATH=CHECKOUT python make.py OUTPUT.tar.xz
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import mutagen
import numpy as np
import soundfile

MUSIC, HOME = Path("/srv/music"), Path("/srv/home")
TRACKS, RATE = 54, 8_000  # from 50 tracks on, vectors are centred
GENRES, ARTISTS = ("ambient", "rock", "jazz"), ("Ann", "Bob", "Cy")


ONE, OTHER = (str(MUSIC / name) for name in ("Album 0/03 Töne.ogg", "Album 3/31 Töne.ogg"))
QUESTIONS = (
    ("similar", ONE, "--json"),
    ("similar", ONE, OTHER, "--not", str(MUSIC / "Album 5/50 Töne.ogg"), "--json", "-k", "20"),
    ("similar", ONE, "--genre", "rock", "--year", "1980-2000", "--max-per-artist", "3", "--json"),
    ("similar", ONE, "--explain", "--diversity", "0.3", "--no-hub-correction", "--json"),
    ("similar", ONE, "--from", "0", "--to", "3", "--json"),
    ("list", "--artist", "Bob", "--format", "json"),
    ("duplicates", "--json"),
    ("playlist", "--seed", ONE, "--length", "8", "--json"),
    ("playlist", "--start", ONE, "--end", OTHER, "--length", "6", "--json"),
    ("eval", "--labels", "genre", "--json"),
    ("verify", "--json"),
)


def audiosim(*arguments: object, codes: tuple[int, ...] = (0,)) -> str:
    line = [sys.executable, "-m", "audiosim", *map(str, arguments), "--home", str(HOME)]
    done = subprocess.run(line, check=False, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if done.returncode not in codes:
        raise SystemExit(f"{line}: exit {done.returncode}")
    return done.stdout


def make_track(number: int) -> None:
    """Three to six seconds of a chord that moves, with noise; tags by number."""
    rng = np.random.default_rng(number)
    time = np.arange(RATE * (3 + number % 4)) / RATE
    base = 110 * 2 ** (number % 12 / 12)
    signal = sum(
        0.2 * np.sin(2 * np.pi * base * k * time) * (1 + np.cos(2 * np.pi * rng.uniform(0.1, 4) * time)) / k
        for k in (1, 2, 3)
    )
    signal = signal + (0.01, 0.1, 0.03)[number % 3] * rng.standard_normal(len(time))
    path = MUSIC / f"Album {number // 9}" / f"{number:02} Töne.ogg"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.5 * signal, RATE)
    tags = mutagen.File(path)
    tags["title"], tags["album"] = f"Piece {number}", f"Album {number // 9}"
    tags["artist"], tags["genre"], tags["date"] = ARTISTS[number % 3], GENRES[number % 3], str(1980 + number)
    tags.save()


def main() -> None:
    for number in range(TRACKS):
        make_track(number)
    shutil.copy(MUSIC / "Album 0" / "00 Töne.ogg", MUSIC / "copy of 00.ogg")
    (MUSIC / "broken.mp3").write_bytes(b"no sound")
    gone = MUSIC / "gone.ogg"
    shutil.copy(MUSIC / "Album 1" / "09 Töne.ogg", gone)
    for path in MUSIC.rglob("*.*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))  # whole seconds, as archives keep them
    audiosim("index", MUSIC, "--encoder", "musicnn", codes=(3,))
    gone.unlink()
    audiosim("index")
    export, answers = HOME.with_name("export.parquet"), HOME.with_name("answers.json")
    audiosim("export", export)
    told = [(words, json.loads(audiosim(*words))) for words in QUESTIONS]
    answers.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    with tarfile.open(sys.argv[1], "w:xz") as archive:
        for path in (HOME, MUSIC, export, answers):
            archive.add(path, path.name, filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
