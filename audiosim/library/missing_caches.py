"""Tracks whose windows are not there: which they are, why that may be, and how the caches get there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audiosim.core.config import Home
from audiosim.core.text import counted
from audiosim.core.told_commands import in_space, shell_word
from audiosim.library.cache import Cache, cache_file
from audiosim.library.catalog import Configuration

TRACKS, AUDIO = ("track", "tracks"), ("piece of audio", "pieces of audio")  # what is counted: one, several


@dataclass(frozen=True)
class MissingCaches:
    """That some tracks have no cache, or one that can't be read.

    Parameters
    ----------
    digests : tuple of str
        The audio of each: files of the same audio, which share a cache, are several tracks, and one piece
        of audio.
    total : int
        Among how many.
    folder : Path
        Where their caches belong.
    kind : tuple of str
        What they are: `TRACKS` or `AUDIO`.
    """

    digests: tuple[str, ...]
    total: int
    folder: Path
    kind: tuple[str, str] = TRACKS

    @property
    def what(self) -> str:
        """How many there are, and where they were looked for."""
        one = len(self.digests) == 1
        told = {0: "no cache", len(self.digests): "a damaged cache" if one else "damaged caches"}
        which = told.get(self.damaged, f"no cache, or a damaged one ({self.damaged} of them),")
        have = "has" if one else "have"
        return f"{len(self.digests)} of {counted(self.total, *self.kind)} {have} {which} in {self.folder}"

    @cached_property
    def damaged(self) -> int:
        """How many have one, which can't be read."""
        return sum(cache_file(self.folder, digest).exists() for digest in self.digests)

    @property
    def most(self) -> bool:
        """Whether over half of them are missing."""
        return 2 * len(self.digests) > self.total

    @property
    def why(self) -> str:
        """What may have happened: caches in the home itself are on no other disk."""
        if self.damaged == len(self.digests):
            return "not as it was written" if self.damaged == 1 else "not as they were written"
        home = Home(self.folder.parent.parent)
        inside = home.cache == self.folder.parent and home.catalog.exists()
        imported = "they were imported without their caches, or these were removed"
        return imported if inside else f"its disk may not be mounted, or {imported}"

    @property
    def remedy(self) -> str:
        """How to bring them."""
        where = "where the files are here, have them computed again: audiosim verify `repair`"
        again = f"{where}\nand then: audiosim index"
        if self.damaged == len(self.digests):
            return f"{again[0].upper()}{again[1:]}"
        copy = f"Copy them there, {copied_from(self.folder)}"
        if self.most:
            rebuild = in_space("audiosim index `rebuild`", Home(self.folder.parent.parent).space)
            return f"{copy}\nOr, where the files are here, compute all again: {rebuild}"
        return f"{copy}\nOr, {again}"

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def copied_from(folder: Path) -> str:
    """Say where the caches of a folder come from, with the command that copies them."""
    there = shell_word(f"{folder.parent}/")
    return (
        "from the home that the tracks come from, OLD here (of a space of it, OLD is its spaces/NAME):"
        f" mkdir -p {there} && cp -R OLD/cache/{folder.name} {there}"
    )


def missing_caches(
    digests: Iterable[str],
    configuration: Configuration,
    kind: tuple[str, str] = TRACKS,
    *,
    read: bool = False,
) -> MissingCaches | None:
    """Find the tracks, or the audio, without a cache, by the digest of each; None where all have one.

    With `read`, those are found whose cache can't be read, too.
    """
    cache, tracks = Cache(configuration.cache, configuration.spec), list(digests)
    lacking = {
        digest
        for digest in {*tracks}
        if not cache.path(digest).exists() or (read and cache.read(digest) is None)
    }
    missing = tuple(digest for digest in tracks if digest in lacking)
    return MissingCaches(missing, len(tracks), cache.folder, kind) if missing else None
