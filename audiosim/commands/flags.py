"""Parameters and commands that a message names, as the user at hand would type them.

The package's messages name a parameter as Python does, in backticks: ``"`year` 19x4 is no year"``. They
name commands without the home that was given: it is added (core/told_commands.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from audiosim.core.told_commands import at_home

NAMES = {  # of the package's parameters -> of those of commands, where they differ
    "address": "ray",
    "albums": "album",
    "artists": "artist",
    "cpus": "ray_cpus",
    "genres": "genre",
    "gpus": "ray_gpus",
    "hop": "hop_size",
    "years": "year",
}
GIVEN_HOME = "audiosim.home"  # where contexts keep what --home was given


def with_flags(text: str, context: typer.Context) -> str:
    """Replace the parameters named in a message by the options that set them, and complete its commands.

    Parameters
    ----------
    text : str
        A message in which parameters stand in backticks.
    context : typer.Context
        That of the command line, or of the command in it: its own options come first, then those
        of the other commands.

    Returns
    -------
    str
        ``"--year 19x4 is no year"``; what no option sets is left as it is. Commands are `at_home`.
    """
    home = context.meta.get(GIVEN_HOME)
    if "`" not in text:
        return at_home(text, home)  # no command need be loaded for it
    root = context.find_root()
    commands = root.command.commands  # type: ignore[attr-defined]
    ordered = [*commands.values(), *(commands[name] for name in [root.invoked_subcommand] if name)]
    flags = {param.name: _flag(param) for command in ordered for param in _options(command)}

    def spelled(match: re.Match[str]) -> str:
        return flags.get(NAMES.get(match[1], match[1]), match[0])

    return at_home(re.sub(r"`(\w+)`", spelled, text), home)


def _options(command: Any) -> Iterator[Any]:
    for member in getattr(command, "commands", {}).values():
        yield from _options(member)
    yield from (param for param in command.params if param.param_type_name == "option")


def _flag(option: Any) -> str:
    """The long form, with its opposite where there is one: ``--center/--no-center``."""
    return "/".join(names[-1] for names in (sorted(option.opts, key=len), option.secondary_opts) if names)
