"""Homes made without audio: tracks whose windows a test gives, in catalog and caches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from made_home import frames_of

from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, Float32, Framing, Tags
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration

DIMENSION = 24
RATE = 1000  # Hz
SPEC = EncoderSpec("made", 1, (), "none", RATE, "soxr_hq", 1.0, DIMENSION, Framing(RATE, RATE))


@dataclass(frozen=True)
class Made:
    """A track to make: float32 windows (n, DIMENSION), one a second."""

    path: str
    windows: Float32
    tags: Tags = field(default_factory=Tags)
    digest: str | None = None


def recording(seed: int, length: int = 40, style: int = 0) -> Float32:
    """Windows of a recording, near its style, changing as they go on."""
    rng = np.random.default_rng(seed)
    centre = np.random.default_rng(1000 + style).normal(size=DIMENSION)
    windows: Float32 = (centre + 0.5 * rng.normal(size=(length, DIMENSION))).astype(np.float32)
    return windows


def make_home(folder: Path, tracks: Iterable[Made]) -> Home:
    """A home that holds these tracks."""
    home = Home(folder)
    folder.mkdir()
    configuration = Configuration(SPEC, "mean", home.cache)
    cache = Cache(home.cache, SPEC)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_configuration(configuration)
        for number, track in enumerate(tracks):
            digest = track.digest or f"{number:032x}"
            info = AudioInfo(digest, float(len(track.windows)), RATE, 1, "made", 1, 1, track.tags)
            own = frames_of(track.windows)
            cache.write(info, own, "float32")
            catalog.files.record(track.path.encode(), info, configuration.pooler(own))
    return home
