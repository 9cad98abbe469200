"""Exports: files that any reader of Parquet understands, whole or not there."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Cli
from made_home import MadeHome, digest_of, path_of, random_tracks

import audiosim
from audiosim.core.errors import AudiosimError, HomeError, UsageError
from audiosim.core.files import hold
from audiosim.core.types import Tags
from audiosim.indexing.exchange import export_index, parquet
from audiosim.indexing.exchange.header import Header
from audiosim.indexing.exchange.parquet import ExportFile, write
from audiosim.library.catalog import Catalog, Record
from audiosim.library.filters import Filter


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeHome:
    """Sixty tracks, centred and measured."""
    home = MadeHome(tmp_path_factory.mktemp("made") / "home")
    tracks = random_tracks(60, np.random.default_rng(1))
    tags = {name: Tags(title=name, genre="Jazz", year=1950 + n) for n, name in enumerate(list(tracks)[::2])}
    home.add(tracks, tags)
    with Catalog(home.home.catalog) as catalog:
        catalog.settings.set_roots([b"/music"])
    home.refresh()
    assert home.configuration.centre
    return home


@pytest.fixture
def small(tmp_path: Path) -> MadeHome:
    home = MadeHome(tmp_path / "small")
    home.add(random_tracks(3, np.random.default_rng(2)))
    return home


def edit(home: MadeHome, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(home.home.catalog)) as database, database:
        assert database.execute(statement, values).rowcount > 0


def records(home: MadeHome) -> list[Record]:
    with Catalog(home.home.catalog, read_only=True) as catalog:
        return list(catalog.records.all())


def same(first: Record, second: Record) -> bool:
    vectors = first.vector.tobytes() == second.vector.tobytes()
    return vectors and replace(first, vector=second.vector) == second


def test_other_programs_can_read_it(made: MadeHome, tmp_path: Path) -> None:
    done = audiosim.export_index(tmp_path / "e.parquet", home=made.home.path)
    assert (done.tracks, done.left_out, done.bytes) == (60, 0, (tmp_path / "e.parquet").stat().st_size)
    table = pq.read_table(tmp_path / "e.parquet")
    kept = records(made)
    assert table["path"].to_pylist() == [record.path.decode() for record in kept]
    assert table["path_bytes"].to_pylist() == [record.path for record in kept]
    assert table["digest"].to_pylist() == [record.info.digest for record in kept]
    assert table["title"].to_pylist() == [record.info.tags.title for record in kept]
    assert table["year"].to_pylist() == [record.info.tags.year for record in kept]
    assert table["duration"].to_pylist() == [record.info.duration for record in kept]
    np.testing.assert_array_equal(table["vector"].to_pylist(), [record.vector for record in kept])
    assert str(table.schema.field("vector").type) == "fixed_size_list<element: float>[16]"
    assert table.schema.metadata[b"audiosim.fingerprint"].decode() == made.spec.fingerprint
    assert table.schema.metadata[b"audiosim.pooling"] == b"mean"


def test_what_is_read_back_is_what_was_written(made: MadeHome, tmp_path: Path) -> None:
    export_index(tmp_path / "e.parquet", home=made.home.path)
    export = ExportFile(tmp_path / "e.parquet")
    read = [record for batch in export.batches() for record in batch]
    assert len(read) == 60
    assert all(map(same, read, records(made)))
    assert all(record.scale for record in read)
    assert export.header.centre == made.configuration.centre
    assert export.header.roots == (b"/music",)
    assert (export.header.measured, bool(export.header.percentiles)) == (60, True)


def test_paths_that_are_not_utf8_are_kept_to_the_byte(small: MadeHome, tmp_path: Path) -> None:
    odd = b"/music/caf\xe9 \x1b[31m\n.flac"
    edit(small, "UPDATE files SET path = ? WHERE path = ?", odd, path_of("t000.flac"))
    export_index(tmp_path / "e.parquet", home=small.home.path)
    table = pq.read_table(tmp_path / "e.parquet")
    assert table["path_bytes"].to_pylist()[0] == odd
    assert table["path"].to_pylist()[0] == "/music/caf\ufffd \x1b[31m\n.flac"
    assert next(ExportFile(tmp_path / "e.parquet").batches())[0].path == odd


def test_a_part_can_be_exported_without_what_was_measured_of_the_whole(
    made: MadeHome, tmp_path: Path
) -> None:
    only = Filter(genres=("jazz",))
    assert export_index(tmp_path / "e.parquet", home=made.home.path, only=only).tracks == 30
    export = ExportFile(tmp_path / "e.parquet")
    read = [record for batch in export.batches() for record in batch]
    assert all(record.info.tags.genre == "Jazz" and record.scale is None for record in read)
    assert export.header.percentiles is None


def test_damaged_vectors_are_left_out_and_told_of(small: MadeHome, tmp_path: Path, cli: Cli) -> None:
    edit(small, "UPDATE tracks SET vector = zeroblob(64) WHERE digest = ?", digest_of("t000.flac"))
    edit(small, "DELETE FROM tracks WHERE digest = ?", digest_of("t001.flac"))
    edit(small, "UPDATE passages SET vectors = x'00' WHERE digest = ?", digest_of("t002.flac"))
    done = cli("export", "e.parquet", "--home", small.home.path)
    assert done.code == 3
    assert done.out.startswith("1 track -> e.parquet (")
    assert "2 tracks were left out" in done.err
    read = [record for batch in ExportFile(tmp_path / "e.parquet").batches() for record in batch]
    assert [(record.path, record.passages) for record in read] == [(path_of("t002.flac"), None)]


def test_nothing_is_written_where_nothing_can_be(small: MadeHome, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "old.parquet").write_bytes(b"old")
    catalog = small.home.catalog
    before = catalog.read_bytes()
    for path, reason in (
        (tmp_path / "folder", "it is a folder"),
        (Path("/dev/null"), "it is no regular file"),
        (catalog, "the home's own catalog"),
    ):
        with pytest.raises(UsageError, match=reason):
            export_index(path, home=small.home.path)
    with pytest.raises(AudiosimError, match="no track fits"):
        export_index(tmp_path / "old.parquet", home=small.home.path, only=Filter(genres=("Polka",)))
    with pytest.raises(AudiosimError, match="Can't write"):
        export_index(tmp_path / "old.parquet" / "below", home=small.home.path)
    with pytest.raises(HomeError, match="There is no index"):
        export_index(tmp_path / "e.parquet", home=tmp_path / "nowhere")
    assert (tmp_path / "old.parquet").read_bytes() == b"old"
    assert catalog.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "old.parquet", "small"}


def test_an_export_needs_no_lock(small: MadeHome, tmp_path: Path, cli: Cli) -> None:
    with hold(small.home.index_lock, wait=0, what="testing"):
        done = cli("export", "e.parquet", "--json", "--home", small.home.path)
    assert (done.code, done.err) == (0, "")
    size = (tmp_path / "e.parquet").stat().st_size
    assert {**done.json, "seconds": 0} == {
        "path": "e.parquet", "tracks": 3, "left_out": 0, "bytes": size, "seconds": 0,
    }  # fmt: skip


def test_an_empty_index_gives_an_empty_export(tmp_path: Path) -> None:
    home = MadeHome(tmp_path / "empty")
    assert export_index(tmp_path / "e.parquet", home=home.home.path).tracks == 0
    assert list(ExportFile(tmp_path / "e.parquet").batches()) == []


def test_only_some_rows_are_in_memory_at_a_time(
    made: MadeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROOM", 1000)
    alive: weakref.WeakSet[object] = weakref.WeakSet()
    most = 0

    def watched() -> Iterator[Record]:
        nonlocal most
        with Catalog(made.home.catalog, read_only=True) as catalog:
            for record in catalog.records.all():
                alive.add(record.info)  # records themselves hold arrays and have no hash
                most = max(most, len(alive))
                yield record

    with open(tmp_path / "e.parquet", "wb") as file:
        assert write(file, Header.of(made.configuration, ()), watched()) == 60
    assert most < 30
    batches = list(ExportFile(tmp_path / "e.parquet").batches())
    assert sum(map(len, batches)) == 60
    assert max(map(len, batches)) < 15
    assert os.path.getsize(tmp_path / "e.parquet") > 60 * 64
