"""How well a home finds what belongs together: each track asks, its labels judge the answers."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audiosim.core.errors import UsageError
from audiosim.core.text import counted
from audiosim.core.types import Float32, Float64, Track
from audiosim.evaluation import metrics
from audiosim.evaluation.labels import Labelling, LabelSet, label_tracks
from audiosim.evaluation.relevance import GroundTruth
from audiosim.evaluation.results import (
    Counts,
    EvalOptions,
    Evaluation,
    HomeComparison,
    ListFigures,
    VariantResult,
)
from audiosim.evaluation.significance import bootstrap, differences
from audiosim.evaluation.variants import Space, Variant
from audiosim.library.catalog import Configuration, Entry
from audiosim.library.hubness import HubCorrection, similarities
from audiosim.library.index import open_index
from audiosim.library.whitening import whitens
from audiosim.search.copies import find_copies
from audiosim.search.recordings import Recordings


def evaluate(home: str | os.PathLike[str] | None = None, options: EvalOptions | None = None) -> Evaluation:
    """How often tracks that belong together find each other: leave-one-out retrieval, by exact cosine.

    Parameters
    ----------
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    options : EvalOptions, optional
        What to evaluate, and by what.

    Returns
    -------
    Evaluation
        The figures of each variant. Copies of a recording, re-encoded ones too, neither answer each other
        nor stand in each other's way.

    Raises
    ------
    UsageError
        If the labels can't be had, or no two tracks share one.
    HomeError
        If there is no index, or over half of the caches that are needed are missing.
    """
    options = options or EvalOptions()
    library = _Library.load(home)
    labelling = label_tracks(options.labels, library.tracks)
    task = _task(labelling, [library], options)
    return _evaluation(library, task, options)


def compare_homes(
    home: str | os.PathLike[str] | None,
    other: str | os.PathLike[str],
    options: EvalOptions | None = None,
) -> HomeComparison:
    """Evaluate two homes, of different encoders perhaps, on the recordings both hold at the same path.

    Tags, and with them labels, are the first home's.

    Parameters
    ----------
    home : str or path-like, optional
        The first home's folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.
    other : str or path-like
        The second home's folder.
    options : EvalOptions, optional
        What to evaluate, and by what: one variant.

    Returns
    -------
    HomeComparison
        Both evaluations, and how far the second is above the first.

    Raises
    ------
    UsageError
        If the options ask for more than one variant, the labels can't be had, or no two tracks share one.
    HomeError
        If a home has no index, or over half of the caches that are needed are missing.
    """
    options = options or EvalOptions()
    if len(options.variants(Variant("mean"))) > 1:
        raise UsageError("Two homes are compared in one variant", "the options ask for several")
    libraries = [_Library.load(home), _Library.load(other)]
    labelling = label_tracks(options.labels, libraries[0].tracks)
    task = _task(labelling, libraries, options)
    first, second = (_evaluation(library, task, options) for library in libraries)
    found = differences(first.results[0].per_query, second.results[0].per_query)
    names = metrics.measure_names(options.cutoffs)
    return HomeComparison(first, second, dict(zip(names, found, strict=True)))


@dataclass(frozen=True)
class _Library:
    """A home that has been read."""

    home: Path
    configuration: Configuration
    entries: tuple[Entry, ...]
    space: Space

    @classmethod
    def load(cls, home: str | os.PathLike[str] | None) -> _Library:
        with open_index(home) as index:
            entries = tuple(index.catalog.tracks.entries())
        own: dict[str, Float32] = {entry.track.digest: entry.vector for entry in entries}
        return cls(index.home.path, index.configuration, entries, Space(index.configuration, own))

    @property
    def own(self) -> Variant:
        """How the home's queries are answered."""
        measured = any(entry.scale is not None for entry in self.entries)
        correction: HubCorrection = "local-scaling" if measured else "none"
        configuration = self.configuration
        whitened = bool(configuration.space.whitening)
        return Variant(configuration.pooling, bool(configuration.centre), correction, whitened)

    @property
    def tracks(self) -> list[Track]:
        return [entry.track for entry in self.entries]

    def recordings(self, digests: Collection[str]) -> dict[str, int]:
        """A number for each recording, by the digests of its audio."""
        entries = [entry for entry in self.entries if entry.track.digest in digests]
        with open_index(self.home) as index:
            groups = find_copies(entries, Recordings.of(index)).groups
        return {entries[row].track.digest: number for number, group in enumerate(groups) for row in group}

    def variants(self, options: EvalOptions) -> list[Variant]:
        return options.variants(self.own)


@dataclass(frozen=True)
class _Task:
    """What is asked of a home: which tracks, and the ground truth for their answers."""

    digests: tuple[str, ...]
    truth: GroundTruth
    counts: Counts
    shares: Float64


def _task(labelling: Labelling, libraries: Sequence[_Library], options: EvalOptions) -> _Task:
    tracks = libraries[0].tracks
    shared = set.intersection(*({(t.path, t.digest) for t in library.tracks} for library in libraries))
    if tracks and not shared:
        raise UsageError("The two homes have no track in common", "no path holds the same audio in both")
    pairs = zip(tracks, labelling.labels, strict=True)
    common = [(t, own) for t, own in pairs if (t.path, t.digest) in shared]
    labelled = [(t, own) for t, own in common if own]
    digests = list(dict.fromkeys(t.digest for t, _ in labelled))
    usable = set.intersection(*(each.space.usable(digests, each.variants(options)) for each in libraries))
    kept = [(t, own) for t, own in labelled if t.digest in usable]
    asking = [t for t, _ in kept]
    copies = libraries[0].recordings({t.digest for t in asking})
    truth = GroundTruth(asking, [own for _, own in kept], options.exclude_same, copies)
    shares = truth.shares()
    if not shares.any():
        raise _nothing_to_judge(options, len(labelled))
    counts = Counts(
        tracks=len(kept),
        labels=len(LabelSet().union(*(own for _, own in kept))),
        queries=int((shares > 0).sum()),
        without_label=len(common) - len(labelled),
        without_vector=len(labelled) - len(kept),
        not_indexed=len(labelling.unknown),
        not_shared=len({t.path for library in libraries for t in library.tracks} - {p for p, _ in shared}),
    )
    return _Task(tuple(t.digest for t, _ in kept), truth, counts, shares)


def _nothing_to_judge(options: EvalOptions, labelled: int) -> UsageError:
    return UsageError(
        "There is nothing to judge answers by",
        f"of {counted(labelled, 'track')} with a label, no two share one that counts",
        "Choose other `labels`" + (", or leave out `exclude_same`." if options.exclude_same else "."),
    )


def _evaluation(library: _Library, task: _Task, options: EvalOptions) -> Evaluation:
    own = library.space.vectors(task.digests)
    results = [_result(library.space, v, task, own, options) for v in library.variants(options)]
    plain = results[0].per_query
    gains = [differences(plain[:, :1], result.per_query[:, :1])[0] for result in results]
    return Evaluation(
        home=library.home,
        encoder=library.configuration.spec.describe(),
        labels=options.labels,
        exclude_same=options.exclude_same,
        counts=task.counts,
        chance=float(task.shares[task.shares > 0].mean()),
        results=tuple(results),
        gains=tuple(gains),
        own=library.own,
        whitens=whitens(replace(library.configuration, pooling="mean")),
    )


def _result(space: Space, variant: Variant, task: _Task, own: Float32, options: EvalOptions) -> VariantResult:
    near = similarities(
        space.vectors(task.digests, variant),
        variant.hub_correction,
        recordings=task.truth.recordings,
        neighbours=options.neighbours,
    )
    rankings = metrics.rank(near, task.truth, options.cutoffs)
    per_query = rankings.measures[task.shares > 0]
    figures = dict(zip(metrics.measure_names(options.cutoffs), bootstrap(per_query), strict=True))
    return VariantResult(variant, figures, _list_figures(rankings, own), per_query)


def _list_figures(rankings: metrics.Rankings, own: Float32) -> ListFigures:
    counts = metrics.occurrences(rankings.lists, len(own))
    return ListFigures(
        coverage=metrics.coverage(counts),
        hubness=metrics.hubness(counts),
        largest_occurrence=int(counts.max()),
        diversity=metrics.mean_known(metrics.diversity(rankings.lists, own)),
        novelty=metrics.novelty(rankings.lists, counts),
    )
