"""``audiosim similar``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.options import (
    FilterOptions,
    NotTextOption,
    OutputForm,
    OutputOptions,
    PrecisionOption,
    QuietOption,
    SpaceHomeOptions,
    TextOption,
    home_of_words,
    moment,
    one_of,
    tell_of_folders,
    with_options,
)
from audiosim.commands.output import (
    tell_absent,
    tell_notes,
    tell_short,
    tell_unanswered,
    tell_unopened,
    write_output,
)
from audiosim.core.config import find_home
from audiosim.core.errors import NEEDS_A_LOOK, UsageError

if TYPE_CHECKING:
    from audiosim.search.ranking import RankingOptions
    from audiosim.search.similar import SearchResult


@with_options
def similar(
    *,
    context: typer.Context,
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUERY...]",
            help="Audio files, folders, playlists, or - for paths on stdin; several count as one query.",
        ),
    ] = None,
    each: Annotated[
        bool,
        typer.Option(
            "--each", help="Answer each query by itself, as a line of JSON; a bad one by its error."
        ),
    ] = False,
    text: TextOption = None,
    not_text: NotTextOption = None,
    count: Annotated[int, typer.Option("-k", "--count", metavar="N", min=1, help="Tracks to find.")] = 10,
    against: Annotated[
        list[str] | None, typer.Option("--not", metavar="QUERY", help="Stay away from this; repeatable.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Ask with a passage of the query: from 1:10")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="to 1:30.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which passage answers which passage of the query.")
    ] = False,
    only: FilterOptions,
    max_per_artist: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most N tracks an artist.")
    ] = None,
    exclude_same: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="artist or album: none by, or of, the query's own; repeatable."),
    ] = None,
    diversity: Annotated[
        float,
        typer.Option(
            metavar="X", min=0, max=1, help="0 to 1: how much answers should differ; 0: they go by score."
        ),
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
    output: OutputOptions,
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Let the query's own audio be among the answers.")
    ] = False,
    home: SpaceHomeOptions,
    precision: PrecisionOption,
    quiet: QuietOption = False,
) -> None:
    """Find the tracks that sound most like a query.

    A query need not be in the index; words will do, too (--text), with an encoder that knows them.

    Example: audiosim similar song.wav -k 5
    """
    from audiosim.store import store_reader

    if text or not_text:
        home = home_of_words(home)
    tell_of_folders(only, home, quiet=quiet)
    passage = start is not None or end is not None
    if passage and (text or not_text):
        raise UsageError("--from and --to ask with a passage", "--text was given too", "Leave one out.")
    exact = bool(each or passage or only or exclude_same or text or not_text)
    # Opened before all else is imported: loading the store's engine is what takes longest.
    with nullcontext() if exact or find_home(home).columns.exists() else store_reader():
        common: dict[str, Any] = {
            "count": count,
            "home": home,
            "only": only,
            "ranking": _ranking(max_per_artist, exclude_same, diversity, show_duplicates, hub_correction),
            "include_self": include_self,
            "precision": precision,
        }
        if not passage:
            common |= {"text": text or [], "not_text": not_text or [], "explain": explain}
        if each:
            from audiosim.commands.similar_each import print_each

            times = (moment("--from", start) or 0.0, moment("--to", end)) if passage else None
            print_each(queries or [], against or [], times, common, output, context, quiet=quiet)
            return
        if passage:
            result = _by_passage([*(queries or []), *(against or [])], start, end, common)
        else:
            result = _by_tracks(queries or [], against or [], common)
    _print(result, output, context, quiet)
    if not quiet:
        if text:
            tell_short(match.track for match in result.matches)
        if not result.matches:
            tell_unanswered(only, home)
        tell_absent((query.track for query in result.queries), home, "query file")
        tell_absent((match.track for match in result.matches), home)
        tell_unopened(home)
    if result.needs_a_look:
        raise typer.Exit(NEEDS_A_LOOK)


def _ranking(
    max_per_artist: int | None, exclude_same: list[str] | None, diversity: float, show: bool, correct: bool
) -> RankingOptions:
    from audiosim.search.ranking import SAME_TAGS, RankingOptions, SameTag

    tags = tuple(one_of("--exclude-same", tag, SAME_TAGS) for tag in exclude_same or ())
    return RankingOptions(max_per_artist, cast("tuple[SameTag, ...]", tags), diversity, show, correct)


def _by_tracks(queries: list[str], against: list[str], common: dict[str, Any]) -> SearchResult:
    from audiosim.commands.sources import expand
    from audiosim.library.index import index_roots
    from audiosim.search.similar import find_similar

    roots = cache(partial(index_roots, common["home"]))
    wanted, unwanted = (expand(names, sys.stdin.buffer, roots) for names in (queries, against))
    return find_similar(wanted, against=unwanted, **common)


def _by_passage(
    queries: list[str], start: str | None, end: str | None, common: dict[str, Any]
) -> SearchResult:
    from audiosim.search.passage_search import find_passages

    if len(queries) != 1:
        why = "there are several" if queries else "there is none"
        raise UsageError("--from and --to ask with a passage of one QUERY", why)
    return find_passages(queries[0], moment("--from", start) or 0.0, moment("--to", end), **common)


def _print(result: SearchResult, output: OutputForm, context: typer.Context, quiet: bool) -> None:
    """The answer on stdout, what users should know of it on stderr."""
    from audiosim.commands.render import render

    notes = list(result.notes)
    if result.exact_because is not None:
        notes.insert(0, f"answered by exact search ({result.exact_because}).")
    tell_notes([with_flags(note, context) for note in notes], quiet=quiet, look=result.needs_a_look)
    write_output(render(result, output.format, width=output.width, null=output.null), output.file)
