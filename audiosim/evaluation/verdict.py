"""Which of the variants tried is best for a home's searches, by how much, and whether that is sure."""

from __future__ import annotations

from dataclasses import dataclass

from audiosim.evaluation.results import Evaluation, VariantResult
from audiosim.evaluation.significance import Difference, Figure, differences
from audiosim.evaluation.variants import Variant

SURE = 0.05  # p, times the number of variants that were compared


@dataclass(frozen=True)
class Verdict:
    """What an evaluation of several variants comes to, by mean average precision (MAP).

    Parameters
    ----------
    best : VariantResult
        The best of those that the home's searches can have.
    over : VariantResult
        What the home has; where that is the best itself, the next one.
    gain : Difference
        By how much the best is above that, over the same queries.
    sure : bool
        Whether that is no chance, as many as were tried of those that searches can have, and would be so
        with other labels drawn, where there are several.
    tried : int
        How many these were.
    beyond : VariantResult or None
        What does better still, though no search can have it.
    """

    best: VariantResult
    over: VariantResult
    gain: Difference
    sure: bool
    tried: int
    beyond: VariantResult | None


def verdict(evaluation: Evaluation) -> Verdict | None:
    """Judge an evaluation; None where it has not tried what the home has and something else."""
    ranked = sorted(
        evaluation.results,
        key=lambda result: (result.figures["map"].value, result.variant == evaluation.own),
        reverse=True,
    )
    able = [result for result in ranked if can_become(evaluation, result.variant)]
    own = next((result for result in able if result.variant == evaluation.own), None)
    if own is None or len(able) < 2:
        return None
    best = able[0]
    over = able[1] if best is own else own
    gain = differences(over.per_query[:, :1], best.per_query[:, :1], evaluation.query_labels)[0]
    sure = above(gain.figure) and gain.p * (len(able) - 1) < SURE
    beyond = ranked[0] if ranked[0] is not best else None
    return Verdict(best, over, gain, sure, len(able), beyond)


def above(gain: Figure) -> bool:
    """Whether a difference is above 0 whichever queries are drawn, and whichever labels."""
    return gain.low > 0 and (gain.low_over_labels is None or gain.low_over_labels > 0)


def can_become(evaluation: Evaluation, other: Variant) -> bool:
    """Whether a home's searches can be made so.

    Another pooling is to be had, searches without the correction for hubs or without whitening; and with
    it, where centred means of the home's encoder are whitened.
    """
    own = evaluation.own
    hubs = {own.hub_correction} | ({"none"} if own.hub_correction == "score" else set())
    whitens = evaluation.whitens and own.centring and other.pooling == "mean"
    return (
        other.centring == own.centring and other.hub_correction in hubs and (whitens or not other.whitening)
    )
