"""Indexing: what costs inference, what does not, what is lost: nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder
from libraries import Library, counts

from audiosim.audio.events import Ended, Failed
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.core.errors import HomeError, LockedError, UsageError
from audiosim.core.files import hold
from audiosim.core.types import TrackOutcome
from audiosim.encoders import LazyEncoder
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_events, index_folder
from audiosim.indexing.report import Activity, Notice, Planned, Progress, RootDoubted, Started
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.search.similar import find_similar
from audiosim.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def library(indexed: Library) -> Library:
    """A home that knows `music`."""
    return indexed


@pytest.fixture
def music(indexed: Library) -> Path:
    return indexed.music


@pytest.fixture
def empty(tmp_path: Path) -> Library:
    """A home that is not made yet."""
    return Library(tmp_path / "home")


def test_a_folder_is_indexed_and_what_sounds_alike_is_near(empty: Library, music: Path) -> None:
    report = empty.index(music)
    assert counts(report) == {"found": 6, "indexed": 6}
    assert report.audio_seconds == pytest.approx(sum(3 + n / 6 for n in range(6)), abs=0.2)
    low = sorted(path.name for path in (music / "low").iterdir())
    assert sorted(empty.similar(music / "low" / low[0], count=2)) == low[1:]
    assert len(empty.stored()) == 6


def test_a_run_tells_each_event_and_gives_the_report_that_ends_them(empty: Library, music: Path) -> None:
    report = empty.index(music)
    assert empty.events[-1] is report
    told = [event for event in empty.events if not isinstance(event, Activity)]
    assert [type(event) for event in told[:2]] == [Started, Planned]
    assert sum(isinstance(event, TrackOutcome) for event in empty.events) == 6
    assert index_folder([music], home=empty.home.path, encoder=empty.encoder).unchanged == 6


def test_a_run_tells_how_far_it_is_by_seconds_of_audio(empty: Library, music: Path) -> None:
    report = empty.index(music)
    first, *_, last = (event for event in empty.events if isinstance(event, Progress))
    files = sorted(os.fsencode(path) for path in music.rglob("*.*"))
    assert (first.done, first.total, first.audio_seconds, first.path) == (0, 6, 0, files[0])
    assert first.audio_total > 0  # by sizes
    assert (last.done, last.total, last.path, last.share, last.seconds_left) == (6, 6, None, 1, 0)
    assert last.audio_seconds == last.audio_total == pytest.approx(report.audio_seconds)
    assert last.time_up is None
    empty.index(music / "low", max_hours=1.0)
    assert {event.name for event in empty.events if isinstance(event, Activity)} == {
        "Looking for files", "Taking stock", "Writing to the store",
    }  # fmt: skip
    shutil.move(music / "low", music / "moved")
    empty.index(music, max_hours=1.0)
    (first, *_, last) = (event for event in empty.events if isinstance(event, Progress))
    assert (first.audio_total, last.audio_total, first.share, last.share) == (0, 0, 0, 1)
    assert 3500 < (first.time_up or 0) <= 3600


def test_the_model_is_said_to_be_loaded_where_it_is(empty: Library, music: Path, tmp_path: Path) -> None:
    def activities(**given: Any) -> list[str]:
        options = IndexOptions(jobs=1)
        events = index_events([music], home=empty.home.path, options=options, **given)
        return [event.name for event in events if isinstance(event, Activity)]

    loaded = activities(encoder=LazyEncoder(empty.encoder.spec, lambda: empty.encoder))
    assert loaded.index("Looking for files") < loaded.index("Loading the model")
    assert loaded.count("Loading the model") == 1
    assert "Loading the model" not in activities(encoder=empty.encoder)


def test_a_second_run_opens_nothing(library: Library, music: Path) -> None:
    assert counts(library.index(music)) == {"found": 6, "unchanged": 6}
    assert counts(library.index()) == {"found": 6, "unchanged": 6}
    assert library.encoder.windows == 0


def test_renamed_and_retagged_files_cost_no_inference_and_leave_no_ghost(
    library: Library, music: Path
) -> None:
    files = sorted(music.rglob("*.*"))
    files[0].rename(files[0].with_name("renamed" + files[0].suffix))
    shutil.move(files[1], music / "low" / f"moved{files[1].suffix}")
    for path in files[2:4]:
        tags = mutagen.File(path)
        if tags.tags is None:
            tags.add_tags()
        if path.suffix == ".wav":
            tags.tags.add(mutagen.id3.TIT2(text=["A title"]))  # type: ignore[no-untyped-call]
        else:
            tags["title"] = ["A title"]
        tags.save()
        os.utime(path, (1, 1))
    report = library.index(music)
    assert counts(report) == {"found": 6, "moved": 2, "reused": 2, "unchanged": 2}
    assert library.encoder.windows == 0
    assert len(library.stored()) == 6
    with library.catalog() as catalog:
        assert {row.path for row in catalog.files.all()} == {os.fsencode(p) for p in music.rglob("*.*")}
        tagged = catalog.tracks.at(os.fsencode(files[2]))
        assert tagged is not None
        assert tagged.tags.title == "A title"


def test_moving_most_of_a_library_is_no_unmounted_disk(library: Library, music: Path) -> None:
    (music / "low").rename(music / "a")
    (music / "high").rename(music / "b")
    assert counts(library.index(music)) == {"found": 6, "moved": 6}


def test_copies_share_one_computation(empty: Library, music: Path) -> None:
    for path in sorted(music.rglob("*.*")):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    report = empty.index(music)
    assert counts(report) == {"found": 12, "indexed": 6, "reused": 6}
    assert len(empty.stored()) == 12
    query = music / "low" / "00 track.wav"
    assert "copy of 00 track.wav" not in empty.similar(query, count=20)
    assert "copy of 00 track.wav" in empty.similar(query, count=20, include_self=True)


def test_changed_audio_is_computed_again(library: Library, music: Path) -> None:
    changed = music / "low" / "00 track.wav"
    soundfile.write(changed, tone(3, 2000), SAMPLE_RATE)
    assert counts(library.index(music)) == {"found": 6, "indexed": 1, "unchanged": 5}
    assert "00 track.wav" not in library.similar(music / "low" / "01 track.flac", count=2)


def test_gone_files_leave_the_index_and_return_at_no_cost(
    library: Library, music: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away.wav"
    file = music / "low" / "00 track.wav"
    shutil.move(file, away)
    assert counts(library.index(music)) == {"found": 5, "unchanged": 5, "gone": 1}
    assert len(library.stored()) == 5
    shutil.move(away, file)
    assert counts(library.index(music)) == {"found": 6, "reused": 1, "unchanged": 5, "reread": 1}
    assert library.encoder.windows == 0
    assert len(library.stored()) == 6


@pytest.mark.parametrize("loss", ["missing", "empty", "most"])
def test_an_unmounted_root_changes_nothing_until_removals_are_accepted(
    library: Library, music: Path, tmp_path: Path, loss: str
) -> None:
    shutil.move(music, tmp_path / "unmounted")
    if loss != "missing":
        music.mkdir()
    if loss == "most":
        shutil.copytree(tmp_path / "unmounted" / "low", music / "low")
        next((music / "low").iterdir()).unlink()
    report = library.index()
    assert report.gone == 0
    assert report.needs_a_look
    assert [type(e) for e in library.events if isinstance(e, RootDoubted)] == [RootDoubted]
    assert len(library.stored()) == 6
    removed = library.index(accept_removals=True)
    assert removed.gone == 6 - removed.found
    assert not removed.needs_a_look
    assert len(library.stored()) == removed.found


def test_only_the_paths_given_are_judged(library: Library, music: Path) -> None:
    next((music / "low").iterdir()).unlink()
    assert counts(library.index(music / "high")) == {"found": 3, "unchanged": 3}
    with library.catalog() as catalog:
        assert catalog.settings.roots() == [os.fsencode(music)]


def test_files_that_are_not_included_are_left_as_they_are(library: Library, music: Path) -> None:
    assert counts(library.index(music, include=["high/*"])) == {"found": 3, "unchanged": 3}
    assert len(library.stored()) == 6


def test_broken_files_fail_with_a_reason_and_are_not_tried_again(empty: Library, music: Path) -> None:
    (music / "text.mp3").write_text("no music at all\n" * 100)
    (music / "empty.flac").touch()
    soundfile.write(music / "silent.wav", np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    report = empty.index(music)
    assert counts(report) == {"found": 9, "indexed": 6, "failed": 3}
    reasons = {Path(os.fsdecode(path)).name: reason for path, reason in report.failures}
    assert "empty" in reasons["empty.flac"]
    assert "silent" in reasons["silent.wav"]
    assert "not readable as audio" in reasons["text.mp3"]
    again = empty.index(music)
    assert counts(again) == {"found": 9, "unchanged": 6, "failed_before": 3}
    assert not again.needs_a_look
    assert counts(empty.index(music, retry_failed=True)) == {"found": 9, "unchanged": 6, "failed": 3}


def test_a_renamed_silent_track_is_known_to_fail(library: Library, music: Path) -> None:
    silent = music / "silent.wav"
    soundfile.write(silent, np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    library.index(music)
    silent.rename(music / "quiet.wav")
    assert counts(library.index(music)) == {"found": 7, "unchanged": 6, "failed_before": 1, "gone": 1}
    assert library.encoder.windows == 0


def test_a_copy_of_a_silent_track_is_a_failure_of_its_own(library: Library, music: Path) -> None:
    silence = np.zeros(SAMPLE_RATE, np.float32)
    soundfile.write(music / "silent.wav", silence, SAMPLE_RATE)
    library.index(music)
    soundfile.write(music / "copy.wav", silence, SAMPLE_RATE)
    report = library.index(music)
    assert counts(report) == {"found": 8, "unchanged": 6, "failed": 1, "failed_before": 1}
    assert report.failures[0][0].endswith(b"copy.wav")
    assert counts(library.index(music)) == {"found": 8, "unchanged": 6, "failed_before": 2}


def test_paths_that_are_not_utf8_and_twins_of_normal_forms_are_kept_apart(
    empty: Library, music: Path
) -> None:
    source = (music / "low" / "00 track.wav").read_bytes()
    folder = os.fsencode(music / "odd")
    os.makedirs(folder)
    names = [b"caf\xe9.wav", "café.wav".encode(), "cafe\u0301.wav".encode(), b"new\nline.wav", b"-k.wav"]
    for number, name in enumerate(names):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(source)
        soundfile.write(os.path.join(folder, name), tone(3, 200 + 30 * number), SAMPLE_RATE)
    assert empty.index(folder).indexed == len(names)
    result = find_similar(
        os.fsdecode(os.path.join(folder, names[0])), home=empty.home.path, encoder=empty.encoder
    )
    assert {os.path.basename(match.track.path) for match in result.matches} == set(names[1:])


def test_the_cache_is_enough_when_the_catalog_is_lost(library: Library, music: Path) -> None:
    for path in library.home.path.glob("catalog.db*"):
        path.unlink()
    assert counts(library.index(music)) == {"found": 6, "reused": 6}
    assert library.encoder.windows == 0
    assert len(library.stored()) == 6


def test_chroma_is_written_again_when_its_files_are_lost(library: Library, music: Path) -> None:
    shutil.rmtree(library.home.chroma)
    soundfile.write(music / "new.wav", tone(3, 500), SAMPLE_RATE)
    library.index(music)
    assert len(library.stored()) == 7


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", ["its folder is gone", "its database is gone", "another identity, by its files", "a row too few"]
)
def test_a_store_that_is_out_of_step_is_put_right_by_a_run_that_has_nothing_to_write(
    library: Library, music: Path, fault: str
) -> None:
    if fault == "its folder is gone":
        shutil.rmtree(library.home.chroma)
    elif fault == "its database is gone":
        (library.home.chroma / "chroma.sqlite3").unlink()
    else:  # by a run of an audiosim that did not note what the store's vectors are
        with library.catalog() as catalog:
            ids = catalog.store_state.indexed_ids()
        tamper(library, ids[:1] if "few" in fault else [], identity="old" if "identity" in fault else None)
    library.index(music)
    assert any(isinstance(e, Notice) and "made anew" in e.text for e in library.events)
    assert len(library.stored()) == 6
    library.index(music)
    assert not any(isinstance(e, Notice) for e in library.events)
    assert find_similar(music / "low" / "00 track.wav", home=library.home.path).exact_because is None


def tamper(library: Library, lacking: list[str], identity: str | None) -> None:
    """Leaves Chroma without some rows or with another identity, and the catalog ignorant of it."""
    import chromadb

    with Catalog(library.home.catalog) as catalog:
        client: Any = chromadb.PersistentClient(str(library.home.chroma))
        collection = client.get_collection("tracks", embedding_function=None)
        if identity is not None:
            collection.modify(metadata={**(collection.metadata or {}), "identity": identity})
        if lacking:
            collection.delete(lacking)
        client.close()
        catalog._db.execute("DELETE FROM meta WHERE key = 'store_identity'")


def test_a_file_that_became_unreadable_and_went_leaves_the_store_when_that_answers_again(
    library: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = music / "low" / "00 track.wav"
    file.unlink()
    file.symlink_to("nowhere")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "flush", lambda self, hurried=False: None)
        library.index(music)
    file.unlink()
    library.index(music)
    assert not any(isinstance(e, Notice) for e in library.events)
    assert len(library.stored()) == 5


def test_an_old_home_notes_what_its_store_holds_and_says_nothing(library: Library, music: Path) -> None:
    tamper(library, [], None)
    library.index(music)
    assert not any(isinstance(e, Notice) for e in library.events)
    with library.catalog() as catalog:
        configuration = catalog.settings.configuration
        assert configuration is not None
        assert catalog.store_state.identity == configuration.collection


def test_a_dirty_mark_leads_to_a_check_in_a_fresh_process(library: Library, music: Path) -> None:
    with Catalog(library.home.catalog) as catalog:
        catalog.store_state.mark(dirty=True)
    library.index(music)
    assert any(isinstance(e, Notice) and "is sound" in e.text for e in library.events)
    with library.catalog() as catalog:
        assert not catalog.store_state.dirty


def test_a_corrupt_chroma_after_an_unclean_end_is_rebuilt(library: Library, music: Path) -> None:
    with Catalog(library.home.catalog) as catalog:
        catalog.store_state.mark(dirty=True)
    (library.home.chroma / "chroma.sqlite3").write_bytes(b"garbage" * 1000)
    library.index(music)
    assert any(isinstance(e, Notice) and "rebuilt" in e.text for e in library.events)
    assert len(library.stored()) == 6


def test_another_pooling_repools_from_the_caches(library: Library, music: Path) -> None:
    report = library.index(pooling="mean-std")
    assert counts(report) == {"found": 6, "unchanged": 6}
    assert library.encoder.windows == 0
    assert len(library.stored()) == 6
    low = sorted(path.name for path in (music / "low").iterdir())
    assert sorted(library.similar(music / "low" / low[0], count=2)) == low[1:]


@pytest.mark.slow
def test_a_repool_gives_bit_equal_vectors(library: Library) -> None:
    def vectors() -> dict[str, bytes]:
        with library.catalog() as catalog:
            return {id_: vector.tobytes() for id_, vector in catalog.tracks.indexed_vectors()}

    before = vectors()
    library.index(pooling="max")
    assert vectors() != before
    library.index(pooling="mean")
    assert vectors() == before


def test_a_track_without_its_cache_is_redone_after_a_repool(library: Library) -> None:
    next(library.home.cache.rglob("*.npz")).unlink()
    assert counts(library.index(pooling="max")) == {"found": 6, "unchanged": 5, "indexed": 1}


def test_an_encoder_that_there_is_nowhere_contradicts_no_home(library: Library, cli: Cli) -> None:
    for words, what in (
        (["--encoder", "musicn"], "No encoder musicn"),
        (
            ["--encoder", "musicnn", "--variant", "msdd"],
            "No --variant msdd",
        ),
    ):
        done = cli("index", *words, "--home", library.home.path)
        assert (done.code, done.err.startswith(f"audiosim: {what}")) == (2, True), done.err
        assert "Choose one of: " in done.err
        assert "--rebuild" not in done.err


def test_vectors_of_another_encoder_are_refused(library: Library, music: Path) -> None:
    library.encoder = FakeEncoder(weights="others")
    with pytest.raises(UsageError, match="contradicts this home"):
        library.index(music)


def test_rebuild_swaps_in_a_new_configuration_when_it_is_complete(library: Library) -> None:
    library.encoder = FakeEncoder(weights="others")
    assert counts(library.index(rebuild=True)) == {"found": 6, "indexed": 6}
    with library.catalog() as catalog:
        assert catalog.settings.configuration is not None
        assert catalog.settings.configuration.spec.weights == "others"
    assert not library.home.rebuild.exists()
    assert len(library.stored()) == 6
    assert counts(library.index()) == {"found": 6, "unchanged": 6}


def test_rebuild_keeps_the_old_index_while_a_root_is_not_there(
    empty: Library, music: Path, tmp_path: Path
) -> None:
    empty.index(music / "low", music / "high")
    shutil.move(music / "high", tmp_path / "unmounted")
    empty.encoder = FakeEncoder(weights="others")
    assert empty.index(rebuild=True).needs_a_look
    with empty.catalog() as catalog:
        assert catalog.settings.configuration is not None
        assert catalog.settings.configuration.spec.weights == "fake"
    shutil.move(tmp_path / "unmounted", music / "high")
    report = empty.index(rebuild=True)
    assert (report.indexed, report.unchanged) == (3, 3)  # the first attempt's work is kept


def test_a_second_writer_is_told_so(library: Library, music: Path) -> None:
    with hold(library.home.index_lock, wait=0, what="testing"), pytest.raises(LockedError):
        library.index(music)


def test_a_path_that_is_not_there_is_a_usage_error(empty: Library, music: Path) -> None:
    with pytest.raises(UsageError, match="No such file or folder"):
        empty.index(music / "nowhere")
    with pytest.raises(UsageError, match="Nothing to index"):
        empty.index()


def test_caches_elsewhere_are_found_again_and_missed_when_gone(
    empty: Library, music: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "big disk"
    empty.index(music, cache=elsewhere)
    assert len(list(elsewhere.rglob("*.npz"))) == 6
    assert not empty.home.cache.exists()
    empty.index(music)
    elsewhere.rename(tmp_path / "unmounted")
    with pytest.raises(HomeError, match="cache folder"):
        empty.index(music)


def test_closing_the_iteration_early_keeps_finished_work(empty: Library, music: Path) -> None:
    events = index_events([music], home=empty.home.path, options=IndexOptions(jobs=1), encoder=empty.encoder)
    for event in events:
        if getattr(event, "status", None) == "indexed":
            break
    events.close()
    first = empty.index(music)
    assert first.unchanged >= 1
    assert first.unchanged + first.reused + first.indexed == 6
    assert len(empty.stored()) == 6


def test_the_cache_holds_openl3s_keys(library: Library) -> None:
    with np.load(next(library.home.cache.rglob("*.npz"))) as data:
        assert data["embedding"].dtype == np.float16
        assert data["timestamps"].dtype == np.float64
        assert set(data) == {"embedding", "timestamps", "level", "meta"}
    with library.catalog() as catalog:
        configuration = catalog.settings.configuration
        assert configuration is not None
        row = next(iter(catalog.files.all()))
    assert row.digest is not None
    assert Cache(configuration.cache, configuration.spec).read(row.digest) is not None


def test_when_time_is_up_no_further_file_is_opened_and_the_next_run_goes_on(
    empty: Library, music: Path
) -> None:
    first = empty.index(music, max_hours=0.0)
    assert (first.indexed, first.left) == (0, 6)
    assert not first.needs_a_look
    second = empty.index(music)
    assert (second.indexed, second.left) == (6, 0)


def test_time_up_judges_no_missing_file(library: Library, music: Path) -> None:
    (music / "low").rename(music / "renamed")
    report = library.index(music, max_hours=0.0)
    assert (report.gone, report.left) == (0, 3)
    assert counts(library.index(music)) == {"found": 6, "moved": 3, "unchanged": 3}


def test_a_run_says_where_its_time_went(empty: Library, music: Path) -> None:
    stages = empty.index(music).stages
    assert set(stages) == {"decode", "network", "write", "store", "waiting for input"}
    assert stages["store"] > 0


def test_bursts_to_chroma_run_beside_the_network(
    empty: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.store.BURST_INTERVAL", 0.0)
    monkeypatch.setattr("audiosim.indexing.run.PROGRESS_INTERVAL", 0.0)
    assert counts(empty.index(music)) == {"found": 6, "indexed": 6}
    assert len(empty.stored()) == 6


def test_a_folder_link_given_as_an_argument_is_kept_by_later_runs(
    empty: Library, music: Path, tmp_path: Path
) -> None:
    (music / "high").rename(tmp_path / "elsewhere")
    (music / "link").symlink_to(tmp_path / "elsewhere")
    assert empty.index(music, music / "link").indexed == 6
    assert counts(empty.index()) == {"found": 6, "unchanged": 6}


def test_a_file_too_short_for_one_sample_is_one_failure(empty: Library, music: Path) -> None:
    soundfile.write(music / "one.wav", np.ones(1, np.float32) * 0.5, 96_000)
    report = empty.index(music)
    assert (report.indexed, report.failed) == (6, 1)
    assert "not one sample" in report.failures[0][1]


def test_a_failed_file_that_goes_and_comes_back_is_listed_again(library: Library, music: Path) -> None:
    bad = music / "bad.mp3"
    bad.write_text("no music")
    library.index(music)
    bad.rename(music.parent / "away.mp3")
    library.index(music)
    (music.parent / "away.mp3").rename(bad)
    assert counts(library.index(music)) == {"found": 7, "unchanged": 6, "failed_before": 1, "reread": 1}
    with library.catalog() as catalog:
        assert (catalog.files.count("failed"), catalog.files.count("gone")) == (1, 0)


def test_a_failure_of_the_decoder_says_nothing_of_the_audio(
    empty: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = DecodeSupervisor.events

    def crashing(self: DecodeSupervisor, paths: Any) -> Any:
        for event in real(self, paths):
            if isinstance(event, Ended) and event.path.endswith(b"00 track.wav"):
                yield Failed(event.path, "its decoder crashed (SIGSEGV)", "decoder")
            else:
                yield event

    monkeypatch.setattr(DecodeSupervisor, "events", crashing)
    assert empty.index(music).failed == 1
    monkeypatch.setattr(DecodeSupervisor, "events", real)
    crashed = music / "low" / "00 track.wav"
    with empty.catalog() as catalog:
        assert catalog.files.failed_digests() == {}
    crashed.rename(crashed.with_name("renamed.wav"))
    assert empty.index(music).indexed == 1


def test_a_rebuild_keeps_the_old_index_when_most_of_a_folder_is_missing_or_time_is_up(
    library: Library, music: Path, tmp_path: Path
) -> None:
    library.encoder = FakeEncoder(weights="others")
    assert library.index(rebuild=True, max_hours=0.0).left == 6
    shutil.move(music / "low", tmp_path / "unmounted")
    (music / "high" / "03 track.wav").unlink()
    assert library.index(rebuild=True).needs_a_look
    with library.catalog() as catalog:
        assert catalog.settings.configuration is not None
        assert catalog.settings.configuration.spec.weights == "fake"
        assert catalog.files.count("indexed") == 6
    with pytest.raises(UsageError, match="whole library"):
        library.index(rebuild=True, exclude=["*.wav"])


def test_a_rebuild_takes_in_a_new_folder(empty: Library, music: Path) -> None:
    empty.index(music / "low")
    empty.encoder = FakeEncoder(weights="others")
    assert empty.index(music / "high", rebuild=True).indexed == 6
    with empty.catalog() as catalog:
        assert catalog.settings.roots() == [os.fsencode(music / "high"), os.fsencode(music / "low")]


def test_a_repool_without_its_caches_is_refused_and_loses_nothing(library: Library) -> None:
    shutil.rmtree(library.home.cache)
    with pytest.raises(HomeError, match="have no cache"):
        library.index(pooling="max")
    assert counts(library.index()) == {"found": 6, "unchanged": 6}


def test_another_folder_for_caches_must_be_there(library: Library, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="is not there"):
        library.index(cache=tmp_path / "typo")
    library.home.cache.rename(tmp_path / "moved")
    library.index(cache=tmp_path / "moved")
    assert counts(library.index(pooling="max")) == {"found": 6, "unchanged": 6}


def test_a_reader_that_holds_chroma_for_a_while_costs_nothing(
    empty: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.store.LOCK_WAIT", 0.1)
    empty.home.path.mkdir()
    lock = hold(empty.home.store_lock, wait=0, what="testing")
    with lock, pytest.raises(HomeError, match="Chroma is in use"):
        empty.index(music)
    assert counts(empty.index(music)) == {"found": 6, "unchanged": 6}
    assert len(empty.stored()) == 6
