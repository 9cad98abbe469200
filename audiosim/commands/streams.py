"""The standard streams: some may be closed, or may lead to where nothing can be written."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer

from audiosim.core.errors import AudiosimError
from audiosim.core.text import visible

BROKEN_PIPE = 141
# Commands that only tell on stdout what they have done elsewhere.
DOERS = ("index", "extract", "verify", "gc", "forget", "relocate", "export", "import", "map", "weights")


def open_streams() -> bool:
    """Open the streams that are closed, as files would get their numbers, and be written to.

    Returns
    -------
    bool
        Whether there is a stdout. Where there was none, what is written goes nowhere.
    """
    there = []
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
            there.append(True)
        except OSError:
            os.open(os.devnull, mode)  # gets the lowest number that is free: this one
            there.append(False)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    return there[1]


def refuse_to_lose(words: list[str]) -> None:
    """End with an error where the answer to a command line went nowhere, as stdout is closed."""
    command = next((word for word in words if not word.startswith("-")), None)
    elsewhere = command in DOERS or any(word.startswith(("-o", "--output")) for word in words)
    if not elsewhere or {"--json", "--dry-run"} & set(words):
        complain("stdout is closed: the answer went nowhere.")
        sys.exit(AudiosimError.exit_code)


def complain(text: str) -> None:
    """Write a message on stderr, where that can be written to."""
    with suppress(OSError):
        typer.echo(f"audiosim: {text}", err=True)


def end_unwritten(error: OSError) -> NoReturn:
    """End where stdout can't be written to: quietly where its reader has gone away (``| head``)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what it still holds goes there
    if isinstance(error, BrokenPipeError):
        sys.exit(BROKEN_PIPE)
    complain(f"stdout can't be written to: {visible(error.strerror or str(error))}")
    sys.exit(AudiosimError.exit_code)
