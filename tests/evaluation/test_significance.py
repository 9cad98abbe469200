"""Intervals and the paired test: as SciPy's, seeded, and right about what they cover."""

from __future__ import annotations

import numpy as np
import pytest

from audiosim.evaluation.significance import Figure, bootstrap, differences, paired_test, proportion


def sample(count: int, seed: int = 0, mean: float = 0.5) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(mean, 0.2, (count, 2)), 0, 1)


def test_of_many_values_the_interval_is_that_of_percentiles() -> None:
    values = sample(2_000)
    means = np.random.default_rng(0).choice(values, (2_000, len(values))).mean(axis=1)
    for figure, column, resampled in zip(bootstrap(values), values.T, means.T, strict=True):
        assert figure.value == pytest.approx(column.mean())
        assert figure.low == pytest.approx(np.percentile(resampled, 2.5), abs=0.001)
        assert figure.high == pytest.approx(np.percentile(resampled, 97.5), abs=0.001)


def test_of_few_values_the_interval_holds_the_mean_more_often_than_percentiles() -> None:
    values = np.random.default_rng(3).beta(0.5, 0.5, (8, 1_000))  # each column's mean should be 0.5
    held = np.mean([figure.low <= 0.5 <= figure.high for figure in bootstrap(values)])
    resampled = values[np.random.default_rng(1).integers(8, size=(2_000, 8))].mean(axis=1)
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    assert held > np.mean((low <= 0.5) & (high >= 0.5)) + 0.01
    assert held > 0.9


def test_values_that_differ_by_rounding_are_equal() -> None:
    value = 0.1 * 3
    (figure,) = bootstrap(np.array([[value], [np.nextafter(value, 1)], [value]]))
    assert figure.high - figure.low < 1e-12


def test_the_same_values_always_give_the_same_interval() -> None:
    assert bootstrap(sample(50)) == bootstrap(sample(50))


def test_many_queries_are_resampled_in_batches() -> None:
    values = sample(5_000)
    (figure, _) = bootstrap(values)
    error = values[:, 0].std() / np.sqrt(len(values))
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_one_query_has_no_width() -> None:
    (figure,) = bootstrap(np.array([[0.25]]))
    assert (figure.value, figure.low, figure.high) == (0.25, 0.25, 0.25)


def test_of_alike_queries_only_the_interval_over_labels_holds_the_mean() -> None:
    rng, labels = np.random.default_rng(5), np.repeat(np.arange(30), 8)
    values = 0.5 + rng.normal(0, 0.2, (30, 200))[labels] + rng.normal(0, 0.05, (240, 200))
    figures = bootstrap(values, labels)
    assert np.mean([figure.low <= 0.5 <= figure.high for figure in figures]) < 0.65
    assert np.mean([over_labels(figure)[0] <= 0.5 <= over_labels(figure)[1] for figure in figures]) > 0.9
    error = values.reshape(30, 8, 200).mean(axis=1).std(axis=0) / np.sqrt(30)
    widths = [over_labels(figure)[1] - over_labels(figure)[0] for figure in figures]
    assert np.median(widths / error) == pytest.approx(2 * 1.96, rel=0.15)


def over_labels(figure: Figure) -> tuple[float, float]:
    assert figure.low_over_labels is not None
    assert figure.high_over_labels is not None
    return figure.low_over_labels, figure.high_over_labels


def test_labels_of_many_queries_weigh_more() -> None:
    values, labels = np.array([[0.0], [1.0], [1.0], [1.0]]), np.array([7, 3, 3, 3])
    (figure,) = bootstrap(values, labels)
    assert figure.value == 0.75
    assert over_labels(figure) == (0.0, 1.0)  # only the one label, or only the other


def test_labels_of_one_query_each_are_queries() -> None:
    values = sample(40)
    for figure in bootstrap(values, np.arange(40)):
        assert over_labels(figure) == (figure.low, figure.high)


def test_one_label_says_nothing_of_others() -> None:
    for figure in bootstrap(sample(40), np.full(40, 3)):
        assert (figure.low_over_labels, figure.high_over_labels) == (None, None)


def test_a_difference_that_one_label_makes_is_not_sure_over_labels() -> None:
    labels = np.repeat(np.arange(10), 20)
    better = np.where(labels == 0, 0.3, 0.0)[:, None] + np.random.default_rng(1).normal(0, 0.01, (200, 1))
    (found,) = differences(np.zeros((200, 1)), better, labels)
    assert found.p < 0.001
    assert found.figure.low > 0
    assert over_labels(found.figure)[0] < 0.003


@pytest.mark.parametrize(("successes", "count"), [(0, 5), (3, 4), (10, 10), (61, 200)])
def test_the_interval_of_a_share_is_wilsons(successes: int, count: int) -> None:
    from scipy import stats

    figure = proportion(successes, count)
    theirs = stats.binomtest(successes, count).proportion_ci(method="wilson")
    assert figure.value == successes / count
    assert (figure.low, figure.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_p_values_are_those_of_scipy() -> None:
    from scipy import stats

    differences = np.stack([sample(40, 1)[:, 0] - 0.45, sample(40, 2)[:, 0] - 0.5], axis=1)
    for p, column in zip(paired_test(differences), differences.T, strict=True):
        theirs = stats.permutation_test(
            (column, np.zeros_like(column)), lambda a, b: np.mean(a - b), permutation_type="samples"
        )
        assert p == pytest.approx(theirs.pvalue, abs=0.02)


def test_no_difference_is_no_evidence_and_a_large_one_is() -> None:
    none, large = paired_test(np.stack([np.zeros(60), np.full(60, 0.3)], axis=1))
    assert none == 1.0
    assert large == pytest.approx(1e-4)
