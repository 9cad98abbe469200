"""Matches and tracks as a table, JSON, JSON lines, CSV, a playlist or bare paths."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audiosim.commands.options import Format
from audiosim.commands.table import PATH, REMARK, Column, shown_path, table_text
from audiosim.core.json_fields import fit_fields, match_fields, path_fields, to_json, track_fields
from audiosim.core.m3u import playlist_text, track_name
from audiosim.core.text import duration, inert_json, visible_lines
from audiosim.core.types import TAG_NAMES, Match, Track
from audiosim.search.similar import SearchResult

PASSAGE_COLUMNS = [
    f"passage_{name}" for name in ("similarity", "start", "end", "query", "query_start", "query_end")
]
FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # what a spreadsheet would run


@dataclass(frozen=True)
class Listing:
    """Something to list, in every form it may take.

    Parameters
    ----------
    document : Any
        For JSON.
    records : list[dict[str, Any]]
        For JSON lines, and for CSV unless it has rows of its own.
    columns : list[str]
        The fields that CSV has.
    tracks : list[Track]
        For playlists and paths.
    table : list[Column]
        A table's columns.
    cells : list[list[str]]
        The table's rows.
    rows : list[dict[str, Any]] or None
        For CSV, where a record is not a row.
    """

    document: Any
    records: list[dict[str, Any]]
    columns: list[str]
    tracks: list[Track]
    table: list[Column] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    rows: list[dict[str, Any]] | None = None


def render(
    result: SearchResult | Sequence[Track],
    form: Format,
    *,
    fits: Mapping[bytes, Match] | None = None,
    width: int | None = None,
    null: bool = False,
) -> bytes:
    """Render a search result, or tracks, in one of FORMATS, ready for stdout.

    Parameters
    ----------
    result : SearchResult or Sequence[Track]
        What `find_similar` or `find_passages` found; or tracks.
    form : Format
        The format.
    fits : Mapping of bytes to Match, optional
        How well words fit each track, by path, where tracks were asked for by words.
    width : int or None
        The columns of the terminal that it is for, on which nothing in a text may act; None where it
        goes to a file or a program, which get texts as they are.
    null : bool
        Whether paths end in a zero byte instead of a newline.
    """
    if isinstance(result, SearchResult):
        listing = _search_listing(result)
    else:
        listing = _track_listing(result, fits or {})
    return written(listing, form, width=width, null=null)


def answer_line(path: bytes, answer: SearchResult | str) -> bytes:
    """Write what answers one of many queries as a line of JSON, or the error that its answer is.

    Parameters
    ----------
    path : bytes
        The query.
    answer : SearchResult or str
        What was found, which is written as `render` writes JSON; or why nothing was.
    """
    if isinstance(answer, str):
        document: Any = {"query": [path_fields(path)], "error": answer}
    else:
        document = _search_listing(answer).document
    return _line(document).encode("utf-8")


def written(listing: Listing, form: Format, *, width: int | None = None, null: bool = False) -> bytes:
    """Write a listing in one of FORMATS; the rest is as of `render`."""
    if form == "table" and not listing.cells:
        return b""  # a bare head says nothing
    if form == "table":
        return table_text(listing.table, listing.cells, width).encode("utf-8")
    if form == "paths":
        end = b"\0" if null else b"\n"
        return b"".join(track.path + end for track in listing.tracks)
    text = _TEXTS[form](listing)
    return (text if width is None else visible_lines(text.replace("\r\n", "\n"))).encode("utf-8")


def _search_listing(result: SearchResult) -> Listing:
    matches = result.matches
    records = [match_fields(match) for match in matches]
    against = [track_fields(query.track) for query in result.against]
    document = {
        "query": [track_fields(query.track) | {"indexed": query.indexed} for query in result.queries],
        **({"not": against} if against else {}),
        **({"text": list(result.text)} if result.text else {}),
        **({"not_text": list(result.not_text)} if result.not_text else {}),
        "matches": records,
    }
    explained = any(match.passage is not None for match in matches)
    columns = ["rank", "path", "similarity", "score", "percentile", "duration", *TAG_NAMES]
    columns += PASSAGE_COLUMNS if explained else []
    columns += ["words"] if any(match.words for match in matches) else []
    table = _match_table(matches)
    return Listing(
        document,
        records,
        [*columns, "path_bytes"],
        [match.track for match in matches],
        list(table),
        [[cell(match) for cell in table.values()] for match in matches],
    )


def _match_table(matches: Sequence[Match]) -> dict[Column, Callable[[Match], str]]:
    """The columns of which any match has something to say, and each match's cell in them."""
    table: dict[Column, Callable[[Match], str]] = {Column("", "number"): lambda match: str(match.rank)}
    if any(match.score not in (None, match.similarity) for match in matches):
        table[Column("Score", "number")] = lambda match: _decimals(match.score, 3)
    table[Column("Similarity", "number")] = lambda match: _decimals(match.similarity, 3)
    if any(match.percentile is not None for match in matches):
        table[Column("Percentile", "number")] = lambda match: _decimals(match.percentile, 2)
    table[Column("Length", "number")] = lambda match: duration(match.track.duration)
    table[Column("Track", "name")] = lambda match: track_name(match.track)
    table[PATH] = lambda match: shown_path(match.track.path)
    if any(match.duplicates for match in matches):
        table[REMARK] = _more
    if any(match.passage is not None for match in matches):
        table[Column("Passage", "apart")] = _passage
        table[Column("of the query's", "apart")] = _of_the_query
    if any(match.words for match in matches):
        table[Column("Words", "apart")] = lambda match: ", ".join(match.words)
    return table


def _track_listing(tracks: Sequence[Track], fits: Mapping[bytes, Match]) -> Listing:
    records = [
        fit_fields(fits[track.path]) if track.path in fits else track_fields(track) for track in tracks
    ]
    return Listing(
        {"tracks": records},
        records,
        ["path", *(["similarity", "score"] if fits else []), "duration", *TAG_NAMES, "path_bytes"],
        list(tracks),
        [
            *([Column("Score", "number"), Column("Similarity", "number")] if fits else []),
            Column("Length", "number"),
            Column("Track", "name"),
            Column("Album", "name"),
            Column("Year", "number"),
            Column("Genre", "name"),
            PATH,
        ],
        [[*_fit_cells(fits.get(track.path)), *_track_cells(track)] for track in tracks],
    )


def _decimals(value: float | None, count: int) -> str:
    return "" if value is None else f"{value:.{count}f}"


def _more(match: Match) -> str:
    return f"(and {len(match.duplicates)} more of this recording)" if match.duplicates else ""


def _passage(match: Match) -> str:
    found = match.passage
    return "" if found is None else f"{_span(found.start, found.end)} ({found.similarity:.3f})"


def _of_the_query(match: Match) -> str:
    return "" if match.passage is None else _span(match.passage.query_start, match.passage.query_end)


def _fit_cells(match: Match | None) -> list[str]:
    return [] if match is None else [_decimals(match.score, 3), _decimals(match.similarity, 3)]


def _track_cells(track: Track) -> list[str]:
    tags = track.tags
    texts = (tags.album, str(tags.year or ""), tags.genre)
    return [
        duration(track.duration),
        track_name(track),
        *(text or "" for text in texts),
        shown_path(track.path),
    ]


def _span(start: float, end: float) -> str:
    return f"{duration(round(start))} - {duration(round(end))}"


def _json(listing: Listing) -> str:
    return to_json(listing.document)


def _jsonl(listing: Listing) -> str:
    return "".join(map(_line, listing.records))


def _line(record: Any) -> str:
    return inert_json(json.dumps(record, ensure_ascii=False)) + "\n"


def _csv(listing: Listing) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, listing.columns, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    for record in listing.records if listing.rows is None else listing.rows:
        passage = record.get("passage") or {}
        flat = record | {f"passage_{name}": value for name, value in passage.items()}
        flat["words"] = "; ".join(record.get("words", ()))
        writer.writerow({name: _csv_cell(value) for name, value in flat.items()})
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _m3u8(listing: Listing) -> str:
    return playlist_text(listing.tracks)


_TEXTS: dict[Format, Callable[[Listing], str]] = {
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "m3u8": _m3u8,
}
