"""``audiosim duplicates``."""

from __future__ import annotations

import os
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.options import (
    FilterOptions,
    OutputForm,
    OutputOptions,
    SpaceHomeOptions,
    tell_of_folders,
    with_options,
)
from audiosim.commands.output import (
    no_audio,
    tell_absent,
    tell_notes,
    tell_unfit,
    tell_unopened,
    write_output,
)
from audiosim.commands.table import shown_path
from audiosim.core.errors import NEEDS_A_LOOK, UsageError
from audiosim.core.json_fields import path_fields, track_fields
from audiosim.core.paths import contains, identity
from audiosim.core.text import display_path, duration, file_name, utf8_path, visible_lines

if TYPE_CHECKING:
    from audiosim.commands.render import Listing
    from audiosim.core.types import Track
    from audiosim.library.filters import Filter
    from audiosim.search.across import FileHeld
    from audiosim.search.duplicates import Group, Link
    from audiosim.search.recordings import Evidence

BELOW = 15  # columns before what stands below its path
EVIDENCE = ("kind", "correlation", "agreement", "change", "offset", "speed")


@with_options
def duplicates(
    context: typer.Context,
    only: FilterOptions,
    across: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Tell which files of a folder or playlist (- for paths on stdin) are in the index already:"
            " known; or indexed, if it is the file itself; repeatable.",
        ),
    ] = None,
    *,
    output: OutputOptions,
    home: SpaceHomeOptions,
) -> None:
    """Find files that hold the same recording, in whatever encoding. Nothing is deleted.

    A filter leaves the recordings of which it admits a file; all of their files are shown.

    Example: audiosim duplicates --under ~/Music/Unsorted

    Example: audiosim duplicates --across ~/Downloads
    """
    from audiosim.library.index import open_index
    from audiosim.search.recordings import told_by_windows

    if across and output.format in ("paths", "m3u8"):
        raise UsageError(
            f"--across does not go with --format {output.format}",
            "of each file it tells whether the index has it",
            "Choose one of: table, json, jsonl, csv.",
        )
    tell_of_folders(only, home)
    with open_index(home) as index:
        note = told_by_windows(index)
    if note:
        typer.echo(f"audiosim: {note}", err=True)
    tell_unopened(home)
    if across:
        _across(across, home, only, output)
    else:
        _within(context, home, only, output, unheard=bool(note))


def _within(
    context: typer.Context, home: Path | None, only: Filter | None, output: OutputForm, *, unheard: bool
) -> None:
    """Tell of the recordings of the index that have several files."""
    from audiosim.library.index import home_without_caches
    from audiosim.search.duplicates import find_duplicates

    groups = find_duplicates(home, only=only)
    if not groups:
        typer.echo("audiosim: no duplicates found.", err=True)
        tell_unfit(only, home)
    if unheard and (missing := home_without_caches(home)):
        told = f"{missing}; of these, only files of the same audio are found.\n{missing.remedy}"
        typer.echo(f"audiosim: {with_flags(told, context)}", err=True)
    tell_absent((track for group in groups for track in group.tracks), home, "file")
    _print("\n".join(_text(group, output.width) for group in groups), partial(_listing, groups), output)


def _across(paths: list[Path], home: Path | None, only: Filter | None, output: OutputForm) -> None:
    from audiosim.commands.sources import expand, is_list
    from audiosim.library.index import index_roots
    from audiosim.search.across import find_across
    from audiosim.search.query import LEFT_OUT

    lists = [os.fspath(path) for path in paths if is_list(path)]
    listed = expand(lists, sys.stdin.buffer, cache(partial(index_roots, home)))
    there = dict.fromkeys(filter(os.path.lexists, listed.paths))
    missing = [f"No such file: {display_path(path)}{LEFT_OUT}" for path in listed.paths if path not in there]
    tell_notes([*listed.notes, *missing])
    named = [identity(path) for path in paths if not is_list(path)]
    files = find_across(map(os.fsdecode, [*named, *there]), home=home, only=only)
    vacant = [path for path in named if not any(contains(path, file.path) for file in files)]
    _print(
        "".join(_file_text(file, output.width) for file in files),
        partial(_files_listing, files, vacant),
        output,
    )
    for path in vacant:
        typer.echo(f"audiosim: {no_audio(path)}", err=True)
    tell_absent((one.track for file in files for one in file.held), home, "file")
    failed = [file for file in files if file.reason is not None]
    if (failed or missing) and len(failed) == len(files):
        raise typer.Exit(1 if files else UsageError.exit_code)
    if vacant or missing or any(not file.failed_before or file.path in named for file in failed):
        raise typer.Exit(NEEDS_A_LOOK)


def _print(text: str, listing: Callable[[], Listing], output: OutputForm) -> None:
    """Write an answer, as text for people where no other format is chosen."""
    from audiosim.commands.render import written

    if output.format == "table":
        data = (text if output.width is None else visible_lines(text)).encode()
    else:
        data = written(listing(), output.format, width=output.width, null=output.null)
    write_output(data, output.file)


def _listing(groups: list[Group]) -> Listing:
    """The groups for programs: one a JSON line, and a CSV row for each file."""
    from audiosim.commands.render import Listing
    from audiosim.core.types import TAG_NAMES

    records = [_fields(group) for group in groups]
    rows = [
        {"group": number, **track_fields(track), **_why_fields(group, track)}
        for number, group in enumerate(groups, 1)
        for track in group.tracks
    ]
    return Listing(
        {"groups": records},
        records,
        ["group", "path", "duration", *TAG_NAMES, "same_as", "similarity", *EVIDENCE, "path_bytes"],
        [track for group in groups for track in group.tracks],
        rows=rows,
    )


def _why_fields(group: Group, track: Track) -> dict[str, Any]:
    """With which file of its group another is one recording, and why; nothing of the first."""
    link = next((link for link in group.links if link.second == track), None)
    if link is None:
        return {}
    fields = _link_fields(link)
    return {"same_as": fields.pop("first"), **fields}


def _files_listing(files: list[FileHeld], vacant: list[bytes]) -> Listing:
    """The files for programs: one a JSON line, and a CSV row for each track that holds it or a part."""
    from audiosim.commands.render import Listing

    records = [_file_fields(file) for file in files]
    rows = []
    for file in files:
        told = {**path_fields(file.path), "state": file.state, "reason": file.reason}
        told["comparable"] = "true" if file.comparable else "false"
        places = [
            {
                name: utf8_path(one.track.path),
                "present": "true" if one.present else "false",
                **_evidence_fields(one.evidence),
            }
            for name, some in (("held", file.held), ("part", file.parts))
            for one in some
        ]
        rows += [told | place for place in places or [{}]]
    columns = ["path", "state", "held", *EVIDENCE, "reason", "present", "part", "comparable", "path_bytes"]
    document = {"files": records, "vacant": [path_fields(path) for path in vacant]}
    return Listing(document, records, columns, [], rows=rows)


def _file_fields(file: FileHeld) -> dict[str, Any]:
    held, parts = (
        [
            {**track_fields(one.track), "present": one.present, "evidence": _evidence_fields(one.evidence)}
            for one in some
        ]
        for some in (file.held, file.parts)
    )
    told = {**path_fields(file.path), "state": file.state, "held": held, "reason": file.reason}
    return told | {"failed_before": file.failed_before, "parts": parts, "comparable": file.comparable}


def _file_text(file: FileHeld, width: int | None) -> str:
    reason = "" if file.reason is None else f": {file.reason}"
    if file.indexed:
        reason = f" (in the library itself; {'its copies:' if file.held else 'no other copy'})"
    elif file.state == "new" and not file.comparable:
        reason = " (silent or very short: the same audio is not there, other encodings can't be told)"
    lines = [_line(f"{file.state:7}  {shown_path(file.path)}", reason, width)]
    for one in (*file.held, *file.parts):
        path = f"           {shown_path(one.track.path)}"
        likely = "likely a part: " if one in file.parts else ""
        why = likely + _reason(one.evidence, "this track", "the file")
        lines.append(_line(path, f"  ({why}{'' if one.present else '; not there now'})", width))
    return "".join(lines)


def _line(start: str, told: str, width: int | None) -> str:
    """A path and what is told of it in one line, or that below it, where a terminal is too narrow."""
    from rich.cells import cell_len

    if not told or width is None or cell_len(start + told) <= width:
        return f"{start}{told}\n"
    indent = " " * BELOW
    wrapper = textwrap.TextWrapper(
        max(width, 2 * BELOW),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([start, *wrapper.wrap(told.lstrip(": "))]) + "\n"


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


def _text(group: Group, width: int | None) -> str:
    lines = [f"{len(group.tracks)} files of one recording", "\n"]
    told = {link.second.path: link for link in group.links}
    called, of_two = _short_names([track.path for track in group.tracks]), len(group.tracks) == 2
    for track in group.tracks:
        link = told.get(track.path)
        why = "" if link is None else f"  ({_reason(link.evidence, called(link.first.path), of_two=of_two)})"
        lines.append(_line(f"  {duration(track.duration):>7}  {shown_path(track.path)}", why, width))
    return "".join(lines)


def _short_names(paths: Sequence[bytes]) -> Callable[[bytes], str]:
    """Give what says which of some files is meant: its name; else that it is the first, or its path."""
    count = Counter(map(os.path.basename, paths))

    def called(path: bytes) -> str:
        if count[os.path.basename(path)] < 2:
            return file_name(path)
        return "the first" if path == paths[0] else shown_path(path)

    return called


def _reason(evidence: Evidence, name: str, own: str = "this", *, of_two: bool = True) -> str:
    """Why a file, called `own`, is one recording with the first, called `name`; plain, if there are two."""
    if evidence.kind == "same audio":
        return "same audio" if of_two else f"same audio as {name}"
    if evidence.agreement is None:
        return f"correlation {evidence.correlation:.2f} with {name}{_shift(evidence)}"
    return f"{_change(evidence, name, own)}, agreement {evidence.agreement:.2f}"


def _change(evidence: Evidence, name: str, own: str) -> str:
    """What makes the second file of a link, called `own`, differ from the first, which is called `name`."""
    faster = evidence.speed - 1
    pace = f"{abs(faster):.1%} {'faster' if faster > 0 else 'slower'}"
    of_first, of_second = evidence.shares
    if evidence.change == "speed":
        return f"{pace} than {name}{_shift(evidence)}"
    if evidence.change == "encoding":
        return f"another encoding of {name}{_shift(evidence)}"
    is_part = of_first < of_second  # the second, of the first
    cut = f"{own} is {of_first:.0%} of {name}" if is_part else f"{name} is {of_second:.0%} of {own}"
    start = -evidence.offset if is_part else evidence.offset  # of the part, in the whole
    cut += f", from {duration(round(start))} on" if start >= 1 else _shift(evidence)
    return f"{cut}, {pace}" if abs(faster) >= 0.001 else cut


def _shift(evidence: Evidence) -> str:
    """By how much the second file's music comes later or earlier, if by a tenth of a second or more."""
    way = "later" if evidence.offset > 0 else "earlier"
    return f", {abs(evidence.offset):.1f} s {way}" if abs(evidence.offset) >= 0.1 else ""
