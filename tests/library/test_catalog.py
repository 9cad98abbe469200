"""The catalog: what is kept, what Chroma is told, what readers see."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_encoder import FakeEncoder

from audiosim.core.errors import HomeError, StoreError
from audiosim.core.types import AudioInfo, Tags, TrackVector
from audiosim.library.catalog import Catalog, Configuration, path_id
from audiosim.library.catalog.database import ADDITIONS, connect
from audiosim.library.store_url import EMBEDDED

CONFIGURATION = Configuration(FakeEncoder().spec, "mean", Path("cache"))
IDENTITY = CONFIGURATION.collection
INFO = AudioInfo("d1", 3.0, 44_100, 2, "flac", 100, 5, Tags(title="T", year=1999))


def vector(*values: float) -> TrackVector:
    return TrackVector(np.array(values, np.float32), 3)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db") as catalog:
        catalog.settings.set_configuration(CONFIGURATION)
        yield catalog


def test_a_recorded_file_comes_back_as_it_was(catalog: Catalog) -> None:
    catalog.files.record(b"/a\xe9.mp3", INFO, vector(1, 0))
    row = catalog.files.get(b"/a\xe9.mp3")
    assert row is not None
    assert (row.state, row.size, row.mtime_ns, row.digest, row.reason) == ("indexed", 100, 5, "d1", None)
    track = catalog.tracks.at(b"/a\xe9.mp3")
    assert track is not None
    assert (track.tags, track.duration) == (INFO.tags, 3.0)


def send_all(catalog: Catalog) -> None:
    """What a burst records when Chroma acknowledges everything."""
    rows, deletes = catalog.store_state.begin_burst(10, IDENTITY)
    catalog.store_state.acknowledge(rows, deletes, IDENTITY)


def test_what_chroma_lacks_is_pending_until_acknowledged(catalog: Catalog) -> None:
    catalog.files.record(b"/a", INFO, vector(1, 0))
    catalog.files.record(b"/b", INFO)
    rows = catalog.store_state.pending_upserts(10)
    assert {row.id for row in rows} == {path_id(b"/a"), path_id(b"/b")}
    assert catalog.store_state.stored_count() == 0
    send_all(catalog)
    assert catalog.store_state.pending_count() == 0
    assert catalog.store_state.stored_count() == 2


def test_a_replaced_row_is_sent_again_and_a_gone_one_removed(catalog: Catalog) -> None:
    for path in (b"/a", b"/b"):
        catalog.files.record(path, INFO, vector(1, 0))
    send_all(catalog)
    catalog.files.record(b"/a", replace(INFO, mtime_ns=6))
    catalog.files.mark_gone([b"/b"])
    assert [row.id for row in catalog.store_state.pending_upserts(10)] == [path_id(b"/a")]
    assert catalog.store_state.pending_deletes(10) == [path_id(b"/b")]
    assert catalog.store_state.stored_count() == 2  # until Chroma says otherwise
    send_all(catalog)
    assert catalog.store_state.stored_count() == 1


def test_a_row_that_changes_during_a_burst_stays_pending(catalog: Catalog) -> None:
    catalog.files.record(b"/a", INFO, vector(1, 0))
    rows, _ = catalog.store_state.begin_burst(10, IDENTITY)
    catalog.files.record(b"/a", replace(INFO, mtime_ns=6))
    catalog.store_state.acknowledge(rows, [], IDENTITY)
    assert [row.id for row in catalog.store_state.pending_upserts(10)] == [path_id(b"/a")]


def test_a_copy_whose_vector_is_replaced_during_a_burst_stays_pending(catalog: Catalog) -> None:
    for path in (b"/a", b"/copy"):
        catalog.files.record(path, INFO, vector(1, 0))
    rows, _ = catalog.store_state.begin_burst(10, IDENTITY)
    catalog.files.record(b"/a", INFO, vector(0, 1))
    catalog.store_state.acknowledge(rows, [], IDENTITY)
    assert {row.id for row in catalog.store_state.pending_upserts(10)} == {path_id(b"/a"), path_id(b"/copy")}


def test_a_burst_belongs_to_one_state_of_the_catalog(catalog: Catalog) -> None:
    catalog.files.record(b"/a", INFO, vector(1, 0))
    rows, _ = catalog.store_state.begin_burst(10, IDENTITY)
    pooled = replace(CONFIGURATION, pooling="max")
    catalog.tracks.replace_vectors(pooled, [("d1", vector(0, 1), 3.0)])
    with pytest.raises(StoreError, match="was changed"):
        catalog.store_state.acknowledge(rows, [], IDENTITY)
    with pytest.raises(StoreError, match="was changed"):
        catalog.store_state.begin_burst(10, IDENTITY)
    with pytest.raises(StoreError, match="was changed"):
        catalog.store_state.mark_rebuilt([rows[0].id], None, IDENTITY, EMBEDDED, "chroma", [])
    assert catalog.store_state.pending_count() == 1
    assert catalog.store_state.identity is None
    rows, _ = catalog.store_state.begin_burst(10, pooled.collection)
    catalog.store_state.acknowledge(rows, [], pooled.collection)
    assert catalog.store_state.pending_count() == 0
    noted = catalog.store_state.identity
    assert noted == pooled.collection


def test_a_row_that_moves_during_a_burst_leaves_chroma_later(catalog: Catalog) -> None:
    catalog.files.record(b"/old", INFO, vector(1, 0))
    rows, _ = catalog.store_state.begin_burst(10, IDENTITY)
    catalog.files.record(b"/new", INFO)
    catalog.files.drop([b"/old"])
    catalog.store_state.acknowledge(rows, [], IDENTITY)
    assert catalog.store_state.pending_deletes(10) == [path_id(b"/old")]


def test_a_burst_that_is_cut_off_leaves_nothing_that_chroma_must_hold(catalog: Catalog) -> None:
    for path in (b"/a", b"/b"):
        catalog.files.record(path, INFO, vector(1, 0))
    send_all(catalog)
    catalog.files.mark_gone([b"/b"])
    catalog.store_state.begin_burst(10, IDENTITY)  # /b may be there or not, from now on
    expected = catalog.store_state.expected(filled=False)
    assert expected.acknowledged == {path_id(b"/a")}
    assert expected.possible == {path_id(b"/a"), path_id(b"/b")}
    catalog.files.mark_returned([b"/b"])
    assert [row.id for row in catalog.store_state.pending_upserts(10)] == [path_id(b"/b")]


def test_a_moved_row_is_forgotten_when_chroma_has_dropped_it(catalog: Catalog) -> None:
    catalog.files.record(b"/old", INFO, vector(1, 0))
    send_all(catalog)
    catalog.files.record(b"/new", INFO)
    catalog.files.drop([b"/old"])
    assert catalog.files.get(b"/old") is not None
    send_all(catalog)
    assert catalog.files.get(b"/old") is None


def test_a_failed_file_is_known_by_its_audio_only_while_that_has_no_vector(catalog: Catalog) -> None:
    catalog.files.record_failure(b"/a", 1, 2, "broken", INFO)
    assert catalog.files.failed_digests() == {"d1": "broken"}
    catalog.files.record(b"/b", INFO, vector(1, 0))
    assert catalog.files.failed_digests() == {}


def test_returned_files_are_what_they_were(catalog: Catalog) -> None:
    catalog.files.record(b"/a", INFO, vector(1, 0))
    catalog.files.record_failure(b"/b", 1, 2, "broken")
    catalog.files.mark_gone([b"/a", b"/b"])
    assert catalog.files.count("gone") == 2
    catalog.files.mark_returned([b"/a", b"/b"])
    assert (catalog.files.count("indexed"), catalog.files.count("failed")) == (1, 1)


def test_files_below_a_folder_are_those_and_no_others(catalog: Catalog) -> None:
    for path in (b"/m", b"/m/a", b"/m/b/c", b"/m-x", b"/m/\xff", b"/mm/a", b"/m0"):
        catalog.files.record(path, INFO, vector(1, 0))
    assert {row.path for row in catalog.files.all(b"/m")} == {b"/m", b"/m/a", b"/m/b/c", b"/m/\xff"}
    assert len(list(catalog.files.all(b"/"))) == 7


def test_a_transaction_that_fails_changes_nothing(catalog: Catalog) -> None:
    catalog.settings.set_roots([b"/a"])

    def fail() -> None:
        with catalog.transaction():
            catalog._db.execute("DELETE FROM roots")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert catalog.settings.roots() == [b"/a"]


def test_a_transaction_inside_another_one_is_a_part_of_it(catalog: Catalog) -> None:
    def record(path: bytes, *, fail: bool) -> None:
        with catalog.transaction():
            catalog.files.record(path, INFO, vector(1, 0))  # a transaction of its own
            if fail:
                raise RuntimeError

    with catalog.transaction():
        record(b"/a", fail=False)
        with pytest.raises(RuntimeError):
            record(b"/b", fail=True)
        record(b"/c", fail=False)
    assert [row.path for row in catalog.files.all()] == [b"/a", b"/c"]
    with pytest.raises(RuntimeError):
        record(b"/d", fail=True)
    assert catalog.files.count("indexed") == 2


def test_a_reader_sees_what_was_committed_beside_a_writer(catalog: Catalog) -> None:
    with Catalog(catalog.path, read_only=True) as reader:
        assert reader.files.count("indexed") == 0
        catalog.files.record(b"/a", INFO, vector(1, 0))
        assert reader.files.count("indexed") == 1
        with pytest.raises(HomeError):
            reader.settings.set_meta("x", "y")


def test_the_configuration_survives(catalog: Catalog, tmp_path: Path) -> None:
    configuration = Configuration(FakeEncoder().spec, "mean-std", tmp_path / "cache")
    catalog.settings.set_configuration(configuration)
    catalog.close()
    with Catalog(tmp_path / "catalog.db") as again:
        assert again.settings.configuration == configuration


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_catalog_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "catalog.db").write_bytes(content)
    with pytest.raises(HomeError, match="can't be used"):
        Catalog(tmp_path / "catalog.db")


def test_a_catalog_of_a_later_format_is_refused(catalog: Catalog) -> None:
    catalog.close()
    with sqlite3.connect(catalog.path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(HomeError, match="format 99"):
        Catalog(catalog.path)


def test_a_home_without_the_later_tables_is_read_as_if_they_were_empty(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog(path) as catalog:
        catalog.settings.set_configuration(CONFIGURATION)
    with closing(sqlite3.connect(path)) as database, database:
        for name in ADDITIONS:
            database.execute(f"DROP TABLE {name}")
    before = path.read_bytes()
    with closing(connect(path, read_only=True)) as database:
        for name in ADDITIONS:
            assert database.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)
    assert path.read_bytes() == before
    with Catalog(path) as catalog:
        assert catalog.settings.configuration == CONFIGURATION
    with closing(sqlite3.connect(path)) as database:
        made = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert made > ADDITIONS.keys()
