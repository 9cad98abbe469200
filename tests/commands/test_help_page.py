"""What `--help` looks like."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from audiosim.cli import COMMANDS, app


def commands(command: Any, *names: str) -> Iterator[tuple[str, ...]]:
    """The names of all commands below one, itself included."""
    yield names
    for name, member in getattr(command, "commands", {}).items():
        yield from commands(member, *names, name)


ALL = sorted(commands(typer.main.get_command(app)))


def page(*arguments: str, width: int = 80) -> str:
    """A command's help on a terminal of this width."""
    done = CliRunner().invoke(app, [*arguments, "--help"], prog_name="audiosim", terminal_width=width)
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("similar", "[OPTIONS] [QUERY...]"),
        ("index", "[OPTIONS] [PATH...]"),
        ("forget", "[OPTIONS] [PATH...]"),
        ("help", "[OPTIONS] [COMMAND...]"),
        ("relocate", "[OPTIONS] OLD NEW"),
        ("export", "[OPTIONS] FILE"),
        ("list", "[OPTIONS]"),
    ],
)
def test_usage_lines_are_as_people_write_them(command: str, usage: str) -> None:
    assert page(command).splitlines()[0] == f"Usage: audiosim {command} {usage}"


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_no_page_speaks_of_types_or_is_cut_or_too_wide(names: tuple[str, ...]) -> None:
    for width in (50, 80, 120):
        text = page(*names, width=width)
        assert not re.search(r"[{}]|<\w|None|list\[", text)
        assert max(map(len, text.splitlines())) <= width
        listed = text.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
        assert not any(line.endswith("...") for line in listed)
        assert width < 80 or all(line.endswith(".") for line in listed)


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_an_example_has_a_line_of_its_own(names: tuple[str, ...]) -> None:
    examples = [line for line in page(*names).splitlines() if "Example:" in line]
    assert all(line.startswith("  Example: audiosim ") for line in examples)


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_help_is_a_command_too(names: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["help", *names], prog_name="audiosim", terminal_width=80)
    assert (done.exit_code, done.stdout) == (0, page(*names))


def test_help_for_what_is_no_command_is_a_usage_error() -> None:
    for names in (["sing"], ["weights", "sing"], ["list", "sing"]):
        done = CliRunner().invoke(app, ["help", *names], prog_name="audiosim")
        assert done.exit_code == 2
        assert f"no command {' '.join(names)}" in done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_said_of_a_command_without_loading_it_is_what_it_says(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert COMMANDS[name][1] == (command.short_help or command.get_short_help_str())


def test_help_loads_no_command_and_a_command_no_other() -> None:
    loaded = 'print(*(name for name in sys.modules if name.startswith("audiosim.commands.")))'
    for words, command in (["--help"], None), (["list", "--help"], "list"), (["status", "-h"], "status"):
        code = f"import atexit, sys; atexit.register(lambda: {loaded}); sys.argv[1:] = {words};"
        code += "from audiosim.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        names = {name.rpartition(".")[2] for name in done.stdout.splitlines()[-1].split()}
        assert names & {place.partition(":")[0] for place, _ in COMMANDS.values()} - {"help_page"} == {
            command
        } - {None}
