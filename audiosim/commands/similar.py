"""``audiosim similar``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from audiosim.commands.options import HomeOption, PrecisionOption, QuietOption, one_of


def similar(
    queries: Annotated[
        list[Path], typer.Argument(metavar="QUERY...", help="Audio files; several count as one query.")
    ],
    count: Annotated[int, typer.Option("-k", "--count", metavar="N", min=1, help="Tracks to find.")] = 10,
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="table, json, jsonl, csv, m3u8 or paths.")
    ] = "table",
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="With --format paths: end each path with a zero byte.")
    ] = False,
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Let the query's own audio be among the answers.")
    ] = False,
    home: HomeOption = None,
    precision: PrecisionOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Find the tracks that sound most like a query.

    A query need not be in the index. Example: audiosim similar song.wav -k 5
    """
    from audiosim.errors import UsageError
    from audiosim.render import FORMATS, Format, render
    from audiosim.search import find_similar
    from audiosim.types import Precision

    chosen = "json" if json_ else one_of("--format", form, FORMATS)
    one_of("--precision", precision, get_args(Precision))
    if null and chosen != "paths":
        raise UsageError("--null goes with --format paths only")
    result = find_similar(
        queries, count=count, home=home, include_self=include_self, precision=cast("Precision", precision)
    )
    if result.exact_because is not None and not quiet:
        typer.echo(f"audiosim: answered by exact search ({result.exact_because}).", err=True)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    sys.stdout.buffer.write(render(result, cast("Format", chosen), width=width, null=null))
    sys.stdout.buffer.flush()
