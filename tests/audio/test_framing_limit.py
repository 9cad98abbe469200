"""Which windows a limit keeps."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import SAMPLE_RATE, tone
from fake_encoder import FakeEncoder
from hypothesis import given
from hypothesis import strategies as st

from audiosim.audio.framing import RUN, Framer, Selection, chosen_runs, window_count
from audiosim.core.types import Framing, Waveform
from audiosim.extract import Extractor

framings = st.builds(
    Framing,
    window=st.integers(5, 40),
    hop=st.integers(1, 60),
    lead=st.integers(0, 4),
    trail=st.integers(0, 4),
    tail=st.sampled_from(["pad", "drop"]),
)


@given(framings, st.integers(1, 500))
def test_the_number_of_windows_is_known_before_the_signal_is(framing: Framing, samples: int) -> None:
    framer = Framer(framing)
    windows = [framer.push(np.ones(samples, np.float32)), framer.finish()]
    assert window_count(framing, samples) == sum(map(len, windows))


@given(st.integers(1, 5000), st.integers(1, 300))
def test_runs_are_inside_the_track_apart_and_as_many_as_allowed(total: int, limit: int) -> None:
    runs = chosen_runs(total, limit)
    chosen = [index for run in runs for index in run]
    assert len(chosen) == min(total, limit)
    assert chosen == sorted(set(chosen))
    assert chosen[0] >= 0
    assert chosen[-1] < total
    if total > limit:
        assert all(len(run) == RUN for run in runs[:-1])


def test_runs_are_spread_evenly() -> None:
    assert chosen_runs(300, 30) == [range(45, 55), range(145, 155), range(245, 255)]


def test_without_a_limit_every_window_is_kept() -> None:
    np.testing.assert_array_equal(Selection(3, None).keep(5, 4), [5, 6, 7, 8])


def test_a_limited_track_has_the_embeddings_of_its_chosen_windows() -> None:
    samples = tone(60, 200) * np.linspace(0.1, 1, 60 * SAMPLE_RATE, dtype=np.float32)
    everything = Extractor[str](FakeEncoder()).extract(Waveform(samples, SAMPLE_RATE))
    limited = Extractor[str](FakeEncoder(max_windows=20)).extract(Waveform(samples, SAMPLE_RATE))
    chosen = [index for run in chosen_runs(60, 20) for index in run]
    np.testing.assert_array_equal(limited.timestamps, chosen)
    np.testing.assert_allclose(limited.embedding, everything.embedding[chosen], atol=1e-5)
    np.testing.assert_array_equal(limited.level, everything.level[chosen])


@pytest.mark.parametrize("claimed", [0.0, 5.0, 100_000.0])
def test_a_track_whose_length_was_claimed_wrong_still_gives_windows(claimed: float) -> None:
    extractor = Extractor[str](FakeEncoder(max_windows=20))
    extractor.begin("track", claimed)
    extractor.push("track", tone(60, 200))
    extractor.end("track")
    extractor.flush()
    frames = next(extractor.finished())[1]
    assert 1 <= len(frames) <= 20


def test_the_limit_is_part_of_the_fingerprint() -> None:
    assert FakeEncoder().spec.fingerprint != FakeEncoder(max_windows=20).spec.fingerprint
