"""A folder that is made once, and put back for each test as it was, where it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path


class KeptFolder:
    """What `make` makes in a folder.

    Homes in it take it for what they knew: times of files are theirs, and catalogs note the ctimes, which a
    copy can't have.
    """

    def __init__(self, base: Path, make: Callable[[Path], object]) -> None:
        self._made, self._now = base / "made", base / "now"
        self._now.mkdir()
        make(self._now)
        self._now.rename(self._made)

    def restored(self) -> Path:
        """The folder, as it was when it was made."""
        shutil.rmtree(self._now, ignore_errors=True)
        shutil.copytree(self._made, self._now, symlinks=True)
        for catalog in self._now.rglob("catalog.db"):
            _note_ctimes(catalog)
        return self._now


def _note_ctimes(catalog: Path) -> None:
    with closing(sqlite3.connect(catalog)) as database, database:
        paths = [path for (path,) in database.execute("SELECT path FROM ctimes")]
        ctimes = [(os.stat(path).st_ctime_ns, path) for path in paths]
        database.executemany("UPDATE ctimes SET ctime_ns = ? WHERE path = ?", ctimes)
