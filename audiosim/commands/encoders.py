"""``audiosim encoders``: what there is to embed with, and the weights of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiosim.commands.encoder_options import EncoderName, WeightsOptions, listed
from audiosim.commands.encoder_table import (
    encoder_fields,
    encoders_table,
    listed_entries,
    plug_in_fields,
    told,
)
from audiosim.commands.help_page import Command
from audiosim.commands.options import JsonOption, with_options
from audiosim.commands.table import terminal_width
from audiosim.core.errors import UsageError, WeightsError
from audiosim.core.json_fields import to_json

if TYPE_CHECKING:
    from audiosim.encoders.request import EncoderRequest

app = typer.Typer(rich_markup_mode=None)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The encoder.")]


@app.callback(invoke_without_command=True)
def list_encoders(context: typer.Context, json_: JsonOption = False) -> None:
    """List the encoders, and whether their weights are here.

    Example: audiosim encoders
    """
    if context.invoked_subcommand is not None:
        if json_:
            raise UsageError("--json stands behind the command that it is for")
        return
    entries = listed_entries()
    if json_:
        fields = [
            {"name": name, "broken": entry} if isinstance(entry, str) else encoder_fields(entry)
            for name, entry in entries.items()
        ]
        typer.echo(to_json({"encoders": [*fields, *plug_in_fields()]}), nl=False)
        return
    typer.echo(encoders_table(entries), nl=False)


@app.command(cls=Command)
def show(
    name: NameArgument,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print its description instead, where it is made by one.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Tell all that is known of an encoder.

    Example: audiosim encoders show musicnn
    """
    from audiosim.encoders.registry import resolve

    if toml and json_:
        raise UsageError("--toml does not go with --json", "it prints TOML", "Leave one out.")
    entry = resolve(name)
    if toml:
        typer.echo(entry.toml(), nl=False)
        return
    typer.echo(to_json(encoder_fields(entry)) if json_ else told(entry, terminal_width()), nl=False)


@app.command(cls=Command)
def check(
    name: NameArgument,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Keep what a described encoder answers here, and print it as a self-test, in TOML.",
        ),
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Hold an encoder's weights to their digests, it to its answers.

    Example: audiosim encoders check openl3
    """
    from audiosim.encoders.registry import resolve

    if record and json_:
        raise UsageError("--record does not go with --json", "it prints TOML", "Leave one out.")
    entry = resolve(name)
    if record:
        typer.echo(entry.record(), nl=False)
        return
    checked = list(entry.check())
    if json_:
        results = [
            {"what": one.what, "outcome": None if one.fault else one.outcome, "fault": one.fault or None}
            for one in checked
        ]
        typer.echo(to_json({"encoder": entry.card.name, "checked": results}), nl=False)
    else:
        for one in checked:
            typer.echo(f"{one.what}: {one.fault or one.outcome}")
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
def fetch(
    *,
    name: NameArgument,
    request: WeightsOptions,
    text: Annotated[
        bool, typer.Option("--text", help="What reads texts, instead of what hears audio.")
    ] = False,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="Accept the licence of weights that are not fetched else."),
    ] = False,
) -> None:
    """Fetch an encoder's weights, unless they are there.

    Example: audiosim encoders fetch musicnn
    """
    from audiosim.encoders.registry import resolve

    if accept_licence:
        resolve(name).accept_licence()
    typer.echo(fetched(name, request, text=text))


@app.command(cls=Command)
def init(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The model to describe.")],
) -> None:
    """Draft a description of a model, on stdout.

    Its inputs and outputs are in it. What the file does not tell is marked; docs/encoders.md explains
    each field.

    Example: audiosim encoders init model.onnx > model.toml
    """
    from audiosim.encoders.described.draft import draft

    typer.echo(draft(model), nl=False)


@app.command("import", cls=Command)
def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Weights, as they are published; or a description, FILE.toml."),
    ],
    encoder: EncoderName = None,
) -> None:
    """Keep a copy of a file of weights, or of a description.

    A published file is known by its content or name, and used from then on; others are for
    --weights. Whose it is, the end of its name tells, or --encoder.

    Example: audiosim encoders import openl3_audio_mel256_music-v0_4_0.h5.gz
    """
    typer.echo(imported(file, encoder))


def fetched(name: str, request: EncoderRequest, *, text: bool = False) -> Path:
    """Fetch the weights of an encoder, or of its text side, and say where they are.

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
    return entry.fetch_text(request) if text else entry.fetch(request)


def imported(file: Path, encoder: str | None) -> Path:
    """Keep a copy of a file of weights, and say where it is.

    Raises
    ------
    UsageError
        If no encoder is named, and the file's name tells none; or it is a description, and wrong.
    WeightsError
        If it holds no weights of that encoder.
    """
    from audiosim.encoders.described import known
    from audiosim.encoders.registry import built_in, is_description, resolve

    if is_description(file.name):
        return known.imported(file)
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
