"""Runs that fail at once: they make no home, and wait for nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from fake_encoder import FakeEncoder
from libraries import Library
from made_home import MadeHome, random_tracks

from audiosim.core.config import find_home
from audiosim.core.errors import HomeError
from audiosim.core.files import hold
from audiosim.indexing.exchange import export_index
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_events, index_folder
from audiosim.indexing.report import Activity
from audiosim.library.catalog import Catalog

pytestmark = pytest.mark.slow

UNREACHABLE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere"], 2),
        ([], 2),
        (["music", "--encoder", "nobody"], 2),
        (["music", "--hop-size", "1000"], 2),
        (["music/list.m3u"], 2),
        (["music", "--whitening", "--pooling", "max"], 2),
        (["music", "--pooling", "median"], 2),
        (["music"], 1),  # there are no weights
        (["music", "--store", UNREACHABLE], 1),
        (["music", "--rebuild"], 1),
    ],
)
def test_a_first_run_that_fails_at_once_leaves_nothing(
    music: Path, tmp_path: Path, cli: Cli, words: list[str], code: int
) -> None:
    (music / "list.m3u").write_text("low/00 track.wav\n")
    home = tmp_path / "new" / "home"
    done = cli("index", *words, "--home", home, AUDIOSIM_OPENL3_URL=f"{UNREACHABLE}/")
    assert (done.code, done.err != "") == (code, True)
    assert not home.parent.exists()


@pytest.mark.parametrize("more", [[], ["--include", "*.opus"]])
def test_a_first_run_that_finds_no_audio_leaves_nothing(tmp_path: Path, cli: Cli, more: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "cover.jpg").touch()
    done = cli("index", "empty", *more, "--home", tmp_path / "home", "--json")
    assert (done.code, done.json["found"]) == (3, 0)
    assert done.json["vacant"] == [{"path": str(tmp_path / "empty")}]
    assert f"no audio files in {tmp_path / 'empty'}" in done.err
    assert not (tmp_path / "home").exists()


def test_a_first_run_of_which_all_fails_or_is_left_out_is_one(music: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bad.mp3").write_text("no music")
    report = index_folder([tmp_path / "bad"], home=tmp_path / "one", encoder=FakeEncoder())
    assert (report.failed, (tmp_path / "one").exists()) == (1, True)
    options = IndexOptions(exclude=["*"])
    report = index_folder([music], home=tmp_path / "two", encoder=FakeEncoder(), options=options)
    assert (report.found, (tmp_path / "two").exists()) == (0, True)


def test_what_was_there_before_a_first_run_stays(music: Path, tmp_path: Path, cli: Cli) -> None:
    home = tmp_path / "home"
    (home / "cache").mkdir(parents=True)  # copied there before an import
    assert cli("index", "nowhere", "--home", home).code == 2
    assert [path.name for path in home.iterdir()] == ["cache"]
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match="Can't make the cache folder"):
        index_folder(
            [music],
            home=tmp_path / "other",
            options=IndexOptions(cache=tmp_path / "file" / "cache"),
            encoder=FakeEncoder(),
        )
    assert not (tmp_path / "other").exists()


def test_a_first_run_that_is_interrupted_while_the_model_is_loaded_leaves_nothing(
    music: Path, tmp_path: Path
) -> None:
    events = index_events([music], home=tmp_path / "home")
    assert next(events) == Activity("Loading the model")
    assert (tmp_path / "home").exists()
    events.close()
    assert not (tmp_path / "home").exists()


def test_an_import_that_fails_at_once_leaves_nothing(tmp_path: Path, cli: Cli) -> None:
    for seed, name in enumerate(("first", "second")):
        made = MadeHome(tmp_path / name)
        made.add(random_tracks(60, np.random.default_rng(seed), prefix=name))
        made.refresh()
        export_index(tmp_path / f"{name}.parquet", home=made.home.path)
    (tmp_path / "bad.parquet").write_bytes(b"no export")
    for files in (["bad.parquet"], ["nowhere.parquet"], ["first.parquet", "second.parquet"]):
        done = cli("import", *files, "--home", tmp_path / "new" / "home")
        assert done.code in (1, 2)
        assert not (tmp_path / "new").exists()
    assert "mean window" in done.err


READERS = (
    ["similar", "x.wav"], ["similar", "x.wav", "--from", "1"], ["playlist", "--seed", "x.wav"],
    ["duplicates"], ["duplicates", "--across", "music"], ["map"], ["list"], ["eval"], ["verify"],
    ["verify", "--repair"], ["gc"], ["forget", "music"], ["relocate", "old", "music"],
    ["export", "e.parquet"],
)  # fmt: skip


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_who_reads_makes_no_home_and_one_without_configuration_is_no_index(
    music: Path, tmp_path: Path, cli: Cli, words: list[str]
) -> None:
    home = tmp_path / "home"
    done = cli(*words, "--home", home)
    assert (done.code, "There is no index in" in done.err) == (1, True)
    assert "Make one: audiosim index FOLDER" in done.err
    assert not home.exists()
    home.mkdir()
    Catalog(home / "catalog.db").close()  # as a kill left it
    done = cli(*words, "--home", home)
    assert (done.code, "There is no index in" in done.err) == (1, True)
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in home.iterdir()} <= {
        *("catalog.db", "index.lock"),
    }


def test_status_of_no_home_makes_none_and_tells_scripts_so(tmp_path: Path, cli: Cli) -> None:
    home = tmp_path / "home"
    none = f"There is no index yet. Make one: audiosim index FOLDER --home {home}\n"
    done = cli("status", "--home", home)
    assert (done.code, done.out, done.err) == (1, f"Home: {home}\n{none}", "")
    done = cli("status", "--home", home, "--json")
    assert (done.code, done.json["encoder"], done.err) == (1, None, f"audiosim: {none}")
    assert not home.exists()


def test_status_tells_scripts_that_a_first_run_has_yet_to_make_the_index(tmp_path: Path, cli: Cli) -> None:
    home = find_home(tmp_path)
    with hold(home.index_lock, wait=0, what="indexing"):
        done = cli("status", "--home", tmp_path)
    assert (done.code, "There is no index yet: its first run is at work." in done.out) == (1, True)


@pytest.mark.slow
def test_wrong_usage_is_told_while_another_run_is_at_work(indexed: Library, tmp_path: Path, cli: Cli) -> None:
    library, music = indexed, indexed.music
    other = MadeHome(tmp_path / "other", pooling="max")
    other.add(random_tracks(3, np.random.default_rng(1)))
    export_index(tmp_path / "e.parquet", home=other.home.path)
    export_index(tmp_path / "own.parquet", home=library.home.path)
    (tmp_path / "empty").mkdir()
    wrong: list[list[object]] = [
        ["index", "nowhere"],
        ["index", "--encoder", "musicnn"],
        ["index", "--hop-size", "3"],
        ["index", "--rebuild", "--rescan"],
        ["index", "--exclude", "*", music / "low" / "00 track.wav"],
        ["gc", "--older-than", "soon"],
        ["forget", "nowhere"],
        ["relocate", "nowhere", music],
        ["relocate", music, "nowhere"],
        ["relocate", music, "empty"],
        ["import", "e.parquet"],
        ["import", "own.parquet", "--store", "milvus:other.db"],
    ]
    right: list[list[object]] = [["index"], ["index", music], ["gc"], ["forget", music / "low"]]
    right += [["import", "own.parquet"], ["verify", "--repair"]]
    with hold(library.home.index_lock, wait=0, what="testing"):
        for words in wrong:
            done = cli(*words, "--home", library.home.path)
            assert (done.code, words) == (2, words), done.err
        for words in right:
            done = cli(*words, "--home", library.home.path)
            assert (done.code, words) == (4, words), done.err


@pytest.mark.slow
def test_what_a_first_run_or_a_rebuild_at_work_may_make_right_is_not_refused(
    indexed: Library, cli: Cli
) -> None:
    library, music = indexed, indexed.music
    with Catalog(library.home.catalog) as catalog:
        catalog.settings.set_roots([])
    with hold(library.home.index_lock, wait=0, what="testing"):
        assert cli("index", "--home", library.home.path).code == 4
        library.home.rebuild.touch()
        assert cli("index", music, "--encoder", "musicnn", "--home", library.home.path).code == 4
