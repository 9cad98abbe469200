"""Where commands write their answers."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import Cli
from homes import Made, make_home, recording
from libraries import Library

from audiosim.core.config import Home
from audiosim.core.files import hold
from audiosim.library.catalog import Catalog


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home", [Made(f"/m/{n}.flac", recording(n)) for n in range(4)])


@pytest.mark.parametrize(
    "command",
    [
        ("similar", "/m/0.flac", "--under", "/", "-o"),
        ("list", "-o"),
        ("playlist", "--seed", "/m/0.flac", "-o"),
        ("map", "-o"),
        ("map", "--png"),
        ("export",),
        ("index", "--log-file"),
    ],
)
def test_no_command_makes_a_folder_for_its_output(
    home: Home, cli: Cli, tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = cli(*command, "absent/out", "--home", home.path)
    assert (done.code, done.out) == (2, "")
    assert done.err == "audiosim: Can't write absent/out: there is no folder absent.\nMake it first.\n"
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("map -o map2.png", "a page is no .png file.\nName it .html. For a picture: --png FILE"),
        ("map -o map.json", "a page is no .json file."),
        ("map -o map.txt", "a page is no .txt file."),
        ("map --png map.HTML", "a PNG picture is no .html file.\nName it .png."),
        ("map --png map.jpg", "a PNG picture is no .jpg file."),
        ("eval --png e.txt", "a PNG picture is no .txt file."),
        (
            "similar /m/0.flac -o a.png",
            "a list of tracks is no .png file.\nName it .json, .jsonl, .csv, .m3u8",
        ),
        ("similar /m/0.flac --json -o a.png", "For a picture: audiosim map --png FILE"),
        ("similar --each /m/0.flac -o a.html", "a list of tracks is no .html file."),
        ("list -o all.parquet", "a list of tracks is no .parquet file."),
        ("list -o all.csv.gz", "a list of tracks is no .gz file."),
        ("duplicates -o all.pdf", "a list of tracks is no .pdf file."),
        (
            "playlist --seed /m/0.flac -o a.csv",
            "a playlist is no .csv file.\nName it .m3u8. For JSON: --json",
        ),
        ("playlist --seed /m/0.flac --json -o a.m3u8", "a JSON document is no .m3u8 file."),
        ("describe /m/0.flac -o a.json", "a description is no .json file.\nName it .txt. For JSON: --json"),
        ("describe /m/0.flac --json -o a.csv", "a JSON document is no .csv file."),
        ("export all.csv", "an export is no .csv file.\nName it .parquet. For a list: audiosim list -o FILE"),
        ("extract /m/0.flac -o a.npz", "a folder is no .npz file."),
        ("index --log-file song.mp3", "a log is no .mp3 file.\nName it .log."),
    ],
)
def test_no_file_gets_the_extension_of_another_format(
    home: Home, cli: Cli, tmp_path: Path, command: str, what: str
) -> None:
    own = () if command.startswith("extract") else ("--home", home.path)
    before = sorted(tmp_path.iterdir())
    done = cli(*command.split(), *own)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("audiosim: Can't write ")
    assert what in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_name_that_tells_no_format_suits_all(home: Home, cli: Cli, tmp_path: Path) -> None:
    for command in (
        "list -o {}",
        "map -o {}",
        "map --png {}",
        "playlist --seed /m/0.flac -o {}",
        "export {}",
    ):
        for name in ("plain", "Vol. 2", "x.backup"):
            words = [word.format(tmp_path / name) for word in command.split()]
            assert cli(*words, "--home", home.path).code == 0
            (tmp_path / name).unlink()


def test_a_file_is_written_where_its_folder_is(home: Home, cli: Cli, tmp_path: Path) -> None:
    done = cli("list", "-o", tmp_path / "all.csv", "--home", home.path)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "all.csv").read_text("utf-8").count("\n") == 5


@pytest.fixture
def dead(tmp_path: Path) -> Path:
    """A folder of sixty links that lead nowhere."""
    folder = tmp_path / "dead"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}.mp3").symlink_to("nowhere")
    return folder


def test_a_run_shows_fifty_failures_and_logs_all(home: Home, dead: Path, cli: Cli, tmp_path: Path) -> None:
    look = cli("index", dead, "--dry-run", "--home", home.path)
    whole = f"see audiosim index --dry-run --json --home {home.path}"
    assert (look.code, look.err.count("failed: ")) == (3, 50)
    assert look.err.endswith(f"\n... and 10 more: {whole}\n")
    done = cli("index", dead, "--quiet", "--log-file", tmp_path / "log", "--home", home.path)
    assert (done.code, done.err.count("a link that leads nowhere\n")) == (3, 50)
    whole = f"see audiosim status --all --home {home.path}"
    assert done.err.endswith(f"\naudiosim: ... and 10 more failed: {whole}\n")
    assert (tmp_path / "log").read_text("utf-8").count("a link that leads nowhere\n") == 60
    assert cli("status", "--all", "--home", home.path).out.count("failed: ") == 60


def test_many_notes_of_a_query_are_told_in_part(home: Home, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "list.m3u").write_text("".join(f"/absent/{number:02}.mp3\n" for number in range(60)))
    done = cli("similar", "/m/0.flac", "list.m3u", "--home", home.path)
    assert (done.code, done.err.count("; it is left out.\n")) == (3, 50)
    assert done.err.startswith("audiosim: answered by exact search")
    assert "have no fingerprint yet" in done.err
    assert done.err.endswith("\naudiosim: ... and 10 more are left out.\n")


def test_answers_that_are_not_there_are_told_with_what_that_looks_like(
    tmp_path: Path, music: Path, cli: Cli
) -> None:
    first, second, *others = sorted(path for path in music.rglob("*") if path.is_file())
    shutil.copy(others[0], music / "high" / "a copy.wav")
    library = Library(tmp_path / "home")
    library.index(music)
    home = ("--home", library.home.path)
    asked = [
        ("answer", "similar", first, "--show-duplicates"),
        ("answer", "similar", "--each", first, second, "--show-duplicates"),
        ("answer", "playlist", "--seed", first, "--min-duration", "0"),
        ("track", "list"),
        ("file", "duplicates"),
    ]
    assert all("not there now" not in cli(*words, *home).err for _, *words in asked)
    others[0].unlink()
    (music / "high" / "a copy.wav").unlink()
    for noun, *words in asked:
        told = cli(*words, *home).err
        many = f"1 {noun} is" if "playlist" in words else f"2 {noun}s are"
        look = f"To look for what has changed: audiosim index --home {library.home.path}\n"
        assert told.count(f"audiosim: {many} not there now, moved or removed. {look}") == 1
    music.rename(tmp_path / "renamed")
    for noun, *words in asked:
        done = cli(*words, *home)
        assert done.code == 0
        assert re.search(rf"\d {noun}s are not there now: their folder looks like a disk that is", done.err)
        if noun == "answer":
            assert "not there now" not in cli(*words, "--quiet", *home).err


def test_a_query_that_is_not_there_is_answered_from_the_index_and_told(
    tmp_path: Path, music: Path, cli: Cli
) -> None:
    library = Library(tmp_path / "home")
    library.index(music)
    home = ("--home", library.home.path)
    first, second, *_ = sorted(path for path in music.rglob("*") if path.is_file())
    first.unlink()
    told = "audiosim: 1 query file is not there now, moved or removed."
    for words in ((first,), (first.stem.upper(), second), ("--each", first, second)):
        done = cli("similar", *words, *home)
        assert (done.code, done.err.count(told)) == (0, 1)
        assert done.out
    assert told not in cli("similar", second, *home).err
    library.index(music)
    known = cli("similar", first, *home)
    assert "audiosim: 1 query file is not there any more, as a run has found.\n" in known.err
    done = cli("similar", first.stem, *home)
    assert (done.code, f"\nGone, as a run found: {first}\n" in done.err) == (2, True)


def test_of_very_many_tracks_some_are_looked_for(
    tmp_path: Path, music: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(tmp_path / "home")
    library.index(music)
    monkeypatch.setattr("audiosim.library.index.LOOKED_FOR", 3)
    shutil.rmtree(music / "high")
    told = cli("list", "--home", library.home.path).err
    assert "of 3 tracks that were looked for, 2 are not there now, moved or removed." in told


def test_a_folder_that_was_renamed_in_a_known_one_is_no_disk(tmp_path: Path, music: Path, cli: Cli) -> None:
    library = Library(tmp_path / "home")
    library.index(music)
    (music / "high").rename(music / "higher")
    home = ("--home", library.home.path)
    assert "3 tracks are not there now, moved or removed. To look for" in cli("list", *home).err
    shutil.rmtree(music / "low")
    shutil.rmtree(music / "higher")  # an empty folder is a disk that is not mounted
    assert "6 tracks are not there now: their folder looks like a disk" in cli("list", *home).err


def test_many_disks_that_are_not_mounted_are_told_in_part(home: Home, cli: Cli) -> None:
    paths = [b"/absent/%02d/a.flac" % number for number in range(60)]
    with Catalog(home.catalog) as catalog:
        for path in paths:
            catalog.files.record_failure(path, 1, 1, "damaged")
        catalog.settings.set_roots(map(os.path.dirname, paths))
    for command in ("index", "index --dry-run"):
        done = cli(*command.split(), "--home", home.path)
        assert (done.code, done.err.count("looks like a disk")) == (3, 50)
        assert "... and 10 more" in done.err


@pytest.mark.parametrize(
    "command",
    [
        ("similar", "/m/0.flac", "--under", "/"),
        ("similar", "/m/0.flac", "--from", "1", "--to", "9"),
        ("playlist", "--seed", "/m/0.flac", "-k", "3"),
        ("duplicates",),
        ("list",),
        ("map",),
    ],
)
def test_an_answer_says_what_a_run_has_yet_to_bring_in(
    home: Home, cli: Cli, command: tuple[str, ...]
) -> None:
    whole = cli(*command, "--home", home.path)
    assert (whole.code, "not in the index yet" in whole.err) == (0, False)
    left = [b"/m/8.flac", b"/m/9.flac"]
    for files, told in ((left[:1], "1 file is"), (left, "2 files are")):
        with Catalog(home.catalog) as catalog:
            catalog.files.note_unopened(others=[], found=files)
        done = cli(*command, "--home", home.path)
        assert (done.code, done.out) == (0, whole.out)
        line = (
            f"audiosim: {told} not in the index yet: a run was cut short."
            f" To go on: audiosim index --home {home.path}\n"
        )
        assert done.err.count(line) == 1
    with hold(home.index_lock, wait=0, what="indexing"):
        told = cli(*command, "--home", home.path).err
        assert "audiosim: 2 files are not in the index yet: a run is at work\n" in told
    if command[0] in ("similar", "playlist", "map"):
        assert cli(*command, "--quiet", "--home", home.path).err == ""
