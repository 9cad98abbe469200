"""Where folders of another home lie here."""

from __future__ import annotations

import os
from collections.abc import Iterable

from audiosim.core.errors import UsageError
from audiosim.core.paths import contains, expanded, identity

PathLike = str | os.PathLike[str]


class PathMap:
    """Paths of another home as they are here; of several folders that hold one, the innermost counts.

    Parameters
    ----------
    pairs : iterable of (path-like, path-like)
        Pairs (folder there, folder here); the first must be absolute.

    Raises
    ------
    UsageError
        If a folder there is not absolute, or is to lie at two places.
    """

    def __init__(self, pairs: Iterable[tuple[PathLike, PathLike]] = ()) -> None:
        places: dict[bytes, bytes] = {}
        for old, new in pairs:
            if not os.fsencode(old).startswith(b"/"):
                raise UsageError(
                    f"Can't map {os.fsdecode(old)}",
                    "it is not an absolute path",
                    "Give it as the export has it.",
                )
            source, target = identity(old), identity(new)
            if places.setdefault(source, target) != target:
                raise UsageError(f"{os.fsdecode(source)} is mapped twice", "to different places")
        self._innermost = sorted(places.items(), key=lambda pair: len(pair[0]), reverse=True)
        self._unmet = set(places)

    def __call__(self, path: bytes) -> bytes:
        """The path here."""
        for old, new in self._innermost:
            if contains(old, path):
                below = path[len(old) :].strip(b"/")
                return new if not below else new.rstrip(b"/") + b"/" + below
        return path

    def meet(self, path: bytes) -> None:
        """Note a path there: folders that hold it are not mapped in vain."""
        if self._unmet:
            self._unmet = {old for old in self._unmet if not contains(old, path)}

    def refuse_idle(self) -> None:
        """See that each folder mapped holds something that was met.

        Raises
        ------
        UsageError
            If one does not.
        """
        for old in sorted(self._unmet):
            raise UsageError(
                f"Nothing lies below {os.fsdecode(old)} in what is imported",
                "",
                "Give a folder as the export has it; it may be misspelled.",
            )

    def roots(self, roots: Iterable[bytes]) -> set[bytes]:
        """Roots there as they are here, and the places here of folders that have left a root."""
        known = set(roots)
        left = {new for old, new in self._innermost if any(contains(root, old) for root in known)}
        return {self(root) for root in known} | left


def holding(path: bytes, roots: set[bytes]) -> set[bytes]:
    """The roots that are this path, or hold it."""
    found = set()
    while True:
        if path in roots:
            found.add(path)
        parent = os.path.dirname(path)
        if parent == path:
            return found
        path = parent


def parse_move(text: str) -> tuple[str, str]:
    """(old, new) of OLD=NEW; the sign that counts is the first before a ``/`` or ``~``, else the first.

    Raises
    ------
    UsageError
        If it is none.
    """
    signs = [place for place, character in enumerate(text) if character == "="]
    rooted = [place for place in signs if text[place + 1 : place + 2] in ("/", "~")]
    place = (rooted or signs or [0])[0]
    old, new = text[:place], text[place + 1 :]
    if not old or not new:
        raise UsageError(
            f"`maps` {text} is no pair of folders", "", "Give OLD=NEW: /mnt/music=/home/me/Music."
        )
    return old, expanded(new)
