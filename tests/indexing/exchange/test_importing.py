"""Imports: a home from a file, homes joined, and files that are not to be trusted."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Cli
from fake_encoder import FakeEncoder
from libraries import Library, Original, counts, track
from made_home import MadeHome, digest_of, path_of, random_tracks

from audiosim.core.errors import AudiosimError, HomeError, LockedError, UsageError
from audiosim.core.files import hold
from audiosim.core.types import AudioInfo, FrameEmbeddings, Tags
from audiosim.indexing.exchange import Imported, export_index, import_index, parquet
from audiosim.indexing.exchange.header import Header
from audiosim.indexing.exchange.parquet import ExportFile, write
from audiosim.indexing.maintenance import collect_garbage
from audiosim.indexing.report import RootDoubted
from audiosim.indexing.verify import verify_home
from audiosim.library.catalog import Catalog, Record
from audiosim.library.filters import Filter
from audiosim.search.similar import SearchResult, find_similar

pytestmark = pytest.mark.slow

ROOT = b"/music"


def made_home(folder: Path, tracks: dict[str, FrameEmbeddings]) -> MadeHome:
    """A home with these tracks, measured, and centred if they are fifty or more."""
    home = MadeHome(folder)
    home.add(tracks)
    with Catalog(home.home.catalog) as catalog:
        catalog.settings.set_roots([ROOT])
    home.refresh()
    return home


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of sixty tracks, "there", and its export, "e.parquet"."""
    folder = tmp_path_factory.mktemp("kept")
    made_home(folder / "there", random_tracks(60, np.random.default_rng(1)))
    export_index(folder / "e.parquet", home=folder / "there")
    return folder


@pytest.fixture
def there(kept: Path, tmp_path: Path) -> MadeHome:
    shutil.copytree(kept / "there", tmp_path / "there")
    return MadeHome(tmp_path / "there")


@pytest.fixture
def export(kept: Path, tmp_path: Path) -> Path:
    shutil.copy(kept / "e.parquet", tmp_path / "e.parquet")
    return tmp_path / "e.parquet"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


def content(home: Path, *, times: bool = False) -> dict[str, Any]:
    """What a catalog says of files, audio and the home, the place of its caches aside."""
    changed = ", changed" if times else ""
    files = f"path, id, state, size, mtime_ns, digest, reason, sample_rate, channels, codec, title{changed}"
    queries = {
        "files": f"SELECT {files} FROM files ORDER BY path",
        "tracks": "SELECT digest, vector, windows, duration, scale FROM tracks ORDER BY digest",
        "passages": "SELECT * FROM passages ORDER BY digest",
        "roots": "SELECT * FROM roots ORDER BY path",
        "meta": "SELECT * FROM meta WHERE key IN ('percentiles', 'measured_tracks') ORDER BY key",
    }
    with closing(sqlite3.connect(home / "catalog.db")) as database:
        found: dict[str, Any] = {name: database.execute(query).fetchall() for name, query in queries.items()}
    with Catalog(home / "catalog.db", read_only=True) as catalog:
        configuration = catalog.settings.configuration
    assert configuration is not None
    return {**found, "collection": configuration.collection, "spec": configuration.spec}


def edit(home: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "catalog.db")) as database, database:
        assert database.execute(statement, values).rowcount > 0


def test_it_tells_how_far_it_is(export: Path, here: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    import_index([export], home=here, on_progress=lambda *stage: seen.append(stage))
    assert [name for name, _, _ in dict.fromkeys((name, 0, 0) for name, _, _ in seen)] == [
        "Read", "Entered", "Written to the store",
    ]  # fmt: skip
    last = {name: (done, total) for name, done, total in seen}
    assert set(last.values()) == {(60, 60)}


def told(done: Imported) -> dict[str, int]:
    """The counts that are not zero."""
    names = ("tracks", "added", "known", "kept", "left_out", "pooled", "without_cache")
    return {name: getattr(done, name) for name in names if getattr(done, name)}


def ask(home: Path, name: str, **options: Any) -> SearchResult:
    return find_similar(os.fsdecode(path_of(name)), home=home, count=8, **options)


@pytest.mark.slow
def test_a_fresh_home_answers_as_the_one_exported(
    there: MadeHome, export: Path, here: Path, cli: Cli
) -> None:
    import_index([export], home=there.home.path)  # fills its Chroma
    done = import_index([export], home=here)
    assert told(done) == {"tracks": 60, "added": 60, "without_cache": 60}
    assert done.roots == [ROOT]
    assert content(here) == content(there.home.path)
    for number in (0, 17, 42):
        name = f"t{number:03}.flac"
        for options in ({}, {"only": Filter(max_duration=100.0)}):
            answers = [ask(home, name, **options) for home in (there.home.path, here)]
            assert len(answers[0].matches) == 8
            assert all(match.percentile is not None for match in answers[0].matches)
            assert answers[0] == replace(answers[1], queries=answers[0].queries)
            assert answers[0].exact_because is None
    query = os.fsdecode(path_of("t000.flac"))
    first, second = (cli("similar", query, "--json", "--home", h) for h in (there.home.path, here))
    assert (first.code, first.out) == (0, second.out)


def test_importing_again_changes_nothing(export: Path, here: Path) -> None:
    import_index([export], home=here)
    before, chroma = content(here, times=True), sorted((here / "chroma").rglob("*"))
    assert told(import_index([export, export], home=here)) == {"tracks": 120, "known": 120}
    assert content(here, times=True) == before
    assert sorted((here / "chroma").rglob("*")) == chroma
    verified = verify_home(here)
    assert (verified.store_faults, verified.lost_vectors, verified.compared) == ([], [], 60)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("original"))


def test_the_next_index_opens_nothing_and_goes_on(original: Original, tmp_path: Path, here: Path) -> None:
    library = original.restored()
    export_index(tmp_path / "e.parquet", home=library.home.path)
    moved = tmp_path / "moved"
    shutil.copytree(library.home.path.parent / "music", moved)
    done = import_index(
        [tmp_path / "e.parquet"], home=here, maps=[(library.home.path.parent / "music", moved)]
    )
    assert (told(done), done.roots) == (
        {"tracks": 7, "added": 7, "without_cache": 7},
        [os.fsencode(moved)],
    )
    mine = Library(here)
    assert counts(mine.index()) == {"found": 7, "unchanged": 7}
    assert mine.encoder.windows == 0
    assert set(mine.similar(moved / "low" / "0.wav", count=2)) == {"1.wav", "2.wav"}
    (moved / "low" / "0.wav").rename(moved / "renamed.wav")
    assert counts(mine.index()) == {"found": 7, "unchanged": 6, "moved": 1}
    shutil.copy(track(library, 1), moved / "high" / "3.wav")
    assert counts(mine.index()) == {"found": 7, "unchanged": 6, "reused": 1}
    assert mine.encoder.windows == 0


def test_a_root_that_is_not_here_looks_unmounted(original: Original, tmp_path: Path, here: Path) -> None:
    library = original.restored()
    export_index(tmp_path / "e.parquet", home=library.home.path)
    music = library.home.path.parent / "music"
    import_index([tmp_path / "e.parquet"], home=here, maps=[(music, tmp_path / "nowhere")])
    before = content(here, times=True)
    mine = Library(here)
    report = mine.index()
    assert RootDoubted(os.fsencode(tmp_path / "nowhere"), "it is not there") in mine.events
    assert (report.needs_a_look, report.gone) == (True, 0)
    assert content(here, times=True) == before


def fork(kept: Path, tmp_path: Path, name: str, prefix: str, seed: int) -> MadeHome:
    """A copy of the home, with ten tracks of its own."""
    shutil.copytree(kept / "there", tmp_path / name)
    home = MadeHome(tmp_path / name)
    home.add(random_tracks(10, np.random.default_rng(seed), prefix=prefix))
    home.refresh()
    return home


def without_cache_folder(home: MadeHome) -> None:
    """Has a copied home look for caches in its own folder."""
    with Catalog(home.home.catalog) as catalog:
        catalog.settings.set_configuration(replace(home.configuration, cache=home.home.cache))


def test_two_homes_with_one_centre_are_joined(kept: Path, tmp_path: Path) -> None:
    first, second = fork(kept, tmp_path, "a", "a", 5), fork(kept, tmp_path, "b", "b", 6)
    for home in (first, second):
        without_cache_folder(home)
        export_index(tmp_path / f"{home.home.path.name}.parquet", home=home.home.path)
    done = import_index([tmp_path / "b.parquet"], home=first.home.path)
    assert told(done) == {"tracks": 70, "added": 10, "known": 60, "without_cache": 10}
    import_index([tmp_path / "a.parquet"], home=second.home.path)
    joined, other = content(first.home.path), content(second.home.path)
    assert len(joined["files"]) == 80
    for part in ("files", "passages", "collection"):
        assert joined[part] == other[part]
    vectors = [[row[:4] for row in found["tracks"]] for found in (joined, other)]
    assert vectors[0] == vectors[1]
    assert all(row[4] for found in (joined, other) for row in found["tracks"])
    assert {m.track.path for m in ask(first.home.path, "a000.flac").matches}


def test_what_was_measured_elsewhere_is_measured_anew(kept: Path, tmp_path: Path, here: Path) -> None:
    home = fork(kept, tmp_path, "a", "a", 5)
    export_index(tmp_path / "part.parquet", home=home.home.path, only=Filter(under=(path_of("a000.flac"),)))
    shutil.copytree(kept / "there", here)
    import_index([tmp_path / "part.parquet"], home=here)
    with Catalog(here / "catalog.db") as catalog:
        digests, vectors = catalog.tracks.audio_vectors()
        scales = {entry.track.digest: entry.scale for entry in catalog.tracks.entries()}
    new = vectors[digests.index(digest_of("a000.flac"))]
    nearest = np.sort(vectors @ new)[-11:-1]
    assert scales[digest_of("a000.flac")] == pytest.approx(1 - nearest.mean(), abs=1e-5)


def test_another_centre_needs_caches_and_says_so_before_anything_changes(
    there: MadeHome, export: Path, tmp_path: Path, cli: Cli
) -> None:
    other = made_home(tmp_path / "other", random_tracks(55, np.random.default_rng(9), prefix="o"))
    before = content(other.home.path, times=True)
    place = other.home.cache / other.spec.fingerprint
    refused = cli("import", export, "--home", other.home.path)
    assert (refused.code, refused.out) == (1, "")
    assert "another mean window" in refused.err
    assert "60 of 60 have no cache here" in refused.err
    assert f"cp -R OLD/cache/{place.name} {place.parent}/\n" in refused.err
    assert content(other.home.path, times=True) == before

    shutil.copytree(there.home.cache, other.home.cache, dirs_exist_ok=True)
    damaged = other.cache.path(digest_of("t007.flac"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    done = cli("import", export, "--home", other.home.path, "--json")
    assert done.code == 3
    assert "1 track was left out" in done.err
    found = {name: done.json[name] for name in ("added", "pooled", "left_out", "without_cache")}
    assert found == {"added": 59, "pooled": 59, "left_out": 1, "without_cache": 0}
    with Catalog(other.home.catalog, read_only=True) as catalog:
        pooler = other.configuration.pooler
        for record in catalog.records.all():
            cached = other.cache.read(record.info.digest)
            assert cached is not None
            pooled = pooler(cached.frames)
            np.testing.assert_array_equal(record.vector, pooled.vector)
            assert record.passages == pooled.passages
    assert not verify_home(other.home.path).faults
    shutil.copy(there.cache.path(digest_of("t007.flac")), damaged)
    again = import_index([export], home=other.home.path)
    assert told(again) == {"tracks": 60, "known": 59, "added": 1, "pooled": 1}


def test_a_home_too_small_to_have_a_centre_takes_that_of_the_file(export: Path, tmp_path: Path) -> None:
    own = made_home(tmp_path / "small", random_tracks(5, np.random.default_rng(3), prefix="s"))
    assert not own.configuration.centre
    done = import_index([export], home=own.home.path)
    assert told(done) == {"tracks": 60, "added": 60, "without_cache": 60}
    assert own.configuration.centre == ExportFile(export).header.centre
    cached = own.cache.read(digest_of("s000.flac"))
    assert cached is not None
    with Catalog(own.home.catalog, read_only=True) as catalog:
        vector = catalog.tracks.vector(digest_of("s000.flac"))
    assert vector is not None
    np.testing.assert_array_equal(vector, own.configuration.pooler(cached.frames).vector)
    assert verify_home(own.home.path).store_faults == []


def test_a_home_that_lost_its_caches_can_not_take_a_centre(export: Path, tmp_path: Path) -> None:
    own = made_home(tmp_path / "small", random_tracks(5, np.random.default_rng(3), prefix="s"))
    own.cache.path(digest_of("s000.flac")).unlink()
    before = content(own.home.path, times=True)
    with pytest.raises(HomeError, match="another mean window"):
        import_index([export], home=own.home.path)
    assert content(own.home.path, times=True) == before


def test_what_was_never_centred_is_joined_and_centred_by_the_next_run(tmp_path: Path, here: Path) -> None:
    small = [
        made_home(tmp_path / name, random_tracks(30, np.random.default_rng(n), prefix=name))
        for n, name in enumerate("ab")
    ]
    for home in small:
        export_index(home.home.path / "e.parquet", home=home.home.path)
        shutil.copytree(home.home.cache, here / "cache", dirs_exist_ok=True)
    import_index([home.home.path / "e.parquet" for home in small], home=here)
    joined = MadeHome(here)
    assert not joined.configuration.centre
    assert joined.refresh() == ["Vectors are centred on the library's mean window from now on."]


STATES: list[tuple[str, dict[str, object], str]] = [
    ("the same", {}, "known"),
    ("other audio", {"digest": digest_of("other")}, "kept"),
    ("gone", {"state": "gone"}, "kept"),
    ("forgotten", {"state": "gone", "reason": "moved"}, "added"),
    ("failed, the same file", {"state": "failed", "reason": "crash"}, "added"),
    ("failed, another file", {"state": "failed", "reason": "crash", "size": 7}, "kept"),
    ("failed, never opened", {"state": "failed", "reason": "away", "size": -1, "mtime_ns": -1}, "added"),
]


@pytest.mark.parametrize(("changes", "fate"), [(c, f) for _, c, f in STATES], ids=[n for n, _, _ in STATES])
def test_what_the_home_says_of_a_file_counts(there: MadeHome, changes: dict[str, object], fate: str) -> None:
    path = path_of("t000.flac")
    with Catalog(there.home.catalog) as catalog:
        record = next(catalog.records.all())
    for name, value in changes.items():
        edit(there.home.path, f"UPDATE files SET {name} = ? WHERE path = ?", value, path)
    with Catalog(there.home.catalog) as catalog:
        before = catalog.files.get(path)
        assert catalog.records.take([record]) == [fate]
        after = catalog.files.get(path)
    assert after is not None
    if fate == "added":
        assert (after.state, after.reason, after.digest) == ("indexed", None, record.info.digest)
        assert (after.size, after.mtime_ns) == (record.info.size, record.info.mtime_ns)
    else:
        assert after == before


def test_files_of_other_kinds_are_refused(export: Path, tmp_path: Path, cli: Cli) -> None:
    tracks = random_tracks(2, np.random.default_rng(4))
    other = MadeHome(tmp_path / "other", spec=FakeEncoder(weights="other").spec)
    other.add(tracks)
    maximum = MadeHome(tmp_path / "max", pooling="max")
    maximum.add(tracks)
    for home in (other, maximum):
        before = content(home.home.path)
        refused = cli("import", export, "--home", home.home.path)
        assert refused.code == 2
        assert f"pooling mean, fingerprint {FakeEncoder().spec.fingerprint}" in refused.err
        assert f"pooling {home.configuration.pooling}, fingerprint {home.spec.fingerprint}" in refused.err
        assert "--home" in refused.err
        assert content(home.home.path) == before
    export_index(tmp_path / "max.parquet", home=maximum.home.path)
    with pytest.raises(UsageError, match="can't be compared with those of"):
        import_index([export, tmp_path / "max.parquet"], home=tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


def test_folders_are_mapped_with_their_roots(there: MadeHome, tmp_path: Path, here: Path, cli: Cli) -> None:
    odd = b"/music/\x1b[2J\xff/x.flac"
    edit(there.home.path, "UPDATE files SET path = ? WHERE path = ?", odd, path_of("t000.flac"))
    deep = b"/music/deep/x.flac"
    edit(there.home.path, "UPDATE files SET path = ? WHERE path = ?", deep, path_of("t001.flac"))
    with Catalog(there.home.catalog) as catalog:
        catalog.settings.set_roots([ROOT, b"/empty"])
    export_index(tmp_path / "e.parquet", home=there.home.path)
    vain = cli("import", "e.parquet", "--map", "/musi=/n", "--home", here)
    assert (vain.code, vain.out) == (2, "")
    assert "Nothing lies below /musi in what is imported" in vain.err
    assert not here.exists()
    maps = ("--map", b"/music/\x1b[2J\xff=/n\xff", "--map", "/music/deep=/m")
    done = cli("import", "e.parquet", *maps, "--home", here)
    assert done.code == 0, done.err
    assert "60 tracks added" in done.out
    assert "audiosim index looks at /n\\xff, which is not there now." in done.out
    with Catalog(here / "catalog.db", read_only=True) as catalog:
        assert catalog.settings.roots() == [b"/m", ROOT, b"/n\xff"]
        paths = {row.path for row in catalog.files.all()}
    assert {b"/n\xff/x.flac", b"/m/x.flac", path_of("t002.flac")} <= paths
    assert not paths & {odd, deep}


def test_many_folders_that_come_along_are_folded(there: MadeHome, tmp_path: Path, cli: Cli) -> None:
    with Catalog(there.home.catalog) as catalog:
        catalog.settings.set_roots(path_of(f"t{number:03}.flac") for number in range(60))
    export_index(tmp_path / "e.parquet", home=there.home.path)
    done = cli("import", "e.parquet", "--home", tmp_path / "one")
    assert done.code == 0, done.err
    assert done.out.count("From now on, audiosim index looks at ") == 10
    assert done.out.endswith(f"... and 50 more: see audiosim status --all --home {tmp_path / 'one'}\n")
    assert len(cli("import", "e.parquet", "--json", "--home", tmp_path / "two").json["roots"]) == 60


def test_paths_that_are_not_utf8_survive(there: MadeHome, tmp_path: Path, here: Path) -> None:
    odd = b"/music/caf\xe9\n.flac"
    edit(there.home.path, "UPDATE files SET path = ? WHERE path = ?", odd, path_of("t000.flac"))
    export_index(tmp_path / "e.parquet", home=there.home.path)
    import_index([tmp_path / "e.parquet"], home=here)
    with Catalog(here / "catalog.db", read_only=True) as catalog:
        assert catalog.files.get(odd) is not None
    assert ask(here, "caf\udce9\n.flac").queries[0].indexed


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, str]], None]) -> None:
    """Has an export say something else, in columns (as lists) or metadata, its sums being right."""
    table = pq.read_table(path)
    columns = {name: table[name].to_pylist() for name in table.schema.names}
    metadata = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
    metadata.pop("audiosim.tracks", None)
    count = str(table.num_rows)
    change(columns, metadata)
    fields = [field for field in table.schema if field.name in columns]
    schema = pa.schema([field.with_nullable(True) for field in fields], metadata=metadata)
    made = pa.table({field.name: pa.array(columns[field.name], field.type) for field in fields}, schema)
    with pq.ParquetWriter(path, schema) as writer:
        try:
            writer.write_table(made)
        except pa.ArrowNotImplementedError as error:  # of earlier pyarrows
            pytest.skip(str(error))
        writer.add_key_value_metadata({"audiosim.tracks": count})


def put(name: str, value: object, row: int = 7) -> Callable[[dict[str, Any], dict[str, str]], None]:
    def change(columns: dict[str, Any], _: dict[str, str]) -> None:
        columns[name][row] = value

    return change


def metadata(name: str, value: str) -> Callable[[dict[str, Any], dict[str, str]], None]:
    def change(_: dict[str, Any], found: dict[str, str]) -> None:
        found[f"audiosim.{name}"] = value

    return change


UNIT = [1.0] + [0.0] * 15
WRONG: list[tuple[str, Callable[[dict[str, Any], dict[str, str]], None], str]] = [
    ("other format", metadata("format", "2"), "it has format 2, this audiosim reads format 1"),
    ("other centre", metadata("centre", ""), "its metadata is damaged"),
    ("no format", lambda _, found: found.clear(), "was not written by audiosim export"),
    ("no column", lambda columns, _: columns.pop("windows"), "no column windows"),
    ("not finite", put("vector", [float("nan")] * 16), "not finite"),
    ("infinite", put("vector", [float("inf")] + [0.0] * 15), "not finite"),
    ("too long", put("vector", [3e38] * 16), "not of length 1"),
    ("not of length 1", put("vector", [0.5] + [0.0] * 15), "not of length 1"),
    ("no vector", put("vector", None), "missing or not whole"),
    ("a hole", put("vector", [None] * 16), "missing or not whole"),
    ("twice", put("path_bytes", path_of("t006.flac")), "is there twice"),
    ("out of order", put("path_bytes", b"/a"), "out of order"),
    ("relative", put("path_bytes", b"music/x.flac", 59), "not absolute: music/x.flac"),
    ("dots", put("path_bytes", b"/music/../x", 59), "not absolute"),
    ("zero byte", put("path_bytes", b"/x\0y", 59), "not absolute"),
    ("no path", put("path_bytes", None), "not absolute"),
    ("digest", put("digest", "../../../../etc/passwd"), "not 32 hexadecimal digits"),
    ("capitals", put("digest", "A" * 32), "not 32 hexadecimal digits"),
    ("duration", put("duration", float("nan")), "the duration of .* is nan"),
    ("endless", put("duration", float("inf")), "the duration of .* is inf"),
    ("no windows", put("windows", 0), "the windows of .* is 0"),
    ("size", put("size", -2), "the size of .* is -2"),
    ("no time", put("mtime_ns", None), "the time or codec of"),
    ("scale", put("scale", -0.5), "the scale of .* is -0.5"),
    ("passages", put("passages", b"abc"), "the passages of .* are damaged"),
    ("wild passages", put("passages", b"\xff" * 20), "the passages of .* are damaged"),
    ("too many passages", put("passages", b"\0" * 20_000), "the passages of .* are damaged"),
]


@pytest.mark.parametrize(("change", "reason"), [(c, r) for _, c, r in WRONG], ids=[n for n, _, _ in WRONG])
def test_nothing_is_taken_on_trust(
    export: Path, here: Path, change: Callable[[dict[str, Any], dict[str, str]], None], reason: str
) -> None:
    rewritten(export, change)
    with pytest.raises(AudiosimError, match=f"Can't import .*{reason}") as caught:
        import_index([export], home=here)
    assert (caught.value.exit_code, bool(caught.value.remedy)) == (1, True)
    assert not here.exists()


def test_what_is_rewritten_with_no_change_is_read(export: Path, here: Path) -> None:
    rewritten(export, lambda columns, found: None)
    assert [len(batch) for batch in ExportFile(export).batches()] == [60]
    rewritten(export, put("vector", UNIT))
    assert [len(batch) for batch in ExportFile(export).batches()] == [60]


@pytest.mark.slow
def test_a_wrong_size_of_vectors_is_told(export: Path, here: Path) -> None:
    table = pq.read_table(export)
    for size in (15, 1_000_000):
        short = pa.FixedSizeListArray.from_arrays(pa.nulls(60 * size, pa.float32()), size)
        place = table.schema.get_field_index("vector")
        pq.write_table(table.set_column(place, "vector", short), export)
        with pytest.raises(AudiosimError, match=rf"its column vector is .*\[{size}\], not .*\[16\]"):
            import_index([export], home=here)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    damaged = bytearray(data)
    for place in range(len(data) // 4, len(data) // 2, 100):
        damaged[place] ^= 1
    return bytes(damaged)


def end_flipped(data: bytes) -> bytes:
    return data[:-20] + bytes(20)


def foreign(data: bytes) -> bytes:
    return b"ID3\x04" + bytes(len(data))


def empty(data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [cut, flipped, end_flipped, foreign, empty])
def test_damaged_files_are_told_and_change_nothing(
    export: Path, there: MadeHome, cli: Cli, damage: Callable[[bytes], bytes]
) -> None:
    export.write_bytes(damage(export.read_bytes()))
    before = content(there.home.path, times=True)
    done = cli("import", export, "--home", there.home.path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"audiosim: Can't import {export}: ")
    assert "Traceback" not in done.err
    assert content(there.home.path, times=True) == before


def test_files_that_lost_rows_are_told(export: Path, here: Path) -> None:
    table = pq.read_table(export).slice(0, 30)
    metadata = {k: v for k, v in table.schema.metadata.items() if k != b"audiosim.tracks"}
    table = table.replace_schema_metadata(metadata)
    with pq.ParquetWriter(export, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"audiosim.tracks": "60"})
    with pytest.raises(AudiosimError, match="does not have as many rows as were written"):
        import_index([export], home=here)


def test_there_must_be_files(here: Path, tmp_path: Path, cli: Cli) -> None:
    with pytest.raises(UsageError, match="Nothing to import"):
        import_index([], home=here)
    for path, reason in (("nowhere", "No such file: nowhere"), (".", "no regular file")):
        done = cli("import", path, "--home", here)
        assert (done.code, done.out) == (2, "")
        assert reason in done.err
    assert cli("import", "--home", here).code == 2
    assert not here.exists()


def test_an_import_gives_way_to_another_run(there: MadeHome, export: Path, cli: Cli) -> None:
    with hold(there.home.index_lock, wait=0, what="testing"):
        refused = cli("import", export, "--home", there.home.path)
        assert (refused.code, refused.out) == (4, "")
        with pytest.raises(LockedError):
            import_index([export], home=there.home.path, wait=0.01)


def test_an_empty_export_makes_an_empty_home(tmp_path: Path, here: Path) -> None:
    home = MadeHome(tmp_path / "empty")
    export_index(tmp_path / "e.parquet", home=home.home.path)
    assert told(import_index([tmp_path / "e.parquet"], home=here)) == {}
    assert content(here) == content(home.home.path)


def many(folder: Path, count: int) -> Path:
    """An export of so many tracks."""
    home = MadeHome(folder / "many")
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(count, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    infos = (AudioInfo(f"{n:032x}", 10.0, 8000, 1, "flac", n, n, tags=Tags(f"{n}")) for n in range(count))
    rows = (Record(b"/music/%06d.flac" % n, info, vectors[n], 10, b"", None) for n, info in enumerate(infos))
    with open(folder / "many.parquet", "wb") as file:
        assert write(file, Header.of(home.configuration, [ROOT]), rows) == count
    return folder / "many.parquet"


@pytest.mark.slow
@pytest.mark.long
def test_a_kill_loses_nothing_and_importing_again_completes_it(tmp_path: Path, here: Path) -> None:
    export = many(tmp_path, 6_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "audiosim", "import", str(export), "--home", str(here)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    count = 0
    while not count:
        assert process.poll() is None
        time.sleep(0.005)
        count = entered(here)
    process.send_signal(signal.SIGKILL)
    process.wait()
    count = entered(here)
    assert 0 < count < 6_000
    assert count % parquet.BATCH == 0
    done = import_index([export], home=here)
    assert told(done) == {
        "tracks": 6_000,
        "known": count,
        "added": 6_000 - count,
        "without_cache": 6_000 - count,
    }
    with Catalog(here / "catalog.db") as catalog:
        catalog.check()
        assert catalog.store_state.pending_count() == 0
        assert all(record.scale for record in catalog.records.all())
        names = [(r.path, r.info.digest, r.info.size, r.info.tags.title) for r in catalog.records.all()]
    assert names == [(b"/music/%06d.flac" % n, f"{n:032x}", n, f"{n}") for n in range(6_000)]
    assert verify_home(here).store_faults == []


def entered(home: Path) -> int:
    """How many tracks a home has by now."""
    try:
        with closing(sqlite3.connect(f"file:{home / 'catalog.db'}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM files").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_tracks_without_caches_are_left_alone_by_upkeep(export: Path, here: Path) -> None:
    import_index([export], home=here)
    before = content(here, times=True)
    assert collect_garbage(home=here, age=0.0).vectors == 0
    assert MadeHome(here).refresh() == []
    assert len(verify_home(here).lost_caches) == 60
    health = verify_home(here, repair=True)
    assert (health.sound, health.repairs, len(health.lost_caches)) == (False, [], 60)
    with pytest.raises(HomeError, match="imported without their caches"):
        Library(here).index(pooling="max")
    assert content(here, times=True) == before


def test_another_pooling_never_loses_tracks_that_are_not_here(there: MadeHome, here: Path) -> None:
    """Fewer than half lack caches, and their files are on another machine."""
    without_cache_folder(there)
    for number in range(10):
        there.cache.path(digest_of(f"t{number:03}.flac")).unlink()
    before = content(there.home.path, times=True)
    with pytest.raises(HomeError, match=r"10 tracks have neither a cache .* nor a file"):
        Library(there.home.path).index(pooling="max")
    assert content(there.home.path, times=True) == before
