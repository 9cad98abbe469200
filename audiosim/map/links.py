"""URLs of audio files, for a page that may have any place."""

from __future__ import annotations

import os
from urllib.parse import quote


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
