from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from audiosim.core.errors import AudioError
from audiosim.core.types import Float64, FrameEmbeddings, Frames, Pooling
from audiosim.encoders import pooling
from audiosim.encoders.frames import audible
from audiosim.encoders.pooling import CHUNK, POOLINGS, pool, pooled_dimension


def frames(embedding: Frames, level: list[float] | npt.NDArray[np.float16] | None = None) -> FrameEmbeddings:
    count = len(embedding)
    levels = np.full(count, -20.0) if level is None else np.asarray(level)
    return FrameEmbeddings(embedding, np.arange(count, dtype=np.float64), levels.astype(np.float16))


def some(count: int, dimension: int = 16, seed: int = 0) -> npt.NDArray[np.float16]:
    return np.random.default_rng(seed).normal(0.3, 1.0, (count, dimension)).astype(np.float16)


def plain(embedding: Frames, pooling: Pooling) -> Float64:
    """The pooling in double precision, in one step."""
    exact = embedding.astype(np.float64)
    parts = {
        "mean": [exact.mean(axis=0)],
        "max": [exact.max(axis=0)],
        "mean-std": [exact.mean(axis=0), exact.std(axis=0)],
    }[pooling]
    vector = np.concatenate(parts)
    unit: Float64 = vector / np.linalg.norm(vector)
    return unit


@pytest.mark.parametrize("count", [1, 2, 100, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_each_pooling_is_numpys_own_and_of_unit_length(pooling: Pooling, count: int) -> None:
    embedding = some(count)
    result = pool(frames(embedding), pooling)
    assert result.vector.dtype == np.float32
    assert result.vector.shape == (pooled_dimension(16, pooling),)
    assert result.windows == count
    assert np.linalg.norm(result.vector.astype(np.float64)) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(result.vector, plain(embedding, pooling), atol=2e-6)


@settings(deadline=None)  # the machine may be busy
@given(
    hnp.arrays(
        np.float16, st.tuples(st.integers(1, 40), st.integers(1, 6)), elements=st.floats(-99, 99, width=16)
    ),
    st.sampled_from(POOLINGS),
)
def test_any_frames_are_pooled_as_numpy_does(embedding: npt.NDArray[np.float16], pooling: Pooling) -> None:
    exact = embedding.astype(np.float64)
    kept = exact.max(axis=0) if pooling == "max" else exact.mean(axis=0)
    assume(np.linalg.norm(kept) > 0.05)
    vector = pool(frames(embedding), pooling).vector
    np.testing.assert_allclose(
        vector, plain(embedding, pooling), atol=1e-2 if pooling == "mean-std" else 1e-3
    )
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_windows_60_db_below_the_loudest_do_not_count(pooling: Pooling) -> None:
    embedding = some(5)
    level = [-10.0, -70.0, -70.0625, -200.0, -np.inf]
    result = pool(frames(embedding, level), pooling)
    assert result.windows == 2
    np.testing.assert_allclose(result.vector, plain(embedding[:2], pooling), atol=1e-6)


def test_a_quiet_track_is_judged_by_its_own_loudest_window() -> None:
    assert audible(np.array([-90, -150, -151, -np.inf], np.float16)).tolist() == [True, True, False, False]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_what_silent_windows_hold_does_not_matter(pooling: Pooling) -> None:
    embedding = some(CHUNK + 50)
    level = np.full(len(embedding), -30.0)
    level[::3] = -np.inf
    other = embedding.copy()
    other[::3] = 1000.0
    first, second = pool(frames(embedding, level), pooling), pool(frames(other, level), pooling)
    assert first.vector.tobytes() == second.vector.tobytes()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_track_of_digital_silence_is_refused(pooling: Pooling) -> None:
    with pytest.raises(AudioError, match="silent"):
        pool(frames(some(3), [-np.inf] * 3), pooling)


def test_a_track_without_windows_is_refused() -> None:
    with pytest.raises(AudioError, match="silent"):
        pool(frames(np.empty((0, 4), np.float16)))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_frames_of_zeros_are_refused(pooling: Pooling) -> None:
    with pytest.raises(AudioError, match="no direction"):
        pool(frames(np.zeros((3, 4), np.float16)), pooling)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_frames_that_are_not_finite_are_refused(pooling: Pooling) -> None:
    embedding = some(3)
    embedding[1, 1] = np.nan
    with pytest.raises(AudioError, match="no direction"):
        pool(frames(embedding), pooling)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_frames_on_disk_give_the_same_bits_as_in_memory(tmp_path: Path, pooling: Pooling) -> None:
    embedding = some(2 * CHUNK + 321, 32)
    np.save(tmp_path / "frames.npy", embedding)
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")
    level = np.random.default_rng(1).uniform(-100, 0, len(embedding)).astype(np.float16)
    in_memory, on_disk = pool(frames(embedding, level), pooling), pool(frames(mapped, level), pooling)
    assert in_memory.vector.tobytes() == on_disk.vector.tobytes()
    assert in_memory.windows == on_disk.windows < len(embedding)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_float32_frames_give_the_same_bits_as_their_float16_cache(pooling: Pooling) -> None:
    embedding = np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32)
    fresh, cached = pool(frames(embedding), pooling), pool(frames(embedding.astype(np.float16)), pooling)
    assert fresh.vector.tobytes() == cached.vector.tobytes()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_leaves_its_frames_as_they_are(pooling: Pooling) -> None:
    embedding = some(10)
    before = embedding.tobytes()
    pool(frames(embedding), pooling)
    assert embedding.tobytes() == before


def test_a_track_of_one_window_is_that_window() -> None:
    embedding = np.array([[3.0, 4.0]], np.float16)
    np.testing.assert_allclose(pool(frames(embedding), "mean").vector, [0.6, 0.8], atol=1e-7)
    np.testing.assert_allclose(pool(frames(embedding), "mean-std").vector, [0.6, 0.8, 0, 0], atol=1e-7)


def test_hours_of_large_values_keep_their_mean() -> None:
    embedding = np.full((40_000, 2), (60_000.0, 30_000.0), np.float16)
    vector = pool(frames(embedding), "mean").vector
    np.testing.assert_allclose(vector, np.array([2.0, 1.0]) / np.sqrt(5), rtol=1e-4)


def test_the_examples_run() -> None:
    results = doctest.testmod(pooling)
    assert results.attempted
    assert not results.failed
