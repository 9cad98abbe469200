"""`audiosim index` as a person sees it: a real process on a terminal, with a slow encoder."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile
from audio_files import FORMS, music, write
from conftest import SAMPLE_RATE, tone
from rich.cells import cell_len

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parent.parent
# The encoder is loaded as one of the published ones is, and hears 45 windows a second.
INDEX = """
import sys, time
from audiosim import cli
from audiosim.indexing import survey
from fake_encoder import FakeEncoder
class Slow(FakeEncoder):
    def embed(self, windows):
        time.sleep(len(windows) / 45)
        return super().embed(windows)
def load(*arguments, **options):
    time.sleep(0.2)
    return Slow()
survey.load_encoder = survey.load_encoder_for = load
cli.main()
"""
BAR = re.compile(r" *(\d+)% \[[#.]+\]( .*)?")
NAME = "a mix that is long.flac"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A file of three minutes among short ones: real ones, encoded."""
    folder = tmp_path / "music"
    folder.mkdir()
    soundfile.write(folder / NAME, tone(180, 300), SAMPLE_RATE)
    for number, form in enumerate(("mp3", "vorbis", "aac")):
        path = folder / f"short {number}{FORMS[form].suffix}"
        write(path, music(4, FORMS[form].rate, channels=2, seed=number), FORMS[form])
    return folder


@contextmanager
def on_a_terminal(width: int, *arguments: object) -> Iterator[tuple[subprocess.Popen[bytes], Iterator[str]]]:
    """A run whose stdout and stderr are a terminal, and what it shows, piece by piece."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, width))
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    environment = {**os.environ, "PYTHONPATH": paths, "TERM": "xterm"}
    command = [sys.executable, "-c", INDEX, "index", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        try:
            yield process, _pieces(ours)
        finally:
            process.kill()
            os.close(ours)


def _pieces(terminal: int) -> Iterator[str]:
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # how Linux says that the terminal's last user is gone
            return
        if not piece:
            return
        yield piece.decode()


def states(shown: str) -> list[str]:
    """What each of the terminal's lines said, one state after the other."""
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", shown)
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


def left(shown: str) -> list[str]:
    """What stays on the terminal: each line as it was in the end."""
    lines = []
    for line in shown.replace("\r\n", "\n").split("\n"):
        cells: list[str] = []
        for part in re.sub(r"\r\x1b\[K", "\0", line).split("\0"):
            cells = []
            for text in part.split("\r"):
                cells[: len(text)] = text
        lines.append("".join(cells).rstrip())
    return [line for line in lines if line]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.long
def test_the_bar_moves_within_a_long_file_and_names_it(library: Path, tmp_path: Path, width: int) -> None:
    with on_a_terminal(width, library, "--home", tmp_path / "home", "--jobs", 1) as (process, pieces):
        shown = "".join(pieces)
        assert process.wait(60) == 0
    lines = states(shown)
    ours = [line for line in lines if not line.startswith(("Encoder:", "4 "))]
    assert max(map(cell_len, ours)) < width
    assert "Loading the model ..." in lines
    assert "Looking for files ..." in lines
    bars = [match for match in map(BAR.fullmatch, lines) if match]
    within = {int(bar[1]) for bar in bars if (bar[2] or "").endswith(f": {NAME}")}
    assert len(within) >= 3
    assert {share for share in within if 5 < share < 90}
    assert any(" left, " in bar[0] and " of ~3 min of audio" in bar[0] for bar in bars)
    first, second, summary = left(shown)
    assert (first.startswith("Encoder: fake"), second) == (True, "4 files found, 4 to open.")
    assert summary.startswith("4 indexed, 0 reused")


def test_ctrl_c_takes_the_place_of_the_bar(library: Path, tmp_path: Path) -> None:
    with on_a_terminal(80, library, "--home", tmp_path / "home", "--jobs", 1) as (process, pieces):
        shown = ""
        for piece in pieces:
            shown += piece
            if f": {NAME}" in piece:
                process.send_signal(signal.SIGINT)
                break
        shown += "".join(pieces)
        assert process.wait(60) == 130
    assert left(shown)[-1] == "audiosim: interrupted; finished work is kept."
    assert len(left(shown)) == 3


def test_quiet_shows_nothing(library: Path, tmp_path: Path) -> None:
    (library / NAME).unlink()
    with on_a_terminal(80, library, "--home", tmp_path / "home", "--quiet") as (process, pieces):
        assert "".join(pieces) == ""
        assert process.wait(60) == 0
