"""How well a home finds what belongs together: each track asks, its labels judge the answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from audiosim.core.errors import UsageError
from audiosim.core.text import counted
from audiosim.core.types import Float32
from audiosim.evaluation import metrics
from audiosim.evaluation.artist_filter import Judged, judged
from audiosim.evaluation.home import EvaluatedHome
from audiosim.evaluation.labels import Labelling, LabelSet, label_tracks
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
from audiosim.library.hubness import similarities
from audiosim.library.neighbours import Codes
from audiosim.library.whitening import whitens


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
    library = EvaluatedHome.load(home)
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
    libraries = [EvaluatedHome.load(home), EvaluatedHome.load(other)]
    labelling = label_tracks(options.labels, libraries[0].tracks)
    task = _task(labelling, libraries, options)
    first, second = (_evaluation(library, task, options) for library in libraries)
    found = differences(first.results[0].per_query, second.results[0].per_query, task.query_labels)
    names = metrics.measure_names(options.cutoffs)
    return HomeComparison(first, second, dict(zip(names, found, strict=True)))


@dataclass(frozen=True)
class _Task:
    """What is asked of a home: which tracks, and the ground truth for their answers."""

    digests: tuple[str, ...]
    judged: Judged
    counts: Counts

    @property
    def query_labels(self) -> Codes:
        """The label that each query counts to."""
        return self.judged.truth.main_labels()[self.judged.shares > 0]


def _task(labelling: Labelling, libraries: Sequence[EvaluatedHome], options: EvalOptions) -> _Task:
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
    found = judged(asking, [own for _, own in kept], labelling.source, options.exclude_same, copies)
    if not found.shares.any():
        raise _nothing_to_judge(found, len(labelled))
    counts = Counts(
        tracks=len(kept),
        labels=len(LabelSet().union(*(own for _, own in kept))),
        queries=int((found.shares > 0).sum()),
        without_label=len(common) - len(labelled),
        without_vector=len(labelled) - len(kept),
        not_indexed=len(labelling.unknown),
        not_shared=len({t.path for library in libraries for t in library.tracks} - {p for p, _ in shared}),
    )
    return _Task(tuple(t.digest for t, _ in kept), found, counts)


def _nothing_to_judge(found: Judged, labelled: int) -> UsageError:
    filtered = found.reason == "asked" and found.exclude_same
    return UsageError(
        "There is nothing to judge answers by",
        f"of {counted(labelled, 'track')} with a label, no two share one that counts",
        "Choose other `labels`" + (", or `exclude_same` none." if filtered else "."),
    )


def _evaluation(library: EvaluatedHome, task: _Task, options: EvalOptions) -> Evaluation:
    own, shares = library.space.vectors(task.digests), task.judged.shares
    results = [_result(library.space, v, task, own, options) for v in library.variants(options)]
    plain, labels = results[0].per_query, task.query_labels
    gains = [differences(plain[:, :1], result.per_query[:, :1], labels)[0] for result in results]
    return Evaluation(
        home=library.home,
        encoder=library.configuration.spec.describe(),
        labels=options.labels,
        exclude_same=task.judged.exclude_same,
        excluded_for=task.judged.reason,
        counts=task.counts,
        chance=float(shares[shares > 0].mean()),
        results=tuple(results),
        gains=tuple(gains),
        own=library.own,
        query_labels=labels,
        whitens=whitens(replace(library.configuration, pooling="mean")),
    )


def _result(space: Space, variant: Variant, task: _Task, own: Float32, options: EvalOptions) -> VariantResult:
    truth, asked = task.judged.truth, task.judged.shares > 0
    near = similarities(
        space.vectors(task.digests, variant),
        variant.hub_correction,
        recordings=truth.recordings,
        neighbours=options.neighbours,
    )
    rankings = metrics.rank(near, truth, options.cutoffs)
    per_query, names = rankings.measures[asked], metrics.measure_names(options.cutoffs)
    figures = dict(zip(names, bootstrap(per_query, task.query_labels), strict=True))
    return VariantResult(variant, figures, _list_figures(rankings, own), per_query, rankings.hits[asked])


def _list_figures(rankings: metrics.Rankings, own: Float32) -> ListFigures:
    counts = metrics.occurrences(rankings.lists, len(own))
    return ListFigures(
        coverage=metrics.coverage(counts),
        hubness=metrics.hubness(counts),
        largest_occurrence=int(counts.max()),
        diversity=metrics.mean_known(metrics.diversity(rankings.lists, own)),
        novelty=metrics.novelty(rankings.lists, counts),
    )
