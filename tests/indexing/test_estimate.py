"""A look before a long run."""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import GOLDEN, SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder
from libraries import Library, cache_of, counts, digest_of

from audiosim.core.errors import HomeError, UsageError, WeightsError
from audiosim.core.types import Float32, TrackOutcome
from audiosim.encoders import expected_spec
from audiosim.encoders.request import EncoderRequest
from audiosim.indexing.estimate import estimate, estimates
from audiosim.indexing.estimated import Estimate
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_events, index_folder
from audiosim.indexing.report import Notice, Planned
from audiosim.library.status import home_status

pytestmark = pytest.mark.slow


def test_it_counts_what_there_is_to_do_and_writes_nothing(music: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    found = estimate([music], home=home, encoder=FakeEncoder())
    assert (found.found, found.files, found.sampled) == (6, 6, 6)
    assert found.audio_hours is not None
    assert found.windows is not None
    assert found.seconds is not None
    assert found.bytes_needed is not None
    assert found.audio_hours * 3600 == pytest.approx(sum(3 + n / 6 for n in range(6)), rel=0.05)
    assert found.windows == pytest.approx(24, abs=2)
    assert found.seconds > 0
    assert found.bytes_free > 0
    assert not home.exists()
    Library(home).index(music)
    assert 0.7 < found.bytes_needed / home_status(home).disk_use < 1.4


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """All lengths are read, however slow the machine."""
    monkeypatch.setattr("audiosim.indexing.measuring.LENGTH_SECONDS", 120.0)


def test_only_what_is_new_counts(indexed: Library) -> None:
    home, music = indexed.home.path, indexed.music
    nothing = estimate(home=home, encoder=FakeEncoder())
    assert (nothing.files, nothing.seconds, nothing.bytes_needed) == (0, 0.0, 0)
    soundfile.write(music / "new.wav", tone(5, 300), SAMPLE_RATE)
    assert estimate(home=home, encoder=FakeEncoder()).files == 1


def test_files_that_have_moved_are_read_and_not_computed_again(indexed: Library, unhurried: None) -> None:
    home, music = indexed.home.path, indexed.music
    for path in [path for path in music.rglob("*") if path.is_file()]:
        path.rename(path.with_name(f"moved {path.name}"))
    found = estimate(home=home, encoder=FakeEncoder())
    assert (found.found, found.files, found.moved, found.missing, found.doubted) == (6, 6, 6, 0, ())
    assert (found.audio_hours, found.windows, found.seconds) == (0, 0, 0)
    told = "6 of these most likely known files that have moved: read, not computed again."
    assert found.lines()[-2:] == ["6 files found, 6 to open.", told]
    soundfile.write(music / "new.wav", tone(5, 300), SAMPLE_RATE)
    found = estimate(home=home, encoder=FakeEncoder())
    assert (found.files, found.moved, found.sampled) == (7, 6, 1)
    assert found.audio_hours == pytest.approx(5 / 3600)
    assert found.seconds
    assert counts(indexed.index()) == {"found": 7, "indexed": 1, "moved": 6}


def test_files_that_hold_known_audio_or_that_of_another_are_read_and_not_computed(
    indexed: Library, unhurried: None
) -> None:
    home, music = indexed.home.path, indexed.music
    for path in [path for path in music.rglob("*") if path.is_file()]:
        os.utime(path, (1_000_000_000, 1_000_000_000))  # as after a copy to another machine
    found = estimate(home=home, encoder=FakeEncoder())
    assert (found.files, found.moved, found.sampled, found.reused) == (6, 0, 6, 6)
    assert (found.audio_hours, found.windows, found.seconds) == (0, 0, 0)
    told = "6 of 6 files looked into hold known audio: read, not computed again."
    assert found.lines()[-2:] == ["6 files found, 6 to open.", told]
    soundfile.write(music / "new.wav", tone(5, 300), SAMPLE_RATE)
    shutil.copy(music / "new.wav", music / "copy.wav")
    (music / "broken.mp3").write_bytes(b"no music" * 99)
    found = estimate(home=home, encoder=FakeEncoder())
    assert (found.files, found.sampled, found.reused) == (9, 9, 7)
    assert found.audio_hours == pytest.approx(5 / 3600)
    assert found.seconds
    assert counts(indexed.index()) == {"found": 9, "indexed": 1, "reused": 7, "failed": 1}


def assert_the_run_opens_as_many(library: Library, *paths: Path, **options: Any) -> int:
    """That a run opens the files that the estimate counts; how many."""
    counted = estimate(
        paths, home=library.home.path, options=IndexOptions(**options), encoder=library.encoder
    )
    library.index(*paths, **options)
    (planned,) = (event for event in library.events if isinstance(event, Planned))
    assert (planned.found, planned.process) == (counted.found, counted.files)
    return counted.files


@pytest.fixture
def empty(tmp_path: Path) -> Library:
    """A home that is not made yet."""
    return Library(tmp_path / "home")


@pytest.fixture
def library(indexed: Library) -> Library:
    """A home that knows `music`."""
    return indexed


@pytest.fixture
def music(indexed: Library) -> Path:
    return indexed.music


def test_a_rebuild_of_one_folder_is_one_of_all_that_are_known(library: Library, music: Path) -> None:
    assert assert_the_run_opens_as_many(library, music / "low", rebuild=True) == 6


def test_a_rebuild_that_was_begun_goes_on(library: Library) -> None:
    options = IndexOptions(rebuild=True, pooling="max", jobs=1)
    with closing(index_events(home=library.home.path, options=options, encoder=library.encoder)) as events:
        next(event for event in events if isinstance(event, TrackOutcome))
    assert 0 < assert_the_run_opens_as_many(library, rebuild=True, pooling="max") < 6


def test_a_rebuild_that_was_begun_otherwise_is_a_usage_error(library: Library) -> None:
    library.index(rebuild=True, pooling="max", max_hours=0.0)
    with pytest.raises(UsageError, match="begun with other options"):
        estimate(
            home=library.home.path,
            options=IndexOptions(rebuild=True, pooling="mean-std"),
            encoder=library.encoder,
        )


def test_tracks_that_another_pooling_computes_again_count(library: Library, music: Path) -> None:
    cache_of(library).path(digest_of(library, music / "low" / "00 track.wav")).unlink()
    assert assert_the_run_opens_as_many(library, pooling="max") == 1
    assert assert_the_run_opens_as_many(library, pooling="max") == 0


def test_a_root_that_lies_in_another_by_way_of_a_link_counts_once(
    empty: Library, music: Path, tmp_path: Path
) -> None:
    (music / "high").rename(tmp_path / "high")
    (music / "link").symlink_to(tmp_path / "high")
    assert assert_the_run_opens_as_many(empty, music, music / "link") == 6
    soundfile.write(music / "link" / "new.wav", tone(5, 300), SAMPLE_RATE)
    assert assert_the_run_opens_as_many(empty) == 1
    assert assert_the_run_opens_as_many(empty, rebuild=True, pooling="max") == 7


def test_a_cache_that_is_not_mounted_is_told(empty: Library, music: Path, tmp_path: Path) -> None:
    empty.index(music, cache=tmp_path / "elsewhere")
    (tmp_path / "elsewhere").rename(tmp_path / "unmounted")
    with pytest.raises(HomeError, match="cache folder"):
        estimate(home=empty.home.path, encoder=empty.encoder)


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        estimate([tmp_path / "nowhere"], home=tmp_path / "home", encoder=FakeEncoder())


def everything_below(*folders: Path) -> dict[Path, tuple[int, int]]:
    """All files and folders, with their times and sizes."""
    found = [path for folder in folders for path in [folder, *folder.rglob("*")] if path.exists()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in found}


@pytest.mark.long
def test_a_look_leaves_no_trace_and_reads_the_weights_where_they_lie(
    music: Path, seeded_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, home = tmp_path / "weights", tmp_path / "home"
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(kept))
    request = EncoderRequest(input_repr="mel128", hop=2.0, weights=seeded_weights)
    options = IndexOptions(request=request, jobs=1)
    track = music / "low" / "00 track.wav"
    assert estimate([track], home=home, options=options).seconds
    assert not kept.exists()
    index_folder([track], home=home, options=options)
    shutil.rmtree(kept)
    before = everything_below(tmp_path)
    assert estimate([music], home=home, options=options).files == 5
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize(
    ("encoder", "remedy"), [("musicnn", "fetch musicnn"), ("openl3", "fetch --input-repr mel256")]
)
def test_without_weights_all_but_the_time_is_told_and_nothing_is_fetched(
    music: Path, tmp_path: Path, cli: Cli, encoder: str, remedy: str
) -> None:
    weights, home = tmp_path / "weights", tmp_path / "home"
    before = everything_below(tmp_path)
    look = ("index", music, "--dry-run", "--encoder", encoder, "--home", home)
    done = cli(*look, AUDIOSIM_WEIGHTS=weights)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == f"Encoder: {describe(encoder)}; home: {home}"
    assert lines[1] == "6 files found, 6 to open."
    assert re.fullmatch(r"About 2[01] seconds of audio \(from the lengths of 6 files\)\.", lines[2])
    assert lines[3].endswith("there is room.")
    assert lines[4].startswith("How long it takes can't be measured. ")
    assert remedy in done.out
    assert lines[-1] == "Nothing was written to the home."
    document = cli(*look, "--json", AUDIOSIM_WEIGHTS=weights).json
    assert (document["found"], document["files"], document["sampled"]) == (6, 6, 6)
    assert (document["seconds"], document["real_time_factor"]) == (None, None)
    assert "nothing is fetched" in document["unmeasured"]
    assert document["windows"] > 0
    assert everything_below(tmp_path) == before


def describe(encoder: str) -> str:
    return expected_spec(EncoderRequest(encoder=encoder)).describe()


@pytest.mark.long
def test_a_known_home_without_its_weights_is_told_as_much(
    music: Path, seeded_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path / "weights"))
    request = EncoderRequest(input_repr="mel128", hop=2.0, weights=seeded_weights)
    home = tmp_path / "home"
    index_folder([music / "low"], home=home, options=IndexOptions(request=request, jobs=1))
    shutil.rmtree(tmp_path / "weights")
    for rebuild in (False, True):
        found = estimate([music], home=home, options=IndexOptions(rebuild=rebuild, jobs=1))
        assert (found.files, found.seconds) == (6 if rebuild else 3, None)
        assert found.unmeasured is not None


def test_weights_that_are_no_weights_are_an_error_all_the_same(music: Path, tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"nothing")
    for name, error in (("weights.h5", WeightsError), ("nowhere.h5", UsageError)):
        request = EncoderRequest(weights=tmp_path / name)
        with pytest.raises(error):
            estimate([music], home=tmp_path / "home", options=IndexOptions(request=request))


def test_each_part_is_told_as_soon_as_it_is_known(music: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    encoder = FakeEncoder()
    parts = estimates(
        [music], home=tmp_path / "home", encoder=encoder, on_progress=lambda *stage: told.append(stage)
    )
    files = next(parts)
    assert (files.files, files.audio_hours, files.seconds, told) == (6, None, None, [])
    room = next(parts)
    assert room.audio_hours is not None
    assert room.seconds is None
    assert encoder.windows == 0
    assert (told[0], told[-1]) == (("Lengths read", 1, 6), ("Lengths read", 6, 6))
    whole = next(parts)
    assert whole.seconds is not None
    assert whole.lines()[: len(room.lines())] == room.lines()
    assert room.lines()[: len(files.lines())] == files.lines()
    assert ("Timed", 0, 6) in told
    assert next(parts, None) is None


def test_lengths_are_read_for_a_while_and_then_hours_are_told_by_those(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(200):
        soundfile.write(folder / f"{number:03}.wav", tone(1, 100 + number), SAMPLE_RATE)
    monkeypatch.setattr("audiosim.indexing.measuring.LENGTH_SECONDS", 0.01)
    found = estimate([folder], home=tmp_path / "home", encoder=FakeEncoder())
    assert 1 <= found.sampled < 200
    assert found.audio_hours == pytest.approx(200 / 3600, rel=0.01)


def test_each_kind_of_file_is_taken_by_its_own_bytes_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    soundfile.write(folder / "0.aiff", tone(4, 100), SAMPLE_RATE, subtype="DOUBLE")
    for number in range(1, 9):
        soundfile.write(folder / f"{number}.wav", tone(4, 100 + number), SAMPLE_RATE, subtype="PCM_U8")
    monkeypatch.setattr("audiosim.indexing.measuring.SAMPLE_FILES", 3)  # the first, the fourth, the seventh
    found = estimate([folder], home=tmp_path / "home", encoder=FakeEncoder())
    assert (found.files, found.sampled) == (9, 3)
    assert found.audio_hours == pytest.approx(36 / 3600, rel=0.01)


class SlowEncoder(FakeEncoder):
    def embed(self, windows: Float32) -> Float32:
        time.sleep(0.02)
        return super().embed(windows)


def test_the_machine_is_timed_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "long.wav", tone(600, 200), SAMPLE_RATE)
    monkeypatch.setattr("audiosim.indexing.measuring.SPEED_SECONDS", 0.2)
    encoder = SlowEncoder()
    found = estimate([tmp_path / "music"], home=tmp_path / "home", encoder=encoder)
    assert encoder.windows < 300
    assert found.seconds == pytest.approx(600 / encoder.batch_size * 0.02, rel=1)


@pytest.mark.parametrize("name", [None, "cover.jpg"])
def test_a_folder_without_audio_is_told_and_looked_at(
    library: Library, music: Path, tmp_path: Path, cli: Cli, name: str | None
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    if name is not None:
        (empty / name).write_bytes(b"no music")
    for look in ((), ("--dry-run",), ("--quiet",)):
        done = cli("index", empty, *look, "--home", library.home.path)
        assert done.code == 3
        assert f"audiosim: no audio files in {empty}\n" in done.err
    for look in ((), ("--dry-run",)):
        done = cli("index", music, empty, *look, "--json", "--home", library.home.path)
        assert (done.code, done.json["found"]) == (3, 6)
        assert done.json["vacant"] == [{"path": str(empty)}]
    assert cli("index", "--home", library.home.path).code == 0  # it is none of the known folders


def test_a_folder_of_which_all_is_left_out_is_not_empty(library: Library, music: Path, cli: Cli) -> None:
    for look in ((), ("--dry-run",)):
        done = cli("index", music / "low", "--exclude", "*.wav", *look, "--home", library.home.path)
        assert (done.code, "no audio files" in done.err) == (0, False)


def test_patterns_that_let_nothing_in_are_told(library: Library, music: Path, cli: Cli) -> None:
    for look in ((), ("--dry-run",)):
        for paths in ((), (music,), (music / "low", music / "high")):
            done = cli("index", *paths, "--include", "*/low/*", *look, "--home", library.home.path)
            assert done.code == 3
            assert f"audiosim: no audio files in {paths[-1] if paths else music} that --include" in done.err
        command = ("index", *look, "--home", library.home.path)
        assert cli(*command, "--include", "low").code == 0
        assert cli(*command, music / "low", music / "high", "--include", "0*").code == 0
        assert "3 files found" in cli(*command, "--include", "**/low/**").out


@pytest.mark.slow
def test_the_command_says_it_in_a_few_lines_and_in_json(cli: Cli, music: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    options = ["--home", home, "--encoder", GOLDEN / "described" / "waveform.toml", "--dry-run"]
    done = cli("index", music, *options)
    assert done.code == 0, done.err
    assert "6 files found, 6 to open" in done.out
    assert "there is room" in done.out
    assert not home.exists()
    document = cli("index", music, *options, "--json").json
    assert list(document) == [*(field.name for field in fields(Estimate)), "spaces", "failed_spaces"]
    assert (document["home"], document["found"], document["files"]) == (str(home), 6, 6)


def test_a_folder_that_is_not_there_any_more_is_told_as_a_run_would(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    look = ("index", "--dry-run", "--home", library.home.path)
    assert (cli(*look).code, cli(*look).err) == (0, "")
    music.rename(tmp_path / "renamed")
    told = f"audiosim: {music} looks like a disk that is not mounted: it is not there."
    for more in ((), (music,)):
        done = cli(*look, *more)
        assert (done.code, told in done.err) == (3, True)
        assert done.err.endswith(f": audiosim relocate {music} NEW --home {library.home.path}\n")
        assert "would be in no answer" not in done.out
    rebuild = IndexOptions(rebuild=True, pooling="max")
    found = estimate(home=library.home.path, options=rebuild, encoder=library.encoder)
    assert (found.files, found.doubted) == (0, ((bytes(music), "it is not there"),))
    document = cli(*look, "--json").json
    assert document["doubted"] == [{"path": str(music), "reason": "it is not there"}]
    assert cli("index", "--home", library.home.path).err.startswith(told)
    accepted = cli(*look, "--accept-removals")
    assert (accepted.code, accepted.err) == (0, "")
    assert "6 files would be in no answer: not there any more.\n" in accepted.out
    music.mkdir()
    assert "not mounted: it is empty." in cli(*look).err


def test_tracks_that_would_leave_the_answers_are_told(library: Library, music: Path, cli: Cli) -> None:
    look = ("index", "--dry-run", "--home", library.home.path)
    done = cli(*look, "--exclude", "low/*")
    assert "3 files would be in no answer: left out, by --exclude, as forgotten" in done.out
    assert cli(*look, "--exclude", "low/*", "--json").json["left_out"] == 3
    assert "would leave" not in cli(*look).out
    (music / "low").rename(music / "moved")  # which a run finds out when it opens the files
    assert "would leave" not in cli(*look).out
    (music / "high" / "03 track.wav").unlink()
    assert "1 file would be in no answer: not there any more.\n" in cli(*look).out
    assert estimate(home=library.home.path, encoder=library.encoder).missing == 1


def test_files_that_can_t_be_read_are_no_zero_hours(tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.mp3").write_bytes(b"no music at all" * 100)
    done = cli("index", folder, "--dry-run", "--home", tmp_path / "home")
    assert done.code == 0
    assert done.out.splitlines()[1:3] == [
        "3 files found, 3 to open.",
        "How long it takes can't be measured. None of the files that were tried could be read.",
    ]
    assert "About" not in done.out


def test_what_can_t_be_read_is_told_until_a_run_has_told_it(empty: Library, music: Path, cli: Cli) -> None:
    (music / "dead.mp3").symlink_to("nowhere")
    found = estimate([music], home=empty.home.path, encoder=empty.encoder)
    assert found.problems == ((bytes(music / "dead.mp3"), "a link that leads nowhere"),)
    look = ("index", "--dry-run", "--home", empty.home.path)
    empty.index(music)
    assert (cli(*look).code, cli(*look).err) == (0, "")
    (music / "other.mp3").symlink_to("nowhere")
    done = cli(*look)
    assert (done.code, done.err) == (3, f"failed: {music / 'other.mp3'}: a link that leads nowhere\n")
    assert cli(*look, "--json").json["problems"] == [
        {"path": str(music / "other.mp3"), "reason": "a link that leads nowhere"}
    ]


def test_what_else_a_run_changes_is_told(library: Library, tmp_path: Path, cli: Cli) -> None:
    look = ("index", "--dry-run", "--home", library.home.path)
    lines = cli(*look, "--pooling", "max", "--exclude", "*.ogg").out.splitlines()
    assert lines[1:3] == [
        "Pooling changes from mean to max: all tracks are pooled again.",
        "Left out from now on: *.ogg.",
    ]
    document = cli(*look, "--store", "milvus:other.db", "--json").json
    place = tmp_path / "other.db"
    assert document["changes"] == [f"Vectors move from embedded to milvus:{place}."]
    assert cli(*look, "--json").json["changes"] == []
    (event,) = [
        each
        for each in index_events(
            home=library.home.path, options=IndexOptions(pooling="max", jobs=1), encoder=library.encoder
        )
        if isinstance(each, Notice) and each.text.startswith("Pooling")
    ]
    assert event.text == lines[1]
