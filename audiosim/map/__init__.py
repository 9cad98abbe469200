"""The library drawn in two dimensions, tracks that sound alike side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audiosim.core.errors import AudiosimError
from audiosim.core.files import check_output, replacing
from audiosim.library.asked_words import all_words
from audiosim.library.catalog import Configuration, Entry
from audiosim.library.filters import Filter
from audiosim.library.index import open_index
from audiosim.library.suggestions import nothing_fits
from audiosim.library.word_scores import WordScores
from audiosim.map.atlas import Atlas, make_atlas
from audiosim.map.groups import COLORS, Color
from audiosim.search.copies import find_fitting, standing
from audiosim.search.recordings import Recordings

__all__ = ["COLORS", "Color", "Drawing", "draw_map", "read_atlas"]

PAGE_NAME = "map.html"


@dataclass(frozen=True)
class Drawing:
    """What `draw_map` has drawn.

    Parameters
    ----------
    tracks : int
        How many recordings there are on it; files of one share a dot.
    color : {"folder", "genre", "artist", "album", "year", "words"}
        What gave them their colours.
    files : tuple of Path
        Those written.
    indexed_files : int
        How many files of the index these recordings are.
    """

    tracks: int
    color: Color
    files: tuple[Path, ...]
    indexed_files: int


def draw_map(
    output: str | os.PathLike[str] | None = None,
    *,
    png: str | os.PathLike[str] | None = None,
    color: Color | None = None,
    absolute: bool = False,
    only: Filter | None = None,
    home: str | os.PathLike[str] | None = None,
) -> Drawing:
    """Draw the tracks of the index as a page to explore, as a picture, or both.

    Parameters
    ----------
    output : str or path-like, optional
        The HTML file; ``map.html`` where `png` is not given either.
    png : str or path-like, optional
        The picture.
    color : {"folder", "genre", "artist", "album", "year", "words"}, optional
        What gives tracks their colours; by default the genre where most tracks have one and there are 2
        to 40 of them, else the folder. By words, each region has the one by which it stands out of the
        library most.
    absolute : bool
        Whether the page names the audio files by ``file://`` URIs instead of by their places relative
        to it.
    only : Filter, optional
        The tracks to draw, whose copies share their tags; by default all.
    home : str or path-like, optional
        The home folder; by default ``AUDIOSIM_HOME`` or the platform's user data folder.

    Returns
    -------
    Drawing
        What was drawn, and where.

    Raises
    ------
    UsageError
        If a file to write is a folder or a device, or words are to give the colours that the home's encoder
        does not know.
    AudiosimError
        If there is no index, no track to draw, or no folder for a file.
    """
    page = Path(output) if output is not None else Path(PAGE_NAME) if png is None else None
    picture = None if png is None else Path(png)
    files = tuple(path for path in (page, picture) if path is not None)
    for path in files:
        check_output(path)
    atlas = read_atlas(home, only, color)
    if page is not None:
        _write_page(atlas, page, absolute)
    if picture is not None:
        _write_picture(atlas, picture)
    return Drawing(len(atlas.places), atlas.grouping.by, files, len(atlas.tracks))


def read_atlas(home: str | os.PathLike[str] | None, only: Filter | None, color: Color | None) -> Atlas:
    """Give what a map of a home shows.

    Parameters
    ----------
    home, only, color
        As of `draw_map`.

    Raises
    ------
    AudiosimError
        If there is no index, or no track to draw.
    """
    recordings, configuration, scores = _read(home, only or Filter(), words=color == "words")
    return make_atlas(recordings, color, configuration.spec.name, configuration.space, scores)


def _read(
    home: str | os.PathLike[str] | None, only: Filter, *, words: bool
) -> tuple[list[list[Entry]], Configuration, WordScores | None]:
    """The recordings to draw, with the file first that stands for each, what their vectors are, and words."""
    with open_index(home) as index:
        located = index.located(only)
        entries = list(index.catalog.tracks.entries())
        groups = find_fitting(entries, Recordings.of(index), located).groups
        if not groups:
            raise AudiosimError("There is nothing to draw", *nothing_fits(index.catalog, only))
        found = [_shown([entries[row] for row in group], located) for group in groups]
        return found, index.configuration, all_words(index) if words else None


def _shown(files: Sequence[Entry], only: Filter) -> list[Entry]:
    """The files of a recording that are where they are looked for."""
    found = [entry for entry in files if only.fits_file(entry.track)]
    return sorted(found, key=lambda entry: standing(entry.track, only)) if len(found) > 1 else found


def _write_page(atlas: Atlas, path: Path, absolute: bool) -> None:
    from audiosim.map.page import render_page

    folder = None if absolute else os.fsencode(path.absolute().parent)
    with replacing(path, durable=False) as file:
        file.write(render_page(atlas, folder))


def _write_picture(atlas: Atlas, path: Path) -> None:
    from audiosim.map.picture import render_picture

    with replacing(path, durable=False) as file:
        file.write(render_picture(atlas))
