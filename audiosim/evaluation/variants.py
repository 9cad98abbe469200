"""The vectors that a home's tracks would have with another pooling, or centred, from their caches.

Centring takes the mean window from every window before pooling: the one that the home has frozen,
else the mean over recordings of the mean of each one's audible windows. All encoders' windows share
a large common part, which centring removes: Mu and Viswanath, "All-but-the-top", ICLR 2018. A mean
or a maximum moves with the windows and a standard deviation does not, so that the mean window is
taken from summaries instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from audiosim.core.errors import AudioError, HomeError
from audiosim.core.types import Float32, FrameEmbeddings, Pooling
from audiosim.core.vectors import are_whole
from audiosim.encoders.pooling import summary
from audiosim.library.cache import Cache
from audiosim.library.catalog import Configuration
from audiosim.library.configuration import check_caches
from audiosim.library.hubness import HubCorrection
from audiosim.library.missing_caches import AUDIO
from audiosim.library.statistics import CENTRE_SAMPLE, mean_window
from audiosim.library.whitening import AS_THEY_ARE, SearchSpace, audible_windows, learnt


@dataclass(frozen=True)
class Variant:
    """One way to get from windows to similarities.

    Parameters
    ----------
    pooling : {"mean", "max", "mean-std"}
        What makes one vector of a track's windows.
    centring : bool
        Whether the mean window is subtracted first.
    hub_correction : {"none", "score", "local-scaling", "csls", "mutual-proximity"}
        What is done to the cosines.
    whitening : bool
        Whether what tracks vary in within themselves counts less: in the means of windows, or else in
        the windows, before they are pooled.
    """

    pooling: Pooling
    centring: bool = False
    hub_correction: HubCorrection = "none"
    whitening: bool = False

    @property
    def name(self) -> str:
        """A few words for people: ``mean, centred, whitened, csls``."""
        words: list[str] = [self.pooling]
        words += ["centred"] if self.centring else []
        words += ["whitened"] if self.whitening else []
        words += [self.hub_correction] if self.hub_correction != "none" else []
        return ", ".join(words)


@dataclass(frozen=True)
class _Summaries:
    """One pooling of recordings, float32 (n, pooled dim)."""

    pooling: Pooling
    digests: tuple[str, ...]
    space: SearchSpace  # of the windows
    rows: Float32


class Space:
    """Where the recordings of a home lie.

    Parameters
    ----------
    configuration : Configuration
        That of the home.
    own : mapping of str to float32 (pooled dim,)
        The home's own unit vectors, by digest.
    """

    def __init__(self, configuration: Configuration, own: Mapping[str, Float32]) -> None:
        self._configuration, self._own = configuration, own
        self._cache = Cache(configuration.cache, configuration.spec)
        self._last: _Summaries | None = None

    def usable(self, digests: Sequence[str], variants: Sequence[Variant]) -> set[str]:
        """The recordings that have a vector in every variant.

        Raises
        ------
        HomeError
            If caches are asked for and over half of them are missing.
        """
        whole = {digest for digest in digests if self._has_vector(digest)}
        if not any(map(self._needs_caches, variants)):
            return whole
        check_caches(list(digests), self._configuration, AUDIO)
        return {digest for digest in whole if self._has_cache(digest)}

    def vectors(self, digests: Sequence[str], variant: Variant | None = None) -> Float32:
        """Unit vectors float32 (n, pooled dim) of usable recordings; by default the home's own.

        A vector that centring leaves nothing of stays zero.

        Raises
        ------
        HomeError
            If a cache vanishes while it is read.
        """
        recordings = {digest: number for number, digest in enumerate(dict.fromkeys(digests))}
        space = AS_THEY_ARE
        if variant is None or variant.whitening:
            space = self._configuration.space
        if variant is not None and variant.whitening and not space.whitening:
            space = self._learnt
        if variant is None or not self._needs_caches(variant):
            return space(np.stack([self._own[digest] for digest in digests]))
        before, after = (AS_THEY_ARE, space) if variant.pooling == "mean" else (space, AS_THEY_ARE)
        summaries = self._summaries(tuple(recordings), variant.pooling, before)
        rows = summaries.rows.astype(np.float64)
        if variant.centring:
            centre = self._configuration.pooler.centre
            centre = self._mean_window if centre is None else centre
            centre = before.moved(centre[None])[0] if before.whitening else centre
            rows[:, : len(centre)] -= centre
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        units = after((rows / np.where(norms > 0.0, norms, 1.0)).astype(np.float32))
        return units[[recordings[digest] for digest in digests]]

    def _needs_caches(self, variant: Variant) -> bool:
        own = self._configuration
        learns = variant.whitening and not own.space.whitening
        return learns or variant.centring != bool(own.centre) or variant.pooling != own.pooling

    def _has_vector(self, digest: str) -> bool:
        return are_whole(self._own[digest], self._configuration.dimension)

    def _has_cache(self, digest: str) -> bool:
        cached = self._cache.read(digest)
        try:
            return cached is not None and bool(np.isfinite(summary(cached.frames)).all())
        except AudioError:
            return False

    @cached_property
    def _learnt(self) -> SearchSpace:
        """What the home would learn; what windows are, where there is too little to learn from."""
        read = (cached.frames for digest in self._sampled if (cached := self._cache.read(digest)))
        return SearchSpace(learnt(audible_windows(read)) or b"")

    @cached_property
    def _mean_window(self) -> Float32:
        """What the home would take from each window, (dim,)."""
        found = mean_window(self._cache, self._sampled)
        return np.zeros(self._configuration.spec.dimension, np.float32) if found is None else found

    @cached_property
    def _sampled(self) -> list[str]:
        """What the home would learn from: of all its audio, whatever is evaluated."""
        digests = sorted(self._own)
        return digests[:: -(-len(digests) // CENTRE_SAMPLE)]

    def _summaries(self, digests: tuple[str, ...], pooling: Pooling, space: SearchSpace) -> _Summaries:
        """Kept until another pooling is asked for: reading caches is what takes long."""
        last = self._last
        if last is None or (last.pooling, last.digests, last.space) != (pooling, digests, space):
            self._last = last = None
            rows = []
            for digest in digests:
                frames = self._frames(digest)
                if space.whitening:
                    frames = replace(frames, embedding=space.moved(frames.embedding).astype(np.float32))
                rows.append(summary(frames, pooling))
            self._last = last = _Summaries(pooling, digests, space, np.stack(rows))
        return last

    def _frames(self, digest: str) -> FrameEmbeddings:
        cached = self._cache.read(digest)
        if cached is None:
            raise HomeError(
                f"The cache {self._cache.path(digest)} vanished while it was read",
                "another process may be changing the caches",
                "Run again when it has finished.",
            )
        return cached.frames
