"""``audiosim serve``."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from audiosim.commands.options import HomeOption, PrecisionOption, QuietOption, moment, with_options
from audiosim.core.errors import UsageError

DEFAULT_KEEP = "15m"


@with_options
def serve(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8711,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Answer only who brings the token in this file, which is made if need be [default, with"
            " another --host: serve.token in the home].",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name this machine has in URLs; repeatable.")
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let pages of this site ask: https://music.lan; repeatable."),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A media server's ids, for its plug-ins: CSV that begins with id,path (docs/serve.md).",
        ),
    ] = None,
    keep: Annotated[
        str, typer.Option(metavar="TIME", help="Let the encoder go when no query has needed it for so long.")
    ] = DEFAULT_KEEP,
    uploads: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep tracks that are added here, as a folder of the home [default: uploads in the home].",
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let nothing be added, removed or looked for anew.")
    ] = False,
    home: HomeOption = None,
    precision: PrecisionOption,
    quiet: QuietOption = False,
) -> None:
    """Answer over HTTP, with a page to search and listen.

    The page is at /, the description of the API at /docs. Both can add tracks and remove them.

    Example: audiosim serve --open
    """
    from audiosim.core.config import find_home
    from audiosim.library.index import open_index
    from audiosim.server.ids import MediaIds, read_ids
    from audiosim.server.options import ServerOptions, is_loopback
    from audiosim.server.running import serve as run
    from audiosim.server.tokens import FILE, read_token

    if read_only and uploads is not None:
        raise UsageError("--uploads does not go with --read-only", "which takes none", "Leave one out.")
    if uploads is not None and uploads.exists() and not uploads.is_dir():
        raise UsageError(f"--uploads {uploads} is no folder")
    for origin in cors or ():
        if not origin.startswith(("http://", "https://")):
            raise UsageError(f"--cors {origin} is no origin", "", "Give it as http://NAME or https://NAME.")
    if token_file is None and not is_loopback(host):
        token_file = find_home(home).path / FILE
    known = MediaIds()
    if ids is not None:
        with open_index(home) as index:
            known = read_ids(ids, index)
    if not quiet and (note := known.note()):
        typer.echo(f"audiosim: {note}", err=True)
    options = ServerOptions(
        home=home,
        host=host,
        port=port,
        token=None if token_file is None else read_token(token_file),
        names=tuple(allow_host or ()),
        origins=tuple(cors or ()),
        keep=moment("--keep", keep) or 0.0,
        precision=precision,
        ids=known,
        read_only=read_only,
        uploads_folder=uploads,
    )

    def tell(url: str) -> None:
        if not quiet:
            typer.echo(f"audiosim: answering at {url} (Ctrl-C ends it)", err=True)
        if open_:
            import threading
            import webbrowser

            threading.Thread(
                target=webbrowser.open, args=(url,), daemon=True
            ).start()  # some wait for its end

    with _ending_quietly():
        run(options, tell, _say_end)


@contextmanager
def _ending_quietly() -> Iterator[None]:
    """While the block runs, a signal ends the server, with nothing said of work that is kept: it has none."""
    before = {number: signal.signal(number, _end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, *_: object) -> NoReturn:
    """End at once: what a server leaves was removed before, and Python would take a second to tidy up."""
    os._exit(128 + number)


def _say_end() -> None:
    with suppress(OSError):
        typer.echo("audiosim: the server has ended.", err=True)
