"""``audiosim duplicates``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.json_fields import to_json, track_fields
from audiosim.commands.options import FilterOptions, HomeOption, JsonOption, tell_of_folders, with_options
from audiosim.commands.output import tell_unfit
from audiosim.commands.table import shown_path
from audiosim.core.text import duration, file_name, utf8_path, visible_lines

if TYPE_CHECKING:
    from audiosim.search.duplicates import Group, Link
    from audiosim.search.recordings import Evidence


@with_options
def duplicates(
    context: typer.Context, only: FilterOptions, json_: JsonOption = False, home: HomeOption = None
) -> None:
    """Find files that hold the same recording, in whatever encoding. Nothing is deleted.

    Example: audiosim duplicates --under ~/Music/Unsorted
    """
    from audiosim.library.index import home_without_caches
    from audiosim.search.duplicates import find_duplicates

    tell_of_folders(only, home)
    groups = find_duplicates(home, only=only)
    if missing := home_without_caches(home, only=only):
        told = f"{missing}; of these, only files of the same audio are found.\n{missing.remedy}"
        typer.echo(f"audiosim: {with_flags(told, context)}", err=True)
    if not groups:
        tell_unfit(only, home)
    if json_:
        text = to_json({"groups": [_fields(group) for group in groups]})
    else:
        text = "\n".join(map(_text, groups))
    typer.echo(visible_lines(text) if sys.stdout.isatty() else text, nl=False)


def _fields(group: Group) -> dict[str, Any]:
    return {
        "tracks": [track_fields(track) for track in group.tracks],
        "evidence": [_link_fields(link) for link in group.links],
    }


def _link_fields(link: Link) -> dict[str, Any]:
    evidence = link.evidence
    return {
        "first": utf8_path(link.first.path),
        "second": utf8_path(link.second.path),
        "kind": evidence.kind,
        "similarity": round(evidence.similarity, 6),
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
        why = f"  ({_reason(told[track.path])})" if track.path in told else ""
        lines.append(f"  {duration(track.duration):>7}  {shown_path(track.path)}{why}")
    return "\n".join(lines) + "\n"


def _reason(link: Link) -> str:
    evidence, name = link.evidence, file_name(link.first.path)
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
