"""``audiosim status``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.options import JsonOption, SpaceHomeOptions, with_options
from audiosim.commands.table import shown_path
from audiosim.core.config import Home
from audiosim.core.errors import NEEDS_A_LOOK
from audiosim.core.json_fields import failure_fields, path_fields, to_json
from audiosim.core.text import counted, display_path, first_lines, size, span, visible
from audiosim.core.told_commands import at_home, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audiosim.library.status import HomeStatus

ALL = "audiosim status --all"
SHOWN = 10  # lines of a list


@with_options
def status(
    *,
    home: SpaceHomeOptions,
    all_: Annotated[bool, typer.Option("--all", help="Show long lists whole.")] = False,
    json_: JsonOption = False,
) -> None:
    """Show what the index holds, what is left to do, and what failed.

    Where there is no index, it exits with 1, as other commands do.

    Example: audiosim status --json
    """
    from audiosim.library.status import home_status

    state = home_status(home)
    further = {name: _fields(space) for name, space in state.spaces.items()}
    fields = {**_fields(state), "spaces": further}
    typer.echo(to_json(fields) if json_ else _text(state, home, whole=all_), nl=False)
    if state.encoder is None:
        if json_:
            typer.echo(f"audiosim: {_without_index(state, home)}", err=True)
        raise typer.Exit(1)
    if any(space.unreadable for space in state.spaces.values()):
        raise typer.Exit(NEEDS_A_LOOK)


def _fields(state: HomeStatus) -> dict[str, Any]:
    return {
        "home": str(state.home),
        "encoder": state.encoder,
        "pooling": state.pooling,
        "whitening": state.whitening,
        "roots": [path_fields(root) for root in state.roots],
        "tracks": state.tracks,
        "hours": round(state.hours, 4),
        "failed": state.failed,
        "gone": state.gone,
        "older_decoding": state.older_decoding,
        "bytes": state.disk_use,
        "store": state.store,
        "last_run": state.last_run,
        "failures": failure_fields(state.failures),
        "exclude": list(state.exclude),
        "ctime": state.ctime,
        "forgotten": [path_fields(path) for path in state.forgotten],
        "doubted": failure_fields(state.doubted),
        "running": state.running,
        "unopened": state.unopened,
        "lost_caches": state.lost_caches,
        "without_cache": state.without_cache,
        "rebuild_unopened": state.rebuild_unopened,
        "unwritten": state.unwritten,
        "gone_files": [{**path_fields(path), "since": since} for path, since in state.gone_files],
        "unreadable": state.unreadable,
    }


def _folder(root: bytes, state: HomeStatus) -> str:
    missed = not os.path.lexists(root) and root not in dict(state.doubted)  # of which more is told
    return f"Folder: {display_path(root)}" + ", which is not there now" * missed


def _text(state: HomeStatus, home: Path | None, *, whole: bool) -> str:
    if state.encoder is None:
        return f"Home: {state.home}\n{_without_index(state, home)}\n"
    failed = [f"failed: {shown_path(path)}: {visible(reason)}" for path, reason in state.failures]
    gone = [f"gone since {_moment(since)}: {shown_path(path)}" for path, since in state.gone_files]
    lists = {
        "folders": [_folder(root, state) for root in state.roots],
        "doubted": [at_home(_doubted(root, reason), home) for root, reason in state.doubted],
        "forgotten": [f"Forgotten: {display_path(path)}" for path in state.forgotten],
        "failed": failed,
        "gone": gone,
    }
    more = at_home(ALL, home)
    shown = {name: first_lines(all_, more, len(all_) if whole else SHOWN) for name, all_ in lists.items()}
    lines = [
        f"Home: {state.home} ({size(state.disk_use)})",
        f"Encoder: {state.encoder}; pooling: {state.pooling}{', whitened' if state.whitening else ''}",
        *shown["folders"],
        *shown["doubted"],
        f"Tracks: {state.tracks} ({span(3600 * state.hours)}), {state.failed} failed, {state.gone} gone",
        *(["A run is at work now."] if state.running else []),
        *(at_home(sentence, home) for sentence in _left_to_do(state)),
    ]
    if state.exclude:
        lines.append(f"Left out: {visible(', '.join(state.exclude))}")
    lines += shown["forgotten"]
    if not state.ctime:
        lines.append("The ctimes of files do not count (--no-ctime).")
    if state.store != "embedded":
        lines.append(f"Store: {state.store}")
    if state.last_run:
        lines.append(f"Last run: {_moment(state.last_run['finished'])}, {span(state.last_run['seconds'])}")
    spaces = [
        at_home(line, home) for name, space in state.spaces.items() for line in _space_lines(name, space)
    ]
    return "\n".join([*lines, *spaces, *shown["failed"], *shown["gone"]]) + "\n"


def _cut_short(name: str, state: HomeStatus) -> str:
    """What is to be told of a space that has no index yet; the run at work may be its first."""
    if state.running:
        return "it has no index yet; a run is at work."
    return f"its first run was cut short. To make it: audiosim index --space {name} --encoder NAME"


def _without_index(state: HomeStatus, home: Path | None) -> str:
    name = Home(state.home).space
    if name is not None:
        return at_home(f"There is no index of the space: {_cut_short(name, state)}", home)
    if state.running:
        return "There is no index yet: its first run is at work."
    return at_home("There is no index yet. Make one: audiosim index FOLDER", home)


def _doubted(root: bytes, reason: str) -> str:
    """What to do of a folder that looks like a disk that is not mounted: three things that it may be."""
    return (
        f"{display_path(root)} looks like a disk that is not mounted: {reason}."
        " Mount it, and all is as it was.\n"
        f"  If it was renamed or moved: audiosim relocate {shell_word(root)} NEW\n"
        f"  If its files are really gone: audiosim index {shell_word(root)} --accept-removals"
    )


def _space_lines(name: str, state: HomeStatus) -> Iterator[str]:
    """What a further space holds and has left to do; `status --space` tells the rest."""
    if state.unreadable is not None:
        yield f"Space {name}: {state.unreadable}"
        return
    if state.encoder is None:
        yield f"Space {name}: {_cut_short(name, state)}"
        return
    yield (
        f"Space {name}: {counted(state.tracks, 'track')}, {state.failed} failed, {state.gone} gone;"
        f" {state.encoder}; pooling: {state.pooling}{', whitened' if state.whitening else ''}"
    )
    for line in _left_to_do(state):
        yield f"Space {name}: {line[0].lower()}{line[1:]}"


def _left_to_do(state: HomeStatus) -> Iterator[str]:
    """What runs have yet to do, a sentence each, with the command that does it."""
    # A run at work will see to these itself, and what a rebuild has left it finds by its own command.
    running, is_rebuilding = state.running, state.rebuild_unopened is not None
    go_on = "" if running or is_rebuilding else " A run was cut short; to go on: audiosim index"
    if state.unopened:
        yield f"Left to open: {counted(state.unopened, 'file')}.{go_on}"
    if state.lost_caches:
        caches = counted(state.lost_caches, "cache that was lost", "caches that were lost")
        yield f"Left to compute again: {caches}.{'' if running else ' To do so: audiosim index'}"
    if state.without_cache:
        audio = counted(state.without_cache, "piece of audio", "pieces of audio")
        yield (
            f"Without caches, which passages and --explain need: {audio}. How to bring them: audiosim verify"
        )
    if state.rebuild_unopened is not None:
        again = "" if running else " To go on, with the options it was begun with: audiosim index --rebuild"
        yield (f"A rebuild is not complete: {counted(state.rebuild_unopened, 'file')} left to open.{again}")
    if state.unwritten:
        yield f"Left to tell the store: {counted(state.unwritten, 'file')}.{go_on}"
    if state.older_decoding:
        yield (
            f"Decoded by an earlier audiosim: {counted(state.older_decoding, 'track')}."
            " To decode again those that may come out otherwise now: audiosim index --rescan"
        )


def _moment(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
