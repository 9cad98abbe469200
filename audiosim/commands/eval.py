"""``audiosim eval``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from audiosim.commands.flags import GIVEN_HOME
from audiosim.commands.options import JsonOption, SpaceHomeOptions, one_of, with_options
from audiosim.commands.output import check_picture
from audiosim.commands.table import terminal_width
from audiosim.core.config import find_home
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.files import replacing
from audiosim.core.json_fields import to_json
from audiosim.core.text import counted, display_path
from audiosim.core.told_commands import at_home

if TYPE_CHECKING:
    from audiosim.evaluation.results import EvalOptions

ALL = "all"
NONE, AUTO = "none", "auto"
DEFAULT_LABELS = "folder"
TITLES = 10  # that are told to be taken for tracks


@with_options
def evaluate_home(
    context: typer.Context,
    *,
    labels: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="What belongs together: folder, artist, album, album_artist, genre, year, or a CSV file"
            " with the columns path,label.",
        ),
    ] = DEFAULT_LABELS,
    cutoffs: Annotated[
        list[int] | None,
        typer.Option("-k", metavar="N", min=1, help="Answers to look at; repeatable [default: 1, 5, 10]."),
    ] = None,
    exclude_same: Annotated[
        str | None,
        typer.Option(
            metavar="TAG",
            help="Leave out answers of the query's own artist or album; none: count them [default: artist,"
            " where artists are known].",
        ),
    ] = None,
    triplets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What people say instead: a CSV file with the columns a,b,c, paths (from its folder on) or"
            " titles, b being more like a than c.",
        ),
    ] = None,
    poolings: Annotated[
        list[str] | None,
        typer.Option(
            "--pooling", metavar="NAME", help="mean, max, mean-std or all; repeatable [default: the home's]."
        ),
    ] = None,
    centring: Annotated[
        bool | None,
        typer.Option(
            "--centring/--no-centring", help="Subtract the mean window from each [default: as the home]."
        ),
    ] = None,
    hub_corrections: Annotated[
        list[str] | None,
        typer.Option(
            "--hub-correction",
            metavar="NAME",
            help="none, score (as searches sort), local-scaling, csls, mutual-proximity or all; repeatable"
            " [default: as the home].",
        ),
    ] = None,
    whitening: Annotated[
        bool | None,
        typer.Option(
            "--whitening/--no-whitening",
            help="Weigh less what tracks vary in within themselves [default: as the home].",
        ),
    ] = None,
    neighbours: Annotated[
        int, typer.Option(metavar="N", min=1, help="Neighbours that score, local-scaling and csls look at.")
    ] = 10,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="All poolings, centred or not, whitened or not, with all hub corrections."
        ),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Another home, to compare with on the tracks both hold."),
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the precision of the first k answers, with intervals."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Of several variants, show all, with all figures [default: the best]."),
    ] = False,
    home: SpaceHomeOptions,
    json_: JsonOption = False,
) -> None:
    """Measure how well tracks that belong together find each other.

    Example: audiosim eval --labels genre --compare --png eval.png
    """
    options = _options(
        labels, cutoffs, exclude_same, poolings, centring, hub_corrections, whitening, neighbours, compare
    )
    if png is not None:
        check_picture(png)
    if triplets is not None:
        _refuse_beside_triplets(labels, cutoffs, exclude_same, against, png, every)
        _judge_triplets(triplets, home, options, json_)
    elif against is None:
        _evaluate(home, options, png, every, json_)
    else:
        _compare(context, home, against, options, png, json_)


def _evaluate(home: Path | None, options: EvalOptions, png: Path | None, every: bool, json_: bool) -> None:
    from audiosim.commands.evaluation_tables import evaluation_fields, evaluation_table
    from audiosim.evaluation.evaluate import evaluate

    evaluation = evaluate(home, options)
    if png is not None:
        from audiosim.evaluation.picture import render_evaluation

        _write(png, render_evaluation(evaluation))
    width = terminal_width()
    _print(evaluation_fields(evaluation) if json_ else evaluation_table(evaluation, width, every=every))


def _compare(
    context: typer.Context,
    home: Path | None,
    against: Path,
    options: EvalOptions,
    png: Path | None,
    json_: bool,
) -> None:
    from audiosim.commands.evaluation_tables import comparison_fields, comparison_table
    from audiosim.evaluation.evaluate import compare_homes

    try:
        comparison = compare_homes(home, against, options)
    except HomeError as error:
        if str(find_home(against).path) in str(error):  # the commands in it are for that home
            context.meta[GIVEN_HOME] = against
        raise
    if png is not None:
        from audiosim.evaluation.picture import render_comparison

        _write(png, render_comparison(comparison))
    _print(comparison_fields(comparison) if json_ else comparison_table(comparison, terminal_width()))


def _judge_triplets(file: Path, home: Path | None, options: EvalOptions, json_: bool) -> None:
    from audiosim.commands.triplet_tables import triplet_fields, triplet_table
    from audiosim.evaluation.triplets import judge_triplets

    found = judge_triplets(file, home, options)
    for note in found.notes[:TITLES]:
        typer.echo(f"audiosim: {note}", err=True)
    if (more := len(found.notes) - TITLES) > 0:
        typer.echo(f"audiosim: ... and {counted(more, 'more title')}.", err=True)
    _print(triplet_fields(found) if json_ else at_home(triplet_table(found, terminal_width()), home))


def _refuse_beside_triplets(
    labels: str,
    cutoffs: list[int] | None,
    exclude_same: str | None,
    against: Path | None,
    png: Path | None,
    every: bool,
) -> None:
    given = {
        "--labels": labels != DEFAULT_LABELS,
        "-k": bool(cutoffs),
        "--exclude-same": exclude_same is not None,
        "--against": against is not None,
        "--png": png is not None,
        "--all": every,
    }
    wrong = [flag for flag, is_given in given.items() if is_given]
    if wrong:
        raise UsageError(f"--triplets goes without {wrong[0]}", "people have judged, not labels")


def _write(file: Path, picture: bytes) -> None:
    with replacing(file, durable=False) as out:
        out.write(picture)
    typer.echo(f"precision of the first answers -> {display_path(os.fsencode(file))}", err=True)


def _options(
    labels: str,
    cutoffs: list[int] | None,
    exclude_same: str | None,
    poolings: list[str] | None,
    centring: bool | None,
    hub_corrections: list[str] | None,
    whitening: bool | None,
    neighbours: int,
    compare: bool,
) -> EvalOptions:
    from audiosim.core.types import Pooling
    from audiosim.encoders.pooling import POOLINGS
    from audiosim.evaluation.artist_filter import Asked
    from audiosim.evaluation.relevance import EXCLUDE_SAME
    from audiosim.evaluation.results import CUTOFFS, EvalOptions
    from audiosim.library.hubness import HUB_CORRECTIONS, HubCorrection

    if compare and (poolings or hub_corrections or centring is not None or whitening is not None):
        raise UsageError(
            "--compare goes without --pooling, --centring, --hub-correction and --whitening",
            "it tries all of them",
        )
    every = [ALL] if compare else None
    excluded = AUTO if exclude_same is None else one_of("--exclude-same", exclude_same, (*EXCLUDE_SAME, NONE))
    return EvalOptions(
        labels=labels,
        exclude_same=None if excluded == NONE else cast("Asked", excluded),
        poolings=cast("tuple[Pooling, ...]", _chosen("--pooling", every or poolings or [], POOLINGS)),
        centring=(False, True) if compare else () if centring is None else (centring,),
        whitening=(False, True) if compare else () if whitening is None else (whitening,),
        hub_corrections=cast(
            "tuple[HubCorrection, ...]",
            _chosen("--hub-correction", every or hub_corrections or [], HUB_CORRECTIONS),
        ),
        neighbours=neighbours,
        cutoffs=tuple(sorted(set(cutoffs or CUTOFFS))),
    )


def _chosen(flag: str, names: list[str], choices: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each once; `ALL` stands for every choice."""
    known = dict.fromkeys(one_of(flag, name, (*choices, ALL)) for name in names)
    return choices if ALL in known else tuple(known)


def _print(result: object) -> None:
    typer.echo(result if isinstance(result, str) else to_json(result), nl=False)
