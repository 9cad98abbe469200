"""What changes the index: tracks that are added and removed, and folders that are looked through anew."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, File, Form, UploadFile

from audiosim.core.text import file_name, utf8_path
from audiosim.core.types import Tags
from audiosim.server.api.parameters import PROBLEMS, SENT, problems
from audiosim.server.api.tracks import Id
from audiosim.server.inert import Json
from audiosim.server.job_models import JobFields, Rescan, job_of
from audiosim.server.jobs import Job, Subject
from audiosim.server.problems import ProblemError
from audiosim.server.services import Here, Services
from audiosim.server.uploads import Sent, check_room, is_upload, keep, place_of, prepared, put_down

MOST_FILES = 100  # in one request
BUSY = problems({409: "Another server of this home does its jobs."})
FULL = problems({507: "The disk is nearly full."})
router = APIRouter(tags=["changes"], responses={**PROBLEMS, **BUSY})
Text = Annotated[str | None, Form(max_length=500, description="Written into the file.")]
Number = Annotated[int | None, Form(ge=1, le=9999, description="Written into the file.")]


@router.post(
    "/tracks", status_code=202, response_model=JobFields, responses={**SENT, **FULL}, summary="Add tracks"
)
def add_tracks(
    here: Here,
    file: Annotated[
        list[UploadFile], File(description="Any audio that audiosim reads; several may be sent at once.")
    ],
    title: Text = None,
    artist: Text = None,
    album: Text = None,
    album_artist: Text = None,
    genre: Text = None,
    year: Number = None,
    track: Number = None,
) -> Any:
    """Keep uploaded files in the folder of uploads, and index them; the answer is a job to follow.

    Tags that are given are written into the files; a file without a title gets its name for one.
    """
    if len(file) > MOST_FILES:
        raise ProblemError(400, "Too many files", f"there are {len(file)}", f"Send {MOST_FILES} at a time.")
    if title is not None and len(file) > 1:
        raise ProblemError(400, "One title for several files", "", "Send them one by one.")
    title, artist, album, album_artist, genre = map(_text, (title, artist, album, album_artist, genre))
    tags = Tags(title, artist, album, album_artist, genre, year, track)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=here.folder)))
        sent = [_received(here, one, folder, tags, stack) for one in file]
        check_room(here.uploads, sum(one.path.stat().st_size for one in sent), here.options.limits)
        files = _subjects(here, sent, tags)
        places = {place_of(one, here.uploads): one for one in sent}
        new = {os.fsdecode(each.path) for each in files if each.state == "waiting"}

        def put() -> None:
            for place, one in places.items():
                if str(place) in new:
                    keep(one, place)

        return _told(here, here.jobs.add("add", files=files, before=put))


@router.delete("/tracks/{id}", status_code=202, response_model=JobFields, summary="Remove a track")
def remove_track(here: Here, id: Id) -> Any:  # noqa: A002
    """Take a track out of the index, as `audiosim forget` does; the answer is a job to follow.

    The file of an upload is removed, too. All others stay where they are, and later runs leave them out.
    """
    track = here.track(id)
    name = track.tags.title or file_name(track.path)
    subject = Subject(track.path, name, removes=is_upload(track, here.uploads))
    return _told(here, here.jobs.add("forget", files=(subject,)))


@router.post(
    "/rescan",
    status_code=202,
    response_model=JobFields,
    responses=SENT,
    summary="Look for new and changed files",
)
def rescan(here: Here, wish: Annotated[Rescan, Body()] = Rescan()) -> Any:  # noqa: B008
    """Bring the index up to date with the home's folders, as `audiosim index` does; a job to follow."""
    here.library.refresh()  # a folder may have been added just now
    with here.library.index() as index:
        known = {utf8_path(root): root for root in index.catalog.settings.roots()}
    unknown = [root for root in wish.roots if root not in known]
    if unknown:
        raise ProblemError(
            400, f"`roots`: {unknown[0]} is no folder of the home", "", "See `home` of /api/v1/status."
        )
    job = here.jobs.add(
        "rescan",
        roots=tuple(known[root] for root in wish.roots),
        retry_failed=wish.retry_failed,
        accept_removals=wish.accept_removals,
    )
    return _told(here, job)


def _told(here: Services, job: Job) -> Json:
    return Json(job_of(job, here.options.home), 202, {"Location": f"/api/v1/jobs/{job.id}"})


def _text(given: str | None) -> str | None:
    return (given or "").replace("\0", "").strip() or None


def _received(here: Services, file: UploadFile, folder: Path, tags: Tags, stack: ExitStack) -> Sent:
    limits = here.options.limits
    path, name = stack.enter_context(put_down(file, folder, limits))
    return prepared(file, path, name, tags, limits)


def _subjects(here: Services, sent: list[Sent], tags: Tags) -> tuple[Subject, ...]:
    """The files of a job; audio that is in the index already is not added once more."""
    found: dict[Path, Subject] = {}
    subjects = []
    with here.library.index() as index:
        files = index.catalog.files
        for one in sent:
            place = place_of(one, here.uploads)
            subject = Subject(os.fsencode(place), one.name)
            rows = map(files.get, files.paths_with([one.info.digest]))
            there = [row.path for row in rows if row and row.state == "indexed" and os.path.exists(row.path)]
            others = [path for path in there if path != subject.path]
            if others or (there and tags == Tags()):
                subject = Subject((others or there)[0], one.name, "known")
            elif place in found:
                subject = Subject(subject.path, one.name, "known")
            found[place] = subject
            subjects.append(subject)
    return tuple(subjects)
