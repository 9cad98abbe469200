"""``audiosim similar``."""

from __future__ import annotations

import io
import os
import shutil
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

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
    PrecisionOption,
    QuietOption,
    UnderOption,
    YearOption,
    chosen_filter,
    moment,
    one_of,
)

if TYPE_CHECKING:
    from audiosim.backends.process import StoreProcess
    from audiosim.commands.render import Format
    from audiosim.core.types import Precision
    from audiosim.search.ranking import RankingOptions
    from audiosim.search.similar import SearchResult


def similar(
    queries: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...",
            help="Audio files, folders, M3U playlists, or - for paths on stdin; several count as one query.",
        ),
    ],
    count: Annotated[int, typer.Option("-k", "--count", metavar="N", min=1, help="Tracks to find.")] = 10,
    against: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="QUERY", help="Stay away from this; repeatable.", show_default=False),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Ask with a passage of the query: from 1:10",
                     show_default=False),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="to 1:30.", show_default=False)
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which passage answers which passage of the query.")
    ] = False,
    genre: GenreOption = None,
    artist: ArtistOption = None,
    album: AlbumOption = None,
    year: YearOption = None,
    under: UnderOption = None,
    min_duration: MinDurationOption = None,
    max_duration: MaxDurationOption = None,
    max_per_artist: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most N tracks an artist.", show_default=False)
    ] = None,
    exclude_same: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="artist or album: none by, or of, the query's own; repeatable.",
                     show_default=False),
    ] = None,
    diversity: Annotated[
        float,
        typer.Option(metavar="X", min=0, max=1, help="0 to 1: how much answers should differ."),
    ] = 0.0,
    show_duplicates: Annotated[
        bool, typer.Option("--show-duplicates", help="Give each file of one recording a line.")
    ] = False,
    hub_correction: Annotated[
        bool,
        typer.Option(
            "--hub-correction/--no-hub-correction",
            help="Order by similarity corrected for tracks that are near to everything.",
        ),
    ] = True,
    form: FormatOption = "table",
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    null: NullOption = False,
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Let the query's own audio be among the answers.")
    ] = False,
    home: HomeOption = None,
    precision: PrecisionOption = "auto",
    quiet: QuietOption = False,
) -> None:  # fmt: skip
    """Find the tracks that sound most like a query.

    A query need not be in the index. Example: audiosim similar song.wav -k 5
    """
    from audiosim.backends.process import StoreProcess

    passage = start is not None or end is not None
    filtered = any((genre, artist, album, year, under, min_duration, max_duration, exclude_same))
    with ExitStack() as stack:
        # Started before all else is imported: loading the store's engine is what takes longest.
        store = None if passage or filtered else stack.enter_context(StoreProcess())
        chosen = _checked_format("json" if json_ else form, null)
        common = {
            "count": count,
            "home": home,
            "only": chosen_filter(genre, artist, album, year, under, min_duration, max_duration),
            "ranking": _ranking(max_per_artist, exclude_same, diversity, show_duplicates, hub_correction),
            "include_self": include_self,
            "precision": _checked_precision(precision),
        }
        if passage:
            result = _by_passage([*queries, *(against or [])], start, end, common)
        else:
            result = _by_tracks(queries, against or [], explain, store, common)
    _print(result, chosen, null, quiet)


def _checked_format(form: str, null: bool) -> Format:
    from audiosim.commands.render import FORMATS
    from audiosim.core.errors import UsageError

    chosen = one_of("--format", form, FORMATS)
    if null and chosen != "paths":
        raise UsageError("--null goes with --format paths only")
    return cast("Format", chosen)


def _checked_precision(precision: str) -> Precision:
    from audiosim.core.types import Precision

    return cast("Precision", one_of("--precision", precision, get_args(Precision)))


def _ranking(
    max_per_artist: int | None, exclude_same: list[str] | None, diversity: float, show: bool, correct: bool
) -> RankingOptions:
    from audiosim.search.ranking import SAME_TAGS, RankingOptions, SameTag

    tags = tuple(one_of("--exclude-same", tag, SAME_TAGS) for tag in exclude_same or ())
    return RankingOptions(max_per_artist, cast("tuple[SameTag, ...]", tags), diversity, show, correct)


def _by_tracks(
    queries: list[str], against: list[str], explain: bool, store: StoreProcess | None, common: dict[str, Any]
) -> SearchResult:
    from audiosim.commands.sources import expand
    from audiosim.search.similar import find_similar

    stdin = io.BytesIO() if sys.stdin is None else sys.stdin.buffer  # it may be closed
    wanted, unwanted = (expand(names, stdin) for names in (queries, against))
    return find_similar(
        [os.fsdecode(path) for path in wanted.paths],
        against=[os.fsdecode(path) for path in unwanted.paths],
        lenient=wanted.listed | unwanted.listed,
        explain=explain,
        store=store,
        **common,
    )


def _by_passage(
    queries: list[str], start: str | None, end: str | None, common: dict[str, Any]
) -> SearchResult:
    from audiosim.core.errors import UsageError
    from audiosim.search.passage_search import find_passages

    if len(queries) > 1:
        raise UsageError("--from and --to ask with a passage of one QUERY", "there are several")
    return find_passages(queries[0], moment("--from", start) or 0.0, moment("--to", end), **common)


def _print(result: SearchResult, form: Format, null: bool, quiet: bool) -> None:
    """The answer on stdout, what users should know of it on stderr."""
    from audiosim.commands.render import render

    notes = [] if quiet else list(result.notes)
    if result.exact_because is not None and not quiet:
        notes.insert(0, f"answered by exact search ({result.exact_because}).")
    for note in notes:
        typer.echo(f"audiosim: {note}", err=True)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    sys.stdout.buffer.write(render(result, form, width=width, null=null))
    sys.stdout.buffer.flush()
