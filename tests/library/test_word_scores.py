"""Scores of words: what is kept, and how what fits everything is kept from winning."""

from __future__ import annotations

import numpy as np
import pytest
from made_home import frames_of

from audiosim.encoders.words import Vocabulary
from audiosim.library.catalog import Audio
from audiosim.library.word_scores import Standard, WordScores, cosines, log_odds, track_odds


def test_a_score_is_the_mean_over_audible_windows() -> None:
    vocabulary = Vocabulary(("one", "two"), np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    rows = np.array([[2, -2], [0, 4], [9, 9]], np.float32)
    odds = track_odds(vocabulary, frames_of(rows, silent=(2,)))
    expected = (1 / (1 + np.exp(-rows[:2]))).mean(axis=0)
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), expected, rtol=1e-5)


def test_scores_beyond_float32_s_range_are_finite() -> None:
    vocabulary = Vocabulary(("one",), np.ones((1, 1), np.float32), np.zeros(1, np.float32))
    scores = vocabulary.scores(np.array([[-1e4], [1e4]], np.float32))
    np.testing.assert_allclose(scores[:, 0], [0, 1], atol=1e-6)
    assert np.isfinite(log_odds(scores)).all()


def test_what_is_kept_tells_small_scores_apart() -> None:
    small = np.array([2e-6, 3e-6, 0.001, 0.5, 0.97], np.float32)
    kept = log_odds(small).astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(1 / (1 + np.exp(-kept)), small, rtol=0.01)


def test_a_word_that_fits_everything_says_no_more_than_another() -> None:
    values = np.array([[5.0, -4.0], [5.2, -4.2], [5.1, -2.0]], np.float32)
    found = WordScores(("rock", "harp"), Audio(["a", "b", "c"]), values)
    np.testing.assert_allclose(found.standing_out.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.standing_out.std(axis=0), 1, rtol=1e-4)
    assert found.standing_out[2, 1] > found.standing_out[1, 0]
    assert found.raw(values)[0, 0] == pytest.approx(1 / (1 + np.exp(-5.0)))


@pytest.mark.parametrize("values", [np.zeros((0, 2), np.float32), np.ones((3, 2), np.float32)])
def test_where_nothing_varies_nothing_stands_out(values: np.ndarray) -> None:
    assert not Standard.of(values)(values).any()


def test_texts_are_compared_with_the_means_of_vectors_that_hold_more() -> None:
    texts = np.array([[1, 0], [0, 1]], np.float32)
    vectors = np.array([[0.3, 0.4, 0.5, 0.5], [0, 0, 1, 0]], np.float32)
    found = cosines(vectors, texts)
    np.testing.assert_allclose(found, np.array([[0.6, 0.8], [0, 0]]), rtol=1e-6)
    assert WordScores(("x", "y"), Audio("ab"), found, odds=False).raw(found) is found
