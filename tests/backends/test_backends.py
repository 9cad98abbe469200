"""The contract of stores, for each of them for real: Chroma in the home, a Chroma server, Milvus Lite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chroma_server import ChromaServerProcess

from audiosim.backends import backend_for
from audiosim.backends.base import CALL_BYTES, Backend, Contents, StoreRow, VectorStore, portions
from audiosim.core.config import Home
from audiosim.core.errors import StoreError
from audiosim.core.types import Tags, Track
from audiosim.library.catalog import path_id
from audiosim.library.store_url import parse_store_url

pytestmark = pytest.mark.slow

DIMENSION = 8
CONTENTS = Contents("identity", DIMENSION)
SERVER = pytest.param("server", marks=pytest.mark.server)
MILVUS = pytest.param("milvus", marks=pytest.mark.server)


@pytest.fixture(autouse=True)
def few_authorities(monkeypatch: pytest.MonkeyPatch, one_authority: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(one_authority))


@pytest.fixture(params=["embedded", SERVER, MILVUS])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    urls: dict[str, Callable[[], str]] = {
        "embedded": lambda: "embedded",
        "server": lambda: request.getfixturevalue("server").url,
        "milvus": lambda: f"milvus:{tmp_path / 'vectors.db'}",
    }
    return backend_for(parse_store_url(urls[request.param]()), Home(tmp_path))


def rows(count: int, seed: int = 0, dimension: int = DIMENSION) -> list[StoreRow]:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    paths = [b"/music/%d.mp3" % number for number in range(count)]
    return [
        (path_id(path), Track(path, f"{i:032}", 1.0, Tags(title=f"T{i}")), vectors[i])
        for i, path in enumerate(paths)
    ]


def made(backend: Backend, contents: Contents = CONTENTS) -> tuple[str, VectorStore]:
    """A new collection, and its name."""
    name = backend.new_name()
    return name, backend.open(name, contents, create=True)


def test_nearest_agrees_with_exact_search_by_cosine(backend: Backend) -> None:
    data = rows(500)
    _, store = made(backend)
    with store:
        store.upsert(data)
        vectors = np.stack([row[2] for row in data])
        for query in (data[7][2], -data[7][2]):
            order = np.argsort(-vectors @ query)
            assert store.nearest(query, 10) == [data[i][0] for i in order[:10]]


def test_what_was_written_is_found_at_once_and_lasts(backend: Backend) -> None:
    data = rows(20)
    name, store = made(backend)
    with store:
        store.upsert(data)
        assert store.count() == 20
        assert store.nearest(data[3][2], 1) == [data[3][0]]
        store.seal()
    with backend.open(name, CONTENTS) as store:
        assert store.count() == 20
        assert sorted(store.ids()) == sorted(row[0] for row in data)
        held = store.vectors([row[0] for row in data])
    assert set(held) == {row[0] for row in data}
    for id_, _, vector in data:
        np.testing.assert_allclose(held[id_], vector, atol=1e-6)


def test_writes_are_idempotent(backend: Backend) -> None:
    data = rows(20)
    _, store = made(backend)
    with store:
        for _ in range(3):
            store.upsert(data)
            store.delete([data[0][0], "unknown"])
        store.delete([data[0][0]])
        assert store.count() == 19
        assert sorted(store.ids()) == sorted(row[0] for row in data[1:])


def test_a_row_is_replaced_in_every_answer(backend: Backend) -> None:
    data = rows(20)
    _, store = made(backend)
    with store:
        store.upsert(data)
        new = -data[0][2]
        store.upsert([(data[0][0], data[0][1], new)])
        assert store.nearest(new, 1) == [data[0][0]]
        assert store.nearest(data[0][2], 1) != [data[0][0]]
        assert store.count() == 20
        np.testing.assert_allclose(store.vectors([data[0][0]])[data[0][0]], new, atol=1e-6)


def test_deleted_rows_are_found_no_more(backend: Backend) -> None:
    data = rows(50)
    _, store = made(backend)
    with store:
        store.upsert(data)
        gone = {row[0] for row in data[:25]}
        store.delete(sorted(gone))
        assert not gone & set(store.nearest(data[0][2], 25))
        assert set(store.vectors(sorted(gone))) == set()
        assert len(store.nearest(data[0][2], 25)) == 25


def test_an_empty_collection_answers(backend: Backend) -> None:
    name, store = made(backend)
    with store:
        assert (store.count(), store.ids(), store.vectors(["x"])) == (0, [], {})
        store.seal()
    with backend.open(name, CONTENTS) as store:
        assert store.count() == 0


@pytest.mark.slow
@pytest.mark.long
def test_more_rows_than_one_call_can_bind_are_paged(backend: Backend) -> None:
    data = rows(7000)
    _, store = made(backend)
    with store:
        store.upsert(data)
        ids = [row[0] for row in data]
        assert sorted(store.ids()) == sorted(ids)
        assert len(store.vectors(ids)) == 7000
        store.delete(ids[:6000])
        assert store.count() == 1000
        assert sorted(store.ids()) == sorted(ids[6000:])


@pytest.mark.slow
@pytest.mark.long
def test_large_vectors_are_sent_in_portions(backend: Backend) -> None:
    dimension = 12_288
    data = rows(400, dimension=dimension)  # 20 MB
    assert [len(part) for part in portions(data, dimension)] == [162, 162, 76]
    assert 162 * 4 * dimension < CALL_BYTES
    _, store = made(backend, Contents("identity", dimension))
    with store:
        store.upsert(data)
        assert store.count() == 400
        assert store.nearest(data[399][2], 1) == [data[399][0]]


def test_names_and_tags_of_any_kind_are_kept_or_replaced(backend: Backend) -> None:
    data = rows(1)[0]
    tags = Tags(title="Ænima \u2603 '\" \\ \n", year=1996)
    _, store = made(backend)
    with store:
        store.upsert([(data[0], Track(b"/caf\xe9/\xf0\x9f.mp3", "0" * 32, float("inf"), tags), data[2])])
        store.upsert([(data[0], Track(b"/b.mp3", "0" * 32, None), data[2])])
        assert store.count() == 1


def test_every_sealed_burst_leaves_a_stamp_of_its_own(backend: Backend) -> None:
    data = rows(2000)
    name, store = made(backend)
    with store:
        store.upsert(data[:1500])
        first = store.seal()
    with backend.open(name, CONTENTS, stamp=first) as store:
        assert store.stamp == first
        store.delete([row[0] for row in data[:1200]])
        store.upsert(data[500:])
        second = store.seal()
    assert second != first
    with backend.open(name, CONTENTS) as store:
        assert store.stamp == second
    with pytest.raises(StoreError):
        backend.open(name, CONTENTS, stamp=first)


def test_reading_leaves_the_stamp(backend: Backend) -> None:
    data = rows(1500)
    name, store = made(backend)
    with store:
        store.upsert(data)
        stamp = store.seal()
    for _ in range(2):
        with backend.open(name, CONTENTS, stamp=stamp) as store:
            store.nearest(data[0][2], 10)
            store.vectors(store.ids())


@pytest.mark.parametrize("contents", [Contents("another", DIMENSION), Contents("identity", DIMENSION + 1)])
def test_a_collection_of_other_vectors_is_refused(backend: Backend, contents: Contents) -> None:
    name, store = made(backend)
    with store:
        store.seal()
    for create in (False, True):
        with pytest.raises(StoreError, match="not the catalog's"):
            backend.open(name, contents, create=create)


def test_a_collection_that_is_not_there_is_not_made_by_a_reader(backend: Backend) -> None:
    for _ in range(2):
        with pytest.raises(StoreError):
            backend.open("audiosim_nothing", CONTENTS)


def test_a_query_that_is_not_finite_is_refused(backend: Backend) -> None:
    _, store = made(backend)
    with store:
        store.upsert(rows(5))
        with pytest.raises(ValueError, match="not finite"):
            store.nearest(np.full(DIMENSION, np.nan, np.float32), 1)


def test_collections_keep_apart(backend: Backend) -> None:
    (first, one), data = made(backend), rows(30)
    with one:
        one.upsert(data[:10])
        one.seal()
    second, two = made(backend)
    with two:
        two.upsert(data[10:])
        two.delete([data[0][0]])
        two.seal()
    assert first != second
    with backend.open(first, CONTENTS) as one:
        assert sorted(one.ids()) == sorted(row[0] for row in data[:10])
        assert set(one.nearest(data[15][2], 10)) == {row[0] for row in data[:10]}


def test_a_new_collection_takes_the_old_ones_place(backend: Backend) -> None:
    data = rows(10)
    old, store = made(backend)
    with store:
        store.upsert(data[:5])
        store.seal()
    used, _ = backend.adopt(old)
    new, store = made(backend)
    with store:
        store.upsert(data)
        stamp = store.seal()
    name, aside = backend.adopt(new)
    with backend.open(name, CONTENTS, stamp=stamp) as store:
        assert store.count() == 10
    backend.drop(aside or used)
    assert backend.leftovers() == []
    with backend.open(name, CONTENTS, stamp=stamp) as store:
        assert store.count() == 10
    with pytest.raises(StoreError):
        backend.open(aside or old, CONTENTS)


def test_dropping_what_is_not_there_is_no_error(backend: Backend) -> None:
    backend.drop("audiosim_nothing")


@pytest.mark.parametrize("kind", [SERVER, MILVUS])
def test_what_others_have_written_to_is_not_dropped(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = request.getfixturevalue("server").url if kind == "server" else f"milvus:{tmp_path / 'v.db'}"
    mine, others = (backend_for(parse_store_url(url), Home(tmp_path / name)) for name in ("mine", "copy"))
    name, store = made(mine)
    with store:
        pass
    others.drop(name)  # it is mine, though nothing is in it yet
    with mine.open(name, CONTENTS) as store:
        store.seal()
    others.drop(name)
    with others.open(name, CONTENTS) as store:
        store.upsert(rows(3))
        stamp = store.seal()
    mine.drop(name)
    with mine.open(name, CONTENTS, stamp=stamp) as store:
        assert store.count() == 3
    others.drop(name)
    with pytest.raises(StoreError):
        mine.open(name, CONTENTS)


@pytest.mark.parametrize("backend", ["embedded", MILVUS], indirect=True)
def test_files_are_kept_from_two_processes_at_once(backend: Backend) -> None:
    from audiosim.core.errors import LockedError

    assert not backend.shared
    with backend.lock(0.0), pytest.raises(LockedError), backend.lock(0.0):
        pass


@pytest.mark.parametrize("backend", ["server"], indirect=True)
def test_a_server_lets_several_in(backend: Backend) -> None:
    data = rows(20)
    assert backend.shared
    name, one = made(backend)
    with one, backend.lock(0.0), backend.lock(0.0), backend.open(name, CONTENTS) as two:
        one.upsert(data[:10])
        two.upsert(data[10:])
        assert one.count() == two.count() == 20


@pytest.mark.server
def test_chroma_of_another_metric_is_refused(server: ChromaServerProcess, tmp_path: Path) -> None:
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    embedded: Any = chromadb.PersistentClient(str(tmp_path / "chroma"), settings=settings)
    served: Any = chromadb.HttpClient("127.0.0.1", server.port, settings=Settings(anonymized_telemetry=False))
    for client, name in ((embedded, "tracks"), (served, "audiosim_l2")):
        client.create_collection(
            name,
            configuration={"hnsw": {"space": "l2"}},
            metadata={"identity": "identity", "dimension": DIMENSION},
            embedding_function=None,
        )
        client.close()
    for part in (served, served._admin_client):
        part._server._session.close()  # Chroma leaves them open
    for url, name in (("embedded", "chroma"), (server.url, "audiosim_l2")):
        for create in (False, True):
            with pytest.raises(StoreError, match="l2"):
                backend_for(parse_store_url(url), Home(tmp_path)).open(name, CONTENTS, create=create)


@pytest.mark.server
def test_milvus_of_another_metric_is_refused(tmp_path: Path) -> None:
    from pymilvus import MilvusClient

    file = tmp_path / "vectors.db"
    client: Any = MilvusClient(str(file))
    client.create_collection(
        "audiosim_l2", dimension=DIMENSION, id_type="string", max_length=64, metric_type="L2"
    )
    client.close()
    with pytest.raises(StoreError, match="L2"):
        backend_for(parse_store_url(f"milvus:{file}"), Home(tmp_path)).open("audiosim_l2", CONTENTS)


def test_absent_tags_are_removed_from_chroma_when_a_row_is_replaced(tmp_path: Path) -> None:
    from audiosim.backends.chroma_embedded import EmbeddedChroma

    id_, track, vector = rows(1)[0]
    with EmbeddedChroma(Home(tmp_path)).open("chroma", CONTENTS, create=True) as store:
        store.upsert([(id_, track, vector)])
        store.upsert([(id_, Track(b"/caf\xe9.mp3", track.digest, None), vector)])
        found = store.collection.get(ids=[id_])["metadatas"][0]
    assert "title" not in found
    assert found["path"] == "/caf\ufffd.mp3"


def test_a_missing_folder_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        backend_for(parse_store_url("embedded"), Home(tmp_path)).open("chroma", CONTENTS)
    assert not (tmp_path / "chroma").exists()
