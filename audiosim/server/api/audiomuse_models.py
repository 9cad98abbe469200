"""What AudioMuse-AI's answers look like, as they were recorded."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, RootModel

ITEM: dict[str, Any] = {
    "item_id": "5b2f0c3e9a7d41c8a4f1d2e3b4c5d6e7",
    "title": "So What",
    "author": "Miles Davis",
    "album": "Kind of Blue",
}

FOUND: dict[str, Any] = {key: ITEM[key] for key in ("item_id", "title", "author")} | {"similarity": 0.412}


class Item(BaseModel):
    """A track; what is not tagged is empty, and its title that of the file."""

    item_id: str
    title: str
    author: str
    album: str
    distance: float | None = Field(None, description="1 less the cosine, where there is one.")


class Items(RootModel[list[Item]]):
    """Tracks, best first."""

    model_config = {"json_schema_extra": {"examples": [[{**ITEM, "distance": 0.1688}]]}}


class WholePath(BaseModel):
    """A list from one track to another."""

    path: list[Item]
    total_distance: float
    model_config = {
        "json_schema_extra": {
            "examples": [
                {"path": [{**ITEM, "distance": 0.0}, {**ITEM, "distance": 0.1688}], "total_distance": 0.1688}
            ]
        }
    }


class Artist(BaseModel):
    """An artist, by the nearest of the tracks."""

    artist: str
    distance: float


class Artists(RootModel[list[Artist]]):
    """Artists, nearest first."""

    model_config = {"json_schema_extra": {"examples": [[{"artist": "John Coltrane", "distance": 0.1688}]]}}


class WordQuestion(BaseModel):
    """What tracks should sound like."""

    query: str = Field(max_length=1000)
    limit: int = Field(50, ge=1)
    model_config = {"json_schema_extra": {"examples": [{"query": "ambient", "limit": 50}]}}


class Found(BaseModel):
    """A track that words fit."""

    item_id: str
    title: str
    author: str
    similarity: float = Field(description="What the network gives for them.")


class WordAnswer(BaseModel):
    """Tracks that words fit, best first."""

    query: str
    results: list[Found]
    count: int
    model_config = {"json_schema_extra": {"examples": [{"query": "ambient", "results": [FOUND], "count": 1}]}}


class Health(BaseModel):
    """That it answers."""

    status: str
    model_config = {"json_schema_extra": {"examples": [{"status": "ok"}]}}


class Nothing(BaseModel):
    """No task."""

    model_config = {"json_schema_extra": {"examples": [{}]}}
