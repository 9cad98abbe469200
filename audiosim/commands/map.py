"""``audiosim map``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, cast

import typer

from audiosim.commands.options import (
    FilterOptions,
    JsonOption,
    QuietOption,
    SpaceHomeOptions,
    one_of,
    tell_of_folders,
    with_options,
)
from audiosim.commands.output import PAGE, check_answer, check_picture, tell_unopened
from audiosim.core.json_fields import path_fields, to_json
from audiosim.core.text import counted, display_path, size


@with_options
def map_(
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The HTML file [default: map.html, unless --png is given]."
        ),
    ] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a picture.")] = None,
    color: Annotated[
        str | None,
        typer.Option(
            "--color",
            "--colour",
            metavar="NAME",
            help="What gives tracks their colours: folder, genre, artist, album, year, or the words by which"
            " regions stand out [default: genre, where most tracks have one and there are 2 to 40 genres;"
            " else folder].",
        ),
    ] = None,
    absolute: Annotated[
        bool,
        typer.Option("--absolute", help="Name the audio by file:// URIs, so that the page can be moved."),
    ] = False,
    only: FilterOptions,
    json_: JsonOption = False,
    home: SpaceHomeOptions,
    quiet: QuietOption = False,
) -> None:
    """Draw the library as a map on which like sounds are near.

    Tracks that sound alike lie side by side, in one HTML file to explore and to listen in.

    Example: audiosim map -o map.html
    """
    from audiosim.map import COLORS, Color, draw_map

    if output is not None:
        check_answer(output, "a page", PAGE, "Name it .html. For a picture: --png FILE")
    if png is not None:
        check_picture(png)
    tell_of_folders(only, home, quiet=quiet)
    chosen = None if color is None else cast("Color", one_of("--color", color, COLORS))
    drawing = draw_map(output, png=png, color=chosen, absolute=absolute, only=only, home=home)
    if json_:
        files = [path_fields(os.fsencode(file)) for file in drawing.files]
        counts = {"tracks": drawing.tracks, "indexed_files": drawing.indexed_files}
        typer.echo(to_json({**counts, "color": drawing.color, "files": files}), nl=False)
    if not quiet:
        tell_unopened(home)
    if quiet or json_:
        return
    written = " and ".join(
        f"{display_path(os.fsencode(f))} ({size(f.stat().st_size)})" for f in drawing.files
    )
    told = counted(drawing.tracks, "track")
    if drawing.indexed_files != drawing.tracks:
        told = f"{counted(drawing.tracks, 'recording')} ({counted(drawing.indexed_files, 'file')})"
    typer.echo(f"{told}, coloured by {drawing.color} -> {written}", err=True)
