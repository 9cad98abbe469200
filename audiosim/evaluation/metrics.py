"""Measures of ranked answers and of the lists that a library's tracks get. Pure NumPy but for the skewness.

``relevance`` is bool (queries, answers): each row tells which answers of a query are relevant,
best answer first, and holds all of its relevant ones. Rows are filled up with False where a
query has fewer answers. Each measure gives float64 (queries,), NaN for a query with no
relevant answer where it would divide by their number. Formulas as in trec_eval: Manning,
Raghavan, Schütze, *Introduction to Information Retrieval*, 2008, chapter 8.

``lists`` is int (queries, length): the tracks that each query gets, -1 where there are fewer.

Examples
--------
Two queries with four answers each, of which two and one are right:

>>> relevance = np.array([[True, False, True, False], [False, True, False, False]])
>>> precision(relevance, 2).tolist()
[0.5, 0.5]
>>> recall(relevance, 2).tolist()
[0.5, 1.0]
>>> average_precision(relevance).round(3).tolist()  # (1/1 + 2/3) / 2, and 1/2
[0.833, 0.5]
>>> r_precision(relevance).tolist()  # of the first two, and of the first one
[0.5, 0.0]
>>> reciprocal_rank(relevance).tolist()
[1.0, 0.5]
>>> ndcg(relevance).round(3).tolist()
[0.92, 0.631]

The lists of three tracks:

>>> counts = occurrences(np.array([[1, 2], [0, 2], [1, NONE]]), 3)
>>> counts.tolist()
[1, 2, 2]
>>> coverage(counts)
1.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, Float64
from audiosim.evaluation.relevance import GroundTruth
from audiosim.library.hubness import Similarities
from audiosim.library.neighbours import blocks

Relevance = npt.NDArray[np.bool_]
Lists = npt.NDArray[np.int64]
NONE = -1  # in lists: no track
LIST_LENGTH = 10  # of the lists that coverage, hubness, diversity and novelty look at
CURVE_LENGTH = 20  # answers that a curve of precision goes to, at least


def precision(relevance: Relevance, k: int) -> Float64:
    """Share of relevant ones among the first `k` answers; missing answers count as wrong."""
    return cast("Float64", relevance[:, :k].sum(axis=1) / k)


def recall(relevance: Relevance, k: int) -> Float64:
    """Share of the relevant answers that are among the first `k`."""
    return _share(relevance[:, :k].sum(axis=1), relevance.sum(axis=1))


def average_precision(relevance: Relevance) -> Float64:
    """Mean, over the relevant answers, of the precision at the rank of each."""
    ranks = np.arange(1, relevance.shape[1] + 1)
    hits = np.cumsum(relevance, axis=1, dtype=np.int32)
    return _share(np.sum(hits / ranks, axis=1, where=relevance), relevance.sum(axis=1))


def r_precision(relevance: Relevance) -> Float64:
    """Precision at the rank R, the number of relevant answers of the query; there it equals recall.

    trec_eval's Rprec: Buckley and Voorhees, "Evaluating evaluation measure stability", SIGIR 2000. It
    asks as much of small albums as of large ones, where precision at one k does not.
    """
    relevant = relevance.sum(axis=1)
    within = np.arange(relevance.shape[1]) < relevant[:, None]
    return _share(np.sum(relevance & within, axis=1), relevant)


def reciprocal_rank(relevance: Relevance) -> Float64:
    """1 / rank of the first relevant answer."""
    found = np.any(relevance, axis=1)
    ranks = np.where(found, relevance.argmax(axis=1) + 1, 0)
    return _share(found, ranks)


def ndcg(relevance: Relevance, k: int | None = None) -> Float64:
    """Discounted cumulative gain by that of the best order, of the first `k` answers or all.

    A relevant answer at rank r gains 1 / log2(r + 1): Järvelin and Kekäläinen, "Cumulated
    gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002, with binary gains.
    """
    relevant = relevance.sum(axis=1)
    cut = relevance[:, :k]
    gains = 1.0 / np.log2(np.arange(2, cut.shape[1] + 2))
    best = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(relevant, cut.shape[1])]
    return _share(cut @ gains, best)


def occurrences(lists: Lists, tracks: int) -> npt.NDArray[np.int64]:
    """k-occurrence N_k int (tracks,): in how many of the lists each track is."""
    return np.bincount(lists[lists != NONE], minlength=tracks)


def coverage(counts: npt.NDArray[np.int64]) -> float:
    """Share of the tracks that are in any list, from their k-occurrences."""
    return float(np.mean(counts > 0))


def hubness(counts: npt.NDArray[np.int64]) -> float:
    """Skewness of the k-occurrences; 0 where all are equal.

    Radovanović, Nanopoulos, Ivanović, "Hubs in space", JMLR 11, 2010: a few tracks that are in very
    many lists ("hubs") make it large, lists that share no favourites keep it near 0.
    """
    from scipy.stats import skew

    return float(skew(counts)) if np.ptp(counts) else 0.0


def novelty(lists: Lists, counts: npt.NDArray[np.int64]) -> float:
    """Mean self-information of the tracks in the lists, in bits.

    A track in N of q lists tells -log2(N / q): Zhou et al., "Solving the apparent diversity-accuracy
    dilemma of recommender systems", PNAS 107(10), 2010, with the lists in the place of users'
    choices; as mean over lists of the mean in each. NaN where all lists are empty.
    """
    information = -np.log2(np.maximum(counts, 1) / max(len(lists), 1))
    there = lists != NONE
    per_list = _share(np.sum(information[lists], axis=1, where=there), there.sum(axis=1))
    return mean_known(per_list)


def diversity(lists: Lists, vectors: Float32) -> Float64:
    """Mean cosine distance of all pairs of tracks in each list, float64 (queries,).

    Intra-list diversity: Ziegler et al., "Improving recommendation lists through topic
    diversification", WWW 2005. `vectors` are unit vectors (tracks, dim); NaN for a list of one.
    """
    there = lists != NONE
    count = there.sum(axis=1)
    total = np.zeros((len(lists), vectors.shape[1]))
    own = np.zeros(len(lists))
    for column in range(lists.shape[1]):
        rows = np.where(there[:, column, None], vectors[lists[:, column]], 0.0)
        total += rows
        own += np.einsum("ij,ij->i", rows, rows)
    pairs = count * (count - 1)
    return 1.0 - _share(np.einsum("ij,ij->i", total, total) - own, pairs)


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Float64:
    """`part` / `whole`, NaN where `whole` is 0."""
    share = np.full(len(whole), np.nan)
    np.divide(part, whole, out=share, where=whole != 0)
    return share


def mean_known(values: Float64) -> float:
    """The mean of the values that are not NaN; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True)
class Rankings:
    """What is measured of n tracks' rankings.

    ``measures`` float64 (n, measures) in the order of `measure_names`, NaN where a track has no right
    answer; ``lists`` int (n, LIST_LENGTH), the nearest tracks of each, -1 where there are fewer;
    ``hits`` bool (n, CURVE_LENGTH or the largest cutoff), which of its first answers are right.
    """

    measures: Float64
    lists: Lists
    hits: Relevance


def measure_names(cutoffs: Sequence[int]) -> list[str]:
    """The measures' names: ``map``, ``r_precision``, ``mrr``, ``ndcg``, ``precision@1`` and so on."""
    at = [f"{name}@{k}" for name in ("precision", "recall", "ndcg") for k in cutoffs]
    return ["map", "r_precision", "mrr", "ndcg", *at]


def rank(similarities: Similarities, truth: GroundTruth, cutoffs: Sequence[int]) -> Rankings:
    """Rank the admitted answers of each track by similarity; ties in order of the tracks."""
    measures = np.empty((truth.count, len(measure_names(cutoffs))))
    lists = np.full((truth.count, LIST_LENGTH), NONE, np.int64)
    hits = np.zeros((truth.count, max(CURVE_LENGTH, *cutoffs)), np.bool_)
    for rows in blocks(truth.count):
        admitted = truth.admitted(rows)
        order = np.argsort(np.where(admitted, -similarities(rows), np.inf), axis=1, kind="stable")
        relevance = np.take_along_axis(truth.right(rows), order, axis=1)
        measures[rows] = _measures(relevance, cutoffs)
        first = relevance[:, : hits.shape[1]]
        hits[rows, : first.shape[1]] = first
        nearest = order[:, :LIST_LENGTH]
        there = np.take_along_axis(admitted, nearest, axis=1)
        lists[rows, : nearest.shape[1]] = np.where(there, nearest, NONE)
    return Rankings(measures, lists, hits)


def _measures(relevance: Relevance, cutoffs: Sequence[int]) -> Float64:
    columns = [measure(relevance) for measure in (average_precision, r_precision, reciprocal_rank, ndcg)]
    columns += [measure(relevance, k) for measure in (precision, recall, ndcg) for k in cutoffs]
    return np.stack(columns, axis=1)
