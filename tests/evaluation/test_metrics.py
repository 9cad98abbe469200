"""Measures of rankings: equal to trec_eval's and scikit-learn's, and the lists' by hand."""

from __future__ import annotations

import doctest

import numpy as np
import numpy.typing as npt
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from audiosim.evaluation import metrics
from audiosim.evaluation.metrics import (
    NONE,
    average_precision,
    coverage,
    diversity,
    hubness,
    ndcg,
    novelty,
    occurrences,
    precision,
    r_precision,
    recall,
    reciprocal_rank,
)

CUTOFFS = (1, 5, 10)
Relevance = npt.NDArray[np.bool_]

rankings = npst.arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 40)))


def test_the_examples_are_true() -> None:
    assert doctest.testmod(metrics).failed == 0


def trec(relevance: Relevance) -> list[dict[str, float]]:
    """What trec_eval says of each query."""
    run = {f"q{q}": {f"d{r}": float(-r) for r in range(relevance.shape[1])} for q in range(len(relevance))}
    judged = {
        f"q{q}": {f"d{r}": int(right) for r, right in enumerate(row)} for q, row in enumerate(relevance)
    }
    cuts = ",".join(map(str, CUTOFFS))
    names = {"map", "Rprec", "recip_rank", "ndcg", f"P.{cuts}", f"recall.{cuts}", f"ndcg_cut.{cuts}"}
    found = pytrec_eval.RelevanceEvaluator(judged, names).evaluate(run)
    return [found[f"q{q}"] for q in range(len(relevance))]


@given(rankings)
def test_every_measure_agrees_with_trec_eval(relevance: Relevance) -> None:
    relevance = relevance[relevance.any(axis=1)]
    ours = {
        "map": average_precision(relevance),
        "Rprec": r_precision(relevance),
        "recip_rank": reciprocal_rank(relevance),
        "ndcg": ndcg(relevance),
        **{f"P_{k}": precision(relevance, k) for k in CUTOFFS},
        **{f"recall_{k}": recall(relevance, k) for k in CUTOFFS},
        **{f"ndcg_cut_{k}": ndcg(relevance, k) for k in CUTOFFS},
    }
    for query, theirs in enumerate(trec(relevance)):
        for name, values in ours.items():
            assert values[query] == pytest.approx(theirs[name], abs=1e-9), name


@given(rankings)
def test_average_precision_and_ndcg_agree_with_scikit_learn(relevance: Relevance) -> None:
    from sklearn.metrics import average_precision_score, ndcg_score

    relevance = relevance[relevance.any(axis=1)]
    scores = -np.arange(relevance.shape[1], dtype=float)
    for row, precision_, gain in zip(relevance, average_precision(relevance), ndcg(relevance), strict=True):
        assert precision_ == pytest.approx(average_precision_score(row, scores), abs=1e-9)
        if len(row) > 1:
            assert gain == pytest.approx(ndcg_score([row.astype(int)], [scores]), abs=1e-9)


def test_a_query_without_a_right_answer_has_no_figure_but_precision() -> None:
    nothing = np.zeros((1, 4), np.bool_)
    assert precision(nothing, 5) == [0.0]
    for measure in (average_precision, r_precision, reciprocal_rank, ndcg):
        assert np.isnan(measure(nothing)).all()
    assert np.isnan(recall(nothing, 5)).all()


def test_answers_that_are_missing_count_as_wrong_in_precision() -> None:
    assert precision(np.array([[True, True]]), 10) == [0.2]


def test_occurrences_count_lists_and_leave_out_empty_places() -> None:
    counts = occurrences(np.array([[1, 2], [2, NONE], [1, 0]]), 5)
    assert counts.tolist() == [1, 2, 2, 0, 0]
    assert coverage(counts) == 0.6


def test_hubness_is_zero_without_hubs_and_grows_with_one() -> None:
    assert hubness(np.full(8, 3)) == 0.0
    one_hub = np.array([8, 1, 1, 1, 1, 1, 1, 1])
    centred = one_hub - one_hub.mean()
    assert hubness(one_hub) == pytest.approx(np.mean(centred**3) / np.mean(centred**2) ** 1.5)
    assert hubness(one_hub) > 2.0


def test_novelty_is_the_information_of_what_is_in_few_lists() -> None:
    lists = np.array([[0, 1], [0, 2], [0, NONE], [0, NONE]])
    assert novelty(lists, occurrences(lists, 3)) == pytest.approx((1 + 1 + 0 + 0) / 4)  # 0 bits and 2 bits


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    vectors = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    values = diversity(np.array([[0, 1, 2], [0, 0, NONE], [1, NONE, NONE]]), vectors)
    assert values[:2].tolist() == pytest.approx([(1 + 2 + 1) / 3, 0.0])
    assert np.isnan(values[2])


@given(
    npst.arrays(np.float32, (12, 5), elements=st.floats(-1, 1, width=32)).filter(
        lambda v: (v**2).sum(1).all()
    )
)
def test_diversity_equals_the_sum_over_all_pairs(rows: npt.NDArray[np.float32]) -> None:
    vectors = (rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)).astype(np.float32)
    lists = np.array([[0, 1, 2, 3], [4, 5, 6, NONE]])
    for found, members in zip(diversity(lists, vectors), ([0, 1, 2, 3], [4, 5, 6]), strict=True):
        cosines = vectors[members].astype(np.float64) @ vectors[members].T.astype(np.float64)
        pairs = np.triu_indices(len(members), 1)
        assert found == pytest.approx(np.mean(1 - cosines[pairs]), abs=1e-6)
