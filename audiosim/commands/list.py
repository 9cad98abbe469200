"""``audiosim list``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.options import (
    FilterOptions,
    NotTextOption,
    OutputOptions,
    SpaceHomeOptions,
    TextOption,
    home_of_words,
    one_of,
    tell_of_folders,
    with_options,
)
from audiosim.commands.output import (
    tell_absent,
    tell_notes,
    tell_short,
    tell_unfit,
    tell_unopened,
    tell_unscored,
    write_output,
)

if TYPE_CHECKING:
    from audiosim.core.types import Match, Track

SORTS = ("path", "title", "artist", "album", "genre", "year", "duration")


@with_options
def list_tracks(
    *,
    context: typer.Context,
    only: FilterOptions,
    output: OutputOptions,
    text: TextOption = None,
    not_text: NotTextOption = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"By {', '.join(SORTS[:-1])} or {SORTS[-1]} [default: path; by fit with --text].",
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    home: SpaceHomeOptions,
) -> None:
    """List the tracks of the index, all or those that fit.

    By --text those fit that stand out of the library by all of it, or of which the encoder is sure: Score
    says by how many standard deviations, Similarity is what the network gives.

    Example: audiosim list --genre jazz --year 1955-1965 --format paths
    """
    from audiosim.commands.render import render
    from audiosim.library.index import indexed_tracks

    by_fit = bool(text) and sort is None
    fits: dict[bytes, Match] = {}
    key = _key(one_of("--sort", sort or SORTS[0], SORTS))
    tell_of_folders(only, home)
    if text or not_text:
        from audiosim.search.word_list import list_fitting

        home = home_of_words(home)
        found = list_fitting(text or (), not_text=not_text or (), home=home, only=only)
        fits = {match.track.path: match for match in found.matches}
        tracks = [match.track for match in found.matches]
        tell_notes([with_flags(note, context) for note in found.notes])
        tell_unscored(home)
        tell_short(tracks)
    else:
        tracks = indexed_tracks(home, only=only)
    if not tracks and not tell_unfit(only, home) and (text or not_text):
        typer.echo("audiosim: no track stands out by these words.", err=True)
    if by_fit:
        tracks = tracks[::-1] if reverse else tracks
    else:
        known = sorted((track for track in tracks if key(track) is not None), key=key, reverse=reverse)
        tracks = [*known, *(track for track in tracks if key(track) is None)]
    tell_absent(tracks, home, "track")
    tell_unopened(home)
    data = render(tracks, output.format, fits=fits, width=output.width, null=output.null)
    write_output(data, output.file)


def _key(name: str) -> Callable[[Track], Any]:
    """What to sort by; None of a track that has no such thing, which comes last."""
    from audiosim.core.tag_values import folded

    def key(track: Track) -> Any:
        if name in ("path", "duration"):
            return getattr(track, name)
        value = getattr(track.tags, name)
        if name == "album":
            return value and (folded(value), track.tags.track or 0)
        return folded(value) if isinstance(value, str) else value

    return key
