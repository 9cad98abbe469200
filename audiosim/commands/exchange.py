"""``audiosim export`` and ``import``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.options import (
    FilterOptions,
    HomeOption,
    JsonOption,
    QuietOption,
    SpaceHomeOptions,
    StoreOption,
    WaitOption,
    tell_of_folders,
    with_options,
)
from audiosim.commands.output import EXPORT, check_answer
from audiosim.commands.status import ALL, SHOWN
from audiosim.core.errors import NEEDS_A_LOOK
from audiosim.core.json_fields import path_fields, to_json
from audiosim.core.text import counted, display_path, first_lines, size
from audiosim.core.told_commands import at_home, index_again

if TYPE_CHECKING:
    from audiosim.indexing.exchange import Exported, Imported


@with_options
def export(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The Parquet file to write.")],
    only: FilterOptions,
    home: SpaceHomeOptions,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the index, vectors and all, as a Parquet file.

    For other homes, or for other programs. Of several spaces, one: the home's own, or --space.

    Example: audiosim export library.parquet
    """
    from audiosim.indexing.exchange import export_index

    check_answer(file, "an export", EXPORT, "Name it .parquet. For a list: audiosim list -o FILE")
    tell_of_folders(only, home, quiet=quiet)
    done = export_index(file, home=home, only=only)
    if json_:
        typer.echo(to_json(_exported_fields(done)), nl=False)
    elif not quiet:
        typer.echo(_exported_text(done))
    if done.left_out:
        why = at_home("vectors are missing or damaged. Repair them with: audiosim verify --repair", home)
        typer.echo(f"audiosim: {_left_out(done)}: {why}", err=True)
        raise typer.Exit(NEEDS_A_LOOK)


def _exported_text(done: Exported) -> str:
    return f"{counted(done.tracks, 'track')} -> {display_path(os.fsencode(done.path))} ({size(done.bytes)})"


def _exported_fields(done: Exported) -> dict[str, Any]:
    return {
        **path_fields(os.fsencode(done.path)),
        "tracks": done.tracks,
        "left_out": done.left_out,
        "bytes": done.bytes,
        "seconds": round(done.seconds, 3),
    }


@with_options
def import_(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files that audiosim export wrote.")],
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OLD=NEW", help="What lay in the folder OLD there lies in NEW here; repeatable."
        ),
    ] = None,
    home: HomeOption = None,
    space: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Into this space of an existing home, made where there is none."),
    ] = None,
    store: StoreOption,
    wait: WaitOption = 0.0,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Take the tracks of exports into the index.

    It is as if they had been indexed; no audio is opened.

    Example: audiosim import library.parquet --map /mnt/music=/home/me/Music
    """
    from audiosim.commands.progress import ProgressDisplay
    from audiosim.indexing.exchange import import_index
    from audiosim.indexing.exchange.path_map import parse_move

    with ProgressDisplay(shown=not quiet) as display:
        done = import_index(
            files,
            home=home if space is None else _space(home, space),
            maps=[parse_move(text) for text in maps or ()],
            store=store,
            wait=wait,
            on_progress=display.stage,
        )
    if json_:
        typer.echo(to_json(_imported_fields(done)), nl=False)
    elif not quiet:
        typer.echo(at_home(_imported_text(done), home))
    if done.without_cache and not quiet:
        typer.echo(f"audiosim: {_lacking(done)}", err=True)
    if done.left_out:
        typer.echo(
            f"audiosim: {_left_out(done)}: caches in {done.cache} are damaged."
            " Copy them again, then import again.",
            err=True,
        )
        raise typer.Exit(NEEDS_A_LOOK)


def _space(home: Path | None, name: str) -> Path:
    """The folder of a space, there or not, of a home that has an index."""
    from audiosim.core.config import find_home
    from audiosim.indexing.spaces import check_named
    from audiosim.library.spaces import named_space

    check_named(find_home(home), name)
    return named_space(find_home(home), name).path


def _left_out(done: Exported | Imported) -> str:
    return f"{counted(done.left_out, 'track was', 'tracks were')} left out"


def _lacking(done: Imported) -> str:
    from audiosim.library.missing_caches import copied_from

    return (
        f"{counted(done.without_cache, 'of them has', 'of them have')} no cache here. They are found as whole"
        " tracks; passages, --explain and another --pooling need caches."
        f"\nCopy them, {copied_from(done.cache)}"
    )


def _imported_text(done: Imported) -> str:
    text = f"{counted(done.added, 'track')} added, {done.known} known already,"
    text += f" {done.kept} kept as they are here."
    if done.forgotten:
        lie = counted(done.forgotten, "of these lies", "of these lie")
        there = [path for path in done.stay_forgotten if os.path.lexists(path)]
        again = index_again(there) if there else "audiosim index PATH"
        text += f"\n{lie} in what was forgotten here. To bring it back: {again}"
    lines = [_looked_at(root) for root in done.roots]
    return "\n".join([text, *first_lines(lines, ALL, SHOWN)])


def _looked_at(root: bytes) -> str:
    there = "" if os.path.lexists(root) else ", which is not there now"
    return f"From now on, audiosim index looks at {display_path(root)}{there}."


def _imported_fields(done: Imported) -> dict[str, Any]:
    return {
        **vars(done),
        "home": str(done.home),
        "cache": str(done.cache),
        "roots": [path_fields(root) for root in done.roots],
        "stay_forgotten": [path_fields(path) for path in done.stay_forgotten],
        "seconds": round(done.seconds, 3),
    }
