"""What is forgotten stays so, until a run is given its path."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, Finished, tone
from libraries import Library, catalog_content, counts

from audiosim.core.errors import HomeError
from audiosim.core.files import hold
from audiosim.indexing.exchange.exporting import export_index
from audiosim.indexing.forgetting import discard, forget
from audiosim.library.status import home_status

pytestmark = pytest.mark.slow


@pytest.fixture
def library(indexed: Library) -> Library:
    return indexed


@pytest.fixture
def music(library: Library) -> Path:
    return library.music


class Commands:
    """Commands on a home; what they index was computed before."""

    def __init__(self, cli: Cli, library: Library) -> None:
        self._cli, self._home = cli, library.home.path

    def run(self, *words: object, code: int = 0) -> Finished:
        done = self._cli(*words, "--home", self._home)
        assert done.code == code, done.err
        return done

    def index(self, *paths: Path) -> dict[str, int]:
        told = self.run("index", "--json", *paths).json
        return {key: value for key, value in told.items() if isinstance(value, int) and value}


@pytest.fixture
def commands(cli: Cli, library: Library) -> Commands:
    return Commands(cli, library)


def test_later_runs_leave_it_out_and_status_shows_it_until_it_is_named(
    commands: Commands, library: Library, music: Path
) -> None:
    told = commands.run("forget", music / "low")
    assert told.out.startswith("Forgot 3 files. ")
    assert told.out.endswith(f" bring it back: audiosim index {music / 'low'} --home {library.home.path}\n")
    for _ in range(2):
        assert commands.index() == {"found": 3, "unchanged": 3}
    assert f"Forgotten: {music / 'low'}\n" in commands.run("status").out
    assert commands.run("status", "--json").json["forgotten"] == [{"path": str(music / "low")}]
    assert len(library.stored()) == 3
    back = commands.run("index", music / "low")
    assert f"No longer forgotten: {music / 'low'}." in back.err
    assert "3 reused" in back.out
    assert commands.index() == {"found": 6, "unchanged": 6}
    status = commands.run("status", "--json").json
    assert (status["forgotten"], [root["path"] for root in status["roots"]]) == ([], [str(music)])
    assert len(library.stored()) == 6


def test_the_command_that_brings_it_back_can_be_pasted(
    commands: Commands, library: Library, music: Path, tmp_path: Path
) -> None:
    odd = music / "it's a folder"
    odd.mkdir()
    files = [odd / f"{number} x.wav" for number in range(6)]
    for file in files:
        shutil.copy(music / "low" / "00 track.wav", file)
    library.index()
    told = commands.run("forget", os.path.relpath(files[0], tmp_path), *files[1:3])
    words = shlex.split(told.out.partition("back: audiosim ")[2])
    assert words == ["index", *map(str, files[:3]), "--home", str(library.home.path)]
    assert "No longer forgotten" in commands.run(*words[:-2]).err
    assert "back: audiosim index PATH --home" in commands.run("forget", *files).out


def test_a_path_is_no_pattern(commands: Commands, library: Library, music: Path) -> None:
    odd, like = music / "[l]ow*", music / "lower"
    for folder in (odd, like):
        shutil.copytree(music / "low", folder)
    library.index()
    commands.run("forget", odd)
    assert commands.index() == {"found": 9, "unchanged": 9}
    assert not {path for path in paths_of(library) if path.parent == odd}
    assert commands.index(odd) == {"found": 3, "reused": 3}


def paths_of(library: Library) -> set[Path]:
    with library.catalog() as catalog:
        return {Path(os.fsdecode(row.path)) for row in catalog.files.all()}


def test_a_folder_above_does_not_bring_it_back_but_says_so(
    commands: Commands, library: Library, music: Path
) -> None:
    commands.run("forget", music / "low" / "00 track.wav", music / "high")
    told = commands.run("index", music)
    assert "2 unchanged" in told.out
    assert f"{music / 'high'} and 1 more stay forgotten." in told.err
    both = shlex.join([str(music / "high"), str(music / "low" / "00 track.wav")])
    assert told.err.endswith(f"name it: audiosim index {both} --home {library.home.path}\n")
    assert commands.run("index").err == ""
    assert "high stays forgotten" not in commands.run("index", music / "low").err
    commands.run("forget", music / "low")
    told = commands.run("index", music / "low")
    assert f"No longer forgotten: {music / 'low'}." in told.err
    assert f"{music / 'low' / '00 track.wav'} stays forgotten." in told.err


def test_what_lies_below_is_brought_back_alone(commands: Commands, library: Library, music: Path) -> None:
    commands.run("forget", music / "low")
    one = music / "low" / "00 track.wav"
    assert commands.index(one) == {"found": 1, "reused": 1}
    for _ in range(2):
        assert commands.index() == {"found": 4, "unchanged": 4}
    status = commands.run("status", "--json").json
    assert [root["path"] for root in status["roots"]] == [str(music), str(one)]
    assert [each["path"] for each in status["forgotten"]] == [str(music / "low")]
    commands.run("forget", music / "low")  # it is a root now, and goes with it
    assert commands.index() == {"found": 3, "unchanged": 3}


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    commands: Commands, library: Library, music: Path
) -> None:
    before = catalog_content(library)
    told = commands.run("forget", "--dry-run", music / "low", music / "high" / "03 track.wav")
    assert told.out == "Would forget 4 files. Nothing was changed.\n"
    assert catalog_content(library) == before
    assert "Nothing is known of" in commands.run("forget", "--dry-run", music / "none", code=2).err
    assert commands.index() == {"found": 6, "unchanged": 6}


def test_a_root_that_is_forgotten_is_one_no_more_and_stays_out_of_those_around_it(
    commands: Commands, library: Library, music: Path
) -> None:
    library.index(soundfile_in(music.parent / "other"))
    commands.run("forget", music)
    assert commands.index() == {"found": 1, "unchanged": 1}
    told = commands.run("index", music.parent)
    assert f"{music} stays forgotten." in told.err
    assert commands.index() == {"found": 1, "unchanged": 1}
    assert commands.index(music) == {"found": 6, "reused": 6}
    assert commands.index() == {"found": 7, "unchanged": 7}


def soundfile_in(folder: Path) -> Path:
    folder.mkdir()
    soundfile.write(folder / "new.wav", tone(3, 700), SAMPLE_RATE)
    return folder


def test_nothing_is_left_to_index_when_the_only_root_is_forgotten(commands: Commands, music: Path) -> None:
    commands.run("forget", music)
    assert "Nothing to index" in commands.run("index", code=2).err
    assert commands.index(music) == {"found": 6, "reused": 6}


def test_a_library_that_moves_takes_what_is_forgotten_along(
    commands: Commands, library: Library, music: Path, tmp_path: Path
) -> None:
    commands.run("forget", music / "low")
    music.rename(tmp_path / "moved")
    commands.run("relocate", music, tmp_path / "moved")
    assert commands.index() == {"found": 3, "unchanged": 3}
    status = commands.run("status", "--json").json
    assert [each["path"] for each in status["forgotten"]] == [str(tmp_path / "moved" / "low")]
    assert commands.index(tmp_path / "moved" / "low") == {"found": 3, "reused": 3}


def test_what_moves_to_a_place_that_was_forgotten_is_known_there(
    commands: Commands, library: Library, music: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    shutil.copytree(music, new)
    library.index(new)
    commands.run("forget", new / "low")
    commands.run("forget", new)
    shutil.rmtree(new)
    music.rename(new)
    commands.run("relocate", music, new)
    assert commands.index() == {"found": 6, "unchanged": 6}
    assert home_status(library.home.path).forgotten == []


def test_an_import_leaves_out_what_is_forgotten_here(
    commands: Commands, library: Library, music: Path, tmp_path: Path
) -> None:
    export_index(tmp_path / "all.parquet", home=library.home.path)
    commands.run("forget", music / "low")
    told = commands.run("import", tmp_path / "all.parquet")
    assert "0 tracks added, 3 known already, 3 kept as they are here." in told.out
    assert "3 of these lie in what was forgotten here." in told.out
    assert f" To bring it back: audiosim index {music / 'low'} --home {library.home.path}\n" in told.out
    document = commands.run("import", "--json", tmp_path / "all.parquet").json
    assert (document["forgotten"], document["stay_forgotten"]) == (3, [{"path": str(music / "low")}])
    (music / "low").rename(tmp_path / "low")
    told = commands.run("import", tmp_path / "all.parquet")
    assert f" To bring it back: audiosim index PATH --home {library.home.path}\n" in told.out
    (tmp_path / "low").rename(music / "low")
    assert commands.index() == {"found": 3, "unchanged": 3}
    commands.index(music / "low" / "00 track.wav")
    forget([music / "high"], home=library.home.path)
    assert commands.run("import", "--json", tmp_path / "all.parquet").json["forgotten"] == 5
    assert commands.index() == {"found": 1, "unchanged": 1}


def test_a_new_home_knows_nothing_of_what_another_forgot(
    commands: Commands, library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    commands.run("forget", music / "low")
    commands.run("export", tmp_path / "part.parquet")
    assert cli("import", tmp_path / "part.parquet", "--home", tmp_path / "joined").code == 0
    assert home_status(tmp_path / "joined").forgotten == []


def test_a_file_that_is_gone_stays_forgotten_when_it_returns(
    commands: Commands, library: Library, music: Path, tmp_path: Path
) -> None:
    lost = music / "low" / "00 track.wav"
    lost.rename(tmp_path / "away.wav")
    assert commands.index() == {"found": 5, "unchanged": 5, "gone": 1}
    commands.run("forget", lost)
    (tmp_path / "away.wav").rename(lost)
    assert commands.index() == {"found": 5, "unchanged": 5}
    assert commands.index(lost) == {"found": 1, "reused": 1}


def test_who_forgets_gives_way_to_another_run(commands: Commands, library: Library, music: Path) -> None:
    before = catalog_content(library)
    with hold(library.home.index_lock, wait=0, what="testing"):
        for words in (("forget",), ("forget", "--dry-run")):
            assert "Another audiosim" in commands.run(*words, music / "low", code=4).err
    assert catalog_content(library) == before


def test_forgetting_twice_says_that_it_is_forgotten(commands: Commands, music: Path) -> None:
    commands.run("forget", music / "low")
    assert "it is forgotten already" in commands.run("forget", music / "low", code=2).err


def test_what_is_named_through_a_link_is_brought_back_as_it_was_known(
    commands: Commands, library: Library, music: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(music)
    commands.run("forget", tmp_path / "link" / "low")
    assert [Path(os.fsdecode(path)) for path in home_status(library.home.path).forgotten] == [music / "low"]
    assert commands.index(tmp_path / "link" / "low") == {"found": 3, "reused": 3}
    assert commands.index() == {"found": 6, "unchanged": 6}


def test_a_rebuild_leaves_it_out_and_what_it_names_comes_back(library: Library, music: Path) -> None:
    forget([music / "low"], home=library.home.path)
    assert counts(library.index(rebuild=True, pooling="max", max_hours=0.0)) == {"found": 3, "left": 3}
    forget([music / "high" / "03 track.wav"], home=library.home.path)
    assert library.index(rebuild=True, pooling="max").found == 2
    assert len(home_status(library.home.path).forgotten) == 2
    assert library.index(music / "low", rebuild=True, pooling="mean").found == 5
    assert counts(library.index()) == {"found": 5, "unchanged": 5}


def test_patterns_and_what_is_forgotten_do_not_touch_each_other(
    commands: Commands, library: Library, music: Path
) -> None:
    commands.run("forget", music / "low")
    assert commands.run("index", "--json", "--exclude", "*.flac").json["found"] == 2
    assert commands.run("index", "--json", "--exclude", "").json["found"] == 3
    assert home_status(library.home.path).exclude == ()
    one = music / "low" / "00 track.wav"
    assert commands.run("index", "--json", "--exclude", "*.mp3", one).json["found"] == 1


def test_the_home_stays_whole_and_garbage_goes(commands: Commands, library: Library, music: Path) -> None:
    commands.run("forget", music / "low")
    commands.run("gc", "--older-than", "0")
    assert "all is well" in commands.run("verify").out
    assert commands.index() == {"found": 3, "unchanged": 3}


def test_a_home_of_before_has_forgotten_nothing(commands: Commands, library: Library) -> None:
    with closing(sqlite3.connect(library.home.catalog)) as database, database:
        database.execute("DROP TABLE forgotten")
    assert commands.run("status", "--json").json["forgotten"] == []
    assert commands.index() == {"found": 6, "unchanged": 6}


def test_a_folder_below_a_known_one_that_is_not_there_is_a_mistake(
    commands: Commands, library: Library, music: Path
) -> None:
    assert "No such file or folder" in commands.run("index", music / "lwo", code=2).err
    shutil.rmtree(music / "low")
    library.index(music / "low", accept_removals=True)
    assert home_status(library.home.path).gone == 3


def test_what_is_discarded_is_off_the_disk_and_no_longer_known_nor_forgotten(
    commands: Commands, library: Library, music: Path
) -> None:
    path = music / "low" / "00 track.wav"
    data = path.read_bytes()
    discard([os.fsencode(path), os.fsencode(music / "never there.wav")], home=library.home.path)
    assert not path.exists()
    status = home_status(library.home.path)
    assert (status.tracks, status.gone, status.forgotten) == (5, 0, [])
    assert len(library.stored()) == 5
    assert commands.index() == {"found": 5, "unchanged": 5}
    path.write_bytes(data)
    assert commands.index() == {"found": 6, "reused": 1, "unchanged": 5}


def test_what_can_not_be_removed_stays_known(library: Library, music: Path) -> None:
    with pytest.raises(HomeError, match="Can't remove"):  # a folder is no file
        discard([os.fsencode(music / "low")], home=library.home.path)
    assert home_status(library.home.path).tracks == 6
