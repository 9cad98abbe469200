"""The file of ``index --log-file``: every message of a run that nobody watches, with its time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.output import TEXT, check_named
from audiosim.core.errors import AudiosimError
from audiosim.core.files import check_folder


@contextmanager
def logging_to(path: Path | None, context: typer.Context) -> Iterator[Callable[[str], None]]:
    """Append messages to a file, each line with its time, and what ends the block early.

    Parameters
    ----------
    path : Path or None
        The file; without one, messages are dropped.
    context : typer.Context
        That of the command, whose options errors name.

    Yields
    ------
    Callable
        Writes a message.

    Raises
    ------
    AudiosimError
        If the file can't be written to.
    """
    logger = logging.Logger(__name__)  # of this run alone: loggers by name are shared with all libraries
    if path is not None:
        logger.addHandler(_file_handler(path))
    try:
        yield logger.info
    except BaseException as error:
        logger.info(f"audiosim: {with_flags(_ending(error), context)}")
        raise
    finally:
        for handler in logger.handlers:
            handler.close()


def _file_handler(path: Path) -> logging.Handler:
    check_named(path, "a log", TEXT, "Name it .log.")
    check_folder(path)
    try:
        handler = _FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise AudiosimError(f"Can't write to the log file {path}", error.strerror or str(error)) from error
    handler.setFormatter(_TimedLines(datefmt="%Y-%m-%d %H:%M:%S%z"))
    return handler


class _FileHandler(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Let the run end, as a log that can't be written to is none; logging would print a traceback."""
        raise  # noqa: PLE0704  # logging calls this where it has caught the error


class _TimedLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        now = self.formatTime(record, self.datefmt)
        return "\n".join(f"{now} {line}" for line in record.getMessage().splitlines())


def _ending(error: BaseException) -> str:
    if isinstance(error, AudiosimError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"ended by a signal (exit code {error.code})"
    return f"{type(error).__name__}: {error}"
