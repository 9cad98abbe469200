"""Where commands write their answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from homes import Made, make_home, recording

from audiosim.core.config import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home", [Made(f"/m/{n}.flac", recording(n)) for n in range(4)])


@pytest.mark.parametrize(
    "command",
    [
        ("similar", "/m/0.flac", "--under", "/", "-o"),
        ("list", "-o"),
        ("playlist", "--seed", "/m/0.flac", "-o"),
        ("map", "-o"),
        ("map", "--png"),
        ("export",),
        ("index", "--log-file"),
    ],
)
def test_no_command_makes_a_folder_for_its_output(
    home: Home, cli: Cli, tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = cli(*command, "absent/out", "--home", home.path)
    assert (done.code, done.out) == (1, "")
    assert done.err == "audiosim: Can't write absent/out: there is no folder absent.\nMake it first.\n"
    assert not (tmp_path / "absent").exists()


def test_a_file_is_written_where_its_folder_is(home: Home, cli: Cli, tmp_path: Path) -> None:
    done = cli("list", "-o", tmp_path / "all.csv", "--home", home.path)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "all.csv").read_text("utf-8").count("\n") == 5
