"""The command line, run in this process: what `python -m audiosim` would write, and its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO, cast


@dataclass(frozen=True)
class Finished:
    """A command that has run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Finished]


def run_here(arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Finished:
    """Runs audiosim here, with a process's own streams, folder, environment and signal handlers.

    The streams are changed at the file descriptors, so that what children and C libraries write is
    seen too. What is not a new process's: the modules that are loaded, and warnings, which are errors.
    """
    if "PYTHONPATH" in environment:
        raise ValueError("modules are chosen when a process starts: use run_process")
    from audiosim.cli import main

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _streams(out, err), _interpreter(arguments), _surroundings(cwd, environment):
            code = _exit_code(main)
        return Finished(code, _text(out), _text(err))


def run_process(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], timeout: float
) -> Finished:
    """Runs audiosim as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "audiosim", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
        cwd=cwd,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


def _exit_code(main: Callable[[], None]) -> int:
    """Runs a program's main function; ends as an interpreter would."""
    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def _streams(out: IO[bytes], err: IO[bytes]) -> Iterator[None]:
    """Standard input from nowhere, output and errors into files."""
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdout.flush()
    sys.stderr.flush()
    with ExitStack() as stack, open(os.devnull, "rb") as nothing:
        for number, file in enumerate((nothing, out, err)):
            kept = os.dup(number)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
            os.dup2(file.fileno(), number)
        sys.stdin, sys.stdout, sys.stderr = map(_stream, range(3), "rww")
        try:
            yield
        finally:
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                stream.close()
            sys.stdin, sys.stdout, sys.stderr = before


def _stream(number: int, mode: str) -> TextIO:
    return cast("TextIO", open(number, mode, encoding="utf-8", closefd=False))


@contextmanager
def _interpreter(arguments: Sequence[str]) -> Iterator[None]:
    """Arguments, and signal handlers and hooks that are put back."""
    argv, hook = sys.argv, sys.excepthook
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    sys.argv = ["audiosim", *arguments]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        sys.argv, sys.excepthook = argv, hook
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _surroundings(cwd: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """A working directory, and variables added to the environment."""
    folder, variables = Path.cwd(), dict(os.environ)
    os.chdir(cwd)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
