"""Files that appear whole or not at all, locks between processes, and what disk a folder is on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from audiosim.core.errors import HomeError, LockedError, UsageError
from audiosim.core.paths import AUDIO_EXTENSIONS
from audiosim.core.text import display_path

LOOKED = 0.2  # s that `hold` waits at least: another process may only be seeing whether it is held
NETWORK = frozenset(
    {
        *("afpfs", "afs", "cifs", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs", "webdav"),
        *("davfs", "fuse.davfs2", "fuse.rclone", "fuse.sshfs"),
    }
)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[IO[Any]]:
    """Give a binary file to write, which becomes `path` when the block ends without an error.

    It is written beside `path`, flushed to disk, then moved over it; after an error or a kill,
    `path` is as it was. A kill can leave a file named ``.*.partial``, which nothing reads. Where
    `path` is a link, it is the link that is replaced: nothing is written through it.

    Parameters
    ----------
    path : Path
        The file to make or replace; folders above it are made.
    durable : bool
        Whether it is on the disk when the block ends, and not only with the system.

    Yields
    ------
    IO
        The file, open for reading and writing.

    Raises
    ------
    OSError
        If it can't be written, or is there and no regular file: a device, a folder.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "It is there, and not a regular file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    import tempfile  # what writes nothing starts without it

    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
    os.close(descriptor)
    try:
        with open(name, "w+b") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    if durable:
        _sync_folder(path.parent)


def check_output(path: Path) -> None:
    """See that a file can be made where a user wants it, before any work is done for it.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    UsageError
        If it is a folder or a device, or has the name of music, which an answer is not to replace.
    UsageError
        If its folder is not there: a slip of the pen is not to make one.
    """
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise UsageError(f"Can't write {display_path(os.fsencode(path))}", f"it is {what}", "Name a file.")
    if os.fsencode(path.suffix).lower() in AUDIO_EXTENSIONS:
        shown = display_path(os.fsencode(path))
        raise UsageError(f"Can't write {shown}", "music has such names", "Choose another name.")
    check_folder(path)


def check_folder(path: Path) -> None:
    """See that the folder a file goes to is there.

    Raises
    ------
    UsageError
        If it is not.
    """
    if not path.parent.is_dir():
        shown, folder = (display_path(os.fsencode(one)) for one in (path, path.parent))
        raise UsageError(f"Can't write {shown}", f"there is no folder {folder}", "Make it first.")


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def hold(path: Path, *, wait: float, what: str) -> Iterator[None]:
    """Hold a lock file while the block runs.

    Parameters
    ----------
    path : Path
        The lock file.
    wait : float
        How long to wait for another process that holds it, in s.
    what : str
        What such a process is doing, for the error: "indexing".

    Raises
    ------
    LockedError
        If another process still holds it.
    HomeError
        If the lock file can't be made.
    """
    import filelock

    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=max(wait, LOOKED))
    except filelock.Timeout as error:
        raise LockedError(
            f"Another audiosim is {what}",
            f"it holds {path}",
            "Let it finish, or give `wait`, the seconds to wait for it.",
        ) from error
    except OSError as error:
        raise HomeError(
            f"Can't lock {path}", error.strerror or str(error), "Check the folder's permissions."
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Tell whether somebody holds a lock file now; where it can't be tried, nobody is taken to."""
    import filelock

    if not path.exists():
        return False
    try:
        with filelock.FileLock(path).acquire(timeout=0):
            return False
    except filelock.Timeout:
        return True
    except OSError:
        return False


def refuse_network(folder: Path) -> None:
    """See that a folder is on a local disk; where that can't be told, it is taken to be.

    Parameters
    ----------
    folder : Path
        The folder, there or not.

    Raises
    ------
    HomeError
        If it is on a network share: SQLite's write-ahead log is unsafe there.
    """
    kind = file_system(folder, _mounted())
    if kind in NETWORK:
        raise HomeError(
            f"The home {folder} is on a network share ({kind})",
            "a database there can be damaged by a lost connection or a second computer",
            "Give a `home` on a local disk; its `cache` may stay on the share.",
        )


def file_system(folder: Path, mounted: Iterable[tuple[str, str]]) -> str | None:
    """Tell the type of the file system that holds a folder, of those mounted as (folder, type)."""
    real = Path(os.path.realpath(folder))
    holding = [(len(Path(place).parts), kind) for place, kind in mounted if real.is_relative_to(place)]
    return max(holding, key=lambda pair: pair[0])[1].lower() if holding else None


def _mounted() -> list[tuple[str, str]]:
    import psutil

    try:
        return [(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]
    except (OSError, psutil.Error):
        return []
