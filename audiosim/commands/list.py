"""``audiosim list``."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated, cast

import typer

from audiosim.commands.options import (
    AlbumOption,
    ArtistOption,
    FormatOption,
    GenreOption,
    HomeOption,
    MaxDurationOption,
    MinDurationOption,
    NullOption,
    UnderOption,
    YearOption,
    chosen_filter,
    one_of,
)


def list_tracks(
    genre: GenreOption = None,
    artist: ArtistOption = None,
    album: AlbumOption = None,
    year: YearOption = None,
    under: UnderOption = None,
    min_duration: MinDurationOption = None,
    max_duration: MaxDurationOption = None,
    form: FormatOption = "table",
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    null: NullOption = False,
    home: HomeOption = None,
) -> None:
    """List the tracks of the index, all or those that fit.

    Example: audiosim list --genre jazz --year 1955-1965 --format paths
    """
    from audiosim.commands.render import FORMATS, Format, render
    from audiosim.core.errors import UsageError
    from audiosim.library.index import indexed_tracks

    chosen = "json" if json_ else one_of("--format", form, FORMATS)
    if null and chosen != "paths":
        raise UsageError("--null goes with --format paths only")
    only = chosen_filter(genre, artist, album, year, under, min_duration, max_duration)
    tracks = indexed_tracks(home, only=only)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    sys.stdout.buffer.write(render(tracks, cast("Format", chosen), width=width, null=null))
    sys.stdout.buffer.flush()
