"""Chroma in the home itself: its files, one client at a time.

A client is opened for one burst of work, by a process that holds the store's lock, and closed
before the lock is released: two clients at once lose writes, and an open one never sees what
others wrote.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from audiosim.backends.base import Contents, reason_of
from audiosim.backends.chroma import ChromaCollection
from audiosim.core.config import Home
from audiosim.core.errors import HomeError, StoreError
from audiosim.core.files import hold
from audiosim.library.store_url import EMBEDDED

COLLECTION = "tracks"
NEW, OLD = "chroma.new-", "chroma.old-"  # prefixes of folders in a home
ROOM_TO_OPEN = 1_000_000  # bytes
MAKE_ROOM = "Make room, then run it again: the catalog is whole."
DATABASE = "chroma.sqlite3"  # in Chroma's folder
METADATA = "index_metadata.pickle"  # in a folder of vector files that has been written; others are in memory
CHUNK = 1 << 20  # bytes read at a time


class EmbeddedChroma:
    """Chroma's folders in a home; the one in use is always ``chroma``. A `Backend`."""

    label = EMBEDDED.label
    shared = False

    def __init__(self, home: Home) -> None:
        self._home = home
        self.fixed_name: str | None = home.chroma.name

    def lock(self, wait: float) -> AbstractContextManager[None]:
        return hold(self._home.store_lock, wait=wait, what="using Chroma")

    def reach(self) -> None:
        """It is in the home."""

    def open(
        self, name: str, contents: Contents, *, create: bool = False, stamp: str | None = None
    ) -> EmbeddedCollection:
        folder = self._home.path / name
        if not create and not folder.is_dir():
            raise StoreError("There is no Chroma index", f"no folder {folder}")
        found = checksums(folder)
        if stamp not in (None, found):
            raise StoreError("Chroma's files are damaged", "they are not as they were written")
        return EmbeddedCollection(folder, contents, create=create, stamp=found)

    def intact(self, stamp: str) -> bool | None:
        folder = self._home.chroma
        return (folder / DATABASE).is_file() and checksums(folder) == stamp

    def new_name(self) -> str:
        return Path(tempfile.mkdtemp(prefix=NEW, dir=self._home.path)).name

    def adopt(self, name: str) -> tuple[str, str | None]:
        used, aside = self._home.chroma, None
        if used.exists():
            aside = tempfile.mkdtemp(prefix=OLD, dir=self._home.path)
            used.rename(Path(aside) / used.name)
        (self._home.path / name).rename(used)
        return used.name, None if aside is None else Path(aside).name

    def drop(self, name: str) -> None:
        folder = self._home.path / name
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise HomeError(f"Can't remove {folder}", error.strerror or str(error)) from error

    def leftovers(self) -> list[str]:
        return sorted(path.name for prefix in (NEW, OLD) for path in self._home.path.glob(f"{prefix}*"))


class EmbeddedCollection(ChromaCollection):
    """The collection in one of Chroma's folders. A `VectorStore`.

    Parameters
    ----------
    folder : Path
        Chroma's own folder.
    contents : Contents
        What its vectors must be.
    create : bool
        Whether to make it where there is none.
    stamp : str
        The checksums of the files as they are.
    """

    def __init__(self, folder: Path, contents: Contents, *, create: bool, stamp: str) -> None:
        self._folder = folder
        super().__init__(_client(folder), _call, COLLECTION, contents, create=create)
        self.stamp = stamp

    def seal(self) -> str:
        """Close the client; then its files are as they stay."""
        self.close()
        return checksums(self._folder)


def checksums(folder: Path) -> str:
    """CRC-32s of Chroma's vector files, which only writes change; it does not notice damage itself."""
    files = sorted(path for written in folder.glob(f"*/{METADATA}") for path in written.parent.iterdir())
    return json.dumps({path.relative_to(folder).as_posix(): _crc(path) for path in files})


def _crc(path: Path) -> int:
    total = 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            total = zlib.crc32(chunk, total)
    return total


def _call(function: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    except Exception as error:
        raise StoreError("Chroma failed", reason_of(error)) from error


def _client(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    try:
        return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    except Exception as error:
        what = f"Chroma can't open {folder}"
        if shutil.disk_usage(folder.parent).free < ROOM_TO_OPEN:  # its error does not tell
            raise StoreError(what, "the disk is full", MAKE_ROOM) from error
        raise StoreError(what, reason_of(error)) from error
