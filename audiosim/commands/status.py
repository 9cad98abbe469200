"""``audiosim status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from audiosim.commands.json_fields import failure_fields, path_fields, to_json
from audiosim.commands.options import HomeOption, JsonOption
from audiosim.commands.table import shown_path
from audiosim.core.text import counted, display_path, first_lines, size, visible

if TYPE_CHECKING:
    from audiosim.library.status import HomeStatus

ALL = "audiosim status --json"


def status(home: HomeOption = None, json_: JsonOption = False) -> None:
    """Show what the index holds, and which files failed and why.

    Example: audiosim status --json
    """
    from audiosim.library.status import home_status

    state = home_status(home)
    typer.echo(to_json(_fields(state)) if json_ else _text(state), nl=False)


def _fields(state: HomeStatus) -> dict[str, Any]:
    return {
        "home": str(state.home),
        "encoder": state.encoder,
        "pooling": state.pooling,
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
        "gone_files": [{**path_fields(path), "since": since} for path, since in state.gone_files],
    }


def _text(state: HomeStatus) -> str:
    if state.encoder is None:
        return f"Home: {state.home}\nThere is no index yet. Make one: audiosim index FOLDER\n"
    lines = [
        f"Home: {state.home} ({size(state.disk_use)})",
        f"Encoder: {state.encoder}; pooling: {state.pooling}",
        *(f"Folder: {display_path(root)}" for root in state.roots),
        f"Tracks: {state.tracks} ({state.hours:.1f} hours), {state.failed} failed, {state.gone} gone",
    ]
    if state.exclude:
        lines.append(f"Left out: {visible(', '.join(state.exclude))}")
    lines += [f"Forgotten: {display_path(path)}" for path in state.forgotten]
    if not state.ctime:
        lines.append("The ctimes of files do not count (--no-ctime).")
    if state.older_decoding:
        lines.append(
            f"Decoded by an earlier audiosim: {counted(state.older_decoding, 'track')}."
            " To decode again those that may come out otherwise now: audiosim index --rescan"
        )
    if state.store != "embedded":
        lines.append(f"Store: {state.store}")
    if state.last_run:
        lines.append(f"Last run: {_moment(state.last_run['finished'])}, {state.last_run['seconds']:.0f} s")
    failed = [f"failed: {shown_path(path)}: {visible(reason)}" for path, reason in state.failures]
    gone = [f"gone since {_moment(since)}: {shown_path(path)}" for path, since in state.gone_files]
    lines += first_lines(failed, ALL) + first_lines(gone, ALL)
    return "\n".join(lines) + "\n"


def _moment(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
