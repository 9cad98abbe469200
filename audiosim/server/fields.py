"""Answers as JSON: the commands' own fields, with the ids by which tracks are asked for here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audiosim.core.json_fields import match_fields, path_fields, track_fields, word_fields
from audiosim.core.text import utf8_path
from audiosim.core.types import Match, Track
from audiosim.library.catalog import path_id
from audiosim.search.playlist import Playlist
from audiosim.search.query import Query
from audiosim.search.similar import SearchResult
from audiosim.search.track_words import Word

Names = Mapping[bytes, str]  # of uploaded files, by where they were put


def track_of(track: Track) -> dict[str, Any]:
    """Give the fields of a track of the index."""
    return {"id": path_id(track.path), **track_fields(track)}


def word_of(word: Word) -> dict[str, Any]:
    """Give the fields of a word that a track stands out by."""
    return word_fields(word.word, word.score, word.similarity)


def answer_of(result: SearchResult, notes: list[str], names: Names | None = None) -> dict[str, Any]:
    """Give the fields of a search's answer; uploaded files go by their own names."""
    names = names or {}
    return {
        "query": [_asked(query, names) | {"indexed": query.indexed} for query in result.queries],
        "not": [_asked(query, names) for query in result.against],
        "text": list(result.text),
        "not_text": list(result.not_text),
        "matches": [_match(match, names) for match in result.matches],
        "notes": [_renamed(note, names) for note in notes],
    }


def playlist_of(made: Playlist, notes: list[str]) -> dict[str, Any]:
    """Give the fields of a playlist."""
    pairs = zip(made.tracks, made.similarities, strict=True)
    tracks = [track_of(track) | {"similarity": round(cosine, 6)} for track, cosine in pairs]
    return {"tracks": tracks, "notes": notes}


def with_ids(value: Any, known: Mapping[str, str]) -> Any:
    """Put ids to all objects with a path in what a command printed; `known` has those of paths."""
    if isinstance(value, list):
        return [with_ids(one, known) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: with_ids(one, known) for name, one in value.items()}
    return {"id": known.get(found["path"]), **found} if "path" in found else found


def _asked(query: Query, names: Names) -> dict[str, Any]:
    path = query.track.path
    if path in names:
        return {"id": None, **track_fields(query.track), "path": names[path]}
    return track_of(query.track)


def _match(match: Match, names: Names) -> dict[str, Any]:
    fields = {"id": path_id(match.track.path), **match_fields(match)}
    fields["duplicates"] = [{"id": path_id(one.path), **path_fields(one.path)} for one in match.duplicates]
    if match.passage is not None and match.passage.query in names:
        fields["passage"]["query"] = names[match.passage.query]
    return fields


def _renamed(text: str, names: Names) -> str:
    for path, name in names.items():
        text = text.replace(utf8_path(path), name)
    return text
