from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from homes import Made, make_home, recording

from audiosim.library.catalog import Catalog
from audiosim.library.index import open_index
from audiosim.store import Store, store_reader


def test_the_store_is_opened_before_numpy_and_the_catalog_are_imported() -> None:
    program = "import sys, audiosim.store; print({'numpy', 'sqlite3', 'chromadb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_a_reader_opened_early_is_asked_once_and_then_another_is(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home", [Made(f"/{seed}.mp3", recording(seed)) for seed in range(5)])
    with Catalog(home.catalog) as catalog:
        Store(home, catalog).flush()
    with open_index(home.path) as index, store_reader() as early:
        direction = next(vector for _, vector in index.catalog.tracks.indexed_vectors())
        with store_reader() as first:
            assert first is early
            found = first.nearest(index, direction, 3)
        with store_reader() as second:
            assert second is not early
            assert second.nearest(index, direction, 3) == found
    with store_reader() as later:
        assert later is not early
