"""Parameters that several calls share: which tracks may be answers, and how these are chosen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.concurrency import run_in_threadpool

from audiosim.core.paths import contains, identity
from audiosim.core.text import seconds
from audiosim.library.filters import Filter, Years
from audiosim.search.ranking import RankingOptions, SameTag
from audiosim.server.problems import Problem, ProblemError
from audiosim.server.services import Here

Problems = dict[int | str, dict[str, Any]]


def problems(told: Mapping[int, str]) -> Problems:
    """Describe answers that are problem documents, by their statuses."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {code: {"description": text, "content": content} for code, text in told.items()}


# What any call may answer instead; those for a track's file; those that take a body.
PROBLEMS = problems(
    {
        400: "What is asked for makes no sense.",
        401: "A token is needed.",
        403: "Another site asks.",
        404: "There is no such track.",
        421: "The server has another name.",
        422: "The request can't be understood, or a file can't be decoded.",
        429: "Too much at a time: see `Retry-After`.",
        503: "Not now: see `Retry-After`.",
    }
)
PROBLEMS[422] |= {"model": Problem}
GONE = problems({410: "The file is not there, or another is in its place."})
SENT = problems({408: "It comes too slowly.", 413: "It is too much."})

Seconds = Annotated[
    str | None, Query(description="A time: 90, 1:30 or 10m.", examples=["1:30"], max_length=20)
]
Ids = Annotated[list[str], Query(description="Ids of tracks; repeat it.", max_length=100)]


async def only_these(
    here: Here,
    genre: Annotated[list[str], Query(description="Only of this genre; repeat it.", max_length=50)] = [],  # noqa: B006
    artist: Annotated[list[str], Query(description="Only by this artist; repeat it.", max_length=50)] = [],  # noqa: B006
    album: Annotated[list[str], Query(description="Only of this album; repeat it.", max_length=50)] = [],  # noqa: B006
    year: Annotated[
        str | None,
        Query(description="1984, 1980-1989, 1990- or -1979.", examples=["1955-1965"], max_length=20),
    ] = None,
    under: Annotated[
        list[str], Query(description="Only below this folder of the library; repeat it.", max_length=50)
    ] = [],  # noqa: B006
    min_duration: Seconds = None,
    max_duration: Seconds = None,
) -> Filter | None:
    """Make the filter of a request; None where nothing is demanded."""
    folders = [await run_in_threadpool(_folder, here, text) for text in under]
    made = Filter(
        genres=tuple(genre),
        artists=tuple(artist),
        albums=tuple(album),
        years=None if year is None else Years.parse(year),
        under=tuple(folders),
        min_duration=moment("min_duration", min_duration),
        max_duration=moment("max_duration", max_duration),
    )
    return made or None


async def ranked(
    max_per_artist: Annotated[
        int | None, Query(description="At most so many tracks an artist.", ge=1)
    ] = None,
    exclude_same: Annotated[
        list[SameTag], Query(description="None by the query's own artist, or of its album; repeat it.")
    ] = [],  # noqa: B006
    diversity: Annotated[float, Query(description="How much answers should differ.", ge=0, le=1)] = 0.0,
    show_duplicates: Annotated[bool, Query(description="Each file of a recording is an answer.")] = False,
    hub_correction: Annotated[
        bool, Query(description="Order by similarity corrected for tracks that are near to everything.")
    ] = True,
) -> RankingOptions:
    """Make the way in which answers are chosen."""
    same = tuple(dict.fromkeys(exclude_same))
    return RankingOptions(max_per_artist, same, diversity, show_duplicates, hub_correction)


def moment(name: str, text: str | None) -> float | None:
    """Read a time, in s.

    Raises
    ------
    ProblemError
        If it is none.
    """
    value = None if text is None else seconds(text)
    if text is not None and value is None:
        raise ProblemError(400, f"`{name}` {text} is no time", "", "Give seconds, 1:30, or 10m.")
    return value


def _folder(here: Here, text: str) -> bytes:
    """A folder that holds, or lies in, one of the library; of others nothing is told."""
    if "\0" in text:
        raise ProblemError(400, "`under` is no folder", "it holds a zero byte")
    folder = identity(text)
    roots = [name for own in _roots(here) for name in (own, os.path.realpath(own))]
    if not any(contains(root, folder) or contains(folder, root) for root in roots):
        raise ProblemError(
            400, f"`under` {text} is no folder of the library", "", "See `home` of /api/v1/status."
        )
    return folder


def _roots(here: Here) -> list[bytes]:
    with here.library.index() as index:
        return index.catalog.settings.roots()


Only = Annotated[Filter | None, Depends(only_these)]
Ranked = Annotated[RankingOptions, Depends(ranked)]
