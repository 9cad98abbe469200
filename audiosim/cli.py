"""The ``audiosim`` command: parsing, wiring, exit codes. Work is done elsewhere.

Exit codes: 0 done; 1 failed; 2 usage; 3 done, but something new needs a look; 4 another writer
is at work; 130, 143 interrupted; 141 nobody reads the output.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info, get_group
from typer.models import CommandInfo

from audiosim.commands.flags import with_flags
from audiosim.commands.help_page import Command
from audiosim.commands.streams import complain, end_unwritten, open_streams, refuse_to_lose
from audiosim.core.errors import NEEDS_A_LOOK, AudiosimError, AudiosimWarning
from audiosim.core.version import __version__

INTERRUPTED = 130
TERMINATED = 143


COMMANDS = {  # where each is, which is loaded when it is asked for, and what `audiosim --help` says of it
    "index": ("index:index", "Bring the index up to date with music folders."),
    "similar": ("similar:similar", "Find the tracks that sound most like a query."),
    "describe": ("describe:describe", "Say what files sound like, in words."),
    "playlist": ("playlist:playlist", "Write a playlist: around one track, or from one to another."),
    "duplicates": (
        "duplicates:duplicates",
        "Find files that hold the same recording, in whatever encoding.",
    ),
    "map": ("map:map_", "Draw the library as a map on which like sounds are near."),
    "serve": ("serve:serve", "Answer over HTTP, with a page to search and listen."),
    "list": ("list:list_tracks", "List the tracks of the index, all or those that fit."),
    "eval": ("eval:evaluate_home", "Measure how well tracks that belong together find each other."),
    "status": ("status:status", "Show what the index holds, what is left to do, and what failed."),
    "extract": ("extract:extract", "Write the embeddings of audio files to .npz files."),
    "verify": ("maintenance:verify", "Check that caches, vectors and the store are whole."),
    "gc": ("maintenance:gc", "Forget files long gone, and remove caches that nothing uses."),
    "forget": ("maintenance:forget", "Take files, or all below a folder, out of the index."),
    "relocate": ("maintenance:relocate", "Follow a library that moved as a whole; no file is opened."),
    "export": ("exchange:export", "Write the index, vectors and all, as a Parquet file."),
    "import": ("exchange:import_", "Take the tracks of exports into the index."),
    "help": ("help_page:help_", "Show how audiosim, or one command, is used."),
    "encoders": ("encoders:app", "List the encoders; fetch and check their weights."),
    "weights": ("weights:app", "List, fetch and import the models' weights."),
}


class _Commands(MutableMapping[str, Any]):
    """The commands by their names, each made when it is asked for: to load all takes a while."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            place, told = COMMANDS[name]
            module, _, member = place.partition(":")
            self._made[name] = _made(
                name, getattr(import_module(f"audiosim.commands.{module}"), member), told
            )
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _made(name: str, member: Any, told: str) -> Any:
    """A command, of a function or of an application of several."""
    if isinstance(member, typer.Typer):
        group = get_group(member)
        group.name, group.short_help = name, told
        return group
    info = CommandInfo(name, cls=Command, callback=member)
    return get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None)


class _Group(TyperGroup):
    """The one place where errors become messages and exit codes."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])

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
