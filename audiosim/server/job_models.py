"""What jobs look like, as /docs and the schema tell it, and the JSON of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from audiosim.core.errors import AudiosimError
from audiosim.core.json_fields import failure_fields, path_fields
from audiosim.library.catalog import path_id
from audiosim.server.jobs import Job, Subject
from audiosim.server.models import TRACK
from audiosim.server.problems import Problem, named, problem_of

FILE: dict[str, Any] = {
    "name": "So What.flac", "id": TRACK["id"], "path": "/home/ann/.local/share/audiosim/uploads/9f2c.flac",
    "state": "indexed", "reason": "",
}  # fmt: skip
PROGRESS: dict[str, Any] = {
    "at": "", "share": 0.41, "done": 3, "total": 8, "audio_seconds": 612.0, "audio_total": 1490.0,
    "seconds_left": 21.5,
}  # fmt: skip
JOB: dict[str, Any] = {
    "id": "5d1e0f7a2b3c4d59", "kind": "add", "state": "done", "made": 1764240000.0, "started": 1764240000.2,
    "ended": 1764240009.1, "progress": {**PROGRESS, "share": 1.0, "seconds_left": None}, "files": [FILE],
    "roots": [], "counts": {"found": 1, "indexed": 1, "failed": 0, "audio_seconds": 561.0, "seconds": 8.1},
    "failures": [], "notes": [], "error": None,
}  # fmt: skip


class JobFile(BaseModel):
    """A file that a job is about."""

    name: str = Field(description="What whoever asked calls it.")
    id: str = Field(description="The track's id, which it has once it is indexed.")
    path: str
    path_bytes: str | None = Field(None, description="The path in base64, where it is not UTF-8.")
    state: str = Field(
        description="waiting, indexed, known (it was in the index, under this path), failed, forgotten,"
        " or removed (forgotten, and its file removed)."
    )
    reason: str = Field(description="Why it failed.")


class JobProgress(BaseModel):
    """How far a job is."""

    at: str = Field(description="What it is at; empty while files are opened.")
    share: float = Field(description="How much is done, 0 to 1, by seconds of audio.")
    done: int = Field(description="Files.")
    total: int
    audio_seconds: float = Field(description="Audio that has gone through the network.")
    audio_total: float
    seconds_left: float | None


class JobFailure(BaseModel):
    """A file that failed in the run."""

    path: str
    path_bytes: str | None = None
    reason: str


class JobFields(BaseModel):
    """What the server was asked to change, how far that is, and what became of it."""

    id: str
    kind: str = Field(description="add, rescan or forget.")
    state: str = Field(description="queued, waiting (for another run), running, done or failed.")
    made: float = Field(description="When it was asked for, in seconds since 1970.")
    started: float | None
    ended: float | None
    progress: JobProgress
    files: list[JobFile]
    roots: list[str] = Field(description="The folders that are looked through; none for all.")
    counts: dict[str, float] = Field(description="As `audiosim index --json` has them; of the whole run.")
    failures: list[JobFailure] = Field(description="Files that failed in the whole run.")
    notes: list[str] = Field(description="What else should be known.")
    error: Problem | None = Field(description="Why it failed; what is finished is kept.")
    model_config = {"json_schema_extra": {"examples": [JOB]}}


class JobList(BaseModel):
    """Jobs, the latest first; the last 50 of those that are over."""

    jobs: list[JobFields]
    model_config = {"json_schema_extra": {"examples": [{"jobs": [JOB]}]}}


class Rescan(BaseModel):
    """What is to be looked for anew."""

    roots: list[str] = Field(
        default=[], max_length=100, description="Only in these folders of the home; in all, without any."
    )
    retry_failed: bool = Field(default=False, description="Try files again that failed and have not changed.")
    accept_removals: bool = Field(default=False, description="Files that are missing are gone, however many.")
    model_config = {"json_schema_extra": {"examples": [{}]}}


def job_of(job: Job, home: Path | None) -> dict[str, Any]:
    """Give the fields of a job, with commands for the home that was given."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "made": round(job.made, 3),
        "started": round(job.started, 3) or None,
        "ended": round(job.ended, 3) or None,
        "progress": asdict(job.progress),
        "files": [_file(file) for file in job.files],
        "roots": [path_fields(root)["path"] for root in job.roots],
        "counts": dict(job.counts),
        "failures": failure_fields(job.failures),
        "notes": [named(note, home) for note in job.notes],
        "error": problem_of(AudiosimError(*job.error), home).fields() if job.error else None,
    }


def _file(file: Subject) -> dict[str, Any]:
    told = {"state": file.state, "reason": file.reason}
    return {"name": file.name, "id": path_id(file.path), **path_fields(file.path), **told}
