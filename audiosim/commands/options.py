"""Options that several commands share, and `with_options`, which gives them to a command."""

# Without `from __future__ import annotations`: typer reads the annotations here as they stand.
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

import typer

from audiosim.commands.output import LISTS, PLAYLIST, TEXT, check_answer
from audiosim.commands.table import terminal_width
from audiosim.core.errors import UsageError
from audiosim.core.paths import identity
from audiosim.core.text import seconds

if TYPE_CHECKING:
    from audiosim.core.types import Precision
    from audiosim.library.filters import Filter
    from audiosim.library.store_url import StoreUrl

Format = Literal["table", "json", "jsonl", "csv", "m3u8", "paths"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES = {suffix: "m3u8" if suffix in PLAYLIST else suffix[1:] for suffix in LISTS}

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Where index and caches are kept [default: $AUDIOSIM_HOME, else the user data folder].",
    ),
]
SpaceOption = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="NAME",
        help="Ask this space of the home, made by index --space [default: the home's own].",
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        help="Processors to use, for decoding and for the network [default: all].",
    ),
]
BatchSizeOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=1024, help="Windows computed at a time.")
]
WaitOption = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", min=0, help="Wait so long for another audiosim to finish."),
]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write [default: stdout].")
]
TextOption = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        metavar="WORDS",
        help="What it should sound like; repeatable. What is under 30 s, only where nothing longer fits, or"
        " with --min-duration 0.",
    ),
]
NotTextOption = Annotated[
    list[str] | None, typer.Option("--not-text", metavar="WORDS", help="What it should not; repeatable.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]


@dataclass(frozen=True)
class FromOptions:
    """Marks a command's parameter that is made of options: the parameters of `build`, which makes it."""

    build: Callable[..., Any]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that its parameters are made of.

    In what typer sees, a parameter annotated with `FromOptions` is replaced by those of its `build`;
    the command gets what `build` makes of them.
    """
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    builders = {one.name: build for one in parameters if (build := _builder(one)) is not None}
    options = [
        option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in parameters
        for option in (_parameters(builders[one.name]) if one.name in builders else [one])
    ]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, build in builders.items():
            values[name] = build(**{option.name: values.pop(option.name) for option in _parameters(build)})
        command(**values)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _builder(parameter: inspect.Parameter) -> Callable[..., Any] | None:
    marks = getattr(parameter.annotation, "__metadata__", ())
    return next((mark.build for mark in marks if isinstance(mark, FromOptions)), None)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def _filter(
    genre: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only of this genre; repeatable.")
    ] = None,
    artist: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only by this artist; repeatable.")
    ] = None,
    album: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only of this album; repeatable.")
    ] = None,
    year: Annotated[
        str | None, typer.Option(metavar="A-B", help="Only of these years: 1984, 1980-1989, 1990-.")
    ] = None,
    under: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="Only below this folder; repeatable.")
    ] = None,
    min_duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only as long as this: 90, 1:30 or 10m.")
    ] = None,
    max_duration: Annotated[str | None, typer.Option(metavar="TIME", help="Only as short as this.")] = None,
) -> "Filter | None":
    if all(given in (None, []) for given in locals().values()):
        return None  # and nothing is imported, which `similar` has no time for yet

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


def _precision(
    precision: Annotated[
        str, typer.Option(metavar="NAME", help="auto (bfloat16 where the processor has it) or float32.")
    ] = "auto",
) -> "Precision":
    if precision != "auto":
        from audiosim.core.types import Precision

        precision = one_of("--precision", precision, get_args(Precision))
    return cast("Precision", precision)


def _store(
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where vectors are searched: embedded, http[s]://HOST:PORT (a Chroma server),"
            " milvus:FILE.db or milvus:URL; kept in the home [default:"
            " $AUDIOSIM_STORE, else embedded].",
        ),
    ] = None,
) -> "StoreUrl | None":
    from audiosim.library.store_url import parse_store_url

    return None if store is None else parse_store_url(store)


@dataclass(frozen=True)
class OutputForm:
    """How tracks are printed: in one of FORMATS, paths with a zero byte after each or not; and where.

    ``named``: an option, or the file's name, says in which.
    """

    format: Format
    null: bool
    file: Path | None = None
    named: bool = field(default=False, compare=False)

    @property
    def width(self) -> int | None:
        """The columns of the terminal that it is for; None where it goes to a file or a program."""
        return terminal_width() if self.file is None else None


def _output_form(
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]} [default: by the file's name, else table].",
            autocompletion=lambda: list(FORMATS),
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="With --format paths: end each path with a zero byte.")
    ] = False,
    out: OutputOption = None,
) -> OutputForm:
    by_name = None if out is None else SUFFIXES.get(out.suffix.lower())
    if json_ and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} contradict each other")
    named = "json" if json_ else form or by_name
    chosen = one_of("--format", named or "table", FORMATS)
    if null and chosen != "paths":
        raise UsageError("--null goes with --format paths only")
    if out is not None:
        picture = " For a picture: audiosim map --png FILE" if out.suffix.lower() == ".png" else ""
        remedy = f"Name it {', '.join(LISTS)}; or .txt, for a table.{picture}"
        check_answer(out, "a list of tracks", (*LISTS, *TEXT), remedy)
    return OutputForm(cast("Format", chosen), null, out, named is not None)


def _space_home(home: HomeOption = None, space: SpaceOption = None) -> Path | None:
    if space is None:
        return home
    from audiosim.library.spaces import find_space

    return find_space(space, home)


FilterOptions = Annotated["Filter | None", FromOptions(_filter)]
SpaceHomeOptions = Annotated[Path | None, FromOptions(_space_home)]
PrecisionOption = Annotated["Precision", FromOptions(_precision)]
StoreOption = Annotated["StoreUrl | None", FromOptions(_store)]
OutputOptions = Annotated[OutputForm, FromOptions(_output_form)]


def home_of_words(home: Path | None) -> Path | None:
    """Give the space of a home that can be asked in words; the home itself, where there is none."""
    from audiosim.library.spaces import space_with_words

    return space_with_words(home) or home


def tell_of_folders(only: "Filter | None", home: Path | None, *, quiet: bool = False) -> None:
    """Say on stderr which folders of a filter hold no track of the index."""
    if only is None or not only.under:
        return
    from audiosim.core.told_commands import at_home
    from audiosim.library.index import folders_without_tracks

    for note in folders_without_tracks(only, home):
        if not quiet:
            typer.echo(f"audiosim: {at_home(note, home)}", err=True)


def one_of(flag: str, value: str, choices: tuple[str, ...]) -> str:
    """Find an option's value among its choices, whatever its case.

    Returns
    -------
    str
        The choice.

    Raises
    ------
    UsageError
        If it is none of them.
    """
    found = next((choice for choice in choices if choice.lower() == value.lower()), None)
    if found is None:
        raise UsageError(f"{flag} {value} is not known", "", f"Choose one of: {', '.join(choices)}.")
    return found


def moment(flag: str, text: str | None) -> float | None:
    """Read an option's time.

    Returns
    -------
    float or None
        In seconds; None where none is given.

    Raises
    ------
    UsageError
        If the text is no time.
    """
    value = None if text is None else seconds(text)
    if text is not None and value is None:
        raise UsageError(
            f"{flag} {text} is no time", "", "Give seconds, minutes and seconds as 1:30, or 10m."
        )
    return value
