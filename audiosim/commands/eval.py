"""``audiosim eval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from audiosim.commands.json_fields import to_json
from audiosim.commands.options import HomeOption, JsonOption, one_of
from audiosim.commands.table import terminal_width
from audiosim.core.errors import UsageError

if TYPE_CHECKING:
    from audiosim.evaluation.results import EvalOptions

ALL = "all"


def evaluate_home(
    labels: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="What belongs together: folder, artist, album, album_artist, genre, year, or a CSV file"
            " with the columns path,label.",
        ),
    ] = "folder",
    cutoffs: Annotated[
        list[int] | None,
        typer.Option("-k", metavar="N", min=1, help="Answers to look at; repeatable [default: 1, 5, 10]."),
    ] = None,
    exclude_same: Annotated[
        str | None, typer.Option(metavar="TAG", help="Leave out answers of the query's own artist or album.")
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
            help="none, local-scaling, csls, mutual-proximity or all; repeatable [default: as the home].",
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
        int, typer.Option(metavar="N", min=1, help="Neighbours that local-scaling and csls look at.")
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
    every: Annotated[
        bool, typer.Option("--all", help="Of several variants, show all figures [default: MAP only].")
    ] = False,
    home: HomeOption = None,
    json_: JsonOption = False,
) -> None:
    """Measure how well tracks that belong together find each other.

    Example: audiosim eval --labels artist --compare
    """
    from audiosim.commands.evaluation_tables import (
        comparison_fields,
        comparison_table,
        evaluation_fields,
        evaluation_table,
    )
    from audiosim.evaluation.evaluate import compare_homes, evaluate

    options = _options(
        labels, cutoffs, exclude_same, poolings, centring, hub_corrections, whitening, neighbours, compare
    )
    width = terminal_width()
    if against is None:
        evaluation = evaluate(home, options)
        _print(evaluation_fields(evaluation) if json_ else evaluation_table(evaluation, width, every=every))
    else:
        comparison = compare_homes(home, against, options)
        _print(comparison_fields(comparison) if json_ else comparison_table(comparison, width))


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
    from audiosim.evaluation.relevance import EXCLUDE_SAME, ExcludeSame
    from audiosim.evaluation.results import CUTOFFS, EvalOptions
    from audiosim.library.hubness import HUB_CORRECTIONS, HubCorrection

    if compare and (poolings or hub_corrections or centring is not None or whitening is not None):
        raise UsageError(
            "--compare goes without --pooling, --centring, --hub-correction and --whitening",
            "it tries all of them",
        )
    every = [ALL] if compare else None
    if exclude_same is not None:
        one_of("--exclude-same", exclude_same, EXCLUDE_SAME)
    return EvalOptions(
        labels=labels,
        exclude_same=cast("ExcludeSame | None", exclude_same),
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
