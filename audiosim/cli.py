"""The ``audiosim`` command: parsing, wiring, exit codes. Work is done elsewhere.

Exit codes: 0 done; 1 failed; 2 usage; 3 done, but something new needs a look; 4 another writer
is at work; 130 and 143 interrupted.
"""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from audiosim.commands import extract, index, similar, status, weights
from audiosim.errors import AudiosimError
from audiosim.version import __version__

INTERRUPTED = 130
TERMINATED = 143


class _Group(TyperGroup):
    """The one place where errors become messages and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except AudiosimError as error:
            typer.echo(f"audiosim: {error}", err=True)
            raise typer.Exit(error.exit_code) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            place = f": {error.filename}" if error.filename else ""
            typer.echo(f"audiosim: {error.strerror or error}{place}", err=True)
            raise typer.Exit(AudiosimError.exit_code) from error
        except KeyboardInterrupt:
            typer.echo("audiosim: interrupted; finished work is kept.", err=True)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Group,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the tracks in your own music library that sound alike.",
    epilog="Example: audiosim index ./music, then: audiosim similar song.wav -k 5",
)
app.command()(index.index)
app.command()(similar.similar)
app.command()(extract.extract)
app.command()(status.status)
app.add_typer(weights.app, name="weights")


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
    """Runs the command line; the console script."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    app()


def _terminate(*_: object) -> None:
    sys.stderr.write("audiosim: terminated; finished work is kept.\n")
    sys.exit(TERMINATED)
