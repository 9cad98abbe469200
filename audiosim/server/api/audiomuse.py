"""The calls of AudioMuse-AI that plug-ins of media servers make, answered from this index.

They have the recorded shapes; no media server was there to try them with. An ``item_id`` is the id of a
track, or what `MediaIds` has for it.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

from fastapi import APIRouter, Query

from audiosim.core.tag_values import folded, names
from audiosim.core.text import utf8_path
from audiosim.core.types import Match, Track
from audiosim.library.catalog import path_id
from audiosim.library.filters import Filter
from audiosim.search.playlist import make_path
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import find_similar
from audiosim.server.api.audiomuse_models import (
    Artists,
    Health,
    Items,
    Nothing,
    WholePath,
    WordAnswer,
    WordQuestion,
)
from audiosim.server.api.parameters import PROBLEMS, SENT
from audiosim.server.inert import Json
from audiosim.server.problems import ProblemError
from audiosim.server.services import Here, Services

MOST = 500  # tracks in an answer, whatever is asked for
FOUND = 50  # tracks found by name
SEEDS = 100  # tracks of an artist that are asked with
router = APIRouter(tags=["as AudioMuse-AI"], responses=PROBLEMS)
Count = Annotated[int, Query(ge=1, description=f"How many to find, {MOST} at most.")]


@router.get("/similar_tracks", response_model=Items, summary="Tracks like one")
def similar_tracks(
    here: Here,
    item_id: Annotated[str | None, Query(description="A track's id, ours or the media server's.")] = None,
    title: Annotated[str | None, Query(description="Or its title ...", examples=["So What"])] = None,
    artist: Annotated[str | None, Query(description="... and artist.", examples=["Miles Davis"])] = None,
    n: Count = 10,
) -> Any:
    """Find the tracks that sound most like one."""
    asked = _track(here, item_id) if item_id else _called(here, title or "", artist or "")
    found = _similar(here, [asked], min(n, MOST))
    return Json([_answer(here, match) | {"distance": _distance(match.similarity)} for match in found])


@router.get("/find_path", response_model=WholePath, summary="From one track to another")
def find_path(
    here: Here,
    start_song_id: Annotated[str, Query(description="The id of the first track.")],
    end_song_id: Annotated[str, Query(description="The id of the last one.")],
    max_steps: Annotated[int, Query(ge=2, description="Tracks, both ends included.")] = 25,
) -> Any:
    """Make a list from one track to another; each one's distance is that to the one before."""
    start, end = (os.fsdecode(_track(here, one).path) for one in (start_song_id, end_song_id))
    with here.library.index() as index:
        made = make_path(start, end, min(max_steps, MOST), home=index, encoder=here.encoder)
    steps = [_distance(cosine) for cosine in made.similarities]
    path = [_item(here, track) | {"distance": step} for track, step in zip(made.tracks, steps, strict=True)]
    return Json({"path": path, "total_distance": round(sum(steps), 6)})


@router.get("/similar_artists", response_model=Artists, summary="Artists like one")
def similar_artists(
    here: Here,
    artist: Annotated[str, Query(description="The artist's name.", examples=["Miles Davis"])],
    n: Count = 10,
) -> Any:
    """Find the artists of the tracks that are nearest to those of one, each by the nearest."""
    only = Filter(artists=(artist,))
    own = [track for track in here.library.held.tracks if only.admits(track)][:SEEDS]
    if not own:
        raise ProblemError(404, "No such artist", "no track of the index is by one of that name")
    others = RankingOptions(max_per_artist=1, exclude_same=("artist",))
    found = [match for match in _similar(here, own, MOST, others) if _author(match.track)][:n]
    return Json(
        [{"artist": _author(match.track), "distance": _distance(match.similarity)} for match in found]
    )


@router.get("/search_tracks", response_model=Items, summary="Tracks by name")
def search_tracks(
    here: Here,
    search_query: Annotated[
        str,
        Query(description="Parts of title, artist, album or path.", examples=["davis blue"], max_length=200),
    ] = "",
) -> Any:
    """Find tracks whose names hold all words, those called so first."""
    return Json([_item(here, track) for track in here.library.names.find(search_query)[:FOUND]])


@router.post("/clap/search", response_model=WordAnswer, responses=SENT, summary="Tracks by words")
def clap_search(here: Here, asked: WordQuestion) -> Any:
    """Find the tracks that words fit, in the space of the home that knows any."""
    library = here.library_of_words()
    with library.index() as index:
        result = find_similar(
            text=asked.query, count=min(asked.limit, MOST), home=index, encoder=here.encoder_of(library)
        )
    results = [_answer(here, match) | {"similarity": round(match.similarity, 6)} for match in result.matches]
    for one in results:
        del one["album"]  # which these have none of
    return Json({"query": asked.query, "results": results, "count": len(results)})


@router.get("/health", response_model=Health, summary="Whether it answers")
def health() -> Any:
    """Say that it does."""
    return Json({"status": "ok"})


@router.get("/active_tasks", response_model=Nothing, summary="What is at work")
def active_tasks() -> Any:
    """Give the tasks at work: none, as files are indexed by `audiosim index`."""
    return Json({})


def _track(here: Services, item_id: str) -> Track:
    """The track of an id, the media server's or ours; raises a ProblemError where there is none."""
    return here.track(here.options.ids.ours.get(item_id, item_id))


def _called(here: Services, title: str, artist: str) -> Track:
    """The track of a title, and of an artist where one is given: the first by path, if there are several."""
    if not title:
        raise ProblemError(400, "Nothing to search with", "neither `item_id` nor `title` was given")
    wanted, by = folded(title), folded(artist)
    for track in here.library.names.find(title):
        tags = track.tags
        if folded(tags.title or "") == wanted and (not by or by in names(tags.artist, tags.album_artist)):
            return track
    raise ProblemError(404, "No such track", "the index has none of this title and artist")


def _similar(
    here: Services, tracks: list[Track], count: int, ranking: RankingOptions | None = None
) -> list[Match]:
    paths = [os.fsdecode(track.path) for track in tracks]
    with here.library.index() as index:
        return find_similar(paths, count=count, home=index, ranking=ranking, encoder=here.encoder).matches


def _answer(here: Services, match: Match) -> dict[str, Any]:
    """The fields of an answer: of that file of the recording which the media server has, if it has one."""
    theirs = here.options.ids.theirs
    files = (match.track, *match.duplicates)
    return _item(here, next((one for one in files if path_id(one.path) in theirs), match.track))


def _item(here: Services, track: Track) -> dict[str, Any]:
    own = path_id(track.path)
    return {
        "item_id": here.options.ids.theirs.get(own, own),
        "title": track.tags.title or os.path.splitext(utf8_path(os.path.basename(track.path)))[0],
        "author": _author(track),
        "album": track.tags.album or "",
    }


def _author(track: Track) -> str:
    return track.tags.artist or track.tags.album_artist or ""


def _distance(cosine: float) -> float:
    return round(max(0.0, 1.0 - cosine), 6)
