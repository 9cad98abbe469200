"""Options that choose among the tracks of the index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from audiosim.filters import Filter

GenreOption = Annotated[
    list[str] | None,
    typer.Option("--genre", metavar="NAME", help="Only of this genre; repeatable.", show_default=False),
]
ArtistOption = Annotated[
    list[str] | None,
    typer.Option("--artist", metavar="NAME", help="Only by this artist; repeatable.", show_default=False),
]
AlbumOption = Annotated[
    list[str] | None,
    typer.Option("--album", metavar="NAME", help="Only of this album; repeatable.", show_default=False),
]
YearOption = Annotated[
    str | None,
    typer.Option("--year", metavar="A-B", help="Only of these years: 1984, 1980-1989, 1990-.",
                 show_default=False),
]  # fmt: skip
UnderOption = Annotated[
    list[Path] | None,
    typer.Option("--under", metavar="FOLDER", help="Only below this folder; repeatable.", show_default=False),
]
MinDurationOption = Annotated[
    str | None,
    typer.Option("--min-duration", metavar="TIME", help="Only as long as this: 90 or 1:30.",
                 show_default=False),
]  # fmt: skip
MaxDurationOption = Annotated[
    str | None,
    typer.Option("--max-duration", metavar="TIME", help="Only as short as this.", show_default=False),
]


def chosen_filter(
    genre: list[str] | None,
    artist: list[str] | None,
    album: list[str] | None,
    year: str | None,
    under: list[Path] | None,
    min_duration: str | None,
    max_duration: str | None,
) -> Filter:
    """The filter that the options ask for."""
    from audiosim.filters import Filter, Years
    from audiosim.library import identity

    return Filter(
        genres=tuple(genre or ()),
        artists=tuple(artist or ()),
        albums=tuple(album or ()),
        years=None if year is None else Years.parse(year),
        under=tuple(identity(folder) for folder in under or ()),
        min_duration=moment("--min-duration", min_duration),
        max_duration=moment("--max-duration", max_duration),
    )


def moment(flag: str, text: str | None) -> float | None:
    """A time in s.

    Raises
    ------
    UsageError : when the text is none.
    """
    from audiosim.errors import UsageError
    from audiosim.text import seconds

    value = None if text is None else seconds(text)
    if text is not None and value is None:
        raise UsageError(f"{flag} {text} is no time", "", "Give seconds, or minutes and seconds as 1:30.")
    return value
