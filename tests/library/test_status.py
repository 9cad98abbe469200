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


def test_tracks_that_an_earlier_decoding_made_are_counted(tmp_path: Path, music: Path, cli: Cli) -> None:
    library = Library(tmp_path / "home")
    tracks = library.index(music).indexed
    assert older(library) == 0
    with closing(sqlite3.connect(library.home.catalog)) as database, database:
        database.execute("DROP TABLE decodings")  # as in homes of before
    assert older(library) == tracks
    done = cli("status", "--json", "--home", library.home.path)
    assert done.json["older_decoding"] == tracks
    assert (
        f"Decoded by an earlier audiosim: {tracks} tracks." in cli("status", "--home", library.home.path).out
    )
    assert library.index(music).unchanged == tracks  # nothing is computed again for that
    assert library.encoder.windows == 0
    assert older(library) == tracks


def test_what_is_seen_to_be_unconcerned_counts_no_more(tmp_path: Path, music: Path) -> None:
    library = Library(tmp_path / "home")
    library.index(music)
    edit(library, "DELETE FROM decodings")
    with Catalog(library.home.catalog) as catalog:
        for digest in catalog.tracks.older_decodings():
            catalog.tracks.note_decoding(digest)
    assert older(library) == 0


def test_a_vector_from_a_cache_is_as_old_as_that(tmp_path: Path, music: Path) -> None:
    for old in (False, True):
        library = Library(tmp_path / f"home{old}")
        tracks = library.index(music).indexed
        if old:
            age(library)
        library.home.catalog.unlink()
        assert library.index(music).reused == tracks
        assert library.encoder.windows == 0
        assert older(library) == (tracks if old else 0)


def test_what_was_imported_has_no_cache_that_could_be_old(tmp_path: Path, music: Path) -> None:
    library, other = Library(tmp_path / "home"), Library(tmp_path / "other")
    library.index(music)
    export_index(tmp_path / "index.parquet", home=library.home.path)
    import_index([tmp_path / "index.parquet"], home=other.home.path)
    assert home_status(other.home.path).tracks > 0
    assert older(other) == 0
