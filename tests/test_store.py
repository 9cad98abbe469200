from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_encoder import FakeEncoder
from homes import Made, make_home, recording

from audiosim.backends.worker import StoreWorker
from audiosim.core.config import Home
from audiosim.core.errors import StoreError
from audiosim.indexing.pipeline import index_folder
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


class HangingWorker(StoreWorker):
    """Marks the store as being written to, then hangs."""

    def flush(self) -> Iterator[None]:
        with Catalog(self.home.catalog) as catalog:
            catalog.store_state.mark(dirty=True)
        return self.fill()

    def fill(self, *_: object) -> Iterator[None]:
        time.sleep(600.0)
        yield


@pytest.mark.slow
def test_a_store_that_hangs_while_it_is_written_ends_the_run_and_the_next_one_puts_it_right(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    with monkeypatch.context() as patch:
        patch.setattr("audiosim.backends.worker.StoreWorker", HangingWorker)
        patch.setattr("audiosim.backends.process.PROGRESS_LIMIT", 1.0)
        with pytest.raises(StoreError, match="The store does not answer"):
            index_folder([music], home=home.path, encoder=FakeEncoder())
    with Catalog(home.catalog, read_only=True) as catalog:
        assert catalog.store_state.dirty
        assert catalog.files.count("indexed") == 6
    report = index_folder(home=home.path, encoder=FakeEncoder())
    assert (report.unchanged, report.failed) == (6, 0)
    with Catalog(home.catalog) as catalog:
        assert not catalog.store_state.dirty
        assert not Store(home, catalog).inspect(full=True).faults
