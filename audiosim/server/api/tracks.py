"""Tracks: found by their names, told of, played, and drawn."""

from __future__ import annotations

import os
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from audiosim.audio.cover import read_cover
from audiosim.audio.playable import media_type
from audiosim.core.types import Track
from audiosim.library.index import Index
from audiosim.library.scan import FoundFile
from audiosim.server import media
from audiosim.server.api.parameters import GONE, PROBLEMS, Only, problems
from audiosim.server.fields import track_of, word_of
from audiosim.server.inert import Json
from audiosim.server.models import Peaks, TrackDetails, TrackPage
from audiosim.server.notes import notes_of
from audiosim.server.problems import ProblemError
from audiosim.server.services import Here
from audiosim.server.uploads import is_upload

router = APIRouter(tags=["tracks"], responses=PROBLEMS)
Id = Annotated[
    str,
    Path(
        description="A track's id.", pattern="^[0-9a-f]{32}$", examples=["5b2f0c3e9a7d41c8a4f1d2e3b4c5d6e7"]
    ),
]
MADE = "audio/flac"  # of what browsers don't play


@router.get("/tracks", response_model=TrackPage, summary="Find tracks by name")
def find_tracks(
    here: Here,
    only: Only,
    q: Annotated[
        str,
        Query(
            description="Parts of title, artist, album or path; all must occur.",
            examples=["davis blue"],
            max_length=200,
        ),
    ] = "",
    offset: Annotated[int, Query(ge=0, description="How many to leave out.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="How many to give.")] = 50,
) -> Any:
    """Find tracks whose names hold all words, those called so first; without words, all, by path."""
    found = here.library.names.find(q)
    with here.library.index() as index:
        admits = index.located(only).admits
        found = found if only is None else [track for track in found if admits(track)]
        notes = notes_of(here, index, only=only, empty=not found)
    page = [track_of(track) for track in found[offset : offset + limit]]
    return Json({"total": len(found), "offset": offset, "tracks": page, "notes": notes})


@router.get("/tracks/{id}", response_model=TrackDetails, summary="One track")
def one_track(here: Here, id: Id) -> Any:  # noqa: A002
    """Tell of one track: its tags, the state of its file, and what it sounds like."""
    track = here.track(id)
    with here.library.index() as index:
        codec = index.catalog.files.codec(track.path)
        state = _state(index, track)
    words = [word_of(word) for word in here.words(track)]
    kind = media_type(track.path, codec) or MADE
    upload = is_upload(track, here.uploads)
    told = {"codec": codec, "state": state, "plays_as": kind, "upload": upload, "words": words}
    return Json({**track_of(track), **told})


@router.api_route(
    "/tracks/{id}/audio",
    methods=["GET"],
    summary="Its sound",
    response_class=Response,
    responses={
        200: {"description": "All of it.", "content": {"audio/*": {}}},
        206: {"description": "The `Range` asked for.", "content": {"audio/*": {}}},
        **GONE,
        **problems({416: "There is no such range."}),
    },
)
@router.head("/tracks/{id}/audio", include_in_schema=False)
def audio(here: Here, request: Request, id: Id) -> Response:  # noqa: A002
    """Give a track's file, or the range of it that is asked for; as FLAC, where browsers don't play it."""
    track = here.track(id)
    with here.library.index() as index:
        sound = here.player.sound(index, track)
    return media.answer(sound, request.method, request.headers)


@router.get("/tracks/{id}/peaks", response_model=Peaks, responses=GONE, summary="The outline of its sound")
def peaks(
    here: Here,
    id: Id,  # noqa: A002
    count: Annotated[int, Query(ge=1, le=4000, description="Parts.")] = 400,
) -> Any:
    """Give the greatest sample of each of so many equal parts; the file is decoded for it."""
    track = here.track(id)
    with here.library.index() as index:
        outline = here.player.outline(index, track, count)
    return Json(
        {"duration": track.duration, "peaks": [round(value, 3) for value in outline.tolist()]},
        headers={"Cache-Control": "private, max-age=3600"},
    )


@router.get(
    "/tracks/{id}/cover",
    summary="Its cover",
    response_class=Response,
    responses={200: {"description": "The picture.", "content": {"image/*": {}}}, **GONE},
)
def cover(here: Here, id: Id) -> Response:  # noqa: A002
    """Give the picture in a track's file."""
    track = here.track(id)
    with here.library.index() as index:
        os.close(media.open_track(index, track))
    found = read_cover(track.path)
    if found is None:
        raise ProblemError(404, "There is no cover", "the file holds no picture")
    return Response(found.data, media_type=found.kind, headers={"Cache-Control": "private, max-age=3600"})


def _state(index: Index, track: Track) -> str:
    row = index.catalog.files.get(track.path)
    try:
        found = FoundFile.at(track.path, os.stat(track.path))
    except OSError:
        return "missing"
    return "present" if row is not None and found.same(row) else "changed"
