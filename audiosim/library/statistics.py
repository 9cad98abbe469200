"""What is known of a library as a whole: its mean window, its tracks' neighbourhoods, its random pairs.

From fifty tracks on, a run that ends freezes the mean window, which is subtracted from every
window ever after; only a rebuild makes another. With it the whitening is learnt, and again when the
library has grown tenfold. Neighbourhoods follow each new track, pairs as the library grows.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audiosim.core.errors import AudioError
from audiosim.core.text import counted
from audiosim.core.types import Float32, FrameEmbeddings, TrackVector
from audiosim.encoders.passage_vectors import unpacked
from audiosim.encoders.pooling import summary
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.catalog.settings import MARKED, MEASURED, NEIGHBOURHOODS, PERCENTILES
from audiosim.library.configuration import repooled
from audiosim.library.hubness import HubScaling, scales
from audiosim.library.neighbourhoods import Neighbourhoods, marks_of, neighbourhoods
from audiosim.library.whitening import audible_windows, learnt, whitens

MIN_TRACKS = 50
CENTRE_SAMPLE = 1000  # tracks whose mean is taken
RELEARNT = 10  # times as many tracks, after which the whitening is learnt again
GROWTH = 0.1  # of the library, after which random pairs are measured again
SAMPLE = 1000  # tracks, all of whose pairs are taken
REACH = 12.0  # of the shares kept, as logits: the best hundred-thousandth is told apart
SHARES = 1 / (1 + np.exp(-np.linspace(-REACH, REACH, 1001)))


def refresh(catalog: Catalog, *, complete: bool = True) -> Iterator[str]:
    """Bring what is known of the library up to date; yield what users should know.

    The catalog is open for writing, with the index lock held. The mean window is frozen, and whitening
    learnt, only where the library is `complete`: those of its first folders would be wrong for the rest.
    """
    configuration = catalog.settings.configuration
    if configuration is None:
        return
    _fill_passages(catalog, configuration)
    if catalog.tracks.indexed_count() < MIN_TRACKS:
        return
    if complete and not configuration.centre:
        yield from _freeze_centre(catalog, configuration, catalog.tracks.indexed_digests())
    yield from _whiten(catalog, complete)
    measure(catalog)


def percentiles(catalog: Catalog) -> Percentiles | None:
    """The percentiles of the library's random pairs, once they have been measured."""
    text = catalog.settings.meta(PERCENTILES)
    return None if text is None else Percentiles.from_text(text)


def hub_scaling(catalog: Catalog, known: Percentiles | None) -> HubScaling | None:
    """The correction for hubs, once the library's percentiles and neighbourhoods have been measured."""
    usual = catalog.tracks.usual_scale(SAMPLE)
    return None if known is None or usual is None else HubScaling(usual, known.median)


def _fill_passages(catalog: Catalog, configuration: Configuration) -> None:
    """Passages of tracks that were indexed before there were any."""
    for digest, vector, _ in repooled(catalog.tracks.digests_without_passages(), configuration):
        catalog.tracks.set_passages(digest, vector.passages)


def can_recentre(catalog: Catalog, configuration: Configuration) -> bool:
    """Whether there are caches to pool all tracks from."""
    known = catalog.tracks.known_digests()
    cache = Cache(configuration.cache, configuration.spec)
    return len(known) == len(catalog.tracks.all_digests()) and all(
        cache.path(digest).exists() for digest in known
    )


def recentre(catalog: Catalog, configuration: Configuration) -> list[str]:
    """Pool all tracks again, for a configuration that has another centre only.

    Returns the tracks whose caches are missing or give no vector: where there are any, nothing is changed.
    """
    known = sorted(catalog.tracks.known_digests())
    try:
        catalog.tracks.replace_vectors(configuration, _whole(repooled(known, configuration), known))
    except _IncompleteError as error:
        return error.missing
    return []


def _freeze_centre(catalog: Catalog, configuration: Configuration, digests: Sequence[str]) -> Iterator[str]:
    """Fixes the mean window and pools all tracks again; or changes nothing, where not all can be.

    Tracks whose caches are damaged are computed again by the next run, which may then do it.
    """
    if not can_recentre(catalog, configuration):
        return  # the disk of the caches may not be mounted; another run will do
    cache = Cache(configuration.cache, configuration.spec)
    centre = mean_window(cache, digests[:: -(-len(digests) // CENTRE_SAMPLE)])
    if centre is None:
        return
    missing = recentre(catalog, replace(configuration, centre=centre.tobytes()))
    if not missing:
        yield "Vectors are centred on the library's mean window from now on."
        return
    damaged = [digest for digest in missing if cache.read(digest) is None]
    if damaged and 2 * len(damaged) <= len(catalog.tracks.known_digests()):  # else the disk is to blame
        catalog.tracks.mark_lost(damaged)
        caches = counted(len(damaged), "cache is", "caches are")
        yield f"{caches} damaged; the next run computes what was in there again."


def _whiten(catalog: Catalog, complete: bool) -> Iterator[str]:
    """Learn how to search means; anew when the library has grown tenfold: it may be of other music."""
    configuration = catalog.settings.configuration
    if configuration is None:
        return
    count, before = catalog.tracks.indexed_count(), configuration.whitening
    if not (catalog.settings.wants_whitening and whitens(configuration)):
        if before:
            catalog.tracks.set_whitening(replace(configuration, whitening=b""), 0)
            yield "Vectors are searched as they are from now on."
        return
    if not complete or not configuration.centre or (before and count < RELEARNT * catalog.settings.learnt):
        return
    matrix = learnt(_varying(catalog, configuration))
    if matrix is None:
        return
    catalog.tracks.set_whitening(replace(configuration, whitening=matrix), count)
    yield (
        "The library has grown tenfold: what its tracks vary in within themselves was learnt anew."
        if before
        else "Answers weigh less what tracks vary in within themselves from now on. That lowers similarities,"
        " not percentiles: thresholds in scripts must be changed."
        " To turn it off: audiosim index --no-whitening"
    )


def _varying(catalog: Catalog, configuration: Configuration) -> Iterator[Float32]:
    """The audible windows of some tracks; or their passages, where most have no cache."""
    digests = catalog.tracks.indexed_digests()
    sample = digests[:: -(-len(digests) // CENTRE_SAMPLE)]
    cache = Cache(configuration.cache, configuration.spec)
    cached = [digest for digest in sample if cache.path(digest).exists()]
    if 2 * len(cached) >= len(sample):
        found = (cache.read(digest) for digest in cached)
        yield from audible_windows(each.frames for each in found if each is not None)
        return
    for digest in sample:
        yield unpacked(catalog.tracks.passages(digest) or b"", configuration.spec.dimension)


class _IncompleteError(Exception):
    """Some tracks can't be pooled again, so that nothing is to change."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(missing)
        self.missing = missing


def _whole(
    tracks: Iterable[tuple[str, TrackVector, float]], digests: Iterable[str]
) -> Iterator[tuple[str, TrackVector, float]]:
    """The tracks, which must be all of these."""
    missing = dict.fromkeys(digests)
    for track in tracks:
        yield track
        del missing[track[0]]
    if missing:
        raise _IncompleteError(list(missing))


def mean_window(cache: Cache, digests: Iterable[str]) -> Float32 | None:
    """Give the mean (dim,) of tracks' mean windows, of those that can be read."""
    means = [_mean_of(cached.frames) for digest in digests if (cached := cache.read(digest))]
    finite = [mean for mean in means if mean is not None and np.isfinite(mean).all()]
    return np.mean(finite, axis=0, dtype=np.float64).astype("<f4") if finite else None


def _mean_of(frames: FrameEmbeddings) -> Float32 | None:
    try:
        return summary(frames)
    except AudioError:
        return None


def measure(catalog: Catalog) -> None:
    """Measure how near tracks' neighbours are; and, once the library has grown, how alike random pairs.

    The catalog is open for writing, with the index lock held. All of it or nothing is kept: after a kill it
    is done again. Of fewer than fifty tracks what was measured stays.
    """
    tracks, settings, configuration = catalog.tracks, catalog.settings, catalog.settings.configuration
    held = tracks.indexed_digests()
    count, mark = len(held), hashlib.blake2b("".join(held).encode(), digest_size=16).hexdigest()
    last = int(settings.meta(MEASURED) or 0)
    grown = abs(count - last) > GROWTH * last
    changed = grown or mark != settings.meta(MARKED) or tracks.digests_without_scale()
    if configuration is None or not changed:
        return
    digests, vectors = tracks.audio_vectors()
    if len(digests) < MIN_TRACKS:
        return  # or the others are damaged
    marks = marks_of(vectors, configuration.collection)
    vectors = configuration.space(vectors)
    kept = Neighbourhoods.from_bytes(settings.blob(NEIGHBOURHOODS))
    found = neighbourhoods(digests, marks, vectors, kept)
    before = tracks.scales()
    now = zip(digests, scales(found.near.cosines).tolist(), strict=True)
    with catalog.transaction():
        tracks.set_scales((scale, digest) for digest, scale in now if scale != before.get(digest))
        settings.set_meta(MARKED, mark)
        if found is not kept:
            settings.set_blob(NEIGHBOURHOODS, found.to_bytes())
        if grown:
            settings.set_meta(PERCENTILES, Percentiles.of(_thinned(vectors)).to_text())
            settings.set_meta(MEASURED, str(count))


def _thinned(vectors: Float32) -> Float32:
    return vectors[:: -(-len(vectors) // SAMPLE)]


@dataclass(frozen=True)
class Percentiles:
    """The similarities (1001,) of random pairs at SHARES, rising."""

    quantiles: Float32

    @classmethod
    def of(cls, vectors: Float32) -> Percentiles:
        """The percentiles of all pairs of unit vectors (n, dim), n at least 2."""
        first, second = np.triu_indices(len(vectors), 1)
        pairs = (vectors @ vectors.T)[first, second]
        return cls(np.quantile(pairs, SHARES).astype(np.float32))

    @property
    def median(self) -> float:
        """The similarity that half of the random pairs have at most."""
        return float(self.quantiles[len(SHARES) // 2])

    def of_similarity(self, similarity: float) -> float:
        """The percentage of random pairs that are less alike, 0 to 100."""
        return float(100 * np.interp(similarity, self.quantiles, SHARES, left=0, right=1))

    def to_text(self) -> str:
        """A rendering that `from_text` reads."""
        return base64.b64encode(self.quantiles.astype("<f4").tobytes()).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> Percentiles:
        """What `to_text` wrote."""
        return cls(np.frombuffer(base64.b64decode(text), "<f4"))
