"""Options that several commands share; among them those that choose among the tracks of the index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from audiosim.encoders import EncoderRequest
    from audiosim.library.filters import Filter

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Where index and caches are kept [default: $AUDIOSIM_HOME, else the user data folder].",
        show_default=False,
    ),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="openl3 (the default of a new home) or musicnn.",
        show_default=False,
        autocompletion=lambda: ["openl3", "musicnn"],
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where vectors are searched: embedded, http[s]://HOST:PORT (a Chroma server), milvus:FILE.db"
        " or milvus:http[s]://HOST:PORT; kept in the home [default: $AUDIOSIM_STORE, else embedded].",
        show_default=False,
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="OpenL3 weights (.h5 or .h5.gz) to use and to keep.", show_default=False
    ),
]
ContentTypeOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="openl3: music or env [default: music].", show_default=False),
]
InputReprOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="openl3: mel256, mel128 or linear [default: mel256].", show_default=False
    ),
]
EmbeddingSizeOption = Annotated[
    int | None, typer.Option(metavar="N", help="openl3: 512 or 6144 [default: 512].", show_default=False)
]
HopSizeOption = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Time between two windows [default: 1 for openl3, 2.992 for musicnn].",
        show_default=False,
    ),
]
CenterOption = Annotated[
    bool | None,
    typer.Option(
        "--center/--no-center",
        help="openl3: let the first window centre on the start [default: --center].",
        show_default=False,
    ),
]
MaxWindowsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Embed at most N windows of a track, in evenly spread runs of ten [default: all].",
        show_default=False,
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", "-j", metavar="N", min=1, help="Decoding processes [default: one a processor].",
                 show_default=False),
]  # fmt: skip
BatchSizeOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, max=1024, help="Windows computed at a time.", show_default=False),
]
PrecisionOption = Annotated[
    str,
    typer.Option(metavar="NAME", help="auto (bfloat16 where the processor has it) or float32."),
]
FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help="table, json, jsonl, csv, m3u8 or paths.",
        autocompletion=lambda: ["table", "json", "jsonl", "csv", "m3u8", "paths"],
    ),
]
NullOption = Annotated[
    bool, typer.Option("--null", "-0", help="With --format paths: end each path with a zero byte.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
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


def encoder_request(
    encoder: str | None,
    weights: Path | None,
    content_type: str | None,
    input_repr: str | None,
    embedding_size: int | None,
    hop_size: float | None,
    center: bool | None,
    max_windows: int | None,
) -> EncoderRequest:
    """The encoder that the options ask for."""
    from audiosim.encoders import EncoderRequest

    return EncoderRequest(
        encoder=encoder,
        content_type=content_type,
        input_repr=input_repr,
        embedding_size=embedding_size,
        hop=hop_size,
        center=center,
        max_windows=max_windows,
        weights=weights,
    )


def one_of(flag: str, value: str, choices: tuple[str, ...]) -> str:
    """`value`, if it is one of the choices.

    Raises
    ------
    UsageError : when it is not.
    """
    from audiosim.core.errors import UsageError

    if value not in choices:
        raise UsageError(f"{flag} {value} is not known", "", f"Choose one of: {', '.join(choices)}.")
    return value


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
    from audiosim.core.paths import identity
    from audiosim.library.filters import Filter, Years

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
    from audiosim.core.errors import UsageError
    from audiosim.core.text import seconds

    value = None if text is None else seconds(text)
    if text is not None and value is None:
        raise UsageError(f"{flag} {text} is no time", "", "Give seconds, or minutes and seconds as 1:30.")
    return value
