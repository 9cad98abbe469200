"""Disks that are full, folders that can't be written to, catalogs that are damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Cli
from fake_encoder import FakeEncoder

from audiosim import find_similar, index_folder
from audiosim.core.config import Home
from audiosim.core.errors import HomeError, StoreError
from audiosim.library.catalog import Catalog

pytestmark = pytest.mark.slow


def run(music: Path, home: Path) -> None:
    index_folder([music], home=home, encoder=FakeEncoder())


def indexed(home: Path) -> int:
    with Catalog(Home(home).catalog, read_only=True) as catalog:
        return catalog.files.count("indexed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 520 KB: room for the catalog, not for Chroma."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=520k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_costs_nothing_that_is_done(music: Path, small_disk: Path) -> None:
    home = small_disk / "home"
    with pytest.raises(StoreError, match="the disk is full"):
        run(music, home)
    assert indexed(home) == 6
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    encoder = FakeEncoder()
    index_folder([music], home=home, encoder=encoder)
    assert encoder.windows == 0
    query = next(music.rglob("*.wav"))
    assert find_similar(query, home=home, encoder=encoder).exact_because is None


def test_a_disk_too_full_for_the_catalog_says_so(music: Path, small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(450_000))
    with pytest.raises(HomeError, match=r"full|No space"):
        run(music, small_disk / "home")
    (small_disk / "ballast").unlink()
    with pytest.raises(StoreError):
        run(music, small_disk / "home")
    assert indexed(small_disk / "home") == 6


@pytest.fixture
def read_only_home(music: Path, tmp_path: Path) -> Iterator[Path]:
    """A home with an index, as from a disk that was mounted read-only, for root too."""
    home = tmp_path / "home"
    run(music, home)
    if os.geteuid():
        for folder, _, _ in os.walk(home):
            os.chmod(folder, 0o555)
        yield home
        for folder, _, _ in os.walk(home):
            os.chmod(folder, 0o755)
        return
    if subprocess.run(["mount", "--bind", home, home], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    subprocess.run(["mount", "-o", "remount,ro,bind", home], check=True)
    yield home
    subprocess.run(["umount", home], check=True)


def test_a_home_that_cant_be_written_to_still_answers(read_only_home: Path, music: Path, cli: Cli) -> None:
    status = cli("status", "--home", read_only_home)
    assert status.code == 0, status.err
    assert "Tracks: 6" in status.out
    found = cli("similar", next(music.rglob("*.wav")), "--home", read_only_home, "-k", "2")
    assert found.code == 0, found.err
    assert len(found.out.splitlines()) == 3
    index = cli("index", "--home", read_only_home)
    assert index.code == 1
    assert "Traceback" not in index.err
    assert "ermission" in index.err or "ead-only" in index.err


def test_a_damaged_catalog_is_told_with_its_remedy(music: Path, tmp_path: Path, cli: Cli) -> None:
    home = tmp_path / "home"
    run(music, home)
    path = Home(home).catalog
    path.write_bytes(b"This is no database, whatever it says" * 1000)
    for command in (["index"], ["status"], ["verify"], ["gc"], ["similar", next(music.rglob("*.wav"))]):
        done = cli(*command, "--home", home)
        assert done.code == 1, done.err
        assert "catalog.db" in done.err
        assert "move it away" in done.err
        assert "Traceback" not in done.err
    path.unlink()
    encoder = FakeEncoder()
    index_folder([music], home=home, encoder=encoder)
    assert encoder.windows == 0, "the remedy: caches are found again"
    assert indexed(home) == 6


def test_a_catalog_that_another_program_holds_is_told(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.library.catalog.database.BUSY_LIMIT", 0.2)
    home = tmp_path / "home"
    run(music, home)
    with Catalog(Home(home).catalog) as other, other.transaction():
        (music / "new.wav").write_bytes(next(music.rglob("*.wav")).read_bytes())
        with pytest.raises(HomeError, match="locked"):
            run(music, home)
    run(music, home)
    assert indexed(home) == 7


def test_a_home_on_a_vanished_mount_is_told(tmp_path: Path, cli: Cli) -> None:
    done = cli("similar", tmp_path / "x.wav", "--home", tmp_path / "gone" / "home")
    assert done.code == 1
    assert "There is no index" in done.err
    assert not (tmp_path / "gone").exists()
