"""Tracks whose windows are not there, as after an import: what commands say of them."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Cli
from homes import Made, make_home, recording
from libraries import Library

from audiosim.core.config import Home
from audiosim.library.catalog import Catalog
from audiosim.library.index import home_without_caches
from audiosim.library.missing_caches import missing_caches

COPY = "OLD here (of a space of it, OLD is its spaces/NAME): "
ALL = "Or, where the files are here, compute all again: audiosim index --rebuild --home {}\n"
SOME = "computed again: audiosim verify --repair --home {0}\nand then: audiosim index --home {0}\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Five recordings, and one of them twice."""
    tracks = [Made(f"/m/{n}.flac", recording(n)) for n in range(5)]
    return make_home(tmp_path / "home", [*tracks, Made("/m/twin.ogg", recording(0) * 0.98)])


def caches(home: Home) -> list[Path]:
    return sorted(home.cache.rglob("*.npz"))


def test_nothing_is_said_where_all_caches_are_there(home: Home, cli: Cli) -> None:
    assert home_without_caches(home.path) is None
    done = cli("duplicates", "--home", home.path)
    assert done.code == 0
    assert "cache" not in done.err
    assert "2 files of one recording" in done.out


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("duplicates",), 0),
        (("similar", "/m/1.flac", "--explain", "--under", "/"), 0),
        (("similar", "/m/1.flac", "--from", "1", "--to", "20"), 0),
        (("verify",), 3),
    ],
)
def test_commands_that_need_caches_say_what_is_missing_and_how_to_bring_it(
    home: Home, cli: Cli, command: tuple[str, ...], code: int
) -> None:
    caches(home)[0].unlink()
    done = cli(*command, "--home", home.path)
    assert done.code == code
    if command[0] != "verify":  # which names each
        assert f"no cache in {home.cache}" in done.err
        assert "imported without their caches" in done.err
        assert "mounted" not in done.err
        assert COPY in done.err
        assert done.err.endswith(SOME.format(home.path))
    for path in caches(home)[1:]:  # all but that of 1.flac
        path.unlink()
    done = cli(*command, "--home", home.path)
    assert done.code == (1 if "--from" in command else code)
    assert f"no cache in {home.cache}" in done.err
    assert done.err.endswith(ALL.format(home.path))
    assert "verify --repair" not in done.err + done.out


def test_only_caches_on_another_disk_may_be_on_one_that_is_not_mounted(home: Home, tmp_path: Path) -> None:
    with Catalog(home.catalog, read_only=True) as catalog:
        configuration = catalog.settings.configuration
        assert configuration is not None
        digests = sorted(catalog.tracks.all_digests())
    elsewhere = replace(configuration, cache=tmp_path / "disk" / "caches")
    missing = missing_caches(digests, elsewhere)
    assert missing is not None
    assert missing.what == f"6 of 6 tracks have no cache in {tmp_path}/disk/caches/{missing.folder.name}"
    assert missing.why.startswith("its disk may not be mounted, or they were imported")
    shutil.copytree(home.cache, tmp_path / "disk" / "caches")
    assert missing_caches(digests, elsewhere) is None
    caches(home)[0].unlink()
    one = missing_caches(digests, configuration)
    assert one is not None
    assert (one.what.startswith("1 of 6 tracks has no cache in"), one.most) == (True, False)
    assert one.why == "they were imported without their caches, or these were removed"


@pytest.mark.parametrize(
    "command",
    [
        ("similar", "/m/1.flac", "--from", "1", "--to", "20"),
        ("similar", "/m/1.flac", "--explain", "--under", "/"),
    ],
)
def test_a_damaged_cache_is_not_called_a_missing_one(home: Home, cli: Cli, command: tuple[str, ...]) -> None:
    damaged, missing = [path for path in caches(home) if path.stem != f"{1:032x}"][:2]
    damaged.write_bytes(b"")
    done = cli(*command, "--home", home.path)
    assert re.search(r"1 of \d tracks has a damaged cache in .*: not as it was written", done.err)
    again = "audiosim verify --repair --home {0}\nand then: audiosim index --home {0}\n"
    assert done.err.endswith(f"Where the files are here, have them computed again: {again.format(home.path)}")
    missing.unlink()
    done = cli(*command, "--home", home.path)
    assert re.search(r"2 of \d tracks have no cache, or a damaged one \(1 of them\), in ", done.err)
    assert COPY in done.err


def test_the_command_that_is_told_brings_the_caches_of_an_imported_home(
    home: Home, tmp_path: Path, cli: Cli
) -> None:
    assert cli("export", tmp_path / "all.parquet", "--home", home.path).code == 0
    other = tmp_path / "an other"
    imported = cli("import", tmp_path / "all.parquet", "--home", other)
    assert imported.code == 0
    told = cli("duplicates", "--home", other)
    (line,) = [line for line in told.err.splitlines() if COPY in line]
    assert imported.err.endswith(f": {line.partition(COPY)[2]}\n")
    status = cli("status", "--home", other).out
    assert (
        f"\nWithout caches, which passages and --explain need: {len(caches(home))} pieces of audio." in status
    )
    command = line.partition(COPY)[2].replace(" OLD/", f" {shlex.quote(str(home.path))}/")
    subprocess.run(command, shell=True, check=True)
    done = cli("duplicates", "--home", other)
    assert ("cache" in done.err, "2 files of one recording" in done.out) == (False, True)
    assert cli("status", "--home", other, "--json").json["without_cache"] == 0


def test_a_home_that_is_moved_or_copied_has_its_caches_with_it(home: Home, tmp_path: Path, cli: Cli) -> None:
    before = cli("duplicates", "--home", home.path, "--json").json
    moved = home.path.rename(tmp_path / "moved")
    assert cli("verify", "--home", moved).code == 0
    assert cli("duplicates", "--home", moved, "--json").json == before
    copied = shutil.copytree(moved, tmp_path / "copied")
    shutil.rmtree(moved / "cache")
    assert cli("verify", "--home", copied).code == 0
    assert cli("verify", "--home", moved).code == 3


def as_an_earlier_version(home: Home) -> None:
    key = "UPDATE meta SET value = json_remove(value, '$.own_cache') WHERE key = 'configuration'"
    with closing(sqlite3.connect(home.catalog)) as database, database:
        assert database.execute(key).rowcount == 1


def test_the_next_run_of_an_earlier_version_s_home_writes_down_whose_its_caches_are(indexed: Library) -> None:
    as_an_earlier_version(indexed.home)
    for known in (False, True):
        with Catalog(indexed.home.catalog, read_only=True) as catalog:
            assert catalog.settings.tells_whose_cache is known
        indexed.index()


def test_a_moved_home_of_an_earlier_version_finds_its_own_caches_where_those_it_knew_are_gone(
    home: Home, tmp_path: Path
) -> None:
    as_an_earlier_version(home)
    copied = Home(Path(shutil.copytree(home.path, tmp_path / "copied")))
    moved = Home(home.path.rename(tmp_path / "moved"))
    with Catalog(moved.catalog, read_only=True) as catalog:
        assert catalog.settings.configuration is not None
        assert catalog.settings.configuration.cache == moved.cache
    shutil.rmtree(copied.cache)
    with Catalog(copied.catalog, read_only=True) as catalog:  # it may be a disk that is not mounted
        assert catalog.settings.configuration is not None
        assert catalog.settings.configuration.cache == home.cache


def test_copies_that_share_a_cache_are_as_many_tracks_as_verify_and_import_count(
    tmp_path: Path, cli: Cli
) -> None:
    tracks = [Made(f"/m/{n}.flac", recording(n)) for n in range(3)]
    home = make_home(tmp_path / "home", [*tracks, Made("/m/copy.flac", recording(0), digest=f"{0:032x}")])
    assert len(caches(home)) == 3
    for path in caches(home):
        path.unlink()
    done = cli("verify", "--home", home.path)
    assert "4 of 4 tracks have no cache in" in done.err
    assert "4 tracks, 0 caches" in done.out
    assert ": 1 fault" in done.out  # which is told in one line
    repaired = cli("verify", "--repair", "--home", home.path)
    assert "4 of 4 tracks have no cache in" in repaired.err
    assert cli("export", tmp_path / "all.parquet", "--home", home.path).code == 0
    done = cli("import", tmp_path / "all.parquet", "--home", tmp_path / "other")
    assert "4 of them have no cache here" in done.err
    (tmp_path / "music").mkdir()
    for command in (["index", "music", "--pooling", "max"], ["eval", "--pooling", "max"]):  # count audio
        done = cli(*command, "--home", home.path)
        assert (done.code, "3 of 3 pieces of audio have no cache in" in done.err) == (1, True), done.err
