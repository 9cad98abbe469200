"""``audiosim encoders``: what there is to embed with, and the weights of each."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.encoder_options import EncoderName, WeightsOptions, flag, listed
from audiosim.commands.help_page import Command
from audiosim.commands.json_fields import to_json
from audiosim.commands.options import JsonOption, with_options
from audiosim.commands.table import terminal_width
from audiosim.core.errors import UsageError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audiosim.encoders.registry import EncoderCard, EncoderEntry
    from audiosim.encoders.request import EncoderRequest
    from audiosim.encoders.weights_file import WeightsFile

app = typer.Typer(rich_markup_mode=None)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The encoder.")]


@app.callback(invoke_without_command=True)
def list_encoders(context: typer.Context, json_: JsonOption = False) -> None:
    """List the encoders, and whether their weights are here.

    Example: audiosim encoders
    """
    from audiosim.encoders.registry import built_in, plug_ins

    if context.invoked_subcommand is not None:
        if json_:
            raise UsageError("--json stands behind the command that it is for")
        return
    entries, others = list(built_in().values()), plug_ins()
    if json_:
        told = [{"name": name, "plug_in": _plug_in(point)} for name, point in others.items()]
        typer.echo(to_json({"encoders": [*map(encoder_fields, entries), *told]}), nl=False)
        return
    rows = [_row(entry) for entry in entries]
    rows += [[name, f"plug-in: {_plug_in(point)}", *[""] * 7] for name, point in others.items()]
    typer.echo(_table(rows), nl=False)


@app.command(cls=Command)
def show(name: NameArgument, json_: JsonOption = False) -> None:
    """Tell all that is known of an encoder.

    Example: audiosim encoders show musicnn
    """
    from audiosim.encoders.registry import resolve

    entry = resolve(name)
    typer.echo(to_json(encoder_fields(entry)) if json_ else described(entry, terminal_width()), nl=False)


@app.command(cls=Command)
def check(name: NameArgument, json_: JsonOption = False) -> None:
    """Hold an encoder's weights that are here to their digests.

    Example: audiosim encoders check openl3
    """
    from audiosim.encoders.registry import resolve

    entry = resolve(name)
    checked = list(entry.check())
    if json_:
        told = [{"what": one.what, "fault": one.fault or None} for one in checked]
        typer.echo(to_json({"encoder": entry.card.name, "checked": told}), nl=False)
    else:
        for one in checked:
            typer.echo(f"{one.what}: {one.fault or 'good'}")
    if not checked:
        raise WeightsError(
            f"There is nothing to check of {entry.card.name}",
            "its weights are not here",
            f"Fetch them: audiosim encoders fetch {entry.card.name}",
        )
    if any(one.fault for one in checked):
        raise typer.Exit(1)


@app.command(cls=Command)
@with_options
def fetch(*, name: NameArgument, request: WeightsOptions) -> None:
    """Fetch an encoder's weights, unless they are there.

    Example: audiosim encoders fetch musicnn
    """
    typer.echo(fetched(name, request))


@app.command("import", cls=Command)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights, as they are published.")],
    encoder: EncoderName = None,
) -> None:
    """Keep a copy of a file of weights brought from elsewhere.

    A published file is known by its content or name, and used from then on; others are for
    --weights. Whose it is, the end of its name tells, or --encoder.

    Example: audiosim encoders import openl3_audio_mel256_music-v0_4_0.h5.gz
    """
    typer.echo(imported(file, encoder))


def fetched(name: str, request: EncoderRequest) -> Path:
    """Fetch the weights of an encoder, and say where they are.

    Raises
    ------
    UsageError
        If there is no such encoder, or it has no such options.
    WeightsError
        If they can't be had.
    """
    from dataclasses import replace

    from audiosim.encoders.registry import resolve
    from audiosim.encoders.request import check_options

    entry = resolve(name)
    request = replace(request, encoder=entry.card.name)
    check_options(entry.card, request)
    return entry.fetch(request)


def imported(file: Path, encoder: str | None) -> Path:
    """Keep a copy of a file of weights, and say where it is.

    Raises
    ------
    UsageError
        If no encoder is named, and the file's name tells none.
    WeightsError
        If it holds no weights of that encoder.
    """
    from audiosim.encoders.registry import built_in, resolve

    if encoder is not None:
        return resolve(encoder).import_file(file)
    takers = [entry for entry in built_in().values() if entry.card.file_suffixes]
    for entry in takers:
        if file.name.lower().endswith(entry.card.file_suffixes):
            return entry.import_file(file)
    ends = "; ".join(f"{entry.card.name}: {listed(entry.card.file_suffixes)}" for entry in takers)
    raise UsageError(
        f"Whose weights {file} holds is not known", f"by its name; {ends}", "Name the `encoder`."
    )


def encoder_fields(entry: EncoderEntry) -> dict[str, Any]:
    """Give what is known of an encoder, as JSON has it."""
    card, weights = entry.card, entry.weights()
    return {
        "name": card.name,
        "about": card.about,
        "dimensions": list(card.dimensions),
        "window": card.window,
        "hop": card.hop,
        "words": card.words,
        "licence": card.licence,
        "download": card.download,
        "options": {option.name: list(option.choices) for option in card.options},
        "weights": [
            {
                "name": one.name,
                "source": one.source or None,
                "path": None if one.path is None else str(one.path),
                "proven": one.proven,
            }
            for one in weights
        ],
    }


def described(entry: EncoderEntry, width: int | None) -> str:
    """Tell people what is known of an encoder, each thing in its line; `width` is as for `weights_text`."""
    from audiosim.core.text import size

    card = entry.card
    facts = {
        "what": card.about,
        "numbers a window": listed(card.dimensions),
        "window": f"{card.window:g} s",
        "hop": f"{card.hop:g} s",
        "words": "yes" if card.words else "no",
        "licence": card.licence,
        "download": size(card.download),
    }
    facts |= {flag(option.name): f"{listed(option.choices)}" for option in card.options}
    widest = max(map(len, facts))
    indent = " " * (widest + 2)
    lines = [
        textwrap.fill(f"{name:{widest}}  {value}", width or sys.maxsize, subsequent_indent=indent)
        for name, value in facts.items()
    ]
    return "\n".join([card.name, *lines, weights_text([entry], width)])


def weights_text(entries: Iterable[EncoderEntry], width: int | None) -> str:
    """Tell where each of the encoders' weights are.

    Parameters
    ----------
    entries : iterable of EncoderEntry
        The encoders.
    width : int or None
        The terminal's columns; None where it goes to a file or a program, which get a line for each, its
        name and its place with a tab between them.

    Returns
    -------
    str
        The lines.
    """
    from audiosim.commands.table import PATH, Column, table_text

    rows = [
        (f"{entry.card.name} {one.name}", str(one.path or f"not here; from {one.source}"))
        for entry in entries
        for one in entry.weights()
    ]
    if width is None:
        return "".join(f"{name}\t{place}\n" for name, place in rows)
    return table_text([Column("Weights"), PATH], rows, width)


def _row(entry: EncoderEntry) -> list[str]:
    from audiosim.core.text import size

    card: EncoderCard = entry.card
    return [
        card.name,
        card.about,
        listed(card.dimensions),
        f"{card.window:.3g} s",
        f"{card.hop:.3g} s",
        "yes" if card.words else "no",
        card.licence,
        size(card.download),
        _state(entry.weights()),
    ]


def _state(weights: Sequence[WeightsFile]) -> str:
    here = [one for one in weights if one.path is not None]
    if not here:
        return "not here"
    known, brought = sum(bool(one.source) for one in weights), sum(not one.source for one in here)
    kept = len(here) - brought
    parts = ["here" if kept == known else f"{kept} of {known} here"] if kept else []
    parts += [f"{brought} brought"] if brought else []
    return ", ".join([*parts, "proven" if all(one.proven for one in here) else "not proven"])


def _table(rows: list[list[str]]) -> str:
    from audiosim.commands.table import Column, table_text

    columns = [
        Column("Encoder"),
        Column("What it is", "name"),
        Column("Numbers", "number"),
        Column("Window", "number"),
        Column("Hop", "number"),
        Column("Words"),
        Column("Licence"),
        Column("Download", "number"),
        Column("Weights"),
    ]
    return table_text(columns, rows, terminal_width())


def _plug_in(point: Any) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else str(point.value)
