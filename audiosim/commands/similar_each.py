"""``audiosim similar --each``: many queries, a line of JSON for each."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import closing
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.options import OutputForm
from audiosim.commands.output import output_lines, tell_absent, tell_unanswered, tell_unopened
from audiosim.commands.sources import expand
from audiosim.core.errors import NEEDS_A_LOOK, AudiosimError, UsageError

if TYPE_CHECKING:
    from audiosim.core.types import Track
    from audiosim.search.each import Answer
    from audiosim.search.query import Source

Times = tuple[float, float | None]  # from where to where, in s; None is a query's end


def print_each(
    queries: Sequence[str],
    against: Sequence[str],
    passage: Times | None,
    common: dict[str, Any],
    output: OutputForm,
    context: typer.Context,
    *,
    quiet: bool,
) -> None:
    """Answer each query by itself, and tell by the exit code whether all were answered.

    Parameters
    ----------
    queries, against : sequence of str
        As the command line names them.
    passage : tuple of float, optional
        The passage of each query that is asked with.
    common : dict of str to Any
        What else `find_similar_each`, or `find_passages_each`, takes.
    output : OutputForm
        Where the lines go.
    context : typer.Context
        The command's.
    quiet : bool
        Whether only errors are told.

    Raises
    ------
    UsageError
        If there is no query, or options do not go together.
    Exit
        With code 3 where some queries could not be answered, 1 where none could.
    """
    _check(queries, against, passage, output)
    from audiosim.library.index import index_roots

    roots = cache(partial(index_roots, common["home"]))
    wanted, unwanted = (expand(names, sys.stdin.buffer, roots) for names in (queries, against))
    notes = _Notes(context, quiet=quiet)
    notes.tell([*wanted.notes, *unwanted.notes])
    with closing(_answers(wanted, unwanted, passage, common)) as answers:
        failed, empty, asked_with, found = _write(answers, output, notes)
    asked = len(wanted.paths)
    if not quiet:
        if empty and failed + empty == asked:
            tell_unanswered(common["only"], common["home"])
        tell_absent(asked_with, common["home"], "query file")
        tell_absent(found, common["home"])
        tell_unopened(common["home"])
    if failed:
        some = f"{failed} of {asked} queries" if asked > 1 else "The query"
        told = f"{some} could not be answered; the lines say why."
        typer.echo(f"audiosim: {told}", err=True)
        raise typer.Exit(1 if failed == asked else NEEDS_A_LOOK)


def _check(queries: Sequence[str], against: Sequence[str], passage: Times | None, output: OutputForm) -> None:
    """See that options go together, before anything is read."""
    if not queries:
        raise UsageError("--each answers each QUERY by itself", "there is none")
    if passage and against:
        raise UsageError("--from and --to ask with a passage", "--not was given too", "Leave one out.")
    if output.named and output.format != "jsonl":
        raise UsageError(
            "--each writes a line of JSON for each query",
            f"{output.format} was asked for",
            "Leave out --format and --json; a file is to be called .jsonl.",
        )


def _answers(
    wanted: Source, unwanted: Source, passage: Times | None, common: dict[str, Any]
) -> Generator[Answer, None, None]:
    from audiosim.search.each import find_passages_each, find_similar_each

    if passage is not None:
        return find_passages_each(wanted, *passage, **common)
    return find_similar_each(wanted, against=unwanted, **common)


def _write(
    answers: Iterable[Answer], output: OutputForm, notes: _Notes
) -> tuple[int, int, Collection[Track], Collection[Track]]:
    """Write each answer as it comes; how many are errors, and empty, and all tracks asked with, and found."""
    from audiosim.commands.render import answer_line

    failed = empty = 0
    asked_with: dict[bytes, Track] = {}
    found: dict[bytes, Track] = {}
    with output_lines(output.file) as write:
        for path, answer in answers:
            if isinstance(answer, AudiosimError):
                failed += 1
                write(answer_line(os.fsencode(path), notes.worded(str(answer))))
            else:
                empty += not answer.matches
                asked_with |= {query.track.path: query.track for query in answer.queries}
                found |= {match.track.path: match.track for match in answer.matches}
                notes.tell(answer.notes)
                write(answer_line(os.fsencode(path), answer))
    return failed, empty, asked_with.values(), found.values()


class _Notes:
    """What users should know, on stderr: each thing once, though many answers say it."""

    def __init__(self, context: typer.Context, *, quiet: bool) -> None:
        self._context, self._quiet = context, quiet
        self._told: set[str] = set()

    def worded(self, text: str) -> str:
        """Give a message as the command line puts it."""
        return with_flags(text, self._context)

    def tell(self, notes: Iterable[str]) -> None:
        for note in notes if not self._quiet else ():
            if note not in self._told:
                self._told.add(note)
                typer.echo(f"audiosim: {self.worded(note)}", err=True)
