"""Where track vectors are searched: what every store does, whichever engine it is.

A store is a search index in cosine space. It can be made from the catalog at any time, so that
nothing is lost with it. The engines are its neighbours; only they know which one it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Self

from audiosim.core.types import Float32, Track

CALL_ROWS = 1000  # in one upsert, at most
CALL_BYTES = 8_000_000  # of vectors in one upsert, at most: servers limit a request
IDS_AT_ONCE = 5000  # in one call

StoreRow = tuple[str, Track, Float32]  # id, track, unit vector (dim,)


@dataclass(frozen=True)
class Contents:
    """What a collection's vectors are: encoder, pooling and centre in one word, and their dimension."""

    identity: str
    dimension: int


class VectorStore(Protocol):
    """A collection of track vectors, open; a context manager that closes it.

    Every method raises `StoreError` when the engine fails, and its child `StoreAwayError` when a
    server could not be reached for as long as its backend is patient.
    """

    stamp: str  # what told its state when it was opened; every sealed burst changes it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, if it is still open."""
        ...

    def count(self) -> int:
        """How many vectors it holds."""
        ...

    def ids(self) -> list[str]:
        """The ids of all vectors it holds."""
        ...

    def vectors(self, ids: Sequence[str]) -> dict[str, Float32]:
        """The vectors (dim,) it holds for these ids."""
        ...

    def upsert(self, rows: Sequence[StoreRow]) -> None:
        """Add or replace rows; once this returns they are found."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; ids it doesn't have are no error."""
        ...

    def nearest(self, vector: Float32, count: int) -> list[str]:
        """Ids of up to `count` nearest vectors to a unit vector (dim,), nearest first.

        Raises
        ------
        ValueError
            If the vector is not finite.
        """
        ...

    def seal(self) -> str:
        """End a burst of writes and close the store; gives its new stamp."""
        ...


class Backend(Protocol):
    """An engine at one place, which holds collections by name. Making one connects to nothing.

    A server that is away is tried again for as long as the backend was made to be patient.
    """

    label: str  # for messages
    shared: bool  # whether a server orders those who read and write
    fixed_name: str | None  # of the collection in use, where it is always the same

    def lock(self, wait: float) -> AbstractContextManager[None]:
        """Keep other processes from the store, where no server orders them.

        Raises
        ------
        LockedError
            If it is not to be had for `wait` seconds.
        """
        ...

    def reach(self) -> None:
        """See that the place is there: that its server answers, and is one.

        Raises
        ------
        StoreError
            If it is not.
        """
        ...

    def open(
        self, name: str, contents: Contents, *, create: bool = False, stamp: str | None = None
    ) -> VectorStore:
        """Open a collection.

        Parameters
        ----------
        name : str
            As `new_name` gave it.
        contents : Contents
            What its vectors must be.
        create : bool
            Whether to make it where there is none.
        stamp : str, optional
            What it must bear, unless None.

        Raises
        ------
        StoreError
            If it can't be opened, is not a cosine-space collection of such vectors, or
            bears another stamp.
        StoreAwayError
            If its server is away.
        """
        ...

    def intact(self, stamp: str) -> bool | None:
        """Whether the collection in use is as it was sealed with this stamp; None: only opening it tells."""
        ...

    def new_name(self) -> str:
        """A name that no collection has yet."""
        ...

    def adopt(self, name: str) -> tuple[str, str | None]:
        """Put a new collection in the place of the one in use.

        Gives the name it has from now on, and that of the old one where it was moved aside.
        """
        ...

    def drop(self, name: str) -> None:
        """Remove a collection if it is there, and it was this home that wrote it last."""
        ...

    def leftovers(self) -> list[str]:
        """Names of collections that were being made or moved aside, where the place itself tells."""
        ...


def reason_of(error: BaseException) -> str:
    """What an engine's error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def portions(
    rows: Sequence[StoreRow], dimension: int, limit: int = CALL_ROWS
) -> Iterable[Sequence[StoreRow]]:
    """The rows in portions that one call takes."""
    size = max(1, min(limit, CALL_ROWS, CALL_BYTES // (4 * dimension)))
    return (rows[start : start + size] for start in range(0, len(rows), size))


def pages(ids: Sequence[str], dimension: int = 1) -> Iterable[list[str]]:
    """The ids in pages that one call takes, or answers with their vectors."""
    size = max(1, min(IDS_AT_ONCE, CALL_BYTES // (4 * dimension)))
    return (list(ids[start : start + size]) for start in range(0, len(ids), size))


def track_metadata(track: Track) -> dict[str, str | int | float | None]:
    """Tags for people who open the collection with its engine's own tools; None where there is none."""
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
