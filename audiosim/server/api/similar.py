"""What sounds alike: to tracks of the index, to an uploaded file, to a passage of either, or as words say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Query, UploadFile

from audiosim.core.errors import AudiosimError
from audiosim.core.types import Encoder
from audiosim.library.filters import Filter
from audiosim.library.index import Index
from audiosim.search.passage_search import find_passages
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import SearchResult, find_similar
from audiosim.server.api.parameters import PROBLEMS, SENT, Ids, Only, Ranked, moment, problems
from audiosim.server.fields import answer_of
from audiosim.server.inert import Json
from audiosim.server.models import Answer
from audiosim.server.notes import notes_of
from audiosim.server.problems import ProblemError
from audiosim.server.services import Here, Services
from audiosim.server.uploads import put_down

router = APIRouter(tags=["similar"], responses=PROBLEMS)
Count = Annotated[int, Query(ge=1, le=500, description="Tracks to find.")]
Against = Annotated[
    list[str], Query(alias="not", description="Ids to stay away from; repeat it.", max_length=100)
]
Explain = Annotated[bool, Query(description="Say which passage answers which passage of the query.")]
IncludeSelf = Annotated[bool, Query(description="Let the query's own audio be among the answers.")]
From = Annotated[
    str | None,
    Query(
        alias="from",
        description="Ask with a passage of the query: from 1:10",
        examples=["1:10"],
        max_length=20,
    ),
]
To = Annotated[str | None, Query(description="to 1:30.", examples=["1:30"], max_length=20)]
Text = Annotated[
    list[str],
    Query(
        description="What it should sound like, in words that the home's encoder knows; repeat it.",
        examples=["ambient"],
        max_length=20,
    ),
]
NotText = Annotated[
    list[str],
    Query(description="What it should not sound like; repeat it.", examples=["rock"], max_length=20),
]


@dataclass(frozen=True)
class _Wish:
    """What both calls take."""

    only: Filter | None
    ranking: RankingOptions
    ids: list[str]
    against: list[str]
    text: tuple[str, ...]
    not_text: tuple[str, ...]
    start: str | None
    to: str | None
    explain: bool
    count: int
    include_self: bool


async def _wish(
    only: Only,
    ranking: Ranked,
    id: Ids = [],  # noqa: A002, B006
    text: Text = [],  # noqa: B006
    not_text: NotText = [],  # noqa: B006
    against: Against = [],  # noqa: B006
    count: Count = 10,
    explain: Explain = False,
    include_self: IncludeSelf = False,
    start: From = None,
    to: To = None,
) -> _Wish:
    words, other = tuple(text), tuple(not_text)
    return _Wish(only, ranking, id, against, words, other, start, to, explain, count, include_self)


Wish = Annotated[_Wish, Depends(_wish)]


@router.get("/similar", response_model=Answer, summary="By tracks of the index, or by words")
def similar(here: Here, wish: Wish) -> Any:
    """Find what sounds most like tracks taken together, or as words say, and not like others."""
    if not wish.ids and (wish.against or not wish.text):
        raise ProblemError(
            400, "Nothing to search with", "no `id` was given", "Give one, or words as `text` without `not`."
        )
    return Json(answer_of(*_found(here, wish, _paths(here, wish.ids))))


@router.post(
    "/similar",
    response_model=Answer,
    responses={**SENT, **problems({507: "There is no room for it."})},
    summary="By an uploaded file",
)
def similar_to_upload(
    here: Here,
    file: Annotated[UploadFile, File(description="Any audio that audiosim reads; it is not kept.")],
    wish: Wish,
) -> Any:
    """Find what sounds most like an uploaded file, alone or together with tracks of the index and words."""
    paths = _paths(here, wish.ids)
    with put_down(file, here.folder, here.options.limits) as (path, name):
        try:
            result, notes = _found(here, wish, [str(path), *paths])
        except AudiosimError as error:
            told = (part.replace(str(path), name) for part in (error.what, error.why, error.remedy))
            raise type(error)(*told) from error
        return Json(answer_of(result, notes, {os.fsencode(path): name}))


def _paths(here: Services, ids: list[str]) -> list[str]:
    return [os.fsdecode(here.track(one).path) for one in ids]


def _found(here: Services, wish: _Wish, paths: list[str]) -> tuple[SearchResult, list[str]]:
    """The answer, and what is to be told with it."""
    library = here.library_of_words() if wish.text or wish.not_text else here.library
    with library.index() as index:
        result = _searched(here, wish, paths, index, here.encoder_of(library))
        queries, answers = (
            [query.track for query in result.queries],
            [match.track for match in result.matches],
        )
        tracks: dict[str, Any] = {"queries": queries, "answers": answers}
        return result, notes_of(here, index, result.notes, only=wish.only, empty=not answers, **tracks)


def _searched(here: Services, wish: _Wish, paths: list[str], index: Index, encoder: Encoder) -> SearchResult:
    common: dict[str, Any] = {
        "count": wish.count,
        "only": wish.only,
        "ranking": wish.ranking,
        "include_self": wish.include_self,
        "home": index,
        "precision": here.options.precision,
        "encoder": encoder,
    }
    away = _paths(here, wish.against)
    start, end = moment("from", wish.start), moment("to", wish.to)
    if start is not None or end is not None:
        _check_passage(here, wish, len(paths), start, end)
        return find_passages(paths[0], start or 0.0, end, **common)
    return find_similar(
        paths,
        against=away,
        text=wish.text,
        not_text=wish.not_text,
        explain=wish.explain,
        longest=here.options.limits.duration,
        **common,
    )


def _check_passage(here: Services, wish: _Wish, queries: int, start: float | None, end: float | None) -> None:
    """See that one can be asked with; raises a ProblemError."""
    longest = here.options.limits.duration
    if wish.text or wish.not_text:
        raise ProblemError(
            400, "`from` and `to` ask with a passage", "`text` was given too", "Leave one out."
        )
    if queries > 1 or wish.against:
        raise ProblemError(400, "A passage is of one query", "there are several", "Ask with one.")
    if max(start or 0.0, end or 0.0) > longest:
        raise ProblemError(400, "There is no such passage", f"{longest:g} s of a file are read at most")
