"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[IO[Any]]:
    """A binary file to write, which becomes `path` when the block ends without an error.

    It is written beside `path`, flushed to disk, then moved over it; after an error or a kill,
    `path` is as it was. A kill can leave a file named ``.*.partial``, which nothing reads. Where
    `path` is a link, it is the link that is replaced: nothing is written through it.

    Raises
    ------
    OSError : when it can't be written, or is there and no regular file: a device, a folder.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "It is there, and not a regular file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
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
