"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from audiosim.encoders import EncoderRequest

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
    from audiosim.errors import UsageError

    if value not in choices:
        raise UsageError(f"{flag} {value} is not known", "", f"Choose one of: {', '.join(choices)}.")
    return value
