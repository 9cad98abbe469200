"""Whether a home is whole: what is found, what is repaired, and that nothing else is touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLE_RATE, Cli
from fake_encoder import BANDS
from libraries import (
    Library,
    Original,
    a_run_ended_in_a_burst,
    assert_chroma_is_the_catalogs,
    cache_of,
    catalog_content,
    configuration_of,
    counts,
    digest_of,
    edit,
    open_store,
    track,
    vectors,
)

from audiosim.backends.chroma_embedded import EmbeddedChroma, EmbeddedCollection
from audiosim.backends.inspection import Inspection, compare
from audiosim.core.errors import HomeError
from audiosim.core.files import hold
from audiosim.core.types import AudioInfo, Float32, Tags, Track
from audiosim.indexing.verify import verify_home
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, path_id
from audiosim.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("original"))


@pytest.fixture
def library(original: Original) -> Library:
    return original.restored()


def test_a_sound_home_is_found_sound_and_left_as_it_is(library: Library) -> None:
    before = catalog_content(library)
    for repair in (False, True):
        health = verify_home(library.home.path, repair=repair)
        assert (health.tracks, health.caches, health.compared, health.recall) == (7, 6, 7, 1.0)
        assert (health.sound, health.faults, health.repairs) == (True, [], [])
    assert catalog_content(library) == before
    assert_chroma_is_the_catalogs(library)


def test_gone_and_failed_files_and_another_pooling_are_no_faults(library: Library) -> None:
    track(library, 0).unlink()
    track(library, 1).write_bytes(b"no music at all" * 100)
    library.index(pooling="mean-std")
    health = verify_home(library.home.path)
    assert health.faults == []
    assert (health.tracks, health.caches, health.recall) == (5, 6, 1.0)


def test_a_home_without_an_index_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="Make one: audiosim index FOLDER"):
        verify_home(tmp_path)


def test_lost_caches_are_computed_again_and_their_files_answer_until_then(library: Library) -> None:
    cache, digests = cache_of(library), [digest_of(library, track(library, number)) for number in range(6)]
    cache.path(digests[0]).unlink()
    cache.path(digests[1]).write_bytes(b"garbage" * 100)
    make_another_encoders(library, digests[2])
    shutil.copy(cache.path(digests[3]), cache.path(digests[5]))  # the audio of two files
    lost = sorted([*digests[:3], digests[5]])
    before = vectors(library)

    found = verify_home(library.home.path)
    assert (found.lost_caches, found.lost_vectors, found.store_faults) == (lost, [], [])
    assert (found.sound, found.caches) == (False, 2)
    repaired = verify_home(library.home.path, repair=True)
    assert (repaired.sound, repaired.store_sound, repaired.lost_caches, repaired.waiting) == (
        False,
        True,
        lost,
        4,
    )
    assert repaired.repairs == ["4 tracks will be computed again where the next index finds the files."]
    assert vectors(library) == before
    assert set(library.similar(track(library, 3), count=3)) == {"4.wav", "5.wav", "copy of 5.wav"}
    assert set(library.similar(track(library, 0), count=2)) == {"1.wav", "2.wav"}

    report = library.index()
    assert verify_home(library.home.path).sound
    assert counts(report) == {"found": 7, "indexed": 4, "reused": 1, "unchanged": 2}
    assert vectors(library) == before
    assert verify_home(library.home.path).faults == []
    assert_chroma_is_the_catalogs(library)


def make_another_encoders(library: Library, digest: str) -> None:
    """Puts a cache of the same audio, by another version of the encoder, in a cache's place."""
    cache = cache_of(library)
    cached = cache.read(digest)
    assert cached is not None
    other = Cache(library.home.path / "other", replace(configuration_of(library).spec, version=2))
    other.write(AudioInfo(digest, cached.duration, SAMPLE_RATE, 1, "pcm", 1, 0), cached.frames, "float32")
    shutil.move(other.path(digest), cache.path(digest))


def test_audio_of_files_that_are_gone_is_let_go_with_its_cache(library: Library, tmp_path: Path) -> None:
    file = track(library, 0)
    digest = digest_of(library, file)
    shutil.move(file, tmp_path / "away.wav")
    library.index()
    cache_of(library).path(digest).unlink()
    assert verify_home(library.home.path, repair=True).lost_caches == [digest]
    assert verify_home(library.home.path).faults == []
    shutil.move(tmp_path / "away.wav", file)
    assert counts(library.index()) == {"found": 7, "indexed": 1, "unchanged": 6}


def test_damaged_vectors_are_pooled_again_to_the_same_bits(library: Library) -> None:
    before = vectors(library)
    digests = [digest_of(library, track(library, number)) for number in range(6)]
    damage(library, digests[1], lambda vector: vector * np.float32(np.nan))
    damage(library, digests[2], lambda vector: vector[:-1])
    damage(library, digests[3], lambda vector: vector * 3)
    damage(library, digests[4], lambda vector: np.roll(vector, 1))  # a unit vector still
    edit(library, "DELETE FROM tracks WHERE digest = ?", digests[0])

    found = verify_home(library.home.path)
    assert (found.lost_vectors, found.lost_caches) == (sorted(digests[:5]), [])
    repaired = verify_home(library.home.path, repair=True)
    assert repaired.sound
    assert "5 vectors were pooled again from caches." in repaired.repairs
    assert vectors(library) == before
    assert_chroma_is_the_catalogs(library)
    assert counts(library.index()) == {"found": 7, "unchanged": 7}


def damage(library: Library, digest: str, change: Callable[[Float32], Float32]) -> None:
    """Changes a vector in the catalog behind audiosim's back."""
    with library.catalog() as catalog:
        vector = catalog.tracks.vector(digest)
    assert vector is not None
    changed = change(vector).astype("<f4").tobytes()
    edit(library, "UPDATE tracks SET vector = ? WHERE digest = ?", changed, digest)


def test_what_the_catalog_lost_is_not_blamed_on_chroma(library: Library) -> None:
    damage(library, digest_of(library, track(library, 0)), lambda vector: vector[:-1])
    damage(library, digest_of(library, track(library, 1)), lambda vector: vector * np.float32(np.nan))
    assert verify_home(library.home.path).store_faults == []


def test_vectors_lost_with_their_caches_are_computed_again(library: Library) -> None:
    before, digests = vectors(library), sorted(digest_of(library, track(library, n)) for n in (0, 5))
    for digest in digests:
        cache_of(library).path(digest).unlink()
        edit(library, "DELETE FROM tracks WHERE digest = ?", digest)
    repaired = verify_home(library.home.path, repair=True)
    assert (repaired.sound, repaired.store_sound, repaired.waiting) == (False, True, 2)
    assert repaired.lost_vectors == digests
    assert_chroma_is_the_catalogs(library)
    assert counts(library.index()) == {"found": 7, "indexed": 2, "reused": 1, "unchanged": 4}
    assert vectors(library) == before
    assert verify_home(library.home.path).faults == []


def a_row_is_missing(library: Library) -> None:
    with open_store(library) as store:
        store.delete([path_id(os.fsencode(track(library, 0)))])


def rows_are_missing_strange_and_wrong(library: Library) -> None:
    a_row_is_missing(library)
    wrong = os.fsencode(track(library, 1))
    vector = np.frombuffer(vectors(library)[path_id(wrong)], "<f4")
    with open_store(library) as store:
        for path in (b"/never/indexed.wav", wrong):
            store.upsert([(path_id(path), Track(path, "0" * 32, 1.0, Tags()), np.roll(vector, 1))])


def the_metric_and_the_encoder_are_others(library: Library) -> None:
    import chromadb
    from chromadb.config import Settings

    shutil.rmtree(library.home.chroma)
    client: Any = chromadb.PersistentClient(
        str(library.home.chroma), settings=Settings(anonymized_telemetry=False)
    )
    client.create_collection(
        "tracks",
        configuration={"hnsw": {"space": "l2"}},
        metadata={"identity": "another encoder, mean", "dimension": BANDS},
        embedding_function=None,
    )
    client.close()


def the_folder_is_deleted(library: Library) -> None:
    shutil.rmtree(library.home.chroma)


@pytest.mark.parametrize(
    ("spoil", "faults"),
    [
        (
            rows_are_missing_strange_and_wrong,
            ["it lacks 1 of 7", "it holds 1 vector that the catalog does not know", "1 of 6 vectors differ"],
        ),
        (the_metric_and_the_encoder_are_others, ["it is ('l2', 'another encoder, mean', 16)"]),
        (the_folder_is_deleted, ["There is no Chroma index"]),
        (a_run_ended_in_a_burst, ["a run ended while it wrote to it"]),
    ],
)
def test_a_fault_of_chroma_is_found_and_repaired(
    library: Library, spoil: Callable[[Library], None], faults: list[str]
) -> None:
    spoil(library)
    before = vectors(library)
    health = verify_home(library.home.path, repair=True)
    assert all(text in found for text, found in zip(faults, health.store_faults, strict=False))
    assert len(health.store_faults) >= len(faults)
    assert (health.sound, health.repairs) == (True, ["Chroma's index was made anew from the catalog."])
    assert vectors(library) == before
    assert_chroma_is_the_catalogs(library)


def test_each_file_of_chroma_may_be_cut_short(library: Library) -> None:
    files = [path for path in library.home.chroma.rglob("*.*") if path.is_file()]
    database = library.home.chroma / "chroma.sqlite3"
    assert database in files
    for path in files:
        if path != database:  # which holds these few rows too, to be replayed
            os.truncate(path, path.stat().st_size // 2)
    assert verify_home(library.home.path, repair=True).sound
    assert_chroma_is_the_catalogs(library)
    os.truncate(database, database.stat().st_size // 2)
    health = verify_home(library.home.path, repair=True)
    assert (health.sound, len(health.store_faults)) == (True, 1)
    assert_chroma_is_the_catalogs(library)


def test_what_a_killed_run_did_not_get_to_send_is_no_fault(library: Library) -> None:
    with Catalog(library.home.catalog) as catalog:
        catalog.files.mark_gone([os.fsencode(track(library, number)) for number in (3, 4)])
    health = verify_home(library.home.path)
    assert (health.faults, health.compared, health.recall) == ([], 5, 1.0)


def test_a_burst_that_begins_meanwhile_is_no_fault(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Store.inspect

    def inspect_then_write(self: Store, *, full: bool = False) -> Inspection:
        found = real(self, full=full)
        a_run_ended_in_a_burst(library)  # as far as the mark tells; it goes on
        return found

    monkeypatch.setattr(Store, "inspect", inspect_then_write)
    assert verify_home(library.home.path).faults == []


def test_only_a_full_check_compares_every_vector(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audiosim.backends.inspection.SAMPLE", 4)
    with library.catalog() as catalog:
        backend = EmbeddedChroma(library.home)
        assert compare(catalog, backend, "chroma", full=False).compared == 4
        assert compare(catalog, backend, "chroma", full=True).compared == 7


def test_answers_that_chroma_does_not_hold_are_a_fault(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = EmbeddedCollection.nearest
    damaged = path_id(os.fsencode(track(library, 0)))

    def nearest(self: EmbeddedCollection, vector: Float32, count: int) -> list[str]:
        return [id_.replace(damaged, "?") for id_ in real(self, vector, count)]

    monkeypatch.setattr(EmbeddedCollection, "nearest", nearest)
    with library.catalog() as catalog:
        faults = compare(catalog, EmbeddedChroma(library.home), "chroma", full=True).faults
    assert "it answers with 1 id that it does not hold" in faults


def test_verify_runs_beside_another_run_and_repair_waits_for_it(library: Library, cli: Cli) -> None:
    with hold(library.home.index_lock, wait=0, what="testing"):
        assert verify_home(library.home.path).sound
        refused = cli("verify", "--repair", "--home", library.home.path)
        assert (refused.code, refused.out) == (4, "")
        assert "--wait" in refused.err


@pytest.mark.parametrize("place", ["header", "page"])
def test_a_damaged_catalog_is_an_error_that_says_what_to_do(library: Library, cli: Cli, place: str) -> None:
    content = bytearray(library.home.catalog.read_bytes())
    start = 0 if place == "header" else content.index(b"CREATE TABLE") // 4096 * 4096 + 4096
    content[start : start + 2048] = b"garbage!" * 256
    library.home.catalog.write_bytes(content)
    for arguments in (["verify"], ["verify", "--repair"]):
        done = cli(*arguments, "--home", library.home.path)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"audiosim: The catalog {library.home.catalog} ")
        assert "Restore it from a backup; or move it away" in done.err
    assert library.home.catalog.read_bytes() == content


def test_repair_leaves_tracks_alone_while_the_caches_disk_looks_unmounted(
    library: Library, tmp_path: Path, cli: Cli
) -> None:
    digest = digest_of(library, track(library, 0))
    edit(library, "DELETE FROM tracks WHERE digest = ?", digest)
    before = catalog_content(library)
    library.home.cache.rename(tmp_path / "unmounted")
    command = ("verify", "--repair", "--home", library.home.path)
    for _ in range(2):
        done = cli(*command)
        assert done.code == 3
        assert "6 of 6 tracks have no cache in " in done.err
        assert "without their caches" in done.err
        assert catalog_content(library) == before
    (tmp_path / "unmounted").rename(library.home.cache)
    assert verify_home(library.home.path, repair=True).sound
    assert_chroma_is_the_catalogs(library)


def test_the_store_of_a_home_without_caches_is_repaired(library: Library, cli: Cli) -> None:
    shutil.rmtree(library.home.cache)
    command, home = ("verify", "--repair", "--home", library.home.path), library.home.path
    done = cli(*command)
    assert (done.code, done.out) == (
        3,
        "7 tracks, 0 caches, 7 vectors compared, recall@10 1.000: 1 fault.\n",
    )
    a_row_is_missing(library)
    before = [line for line in catalog_content(library) if 'INTO "tracks"' in line]
    told = cli("verify", "--home", home)
    assert (
        told.code,
        told.out.endswith(f": 2 faults; repair it with: audiosim verify --repair --home {home}\n"),
    ) == (3, True)
    done = cli(*command)
    assert (done.code, done.out.endswith(": repaired, but for the caches.\n")) == (3, True)
    assert [line for line in catalog_content(library) if 'INTO "tracks"' in line] == before != []
    assert_chroma_is_the_catalogs(library)


def test_the_command_tells_by_its_exit_code_and_in_json(library: Library, cli: Cli) -> None:
    home = ("--home", library.home.path)
    well = cli("verify", *home)
    assert (well.code, well.err) == (0, "")
    assert well.out == "7 tracks, 6 caches, 7 vectors compared, recall@10 1.000: all is well.\n"

    a_row_is_missing(library)
    digest = digest_of(library, track(library, 1))
    cache_of(library).path(digest).unlink()
    wrong = cli("verify", *home)
    assert wrong.code == 3
    assert f"2 faults; repair it with: audiosim verify --repair --home {library.home.path}\n" in wrong.out
    assert wrong.err.splitlines() == [
        f"audiosim: The cache of {digest} is missing or damaged.",
        "audiosim: Chroma: it lacks 1 of 7 vectors.",
    ]
    found = cli("verify", "--json", *home)
    assert (found.code, found.err) == (3, "")
    assert (found.json["sound"], found.json["lost_caches"], found.json["lost_vectors"]) == (
        False,
        [digest],
        [],
    )
    assert found.json["home"] == str(library.home.path)
    assert len(found.json["faults"]) == 2

    repaired = cli("verify", "--repair", "--json", *home)
    assert (repaired.code, repaired.json["sound"], len(repaired.json["repairs"])) == (3, False, 2)
    left = f"computed again by the next run: audiosim index --home {library.home.path}\n"
    assert cli("verify", *home).out.endswith(f": 1 fault, {left}")
    assert cli("verify", "--repair", *home).out.endswith(f": repaired, but for what is {left}")
    told = cli("status", *home)
    assert (
        f"Left to compute again: 1 cache that was lost. To do so: audiosim index {' '.join(map(str, home))}"
        in told.out
    )
    library.index()
    assert cli("verify", *home).out == well.out
    assert "Left to compute" not in cli("status", *home).out
