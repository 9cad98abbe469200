"""Whitening: learnt from how tracks vary in themselves, when, and from what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from made_home import MadeHome, digest_of, frames_of, random_tracks, uneven_tracks

from audiosim.core.errors import UsageError
from audiosim.core.types import Float32, Float64
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_folder
from audiosim.indexing.verify import verify_home
from audiosim.library.catalog import Catalog
from audiosim.library.catalog.settings import LEARNT
from audiosim.library.statistics import Percentiles, percentiles
from audiosim.library.whitening import SearchSpace, learnt

pytestmark = pytest.mark.slow

DIMENSION = 16
TRACKS = 60


@pytest.fixture(autouse=True)
def whitened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test encoder's means are whitened, as MusiCNN's are."""
    monkeypatch.setattr("audiosim.library.whitening.ENCODERS", (FakeEncoder().spec.name,))


def expected_matrix(tracks: list[Float32]) -> Float64:
    """The formula, written out."""
    within = np.mean([np.cov(rows.astype(np.float64).T) for rows in tracks], axis=0)
    values, axes = np.linalg.eigh(within / (np.trace(within) / len(within)))
    matrix: Float64 = axes @ np.diag((0.95 * values + 0.05) ** -0.375) @ axes.T
    return matrix


@pytest.fixture
def made(tmp_path: Path) -> MadeHome:
    made = MadeHome(tmp_path / "home")
    made.add(uneven_tracks(1))
    return made


def learnt_by(made: MadeHome) -> Float64:
    found = np.frombuffer(made.configuration.whitening, "<f4").astype(np.float64)
    return found.reshape(DIMENSION, DIMENSION)


def vectors(made: MadeHome) -> dict[str, Float32]:
    with Catalog(made.home.catalog, read_only=True) as catalog:
        return dict(catalog.tracks.all_vectors())


def test_the_matrix_is_that_of_the_formula() -> None:
    rows = [frames.embedding.astype(np.float32) for frames in uneven_tracks(3).values()]
    matrix = learnt([*rows, rows[0][:3], np.full((5, DIMENSION), np.inf, np.float32)])
    assert matrix is not None
    found = np.frombuffer(matrix, "<f4").reshape(DIMENSION, DIMENSION)
    np.testing.assert_allclose(found, expected_matrix(rows), rtol=1e-6, atol=1e-6)


def test_too_few_tracks_or_equal_windows_teach_nothing() -> None:
    rows = [frames.embedding.astype(np.float32) for frames in uneven_tracks(3, 19).values()]
    assert learnt(rows) is None
    assert learnt([np.ones((8, DIMENSION), np.float32)] * 30) is None
    assert learnt([]) is None


def test_cosines_in_the_space_are_those_of_the_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((8, 8)).astype("<f4")
    vectors = rng.standard_normal((20, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = SearchSpace(matrix.tobytes())(vectors)
    metric = matrix.T.astype(np.float64) @ matrix
    norms = np.sqrt(np.einsum("ij,jk,ik->i", vectors, metric, vectors))
    np.testing.assert_allclose(
        found @ found.T, vectors @ metric @ vectors.T / np.outer(norms, norms), atol=1e-6
    )
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(SearchSpace(matrix.tobytes())(vectors[0]), found[0])
    np.testing.assert_array_equal(SearchSpace()(vectors), vectors)
    monkeypatch.setattr("audiosim.library.whitening.AT_ONCE", 2)
    np.testing.assert_allclose(SearchSpace(matrix.tobytes())(vectors), found, atol=1e-7)


def test_a_library_learns_with_its_mean_window_and_keeps_its_vectors(made: MadeHome) -> None:
    notices = made.refresh()
    assert any("lowers similarities, not percentiles" in notice for notice in notices)
    tracks = [frames.embedding.astype(np.float32) for frames in uneven_tracks(1).values()]
    np.testing.assert_allclose(learnt_by(made), expected_matrix(tracks), rtol=1e-5, atol=1e-5)
    pooler = made.configuration.pooler
    for name, frames in uneven_tracks(1).items():
        np.testing.assert_array_equal(vectors(made)[digest_of(name)], pooler(frames).vector)
    rows = made.configuration.space(np.stack([vectors(made)[d] for d in sorted(vectors(made))]))
    with Catalog(made.home.catalog, read_only=True) as catalog:
        known = percentiles(catalog)
    assert known is not None
    np.testing.assert_allclose(known.quantiles, Percentiles.of(rows).quantiles, atol=1e-6)
    assert made.refresh() == []


def test_a_stranger_encoder_is_not_whitened(made: MadeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audiosim.library.whitening.ENCODERS", ("musicnn",))
    assert len(made.refresh()) == 1
    assert made.configuration.whitening == b""


def test_it_is_learnt_anew_when_the_library_has_grown_tenfold(made: MadeHome) -> None:
    made.refresh()
    first, before = learnt_by(made), vectors(made)
    with Catalog(made.home.catalog) as catalog:
        assert catalog.settings.learnt == TRACKS
        catalog.settings.set_meta(LEARNT, "7")
    made.add(random_tracks(8, np.random.default_rng(3), prefix="new"))
    assert made.refresh() == []  # 68 are not seventy
    np.testing.assert_array_equal(learnt_by(made), first)
    made.add(random_tracks(4, np.random.default_rng(4), prefix="newer"))
    assert made.refresh(complete=False) == []
    assert any("learnt anew" in notice for notice in made.refresh())
    assert not np.allclose(learnt_by(made), first)
    assert all(vectors(made)[digest].tobytes() == vector.tobytes() for digest, vector in before.items())


def test_without_caches_passages_teach_it(made: MadeHome) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audiosim.library.whitening.ENCODERS", ())
        made.refresh()
    long = {
        f"long{n}.flac": frames_of(np.repeat(frames.embedding, 10, axis=0).astype(np.float32))
        for n, frames in enumerate(list(uneven_tracks(9).values())[:30])
    }
    made.add(long)
    for cache in made.home.cache.rglob("*.npz"):
        cache.unlink()
    made.refresh()
    matrix = learnt_by(made)
    rows = [frames.embedding.astype(np.float32) for frames in long.values()]
    alike = np.corrcoef(matrix.ravel(), expected_matrix(rows).ravel())[0, 1]
    assert alike > 0.9


def test_it_is_turned_off_and_on_and_refused_where_it_was_not_shown_to_help(
    made: MadeHome, tmp_path: Path
) -> None:
    made.refresh()
    encoder = FakeEncoder()
    music = tmp_path / "music"
    music.mkdir()
    common = {"home": made.home.path, "encoder": encoder}
    off = index_folder([music], options=IndexOptions(whitening=False), **common)  # type: ignore[arg-type]
    assert off.indexed == 0
    assert made.configuration.whitening == b""
    assert verify_home(made.home.path, full=True).faults == []
    index_folder([music], **common)  # type: ignore[arg-type]
    assert made.configuration.whitening == b""  # it is kept
    index_folder([music], options=IndexOptions(whitening=True), **common)  # type: ignore[arg-type]
    assert made.configuration.whitening != b""
    assert verify_home(made.home.path, full=True).faults == []
    options = IndexOptions(whitening=True, pooling="max")
    with pytest.raises(UsageError, match="`whitening` is for MusiCNN"):
        index_folder([music], options=options, **common)  # type: ignore[arg-type]


def test_an_identity_names_the_matrix_only_where_it_is_used(made: MadeHome) -> None:
    made.refresh()
    configuration = made.configuration
    assert (
        len(configuration.collection.split())
        == len(replace(configuration, whitening=b"").collection.split()) + 1
    )
    as_max = replace(configuration, pooling="max")
    assert as_max.collection == replace(as_max, whitening=b"").collection


def test_a_run_that_was_cut_short_turns_it_off_but_learns_nothing(made: MadeHome) -> None:
    made.refresh()
    with Catalog(made.home.catalog) as catalog:
        catalog.settings.want_whitening(wanted=False)
    assert any("as they are" in notice for notice in made.refresh(complete=False))
    with Catalog(made.home.catalog) as catalog:
        catalog.settings.want_whitening(wanted=True)
    assert made.refresh(complete=False) == []
    assert made.configuration.whitening == b""
