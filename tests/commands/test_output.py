"""Where commands write their answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from homes import Made, make_home, recording

from audiosim.core.config import Home
from audiosim.library.catalog import Catalog


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


@pytest.mark.parametrize(
    "command",
    [
        ("similar", "/m/0.flac", "--under", "/"),
        ("similar", "/m/0.flac", "--from", "1", "--to", "9"),
        ("playlist", "--seed", "/m/0.flac", "-k", "3"),
        ("duplicates",),
        ("list",),
        ("map",),
    ],
)
def test_an_answer_says_what_a_run_has_yet_to_bring_in(
    home: Home, cli: Cli, command: tuple[str, ...]
) -> None:
    whole = cli(*command, "--home", home.path)
    assert (whole.code, "not in the index yet" in whole.err) == (0, False)
    left = [b"/m/8.flac", b"/m/9.flac"]
    for files, told in ((left[:1], "1 file is"), (left, "2 files are")):
        with Catalog(home.catalog) as catalog:
            catalog.files.note_unopened(others=[], found=files)
        done = cli(*command, "--home", home.path)
        assert (done.code, done.out) == (0, whole.out)
        line = (
            f"audiosim: {told} not in the index yet: a run is at work, or was cut short."
            f" To go on: audiosim index --home {home.path}\n"
        )
        assert done.err.count(line) == 1
    if command[0] in ("similar", "playlist", "map"):
        assert cli(*command, "--quiet", "--home", home.path).err == ""
