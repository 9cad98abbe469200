"""A map as one HTML file, which needs nothing but itself and the audio files."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import numpy as np

from audiosim.core.text import display_path, file_name, visible
from audiosim.core.types import Track
from audiosim.map.atlas import Atlas

SCRIPTS = (
    "data", "camera", "terrain", "names", "paint", "overlay", "search", "legend", "player", "panel",
    "pointer", "keys", "main",
)  # fmt: skip
UNIT = 100_000  # a place's coordinates are whole numbers up to this
SCRIPT_ENDERS = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


class Links:
    """Where a page finds the audio files.

    Parameters
    ----------
    page_folder : bytes or None
        The absolute folder it will be in; None for ``file://`` URIs.
    """

    def __init__(self, page_folder: bytes | None = None) -> None:
        self._page_folder = page_folder

    def folder(self, folder: bytes) -> str:
        """Give the URL of a folder, ending in a slash."""
        return folder_url(folder, self._page_folder)

    def file(self, path: bytes) -> str | None:
        """Give the URL of a file relative to its folder; None where its name as it is shown gives it."""
        name = os.path.basename(path)
        return None if file_name(path).encode() == name else file_url(name)

    def id(self, path: bytes) -> str | None:
        """Give what the page around this one knows a file by; None where there is none."""
        return None


def render_page(atlas: Atlas, page_folder: bytes | None, links: Links | None = None) -> bytes:
    """The page, UTF-8.

    Parameters
    ----------
    atlas : Atlas
        What the page shows.
    page_folder : bytes or None
        As of `Links`.
    links : Links, optional
        Where else it finds the audio files.
    """
    style = _part("style.css")
    script = "(() => {\n" + "\n".join(_part(f"{name}.js") for name in SCRIPTS) + "})();\n"
    page = _part("page.html")
    page = page.replace("{{policy}}", _policy(script, style))
    page = page.replace("{{style}}", style).replace("{{script}}", script)
    return page.replace("{{data}}", embedded(page_data(atlas, links or Links(page_folder)))).encode("utf-8")


def embedded(value: Any) -> str:
    """JSON that can't end the script element it is in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(SCRIPT_ENDERS)


def page_data(atlas: Atlas, links: Links) -> dict[str, Any]:
    """What the page's script reads; a column is a list with one value for each track or spot."""
    seconds = sum(track.duration or 0.0 for track in atlas.recordings)
    neighbours = atlas.neighbours
    ids = [links.id(track.path) for track in atlas.tracks]
    return {
        "encoder": visible(atlas.encoder),
        "by": atlas.grouping.by,
        "hours": round(seconds / 3600, 2),
        "unit": UNIT,
        "groups": [
            {"name": g.name, "count": g.count, "light": g.colour.light, "dark": g.colour.dark, "rest": g.rest}
            for g in atlas.grouping.groups
        ],
        **_track_columns(atlas, links),
        **({"ids": ids} if any(ids) else {}),
        "places": np.rint(atlas.places * UNIT).astype(int).tolist(),
        "near": neighbours.indices.tolist(),
        "cosines": np.rint(neighbours.cosines * 1e4).astype(int).tolist(),
    }


def _track_columns(atlas: Atlas, links: Links) -> dict[str, Any]:
    numbers: dict[bytes, int] = {}
    of = [numbers.setdefault(os.path.dirname(track.path), len(numbers)) for track in atlas.tracks]
    return {
        "folders": [[display_path(folder), links.folder(folder)] for folder in numbers],
        "folder": of,
        "file": [_file(track, links) for track in atlas.tracks],
        "title": [_text(track.tags.title) for track in atlas.tracks],
        "artist": [_text(track.tags.artist or track.tags.album_artist) for track in atlas.tracks],
        "album": [_text(track.tags.album) for track in atlas.tracks],
        "year": [track.tags.year or 0 for track in atlas.tracks],
        "seconds": [_shown(track.duration or 0.0) for track in atlas.tracks],
        "group": [atlas.grouping.of[spot] for spot in atlas.spots],
        "spot": list(atlas.spots),
    }


def _file(track: Track, links: Links) -> str | list[str]:
    """A file's name, with its URL where the name as it is shown does not give it."""
    shown, url = file_name(track.path), links.file(track.path)
    return shown if url is None else [shown, url]


def _text(text: str | None) -> str:
    return visible(text.strip()) if text else ""


def _policy(script: str, style: str) -> str:
    """The page runs its own script only, and loads nothing but audio from where it came."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}';"
        " media-src 'self' file:; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _shown(seconds: float) -> float:
    """A length, to whole seconds; of what is shorter than one, as much as is told of it."""
    return round(seconds, 2) if seconds < 0.95 else round(seconds)


def _part(name: str) -> str:
    return (files("audiosim.map") / "assets" / name).read_text("utf-8")


def folder_url(folder: bytes, page_folder: bytes | None) -> str:
    """The URL of an absolute folder, ending in a slash.

    Relative to the folder of the page, or a ``file://`` URI where that is None. Every byte that is
    not a letter, a digit or one of ``/-._~`` is percent-encoded, so names of any bytes work.
    """
    if page_folder is None:
        return f"file://{quote(folder.rstrip(b'/'))}/"
    return f"{quote(os.path.relpath(folder, page_folder))}/"


def file_url(name: bytes) -> str:
    """The URL of a file, relative to its folder."""
    return quote(name, safe="")
