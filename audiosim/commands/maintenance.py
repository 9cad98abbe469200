"""``audiosim verify``, ``gc``, ``forget`` and ``relocate``."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiosim.commands.flags import with_flags
from audiosim.commands.options import (
    HomeOption,
    JsonOption,
    QuietOption,
    SpaceHomeOptions,
    WaitOption,
    with_options,
)
from audiosim.core.errors import NEEDS_A_LOOK, UsageError
from audiosim.core.json_fields import to_json
from audiosim.core.paths import identity
from audiosim.core.text import counted, first_lines, size
from audiosim.core.told_commands import at_home, index_again

if TYPE_CHECKING:
    from audiosim.indexing.maintenance import Collected
    from audiosim.indexing.verify import Health

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would go.")]
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}  # s


@with_options
def verify(
    *,
    context: typer.Context,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Compare, and ask for, every vector in the store, not 10,000 of them; see whether files have"
            " changed. (index --rescan reads them.)",
        ),
    ] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Put right what is wrong.")] = False,
    home: SpaceHomeOptions,
    wait: WaitOption = 0.0,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check that caches, vectors and the store are whole.

    Exits with 3 if they are not; after a repair, too, where most caches are not there, or files have to be
    opened again, which index does.

    Example: audiosim verify --repair
    """
    from audiosim.indexing.verify import verify_home

    health = verify_home(home, full=full, repair=repair, wait=wait)
    if json_:
        further = {name: _health_fields(space) for name, space in health.spaces.items()}
        typer.echo(to_json({**_health_fields(health), "spaces": further}), nl=False)
    else:
        for space, found in {"": health, **health.spaces}.items():
            _tell_health(found, f"Space {space}: " if space else "", context, home, quiet=quiet)
    if not health.all_sound:
        raise typer.Exit(NEEDS_A_LOOK)


def _tell_health(
    health: Health, whose: str, context: typer.Context, home: Path | None, *, quiet: bool
) -> None:
    """Say what was found of a home, or of a space of it."""
    from audiosim.library.index import home_without_caches

    if health.unreadable is not None:
        typer.echo(f"audiosim: {whose}{with_flags(health.unreadable, context)}", err=True)
        return
    faults = health.faults
    missing = home_without_caches(health.home) if health.lost_caches else None
    if missing and missing.most:
        told = [f"{missing}.\n{with_flags(missing.remedy, context)}"]
        faults = told + faults[len(health.lost_caches) :]
    whole = at_home("audiosim verify --json", home)
    for line in first_lines([f"audiosim: {whose}{fault}" for fault in faults], whole):
        typer.echo(line, err=True)
    for done in health.repairs:
        typer.echo(f"audiosim: {whose}{done}", err=True)
    if not quiet:
        text = whose + _health_text(health, len(faults), has_caches=not (missing and missing.most))
        typer.echo(at_home(text, home))


def _health_text(health: Health, told: int, *, has_caches: bool) -> str:
    recall = "" if health.recall is None else f", recall@10 {health.recall:.3f}"
    counts = (
        f"{counted(health.tracks, 'track')}, {counted(health.caches, 'cache')},"
        f" {counted(health.compared, 'vector')} compared{recall}"
    )
    if health.changed:
        counts += f", {counted(health.changed, 'file')} changed since they were read (index sees to them)"
    if health.sound:
        return f"{counts}: {'repaired' if health.repairs else 'all is well'}."
    again = "computed again by the next run: audiosim index"
    if health.repairs and health.store_sound:
        return f"{counts}: repaired, but for {f'what is {again}' if has_caches else 'the caches.'}"
    faults = f"{counts}: {counted(told, 'fault')}"
    if health.repairs:
        return f"{faults}; it could not be repaired."
    if health.waiting == len(health.faults):
        return f"{faults}, {again}"
    repairable = has_caches or not health.store_sound
    return f"{faults}; repair it with: audiosim verify --repair" if repairable else f"{faults}."


def _health_fields(health: Health) -> dict[str, Any]:
    return {**asdict(health), "home": str(health.home), "faults": health.faults}


def gc(
    older_than: Annotated[
        str,
        typer.Option(
            metavar="AGE", help="How long files have been gone: 30d, 12h, 2w; a bare number is of seconds."
        ),
    ] = "30d",
    dry_run: DryRunOption = False,
    home: HomeOption = None,
    wait: WaitOption = 0.0,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Forget files long gone, and remove caches that nothing uses.

    That is in all spaces of the home.

    Example: audiosim gc --older-than 90d --dry-run
    """
    from audiosim.indexing.maintenance import collect_garbage

    found = collect_garbage(home=home, age=_seconds(older_than), dry_run=dry_run, wait=wait)
    if json_:
        further = {name: _collected_fields(space) for name, space in found.spaces.items()}
        typer.echo(to_json({**_collected_fields(found), "spaces": further}), nl=False)
    elif not quiet:
        typer.echo(_collected_text(found, dry_run=dry_run))
        for name, space in found.spaces.items():
            typer.echo(f"Space {name}: {_collected_text(space, dry_run=dry_run)}")


def _seconds(age: str) -> float:
    """Read an age like 30d, in seconds.

    Raises
    ------
    UsageError
        If it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw]?)", age.strip())
    if match is None:
        raise UsageError(f"--older-than {age} is not an age", "", "Give a number and s, m, h, d or w: 30d.")
    return float(match[1]) * UNITS[match[2]]


def _collected_text(found: Collected, *, dry_run: bool) -> str:
    forgot, removed = ("Would forget", "would remove") if dry_run else ("Forgot", "removed")
    gone = counted(found.gone, "file that is gone", "files that are gone")
    text = (
        f"{forgot} {gone} and {counted(found.vectors, 'vector')};"
        f" {removed} {counted(found.caches, 'cache')} and {counted(found.leftovers, 'unfinished file')},"
        f" {size(found.bytes)}."
    )
    if found.left_alone is not None:
        text += f"\nThe caches in {found.left_alone} are left alone: other homes may use them."
    return text


def _collected_fields(found: Collected) -> dict[str, Any]:
    left_alone = None if found.left_alone is None else str(found.left_alone)
    return {**asdict(found), "left_alone": left_alone}


def forget(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH...]", help="Files or folders of the index.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Instead: remove this space of the home, its caches and all."),
    ] = None,
    dry_run: DryRunOption = False,
    home: HomeOption = None,
    wait: WaitOption = 0.0,
    quiet: QuietOption = False,
) -> None:
    """Take files, or all below a folder, out of the index.

    Later runs leave them out, until one is given their paths. The files themselves are not touched.
    With --space, it is a space that is taken out of the home.

    Example: audiosim forget ~/Music/Audiobooks
    """
    from audiosim.indexing.forgetting import forget as forget_paths

    if bool(paths) == (space is not None):
        raise UsageError("Name either files and folders, or a --space, to be forgotten")
    if space is not None:
        _forget_space(space, home, dry_run=dry_run, wait=wait, quiet=quiet)
        return
    named = list(map(identity, paths or ()))
    count = forget_paths(paths or (), home=home, dry_run=dry_run, wait=wait)
    if not quiet:
        text = (
            f"Would forget {counted(count, 'file')}. Nothing was changed."
            if dry_run
            else f"Forgot {counted(count, 'file')}. Later runs leave out what was named."
            f" To bring it back: {index_again(named)}"
        )
        typer.echo(at_home(text, home))


def _forget_space(name: str, home: Path | None, *, dry_run: bool, wait: float, quiet: bool) -> None:
    from audiosim.indexing.spaces import remove_space

    done = remove_space(name, home=home, dry_run=dry_run, wait=wait)
    if quiet:
        return
    held = f"{done.name}: {counted(done.tracks, 'track')}, {size(done.bytes)}"
    text = (
        f"Would remove the space {held}. Nothing was changed."
        if dry_run
        else f"Removed the space {held}. To have it again: audiosim index --space {done.name} --encoder NAME"
    )
    typer.echo(at_home(text, home))
    if done.left_alone is not None:
        typer.echo(f"The caches in {done.left_alone} are left alone: other homes may use them.")


def relocate(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Where the library was.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Where it is now.")],
    home: HomeOption = None,
    wait: WaitOption = 0.0,
    quiet: QuietOption = False,
) -> None:
    """Follow a library that moved as a whole; no file is opened.

    Example: audiosim relocate /mnt/old/Music /mnt/new/Music
    """
    from audiosim.indexing.relocation import relocate as relocate_library

    count = relocate_library(old, new, home=home, wait=wait)
    if not quiet:
        typer.echo(f"{counted(count, 'file is', 'files are')} known at the new place.")
