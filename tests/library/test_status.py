"""What `status` tells of caches that another decoding made."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from libraries import Library, cache_of, edit

from audiosim.indexing.exchange.exporting import export_index
from audiosim.indexing.exchange.importing import import_index
from audiosim.library.catalog import Catalog
from audiosim.library.status import home_status

pytestmark = pytest.mark.slow


def older(library: Library) -> int:
    return home_status(library.home.path).older_decoding


def age(library: Library) -> None:
    """Turn all caches into those of a version that did not say how it decoded."""
    for path in cache_of(library).folder.rglob("*.npz"):
        with np.load(path) as data:
            arrays = dict(data)
        meta = json.loads(str(arrays["meta"]))
        del meta["decoding"]
        np.savez(path, **{**arrays, "meta": np.array(json.dumps(meta))})


def test_tracks_that_an_earlier_decoding_made_are_counted(indexed: Library, cli: Cli) -> None:
    library, tracks = indexed, 6
    assert older(library) == 0
    with closing(sqlite3.connect(library.home.catalog)) as database, database:
        database.execute("DROP TABLE decodings")  # as in homes of before
    assert older(library) == tracks
    done = cli("status", "--json", "--home", library.home.path)
    assert done.json["older_decoding"] == tracks
    assert (
        f"Decoded by an earlier audiosim: {tracks} tracks." in cli("status", "--home", library.home.path).out
    )
    assert library.index().unchanged == tracks  # nothing is computed again for that
    assert library.encoder.windows == 0
    assert older(library) == tracks


def test_what_is_seen_to_be_unconcerned_counts_no_more(indexed: Library) -> None:
    edit(indexed, "DELETE FROM decodings")
    with Catalog(indexed.home.catalog) as catalog:
        for digest in catalog.tracks.older_decodings():
            catalog.tracks.note_decoding(digest)
    assert older(indexed) == 0


def test_a_vector_from_a_cache_is_as_old_as_that(indexed: Library) -> None:
    for old in (False, True):
        if old:
            age(indexed)
        indexed.home.catalog.unlink()
        assert indexed.index(indexed.music).reused == 6
        assert indexed.encoder.windows == 0
        assert older(indexed) == (6 if old else 0)


def test_what_was_imported_has_no_cache_that_could_be_old(indexed: Library, tmp_path: Path) -> None:
    other = Library(tmp_path / "other")
    export_index(tmp_path / "index.parquet", home=indexed.home.path)
    import_index([tmp_path / "index.parquet"], home=other.home.path)
    assert home_status(other.home.path).tracks > 0
    assert older(other) == 0
