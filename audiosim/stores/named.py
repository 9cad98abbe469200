"""Stores that several homes may share: their collections are told apart by name.

A sealed burst leaves a stamp in the collection, which the catalog keeps too. Where they differ,
somebody else has written: a copy of the home, most likely.
"""

from __future__ import annotations

import secrets
from typing import TypeVar

from audiosim.errors import StoreError
from audiosim.store import VectorStore

PREFIX = "audiosim_"

Store = TypeVar("Store", bound=VectorStore)


class NamedCollections:
    """What such backends have in common: every collection has a name of its own, for good."""

    label: str
    fixed_name: str | None = None

    def new_name(self) -> str:
        return PREFIX + new_stamp()

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


def new_stamp() -> str:
    """A stamp that nothing bears yet."""
    return secrets.token_hex(8)


def may_drop(found: str | None, stamp: str | None) -> bool:
    """Whether a collection that bears `found` may be dropped; see `Backend.drop`."""
    return stamp is None or found in (None, stamp)
