"""The ids that a media server has for files, so that players can ask with those."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audiosim.core.errors import UsageError
from audiosim.core.paths import identity
from audiosim.core.text import counted, display_path, visible
from audiosim.library.catalog import path_id
from audiosim.library.folders import known_as
from audiosim.library.index import Index

SHOWN = 5  # paths that are not in the index
COLUMNS = ("id", "path")


@dataclass(frozen=True)
class MediaIds:
    """A media server's ids, and ours.

    Parameters
    ----------
    ours : mapping of str to str
        Of each id of the media server, that of the track.
    unknown : tuple of bytes
        Paths that are not in the index.
    """

    ours: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[bytes, ...] = ()
    theirs: dict[str, str] = field(init=False, default_factory=dict)  # the first, where a file has several

    def __post_init__(self) -> None:
        for theirs, ours in self.ours.items():
            self.theirs.setdefault(ours, theirs)

    def note(self) -> str | None:
        """Say which paths are not in the index; None where all are."""
        if not self.unknown:
            return None
        total = counted(len(self.ours) + len(self.unknown), "id")
        shown = ", ".join(map(display_path, self.unknown[:SHOWN])) + ", ..." * (len(self.unknown) > SHOWN)
        return f"{len(self.unknown)} of {total} name no file of the index: {shown}"


def read_ids(file: Path, index: Index) -> MediaIds:
    """Read a media server's ids: a CSV file whose first line names the columns ``id`` and ``path``.

    Parameters
    ----------
    file : Path
        The file. A path that is not absolute is looked for in each folder of the index.
    index : Index
        What the paths are looked for in.

    Returns
    -------
    MediaIds
        The ids, and the paths that are not in the index.

    Raises
    ------
    UsageError
        If the file can't be read, has no such columns, or gives one id to several files.
    """
    ours: dict[str, str] = {}
    unknown: list[bytes] = []
    roots = index.catalog.settings.roots()
    known = {entry.id for entry in index.catalog.tracks.entries()}
    for number, id_, path in _rows(file):
        name = os.fsencode(path)
        places = [identity(path)] if os.path.isabs(path) else [os.path.join(root, name) for root in roots]
        found = next((one for one in _ids_at(places, roots) if one in known), None)
        if found is None:
            unknown.append(name)
        elif ours.setdefault(id_, found) != found:
            raise UsageError(f"{file} gives one id to several files", f"line {number}: {visible(id_)}")
    return MediaIds(ours, tuple(unknown))


def _ids_at(places: Sequence[bytes], roots: Sequence[bytes]) -> Iterator[str]:
    """What the index may call files: by their own paths, then by those that lead to the same place."""
    yield from map(path_id, places)
    for place in places:
        yield from map(path_id, known_as(place, roots))


def _rows(file: Path) -> Iterator[tuple[int, str, str]]:
    """Lines with an id and a path, by their numbers."""
    try:
        with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                why = "its first line does not name the columns id and path"
                raise UsageError(f"{file} has no ids", why, "Begin it with: id,path")
            for row in rows:
                if row["id"] and row["path"]:
                    yield rows.line_num, row["id"], row["path"]
    except (OSError, csv.Error) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"Can't read {file}", why) from error
