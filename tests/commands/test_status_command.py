"""What `status` says: what is left to do, and long lists as far as a screen goes."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from libraries import Library, counts
from made_home import MadeHome, random_tracks

from audiosim.core.files import hold
from audiosim.core.types import TrackOutcome
from audiosim.indexing.forgetting import forget
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_events
from audiosim.indexing.relocation import relocate
from audiosim.library.catalog import Catalog
from audiosim.library.status import home_status

pytestmark = pytest.mark.slow


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


def cut_short(library: Library, *paths: Path, options: IndexOptions) -> None:
    """A run that ends after its first file, as by Ctrl-C."""
    events = index_events(paths, home=library.home.path, options=options, encoder=library.encoder)
    with closing(events):
        next(event for event in events if isinstance(event, TrackOutcome))


def left(library: Library) -> int:
    return home_status(library.home.path).unopened


def test_what_an_interrupted_run_left_is_told_with_the_command_to_go_on(
    empty: Library, music: Path, cli: Cli
) -> None:
    cut_short(empty, music, options=IndexOptions(jobs=1))
    told = cli("status", "--home", empty.home.path).out
    go_on = f"A run was cut short; to go on: audiosim index --home {empty.home.path}\n"
    assert f"Left to open: 5 files. {go_on}" in told
    fields = cli("status", "--home", empty.home.path, "--json").json
    assert (fields["unopened"], fields["running"]) == (5, False)
    with hold(empty.home.index_lock, wait=0, what="indexing"):
        told = cli("status", "--home", empty.home.path).out
        assert cli("status", "--home", empty.home.path, "--json").json["running"]
    assert "A run is at work now.\nLeft to open: 5 files.\n" in told
    assert "to go on" not in told
    assert counts(empty.index()) == {"found": 6, "unchanged": 1, "indexed": 5}
    assert "Left to open" not in cli("status", "--home", empty.home.path).out
    assert cli("status", "--home", empty.home.path, "--json").json["unopened"] == 0


def test_what_there_was_no_time_for_is_left(empty: Library, music: Path) -> None:
    empty.index(music, max_hours=0.0)
    assert left(empty) == 6
    empty.index(music / "low")
    assert left(empty) == 3  # another folder's run leaves the rest
    empty.index(include=["*.wav"])
    assert left(empty) == 2
    empty.index()
    assert left(empty) == 0


def test_files_that_fail_or_vanish_are_not_left(empty: Library, music: Path) -> None:
    empty.index(music, max_hours=0.0)
    (music / "low" / "00 track.wav").write_bytes(b"no music at all" * 100)
    (music / "low" / "01 track.flac").unlink()
    empty.index()
    assert left(empty) == 0


def test_what_is_forgotten_is_not_left_and_what_moves_is(empty: Library, music: Path, tmp_path: Path) -> None:
    empty.index(music / "low" / "00 track.wav")
    empty.index(music, max_hours=0.0)
    assert left(empty) == 5
    forget([music / "high"], home=empty.home.path)  # none of it has been opened
    assert left(empty) == 2
    music.rename(tmp_path / "moved")
    relocate(music, tmp_path / "moved", home=empty.home.path)
    assert left(empty) == 2
    assert counts(empty.index()) == {"found": 3, "unchanged": 1, "indexed": 2}
    assert left(empty) == 0


def test_a_disk_that_is_not_mounted_has_work_left_until_it_is_given_up(
    empty: Library, music: Path, tmp_path: Path
) -> None:
    empty.index(music / "low")
    empty.index(music, max_hours=0.0)
    music.rename(tmp_path / "unmounted")
    assert empty.index().needs_a_look
    assert left(empty) == 3
    empty.index(accept_removals=True)
    assert left(empty) == 0


def test_a_rebuild_that_is_not_complete_is_told(library: Library, cli: Cli) -> None:
    assert cli("status", "--home", library.home.path, "--json").json["rebuild_unopened"] is None
    cut_short(library, options=IndexOptions(jobs=1, rebuild=True, pooling="max"))
    told = cli("status", "--home", library.home.path)
    assert "A rebuild is not complete: 5 files left to open." in told.out
    assert f"audiosim index --rebuild --home {library.home.path}\n" in told.out
    assert cli("status", "--home", library.home.path, "--json").json["rebuild_unopened"] == 5
    with Catalog(library.home.catalog) as catalog:
        catalog.files.note_unopened(others=[], found=[b"/m/8.flac"])
    told = cli("status", "--home", library.home.path)
    assert "Left to open: 1 file.\n" in told.out
    assert told.out.count("o go on") == 1  # one way to do so
    library.index(rebuild=True, pooling="max")
    assert "A rebuild is not complete" not in cli("status", "--home", library.home.path).out


def test_what_the_store_was_not_told_is_left_too(tmp_path: Path, cli: Cli) -> None:
    made = MadeHome(tmp_path / "made")
    made.add(random_tracks(3, np.random.default_rng(1)))
    told = cli("status", "--home", made.home.path)
    assert "Left to tell the store: 3 files" in told.out
    assert cli("status", "--home", made.home.path, "--json").json["unwritten"] == 3


def test_long_lists_are_folded_but_not_in_json(empty: Library, music: Path, cli: Cli) -> None:
    for number in range(12):
        (music / f"bad {number:02}.mp3").write_bytes(b"no music at all" * 100)
        soundfile.write(music / f"lost {number:02}.wav", tone(1, 300 + number), SAMPLE_RATE)
    empty.index(music)
    for path in music.glob("lost *"):
        path.unlink()
    empty.index(accept_removals=True)
    home = ("--home", empty.home.path)
    told = cli("status", *home).out
    for sign in ("failed: ", "gone since "):
        assert sum(line.startswith(sign) for line in told.splitlines()) == 10
    assert told.count(f"... and 2 more: see audiosim status --all --home {empty.home.path}\n") == 2
    whole = cli("status", "--all", *home).out
    assert "more: see" not in whole
    assert whole.count("failed: ") == 12
    document = cli("status", "--json", *home).json
    assert (len(document["failures"]), len(document["gone_files"])) == (12, 12)


def test_many_roots_and_forgotten_paths_are_folded(tmp_path: Path, cli: Cli) -> None:
    made = MadeHome(tmp_path / "made")
    with Catalog(made.home.catalog) as catalog:
        catalog.settings.set_roots(f"/music/{number:02}".encode() for number in range(30))
        catalog.settings.set_forgotten(f"/music/{number:02}/x".encode() for number in range(11))
    told = cli("status", "--home", made.home.path).out
    assert told.count("Folder: ") == told.count("Forgotten: ") == 10
    assert "... and 20 more: see audiosim status --all" in told
    assert cli("status", "--all", "--home", made.home.path).out.count("Folder: ") == 30


def test_a_root_that_was_renamed_is_told_how_it_is_followed(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    music.rename(tmp_path / "renamed")
    told = cli("status", "--home", library.home.path).out
    looks = f"{music} looks like a disk that is not mounted: it is not there."
    assert (
        f"{looks} Mount it, and all is as it was.\n"
        f"  If it was renamed or moved: audiosim relocate {music} NEW --home {library.home.path}\n"
        "  If its files are really gone:"
        f" audiosim index {music} --accept-removals --home {library.home.path}\n"
    ) in told
    done = cli("index", "--home", library.home.path)
    assert done.code == 3
    assert done.err.endswith(f"moved: audiosim relocate {music} NEW --home {library.home.path}\n")
    assert cli("relocate", music, tmp_path / "renamed", "--home", library.home.path).code == 0
    assert cli("index", "--home", library.home.path).code == 0
    shutil.rmtree(tmp_path / "renamed")
    done = cli("index", tmp_path / "renamed", "--accept-removals", "--home", library.home.path)
    told = cli("status", "--home", library.home.path).out
    assert (done.code, "looks like" in told, "6 gone" in told) == (0, False, True)


def test_a_root_that_lost_most_of_its_files_is_told_until_they_are_back(
    library: Library, music: Path, tmp_path: Path, cli: Cli
) -> None:
    home = ("--home", library.home.path)
    for name in ("low", "high"):
        (music / name).rename(tmp_path / name)
    (music / "low").mkdir()
    for path in sorted((tmp_path / "low").iterdir())[:1]:
        path.rename(music / "low" / path.name)
    done = cli("index", *home)
    why = "5 of its 6 known files are missing"
    assert (done.code, f"{music} looks like a disk that is not mounted: {why}." in done.err) == (3, True)
    for _ in range(2):
        done = cli("status", *home)
        assert f"{music} looks like a disk that is not mounted: {why}, as a run found at 2" in done.out
        (told,) = cli("status", "--json", *home).json["doubted"]
        assert told["path"] == str(music)
        assert told["reason"].startswith(f"{why}, as a run found at 2")
        library.index(music / "low")  # which does not look at the rest
    for path in (music / "low").iterdir():
        path.rename(tmp_path / "low" / path.name)
    (music / "low").rmdir()
    for name in ("low", "high"):
        (tmp_path / name).rename(music / name)
    assert "not mounted" not in cli("status", *home).out
    library.index()
    with Catalog(library.home.catalog, read_only=True) as catalog:
        assert catalog.settings.doubted == {}


def test_a_root_that_is_not_there_is_told(library: Library, music: Path, tmp_path: Path, cli: Cli) -> None:
    home = ("--home", library.home.path)
    assert cli("status", "--json", *home).json["doubted"] == []
    assert "not mounted" not in cli("status", *home).out
    music.rename(tmp_path / "renamed")
    music.mkdir()
    for reason in ("it is empty", "it is not there"):
        done = cli("status", *home)
        assert f"{music} looks like a disk that is not mounted: {reason}." in done.out
        assert f"audiosim relocate {music} NEW --home {library.home.path}\n" in done.out
        assert cli("status", "--json", *home).json["doubted"] == [{"path": str(music), "reason": reason}]
        if music.exists():
            music.rmdir()
