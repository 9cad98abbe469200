"""How sure a mean over queries is: confidence intervals and a paired test, both seeded.

Queries are drawn as if they were independent. Those of one label are alike, so that intervals
tell how the figures depend on this library's tracks, not how another library would fare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audiosim.core.types import Float64

RESAMPLES = 2_000  # of the bootstrap
PERMUTATIONS = 9_999
CONFIDENCE = 0.95
SEED = 20_240_229
DRAWS = 2_000_000  # numbers at a time
FEW = 1_000  # queries, up to which intervals are corrected for bias and skewness
ROUNDING = 1e-12  # values that differ by less are equal


@dataclass(frozen=True)
class Figure:
    """A mean over queries, and its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A measure of one way less that of another: the mean over queries, its interval, a two-sided p-value."""

    figure: Figure
    p: float


def bootstrap(values: Float64) -> list[Figure]:
    """Compute the mean of each column with its 95 % confidence interval.

    Bias-corrected and accelerated bootstrap (Efron and Tibshirani, *An Introduction to the
    Bootstrap*, 1993, chapter 14): of few or skewed values its intervals hold the true mean more often
    than plain percentiles do. Of many queries, percentiles (chapter 13) are as good, and faster.

    Parameters
    ----------
    values : float64 (queries, measures)
        One query or more; the queries drawn are the same for all columns.

    Returns
    -------
    list of Figure
        One a column. The interval of equal values has no width.
    """
    from scipy import stats

    means = values.mean(axis=0)
    low, high = means.copy(), means.copy()
    varying = np.ptp(values, axis=0) > ROUNDING
    if varying.any():
        method = "BCa" if len(values) <= FEW else "percentile"
        rng, batch = np.random.default_rng(SEED), max(1, DRAWS // values.size)
        options = {"n_resamples": RESAMPLES, "confidence_level": CONFIDENCE, "rng": rng, "batch": batch}
        found = stats.bootstrap((values[:, varying],), np.mean, axis=0, method=method, **options)
        low[varying], high[varying] = found.confidence_interval
    return [Figure(*row) for row in np.stack([means, low, high], axis=1).tolist()]


def paired_test(differences: Float64) -> Float64:
    """Two-sided p-values (measures,) of differences (queries, measures) that should be 0 on average.

    Fisher's randomisation test, signs drawn at random: Smucker, Allan, Carterette, "A comparison
    of statistical significance tests for information retrieval evaluation", CIKM 2007; never 0, as
    in Phipson and Smyth, 2010.
    """
    rng = np.random.default_rng(SEED)
    observed = np.abs(differences.sum(axis=0))
    slack = 1e-12 * np.abs(differences).sum(axis=0)  # sums of the same numbers in another order
    extreme = np.zeros(differences.shape[1])
    for rows in _batches(PERMUTATIONS, len(differences)):
        signs = rng.integers(2, size=(rows.stop - rows.start, len(differences)), dtype=np.int8) * 2.0 - 1.0
        extreme += (np.abs(signs @ differences) >= observed - slack).sum(axis=0)
    p: Float64 = (extreme + 1.0) / (PERMUTATIONS + 1.0)
    return p


def differences(first: Float64, second: Float64) -> list[Difference]:
    """How far each column of values (queries, measures) is above the same column of the first ones."""
    apart = second - first
    figures = zip(bootstrap(apart), paired_test(apart), strict=True)
    return [Difference(figure, float(p)) for figure, p in figures]


def _batches(total: int, width: int) -> list[slice]:
    step = max(1, DRAWS // max(width, 1))
    return [slice(start, min(start + step, total)) for start in range(0, total, step)]
