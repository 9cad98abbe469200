"""Jobs: what a server was asked to change, how far that is, and what became of it. Nothing here acts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

Kind = Literal["add", "rescan", "forget"]
State = Literal["queued", "waiting", "running", "done", "failed"]
ENDED: tuple[State, ...] = ("done", "failed")
WAITS = "It waits for another run"
MOST_FAILURES = 1000  # that are told of a job
MOST_NOTES = 50
TOGETHER: tuple[Kind, ...] = ("add", "forget")  # jobs that one process does at once, where they are next


@dataclass(frozen=True)
class Subject:
    """A file that a job is about.

    Parameters
    ----------
    path : bytes
        The file.
    name : str
        What whoever asked calls it.
    state : {"waiting", "indexed", "known", "failed", "forgotten", "removed"}
        What became of it; ``known`` was in the index already, under this path.
    reason : str
        Why it failed.
    removes : bool
        Whether the file itself is to be removed.
    """

    path: bytes
    name: str
    state: str = "waiting"
    reason: str = ""
    removes: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a job's run is.

    Parameters
    ----------
    at : str
        What it is at; empty while files are opened.
    share : float
        How much is done, from 0 to 1, by seconds of audio.
    done, total : int
        Files.
    audio_seconds, audio_total : float
        Audio that has gone through the network, and how much it will be, in s.
    seconds_left : float or None
        How long it will take; None while that is not known.
    """

    at: str = ""
    share: float = 0.0
    done: int = 0
    total: int = 0
    audio_seconds: float = 0.0
    audio_total: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Job:
    """What a server was asked to change.

    Parameters
    ----------
    id : str
        What it is asked for by.
    kind : {"add", "rescan", "forget"}
        What is to be done.
    files : tuple of Subject
        With these files.
    roots : tuple of bytes
        Only in these folders; in all, without any.
    retry_failed, accept_removals : bool
        As of `IndexOptions`.
    state : {"queued", "waiting", "running", "done", "failed"}
        ``waiting`` is for another run, which has the home.
    made, started, ended : float
        When, in s since 1970; 0 where that has yet to come.
    version : int
        Grows whenever anything changes.
    progress : Progress
        How far its run is.
    counts : mapping
        Files by what became of them, as an `IndexReport` counts them; empty before the end.
    failures : tuple of (bytes, str)
        Files of the run that failed, with the reason.
    notes : tuple of str
        What else should be known.
    error : tuple of str
        What failed, why, and what to do; empty where nothing did.
    """

    id: str
    kind: Kind
    files: tuple[Subject, ...] = ()
    roots: tuple[bytes, ...] = ()
    retry_failed: bool = False
    accept_removals: bool = False
    state: State = "queued"
    made: float = field(default_factory=time.time)
    started: float = 0.0
    ended: float = 0.0
    version: int = 0
    progress: Progress = Progress()
    counts: Mapping[str, float] = field(default_factory=dict)
    failures: tuple[tuple[bytes, str], ...] = ()
    notes: tuple[str, ...] = ()
    error: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in ENDED


def renewed(job: Job, **changes: Any) -> Job:
    """Give a job with changes, as a later version: later than any of an earlier server, too."""
    return replace(job, version=max(job.version + 1, int(1000 * time.time())), **changes)


def queued_again(job: Job) -> Job:
    """Give a job that was lost, as it was before it began; what is finished of it will cost nothing."""
    return renewed(job, state="queued", started=0.0, progress=Progress(), failures=(), notes=())


def next_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Give the jobs that are to be done next, in one go: the first that waits, and its likes behind it."""
    batch: list[Job] = []
    for job in (job for job in jobs if not job.is_over):
        if batch and (job.kind != batch[0].kind or job.kind not in TOGETHER):
            break
        batch.append(job)
    return batch


def request_of(batch: Sequence[Job]) -> dict[str, Any]:
    """Give what the process that does some jobs is told of them."""
    files = [file for job in batch for file in job.files if file.state == "waiting"]
    return {
        "kind": batch[0].kind,
        "files": [[file.path.hex(), file.removes] for file in files],
        "roots": [root.hex() for root in batch[0].roots],
        "retry_failed": batch[0].retry_failed,
        "accept_removals": batch[0].accept_removals,
    }


def advanced(job: Job, message: Mapping[str, Any]) -> Job:
    """Give a job as it is after a message of its process, which has one value by its kind."""
    ((kind, value),) = message.items()
    return renewed(job, **_changes(job, kind, value))


def _changes(job: Job, kind: str, value: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    match kind:
        case "waits":
            changes = {"state": "waiting", "progress": Progress(WAITS)}
        case "at":
            changes = {"state": "running", "progress": replace(job.progress, at=value)}
        case "progress":
            changes = {"state": "running", "progress": Progress(**value)}
        case "failed":
            path, reason = value
            changes = {"failures": (*job.failures, (bytes.fromhex(path), reason))[:MOST_FAILURES]}
        case "note":
            changes = {"notes": (*job.notes, value)[:MOST_NOTES]}
        case "counts":
            changes = {"counts": value}
        case "files":
            became = {bytes.fromhex(path): (state, reason) for path, state, reason in value}
            changes = {"files": tuple(_settled(file, became) for file in job.files)}
        case "error":
            changes = {"error": tuple(value)}
    return changes


def _settled(file: Subject, became: Mapping[bytes, tuple[str, str]]) -> Subject:
    if file.state != "waiting" or file.path not in became:
        return file
    state, reason = became[file.path]
    return replace(file, state=state, reason=reason)


def ended(job: Job, *, well: bool) -> Job:
    """Give a job whose process has ended, well or not."""
    error = job.error
    if not well and not error:
        error = (
            "The run's process ended",
            "it was killed, for want of memory perhaps",
            "What is finished is kept; rescan goes on with the rest.",
        )
    progress = replace(job.progress, at="", seconds_left=None)
    if not error:
        progress = replace(progress, share=1.0)
    return renewed(
        job, state="failed" if error else "done", ended=time.time(), progress=progress, error=error
    )


def job_to_json(job: Job) -> dict[str, Any]:
    """Give a job as it is kept; how far it is is not."""
    kept = asdict(job)
    del kept["progress"]
    kept["files"] = [{**asdict(file), "path": file.path.hex()} for file in job.files]
    kept["roots"] = [root.hex() for root in job.roots]
    kept["failures"] = [[path.hex(), reason] for path, reason in job.failures]
    return kept


def job_from_json(kept: Mapping[str, Any]) -> Job:
    """Give a job that was kept; what a later version keeps besides is passed by."""
    known = {name: value for name, value in kept.items() if name in Job.__dataclass_fields__}
    names = Subject.__dataclass_fields__
    files = [{name: value for name, value in file.items() if name in names} for file in kept["files"]]
    known["files"] = tuple(Subject(**{**file, "path": bytes.fromhex(file["path"])}) for file in files)
    known["roots"] = tuple(map(bytes.fromhex, kept["roots"]))
    known["failures"] = tuple((bytes.fromhex(path), reason) for path, reason in kept["failures"])
    known["notes"], known["error"] = tuple(kept["notes"]), tuple(kept["error"])
    return Job(**known)
