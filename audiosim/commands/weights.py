"""``audiosim weights``: the models' weights, where they are and how they get there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiosim.commands.encoder_options import EncoderName, WeightsOptions
from audiosim.commands.encoder_table import listed_entries, weights_fields, weights_text
from audiosim.commands.encoders import fetched, imported
from audiosim.commands.help_page import Command
from audiosim.commands.options import JsonOption, with_options
from audiosim.commands.table import terminal_width
from audiosim.core.errors import UsageError
from audiosim.core.json_fields import to_json

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, fetch and import the models' weights.\n\nExample: audiosim weights fetch",
)


@app.command("list", cls=Command)
def list_(json_: JsonOption = False) -> None:
    """List the networks, and which weights are there."""
    entries = listed_entries()
    if json_:
        fields = [
            {"name": name}
            | ({"broken": entry} if isinstance(entry, str) else {"weights": weights_fields(entry)})
            for name, entry in entries.items()
        ]
        typer.echo(to_json({"encoders": fields}), nl=False)
        return
    typer.echo(weights_text(entries, terminal_width()), nl=False)


@app.command(cls=Command)
@with_options
def fetch(
    *,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[ENCODER]", help="The encoder [default: that of a new home]."),
    ] = None,
    encoder: EncoderName = None,
    request: WeightsOptions,
) -> None:
    """Fetch an encoder's weights, unless they are there.

    Example: audiosim weights fetch musicnn
    """
    from audiosim.encoders.registry import DEFAULT

    if name and encoder and name.casefold() != encoder.casefold():
        raise UsageError("One encoder at a time", f"{name} and --encoder {encoder} were given")
    typer.echo(fetched(name or encoder or DEFAULT, request))


@app.command("import", cls=Command)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights, as they are published.")],
    encoder: EncoderName = None,
) -> None:
    """Keep a copy of a file of weights brought from elsewhere.

    The same as `audiosim encoders import`.

    Example: audiosim weights import openl3_audio_mel256_music-v0_4_0.h5.gz
    """
    typer.echo(imported(file, encoder))


@app.command(cls=Command)
def path() -> None:
    """Print the folder where weights are kept.

    $AUDIOSIM_WEIGHTS moves it.
    """
    from audiosim.core.config import weights_folder

    typer.echo(weights_folder())
