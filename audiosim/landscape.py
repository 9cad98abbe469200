"""What is known of a library as a whole: its mean window, its tracks' neighbourhoods, its random pairs.

From fifty tracks on, a run that ends freezes the mean window, which is subtracted from every
window ever after; only a rebuild makes another. Neighbourhoods and pairs follow as the library grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from audiosim.cache import Cache
from audiosim.catalog import Catalog, Configuration
from audiosim.configure import repooled
from audiosim.neighbourhood import scales
from audiosim.percentiles import SAMPLE, Percentiles
from audiosim.pooling import summary
from audiosim.types import Float32

MIN_TRACKS = 50
CENTRE_SAMPLE = 1000  # tracks whose mean is taken
GROWTH = 0.1  # of the library, after which everything is measured again
MEASURED = "measured_tracks"  # key: how many tracks there were when all were measured


def refresh(catalog: Catalog) -> Iterator[str]:
    """Brings what is known of the library up to date; yields what users should know.

    The catalog is open for writing, with the index lock held.
    """
    configuration = catalog.configuration
    if configuration is None:
        return
    _fill_passages(catalog, configuration)
    if catalog.indexed_audio_count() < MIN_TRACKS:
        return
    if not configuration.centre and _freeze_centre(catalog, configuration):
        yield "Vectors are centred on the library's mean window from now on."
    _measure(catalog)


def percentiles(catalog: Catalog) -> Percentiles | None:
    """Of the library's random pairs, once they have been measured."""
    text = catalog.meta("percentiles")
    return None if text is None else Percentiles.from_text(text)


def _fill_passages(catalog: Catalog, configuration: Configuration) -> None:
    """Passages of tracks that were indexed before there were any."""
    for digest, vector, _ in repooled(catalog.digests_without_passages(), configuration):
        catalog.set_passages(digest, vector.passages)


def _freeze_centre(catalog: Catalog, configuration: Configuration) -> bool:
    """Fixes the mean window and pools all tracks again, if their caches are there."""
    cache = Cache(configuration.cache, configuration.spec)
    known = sorted(catalog.known_digests())
    if not all(cache.path(digest).exists() for digest in known):
        return False  # the disk of the caches may not be mounted; another run will do
    digests = catalog.indexed_digests()
    sample = digests[:: -(-len(digests) // CENTRE_SAMPLE)]
    means = [summary(cached.frames) for digest in sample if (cached := cache.read(digest))]
    centre = np.mean(means, axis=0, dtype=np.float64).astype("<f4")
    centred = replace(configuration, centre=centre.tobytes())
    catalog.replace_vectors(centred, repooled(known, centred))
    return True


def _measure(catalog: Catalog) -> None:
    unmeasured = catalog.digests_without_scale()
    count = catalog.indexed_audio_count()
    last = int(catalog.meta(MEASURED) or 0)
    grown = abs(count - last) > GROWTH * last
    if not unmeasured and not grown:
        return
    digests, vectors = catalog.audio_vectors()
    if grown or len(unmeasured) > GROWTH * count:
        catalog.set_scales(zip(digests, scales(vectors).tolist(), strict=True))
        catalog.set_meta("percentiles", Percentiles.of(_thinned(vectors)).to_text())
        catalog.set_meta(MEASURED, str(count))
    else:
        rows = [row for row, digest in enumerate(digests) if digest in unmeasured]
        catalog.set_scales(zip([digests[row] for row in rows], scales(vectors, rows).tolist(), strict=True))


def _thinned(vectors: Float32) -> Float32:
    return vectors[:: -(-len(vectors) // SAMPLE)]
