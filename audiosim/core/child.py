"""Python processes of audiosim's own, which are talked to through pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

# The import path is handed over: scripts and tests may have changed it.
START = """
import importlib, sys
name, *sys.path[:] = sys.argv[1:]
try:
    module = importlib.import_module(name)
except ImportError as error:
    sys.exit(str(error))
module.main()
"""


def start_child(
    module: str, *, stderr: int | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process that runs the function `main` of a module.

    Parameters
    ----------
    module : str
        Its whole name.
    stderr : int, optional
        As `subprocess.Popen` has it; by default this process's own.
    variables : mapping of str to str, optional
        What its environment has beside, or instead of, what this process's has.

    Returns
    -------
    subprocess.Popen
        The process, its standard input and output being pipes.
    """
    return subprocess.Popen(
        [sys.executable, "-c", START, module, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **(variables or {})},
    )


def ask_child(module: str, asked: object, limit: float) -> str | None:
    """Have a process of its own do one thing: what crashes or hangs it costs that process.

    Parameters
    ----------
    module : str
        Its function `main` reads what is asked as JSON, and writes what went wrong, if anything did.
    asked : object
        What JSON can hold.
    limit : float
        Seconds, after which it is killed.

    Returns
    -------
    str or None
        What went wrong: an empty text where nothing did, None where the process crashed without a word.

    Raises
    ------
    subprocess.TimeoutExpired
        If it takes longer.
    """
    process = start_child(module, stderr=subprocess.DEVNULL)
    try:
        said, _ = process.communicate(json.dumps(asked).encode(), limit)
    finally:
        process.kill()
        process.wait()
    return None if process.returncode and not said else said.decode("utf-8", "replace")
