from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audiosim.core.errors import UsageError
from audiosim.core.files import check_output, replacing

KILLED = """
import os, signal, sys
from pathlib import Path
from audiosim.core.files import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write_half(path: Path, error: BaseException) -> None:
    with replacing(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_appears_with_what_was_written(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file.bin"
    with replacing(path, durable=durable) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_and_its_folder_are_on_the_disk_where_that_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    path, synced = tmp_path / "file.bin", list[tuple[int, bool]]()
    monkeypatch.setattr(os, "fsync", lambda file: synced.append((os.fstat(file).st_ino, path.exists())))
    with replacing(path, durable=durable) as file:
        file.write(b"whole")
    expected = [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]  # the folder once it is there
    assert synced == (expected if durable else [])


def test_a_file_is_replaced_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"before, and longer")
    with replacing(path) as file:
        file.write(b"after")
        file.flush()
        assert path.read_bytes() == b"before, and longer"
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_everything_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"before")
    with pytest.raises(error):
        write_half(path, error())
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"):
        write_half(tmp_path / "file.bin", ValueError("x"))
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_the_file_as_it_was_and_at_most_a_partial_one(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"before")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"before"
    (other,) = (entry for entry in tmp_path.iterdir() if entry != path)
    assert other.name.startswith(".")
    assert other.name.endswith(".partial")


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"), replacing(path) as file:
            file.write(bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a/b/file.bin"
    with replacing(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_has_the_permissions_that_the_umask_gives(tmp_path: Path, mask: int, mode: int) -> None:
    path = tmp_path / "file.bin"
    before = os.umask(mask)
    try:
        with replacing(path) as file:
            file.write(b"x")
        assert os.umask(mask) == mask  # left as it was
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def test_a_name_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with replacing(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


def test_a_folder_in_the_way_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OSError, match="folder"), replacing(path) as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == [path]


def test_the_last_of_two_writers_wins_with_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    with replacing(path) as first:
        first.write(b"first" * 1000)
        with replacing(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first" * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_written_can_be_read_back_within_the_block(tmp_path: Path) -> None:
    with replacing(tmp_path / "file.bin") as file:
        file.write(b"12345")
        file.seek(1)
        assert file.read(2) == b"23"


def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="not a regular file"), replacing(pipe) as file:
        file.write(b"new")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("there")
    with replacing(link) as file:
        file.write(b"new")
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"
    assert (tmp_path / "there").read_bytes() == b"old"


def test_a_link_to_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(os.devnull)
    with pytest.raises(FileExistsError, match="not a regular file"), replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()


def test_an_output_needs_a_folder_that_is_there_and_is_no_folder_itself(tmp_path: Path) -> None:
    check_output(tmp_path / "new.csv")
    with pytest.raises(UsageError, match="it is a folder"):
        check_output(tmp_path)
    with pytest.raises(UsageError, match=r"there is no folder .*/absent"):
        check_output(tmp_path / "absent" / "new.csv")
    assert list(tmp_path.iterdir()) == []


def test_an_output_does_not_replace_music(tmp_path: Path) -> None:
    song = tmp_path / "song.FLAC"
    song.write_bytes(b"music")
    with pytest.raises(UsageError, match="music has such names"):
        check_output(song)
    assert song.read_bytes() == b"music"
