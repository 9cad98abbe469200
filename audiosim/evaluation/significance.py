"""How sure a mean over queries is: confidence intervals and a paired test, all seeded.

Queries are drawn as if they were independent. Those of one album or artist are not, so that such
intervals tell how the figures depend on this library's tracks, not how another library would fare.
For that, whole labels are drawn: each with all of its queries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from audiosim.core.types import Float64
from audiosim.library.neighbours import Codes

RESAMPLES = 2_000  # of the bootstrap
PERMUTATIONS = 9_999
CONFIDENCE = 0.95
NORMAL = 1.959964  # standard deviations that hold that share of a normal distribution
SEED = 20_240_229
DRAWS = 2_000_000  # numbers at a time
FEW = 1_000  # queries, up to which intervals are corrected for bias and skewness
ROUNDING = 1e-12  # values that differ by less are equal


@dataclass(frozen=True)
class Figure:
    """A mean over queries, and its confidence intervals, over queries and over labels where there are two."""

    value: float
    low: float
    high: float
    low_over_labels: float | None = None
    high_over_labels: float | None = None


@dataclass(frozen=True)
class Difference:
    """A measure of one way less that of another: the mean over queries, its interval, a two-sided p-value."""

    figure: Figure
    p: float


def bootstrap(values: Float64, labels: Codes | None = None) -> list[Figure]:
    """Compute the mean of each column with its 95 % confidence intervals.

    Bias-corrected and accelerated bootstrap (Efron and Tibshirani, *An Introduction to the
    Bootstrap*, 1993, chapter 14): of few or skewed values its intervals hold the true mean more often
    than plain percentiles do. Of many queries, percentiles (chapter 13) are as good, and faster.

    Over labels, whole ones are drawn, each with its queries, and the mean is of the queries drawn: Field
    and Welsh, "Bootstrapping clustered data", JRSS B 69(3), 2007. With fewer than about ten labels such
    intervals are too narrow still: Cameron, Gelbach and Miller, "Bootstrap-based improvements for
    inference with clustered errors", Review of Economics and Statistics 90(3), 2008.

    Parameters
    ----------
    values : float64 (queries, measures)
        One query or more; the queries drawn are the same for all columns.
    labels : int (queries,), optional
        Codes of the queries' labels, for the interval over these.

    Returns
    -------
    list of Figure
        One a column. The interval of equal values has no width.
    """
    means = values.mean(axis=0)
    low, high = _interval(values, np.ones(len(values)), means)
    figures = [Figure(*row) for row in np.stack([means, low, high], axis=1).tolist()]
    if labels is None or not np.ptp(labels):
        return figures
    _, numbers, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, numbers, values)
    intervals = np.stack(_interval(sums, sizes.astype(np.float64), means), axis=1).tolist()
    return [
        replace(figure, low_over_labels=low, high_over_labels=high)
        for figure, (low, high) in zip(figures, intervals, strict=True)
    ]


def _interval(sums: Float64, sizes: Float64, means: Float64) -> tuple[Float64, Float64]:
    """The interval of each column's mean, from its sums over independent groups of queries, of such sizes."""
    from scipy import stats

    low, high = means.copy(), means.copy()
    varying = np.ptp(sums / sizes[:, None], axis=0) > ROUNDING
    if varying.any():
        method = "BCa" if len(sums) <= FEW else "percentile"
        rng, batch = np.random.default_rng(SEED), max(1, DRAWS // sums.size)
        options = {"n_resamples": RESAMPLES, "confidence_level": CONFIDENCE, "rng": rng, "batch": batch}
        if (sizes == 1).all():
            found = stats.bootstrap((sums[:, varying],), np.mean, axis=0, method=method, **options)
        else:
            pairs = sums[:, varying], np.broadcast_to(sizes[:, None], sums.shape)[:, varying]
            found = stats.bootstrap(pairs, _mean_of_all, axis=0, method=method, paired=True, **options)
        low[varying], high[varying] = found.confidence_interval
    return low, high


def _mean_of_all(sums: Float64, sizes: Float64, axis: int) -> Float64:
    mean: Float64 = sums.sum(axis=axis) / sizes.sum(axis=axis)
    return mean


def proportion(successes: float, count: int) -> Figure:
    """Give a share of independent trials with its 95 % interval; half a success is a draw.

    Wilson's score interval (JASA 22, 1927), which has a width also where all trials agree, and is right
    for few of them: Brown, Cai and DasGupta, "Interval estimation for a binomial proportion",
    Statistical Science 16(2), 2001.

    Parameters
    ----------
    successes : float
        How many trials succeeded.
    count : int
        How many there were, at least one.

    Returns
    -------
    Figure
        The share, and its interval.
    """
    share, squared = successes / count, NORMAL**2
    middle = (successes + squared / 2) / (count + squared)
    reach = NORMAL / (count + squared) * math.sqrt(count * share * (1 - share) + squared / 4)
    return Figure(share, max(0.0, middle - reach), min(1.0, middle + reach))


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


def differences(first: Float64, second: Float64, labels: Codes | None = None) -> list[Difference]:
    """How far each column of values (queries, measures) is above the same column of the first ones.

    Parameters
    ----------
    first, second : float64 (queries, measures)
        What the measures are of each query, one way and another.
    labels : int (queries,), optional
        As for `bootstrap`.
    """
    apart = second - first
    figures = zip(bootstrap(apart, labels), paired_test(apart), strict=True)
    return [Difference(figure, float(p)) for figure, p in figures]


def _batches(total: int, width: int) -> list[slice]:
    step = max(1, DRAWS // max(width, 1))
    return [slice(start, min(start + step, total)) for start in range(0, total, step)]
