"""Commands that a message names, completed so that what is pasted acts on the home that was given."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from audiosim.core.config import Home, find_home
from audiosim.core.errors import HomeError
from audiosim.core.text import visible

WITH_HOME = (  # commands that take --home
    *("index", "similar", "describe", "playlist", "duplicates", "map", "serve", "list", "eval", "status"),
    *("verify", "gc", "forget", "relocate", "export", "import"),
)
NAMED = 5  # paths of a command that is written out
# A command that is there to be run: it ends its line, and stands behind a colon or "see".
COMMAND = re.compile(rf"(?:^|: |see )audiosim (?:{'|'.join(WITH_HOME)})\b(?!.* --home ).*$", re.MULTILINE)

# Commands that change one space only: without --space the home itself.
OF_ONE_SPACE = re.compile(r"\baudiosim index(?= (?:--(?:no-)?whitening|`rebuild`))")


def in_space(text: str, name: str | None) -> str:
    """Have the commands that a message names act on the further space that it is about.

    Parameters
    ----------
    text : str
        A message.
    name : str or None
        The space's name; None for the home itself.

    Returns
    -------
    str
        ``"audiosim index --space tags --no-whitening"``.
    """
    if name is None:
        return text
    return OF_ONE_SPACE.sub(f"audiosim index --space {shell_word(name)}", text)


def at_home(text: str, home: str | os.PathLike[str] | None) -> str:
    """Have the commands that a message names act on the home that the user gave.

    Parameters
    ----------
    text : str
        A message.
    home : str, path-like or None
        The home that is meant. Of None, and of that which ``AUDIOSIM_HOME`` or the platform names, nothing
        is said: a command that is pasted finds it by itself.

    Returns
    -------
    str
        ``"To go on: audiosim index --home /music/home"``, the path quoted for a shell.
    """
    if home is None:
        return text
    return COMMAND.sub(lambda command: command[0] + _option(command[0], home), text)


def _option(command: str, home: str | os.PathLike[str]) -> str:
    """Which home a command is told; of a space that it names itself, the home that has it."""
    given = Home(Path(home))
    place = given.main.path if " --space " in command and given.space is not None else home
    return "" if _found_unnamed(place) else f" --home {shell_word(place)}"


def _found_unnamed(home: str | os.PathLike[str]) -> bool:
    try:
        return find_home(home) == find_home()
    except HomeError:  # the system knows no home folder of the user
        return False


def index_again(paths: Sequence[bytes]) -> str:
    """Give the command that indexes some paths, by name: each is written out, unless there are many."""
    few = " ".join(map(shell_word, paths)) if len(paths) <= NAMED else "PATH"
    return f"audiosim index {few}"


def shell_word(path: str | bytes | os.PathLike[str]) -> str:
    """Quote a path for a shell, where it needs that; control characters are written out, as in messages."""
    return visible(shlex.quote(os.fsdecode(path)))
