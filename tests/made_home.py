"""A home made without audio: windows are given, and entered as a run would enter them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from fake_encoder import FakeEncoder
from hypothesis import strategies as st

from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, Float32, FrameEmbeddings, Pooling, Tags
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration, path_id
from audiosim.library.statistics import refresh

LOUD = -20.0  # dBFS


def frames_of(
    rows: Float32, *, hop: float = 1.0, places: list[int] | None = None, silent: tuple[int, ...] = ()
) -> FrameEmbeddings:
    """Windows (n, dim) at some places of the grid, some of them silent."""
    level = np.full(len(rows), LOUD, np.float16)
    level[list(silent)] = -np.inf
    grid = np.arange(len(rows)) if places is None else np.array(places)
    return FrameEmbeddings(rows.astype(np.float16), grid.astype(np.float64) * hop, level)


class MadeHome:
    """A home whose tracks are given as windows; its files are not there, as if unmounted."""

    def __init__(self, folder: Path, *, spec: EncoderSpec | None = None, pooling: Pooling = "mean") -> None:
        self.home = Home(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.spec = spec or FakeEncoder().spec
        with Catalog(self.home.catalog) as catalog:
            if catalog.settings.configuration is None:
                catalog.settings.set_configuration(Configuration(self.spec, pooling, self.home.cache))

    @property
    def cache(self) -> Cache:
        return Cache(self.home.cache, self.spec)

    @property
    def configuration(self) -> Configuration:
        with Catalog(self.home.catalog, read_only=True) as catalog:
            found = catalog.settings.configuration
        assert found is not None
        return found

    def add(self, tracks: dict[str, FrameEmbeddings], tags: dict[str, Tags] | None = None) -> None:
        """Enters tracks by name."""
        pooler = self.configuration.pooler
        with Catalog(self.home.catalog) as catalog:
            for name, frames in tracks.items():
                duration = float(frames.timestamps[-1]) + self.spec.window
                info = AudioInfo(digest_of(name), duration, 8000, 1, "flac", 1, 1)
                info = replace(info, tags=(tags or {}).get(name, Tags()))
                self.cache.write(info, frames, "float32")
                catalog.files.record(path_of(name), info, pooler(frames))

    def remove(self, *names: str) -> None:
        """Has tracks be gone."""
        with Catalog(self.home.catalog) as catalog:
            catalog.files.mark_gone(path_of(name) for name in names)

    def refresh(self, *, complete: bool = True) -> list[str]:
        """What the end of a run does."""
        with Catalog(self.home.catalog) as catalog:
            return list(refresh(catalog, complete=complete))

    def scales(self) -> dict[str, float | None]:
        with Catalog(self.home.catalog, read_only=True) as catalog:
            return {entry.track.digest: entry.scale for entry in catalog.tracks.entries()}


def path_of(name: str) -> bytes:
    """Where a track of that name would be."""
    return os.fsencode(f"/music/{name}")


def digest_of(name: str) -> str:
    """The digest of a track of that name."""
    return path_id(os.fsencode(name))


def random_tracks(
    count: int, rng: np.random.Generator, *, windows: int = 6, dimension: int = 16, prefix: str = "t"
) -> dict[str, FrameEmbeddings]:
    """Tracks whose windows scatter around a place of their own, all off the origin."""
    found = {}
    for number in range(count):
        middle = 2.0 + rng.standard_normal(dimension)
        rows = middle + 0.3 * rng.standard_normal((windows, dimension))
        found[f"{prefix}{number:03}.flac"] = frames_of(rows.astype(np.float32))
    return found


def uneven_tracks(seed: int, count: int = 60, *, prefix: str = "t") -> dict[str, FrameEmbeddings]:
    """Tracks that differ in all directions, and in themselves mostly along the first two."""
    rng = np.random.default_rng(seed)
    spread = np.where(np.arange(16) < 2, 3.0, 0.2)
    return {
        f"{prefix}{n:03}.flac": frames_of(
            (2 + rng.standard_normal(16) + spread * rng.standard_normal((12, 16))).astype("f4")
        )
        for n in range(count)
    }


@st.composite
def gappy(draw: st.DrawFn, dimension: int = 3) -> FrameEmbeddings:
    """Windows with gaps between some, some of them silent, some all zeros, hop half a second."""
    gaps = draw(st.lists(st.integers(1, 4), min_size=1, max_size=12))
    places = (np.cumsum(gaps) - draw(st.integers(0, 1)) * gaps[0]).tolist()
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    rows = rng.standard_normal((len(places), dimension)).astype(np.float32)
    rows[rng.random(len(rows)) < 0.2] = 0
    silent = tuple(np.flatnonzero(rng.random(len(rows)) < 0.2).tolist())
    return frames_of(rows, hop=0.5, places=places, silent=silent)


def units(count: int, seed: int) -> Float32:
    rows = np.random.default_rng(seed).standard_normal((count, 5)).astype(np.float32)
    found: Float32 = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found
