"""Labels: which tracks belong together, by their folders, by a tag or by a file of the user's.

A track may have several labels; two tracks belong together when they share one. Labels are
compared as tags are (core/tag_values.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from audiosim.core.errors import UsageError
from audiosim.core.tag_values import album_keys, artist_keys, folded, genre_keys, people
from audiosim.core.text import counted, display_path
from audiosim.core.types import Track
from audiosim.evaluation.csv_file import path_in, read_rows

LabelName = Literal["folder", "artist", "album", "genre", "album_artist", "year"]
LABEL_NAMES: tuple[LabelName, ...] = get_args(LabelName)
COLUMNS = ("path", "label")
SHOWN = 3  # unknown paths in a message

LabelSet = frozenset[str]


@dataclass(frozen=True)
class Labelling:
    """The labels of each track, empty where it has none, in the order of the tracks.

    ``unknown`` are the paths that a file of labels names and the index does not hold.
    """

    source: str
    labels: tuple[LabelSet, ...]
    unknown: tuple[bytes, ...] = ()


def label_tracks(source: str, tracks: Collection[Track]) -> Labelling:
    """The labels of tracks.

    Parameters
    ----------
    source : str
        "folder" (the folder a file lies in), the name of a tag, or a CSV file's name.
    tracks : collection of Track
        Those of the index.

    Returns
    -------
    Labelling
        The labels of each track.

    Raises
    ------
    UsageError
        If the source is none of these, or the file can't be read, lacks its columns, or names mostly
        files that are not in the index.
    """
    if source in LABEL_NAMES:
        return Labelling(source, tuple(map(_OWN[source], tracks)))
    if not os.path.exists(source):
        raise UsageError(
            f"`labels` {source} is not known",
            "it is neither a file nor a name of labels",
            f"Give a CSV file, or one of: {', '.join(LABEL_NAMES)}.",
        )
    return _from_file(Path(source), tracks)


def read_labels(file: Path) -> dict[bytes, LabelSet]:
    """The labels of a CSV file by path; relative paths are relative to the file's folder.

    Raises
    ------
    UsageError
        If the file can't be read, or has no columns ``path`` and ``label``.
    """
    found: dict[bytes, set[str]] = {}
    for path, label in (row.cells for row in read_rows(file, COLUMNS, "labels")):
        if path and label:
            found.setdefault(path_in(file, path), set()).add(label)
    return {path: _folded(labels) for path, labels in found.items()}


def _from_file(file: Path, tracks: Collection[Track]) -> Labelling:
    by_path = read_labels(file)
    indexed = {track.path for track in tracks}
    unknown = tuple(path for path in by_path if path not in indexed)
    if 2 * len(unknown) > len(by_path) or not by_path:
        raise UsageError(
            f"{len(unknown)} of the {counted(len(by_path), 'file')} that {file} names are not in the index",
            f"the first ones: {', '.join(map(display_path, unknown[:SHOWN]))}" if unknown else "",
            "Give absolute paths, or paths relative to the folder of the CSV file.",
        )
    return Labelling(str(file), tuple(by_path.get(track.path, LabelSet()) for track in tracks), unknown)


_OWN: dict[LabelName, Callable[[Track], LabelSet]] = {  # what a track's path or tags say
    "folder": lambda track: _folded([os.fsdecode(os.path.dirname(track.path))]),
    "artist": lambda track: artist_keys(track.tags),
    "album": lambda track: album_keys(track.tags),
    "genre": lambda track: genre_keys(track.tags),
    "album_artist": lambda track: people(track.tags.album_artist),
    "year": lambda track: LabelSet() if track.tags.year is None else LabelSet({str(track.tags.year)}),
}


def _folded(labels: Iterable[str]) -> LabelSet:
    return LabelSet(map(folded, labels)) - {""}
