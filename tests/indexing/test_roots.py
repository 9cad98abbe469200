"""What may be named to `index`: folders, and files that are audio."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from libraries import Library, counts

from audiosim.core.errors import UsageError
from audiosim.indexing.estimate import estimate
from audiosim.indexing.report import Notice
from audiosim.library.catalog import Catalog
from audiosim.library.status import home_status

pytestmark = pytest.mark.slow


@pytest.fixture
def library(tmp_path: Path, music: Path) -> Library:
    return Library(tmp_path / "home")


@pytest.mark.parametrize("name", ["list.m3u", "list.M3U8", "list.pls", "list.xspf", "disc.cue"])
def test_a_playlist_is_refused_with_the_remedy_and_leaves_nothing(
    library: Library, music: Path, name: str
) -> None:
    (music / name).write_text("low/00 track.wav\n")
    with pytest.raises(UsageError, match="playlist") as error:
        library.index(music / "high", music / name)
    assert "FOLDER" in str(error.value)
    assert home_status(library.home.path).roots == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.txt", b"no music\n" * 99), ("cover.jpg", b"\xff\xd8\xff\xe0" + b"x" * 999), ("empty", b"")],
)
def test_a_file_that_is_no_audio_is_refused(library: Library, music: Path, name: str, content: bytes) -> None:
    (music / name).write_bytes(content)
    with pytest.raises(UsageError, match=f"No audio: .*{name}"):
        library.index(music / name)
    with pytest.raises(UsageError, match="No audio"):
        estimate([music / name], home=library.home.path, encoder=library.encoder)


def test_what_is_no_file_is_refused(library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(UsageError, match="Neither a file nor a folder"):
        library.index(tmp_path / "pipe.wav")


def test_a_link_that_leads_nowhere_is_refused(library: Library, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nothing")
    with pytest.raises(UsageError, match="leads nowhere"):
        library.index(tmp_path / "link")


def test_a_known_file_that_is_named_and_not_there_is_told(library: Library, music: Path, cli: Cli) -> None:
    dead, lost, folder = music / "dead.mp3", music / "low" / "00 track.wav", music / "high"
    dead.symlink_to("nothing")
    library.index(music)
    lost.unlink()
    shutil.rmtree(folder)
    library.index(music, accept_removals=True)
    words = {dead: ": it is a link that leads nowhere", lost: "", folder: ""}
    for named, why in words.items():
        for options in ([], ["--dry-run"]):
            done = cli("index", named, *options, "--home", library.home.path)
            assert (done.code, done.err) == (3, f"audiosim: no such file or folder: {named}{why}\n")
    report = library.index(music, dead, lost)
    assert (report.found, report.vacant) == (3, [])  # they lie in it
    assert library.index(music / "low", folder).vacant == [os.fsencode(folder)]


def test_a_folder_that_was_given_up_returns_with_its_files(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    home = ("--home", library.home.path)
    library.index(music / "low", music / "high")
    away = (music / "high").rename(tmp_path / "away")
    done = cli("index", "--accept-removals", *home)
    assert (done.code, done.err, "3 unchanged, 3 gone" in done.out) == (0, "", True)
    assert f"Folder: {music / 'high'}, which is not there now\n" in cli("status", *home).out
    assert (cli("index", "--quiet", *home).err, cli("index", "--dry-run", *home).code) == ("", 0)
    assert counts(library.index(rebuild=True, accept_removals=True)) == {"found": 3, "reused": 3}
    away.rename(music / "high")
    assert counts(library.index()) == {"found": 6, "reused": 3, "unchanged": 3}
    shutil.move(music, away)
    assert counts(library.index(accept_removals=True)) == {"gone": 6}
    assert cli("index", *home).code == 0
    shutil.move(away, music)
    assert counts(library.index()) == {"found": 6, "reused": 6}


def test_a_file_that_was_named_and_is_gone_is_no_disk_that_is_not_mounted(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    low, high = music / "low" / "00 track.wav", music / "high" / "03 track.wav"
    home = ("--home", library.home.path)
    library.index(low, high)
    away = low.rename(tmp_path / "away.wav")
    assert "not mounted" not in cli("status", *home).out
    look = cli("index", "--dry-run", *home)
    assert (look.code, "1 file would be in no answer: not there any more." in look.out) == (0, True)
    done = cli("index", *home)
    told = f"audiosim: Gone: {low}. What comes back returns to the answers at no cost.\n"
    assert (done.code, done.err, "1 unchanged, 1 gone" in done.out) == (0, told, True)
    assert cli("index", *home).err == ""
    assert "gone since " in cli("status", *home).out
    assert f"Folder: {low}, which is not there now\n" in cli("status", *home).out
    away.rename(low)
    assert counts(library.index()) == {"found": 2, "reused": 1, "unchanged": 1, "reread": 1}
    low.rename(away)
    assert counts(library.index(rebuild=True)) == {"found": 1, "reused": 1}
    away.rename(low)
    assert counts(library.index()) == {"found": 2, "reused": 1, "unchanged": 1}
    shutil.rmtree(low.parent)
    done = cli("index", *home)
    assert (done.code, done.err.startswith(f"audiosim: {low} looks like a disk")) == (3, True)
    high.unlink()
    done = cli("index", high, *home)
    assert (done.code, f"audiosim: no such file or folder: {high}\n" in done.err) == (3, True)


def test_a_link_that_leads_nowhere_any_more_may_be_to_a_disk_that_is_not_mounted(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    disk = (music / "low").rename(tmp_path / "disk")
    link = music / "link.wav"
    link.symlink_to(disk / "00 track.wav")
    library.index(link)
    disk.rename(tmp_path / "unmounted")
    for command in ("status", "index"):
        done = cli(command, "--home", library.home.path)
        assert f"{link} looks like a disk that is not mounted" in done.out + done.err


def test_a_few_files_of_a_small_folder_are_gone(library: Library, music: Path, cli: Cli) -> None:
    low = music / "low"
    library.index(low)
    for path in sorted(low.iterdir())[:2]:
        path.unlink()
    done = cli("index", "--home", library.home.path)
    assert (done.code, done.err, "1 unchanged, 2 gone" in done.out) == (0, "", True)
    (low / "notes.txt").touch()
    next(low.glob("0*")).unlink()
    done = cli("index", "--home", library.home.path)
    assert (done.code, "not mounted: no audio file is in it. Nothing is changed" in done.err) == (3, True)


def test_a_file_that_failed_before_is_told_with_its_reason_where_it_is_named(
    library: Library, music: Path, cli: Cli
) -> None:
    bad = music / "bad.mp3"
    bad.write_bytes(b"no music\n" * 99)
    library.index(music)
    done = cli("index", bad, "--home", library.home.path)
    told = f"audiosim: {bad} failed before: not readable as audio"
    again = f". To try it again: audiosim index --retry-failed {bad} --home {library.home.path}\n"
    assert (done.code, done.err.startswith(told), done.err.endswith(again)) == (0, True, True)
    assert cli("index", bad, "--quiet", "--home", library.home.path).err == ""
    assert cli("index", music, "--home", library.home.path).err == ""


def test_the_command_says_so_and_exits_with_2(music: Path, tmp_path: Path, cli: Cli) -> None:
    (music / "list.m3u").write_text("low/00 track.wav\n")
    done = cli("index", music / "list.m3u", "--encoder", "musicnn", "--home", tmp_path / "home")
    assert (done.code, done.out) == (2, "")
    assert "A playlist can't be indexed" in done.err


def test_audio_under_any_name_is_indexed_and_stays(library: Library, music: Path) -> None:
    odd = music / "sound.bin"
    soundfile.write(odd, tone(3, 500), SAMPLE_RATE, format="WAV")
    assert counts(library.index(odd)) == {"found": 1, "indexed": 1}
    assert counts(library.index(odd)) == {"found": 1, "unchanged": 1}
    library.index(music)
    assert counts(library.index()) == {"found": 7, "unchanged": 7}


def test_damaged_audio_is_a_failure_and_no_wrong_usage(library: Library, music: Path) -> None:
    (music / "bad.mp3").write_bytes(b"no music\n" * 99)
    assert counts(library.index(music / "bad.mp3")) == {"found": 1, "failed": 1}


def test_files_that_are_not_included_are_not_looked_into(library: Library, music: Path) -> None:
    (music / "cover.jpg").write_bytes(b"no music")
    (music / "list.m3u").write_text("a.wav\n")
    assert library.index(*music.iterdir(), include=["*.wav", "*.flac", "*.ogg"]).indexed == 6


def test_a_home_that_has_a_playlist_as_a_root_is_cured_with_a_word(library: Library, music: Path) -> None:
    library.index(music / "low")
    spoilt = [music / "high" / "list.m3u", music / "high" / "cover.jpg"]
    reasons = ["not readable as audio (Invalid data found)", "there is no audio stream in it"]
    for path, reason in zip(spoilt, reasons, strict=True):
        path.write_text("01.wav\n")
        status = path.stat()
        with Catalog(library.home.catalog) as catalog:
            catalog.settings.set_roots([*catalog.settings.roots(), os.fsencode(path)])
            catalog.files.record_failure(os.fsencode(path), status.st_size, status.st_mtime_ns, reason)
    assert estimate(home=library.home.path, encoder=library.encoder).found == 3
    report = library.index()
    assert counts(report) == {"found": 3, "unchanged": 3}
    words = [event.text for event in library.events if isinstance(event, Notice)]
    assert len([text for text in words if "is no audio" in text]) == 2
    status_now = home_status(library.home.path)
    assert (status_now.roots, status_now.failures) == ([os.fsencode(music / "low")], [])
    library.index()
    assert not any(isinstance(event, Notice) for event in library.events)


def test_a_rebuild_cures_too(library: Library, music: Path) -> None:
    library.index(music / "low")
    spoilt = os.fsencode(shutil.copy(music / "low" / "00 track.wav", music / "high" / "list.m3u"))
    with Catalog(library.home.catalog) as catalog:
        catalog.settings.set_roots([*catalog.settings.roots(), spoilt])
        catalog.files.record_failure(spoilt, 1, 1, "not readable as audio (Invalid data found)")
    assert not library.index(rebuild=True, pooling="max").needs_a_look
    assert home_status(library.home.path).roots == [os.fsencode(music / "low")]
