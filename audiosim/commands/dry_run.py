"""``audiosim index --dry-run``: what there is to do, each part of it as soon as it is known."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.output import no_audio
from audiosim.commands.progress import ProgressDisplay
from audiosim.core.errors import NEEDS_A_LOOK, AudiosimError
from audiosim.core.json_fields import failure_fields, path_fields, to_json
from audiosim.core.text import display_path, first_lines, visible
from audiosim.core.told_commands import at_home

if TYPE_CHECKING:
    from audiosim.indexing.estimated import Estimate
    from audiosim.indexing.options import IndexOptions

WHOLE = "audiosim index --dry-run --json"


def tell_estimate(
    paths: Sequence[Path],
    home: Path | None,
    options: IndexOptions,
    context: typer.Context,
    *,
    json_: bool,
    quiet: bool,
) -> None:
    """Print what a run would do; exit as it would where a folder holds no audio, or can't be read."""
    from audiosim.core.config import find_home
    from audiosim.indexing.report import not_mounted
    from audiosim.indexing.spaces import check_named, runs

    place = find_home(home)
    if options.space is not None:
        check_named(place, options.space, paths)
    asked, *others = runs(options, place)
    found = _told(paths, home, asked, context, json_=json_, quiet=quiet)
    further, failed = {}, {}
    for each in others:
        try:
            further[str(each.space)] = _told(paths, home, each, context, json_=json_, quiet=quiet)
        except AudiosimError as error:
            failed[str(each.space)] = with_flags(str(error), context)
    if json_:
        spaces = {name: _fields(space) for name, space in further.items()}
        typer.echo(to_json({**_fields(found), "spaces": spaces, "failed_spaces": failed}), nl=False)
    else:
        typer.echo("Nothing was written to the home.")
    for name, reason in failed.items():
        typer.echo(f"audiosim: the space {name} can't be brought up to date. {reason}", err=True)
    lists = (
        [f"failed: {display_path(path)}: {visible(reason)}" for path, reason in found.problems],
        [f"audiosim: {no_audio(root, options.include)}" for root in found.vacant],
        [f"audiosim: {with_flags(not_mounted(*each), context)}" for each in found.doubted],
    )
    for line in chain.from_iterable(first_lines(each, at_home(WHOLE, home)) for each in lists):
        typer.echo(line, err=True)
    if found.problems or found.vacant or found.doubted or failed:
        raise typer.Exit(NEEDS_A_LOOK)


def _told(
    paths: Sequence[Path],
    home: Path | None,
    options: IndexOptions,
    context: typer.Context,
    *,
    json_: bool,
    quiet: bool,
) -> Estimate:
    """What a run would do for one space, said as it is found, unless in JSON; returns all of it."""
    told = 0
    for found in _parts(paths, home, options, shown=not quiet):
        lines = [] if json_ else found.lines()
        for line in lines[told:]:
            typer.echo(with_flags(line, context))
        told = len(lines)
    return found


def _fields(found: Estimate) -> dict[str, Any]:
    return {
        **asdict(found),
        "home": os.fspath(found.home),
        "vacant": [path_fields(root) for root in found.vacant],
        "doubted": failure_fields(found.doubted),
        "problems": failure_fields(found.problems),
    }


def _parts(
    paths: Sequence[Path], home: Path | None, options: IndexOptions, *, shown: bool
) -> Iterator[Estimate]:
    """The parts, with a bar while one is waited for, which is gone when it is given."""
    from audiosim.indexing.estimate import estimates

    def show(stage: str, done: int, total: int) -> None:
        display.stage(stage, done, total)

    parts = estimates(paths, home=home, options=options, on_progress=show)
    while True:
        with ProgressDisplay(shown=shown) as display:
            part = next(parts, None)
        if part is None:
            return
        yield part
