"""Several spaces in one home: each run, whatever befalls files, folders, weights and stores."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest
import soundfile
from chroma_server import ChromaServerProcess, collections
from conftest import SAMPLE_RATE, Cli, tone
from kept_folder import KeptFolder
from two_encoders import SOUND, WORDS, SpacesHome, TwoEncoders, counts, keep_spaces

from audiosim.core.config import Home
from audiosim.core.files import hold
from audiosim.library.catalog import Catalog

pytestmark = pytest.mark.slow


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> TwoEncoders:
    return TwoEncoders(monkeypatch)


@pytest.fixture
def empty(cli: Cli, tmp_path: Path, music: Path, encoders: TwoEncoders) -> SpacesHome:
    """A home that is not made yet."""
    return SpacesHome(cli, tmp_path / "home", music, encoders)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptFolder:
    return keep_spaces(tmp_path_factory.mktemp("spaces"))


@pytest.fixture
def home(kept: KeptFolder, cli: Cli, encoders: TwoEncoders) -> SpacesHome:
    folder = kept.restored()
    return SpacesHome(cli, folder / "home", folder / "music", encoders)


def add_file(music: Path, name: str = "new.wav", frequency: float = 500) -> Path:
    soundfile.write(music / name, tone(3, frequency), SAMPLE_RATE)
    return music / name


def fingerprints(place: Path) -> dict[str, bytes]:
    with Catalog(place / "catalog.db", read_only=True) as catalog:
        return dict(catalog.fingerprints.of(catalog.tracks.all_digests()))


def test_a_space_is_made_beside_what_is_there(empty: SpacesHome) -> None:
    empty.done("index", empty.music, "--encoder", SOUND)
    before = {path: path.stat().st_mtime_ns for path in empty.path.rglob("*") if path.is_file()}
    assert not (empty.path / "spaces").exists()
    done = empty("index", "--space", "said", "--encoder", WORDS, "--hop-size", "0.5")
    assert done.code == 0, done.err
    assert "Space said: words, hop 0.5 s" in done.out
    assert len(list((empty.said / "cache").glob("*/*/*.npz"))) == 6
    kept = [path for path in before if path.suffix == ".npz"]
    assert all(path.stat().st_mtime_ns == before[path] for path in kept)
    own, said = empty.listed()
    assert own == said
    assert len(own) == 6
    status = empty.done("status")
    assert status["encoder"].startswith("sound")
    assert status["spaces"]["said"]["encoder"].startswith("words")
    assert "Space said: 6 tracks, 0 failed, 0 gone; words" in empty("status").out
    assert empty.done("status", "--space", "said")["tracks"] == 6


def test_a_plain_run_brings_all_spaces_up_to_date(home: SpacesHome) -> None:
    low, high = home.music / "low", home.music / "high"
    (low / "00 track.wav").unlink()
    (high / "03 track.wav").rename(high / "moved.wav")
    add_file(home.music)
    windows = home.encoders.words.windows
    report = home.done("index")
    assert counts(report) == {"found": 6, "indexed": 1, "moved": 1, "unchanged": 4, "gone": 1}
    assert counts(report["spaces"]["said"]) == counts(report)
    assert home.encoders.words.windows == windows + 3
    own, said = home.listed()
    assert own == said
    assert str(high / "moved.wav") in own
    assert str(low / "00 track.wav") not in own
    text = home("index").out
    assert "Space said: 0 indexed, 0 reused, 0 moved, 6 unchanged" in text


def test_a_folder_that_is_named_is_looked_at_for_all_spaces(home: SpacesHome, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    add_file(tmp_path / "more")
    report = home.done("index", tmp_path / "more")
    assert counts(report["spaces"]["said"]) == {"found": 1, "indexed": 1}
    own, said = home.listed()
    assert own == said
    assert len(own) == 7
    vacant = home("index", tmp_path / "more", "--include", "*.flac")
    assert (vacant.code, vacant.err.count("no audio files in")) == (3, 1)


def test_what_is_left_out_or_forgotten_is_so_in_all_spaces(home: SpacesHome) -> None:
    first = home.music / "high" / "03 track.wav"
    home.done("index", "--exclude", "low")
    assert home.listed()[1] == home.listed()[0] == sorted(map(str, (home.music / "high").iterdir()))
    assert home("forget", first).out.startswith("Forgot 1 file.")
    assert str(first) not in home.listed()[1]
    home.done("index")
    assert len(home.listed()[1]) == 2
    windows = home.encoders.words.windows
    home.done("index", home.music, first, "--exclude", "")
    own, said = home.listed()
    assert own == said
    assert len(own) == 6
    assert home.encoders.words.windows == windows  # back at no cost


def test_all_spaces_follow_a_library_that_moved(home: SpacesHome) -> None:
    windows = home.encoders.words.windows
    place = home.music.rename(home.music.with_name("elsewhere"))
    assert home("relocate", home.music, place).code == 0
    own, said = home.listed()
    assert own == said == sorted(str(path) for path in place.rglob("*.*"))
    report = home.done("index")
    assert counts(report["spaces"]["said"]) == {"found": 6, "unchanged": 6}
    assert home.encoders.words.windows == windows


def test_files_that_only_a_space_knows_are_followed_and_counted(home: SpacesHome) -> None:
    folder, place = home.music / "late", home.music / "later"
    folder.mkdir()
    add_file(folder)
    home.done("index", "--space", "said")
    folder.rename(place)
    done = home("relocate", folder, place)
    assert (done.code, done.out) == (0, "1 file is known at the new place.\n")
    windows = home.encoders.words.windows
    assert counts(home.done("index")["spaces"]["said"]) == {"found": 7, "unchanged": 7}
    assert home.encoders.words.windows == windows


def test_a_file_that_only_a_space_knows_is_forgotten(home: SpacesHome) -> None:
    file = add_file(home.music)
    home.done("index", "--space", "said")
    assert "Would forget 1 file." in home("forget", file, "--dry-run").out
    assert "Forgot 1 file." in home("forget", file).out
    own, said = home.listed()
    assert (len(own), own) == (6, said)
    home.done("index")
    assert home.listed() == (own, own)


def test_a_library_that_is_not_mounted_is_told_once_and_stays_in_all_spaces(home: SpacesHome) -> None:
    home.music.rename(home.music.with_name("unmounted"))
    done = home("index")
    assert (done.code, done.err.count("looks like a disk that is not mounted")) == (3, 1)
    assert [len(paths) for paths in home.listed()] == [6, 6]
    assert home("index", "--accept-removals").code == 0
    assert home.listed() == ([], [])
    assert home("index").code == 0
    home.music.with_name("unmounted").rename(home.music)
    assert home("index").code == 0
    assert [len(paths) for paths in home.listed()] == [6, 6]


def test_what_an_import_into_a_space_leaves_forgotten_comes_back_by_the_command_that_is_told(
    home: SpacesHome, tmp_path: Path, cli: Cli
) -> None:
    exported, doomed = tmp_path / "said.parquet", next((home.music / "low").iterdir())
    home.done("export", exported, "--space", "said")
    assert home("forget", "--space", "said").code == 0
    assert home("forget", doomed).code == 0
    back = f"audiosim index {shlex.quote(str(doomed))} --home {home.path}"
    assert f" To bring it back: {back}\n" in home("import", exported, "--space", "said").out
    refused = cli("index", doomed, "--home", home.said)
    assert (refused.code, refused.err.splitlines()[-1].partition(": ")[2]) == (2, back)
    assert [len(paths) for paths in home.listed()] == [5, 5]
    assert home("index", doomed).code == 0
    assert [len(paths) for paths in home.listed()] == [6, 6]


def test_a_space_whose_catalog_is_damaged_is_told_and_the_rest_goes_on(home: SpacesHome) -> None:
    catalog = home.said / "catalog.db"
    for place in home.said.glob("catalog.db*"):
        place.unlink()
    catalog.write_bytes(b"no database" * 500)
    told = (
        f"Space said: The catalog {catalog} can't be used: file is not a database.\nRestore it from a backup"
    )
    status = home("status")
    assert (status.code, "Tracks: 6 " in status.out, told in status.out) == (3, True, True)
    found = home("status", "--json").json
    assert (found["tracks"], found["unreadable"]) == (6, None)
    assert found["spaces"]["said"]["unreadable"].startswith(f"The catalog {catalog} can't be used")
    assert (home("list").code, home("status", "--space", "said").code) == (0, 1)
    for options in ((), ("--repair",)):
        checked = home("verify", *options)
        assert (checked.code, f"audiosim: {told}" in checked.err) == (3, True)
        assert checked.out.startswith("6 tracks, 6 caches, 6 vectors compared")
        assert checked.out.endswith(": all is well.\n")
    asked = home("list", "--text", "low")
    assert (asked.code, f"The catalog {catalog} can't be used" in asked.err) == (1, True)
    file = home.music / "low" / "00 track.wav"
    forgot = home("forget", file)
    assert (forgot.code, "warning: The space said is left out. The catalog" in forgot.err) == (0, True)
    run = home("index")
    assert (run.code, "5 unchanged" in run.out, "the space said could not be" in run.err) == (3, True, True)
    windows = home.encoders.words.windows
    catalog.rename(home.path / "away")
    assert home("index", "--space", "said", "--encoder", WORDS).code == 0
    assert home.encoders.words.windows == windows
    own, said = home.listed()
    assert own == said
    assert len(own) == 5
    assert home("status").code == home("verify").code == 0
    shutil.rmtree(home.said)
    assert home("verify").code == 0


def test_weights_that_are_away_end_the_run_of_their_space_only(home: SpacesHome) -> None:
    add_file(home.music)
    home.encoders.words.away = True
    done = home("index", "--quiet")
    assert done.code == 3
    assert "the space said could not be brought up to date. No weights of words" in done.err
    report = home("index", "--json").json
    assert report["failed_spaces"].keys() == {"said"}
    assert [len(paths) for paths in home.listed()] == [7, 6]
    assert home("index", "--space", "said").code == 1
    home.encoders.words.away = False
    assert home("index").code == 0
    assert [len(paths) for paths in home.listed()] == [7, 7]


def test_weights_of_the_home_itself_that_are_away_end_its_own_run_only(home: SpacesHome) -> None:
    add_file(home.music)
    home.encoders.sound.away = True
    done = home("index")
    assert (done.code, "No weights of sound" in done.err) == (1, True)
    assert [len(paths) for paths in home.listed()] == [6, 7]


def test_time_that_is_up_is_up_for_all_spaces(home: SpacesHome) -> None:
    add_file(home.music)
    report = home.done("index", "--max-hours", "0")
    assert (report["left"], report["spaces"]["said"]["left"]) == (1, 1)


def test_a_remedy_for_a_space_acts_on_the_space(home: SpacesHome) -> None:
    shutil.rmtree(home.said / "cache")
    before = (home.path / "catalog.db").read_bytes()
    asked = ("similar", home.music / "low" / "00 track.wav", "--from", "0", "--to", "2", "--space", "said")
    failed = home(*asked)
    remedy = f"compute all again: audiosim index --space said --rebuild --home {home.path}\n"
    assert (failed.code, failed.err.endswith(remedy)) == (1, True)
    assert home("index", "--space", "said", "--rebuild").code == 0
    assert home(*asked).code == 0
    assert (home.path / "catalog.db").read_bytes() == before


def test_files_that_failed_before_are_counted_for_each_space(home: SpacesHome) -> None:
    (home.music / "broken.mp3").write_bytes(b"no music")
    assert home("index").code == 3
    done, failed = home("index", "--strict", "--quiet"), "1 file failed before: see audiosim status --all"
    told = [f"{failed} --home {home.path}", f"space said: {failed} --space said --home {home.path}"]
    assert (done.code, done.err) == (3, "".join(f"audiosim: {line}\n" for line in told))
    assert "failed: " in home("status", "--all", "--space", "said").out


def test_what_contradicts_a_space_is_told_of_it(home: SpacesHome) -> None:
    done = home("index", "--space", "said", "--hop-size", "0.25")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "audiosim: --hop-size 0.25 contradicts the space said: its index was made with 1.0.",
    )
    assert "use another --space, or start over with --rebuild" in done.err


def test_a_space_is_made_anew_by_itself(home: SpacesHome) -> None:
    home.done("index", "--space", "said", "--rebuild", "--hop-size", "0.25", "--encoder", WORDS)
    assert "hop 0.25 s" in home.done("status")["spaces"]["said"]["encoder"]
    assert "hop 1 s" in home.done("status")["encoder"]
    assert home("index", "--space", "said", "--hop-size", "1").code == 2
    windows = home.encoders.words.windows
    home.done("index", "--rebuild", "--encoder", SOUND, "--hop-size", "0.5")  # of the home's own space only
    assert home.encoders.words.windows == windows


@pytest.mark.parametrize(
    "arguments",
    [
        ("--space", "../other", "--encoder", WORDS),
        ("--space", "a/b", "--encoder", WORDS),
        ("--space", ".hidden", "--encoder", WORDS),
        ("--space", "new"),
        ("--space", "new", "--encoder", "nosuch"),
        ("--space", "new", "--encoder", WORDS, "--exclude", "*.wav"),
        ("--space", "new", "--encoder", WORDS, "--no-ctime"),
        ("--space", "new", "--encoder", WORDS, "--store", "embedded"),
        ("--space", "new", "--encoder", WORDS, os.sep),
    ],
)
def test_what_can_not_be_begun_leaves_nothing(empty: SpacesHome, arguments: tuple[str, ...]) -> None:
    empty.done("index", empty.music, "--encoder", SOUND)
    for more in ((), ("--dry-run",)):
        assert empty("index", *arguments, *more).code == 2
        assert not (empty.path / "spaces").exists()


def test_a_space_needs_a_home_that_has_an_index(empty: SpacesHome) -> None:
    for command in (("index", "--encoder", WORDS), ("list",), ("index", "--dry-run", "--encoder", WORDS)):
        done = empty(*command, "--space", "said")
        assert (done.code, "There is no index in" in done.err) == (1, True)
    assert not empty.path.exists()


def test_a_look_counts_the_files_of_all_spaces_and_writes_nothing(home: SpacesHome) -> None:
    add_file(home.music)
    (home.music / "low" / "00 track.wav").unlink()
    before = {path: path.stat().st_mtime_ns for path in home.path.rglob("*")}
    found = home.done("index", "--dry-run")
    assert [found["files"], found["spaces"]["said"]["files"]] == [1, 1]
    told = home("index", "--dry-run", "--exclude", "new.wav")
    assert told.out.count("5 files found, 0 to open.") == 2
    assert "Space said: words" in told.out
    other = home.done("index", "--dry-run", "--space", "other", "--encoder", WORDS)
    assert (other["files"], other["space"]) == (6, "other")
    assert {path: path.stat().st_mtime_ns for path in home.path.rglob("*")} == before


def test_fingerprints_are_made_once_for_all_spaces(home: SpacesHome) -> None:
    made = fingerprints(home.path)
    assert fingerprints(home.said) == made
    assert len(made) == 6
    for place in (home.said, home.path):
        with Catalog(place / "catalog.db") as catalog:
            catalog.fingerprints.drop(list(made))
        if place == home.said:
            assert "Fingerprints were made" not in home("index", "--space", "said").err
            assert fingerprints(home.said) == made
    assert home("index", "--space", "said").code == 0
    assert fingerprints(home.path) == made  # what the space has heard


def test_one_writer_holds_all_spaces(home: SpacesHome) -> None:
    with hold(Home(home.path).index_lock, wait=0, what="testing"):
        for command in (
            ("index",),
            ("index", "--space", "said"),
            ("verify", "--repair", "--space", "said"),
            ("forget", "--space", "said"),
        ):
            assert home(*command).code == 4
    assert not (home.said / "index.lock").exists()


def test_the_folder_of_a_space_stands_for_the_space(home: SpacesHome, cli: Cli) -> None:
    assert counts(cli("index", "--home", home.said, "--json").json) == {"found": 6, "unchanged": 6}
    assert not (home.said / "index.lock").exists()


@pytest.mark.server
@pytest.mark.long
def test_each_space_has_a_collection_of_its_own_on_a_server(
    home: SpacesHome, server: ChromaServerProcess
) -> None:
    def names() -> list[str | None]:
        found = []
        for place in (home.path, home.said):
            with Catalog(place / "catalog.db", read_only=True) as catalog:
                assert catalog.settings.store_url.text == server.url
                found.append(catalog.settings.store_name)
        return found

    home.done("index", "--store", server.url)
    own, said = names()
    assert None not in (own, said)
    assert own != said
    home.done("index", "--space", "other", "--encoder", WORDS)
    with Catalog(home.path / "spaces" / "other" / "catalog.db", read_only=True) as catalog:
        assert catalog.settings.store_url.text == server.url
    query = home.music / "low" / "00 track.wav"
    assert len(home.done("similar", query, "--space", "said", "-k", 3)["matches"]) == 3
    assert home("verify").code == 0
    assert home("forget", "--space", "said").code == 0
    left = collections(server.port)
    assert own in left
    assert said not in left


def test_a_space_is_removed_when_that_is_asked(home: SpacesHome, tmp_path: Path) -> None:
    shown = home("forget", "--space", "said", "--dry-run")
    assert shown.out.startswith("Would remove the space said: 6 tracks,")
    assert home.said.exists()
    assert home("forget").code == 2
    assert home("forget", home.music, "--space", "said").code == 2
    outside = tmp_path / "caches"
    home.done("index", "--space", "other", "--encoder", WORDS, "--cache", outside)
    done = home("forget", "--space", "OTHER")
    assert (done.code, f"The caches in {outside} are left alone" in done.out) == (0, True)
    assert len(list(outside.rglob("*.npz"))) == 6
    assert home("forget", "--space", "said").code == 0
    assert not (home.path / "spaces").exists()
    assert home("similar", home.music / "low" / "00 track.wav").code == 0
    assert home.done("index")["spaces"] == {}
