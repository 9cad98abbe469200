"""What answers look like, as /docs and the schema tell it. Answers are made by `fields.py`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

TRACK: dict[str, Any] = {
    "id": "5b2f0c3e9a7d41c8a4f1d2e3b4c5d6e7",
    "path": "/music/Miles Davis/Kind of Blue/01 So What.flac",
    "duration": 561.0,
    "title": "So What",
    "artist": "Miles Davis",
    "album": "Kind of Blue",
    "album_artist": "Miles Davis",
    "genre": "Jazz",
    "year": 1959,
    "track": 1,
}
SECOND: dict[str, Any] = {
    **TRACK,
    "id": "0c7e1d5f2b3a4968b7c6d5e4f3a2b1c0",
    "path": "/music/Naima.ogg",
    "title": "Naima",
}
PASSAGE: dict[str, Any] = {
    "similarity": 0.91, "start": 62.0, "end": 72.0, "query_start": 118.0, "query_end": 128.0,
    "query": "So What",
}  # fmt: skip
MATCH: dict[str, Any] = {
    **SECOND, "rank": 1, "similarity": 0.8312, "score": 0.8127, "percentile": 99.1, "duplicates": [],
    "passage": None, "words": [],
}  # fmt: skip


class TrackFields(BaseModel):
    """A track; tags that are absent are null."""

    id: str | None = Field(None, description="What calls name it by; null where it is not in the index.")
    path: str = Field(description="The file; of an upload, its own name.")
    path_bytes: str | None = Field(None, description="The path in base64, where it is not UTF-8.")
    duration: float | None = Field(description="Seconds.")
    title: str | None
    artist: str | None
    album: str | None
    album_artist: str | None
    genre: str | None
    year: int | None
    track: int | None
    model_config = {"json_schema_extra": {"examples": [TRACK]}}


class WordFields(BaseModel):
    """A word that a track stands out by."""

    word: str
    score: float = Field(description="Standard deviations above the mean of the library's tracks.")
    similarity: float = Field(description="What the network gives: 0 to 1, or a cosine.")


class TrackDetails(TrackFields):
    """A track, and what is known of its file and its sound."""

    codec: str = Field(description="As FFmpeg calls it; empty where it has no name for it.")
    state: str = Field(description="present, changed (since it was indexed) or missing.")
    plays_as: str = Field(description="The MIME type of its audio here.")
    upload: bool = Field(description="Whether it was added here: to remove it removes its file.")
    words: list[WordFields] = Field(
        description="Those that it stands out by most, best first; none where the home's encoder knows none."
    )
    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    **TRACK, "codec": "flac", "state": "present", "plays_as": "audio/flac",
                    "upload": False, "words": [{"word": "jazz", "score": 2.31, "similarity": 0.642}],
                }
            ]
        }
    }  # fmt: skip


class TrackPage(BaseModel):
    """Some of the tracks that were found."""

    total: int = Field(description="How many there are.")
    offset: int
    tracks: list[TrackFields]
    notes: list[str] = Field(description="What else should be known.")
    model_config = {
        "json_schema_extra": {"examples": [{"total": 1, "offset": 0, "tracks": [TRACK], "notes": []}]}
    }


class PassageFields(BaseModel):
    """The stretch that answers, and the stretch of the query that it answers; in seconds."""

    similarity: float
    start: float
    end: float
    query_start: float
    query_end: float
    query: str = Field(description="The query's path, or an upload's name.")
    model_config = {"json_schema_extra": {"examples": [PASSAGE]}}


class PathFields(BaseModel):
    """A file of the same recording."""

    id: str
    path: str
    path_bytes: str | None = None


class MatchFields(TrackFields):
    """An answer."""

    rank: int
    similarity: float = Field(description="The cosine, -1 to 1; of words alone, what the network gives.")
    score: float = Field(description="What sorts: the similarity, corrected for hubs, or how words fit.")
    percentile: float | None = Field(description="The percentage of random pairs that are less alike.")
    duplicates: list[PathFields]
    passage: PassageFields | None
    words: list[str] = Field(description="Explained: words that it, and what was asked with, stand out by.")
    model_config = {"json_schema_extra": {"examples": [MATCH]}}


class QueryFields(TrackFields):
    """What was asked with."""

    indexed: bool


class Answer(BaseModel):
    """What sounds most alike, best first."""

    query: list[QueryFields]
    not_: list[TrackFields] = Field(alias="not")
    text: list[str] = Field(description="The words asked with.")
    not_text: list[str]
    matches: list[MatchFields]
    notes: list[str] = Field(description="What else should be known.")
    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "query": [{**TRACK, "indexed": True}], "not": [], "text": [], "not_text": [],
                    "matches": [MATCH], "notes": [],
                }
            ]
        }
    }  # fmt: skip


class PlaylistTrack(TrackFields):
    """A track of a list, and its cosine to the one before."""

    similarity: float


class PlaylistFields(BaseModel):
    """A list to play, in order."""

    tracks: list[PlaylistTrack]
    notes: list[str] = Field(description="What else should be known.")
    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "tracks": [{**TRACK, "similarity": 1.0}, {**SECOND, "similarity": 0.83}],
                    "notes": ["similarity from track to track 0.83 (median), 0.83 at least."],
                }
            ]
        }
    }


class Queue(BaseModel):
    """Tracks, in order."""

    ids: list[str] = Field(min_length=1, max_length=10_000)
    model_config = {"json_schema_extra": {"examples": [{"ids": [TRACK["id"], SECOND["id"]]}]}}


class Peaks(BaseModel):
    """The outline of a track's sound."""

    duration: float | None
    peaks: list[float] = Field(description="The greatest sample of each of so many equal parts, 0 to 1.")
    model_config = {"json_schema_extra": {"examples": [{"duration": 561.0, "peaks": [0.12, 0.8, 0.75]}]}}


class Groups(BaseModel):
    """Files that hold the same recording, as `audiosim duplicates --json` gives them, with ids."""

    groups: list[dict[str, Any]]
    notes: list[str] = Field(description="What else should be known.")
    model_config = {
        "json_schema_extra": {
            "examples": [{"groups": [{"tracks": [TRACK, SECOND], "evidence": []}], "notes": []}]
        }
    }


class Status(BaseModel):
    """The home, as `audiosim status --json` gives it, and the server."""

    tracks: int = Field(description="Files in the index, as it is answered from now.")
    encoder: str
    home: dict[str, Any] = Field(description="What `audiosim status --json` prints.")
    server: dict[str, Any]
    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "tracks": 1294,
                    "encoder": "musicnn MSD, hop 3 s",
                    "home": {"roots": [{"path": "/music"}], "failed": 0},
                    "server": {"version": "0.1.0", "encoder_loaded": False, "note": None, "read_only": False},
                }
            ]
        }
    }


class MapData(BaseModel):
    """The map's columns, as `audiosim map` draws them; of each place the track's id, for its sound."""

    notes: list[str] = Field(description="What else should be known.")
    model_config = {
        "extra": "allow",
        "json_schema_extra": {
            "examples": [{"by": "genre", "unit": 100000, "places": [[1200, 64000]], "notes": []}]
        },
    }
