"""What ``audiosim index`` says of a run that has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiosim.core.json_fields import failure_fields, path_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiosim.indexing.report import IndexReport

BESIDE = ("decode", "store")  # stages in processes and threads of their own, while others run
TOLD = {"waiting for input": "waiting for decoders", "decode": "decoders"}


def lines(report: IndexReport, *, verbose: bool) -> Iterator[str]:
    """Sum up a report, and those of the home's further spaces, for people; `verbose` tells of times."""
    for space, each in {"": report, **report.spaces}.items():
        whose = f"Space {space}: " if space else ""
        yield whose + _summary(each)
        if verbose:
            yield whose + _stages(each)


def fields(report: IndexReport) -> dict[str, Any]:
    """Give a report, and those of the home's further spaces, for programs."""
    return {
        **_fields(report),
        "spaces": {name: _fields(each) for name, each in report.spaces.items()},
        "failed_spaces": report.failed_spaces,
    }


def failed_before(report: IndexReport) -> list[str]:
    """Say how many files failed in earlier runs, of the home and of each of its further spaces."""
    from audiosim.commands.status import ALL
    from audiosim.core.text import counted

    told = []
    for space, each in {"": report, **report.spaces}.items():
        if each.failed_before:
            whose, of = (f"space {space}: ", f" --space {space}") if space else ("", "")
            told.append(f"{whose}{counted(each.failed_before, 'file')} failed before: see {ALL}{of}")
    return told


def _summary(report: IndexReport) -> str:
    """Sum up a report in one sentence."""
    from audiosim.core.text import span

    parts = [
        f"{report.indexed} indexed",
        f"{report.reused} reused",
        f"{report.moved} moved",
        f"{report.unchanged} unchanged",
        f"{report.gone} gone",
        f"{report.failed} failed",
    ]
    if report.failed_before:
        parts.append(f"{report.failed_before} failed before")
    if report.reread:
        parts.append(f"{report.reread} of them read again")
    if report.reread_left:
        parts.append(f"{report.reread_left} to be read again by later runs")
    if report.left:
        parts.append(f"{report.left} left for the next run")
    return f"{', '.join(parts)}; {span(report.audio_seconds)} of audio in {span(report.seconds)}."


def _stages(report: IndexReport) -> str:
    """Say where a run's time went, by stage."""
    told = {name: f"{TOLD.get(name, name)} {seconds:.1f} s" for name, seconds in report.stages.items()}
    in_turn = [text for name, text in told.items() if name not in BESIDE]
    beside = [told[name] for name in BESIDE if name in told]
    if not in_turn:
        return "Time: no file was opened."
    return f"Time: {', '.join(in_turn)}; beside these, {', '.join(beside)}."


def _fields(report: IndexReport) -> dict[str, Any]:
    return {
        "encoder": report.encoder,
        "home": str(report.home),
        **report.counts(),
        "stages": {name: round(seconds, 3) for name, seconds in report.stages.items()},
        "failures": failure_fields(report.failures),
        "doubted": failure_fields(report.doubted),
        "vacant": [path_fields(root) for root in report.vacant],
    }
