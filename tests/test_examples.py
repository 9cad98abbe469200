"""The examples for cron and systemd, linted and run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import GOLDEN, Cli

EXAMPLES = Path(__file__).parent.parent / "examples"
TINY = GOLDEN / "described" / "waveform.toml"  # an encoder that is there at once


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
    assert linted("shellcheck", *scripts) == ""


def linted(tool: str, *files: Path) -> str:
    """What one of the dev dependencies finds."""
    found = shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)
    assert found, f"{tool} comes with the dev dependencies"
    return subprocess.run([found, *files], capture_output=True, text=True, check=False).stdout


def test_hadolint_finds_nothing() -> None:
    assert linted("hadolint", EXAMPLES / "Containerfile") == ""


def test_the_nightly_job_is_silent_when_all_is_well(music: Path, tmp_path: Path, cli: Cli) -> None:
    home = tmp_path / "home"
    assert cli("index", music, "--encoder", TINY, "--home", home).code == 0
    done = nightly(tmp_path, AUDIOSIM_HOME=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "6 unchanged" in (tmp_path / "audiosim.log").read_text()


def test_the_nightly_job_tells_of_a_broken_file_and_exits_with_3(
    music: Path, tmp_path: Path, cli: Cli
) -> None:
    home = tmp_path / "home"
    assert cli("index", music, "--encoder", TINY, "--home", home).code == 0
    (music / "broken.mp3").write_text("no music")
    done = nightly(tmp_path, AUDIOSIM_HOME=home)
    assert done.returncode == 3
    assert "broken.mp3" in done.stderr
    assert "something needs a look" in done.stdout
    log = (tmp_path / "audiosim.log").read_text()
    assert "failed: " in log
    assert all(line[:2] == "20" for line in log.splitlines())  # each with its time


def test_the_nightly_job_passes_other_failures_on(tmp_path: Path) -> None:
    assert nightly(tmp_path, tmp_path / "nowhere", AUDIOSIM_HOME=tmp_path / "home").returncode == 2


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")


@needs_systemd
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    units = [
        here(tmp_path, name) for name in ("audiosim.timer", "audiosim.service", "audiosim-serve.service")
    ]
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def here(tmp_path: Path, name: str) -> Path:
    """A unit whose program is there."""
    text = re.sub(r"(?<=ExecStart=)\S+/audiosim", shutil.which("true") or "", (EXAMPLES / name).read_text())
    (tmp_path / name).write_text(text)
    return tmp_path / name


@needs_systemd
def test_the_server_s_unit_shuts_out_what_a_server_of_files_does_not_need(tmp_path: Path) -> None:
    unit = here(tmp_path, "audiosim-serve.service")
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout  # 2.0 of 10, which would be a unit without any of it


def test_the_server_s_unit_and_container_give_it_options_that_it_has(cli: Cli) -> None:
    unit = next(
        line
        for line in (EXAMPLES / "audiosim-serve.service").read_text().splitlines()
        if line.startswith("ExecStart=")
    )
    words = shlex.split(unit)[1:]
    assert words[0] == "serve"
    container = steps_of_container()
    assert container["ENTRYPOINT"] == ['["audiosim"]']
    (command,) = container["CMD"]
    words += json.loads(command)
    known = set(re.findall(r"--[a-z][a-z-]+", cli("serve", "--help").out)) | {"--home"}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_container_is_made_of_files_that_are_there_and_does_not_run_as_root() -> None:
    steps = steps_of_container()
    assert steps["USER"] == ["1000"]
    assert steps["VOLUME"] == ["/data"]
    copied = [step.split()[:-1] for step in steps["COPY"] if not step.startswith("--from")]
    names = {name for one in copied for name in one}
    assert all((EXAMPLES.parent / name).exists() for name in names)
    with open(EXAMPLES.parent / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {
        project["project"]["readme"],
        *wheel["packages"],
        "pyproject.toml",
        "LICENSE",
        "LICENSES",
    } == names
    version = {step.split()[0].rpartition(":")[2].removesuffix("-slim") for step in steps["FROM"]}
    (python,) = version
    assert f"Programming Language :: Python :: {python}" in project["project"]["classifiers"]


def steps_of_container() -> dict[str, list[str]]:
    """What follows each instruction, in order."""
    found: dict[str, list[str]] = {}
    for line in (EXAMPLES / "Containerfile").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word.isupper():
            found.setdefault(word, []).append(rest)
    return found


def test_the_crontab_line_runs_the_nightly_job() -> None:
    line = (EXAMPLES / "crontab").read_text().splitlines()[-1]
    assert len(line.split(maxsplit=5)) == 6
    assert "examples/nightly.sh" in line
