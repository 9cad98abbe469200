"""Stores that several homes may share: their collections are told apart by name.

A sealed burst leaves a stamp in the collection, which the catalog keeps too: whose it is, and a
random word. Where they differ, somebody else has written: a copy of the home, most likely.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from typing import TypeVar

from audiosim.backends.base import VectorStore
from audiosim.core.config import Home
from audiosim.core.errors import StoreError

PREFIX = "audiosim_"

Store = TypeVar("Store", bound=VectorStore)


class NamedCollections:
    """What such backends have in common: every collection has a name of its own, for good."""

    label: str
    fixed_name: str | None = None

    def __init__(self, label: str, home: Home) -> None:
        self.label = label
        self.owner = owner_of(home)

    def intact(self, stamp: str) -> bool | None:
        return None

    def new_name(self) -> str:
        return PREFIX + secrets.token_hex(8)

    def adopt(self, name: str) -> tuple[str, str | None]:
        return name, None

    def leftovers(self) -> list[str]:
        return []

    def checked(self, store: Store, stamp: str | None) -> Store:
        """The store, if it bears this stamp, unless None; else it is closed."""
        if stamp not in (None, store.stamp):
            with store:
                raise StoreError(
                    f"{self.label} holds other vectors", "its collection was written by another home"
                )
        return store


def owner_of(home: Home) -> str:
    """What tells a home from its copies: a digest of its machine's name and its path."""
    place = socket.gethostname().encode() + b"\0" + os.fsencode(home.path)
    return hashlib.blake2b(place, digest_size=8).hexdigest()


def new_stamp(owner: str) -> str:
    """A stamp that nothing bears yet."""
    return f"{owner}.{secrets.token_hex(8)}"


def is_of(stamp: str | None, owner: str) -> bool:
    """Whether a collection with this stamp was written by this owner last, or by nobody."""
    return not stamp or stamp.startswith(f"{owner}.")
