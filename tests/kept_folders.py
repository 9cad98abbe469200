"""Folders that are made once, and put back for each test as they were, where they were."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

Make = Callable[[Path], object]


class KeptFolders:
    """Called, it gives a folder by its name: made where nobody asked for it before, else put back.

    Homes in it take it for what they knew: times of files are theirs, and catalogs note the ctimes, which a
    copy can't have.
    """

    def __init__(self, base: Path) -> None:
        self._made, self._now = base / "made", base / "now"

    def __call__(self, name: str, make: Make) -> Path:
        made, now = self._made / name, self._now / name
        if not made.exists():
            shutil.rmtree(now, ignore_errors=True)
            now.mkdir(parents=True)
            make(now)
            made.parent.mkdir(exist_ok=True)
            now.rename(made)
        shutil.rmtree(now, ignore_errors=True)
        shutil.copytree(made, now, symlinks=True)
        for catalog in now.rglob("catalog.db"):
            _note_ctimes(catalog)
        return now


def _note_ctimes(catalog: Path) -> None:
    with closing(sqlite3.connect(catalog)) as database, database:
        paths = [path for (path,) in database.execute("SELECT path FROM ctimes")]
        ctimes = [(Path(path.decode()).stat().st_ctime_ns, path) for path in paths]
        database.executemany("UPDATE ctimes SET ctime_ns = ? WHERE path = ?", ctimes)
