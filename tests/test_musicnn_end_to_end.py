"""The whole way with the real MusiCNN: memory, and the examples that the README starts with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Cli

EXAMPLES = Path(__file__).parent.parent / "examples"
RATE = 16_000  # Hz


def write_long(path: Path, minutes: float) -> None:
    """Minutes of slowly changing noise and tones, written in blocks."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 1, format="FLAC") as file:
        t = np.arange(10 * RATE) / RATE
        for block in range(int(minutes * 6)):
            file.write(0.2 * np.sin(2 * np.pi * (100 + block) * t) + 0.05 * rng.normal(size=len(t)))


# Indexes two files, each into a home of its own: what they need is loaded once.
EACH = """
import os, sys
from audiosim.cli import main
tracks, options = sys.argv[1:3], sys.argv[3:]
for number, track in enumerate(tracks):
    sys.argv = ["audiosim", "index", track, "--home", f"home {number}", "--encoder", "musicnn", *options]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
    open(f"done {number}", "x").close()
"""


def peaks_of_memory(tracks: list[Path], folder: Path, weights: Path, *options: str) -> list[int]:
    """Peak resident size in bytes of a process that indexes two tracks, and its decoders, at each of them.

    Sampled from /proc: what the kernel reports at a process's end includes its parent's size at
    the time of the fork.
    """
    command = [sys.executable, "-c", EACH, *map(str, tracks), *options]
    environment = {**os.environ, "AUDIOSIM_WEIGHTS": str(weights)}
    peaks = [0] * len(tracks)
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL) as process:
        for number in range(len(tracks)):
            while not (folder / f"done {number}").exists() and process.poll() is None:
                peaks[number] = max(peaks[number], tree_memory(process.pid))
                time.sleep(0.05)
    assert process.returncode == 0
    return peaks


def tree_memory(pid: int, parent: bytes = b"") -> int:
    """Resident bytes of a process and those below it, now.

    A process between its fork and its exec has its parent's name and its parent's memory: it is not
    counted a second time.
    """
    folder = Path(f"/proc/{pid}")
    try:
        name = (folder / "cmdline").read_bytes()
        resident = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        children = [int(word) for task in folder.glob("task/*/children") for word in task.read_text().split()]
    except (OSError, IndexError):
        return 0  # it has just ended
    if name == parent:
        return 0
    return resident + sum(tree_memory(child, name) for child in children)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
@pytest.mark.long
def test_memory_does_not_grow_with_the_length_of_a_track(
    tmp_path: Path, musicnn_weights_folder: Path
) -> None:
    tracks = [tmp_path / "3.flac", tmp_path / "29.flac"]
    for track in tracks:
        write_long(track, int(track.stem))
    few = ("--hop-size", "60")  # of the windows: all samples pass, as ever
    short, long = peaks_of_memory(tracks, tmp_path, musicnn_weights_folder, *few)
    assert long - short < 100 * 2**20
    assert long < 1.5 * 2**30


@pytest.mark.long
def test_the_demo_makes_music_falls_back_visibly_and_finds_what_sounds_alike(
    tmp_path: Path, cli: Cli, musicnn_weights_folder: Path
) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AUDIOSIM_WEIGHTS": str(musicnn_weights_folder),
        "AUDIOSIM_OPENL3_URL": "http://127.0.0.1:9/",
        "AUDIOSIM_HOME": str(tmp_path / "the user's own home"),
    }
    command = ["sh", str(EXAMPLES / "demo.sh"), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "going on with --encoder musicnn" in done.stdout
    assert "12 indexed" in done.stdout
    answers = done.stdout.split("Most like ")[1:]
    assert len(answers) == 2
    for answer in answers:
        style = answer.split("/")[1]
        best = [line for line in answer.splitlines() if line[:1] in ("1", "2")]
        assert all(f"/{style}/" in line for line in best)
    assert not (tmp_path / "the user's own home").exists()
    # words find what they say
    there = {"AUDIOSIM_HOME": tmp_path / "demo-home", "AUDIOSIM_WEIGHTS": musicnn_weights_folder}
    found = cli("similar", "--text", "guitar", "-k", "3", "--format", "paths", **there)
    assert [line.split("/")[-2] for line in found.out.splitlines()] == ["guitar"] * 3, found.err
    # all twelve are pieces of their own: no two are one recording
    alike = cli("duplicates", **there)
    assert (alike.code, alike.out) == (0, ""), alike.err
    # it makes the same music every time
    make = [sys.executable, str(EXAMPLES / "make_music.py"), "sample-music"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    again = cli("index", **there)
    assert "0 indexed, 12 reused" in again.out, again.err
