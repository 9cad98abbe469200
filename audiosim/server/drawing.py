"""The process that draws the map for a server: as `audiosim map` does, but for where the sounds are."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import cast

from audiosim.core.errors import AudiosimError
from audiosim.library.catalog import path_id
from audiosim.map import COLORS, Color, read_atlas
from audiosim.map.page import Links, page_data, render_page


class ServerLinks(Links):
    """Sounds by the ids of tracks."""

    def folder(self, folder: bytes) -> str:
        return "api/v1/tracks/"

    def file(self, path: bytes) -> str | None:
        return f"{path_id(path)}/audio"

    def id(self, path: bytes) -> str | None:
        return path_id(path)


def main() -> None:
    """Print the map's data and page as one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--color", choices=COLORS)
    given = parser.parse_args()
    try:
        atlas = read_atlas(given.home, None, cast("Color | None", given.color))
    except AudiosimError as error:
        sys.exit(f"audiosim: {' '.join(str(error).split())}")
    links = ServerLinks()
    document = {"data": page_data(atlas, links), "page": render_page(atlas, None, links).decode()}
    sys.stdout.write(json.dumps(document))
    sys.stdout.flush()
    os._exit(0)  # sooner than libraries take to clean up


if __name__ == "__main__":
    main()
