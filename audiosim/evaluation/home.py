"""A home that is evaluated."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from audiosim.core.types import Float32, Track
from audiosim.evaluation.results import EvalOptions
from audiosim.evaluation.variants import Space, Variant
from audiosim.library.catalog import Configuration, Entry
from audiosim.library.hubness import HubCorrection
from audiosim.library.index import open_index
from audiosim.search.copies import find_copies
from audiosim.search.recordings import Recordings


@dataclass(frozen=True)
class EvaluatedHome:
    """What an evaluation needs to know of a home: its tracks, and where they lie."""

    home: Path
    configuration: Configuration
    entries: tuple[Entry, ...]
    space: Space

    @classmethod
    def load(cls, home: str | os.PathLike[str] | None) -> EvaluatedHome:
        """Read a home.

        Raises
        ------
        HomeError
            If there is no index.
        """
        with open_index(home) as index:
            entries = tuple(index.catalog.tracks.entries())
        own: dict[str, Float32] = {entry.track.digest: entry.vector for entry in entries}
        return cls(index.home.path, index.configuration, entries, Space(index.configuration, own))

    @property
    def own(self) -> Variant:
        """How the home's queries are answered."""
        measured = any(entry.scale is not None for entry in self.entries)
        correction: HubCorrection = "score" if measured else "none"
        configuration = self.configuration
        whitened = bool(configuration.space.whitening)
        return Variant(configuration.pooling, bool(configuration.centre), correction, whitened)

    @property
    def tracks(self) -> list[Track]:
        """The tracks, in the catalog's order."""
        return [entry.track for entry in self.entries]

    def recordings(self, digests: Collection[str]) -> dict[str, int]:
        """A number for each recording, by the digests of its audio: copies in other encodings are one."""
        entries = [entry for entry in self.entries if entry.track.digest in digests]
        with open_index(self.home) as index:
            groups = find_copies(entries, Recordings.of(index)).groups
        return {entries[row].track.digest: number for number, group in enumerate(groups) for row in group}

    def variants(self, options: EvalOptions) -> list[Variant]:
        """The variants that are asked for, in the home's terms."""
        return options.variants(self.own)
