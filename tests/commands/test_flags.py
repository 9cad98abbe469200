"""Messages name parameters; the command line shows its options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from conftest import Cli
from made_home import MadeHome, random_tracks
from typer.testing import CliRunner

from audiosim.cli import app
from audiosim.commands.flags import NAMES, with_flags
from audiosim.core.errors import UsageError
from audiosim.core.told_commands import WITH_HOME, at_home, in_space

ROOT: Any = typer.main.get_command(app)


def shown(text: str, command: str) -> str:
    """A message as `audiosim COMMAND` shows it."""
    context = ROOT.make_context("audiosim", [command], resilient_parsing=True)
    context.invoked_subcommand = command
    return with_flags(text, context)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`year` 19x4 is no year", "--year 19x4 is no year"),
        ("`years` 19x4 is no year", "--year 19x4 is no year"),
        ("Leave `hop` out, or `rebuild`.", "Leave --hop-size out, or --rebuild."),
        ("`center` is of openl3", "--center/--no-center is of openl3"),
        ("`jobs` and `count`", "--jobs and --count"),
        (
            "`identity` is no option, nor is `queries`, nor `",
            "`identity` is no option, nor is `queries`, nor `",
        ),
    ],
)
def test_a_parameter_in_backticks_becomes_its_option(text: str, expected: str) -> None:
    assert shown(text, "similar") == expected


def test_a_command_s_own_option_comes_before_those_of_others() -> None:
    text = "Give `start` before `end`."
    assert shown(text, "similar") == "Give --from before --to."
    assert shown(text, "playlist") == "Give --start before --end."
    assert shown("`maps`", "import") == "--map"


def test_every_name_that_differs_stands_for_an_option() -> None:
    for name in NAMES:
        assert re.fullmatch(r"--[a-z-]+", shown(f"`{name}`", "index")), name


def test_an_error_s_message_shows_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(home: Path) -> None:
        raise UsageError(f"`home` {home} is no good", "it is not", "Give another `home`.")

    monkeypatch.setattr("audiosim.library.status.home_status", refuse)
    done = CliRunner().invoke(app, ["status", "--home", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr == f"audiosim: --home {tmp_path} is no good: it is not.\nGive another --home.\n"


def test_the_commands_that_take_a_home_are_known() -> None:
    taking = [
        name
        for name, command in ROOT.commands.items()
        if any(param.name == "home" for param in command.params)
    ]
    assert sorted(WITH_HOME) == sorted(taking)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Make one: audiosim index FOLDER", "Make one: audiosim index FOLDER --home '/a home'"),
        ("... see audiosim status --all", "... see audiosim status --all --home '/a home'"),
        ("one: audiosim verify --repair\nand then: audiosim index",
         "one: audiosim verify --repair --home '/a home'\nand then: audiosim index --home '/a home'"),
        ("To have it: audiosim index --home /other", "To have it: audiosim index --home /other"),
        ("Fetch them: audiosim encoders fetch openl3", "Fetch them: audiosim encoders fetch openl3"),
        ("x is an address: audiosim reads files", "x is an address: audiosim reads files"),
        ("it was not written by audiosim export", "it was not written by audiosim export"),
        ("From now on, audiosim index looks at /m too.", "From now on, audiosim index looks at /m too."),
    ],
)  # fmt: skip
def test_a_command_to_run_is_told_with_the_home_that_was_given(text: str, expected: str) -> None:
    assert at_home(text, "/a home") == expected
    assert at_home(text, None) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "To turn it off: audiosim index --no-whitening",
            "To turn it off: audiosim index --space tags --no-whitening",
        ),
        ("all again: audiosim index `rebuild`", "all again: audiosim index --space tags `rebuild`"),
        ("To go on: audiosim index", "To go on: audiosim index"),  # which is for all spaces
    ],
)
def test_a_command_to_run_is_told_with_the_space_that_it_is_about(text: str, expected: str) -> None:
    assert in_space(text, "tags") == expected
    assert in_space(text, None) == text


def test_the_home_that_the_environment_names_need_not_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = MadeHome(tmp_path / "home").home
    text = "To go on: audiosim index"
    assert at_home(text, home.path) == f"{text} --home {home.path}"
    monkeypatch.setenv("AUDIOSIM_HOME", str(home.path))
    assert at_home(text, home.path) == text
    assert at_home(text, tmp_path / "other") == f"{text} --home {tmp_path / 'other'}"


def told_commands(text: str) -> list[list[str]]:
    """The commands that messages name, as a shell would split them."""
    return [shlex.split(found) for found in re.findall(r"(?:: |see )audiosim ([a-z]+(?: .*)?)$", text, re.M)]


@pytest.mark.parametrize("command", ["similar nothing.wav", "list", "gc", "verify", "status", "map"])
def test_a_home_without_an_index_is_told_by_its_own_name(tmp_path: Path, cli: Cli, command: str) -> None:
    home = tmp_path / "it's a home"
    done = cli(*command.split(), "--home", home)
    assert told_commands(done.out + done.err) == [["index", "FOLDER", "--home", str(home)]]
    own = cli(*command.split(), AUDIOSIM_HOME=home)
    assert told_commands(own.out + own.err) == [["index", "FOLDER"]]
    assert not home.exists()


def test_pasted_commands_act_on_the_home_that_was_given(tmp_path: Path, cli: Cli) -> None:
    made = MadeHome(tmp_path / "it's a home")
    made.add(random_tracks(3, np.random.default_rng(1)))
    option = ("--home", "it's a home")
    assert ["index", *option] in told_commands(cli("status", *option).out)
    cache = next(made.home.cache.rglob("*.npz"))
    cache.write_bytes(b"damaged")
    (repair,) = told_commands(cli("verify", *option).out)
    assert repair == ["verify", "--repair", *option]
    done = cli(*repair)
    assert "will be computed again" in done.err


def test_an_error_of_the_other_home_names_that_one(tmp_path: Path, cli: Cli) -> None:
    made = MadeHome(tmp_path / "home")
    made.add(random_tracks(3, np.random.default_rng(1)))
    done = cli("eval", "--home", made.home.path, "--against", tmp_path / "other")
    assert done.code == 1
    assert told_commands(done.err) == [["index", "FOLDER", "--home", str(tmp_path / "other")]]
