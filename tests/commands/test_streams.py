"""Commands where a standard stream is closed or can't be written to."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Finished
from libraries import Library

pytestmark = pytest.mark.slow
LOST = "audiosim: stdout is closed: the answer went nowhere.\n"


@pytest.fixture
def home(indexed: Library) -> Path:
    return indexed.home.path


def shell(words: str, home: Path, redirections: str) -> Finished:
    """A command as a shell runs it with these redirections."""
    audiosim = f"{shlex.quote(sys.executable)} -m audiosim {words} {redirections}"
    done = subprocess.run(
        ["bash", "-c", audiosim],
        env={**os.environ, "AUDIOSIM_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("index", 0, ""),  # its work is done
        ("index --json --quiet", 1, LOST),
        ("status", 1, LOST),
        ("similar music/low/*.wav --json", 1, LOST),
        ("similar nowhere.wav", 2, None),
    ],
)
def test_a_closed_stdout_costs_an_answer_and_no_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: int, told: str | None
) -> None:
    monkeypatch.chdir(home.parent)
    done = shell(words, home, ">&-")
    assert done.code == code
    assert "Traceback" not in done.err
    assert told is None or done.err == told


@pytest.mark.parametrize("redirections", ["2>&-", "<&- 2>&-", "2</dev/null"])
def test_a_closed_stderr_costs_nothing_but_messages(home: Path, redirections: str) -> None:
    done = shell("list --format paths", home, redirections)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) == 6
    assert shell("similar nowhere.wav", home, redirections).code == 2


@pytest.mark.long
def test_with_all_streams_closed_files_are_not_taken_for_streams(home: Path) -> None:
    assert shell("index", home, "<&- >&- 2>&-").code == 0
    assert shell("verify", home, "<&- >&- 2>&-").code == 0
    assert shell("frobnicate", home, "<&- >&- 2>&-").code == 2
    assert shell("verify", home, "").code == 0


@pytest.mark.parametrize("redirections", [">/dev/full", "1</dev/null"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_a_stdout_that_takes_nothing_is_an_error_of_one_line(home: Path, redirections: str) -> None:
    for words in ("status", "--version"):
        done = shell(words, home, redirections)
        assert done.code == 1
        assert len(done.err.splitlines()) == 1
        assert done.err.startswith("audiosim: ")
