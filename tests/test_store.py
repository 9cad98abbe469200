"""Chroma, real: its metric, what it refuses, how it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiosim.catalog import path_id
from audiosim.errors import StoreError
from audiosim.store import Store
from audiosim.types import Tags, Track

DIMENSION = 8


def rows(count: int, seed: int = 0) -> list[tuple[str, Track, Any]]:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    paths = [b"/music/%d.mp3" % number for number in range(count)]
    return [
        (path_id(path), Track(path, f"{i:032}", 1.0, Tags(title=f"T{i}")), vectors[i])
        for i, path in enumerate(paths)
    ]


def test_the_space_is_cosine_and_nearest_agrees_with_exact_search(tmp_path: Path) -> None:
    data = rows(500)
    with Store(tmp_path / "chroma", "identity", DIMENSION, create=True) as store:
        store.upsert(data)
        query = data[7][2]
        order = np.argsort(-np.stack([row[2] for row in data]) @ query)
        assert store.nearest(query, 10) == [data[i][0] for i in order[:10]]


def test_a_store_lasts_and_rows_can_be_replaced_and_deleted(tmp_path: Path) -> None:
    data = rows(20)
    with Store(tmp_path / "chroma", "identity", DIMENSION, create=True) as store:
        store.upsert(data)
    with Store(tmp_path / "chroma", "identity", DIMENSION) as store:
        assert store.count() == 20
        store.upsert([(data[0][0], data[0][1], data[1][2])])
        store.delete([data[2][0], "unknown"])
        held = store.vectors([row[0] for row in data])
    assert len(held) == 19
    np.testing.assert_allclose(held[data[0][0]], data[1][2], atol=1e-6)


def test_more_rows_than_one_call_can_bind_are_paged(tmp_path: Path) -> None:
    data = rows(7000)
    with Store(tmp_path / "chroma", "identity", DIMENSION, create=True) as store:
        store.upsert(data)
        assert len(store.vectors([row[0] for row in data])) == 7000
        store.delete([row[0] for row in data[:6000]])
        assert store.count() == 1000


def test_a_collection_of_another_metric_is_refused(tmp_path: Path) -> None:
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(
        str(tmp_path / "chroma"), settings=Settings(anonymized_telemetry=False)
    )
    client.create_collection(
        "tracks",
        configuration={"hnsw": {"space": "l2"}},
        metadata={"identity": "identity", "dimension": DIMENSION},
        embedding_function=None,
    )
    client.close()
    for create in (False, True):
        with pytest.raises(StoreError, match="l2"):
            Store(tmp_path / "chroma", "identity", DIMENSION, create=create)


@pytest.mark.parametrize(("identity", "dimension"), [("another", DIMENSION), ("identity", DIMENSION + 1)])
def test_a_collection_of_other_vectors_is_refused(tmp_path: Path, identity: str, dimension: int) -> None:
    Store(tmp_path / "chroma", "identity", DIMENSION, create=True).__exit__()
    with pytest.raises(StoreError, match="not the catalog's"):
        Store(tmp_path / "chroma", identity, dimension, create=True)


def test_a_query_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path / "chroma", "identity", DIMENSION, create=True) as store:
        store.upsert(rows(5))
        with pytest.raises(ValueError, match="not finite"):
            store.nearest(np.full(DIMENSION, np.nan, np.float32), 1)


def test_absent_tags_are_removed_when_a_row_is_replaced(tmp_path: Path) -> None:
    id_, track, vector = rows(1)[0]
    with Store(tmp_path / "chroma", "identity", DIMENSION, create=True) as store:
        store.upsert([(id_, track, vector)])
        store.upsert([(id_, Track(b"/caf\xe9.mp3", track.digest, None), vector)])
        found = store._collection.get(ids=[id_])["metadatas"][0]
    assert "title" not in found
    assert found["path"] == "/caf\ufffd.mp3"


def test_a_missing_folder_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Store(tmp_path / "chroma", "identity", DIMENSION)
    assert not (tmp_path / "chroma").exists()
