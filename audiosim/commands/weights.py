"""``audiosim weights``: the models' weights, where they are and how they get there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiosim.commands.help_page import Command
from audiosim.commands.options import EncoderOption, one_of
from audiosim.core.errors import UsageError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, fetch and import the models' weights.\n\nExample: audiosim weights fetch",
)


@app.command("list", cls=Command)
def list_() -> None:
    """List the networks, and which weights are there."""
    from audiosim.core.config import weights_folder
    from audiosim.encoders.musicnn_weights import kept_musicnn
    from audiosim.encoders.openl3_weights import NETWORKS, WeightsFolder, url

    folder = WeightsFolder(weights_folder())
    for network in NETWORKS:
        kept = next(folder.kept(network), None)
        typer.echo(f"openl3 {network}\t{kept or 'not here; from ' + url(network)}")
    kept = kept_musicnn(folder.path)
    typer.echo(f"musicnn MSD\t{kept or 'not here; from musicnn 0.1.0 on PyPI'}")
    for path in folder.imported():
        typer.echo(f"imported\t{path}")


@app.command(cls=Command)
def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="[ENCODER]", help="openl3 (the default) or musicnn.")
    ] = None,
    encoder: EncoderOption = None,
    content_type: Annotated[str, typer.Option(metavar="NAME", help="openl3: music or env.")] = "music",
    input_repr: Annotated[
        str, typer.Option(metavar="NAME", help="openl3: mel256, mel128 or linear.")
    ] = "mel256",
) -> None:
    """Fetch an encoder's weights, unless they are there.

    Example: audiosim weights fetch musicnn
    """
    from audiosim.core.config import weights_folder
    from audiosim.encoders import ENCODERS
    from audiosim.encoders.musicnn_weights import find_musicnn
    from audiosim.encoders.openl3 import CONTENT_TYPES, INPUT_REPRS
    from audiosim.encoders.openl3_weights import WeightsFolder, network_name

    if name and encoder and name.lower() != encoder.lower():
        raise UsageError("One encoder at a time", f"{name} and --encoder {encoder} were given")
    if one_of("encoder", name or encoder or "openl3", ENCODERS) == "musicnn":
        typer.echo(find_musicnn(weights_folder()))
        return
    content_type = one_of("--content-type", content_type, CONTENT_TYPES)
    input_repr = one_of("--input-repr", input_repr, INPUT_REPRS)
    typer.echo(WeightsFolder(weights_folder()).find(network_name(input_repr, content_type)).path)


@app.command("import", cls=Command)
def import_(file: Annotated[Path, typer.Argument(metavar="FILE", help="A .h5 or .h5.gz file.")]) -> None:
    """Keep a copy of an OpenL3 weights file brought from elsewhere.

    A published file is known by its content or name, and used from then on; others are for
    --weights.

    Example: audiosim weights import openl3_audio_mel256_music-v0_4_0.h5.gz
    """
    from audiosim.core.config import weights_folder
    from audiosim.encoders.openl3_weights import WeightsFolder

    found = WeightsFolder(weights_folder()).import_file(file)
    typer.echo(found.path)


@app.command(cls=Command)
def path() -> None:
    """Print the folder where weights are kept.

    $AUDIOSIM_WEIGHTS moves it.
    """
    from audiosim.core.config import weights_folder

    typer.echo(weights_folder())
