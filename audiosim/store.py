"""Chroma: a local, persistent, cosine-space index of the catalog's vectors.

A client is opened for one burst of work, by a process that holds the store's lock, and closed
before the lock is released: two clients at once lose writes, and an open one never sees what
others wrote. What Chroma holds can be rebuilt from the catalog at any time.
"""

from __future__ import annotations

import importlib
import json
import math
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audiosim.errors import StoreError
from audiosim.types import Float32, Track

COLLECTION = "tracks"
HNSW = {
    "space": "cosine",
    "ef_construction": 200,
    "max_neighbors": 24,
    "ef_search": 200,  # at 100, recall falls on data without clusters
    "sync_threshold": 1000,  # rows replayed at every open, at most
}
PAGE = 5000  # ids bound in one call
ROOM_TO_OPEN = 1_000_000  # bytes
MAKE_ROOM = "Make room, then run it again: the catalog is whole."
MAX_BATCH = 1000  # vectors in one upsert
METADATA = "index_metadata.pickle"  # in a folder of vector files that has been written; others are in memory
CHUNK = 1 << 20  # bytes read at a time


class Store:
    """Chroma's collection of track vectors, open. A context manager.

    Parameters
    ----------
    folder : Chroma's own; made if it is not there and `create`.
    identity : what the vectors are (encoder fingerprint and pooling).
    dimension : of the vectors.
    create : whether to make the collection where there is none.

    Raises
    ------
    StoreError : when it can't be opened, or is not a cosine-space collection of such vectors.
    """

    def __init__(self, folder: Path, identity: str, dimension: int, *, create: bool = False) -> None:
        self._identity = identity
        self._dimension = dimension
        if not create and not folder.is_dir():
            raise StoreError("There is no Chroma index", f"no folder {folder}")
        try:
            self._client = _open_client(folder)
        except Exception as error:
            if _is_full(folder.parent):
                raise StoreError(f"Chroma can't open {folder}", "the disk is full", MAKE_ROOM) from error
            raise StoreError(f"Chroma can't open {folder}", _reason(error)) from error
        try:
            self._collection = self._open_collection(create)
        except BaseException:
            self._client.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.close()

    def count(self) -> int:
        """How many vectors it holds."""
        return int(self._call(self._collection.count))

    def upsert(self, rows: Sequence[tuple[str, Track, Float32]]) -> None:
        """Adds or replaces (id, track, unit vector) rows."""
        size = min(MAX_BATCH, int(self._client.get_max_batch_size()))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            self._call(
                self._collection.upsert,
                ids=[id_ for id_, _, _ in part],
                embeddings=np.stack([vector for _, _, vector in part]),
                metadatas=[_metadata(track) for _, track, _ in part],
            )

    def delete(self, ids: Sequence[str]) -> None:
        """Removes vectors; ids it doesn't have are no error."""
        for start in range(0, len(ids), PAGE):
            self._call(self._collection.delete, ids=list(ids[start : start + PAGE]))

    def ids(self) -> list[str]:
        """The ids of all vectors it holds."""
        found: list[str] = []
        for start in range(0, self.count(), PAGE):
            found += self._call(self._collection.get, include=[], limit=PAGE, offset=start)["ids"]
        return found

    def nearest(self, vector: Float32, count: int) -> list[str]:
        """Ids of the `count` nearest vectors to a unit vector (dim,), nearest first."""
        if not np.isfinite(vector).all():
            raise ValueError("the query vector has values that are not finite")
        found = self._call(
            self._collection.query,
            query_embeddings=[vector.astype(np.float32)],
            n_results=count,
            include=["distances"],
        )
        return list(found["ids"][0])

    def vectors(self, ids: Sequence[str]) -> dict[str, Float32]:
        """The vectors it holds for these ids."""
        held: dict[str, Float32] = {}
        for start in range(0, len(ids), PAGE):
            page = self._call(
                self._collection.get, ids=list(ids[start : start + PAGE]), include=["embeddings"]
            )
            held |= zip(page["ids"], np.asarray(page["embeddings"], np.float32), strict=True)
        return held

    def _open_collection(self, create: bool) -> Any:
        if create:
            collection = self._call(
                self._client.get_or_create_collection,
                COLLECTION,
                configuration={"hnsw": HNSW},
                metadata={"identity": self._identity, "dimension": self._dimension},
                embedding_function=None,
            )
        else:
            collection = self._call(self._client.get_collection, COLLECTION, embedding_function=None)
        self._check(collection)
        return collection

    def _check(self, collection: Any) -> None:
        """Chroma ignores other settings on re-opening, so they are compared here."""
        space = ((collection.configuration_json or {}).get("hnsw") or {}).get("space")
        metadata = collection.metadata or {}
        found = (space, metadata.get("identity"), metadata.get("dimension"))
        expected = ("cosine", self._identity, self._dimension)
        if found != expected:
            raise StoreError("Chroma's collection is not the catalog's", f"it is {found}, not {expected}")

    def _call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise StoreError("Chroma failed", _reason(error)) from error


def checksums(folder: Path) -> str:
    """CRC-32s of Chroma's vector files, which only writes change; it does not notice damage itself."""
    files = sorted(path for written in folder.glob(f"*/{METADATA}") for path in written.parent.iterdir())
    return json.dumps({path.relative_to(folder).as_posix(): _crc(path) for path in files})


def _crc(path: Path) -> int:
    total = 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            total = zlib.crc32(chunk, total)
    return total


def load_chroma() -> None:
    """Imports Chroma, which takes a while."""
    importlib.import_module("chromadb")


def _open_client(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def _is_full(folder: Path) -> bool:
    """Whether a disk has no room for what Chroma writes when it is opened; its error does not tell."""
    return shutil.disk_usage(folder).free < ROOM_TO_OPEN


def _metadata(track: Track) -> dict[str, str | int | float | None]:
    """Tags for people who open the collection with Chroma; None removes an older value."""
    tags = track.tags
    duration = track.duration
    return {
        "path": track.path.decode("utf-8", "replace"),
        "digest": track.digest,
        "duration": duration if duration is not None and math.isfinite(duration) else None,
        "title": tags.title,
        "artist": tags.artist,
        "album": tags.album,
        "album_artist": tags.album_artist,
        "genre": tags.genre,
        "year": tags.year,
        "track": tags.track,
    }


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
