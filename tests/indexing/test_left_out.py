"""What a home leaves out: by patterns that it keeps, and for folders that machines make."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from libraries import Library, counts, edit

from audiosim.core.errors import UsageError
from audiosim.indexing.estimate import estimate
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.relocation import relocate
from audiosim.indexing.report import Notice
from audiosim.library.catalog import Catalog
from audiosim.library.status import home_status

pytestmark = pytest.mark.slow


@pytest.fixture
def library(indexed: Library) -> Library:
    return indexed


@pytest.fixture
def music(library: Library) -> Path:
    return library.music


def notices(library: Library) -> list[str]:
    return [event.text for event in library.events if isinstance(event, Notice)]


def test_patterns_are_kept_and_what_they_leave_out_is_gone_told_once_and_returns_at_no_cost(
    library: Library, music: Path
) -> None:
    report = library.index(exclude=["low/*"])
    assert counts(report) == {"found": 3, "unchanged": 3, "gone": 3}
    assert not report.needs_a_look
    assert len(library.stored()) == 3
    assert [
        text for text in notices(library) if text.startswith("3 files are left out from now on, by `exclude`")
    ]
    assert home_status(library.home.path).exclude == ("low/*",)
    assert counts(library.index()) == {"found": 3, "unchanged": 3}
    assert notices(library) == []
    assert counts(library.index(exclude=[""])) == {"found": 6, "unchanged": 3, "reused": 3}
    assert library.encoder.windows == 0
    assert len(library.stored()) == 6
    assert home_status(library.home.path).exclude == ()


def test_patterns_that_are_given_take_the_place_of_those_kept(library: Library) -> None:
    library.index(exclude=["low/*"])
    assert counts(library.index(exclude=["*.flac"])) == {"found": 4, "unchanged": 2, "reused": 2, "gone": 1}
    assert any("*.flac" in text and "low/*" in text for text in notices(library))


def test_leaving_out_nearly_all_is_no_lost_disk(library: Library, music: Path) -> None:
    report = library.index(exclude=["*"])
    assert counts(report) == {"gone": 6}
    assert not report.needs_a_look


def test_an_estimate_leaves_out_the_same_and_keeps_nothing(library: Library, music: Path) -> None:
    options = IndexOptions(exclude=["low/*"])
    assert estimate(home=library.home.path, options=options, encoder=library.encoder).found == 3
    assert home_status(library.home.path).exclude == ()


def test_include_is_for_one_run(library: Library, music: Path) -> None:
    library.index(exclude=["*.flac"])
    assert counts(library.index(include=["low/*"])) == {"found": 2, "unchanged": 2}
    assert counts(library.index()) == {"found": 4, "unchanged": 4}


def test_what_an_older_version_indexed_in_a_folder_of_a_machine_is_gone_and_no_lost_disk(
    library: Library, music: Path
) -> None:
    (music / "@Recycle").mkdir()
    for path in list((music / "low").iterdir()) + list((music / "high").iterdir())[:2]:
        moved = music / "@Recycle" / path.name
        path.rename(moved)
        edit(library, "UPDATE files SET path = ? WHERE path = ?", os.fsencode(moved), os.fsencode(path))
    report = library.index()
    assert counts(report) == {"found": 1, "unchanged": 1, "gone": 5}
    assert not report.needs_a_look
    assert len(library.stored()) == 1
    (music / "@Recycle").rename(music / "back")
    assert counts(library.index()) == {"found": 6, "unchanged": 1, "moved": 5}
    assert library.encoder.windows == 0


def test_a_copy_of_what_is_left_out_takes_nothing_from_it(library: Library, music: Path) -> None:
    library.index(exclude=["low/*"])
    shutil.copy(music / "low" / "00 track.wav", music / "high" / "copy.wav")
    assert counts(library.index()) == {"found": 4, "unchanged": 3, "reused": 1}
    assert counts(library.index(exclude=[])) == {"found": 7, "unchanged": 4, "reused": 3}


def test_a_folder_that_is_named_is_indexed_though_another_root_leaves_it_out(
    library: Library, music: Path
) -> None:
    bin_ = music / "@Recycle"
    bin_.mkdir()
    soundfile.write(bin_ / "kept.wav", tone(3, 500), SAMPLE_RATE)
    assert counts(library.index()) == {"found": 6, "unchanged": 6}
    assert counts(library.index(bin_)) == {"found": 1, "indexed": 1}
    assert counts(library.index()) == {"found": 7, "unchanged": 7}
    assert counts(library.index(exclude=["low/*"])) == {"found": 4, "unchanged": 4, "gone": 3}
    assert counts(library.index(music / "low")) == {"found": 3, "reused": 3}
    assert counts(library.index()) == {"found": 7, "unchanged": 7}
    library.index(exclude=[])
    with library.catalog() as catalog:
        assert catalog.settings.roots() == [os.fsencode(music), os.fsencode(bin_)]


def test_a_file_that_is_named_is_indexed_though_a_pattern_that_is_kept_leaves_it_out(
    library: Library, music: Path
) -> None:
    library.index(exclude=["*.wav"])
    assert counts(library.index(music / "low" / "00 track.wav")) == {"found": 1, "reused": 1}
    assert library.index().gone == 0


def test_files_that_a_shell_gives_are_left_out_by_a_pattern_in_the_same_command(
    library: Library, music: Path
) -> None:
    given = [music / "low", *(music / "high").iterdir()]
    assert library.index(*given, exclude=["*.flac"]).found == 4
    with library.catalog() as catalog:
        assert catalog.settings.roots() == [os.fsencode(music)]
    with pytest.raises(UsageError, match="leaves out all"):
        library.index(music / "low" / "00 track.wav", exclude=["*.wav"])


def test_a_rebuild_leaves_out_what_the_home_does(library: Library, music: Path) -> None:
    library.index(exclude=["low/*"])
    assert counts(library.index(rebuild=True, pooling="max")) == {"found": 3, "reused": 3}
    assert home_status(library.home.path).exclude == ("low/*",)
    assert counts(library.index()) == {"found": 3, "unchanged": 3}


def test_a_rebuild_misses_no_file_that_is_left_out_since(library: Library, music: Path) -> None:
    with Catalog(library.home.catalog) as catalog:
        catalog.settings.set_exclude(["low/*"])
    assert not library.index(rebuild=True, pooling="max").needs_a_look


def test_a_library_that_moved_leaves_out_the_same(library: Library, music: Path, tmp_path: Path) -> None:
    library.index(exclude=["low/*"])
    music.rename(tmp_path / "elsewhere")
    relocate(music, tmp_path / "elsewhere", home=library.home.path)
    assert counts(library.index()) == {"found": 3, "unchanged": 3}


@pytest.mark.parametrize("folder", ["@Recycle", "closed"])
def test_a_folder_that_is_left_out_is_no_problem_any_more(library: Library, music: Path, folder: str) -> None:
    with Catalog(library.home.catalog) as catalog:
        catalog.files.record_failure(os.fsencode(music / folder), -1, -1, "folder not readable")
    library.index(exclude=["closed/*"])
    assert home_status(library.home.path).failures == []


def test_status_shows_what_is_left_out(music: Path, tmp_path: Path, cli: Cli) -> None:
    home = ("--home", tmp_path / "home")
    with Catalog(_made(tmp_path / "home")) as catalog:
        catalog.settings.set_exclude(["*.wav", "b\x1b/*"])
        catalog.settings.set_ctime(used=False)
    assert cli("status", "--json", *home).json["exclude"] == ["*.wav", "b\x1b/*"]
    assert cli("status", "--json", *home).json["ctime"] is False
    shown = cli("status", *home).out
    assert "Left out: *.wav, b" in shown
    assert "\x1b" not in shown
    assert "--no-ctime" in shown


def _made(home: Path) -> Path:
    library = Library(home)
    folder = home.parent / "one"
    folder.mkdir()
    soundfile.write(folder / "a.wav", tone(3, 500), SAMPLE_RATE)
    library.index(folder)
    return library.home.catalog
