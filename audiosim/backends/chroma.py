"""Chroma's collection of track vectors, wherever Chroma runs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from audiosim.backends.base import (
    IDS_AT_ONCE,
    Contents,
    StoreRow,
    VectorStore,
    pages,
    portions,
    reason_of,
    track_metadata,
)
from audiosim.core.errors import StoreError
from audiosim.core.types import Float32

HNSW = {
    "space": "cosine",
    "ef_construction": 200,
    "max_neighbors": 24,
    "ef_search": 200,  # at 100, recall falls on data without clusters
    "sync_threshold": 1000,  # rows replayed at every open, at most
}

Call = Callable[..., Any]  # calls a function of Chroma's with arguments; what it raises is a StoreError


class ChromaCollection(VectorStore):
    """A collection of an open client, which it closes.

    Parameters
    ----------
    client : chromadb.ClientAPI
        Chroma's client.
    call : Call
        What calls Chroma.
    name : str
        The collection's, as `Backend.new_name` gave it.
    contents : Contents
        What its vectors must be.
    create : bool
        Whether to make it where there is none.
    """

    stamp = ""

    def __init__(self, client: Any, call: Call, name: str, contents: Contents, *, create: bool) -> None:
        self.client, self.contents, self._call = client, contents, call
        try:
            self.collection = self._opened(name, create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the client."""
        self.client.close()

    def count(self) -> int:
        return int(self._call(self.collection.count))

    def ids(self) -> list[str]:
        found: list[str] = []
        for start in range(0, self.count(), IDS_AT_ONCE):
            page = self._call(self.collection.get, include=[], limit=IDS_AT_ONCE, offset=start)
            found += page["ids"]
        return found

    def vectors(self, ids: Sequence[str]) -> dict[str, Float32]:
        held: dict[str, Float32] = {}
        for page in pages(ids, self.contents.dimension):
            found = self._call(self.collection.get, ids=page, include=["embeddings"])
            held |= zip(found["ids"], np.asarray(found["embeddings"], np.float32), strict=True)
        return held

    def upsert(self, rows: Sequence[StoreRow]) -> None:
        limit = int(self._call(self.client.get_max_batch_size))
        for part in portions(rows, self.contents.dimension, limit):
            self._call(
                self.collection.upsert,
                ids=[id_ for id_, _, _ in part],
                embeddings=np.stack([vector for _, _, vector in part]),
                metadatas=[track_metadata(track) for _, track, _ in part],  # None removes an older value
            )

    def delete(self, ids: Sequence[str]) -> None:
        for page in pages(ids):
            self._call(self.collection.delete, ids=page)

    def nearest(self, vector: Float32, count: int) -> list[str]:
        if not np.isfinite(vector).all():
            raise ValueError("the query vector has values that are not finite")
        found = self._call(
            self.collection.query,
            query_embeddings=[vector.astype(np.float32)],
            n_results=count,
            include=["distances"],
        )
        return list(found["ids"][0])

    @property
    def metadata(self) -> dict[str, Any]:
        """What the collection says of its vectors."""
        return {"identity": self.contents.identity, "dimension": self.contents.dimension}

    def _opened(self, name: str, create: bool) -> Any:
        if create:
            collection = self._call(
                self.client.get_or_create_collection,
                name,
                configuration={"hnsw": HNSW},
                metadata=self.metadata,
                embedding_function=None,
            )
        else:
            collection = self._call(self.client.get_collection, name, embedding_function=None)
        self._check(collection)
        return collection

    def _check(self, collection: Any) -> None:
        """Chroma ignores other settings on re-opening, so they are compared here."""
        settings = collection.configuration_json or {}
        space = (settings.get("hnsw") or settings.get("spann") or {}).get("space")
        metadata = collection.metadata or {}
        found = (space, metadata.get("identity"), metadata.get("dimension"))
        expected = ("cosine", self.contents.identity, self.contents.dimension)
        if found != expected:
            raise StoreError("Chroma's collection is not the catalog's", f"it is {found}, not {expected}")


def load_chroma() -> None:
    """Import Chroma, which takes a while, and fails where there is no home folder, though it needs none.

    Raises
    ------
    StoreError
        If it can't be loaded.
    """
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = "/nonexistent"
    try:
        importlib.import_module("chromadb")
    except ImportError as error:
        raise StoreError(
            "Chroma can't be loaded",
            reason_of(error),
            "Install it again: pip install --force-reinstall chromadb",
        ) from error
