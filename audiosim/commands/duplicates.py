"""``audiosim duplicates``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.json_fields import path_fields, to_json, track_fields
from audiosim.commands.options import (
    NEEDS_A_LOOK,
    FilterOptions,
    HomeOption,
    JsonOption,
    tell_of_folders,
    with_options,
)
from audiosim.commands.output import tell_unfit
from audiosim.commands.table import shown_path
from audiosim.core.text import duration, file_name, utf8_path, visible_lines

if TYPE_CHECKING:
    from audiosim.library.filters import Filter
    from audiosim.search.across import FileHeld
    from audiosim.search.duplicates import Group, Link
    from audiosim.search.recordings import Evidence


@with_options
def duplicates(
    context: typer.Context,
    only: FilterOptions,
    across: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Tell which files there are in the index already; repeat it."),
    ] = None,
    json_: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Find files that hold the same recording, in whatever encoding. Nothing is deleted.

    A filter leaves the recordings of which it admits a file; all of their files are shown.

    Example: audiosim duplicates --under ~/Music/Unsorted

    Example: audiosim duplicates --across ~/Downloads
    """
    from audiosim.library.index import home_without_caches, open_index
    from audiosim.search.duplicates import find_duplicates
    from audiosim.search.recordings import told_by_windows

    tell_of_folders(only, home)
    with open_index(home) as index:
        note = told_by_windows(index)
    if note:
        typer.echo(f"audiosim: {note}", err=True)
    if across:
        _across(across, home, only, json_=json_)
        return
    groups = find_duplicates(home, only=only)
    if not groups:
        typer.echo("audiosim: no duplicates found.", err=True)
        tell_unfit(only, home)
    if note and (missing := home_without_caches(home, only=only)):
        told = f"{missing}; of these, only files of the same audio are found.\n{missing.remedy}"
        typer.echo(f"audiosim: {with_flags(told, context)}", err=True)
    if json_:
        text = to_json({"groups": [_fields(group) for group in groups]})
    else:
        text = "\n".join(map(_text, groups))
    typer.echo(visible_lines(text) if sys.stdout.isatty() else text, nl=False)


def _across(paths: list[Path], home: Path | None, only: Filter | None, *, json_: bool) -> None:
    from audiosim.search.across import find_across

    files = find_across(paths, home=home, only=only)
    if not files:
        typer.echo("audiosim: no audio files found.", err=True)
    if json_:
        text = to_json({"files": [_file_fields(file) for file in files]})
    else:
        text = "".join(map(_file_text, files))
    typer.echo(visible_lines(text) if sys.stdout.isatty() else text, nl=False)
    if any(file.reason is not None for file in files):
        raise typer.Exit(NEEDS_A_LOOK)


def _file_fields(file: FileHeld) -> dict[str, Any]:
    held = [{**track_fields(one.track), "evidence": _evidence_fields(one.evidence)} for one in file.held]
    return {**path_fields(file.path), "held": held, "reason": file.reason}


def _file_text(file: FileHeld) -> str:
    if file.reason is not None:
        return f"failed  {shown_path(file.path)}: {file.reason}\n"
    lines = [f"{'known' if file.held else 'new':6}  {shown_path(file.path)}\n"]
    for one in file.held:
        lines.append(f"          {shown_path(one.track.path)}  ({_reason(one.evidence, one.track.path)})\n")
    return "".join(lines)


def _fields(group: Group) -> dict[str, Any]:
    return {
        "tracks": [track_fields(track) for track in group.tracks],
        "evidence": [_link_fields(link) for link in group.links],
    }


def _link_fields(link: Link) -> dict[str, Any]:
    places = {"first": utf8_path(link.first.path), "second": utf8_path(link.second.path)}
    return {**places, "similarity": round(link.evidence.similarity, 6), **_evidence_fields(link.evidence)}


def _evidence_fields(evidence: Evidence) -> dict[str, Any]:
    return {
        "kind": evidence.kind,
        "correlation": None if evidence.correlation is None else round(evidence.correlation, 6),
        "agreement": None if evidence.agreement is None else round(evidence.agreement, 6),
        "change": evidence.change,
        "offset": round(evidence.offset, 2),
        "speed": round(evidence.speed, 4),
    }


def _text(group: Group) -> str:
    lines = [f"{len(group.tracks)} files of one recording"]
    told = {link.second.path: link for link in group.links}
    for track in group.tracks:
        why = (
            f"  ({_reason(told[track.path].evidence, told[track.path].first.path)})"
            if track.path in told
            else ""
        )
        lines.append(f"  {duration(track.duration):>7}  {shown_path(track.path)}{why}")
    return "\n".join(lines) + "\n"


def _reason(evidence: Evidence, first: bytes) -> str:
    """Why a file is one recording with the first."""
    name = file_name(first)
    if evidence.kind == "same audio":
        return f"same audio as {name}"
    apart = f", {abs(evidence.offset):.1f} s {'later' if evidence.offset > 0 else 'earlier'}"
    shift = apart if abs(evidence.offset) >= 0.1 else ""
    if evidence.agreement is None:
        return f"correlation {evidence.correlation:.2f} with {name}{shift}"
    return f"{_change(evidence, name)}{shift}, agreement {evidence.agreement:.2f}"


def _change(evidence: Evidence, name: str) -> str:
    """What makes the second file of a link differ from the first, which is called `name`."""
    faster = evidence.speed - 1
    pace = f"{abs(faster):.1%} {'faster' if faster > 0 else 'slower'}"
    of_first, of_second = evidence.shares
    if evidence.change == "speed":
        return f"{pace} than {name}"
    if evidence.change == "encoding":
        return f"another encoding of {name}"
    cut = f"{of_first:.0%} of {name}" if of_first < of_second else f"{name} is {of_second:.0%} of it"
    return f"{cut}, {pace}" if abs(faster) >= 0.001 else cut
