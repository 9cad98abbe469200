"""``audiosim playlist``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.options import (
    FilterOptions,
    JsonOption,
    NotTextOption,
    OutputOption,
    PrecisionOption,
    QuietOption,
    SpaceHomeOptions,
    TextOption,
    home_of_words,
    tell_of_folders,
    with_options,
)
from audiosim.commands.output import (
    PLAYLIST,
    TEXT,
    check_answer,
    tell_absent,
    tell_unopened,
    tell_unscored,
    write_output,
)
from audiosim.core.errors import UsageError
from audiosim.core.json_fields import to_json, track_fields

if TYPE_CHECKING:
    from audiosim.search.playlist import Playlist


@with_options
def playlist(
    *,
    context: typer.Context,
    seed: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A radio: begin with it, stay near it; repeatable."),
    ] = None,
    text: TextOption = None,
    not_text: NotTextOption = None,
    start: Annotated[Path | None, typer.Option(metavar="FILE", help="A path: from this track ...")] = None,
    end: Annotated[Path | None, typer.Option(metavar="FILE", help="... to this one.")] = None,
    length: Annotated[
        int, typer.Option("--length", "-k", metavar="N", min=2, help="Tracks, those given included.")
    ] = 20,
    spacing: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Tracks by others between two of one artist, where others fit."
        ),
    ] = 3,
    out: OutputOption = None,
    relative: Annotated[
        bool, typer.Option("--relative/--absolute", help="Paths relative to the playlist's folder.")
    ] = False,
    only: FilterOptions,
    json_: JsonOption = False,
    home: SpaceHomeOptions,
    precision: PrecisionOption,
    quiet: QuietOption = False,
) -> None:
    """Write a playlist: around one track, or from one to another.

    An M3U8 file: a radio around tracks, or around the three that --text fits best; or a smooth path between
    two. What is shorter than 30 s is left out, unless something given is, or --min-duration says otherwise;
    so are copies of what is in it, and parts.

    Example: audiosim playlist --start calm.flac --end wild.mp3 -o evening.m3u8
    """
    from audiosim.search.playlist import make_path, make_radio
    from audiosim.search.playlist_notes import playlist_notes

    if out is not None:
        _check(out, json_)
    tell_of_folders(only, home, quiet=quiet)
    common: dict[str, Any] = {"home": home, "only": only, "spacing": spacing, "precision": precision}
    if (seed or text) and (start or end):
        given = "--seed" if seed else "--text"
        raise UsageError("A radio has no ends", f"{given} was given with --start or --end", "Not both.")
    if seed and text:
        raise UsageError("A radio has seeds, or finds them", "--seed was given with --text", "Not both.")
    if not_text and not text:
        raise UsageError("--not-text goes with --text only")
    if text:
        from audiosim.search.word_list import find_seeds

        found_by = home_of_words(home)
        seed = find_seeds(text, not_text=not_text or (), length=length, only=only, home=found_by)
    if seed:
        made = make_radio(seed, length, **common)
    elif start is not None and end is not None:
        made = make_path(start, end, length, **common)
    else:
        raise UsageError(
            "A playlist needs a seed, or a start and an end", "", "Give --seed, --text, or --start and --end."
        )
    _write(made, out, relative, json_)
    if not quiet:
        if text:
            tell_unscored(found_by)
        for note in playlist_notes(made, length, spacing, only):
            typer.echo(f"audiosim: {with_flags(note, context)}", err=True)
        tell_absent(made.tracks, home)
        tell_unopened(home)


def _check(out: Path, json_: bool) -> None:
    if json_:
        check_answer(out, "a JSON document", (".json", *TEXT), "Name it .json.")
    else:
        check_answer(out, "a playlist", (*PLAYLIST, *TEXT), "Name it .m3u8. For JSON: --json")


def _write(made: Playlist, out: Path | None, relative: bool, json_: bool) -> None:
    from audiosim.core.m3u import playlist_text, relative_line

    folder = os.path.realpath(os.path.dirname(os.fsencode(out or "")))
    if json_:
        pairs = zip(made.tracks, made.similarities, strict=True)
        text = to_json({"tracks": [track_fields(t) | {"similarity": round(s, 6)} for t, s in pairs]})
    else:
        text = playlist_text(made.tracks, (lambda track: relative_line(track, folder)) if relative else None)
    write_output(text.encode(), out)
