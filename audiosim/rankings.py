"""Ranks every track's answers, and keeps only what is measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audiosim.metrics import (
    NONE,
    Lists,
    Relevance,
    average_precision,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
)
from audiosim.relevance import Judge
from audiosim.similarities import Similarities, blocks
from audiosim.types import Float64

LIST_LENGTH = 10  # of the lists that coverage, hubness, diversity and novelty look at


@dataclass(frozen=True)
class Rankings:
    """What is measured of n tracks' rankings.

    ``measures`` float64 (n, measures) in the order of `measure_names`, NaN where a track has no right
    answer; ``lists`` int (n, LIST_LENGTH), the nearest tracks of each, -1 where there are fewer.
    """

    measures: Float64
    lists: Lists


def measure_names(cutoffs: Sequence[int]) -> list[str]:
    """The measures' names: ``map``, ``mrr``, ``ndcg``, ``precision@1`` and so on."""
    at = [f"{name}@{k}" for name in ("precision", "recall", "ndcg") for k in cutoffs]
    return ["map", "mrr", "ndcg", *at]


def rank(similarities: Similarities, judge: Judge, cutoffs: Sequence[int]) -> Rankings:
    """Ranks the admitted answers of each track by similarity; ties in order of the tracks."""
    measures = np.empty((judge.count, len(measure_names(cutoffs))))
    lists = np.full((judge.count, LIST_LENGTH), NONE, np.int64)
    for rows in blocks(judge.count):
        admitted = judge.admitted(rows)
        order = np.argsort(np.where(admitted, -similarities(rows), np.inf), axis=1, kind="stable")
        relevance = np.take_along_axis(judge.right(rows), order, axis=1)
        measures[rows] = _measures(relevance, cutoffs)
        nearest = order[:, :LIST_LENGTH]
        there = np.take_along_axis(admitted, nearest, axis=1)
        lists[rows, : nearest.shape[1]] = np.where(there, nearest, NONE)
    return Rankings(measures, lists)


def _measures(relevance: Relevance, cutoffs: Sequence[int]) -> Float64:
    columns = [average_precision(relevance), reciprocal_rank(relevance), ndcg(relevance)]
    columns += [precision(relevance, k) for k in cutoffs]
    columns += [recall(relevance, k) for k in cutoffs]
    columns += [ndcg(relevance, k) for k in cutoffs]
    return np.stack(columns, axis=1)
