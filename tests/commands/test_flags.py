"""Messages name parameters; the command line shows its options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from audiosim.cli import app
from audiosim.commands.flags import NAMES, with_flags
from audiosim.core.errors import UsageError

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
