"""Tracks, matches and failures as JSON has them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from audiosim.core.text import inert_json, is_utf8, utf8_path

if TYPE_CHECKING:
    from audiosim.core.types import Match, Passage, Track


def to_json(value: Any) -> str:
    """Write one JSON document with a final newline, valid UTF-8, in which nothing acts on a terminal."""
    return inert_json(json.dumps(value, ensure_ascii=False, indent=2)) + "\n"


def path_fields(path: bytes) -> dict[str, str]:
    """Give a path's fields: ``path``, and ``path_bytes`` (base64) where it is not UTF-8."""
    fields = {"path": utf8_path(path)}
    if not is_utf8(path):
        import base64  # hardly any path needs it

        fields["path_bytes"] = base64.b64encode(path).decode("ascii")
    return fields


def track_fields(track: Track) -> dict[str, Any]:
    """Give a track's fields: its path, its duration in seconds and its tags."""
    return {**path_fields(track.path), "duration": _rounded(track.duration), **vars(track.tags)}


def fit_fields(match: Match) -> dict[str, Any]:
    """Give the fields of a match's track, and what it is ordered by."""
    fields = track_fields(match.track)
    return {
        "path": fields.pop("path"),
        "similarity": round(match.similarity, 6),
        "score": round(match.similarity if match.score is None else match.score, 6),
        **fields,
    }


def match_fields(match: Match) -> dict[str, Any]:
    """Give a match's fields: those of its track, and how it answers the query."""
    fields = fit_fields(match)
    told = {name: fields.pop(name) for name in ("path", "similarity", "score")}
    return {
        "rank": match.rank,
        **told,
        "percentile": None if match.percentile is None else round(match.percentile, 4),
        **fields,
        "duplicates": [path_fields(track.path) for track in match.duplicates],
        "passage": None if match.passage is None else _passage_fields(match.passage),
        "words": list(match.words),
    }


def _passage_fields(passage: Passage) -> dict[str, Any]:
    times = ("start", "end", "query_start", "query_end")
    fields = {name: round(getattr(passage, name), 2) for name in times}
    return {"similarity": round(passage.similarity, 6), **fields, "query": utf8_path(passage.query)}


def word_fields(word: str, score: float, similarity: float) -> dict[str, Any]:
    """Give the fields of a word that fits a track: how far it stands out by it, and the network's score."""
    return {"word": word, "score": round(score, 4), "similarity": round(similarity, 6)}


def failure_fields(failures: Iterable[tuple[bytes, str]]) -> list[dict[str, str]]:
    """Give the fields of failures: ``path`` and ``reason`` of each."""
    return [{**path_fields(path), "reason": reason} for path, reason in failures]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
