"""Jobs: how far what was asked for is, by asking again or by events as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from audiosim.server.api.parameters import PROBLEMS
from audiosim.server.inert import Json, inert_text
from audiosim.server.job_models import JobFields, JobList, job_of
from audiosim.server.jobs import Job
from audiosim.server.problems import ProblemError
from audiosim.server.services import Here, Services

LOOK_INTERVAL = 0.25  # s
BEAT = 15.0  # s after which a stream says that it is alive
router = APIRouter(tags=["jobs"], responses=PROBLEMS)
Id = Annotated[str, Path(description="A job's id.", pattern="^[0-9a-f]{16}$", examples=["5d1e0f7a2b3c4d59"])]


@router.get("/jobs", response_model=JobList, summary="All jobs")
def all_jobs(
    here: Here, limit: Annotated[int, Query(ge=1, le=1000, description="How many to give.")] = 100
) -> Any:
    """Give the jobs that wait or are at work, and the last of those that are over; the latest first."""
    jobs = here.jobs.all()[::-1][:limit]
    return Json({"jobs": [job_of(job, here.options.home) for job in jobs]})


@router.get("/jobs/{id}", response_model=JobFields, summary="One job")
def one_job(here: Here, id: Id) -> Any:  # noqa: A002
    """Tell how far a job is, and what became of it."""
    return Json(job_of(_job(here, id), here.options.home))


@router.get(
    "/jobs/{id}/events",
    summary="One job, as it goes on",
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events `job`, each with the whole job as its data; it ends with it.",
            "content": {"text/event-stream": {}},
        },
        204: {"description": "It is over, and its last event was had."},
    },
)
def job_events(
    here: Here,
    id: Id,  # noqa: A002
    last_event_id: Annotated[
        str, Header(description="What was had last: nothing is told until that has changed.", max_length=40)
    ] = "",
) -> Response:
    """Tell of a job whenever it changes, until it is over."""
    job = _job(here, id)
    if job.is_over and last_event_id == str(job.version):
        return Response(status_code=204)  # which ends a browser's asking again
    if not here.streams.acquire(blocking=False):
        raise ProblemError(
            429, "Too many follow jobs", "others do", "Ask for the job now and then.", {"Retry-After": "10"}
        )
    return _Events(here, id, last_event_id)


def _job(here: Services, id_: str) -> Job:
    job = here.jobs.get(id_)
    if job is None:
        raise ProblemError(404, "No such job", "there is none of this id", "See /api/v1/jobs.")
    return job


class _Events(StreamingResponse):
    """A job's events."""

    def __init__(self, here: Services, id_: str, seen: str) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_events(here, id_, seen), media_type="text/event-stream", headers=headers)
        self._here = here

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._here.streams.release()


async def _events(here: Services, id_: str, seen: str) -> AsyncIterator[str]:
    silent = 0.0
    while (job := await anyio.to_thread.run_sync(here.jobs.get, id_)) is not None:
        if str(job.version) != seen:
            seen, silent = str(job.version), 0.0
            data = inert_text(job_of(job, here.options.home))
            yield f"id: {seen}\nevent: job\ndata: {data}\n\n"
        elif silent >= BEAT:
            silent = 0.0
            yield ": it goes on\n\n"
        if job.is_over:
            return
        await anyio.sleep(LOOK_INTERVAL)
        silent += LOOK_INTERVAL
