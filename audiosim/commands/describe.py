"""``audiosim describe``."""

from __future__ import annotations

import sys
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.options import (
    JsonOption,
    OutputOption,
    PrecisionOption,
    QuietOption,
    SpaceHomeOptions,
    home_of_words,
    with_options,
)
from audiosim.commands.output import TEXT, check_answer, tell_notes, tell_short, write_output
from audiosim.core.errors import NEEDS_A_LOOK
from audiosim.core.json_fields import to_json, track_fields, word_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audiosim.search.describe import Description, Stretch
    from audiosim.search.track_words import Word


@with_options
def describe(
    *,
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Audio files, folders, playlists, or - for paths on stdin."),
    ],
    count: Annotated[int, typer.Option("-k", "--count", metavar="N", min=1, help="Words a file.")] = 8,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Also say which words fit where in the file.")
    ] = False,
    json_: JsonOption = False,
    out: OutputOption = None,
    home: SpaceHomeOptions,
    precision: PrecisionOption,
    quiet: QuietOption = False,
) -> None:
    """Say what files sound like, in words.

    The words are those that the home's encoder knows, or that of a space which does. Score says how
    far a file stands out of the library by one, in standard deviations; Similarity is what the network
    gives. A file need not be in the index.

    Example: audiosim describe song.wav --timeline
    """
    from audiosim.commands.sources import expand
    from audiosim.library.index import index_roots
    from audiosim.search.describe import describe_files

    if out is not None:
        _check(out, json_)
    home = home_of_words(home)
    source = expand(files, sys.stdin.buffer, cache(partial(index_roots, home)))
    found = describe_files(source, count=count, timeline=timeline, home=home, precision=precision)
    tell_notes([with_flags(note, context) for note in found.notes], quiet=quiet, look=found.needs_a_look)
    if not quiet:
        tell_short(one.track for one in found.files)
    if json_:
        text = to_json({"files": [_fields(one) for one in found.files]})
    else:
        text = "\n".join(_text(one, out) for one in found.files)
    write_output(text.encode(), out)
    if found.needs_a_look:
        raise typer.Exit(NEEDS_A_LOOK)


def _check(out: Path, json_: bool) -> None:
    if json_:
        check_answer(out, "a JSON document", (".json", *TEXT), "Name it .json.")
    else:
        check_answer(out, "a description", TEXT, "Name it .txt. For JSON: --json")


def _fields(one: Description) -> dict[str, Any]:
    return {
        **track_fields(one.track),
        "indexed": one.indexed,
        "words": _word_fields(one.words),
        "timeline": [
            {"start": round(part.start, 2), "end": round(part.end, 2), "words": _word_fields(part.words)}
            for part in one.timeline
        ],
    }


def _word_fields(words: Iterable[Word]) -> list[dict[str, Any]]:
    return [word_fields(each.word, each.score, each.similarity) for each in words]


def _text(one: Description, out: Path | None) -> str:
    from audiosim.commands.table import Column, shown_path, table_text, terminal_width

    columns = [Column("Word"), Column("Score", "number"), Column("Similarity", "number")]
    rows = [[each.word, f"{each.score:.2f}", f"{each.similarity:.3f}"] for each in one.words]
    lines = [shown_path(one.track.path) + "\n", table_text(columns, rows, None if out else terminal_width())]
    return "".join([*lines, *map(_line, one.timeline)])


def _line(part: Stretch) -> str:
    from audiosim.core.text import duration

    told = ", ".join(f"{each.word} ({each.score:.1f})" for each in part.words) or "silence"
    return f"{duration(part.start)} - {duration(part.end)}  {told}\n"
