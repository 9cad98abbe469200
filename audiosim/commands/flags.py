"""Parameters and commands that a message names, as the user at hand would type them.

The package's messages name a parameter as Python does, in backticks: ``"`year` 19x4 is no year"``. They
name commands without the home that was given: it is added here, so that what is pasted acts on that one.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from audiosim.core.text import visible

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
WITH_HOME = (  # commands that take --home
    *("index", "similar", "describe", "playlist", "duplicates", "map", "serve", "list", "eval", "status"),
    *("verify", "gc", "forget", "relocate", "export", "import"),
)
# A command that is there to be run: it ends its line, and stands behind a colon or "see".
COMMAND = re.compile(rf"(?:^|: |see )audiosim (?:{'|'.join(WITH_HOME)})\b(?!.* --home ).*$", re.MULTILINE)


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
    root = context.find_root()
    commands = root.command.commands  # type: ignore[attr-defined]
    ordered = [*commands.values(), *(commands[name] for name in [root.invoked_subcommand] if name)]
    flags = {param.name: _flag(param) for command in ordered for param in _options(command)}

    def spelled(match: re.Match[str]) -> str:
        return flags.get(NAMES.get(match[1], match[1]), match[0])

    return at_home(re.sub(r"`(\w+)`", spelled, text), context.meta.get(GIVEN_HOME))


def at_home(text: str, home: str | os.PathLike[str] | None) -> str:
    """Have the commands that a message names act on the home that the user gave.

    Parameters
    ----------
    text : str
        A message.
    home : str, path-like or None
        What --home was given; without it, a command that is pasted finds the same home by itself.

    Returns
    -------
    str
        ``"To go on: audiosim index --home /music/home"``, the path quoted for a shell.
    """
    if home is None:
        return text
    option = f" --home {shell_word(home)}"
    return COMMAND.sub(lambda command: command[0] + option, text)


def shell_word(path: str | bytes | os.PathLike[str]) -> str:
    """Quote a path for a shell, where it needs that; control characters are written out, as in messages."""
    return visible(shlex.quote(os.fsdecode(path)))


def _options(command: Any) -> Iterator[Any]:
    for member in getattr(command, "commands", {}).values():
        yield from _options(member)
    yield from (param for param in command.params if param.param_type_name == "option")


def _flag(option: Any) -> str:
    """The long form, with its opposite where there is one: ``--center/--no-center``."""
    return "/".join(names[-1] for names in (sorted(option.opts, key=len), option.secondary_opts) if names)
