"""Evaluations made by hand, of a home that is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audiosim.evaluation.results import Counts, Evaluation, ListFigures, VariantResult
from audiosim.evaluation.significance import bootstrap, differences
from audiosim.evaluation.variants import Variant

OWN = Variant("mean", centring=True, hub_correction="score")
LISTS = ListFigures(1.0, 0.0, 1, 0.5, 1.0)
WORSE, SAME, BETTER, BEST = -0.2, 0.0, 0.2, 0.4  # in MAP, than what the home has


def evaluation(
    *tried: tuple[Variant, float], own: Variant = OWN, queries: int = 60, only: int | None = None
) -> Evaluation:
    """Variants that differ from a home's by so much on average; by chance where that is nothing.

    Queries belong to six labels in turn; with `only`, the difference is all in that one.
    """
    labels = np.arange(queries) % 6
    where = np.ones((queries, 1)) if only is None else 6.0 * (labels == only)[:, None]
    rng = np.random.default_rng(7)
    base = rng.uniform(0.4, 0.6, (queries, 1))
    results = []
    for variant, gain in [(OWN, SAME), *tried]:
        noise = 0.0 if variant == OWN else rng.normal(0, 0.05, (queries, 1))
        values = base + gain * where + noise - np.mean(noise) + (0.001 if variant != OWN and not gain else 0)
        figures = {"map": bootstrap(values, labels)[0]}
        results.append(VariantResult(variant, figures, LISTS, values, rng.random((queries, 20)) < 0.5))
    first = results[0].per_query
    gains = tuple(differences(first, result.per_query, labels)[0] for result in results)
    counts = Counts(queries, 6, queries, 0, 0, 0)
    return Evaluation(
        home=Path("/a home"),
        encoder="made",
        labels="genre",
        exclude_same=None,
        excluded_for="asked",
        counts=counts,
        chance=0.3,
        results=tuple(results),
        gains=gains,
        own=own,
        query_labels=labels,
    )


MAX = Variant("max", centring=True, hub_correction="score")
PLAIN = Variant("mean-std", centring=True)
