"""The library as a whole: its state, its duplicates, its map."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from audiosim.core.text import utf8_path
from audiosim.core.version import __version__
from audiosim.server.apart import DRAWING
from audiosim.server.api.parameters import PROBLEMS
from audiosim.server.fields import with_ids
from audiosim.server.inert import Json
from audiosim.server.models import Groups, MapData, Status
from audiosim.server.notes import notes_of
from audiosim.server.services import Here, Services

router = APIRouter(tags=["library"], responses=PROBLEMS)
Colour = Annotated[
    Literal["folder", "genre", "artist", "album", "year"] | None,
    Query(description="What gives tracks their colours; by default the genre, where most have one."),
]


@router.get("/status", response_model=Status, summary="What there is")
def status(here: Here) -> Any:
    """Tell what the home holds, what failed, and how the server is."""
    held = here.library.held
    server = {
        "version": __version__,
        "encoder_loaded": here.encoder_loaded,
        "note": here.library.error,
        "read_only": here.options.read_only,
    }
    return Json(
        {
            "tracks": len(held),
            "encoder": held.configuration.spec.describe(),
            "home": here.apart.json(["status"], here.library.version),
            "server": server,
        }
    )


@router.get("/duplicates", response_model=Groups, summary="The same recording twice")
def duplicates(here: Here) -> Any:
    """Give the files that hold the same recording; it takes a while, and is then kept."""
    held = here.library.held
    known = {utf8_path(track.path): id_ for id_, track in zip(held.ids, held.tracks, strict=True)}
    made = here.apart.run(["duplicates", "--json"], here.library.version)
    return Json({**with_ids(json.loads(made.answer), known), "notes": made.notes})


@router.get("/map", response_model=MapData, summary="The library drawn")
def map_data(here: Here, color: Colour = None) -> Any:
    """Give the columns that the map is drawn from; they take a while, and are then kept."""
    with here.library.index() as index:
        notes = notes_of(here, index)
    return Json({**drawn(here, color)["data"], "notes": notes})


def drawn(here: Services, color: str | None) -> Any:
    """Draw the map: its data, and the page as HTML.

    Raises
    ------
    ProblemError
        If it takes longer than one waits.
    """
    words = [] if color is None else ["--color", color]
    return json.loads(here.apart.run(words, here.library.version, program=DRAWING).answer)


def map_page(here: Here, color: Colour = None) -> Response:
    """Give the map as a page."""
    policy = "frame-ancestors 'self'"  # the page brings the rest itself, with digests
    return Response(
        drawn(here, color)["page"], media_type="text/html", headers={"Content-Security-Policy": policy}
    )
