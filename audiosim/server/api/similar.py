"""What sounds alike: to tracks of the index, to an uploaded file, or to a passage of either."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, UploadFile

from audiosim.core.errors import AudiosimError
from audiosim.core.paths import AUDIO_EXTENSIONS
from audiosim.core.text import visible
from audiosim.search.passage_search import find_passages
from audiosim.search.similar import SearchResult, find_similar
from audiosim.server.api.parameters import PROBLEMS, Ids, Only, Ranked, moment
from audiosim.server.fields import answer_of
from audiosim.server.inert import Json
from audiosim.server.models import Answer
from audiosim.server.problems import ProblemError
from audiosim.server.services import Here, Services

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
NAME = 200  # characters of an uploaded file's name that are told


@router.get("/similar", response_model=Answer, summary="By tracks of the index")
def similar(
    here: Here,
    id: Ids,  # noqa: A002
    only: Only,
    ranking: Ranked,
    against: Against = [],  # noqa: B006
    count: Count = 10,
    explain: Explain = False,
    include_self: IncludeSelf = False,
    start: From = None,
    to: To = None,
) -> Any:
    """Find what sounds most like one track, or like several taken together, and not like others."""
    paths, away = ([here.track(one).path for one in some] for some in (id, against))
    chosen = {"count": count, "only": only, "ranking": ranking, "include_self": include_self}
    result = _found(here, [*map(os.fsdecode, paths)], [*map(os.fsdecode, away)], (start, to), explain, chosen)
    return Json(answer_of(result))


@router.post("/similar", response_model=Answer, summary="By an uploaded file")
def similar_to_upload(
    here: Here,
    file: Annotated[UploadFile, File(description="Any audio that audiosim reads; it is not kept.")],
    only: Only,
    ranking: Ranked,
    id: Ids = [],  # noqa: A002, B006
    against: Against = [],  # noqa: B006
    count: Count = 10,
    explain: Explain = False,
    include_self: IncludeSelf = False,
    start: From = None,
    to: To = None,
) -> Any:
    """Find what sounds most like an uploaded file, alone or together with tracks of the index."""
    paths, away = ([os.fsdecode(here.track(one).path) for one in some] for some in (id, against))
    chosen = {"count": count, "only": only, "ranking": ranking, "include_self": include_self}
    with _put_down(here, file) as (path, name):
        try:
            result = _found(here, [str(path), *paths], away, (start, to), explain, chosen)
        except AudiosimError as error:
            told = (text.replace(str(path), name) for text in (error.what, error.why, error.remedy))
            raise type(error)(*told) from error
        return Json(answer_of(result, {os.fsencode(path): name}))


def _found(
    here: Services,
    paths: list[str],
    away: list[str],
    passage: tuple[str | None, str | None],
    explain: bool,
    chosen: dict[str, Any],
) -> SearchResult:
    start, end = moment("from", passage[0]), moment("to", passage[1])
    longest = here.options.limits.duration
    with here.library.index() as index:
        common = {**chosen, "home": index, "precision": here.options.precision, "encoder": here.encoder}
        if start is None and end is None:
            return find_similar(paths, against=away, explain=explain, longest=longest, **common)
        if len(paths) > 1 or away:
            raise ProblemError(400, "A passage is of one query", "there are several", "Ask with one.")
        if max(start or 0.0, end or 0.0) > longest:
            raise ProblemError(400, "There is no such passage", f"{longest:g} s of a file are read at most")
        return find_passages(paths[0], start or 0.0, end, **common)


@contextmanager
def _put_down(here: Services, file: UploadFile) -> Iterator[tuple[Path, str]]:
    """An uploaded file on the disk, under a name of ours, and what the client calls it."""
    if shutil.disk_usage(here.folder).free < here.options.limits.free + (file.size or 0):
        raise ProblemError(507, "There is no room for an upload", "the server's disk is nearly full")
    given = os.path.basename(file.filename or "")
    suffix = os.path.splitext(given)[1].lower()
    suffix = suffix if os.fsencode(suffix) in AUDIO_EXTENSIONS else ""
    path = here.folder / f"{secrets.token_hex(16)}{suffix}"
    try:
        with open(path, "xb") as written:
            shutil.copyfileobj(file.file, written)
        yield path, visible(given[:NAME]) or "the uploaded file"
    finally:
        path.unlink(missing_ok=True)
