"""Fingerprints on their way: from decoding into the catalog, exports and other homes, and out again."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from conftest import Cli
from libraries import Library, digest_of, edit

import audiosim
from audiosim.audio.fingerprint import Landmarks
from audiosim.core.errors import UsageError
from audiosim.indexing.exchange import parquet
from audiosim.indexing.fingerprinting import fill_fingerprints
from audiosim.indexing.report import Activity, Notice
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.search.duplicates import find_duplicates
from audiosim.search.ranking import RankingOptions

sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))
from forms import RATE, Piece

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A piece, its first half in another format, and another take of it."""
    folder = tmp_path_factory.mktemp("pieces")
    for name, take in (("a.wav", 1), ("take.wav", 2)):
        samples = Piece("guitar", 0, (0, 3, -2, 5), 1.0, 1, take, 40.0).play().astype(np.float32)
        soundfile.write(folder / name, samples, RATE)
    samples, _ = soundfile.read(folder / "a.wav", dtype="float32")
    soundfile.write(folder / "half.ogg", 0.5 * samples[: len(samples) // 2], RATE)
    return folder


@pytest.fixture(scope="module")
def library(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library(tmp_path_factory.mktemp("made") / "home")
    library.index(music)
    return library


def fingerprints(library: Library) -> dict[str, bytes]:
    with library.catalog() as catalog:
        return dict(catalog.fingerprints.of(catalog.tracks.all_digests()))


def test_no_playlist_has_a_part_of_what_it_plays(music: Path, tmp_path: Path) -> None:
    folder, home = tmp_path / "music", tmp_path / "home"
    shutil.copytree(music, folder)
    samples, _ = soundfile.read(music / "a.wav", dtype="float32")
    third = len(samples) // 3
    soundfile.write(folder / "third.flac", samples[third : 2 * third], RATE)
    library = Library(home)
    library.index(folder)
    encoder = library.encoder
    every, short = RankingOptions(show_duplicates=True), Filter(min_duration=0)

    def near(query: str) -> list[str]:
        found = audiosim.find_similar(folder / query, home=home, ranking=every, encoder=encoder)
        return [Path(os.fsdecode(match.track.path)).name for match in found.matches]

    def radio(seed: str) -> list[str]:
        made = audiosim.make_radio(folder / seed, 4, home=home, only=short, encoder=encoder)
        return [Path(os.fsdecode(track.path)).name for track in made.tracks]

    assert sorted(near("take.wav")) == ["a.wav", "half.ogg", "third.flac"]
    assert radio("a.wav") == ["a.wav", "take.wav"]
    assert radio("third.flac") == ["third.flac", "take.wav"]
    # of a clip of the other take, the same stretch of this one is more like it than all of this one
    samples, _ = soundfile.read(music / "take.wav", dtype="float32")
    soundfile.write(folder / "clip.flac", samples[third : 2 * third], RATE)
    assert near("clip.flac").index("third.flac") < near("clip.flac").index("a.wav")
    assert radio("clip.flac") in (["clip.flac", "a.wav"], ["clip.flac", "half.ogg"])


def test_a_run_keeps_the_fingerprint_of_all_audio(library: Library, music: Path) -> None:
    kept = fingerprints(library)
    assert kept.keys() == {digest_of(library, path) for path in music.iterdir()}
    assert all(len(Landmarks.from_bytes(data) or ()) > 10 for data in kept.values())
    with library.catalog() as catalog:
        assert catalog.fingerprints.missing() == []


def test_duplicates_say_what_was_done_to_a_recording(library: Library, cli: Cli) -> None:
    (group,) = find_duplicates(library.home.path)
    assert [os.path.basename(track.path) for track in group.tracks] == [b"a.wav", b"half.ogg"]
    evidence = group.links[0].evidence
    assert (evidence.kind, evidence.change) == ("same recording", "cut")
    assert evidence.shares == pytest.approx((0.5, 1.0), abs=0.004)
    done = cli("duplicates", "--home", library.home.path)
    assert re.search(r"half\.ogg  \(this is 50% of a\.wav, agreement 0\.9", done.out)
    (told,) = cli("duplicates", "--home", library.home.path, "--json").json["groups"][0]["evidence"]
    assert (told["change"], told["speed"], told["correlation"]) == ("cut", 1.0, None)
    assert told["agreement"] > 0.8


def test_exports_take_fingerprints_along(library: Library, tmp_path: Path) -> None:
    audiosim.export_index(tmp_path / "e.parquet", home=library.home.path)
    audiosim.import_index([tmp_path / "e.parquet"], home=tmp_path / "other")
    assert fingerprints(Library(tmp_path / "other")) == fingerprints(library)
    assert len(find_duplicates(tmp_path / "other")) == 1


def test_exports_without_fingerprints_are_read(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audiosim.export_index(tmp_path / "e.parquet", home=library.home.path)
    with monkeypatch.context() as patch:
        patch.setattr(parquet, "PACKED", ("passages",))  # as version 0.1.0 wrote it
        audiosim.export_index(tmp_path / "old.parquet", home=library.home.path)
    assert "fingerprint" not in pq.read_schema(tmp_path / "old.parquet").names
    done = audiosim.import_index([tmp_path / "old.parquet"], home=tmp_path / "other")
    assert done.added == 3
    assert fingerprints(Library(tmp_path / "other")) == {}
    # a later export completes the home
    audiosim.import_index([tmp_path / "e.parquet"], home=tmp_path / "other")
    assert fingerprints(Library(tmp_path / "other")) == fingerprints(library)


def test_damaged_fingerprints_of_an_export_are_refused(library: Library, tmp_path: Path) -> None:
    audiosim.export_index(tmp_path / "e.parquet", home=library.home.path)
    table = pq.read_table(tmp_path / "e.parquet")
    place = table.schema.get_field_index("fingerprint")
    damaged = table.set_column(place, table.schema.field(place), [[b"\1\2\3"] * 3])
    pq.write_table(damaged, tmp_path / "bad.parquet")
    with pytest.raises(audiosim.AudiosimError, match=r"fingerprint of .* is damaged"):
        audiosim.import_index([tmp_path / "bad.parquet"], home=tmp_path / "other")


def test_fingerprints_stay_with_their_audio_and_go_with_it(library: Library, tmp_path: Path) -> None:
    kept = fingerprints(library)
    with Catalog(tmp_path / "old.db") as old, Catalog(tmp_path / "new.db") as new:
        for each in (old, new):
            with library.catalog() as catalog:
                records = list(catalog.records.all())
                configuration = catalog.settings.configuration
            assert configuration is not None
            each.settings.set_configuration(configuration)
            each.records.take([r for r in records if each is old or not r.path.endswith(b"take.wav")])
        old.fingerprints.set("f" * 32, b"\1")  # of audio that is gone from both
        first = sorted(kept)[0]
        new.tracks.drop([])
        old.adopt(tmp_path / "new.db")
        left = dict(old.fingerprints.of(old.tracks.all_digests() | {"f" * 32}))
        assert len(left) == 2
        assert left.items() <= kept.items()
        old.tracks.drop([first])
        assert old.fingerprints.get(first) is None


def test_an_old_home_is_filled_in_without_the_network(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    shutil.copytree(library.home.path, tmp_path / "home")
    old = Library(tmp_path / "home")
    with closing(sqlite3.connect(old.home.catalog)) as database, database:
        database.execute("DROP TABLE fingerprints")  # as version 0.1.0 left it
    done = cli("duplicates", "--home", old.home.path)
    assert "3 of 3 tracks have no fingerprint yet" in done.err
    run = cli("index", "--home", old.home.path)
    assert (run.code, "3 unchanged" in run.out) == (0, True)
    assert run.err.splitlines() == [
        "audiosim: At its end this run makes what tracks lack, for 15 minutes at most:"
        " fingerprints of 3 tracks.",
        "audiosim: Fingerprints were made of 3 tracks that had none.",
    ]
    assert fingerprints(old) == fingerprints(library)
    assert cli("duplicates", "--home", old.home.path).err == ""
    assert cli("index", "--home", old.home.path).err == ""


def test_filling_in_takes_a_quarter_of_an_hour_at_most_unless_the_run_has_a_limit(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(library.home.path, tmp_path / "home")
    old = Library(tmp_path / "home")
    edit(old, "DELETE FROM fingerprints")
    monkeypatch.setattr("audiosim.indexing.filling.MOST_SECONDS", -1.0)
    old.index()
    assert fingerprints(old) == {}
    old.index(max_hours=1.0)
    assert fingerprints(old) == fingerprints(library)
    (first, *_) = (event.text for event in old.events if isinstance(event, Notice))
    assert first.endswith(" makes what tracks lack, as far as its time goes: fingerprints of 3 tracks.")
    told = [event for event in old.events if isinstance(event, Activity) and event.total]
    assert [(event.name, event.done, event.total) for event in told] == [
        ("Fingerprints", done, 3) for done in range(4)
    ]
    assert all(3500 < (event.time_up or 0) <= 3600 for event in told)


def test_filling_in_ends_when_time_is_up_and_passes_by_what_is_not_there(
    library: Library, tmp_path: Path
) -> None:
    shutil.copytree(library.home.path, tmp_path / "home")
    with Catalog(tmp_path / "home" / "catalog.db") as catalog:
        for digest in fingerprints(library):
            catalog.fingerprints.drop([digest])
        assert list(fill_fingerprints(catalog, time.monotonic() - 1)) == []
        assert catalog.fingerprints.lacking() == 3
        for row in list(catalog.files.all()):
            catalog.files.relocate(row.path, row.path + b".gone", keep_ctimes=False)
        assert list(fill_fingerprints(catalog, time.monotonic() + 60)) == []


def test_files_elsewhere_are_told_to_be_in_the_library(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    samples, rate = soundfile.read(music / "a.wav", dtype="float32")
    soundfile.write(tmp_path / "cut.flac", samples[3 * rate :], rate)
    shutil.copy(music / "take.wav", tmp_path / "copy.wav")
    new = Piece("guitar", 2, (0, 5, 3, 7), 1.0, 5, 9, 30.0).play().astype(np.float32)
    soundfile.write(tmp_path / "new.wav", new, RATE)
    (tmp_path / "broken.mp3").write_bytes(b"nothing")
    before = fingerprints(library)
    found = {
        os.path.basename(file.path): file for file in audiosim.find_across([tmp_path], home=library.home.path)
    }
    assert found[b"new.wav"].held == ()
    assert found[b"broken.mp3"].reason
    (copy,) = found[b"copy.wav"].held
    assert (os.path.basename(copy.track.path), copy.evidence.kind) == (b"take.wav", "same audio")
    cut = {os.path.basename(held.track.path): held.evidence for held in found[b"cut.flac"].held}
    assert cut[b"a.wav"].offset == pytest.approx(-3.0, abs=0.05)
    assert b"take.wav" not in cut
    assert fingerprints(library) == before
    done = cli("duplicates", "--across", tmp_path, "--home", library.home.path)
    assert done.code == 3
    assert [line.split()[0] for line in done.out.splitlines() if not line.startswith("   ")] == [
        "failed",
        "known",
        "known",
        "new",
    ]
    assert f"{music / 'take.wav'}  (same audio)\n" in done.out
    left = f"{1 - 3 * rate / len(samples):.0%}"
    assert f"a.wav  (the file is {left} of this track, from 0:03 on" in done.out
    files = cli("duplicates", "--across", tmp_path, "--home", library.home.path, "--json").json["files"]
    assert [bool(file["held"]) for file in files] == [False, True, True, False]
    command = ("duplicates", "--across", tmp_path, "--home", library.home.path, "--format")
    assert [json.loads(line) for line in cli(*command, "jsonl").out.splitlines()] == files
    rows = list(csv.DictReader(io.StringIO(cli(*command, "csv").out)))
    assert {row["state"] for row in rows if row["path"].endswith("broken.mp3")} == {"failed"}
    assert {(row["state"], Path(row["held"]).name) for row in rows if row["path"].endswith("copy.wav")} == {
        ("known", "take.wav")
    }
    with pytest.raises(UsageError):
        audiosim.find_across([tmp_path / "none"], home=library.home.path)


def test_a_file_without_enough_sound_is_not_simply_called_new(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(5 * RATE, np.float32), RATE)
    soundfile.write(tmp_path / "whole.flac", soundfile.read(music / "take.wav")[0][::-1], RATE)
    command = ("duplicates", "--across", tmp_path, "--home", library.home.path)
    silence, whole = cli(*command).out.splitlines()
    assert silence.startswith("new      silence.wav (silent or very short: ")
    assert whole == "new      whole.flac"
    assert [file["comparable"] for file in cli(*command, "--json").json["files"]] == [False, True]
    rows = csv.DictReader(io.StringIO(cli(*command, "--format", "csv").out))
    assert [row["comparable"] for row in rows] == ["false", "true"]


def test_a_new_file_that_is_a_small_part_of_a_track_or_has_one_in_it_says_so(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    samples, rate = soundfile.read(music / "a.wav", dtype="float32")
    third = len(samples) // 3
    soundfile.write(tmp_path / "third.flac", samples[third : 2 * third], rate)
    new = [Piece("guitar", 2, (0, 5, 3, 7), 1.0, 5, n, 40.0).play().astype(np.float32) for n in (8, 9)]
    soundfile.write(tmp_path / "whole.flac", np.concatenate([new[0], samples, new[1]]), RATE)
    done = cli("duplicates", "--across", tmp_path, "--home", library.home.path)
    assert done.code == 0
    first, of_third, second, *of_whole = done.out.splitlines()
    assert (first, second) == ("new      third.flac", "new      whole.flac")
    part = r"^ +/.*/a\.wav  \(likely a part: "
    share = f"{len(samples) / rate / (len(samples) / rate + 80):.0%}"
    assert re.search(part + r"the file is 33% of this track, from 0:1\d on, agreement 0\.[89]", of_third)
    assert re.search(
        part + f"this track is {share} of the file, from 0:40 on, agreement 0\\.[89]", of_whole[0]
    )
    told = cli("duplicates", "--across", tmp_path, "--home", library.home.path, "--json").json["files"]
    assert [(file["state"], file["held"]) for file in told] == [("new", []), ("new", [])]
    assert [Path(file["parts"][0]["path"]).name for file in told] == ["a.wav", "a.wav"]
    done = cli("duplicates", "--across", tmp_path, "--home", library.home.path, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert {(row["state"], row["held"], row["change"]) for row in rows} == {("new", "", "cut")}
    shutil.copy(tmp_path / "third.flac", music)
    library.index()
    itself, whole = cli(
        "duplicates", "--across", music / "third.flac", "--home", library.home.path
    ).out.splitlines()
    assert (itself.split()[0], itself.endswith("(in the library itself; no other copy)")) == ("indexed", True)
    assert whole == of_third
    parts = [one["path"] for file in told for one in file["parts"]]
    assert [row["part"] for row in rows] == parts


def test_a_file_of_the_library_is_no_copy_of_itself(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "link.wav").symlink_to(music / "take.wav")
    os.link(music / "take.wav", tmp_path / "twin.wav")
    (tmp_path / "folder").symlink_to(music)
    shutil.copy(music / "take.wav", tmp_path / "copy.wav")
    command = ("duplicates", "--home", library.home.path, "--across")
    for path in (music / "take.wav", "link.wav", "twin.wav", "folder/take.wav"):
        done = cli(*command, path)
        assert (done.code, done.out.split()[0]) == (0, "indexed")
        assert done.out.endswith(" (in the library itself; no other copy)\n")
        (file,) = cli(*command, path, "--json").json["files"]
        assert (file["state"], file["held"]) == ("indexed", [])
        (row,) = csv.DictReader(io.StringIO(cli(*command, path, "--format", "csv").out))
        assert (row["state"], row["held"]) == ("indexed", "")
    (copy,) = cli(*command, "copy.wav", "--json").json["files"]
    assert (copy["state"], len(copy["held"])) == ("known", 1)
    shutil.copytree(library.home.path, tmp_path / "home")
    more = Library(tmp_path / "home")
    more.index(tmp_path / "copy.wav")
    done = cli("duplicates", "--home", more.home.path, "--across", "copy.wav", "--json")
    (file,) = done.json["files"]
    assert (file["state"], [Path(one["path"]).name for one in file["held"]]) == ("indexed", ["take.wav"])


def test_a_file_that_was_moved_out_of_the_library_is_not_its_own_copy(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    shutil.move(music / "take.wav", tmp_path / "take.wav")
    try:
        command = ("duplicates", "--home", library.home.path, "--across", "take.wav")
        done = cli(*command)
        first, held = done.out.splitlines()
        assert (done.code, first) == (0, "absent   take.wav")
        assert held == f"           {music / 'take.wav'}  (same audio; not there now)"
        assert "1 file is not there now" in done.err
        (file,) = cli(*command, "--json").json["files"]
        assert (file["state"], [one["present"] for one in file["held"]]) == ("absent", [False])
        (row,) = csv.DictReader(io.StringIO(cli(*command, "--format", "csv").out))
        assert (row["state"], row["present"]) == ("absent", "false")
        shutil.copy(tmp_path / "take.wav", tmp_path / "other.wav")
        assert cli(*command[:-1], "other.wav").out.startswith("absent ")
    finally:
        shutil.move(tmp_path / "take.wav", music / "take.wav")
    assert cli(*command[:-1], "other.wav").out.startswith("known ")


def test_a_file_that_a_run_has_missed_is_absent_until_it_is_forgotten(
    music: Path, tmp_path: Path, cli: Cli
) -> None:
    folder, home = tmp_path / "music", tmp_path / "home"
    shutil.copytree(music, folder)
    Library(home).index(folder)
    shutil.move(folder / "take.wav", tmp_path / "take.wav")
    assert Library(home).index().gone == 1
    command = ("duplicates", "--home", home, "--across", "take.wav")
    done = cli(*command)
    assert done.out.splitlines()[0] == "absent   take.wav"
    assert "1 file is not there any more, as a run has found." in done.err
    assert cli("gc", "--older-than", "0", "--home", home).code == 0
    assert cli(*command).out == "new      take.wav\n"


def test_only_new_failures_and_folders_without_audio_need_a_look(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("no music")
    command = ("duplicates", "--home", library.home.path, "--across")
    for folder in ("empty", "text"):
        done = cli(*command, folder)
        assert (done.code, done.out) == (3, "")
        assert done.err.endswith(f"audiosim: no audio files in {tmp_path / folder}\n")
    done = cli(*command, "text", "--across", music / "take.wav", "--json")
    assert (done.code, len(done.json["files"])) == (3, 1)
    assert done.json["vacant"] == [{"path": str(tmp_path / "text")}]
    (music / "broken.mp3").write_bytes(b"nothing")
    (music / "dead.wav").symlink_to("nowhere")
    assert cli(*command, music).code == 3
    library.index(music)
    known = cli(*command, music, "--json")
    assert (known.code, known.err) == (0, "")
    assert [file["failed_before"] for file in known.json["files"] if file["state"] == "failed"] == [True] * 2
    (music / "broken.mp3").write_bytes(b"something else")
    assert cli(*command, music).code == 3
    shutil.copy(music / "broken.mp3", tmp_path / "text" / "broken.mp3")
    again = cli(*command, "text", "--across", music / "take.wav")
    assert again.code == 3  # nobody has met that one


def test_a_file_that_is_named_and_fails_needs_a_look_and_where_all_do_it_is_a_failure(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    broken, other = music / "broken.mp3", tmp_path / "other.mp3"
    for file in (broken, other):
        file.write_bytes(b"nothing")
    library.index(music)
    command = ("duplicates", "--home", library.home.path, "--across")
    for paths in ([broken], [other], [broken, "--across", other], [tmp_path]):
        done = cli(*command, *paths)
        assert (done.code, done.out.split()[0]) == (1, "failed")
    assert cli(*command, music).code == 0  # known, and not asked for
    for file in (broken, other):
        assert cli(*command, music, "--across", file).code == 3


def test_files_of_a_playlist_are_told_one_by_one(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    command = ("duplicates", "--home", library.home.path, "--across")
    shutil.copy(music / "take.wav", tmp_path / "copy.wav")
    playlist = tmp_path / "some.m3u8"
    playlist.write_text(f"copy.wav\n{music / 'take.wav'}\n")
    done = cli(*command, playlist)
    assert (done.code, [line.split()[:2] for line in done.out.splitlines() if line[0] != " "]) == (
        0,
        [["indexed", str(music / "take.wav")], ["known", "copy.wav"]],
    )
    playlist.write_text("copy.wav\nnone.wav\n")
    done = cli(*command, playlist, "--json")
    assert (done.code, [Path(file["path"]).name for file in done.json["files"]]) == (3, ["copy.wav"])
    assert done.err == f"audiosim: No such file: {tmp_path / 'none.wav'}; it is left out.\n"
    playlist.write_text("none.wav\n")
    assert cli(*command, playlist).code == 2
    playlist.write_text("\n")
    assert cli(*command, playlist).code == 2
