"""Playlists: a radio around tracks, a path between two, or tracks as they are chosen, as JSON or M3U8."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from audiosim.core.m3u import playlist_text
from audiosim.core.types import Track
from audiosim.search.playlist import SPACING, Playlist, make_path, make_radio
from audiosim.search.playlist_notes import playlist_notes
from audiosim.server.api.parameters import PROBLEMS, SENT, Ids, Only
from audiosim.server.fields import playlist_of
from audiosim.server.inert import Json
from audiosim.server.models import PlaylistFields, Queue
from audiosim.server.notes import notes_of
from audiosim.server.services import Here

M3U8 = "audio/mpegurl"
router = APIRouter(tags=["playlists"], responses=PROBLEMS)
OK: dict[int | str, dict[str, Any]] = {200: {"description": "The list.", "content": {M3U8: {}}}}
Length = Annotated[int, Query(ge=2, le=500, description="Tracks, those given included.")]
Spacing = Annotated[int, Query(ge=0, le=100, description="Tracks by others between two of one artist.")]
Form = Annotated[
    Literal["json", "m3u8"], Query(alias="format", description="json, or m3u8 with the files' paths.")
]


@router.get("/playlists/radio", response_model=PlaylistFields, responses=OK, summary="Around tracks")
def radio(
    here: Here, seed: Ids, only: Only, length: Length = 20, spacing: Spacing = SPACING, form: Form = "json"
) -> Any:
    """Make a list that begins with its seeds and stays near them."""
    seeds = [os.fsdecode(here.track(one).path) for one in seed]
    with here.library.index() as index:
        made = make_radio(seeds, length, home=index, only=only, spacing=spacing, encoder=here.encoder)
        own = playlist_notes(made, length, spacing, only)
        notes = notes_of(here, index, own, only=only, answers=made.tracks)
    return _written(made, notes, form)


@router.get(
    "/playlists/path", response_model=PlaylistFields, responses=OK, summary="From one track to another"
)
def path(
    here: Here,
    start: Annotated[str, Query(description="The id of the first track.")],
    end: Annotated[str, Query(description="The id of the last one.")],
    only: Only,
    length: Length = 20,
    spacing: Spacing = SPACING,
    form: Form = "json",
) -> Any:
    """Make a list from one track to another, in small steps."""
    first, last = (os.fsdecode(here.track(one).path) for one in (start, end))
    with here.library.index() as index:
        made = make_path(first, last, length, home=index, only=only, spacing=spacing, encoder=here.encoder)
        own = playlist_notes(made, length, spacing, only)
        notes = notes_of(here, index, own, only=only, answers=made.tracks)
    return _written(made, notes, form)


@router.post(
    "/playlists/queue",
    response_class=Response,
    responses={200: {"description": "The list.", "content": {M3U8: {}}}, **SENT},
    summary="Tracks as they are given",
)
def queue(here: Here, wanted: Queue) -> Response:
    """Write the M3U8 of some tracks, in their order."""
    return _m3u8([here.track(one) for one in wanted.ids])


def _written(made: Playlist, notes: list[str], form: str) -> Response:
    return Json(playlist_of(made, notes)) if form == "json" else _m3u8(made.tracks)


def _m3u8(tracks: Sequence[Track]) -> Response:
    return Response(
        playlist_text(tracks).encode("utf-8"),
        media_type=M3U8,
        headers={"Content-Disposition": 'attachment; filename="playlist.m3u8"'},
    )
