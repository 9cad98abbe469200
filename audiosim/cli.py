"""The ``audiosim`` command: parsing, wiring, exit codes. Work is done elsewhere.

Exit codes: 0 done; 1 failed; 2 usage; 3 done, but something new needs a look; 4 another writer
is at work; 130, 143 interrupted; 141 nobody reads the output.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from audiosim.commands import (
    describe,
    duplicates,
    encoders,
    exchange,
    extract,
    help_page,
    index,
    maintenance,
    playlist,
    serve,
    similar,
    status,
    weights,
)
from audiosim.commands import eval as evaluation
from audiosim.commands import list as listing
from audiosim.commands import map as map_command
from audiosim.commands.flags import with_flags
from audiosim.commands.help_page import Command
from audiosim.commands.options import NEEDS_A_LOOK
from audiosim.commands.streams import complain, end_unwritten, open_streams, refuse_to_lose
from audiosim.core.errors import AudiosimError, AudiosimWarning
from audiosim.core.version import __version__

INTERRUPTED = 130
TERMINATED = 143


class _Group(TyperGroup):
    """The one place where errors become messages and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        try:
            _see_folder()
            with _warnings_told():
                return super().invoke(ctx)
        except BrokenPipeError as error:
            end_unwritten(error)
        except (AudiosimError, OSError, MemoryError, ImportError, RuntimeError) as error:
            failure = explained(error)
            if failure is None:
                raise
            complain(with_flags(str(failure), ctx))
            raise typer.Exit(failure.exit_code) from error


@contextmanager
def _warnings_told() -> Iterator[None]:
    """Our own warnings are lines for people on stderr; others stay what Python makes of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", AudiosimWarning)
        others = warnings.showwarning

        def tell(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, AudiosimWarning):
                complain(f"warning: {message}")
            else:
                others(message, category, *place, **more)

        warnings.showwarning = tell
        yield


def explained(error: BaseException) -> AudiosimError | None:
    """Say what failed, why, and what to do, where it was the machine; None for a defect of ours."""
    if isinstance(error, AudiosimError):
        return error
    if isinstance(error, OSError):
        place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
        return AudiosimError(error.strerror or str(error), place)
    if isinstance(error, MemoryError):
        return AudiosimError("There is not enough memory", "", "Close other programs, or raise its limit.")
    if isinstance(error, ImportError):
        name = (error.name or "a library").partition(".")[0]
        return AudiosimError(
            f"{name} can't be loaded",
            " ".join(str(error).split()),
            f"Install it again: pip install --force-reinstall {name}",
        )
    if "can't start new thread" in str(error):
        return AudiosimError(
            "No thread can be started", "memory or the number of threads is limited", "Raise the limit."
        )
    return None


def _see_folder() -> None:
    """Relative paths have a meaning only where the current folder is there."""
    try:
        os.getcwd()
    except OSError as error:
        raise AudiosimError(
            "The current folder can't be used", error.strerror or str(error), "Change to another one: cd."
        ) from error


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the tracks in your own music library that sound alike.",
    epilog="Example: audiosim index ./music, then: audiosim similar song.wav -k 5",
)
COMMANDS: dict[str, Callable[..., None]] = {
    "index": index.index,
    "similar": similar.similar,
    "describe": describe.describe,
    "playlist": playlist.playlist,
    "duplicates": duplicates.duplicates,
    "map": map_command.map_,
    "serve": serve.serve,
    "list": listing.list_tracks,
    "eval": evaluation.evaluate_home,
    "status": status.status,
    "extract": extract.extract,
    "verify": maintenance.verify,
    "gc": maintenance.gc,
    "forget": maintenance.forget,
    "relocate": maintenance.relocate,
    "export": exchange.export,
    "import": exchange.import_,
}
for _name, _command in COMMANDS.items():
    app.command(_name, cls=Command)(_command)
app.command("help", cls=Command)(help_page.help_)
app.add_typer(encoders.app, name="encoders", short_help="List the encoders; fetch and check their weights.")
app.add_typer(weights.app, name="weights", short_help="List, fetch and import the models' weights.")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"audiosim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; the console script calls this."""
    there = open_streams()
    signal.signal(signal.SIGINT, _Interrupt("interrupted", INTERRUPTED))
    signal.signal(signal.SIGTERM, _Interrupt("terminated", TERMINATED))
    try:
        try:
            app(prog_name="audiosim")
        except SystemExit as end:
            if not there and end.code in (None, 0, NEEDS_A_LOOK):
                refuse_to_lose(sys.argv[1:])
            raise
        finally:
            sys.stdout.flush()
    except OSError as error:
        end_unwritten(error)


class _Interrupt:
    """Ends the command where it is, finished work kept; asked a second time, at once."""

    def __init__(self, word: str, code: int) -> None:
        self._word, self._code = word, code

    def __call__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._at_once)
        over_bar = "\r\x1b[K" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else ""
        with suppress(OSError):
            sys.stderr.write(f"{over_bar}audiosim: {self._word}; finished work is kept.\n")
        sys.exit(self._code)

    def _at_once(self, *_: object) -> None:
        supervisor = sys.modules.get("audiosim.audio.supervisor")
        if supervisor is not None:
            supervisor.kill_workers()
        os._exit(self._code)
