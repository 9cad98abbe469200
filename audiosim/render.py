"""Matches as a table, JSON, JSON lines, CSV, a playlist or bare paths."""

from __future__ import annotations

import base64
import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, Literal, get_args
from urllib.parse import quote

from audiosim.search import SearchResult
from audiosim.text import (
    display_path,
    duration,
    file_name,
    inert_json,
    is_utf8,
    utf8_path,
    visible,
    visible_lines,
)
from audiosim.types import TAG_NAMES, Match, Track

Format = Literal["table", "json", "jsonl", "csv", "m3u8", "paths"]
FORMATS: tuple[Format, ...] = get_args(Format)
FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # what a spreadsheet would run


def render(result: SearchResult, form: Format, *, width: int | None = None, null: bool = False) -> bytes:
    """A search result in one of FORMATS, ready for stdout.

    Parameters
    ----------
    result : of `find_similar`.
    form : the format.
    width : of the terminal that it is for, on which nothing in a text may act; None where it goes to
        a file or a program, which get texts as they are.
    null : whether paths end in a zero byte instead of a newline.
    """
    if form == "table":
        return _table(result, width).encode("utf-8")
    if form == "paths":
        end = b"\0" if null else b"\n"
        return b"".join(match.track.path + end for match in result.matches)
    text = _TEXTS[form](result)
    return (text if width is None else visible_lines(text.replace("\r\n", "\n"))).encode("utf-8")


def path_fields(path: bytes) -> dict[str, str]:
    """A path for JSON: ``path``, and ``path_bytes`` (base64) where it is not UTF-8."""
    fields = {"path": utf8_path(path)}
    if not is_utf8(path):
        fields["path_bytes"] = base64.b64encode(path).decode("ascii")
    return fields


def to_json(value: Any) -> str:
    """One JSON document with a final newline, valid UTF-8."""
    return inert_json(json.dumps(value, ensure_ascii=False, indent=2)) + "\n"


def _track_fields(track: Track) -> dict[str, Any]:
    return {**path_fields(track.path), "duration": _rounded(track.duration), **asdict(track.tags)}


def _match_fields(match: Match) -> dict[str, Any]:
    fields = _track_fields(match.track)
    return {
        "rank": match.rank,
        "path": fields.pop("path"),
        "similarity": round(match.similarity, 6),
        **fields,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _json(result: SearchResult) -> str:
    queries = [_track_fields(query.track) | {"indexed": query.indexed} for query in result.queries]
    return to_json({"query": queries, "matches": [_match_fields(match) for match in result.matches]})


def _jsonl(result: SearchResult) -> str:
    lines = (json.dumps(_match_fields(match), ensure_ascii=False) for match in result.matches)
    return "".join(inert_json(line) + "\n" for line in lines)


def _csv(result: SearchResult) -> str:
    columns = ["rank", "path", "similarity", "duration", *TAG_NAMES, "path_bytes"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    for match in result.matches:
        writer.writerow({name: _csv_cell(value) for name, value in _match_fields(match).items()})
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _m3u8(result: SearchResult) -> str:
    lines = ["#EXTM3U"]
    for match in result.matches:
        track = match.track
        seconds = -1 if track.duration is None else round(track.duration)
        lines += [f"#EXTINF:{seconds},{_name(track)}", _playlist_path(track.path)]
    return "\n".join(lines) + "\n"


def _playlist_path(path: bytes) -> str:
    """The path, or a file URI where a playlist's line could not hold it."""
    text = utf8_path(path)
    plain = is_utf8(path) and not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in text)
    return text if plain else f"file://{quote(path)}"


def _name(track: Track) -> str:
    title = visible(track.tags.title) if track.tags.title else file_name(track.path)
    return f"{visible(track.tags.artist)} - {title}" if track.tags.artist else title


def _table(result: SearchResult, width: int | None) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("Similarity", justify="right", no_wrap=True)
    table.add_column("Length", justify="right", no_wrap=True)
    table.add_column("Track", overflow="fold")
    table.add_column("File", overflow="fold")
    for match in result.matches:
        cells = (
            str(match.rank),
            f"{match.similarity:.3f}",
            duration(match.track.duration),
            _name(match.track) if match.track.tags.title else "",
            display_path(match.track.path),
        )
        table.add_row(*(Text(cell) for cell in cells))
    out = io.StringIO()
    terminal = None if width is None else True
    Console(file=out, width=width or 100_000, force_terminal=terminal, legacy_windows=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


_TEXTS: dict[Format, Callable[[SearchResult], str]] = {
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "m3u8": _m3u8,
}


def failure_fields(failures: Iterable[tuple[bytes, str]]) -> list[dict[str, str]]:
    """Failures for JSON: ``path`` and ``reason``."""
    return [{**path_fields(path), "reason": reason} for path, reason in failures]
