"""Interrupts, as a user and as systemd send them: to a real process, at work on real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Cli
from fake_encoder import FakeEncoder

from audiosim.core.config import Home
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Catalog

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parent
# `audiosim index` with the encoder of the tests, slowed down to 20 windows a second until a file is there.
SLOW_INDEX = """
import os, time
from audiosim import cli
from audiosim.indexing import pipeline
from fake_encoder import FakeEncoder
class Slow(FakeEncoder):
    def embed(self, windows):
        if not os.path.exists(os.environ["HURRY"]):
            time.sleep(len(windows) / 20)
        return super().embed(windows)
slow = Slow()
real = pipeline.index_folder
def index_folder(*args, **kwargs):
    return real(*args, encoder=slow, **kwargs)
pipeline.index_folder = index_folder
cli.main()
"""
FILES = 40


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """40 files of 3 s."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(FILES):
        noise = np.random.default_rng(number).normal(0, 0.1, 24_000)
        soundfile.write(folder / f"{number:02}.wav", noise, 8_000)
    return folder


@contextmanager
def indexing(folder: Path, home: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """An index run that has finished at least three files."""
    command = [sys.executable, "-c", SLOW_INDEX, "index", str(folder), "--home", str(home), *options]
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    variables = {**os.environ, "PYTHONPATH": path, "HURRY": str(hurry(home))}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 120
            while indexed(home) < 3:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield process
        finally:
            process.kill()


def hurry(home: Path) -> Path:
    """The file whose being there ends the encoder's slowness."""
    return home.with_name("hurry")


def indexed(home: Path) -> int:
    path = Home(home).catalog
    if not path.exists():
        return 0
    try:
        with Catalog(path, read_only=True) as catalog:
            return catalog.files.count("indexed")
    except Exception:  # it is being made
        return 0


def an_indexed(home: Path) -> Path:
    with Catalog(Home(home).catalog, read_only=True) as catalog:
        return Path(os.fsdecode(next(row.path for row in catalog.files.all() if row.state == "indexed")))


def members(session: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def assert_nobody_is_left(session: int) -> None:
    if not Path("/proc/self/stat").exists():
        return
    deadline = time.monotonic() + 20
    while members(session):
        assert time.monotonic() < deadline, members(session)
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_an_interrupt_keeps_what_is_done(
    many: Path, tmp_path: Path, cli: Cli, number: signal.Signals, code: int, word: str
) -> None:
    home = tmp_path / "home"
    log = tmp_path / "log"
    with indexing(many, home, "--log-file", str(log)) as process:
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # a terminal sends it to all of them
        else:
            process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == code, err
    assert f"audiosim: {word}; finished work is kept." in err
    assert "Traceback" not in err
    assert f"exit code {code}" in log.read_text()
    assert_nobody_is_left(process.pid)
    assert 3 <= indexed(home) < FILES
    with Catalog(Home(home).catalog, read_only=True) as catalog:
        assert catalog.store_state.pending_count() == 0
        assert not catalog.store_state.dirty
    assert cli("verify", "--home", home).code == 0
    assert cli("similar", an_indexed(home), "--home", home).code == 0


@pytest.mark.long
def test_a_second_interrupt_ends_at_once_and_breaks_nothing(many: Path, tmp_path: Path, cli: Cli) -> None:
    home = tmp_path / "home"
    with indexing(many, home) as process:
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)  # it is writing to Chroma now
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
    assert "Traceback" not in err
    assert_nobody_is_left(process.pid)
    kept = indexed(home)
    assert kept >= 3
    hurry(home).touch()
    with indexing(many, home) as process:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert f"{FILES - kept} indexed" in out
    assert f"{kept} unchanged" in out
    assert cli("verify", "--full", "--home", home).code == 0


@pytest.mark.long
def test_a_second_run_at_the_same_time_exits_with_4_or_waits(many: Path, tmp_path: Path, cli: Cli) -> None:
    home = tmp_path / "home"
    with indexing(many, home) as process:
        process.send_signal(signal.SIGSTOP)  # it is at work for as long as it takes to see that
        busy = cli("index", "--home", home)
        assert busy.code == 4
        assert "Another audiosim is indexing this home" in busy.err
        assert "--wait" in busy.err
        assert cli("gc", "--home", home).code == 4
        assert cli("verify", "--repair", "--home", home).code == 4
        assert cli("verify", "--home", home).code == 0
        assert cli("similar", an_indexed(home), "--home", home).code == 0
        hurry(home).touch()
        process.send_signal(signal.SIGCONT)
        waiting = cli("gc", "--wait", "120", "--home", home)
        assert waiting.code == 0, waiting.err
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_nobody_reading_the_answer_is_no_error(many: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index_folder([many], home=home, encoder=FakeEncoder())
    audiosim = f"{sys.executable} -m audiosim"
    query = f"{audiosim} similar {many}/00.wav --home {home} -k 50 --format json"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {query} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.strip() in ("141", "0")  # 0: it was all in the pipe before the reader left


def test_on_a_terminal_the_last_words_take_the_place_of_the_bar() -> None:
    interrupted = """
import os, signal, time
from audiosim.cli import _Interrupt
from audiosim.commands.progress import ProgressDisplay
from audiosim.indexing.report import Progress
signal.signal(signal.SIGINT, _Interrupt("interrupted", 130))
with ProgressDisplay(shown=True) as display:
    display.update(Progress(5, 50, 60.0))
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
"""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-c", interrupted], stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        while b"kept.\r\n" not in written:
            written += os.read(ours, 1000)
        assert process.wait(60) == 130
    os.close(ours)
    bar, erased, _ = written.partition(b"\r\x1b[Kaudiosim: interrupted; finished work is kept.")
    assert b"5/50" in bar
    assert erased
