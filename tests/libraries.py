"""Homes made by real runs over real files, with the encoder of the tests; and what is in them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from conftest import SAMPLE_RATE, tone
from fake_encoder import FakeEncoder

from audiosim.backends.base import Contents
from audiosim.backends.chroma_embedded import EmbeddedChroma, EmbeddedCollection
from audiosim.core.config import Home
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_folder
from audiosim.indexing.report import IndexReport
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import find_similar

FREQUENCIES = (110, 115, 120, 900, 920, 940)  # Hz


class Library:
    """A home under test, with its encoder."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.encoder = FakeEncoder()
        self.events: list[Any] = []

    @property
    def music(self) -> Path:
        """The folder beside it, where its files lie."""
        return self.home.path.parent / "music"

    def index(self, *paths: Path | bytes, **options: Any) -> IndexReport:
        self.encoder.windows = 0
        settings = IndexOptions(jobs=2, **options)
        self.events = []
        return index_folder(
            [os.fsdecode(path) for path in paths],
            home=self.home.path,
            options=settings,
            encoder=self.encoder,
            on_event=self.events.append,
        )

    def similar(self, query: Path, **options: Any) -> list[str]:
        """The names of what is like a query, each copy by its own."""
        ranking = RankingOptions(show_duplicates=True)
        result = find_similar(query, home=self.home.path, encoder=self.encoder, ranking=ranking, **options)
        assert result.exact_because is None
        return [Path(os.fsdecode(match.track.path)).name for match in result.matches]

    def catalog(self) -> Catalog:
        return Catalog(self.home.catalog, read_only=True)

    def stored(self) -> set[str]:
        """Ids in Chroma that it has vectors for."""
        with self.catalog() as catalog:
            configuration = catalog.settings.configuration
            assert configuration is not None
            ids = [id_ for id_, _ in catalog.tracks.indexed_vectors()]
        dimension = configuration.spec.dimension * (2 if configuration.pooling == "mean-std" else 1)
        with EmbeddedChroma(self.home).open("chroma", Contents(configuration.collection, dimension)) as store:
            held = store.vectors(ids)
            assert len(held) == store.count()
        return set(held)


def counts(report: IndexReport) -> dict[str, float]:
    """The numbers that are not zero."""
    return {k: v for k, v in report.counts().items() if v and k not in ("seconds", "audio_seconds")}


class Original:
    """Music, and a home that has indexed it: made once, put back for each test where it was.

    Six tracks of 3 to 4 s in two folders, and a copy of the last one.
    """

    def __init__(self, base: Path) -> None:
        self._kept, self._folder = base / "kept", base / "now"
        music = self._folder / "music"
        for number, frequency in enumerate(FREQUENCIES):
            album = music / ("low" if frequency < 500 else "high")
            album.mkdir(parents=True, exist_ok=True)
            soundfile.write(album / f"{number}.wav", tone(3 + number / 6, frequency), SAMPLE_RATE)
        shutil.copy2(music / "high" / "5.wav", music / "high" / "copy of 5.wav")
        Library(self._folder / "home").index(music)
        self._folder.rename(self._kept)

    def restored(self) -> Library:
        """The library as it was when it was made."""
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._kept, self._folder)
        library = Library(self._folder / "home")
        edit(library, "DELETE FROM ctimes")  # which copies do not keep
        return library


def track(library: Library, number: int) -> Path:
    album = "low" if FREQUENCIES[number] < 500 else "high"
    return library.home.path.parent / "music" / album / f"{number}.wav"


def digest_of(library: Library, path: Path) -> str:
    with library.catalog() as catalog:
        row = catalog.files.get(os.fsencode(path))
    assert row is not None
    assert row.digest is not None
    return row.digest


def configuration_of(library: Library) -> Configuration:
    with library.catalog() as catalog:
        configuration = catalog.settings.configuration
    assert configuration is not None
    return configuration


def cache_of(library: Library) -> Cache:
    configuration = configuration_of(library)
    return Cache(configuration.cache, configuration.spec)


def vectors(library: Library) -> dict[str, bytes]:
    """The catalog's vectors, by id."""
    with library.catalog() as catalog:
        return {id_: vector.tobytes() for id_, vector in catalog.tracks.indexed_vectors()}


def catalog_content(library: Library) -> list[str]:
    with closing(sqlite3.connect(library.home.catalog)) as database:
        return list(database.iterdump())


def edit(library: Library, statement: str, *values: object) -> None:
    """Changes the catalog behind audiosim's back."""
    with closing(sqlite3.connect(library.home.catalog)) as database, database:
        assert database.execute(statement, values).rowcount > 0


def open_store(library: Library) -> EmbeddedCollection:
    configuration = configuration_of(library)
    contents = Contents(configuration.collection, configuration.dimension)
    return EmbeddedChroma(library.home).open("chroma", contents)


def assert_chroma_is_the_catalogs(library: Library) -> None:
    """Chroma holds the catalog's ids and vectors, no others, finds the nearest, and lies alone."""
    expected = {id_: np.frombuffer(vector, "<f4") for id_, vector in vectors(library).items()}
    matrix = np.stack(list(expected.values()))
    with open_store(library) as store:
        assert set(store.ids()) == set(expected)
        held = store.vectors(list(expected))
        for vector in expected.values():
            best = sorted(matrix @ vector, reverse=True)[:3]
            found = [float(expected[id_] @ vector) for id_ in store.nearest(vector, 3)]
            np.testing.assert_allclose(found, best, rtol=0, atol=1e-5)
    for id_, vector in expected.items():
        np.testing.assert_allclose(held[id_], vector, rtol=0, atol=1e-6)
    assert EmbeddedChroma(library.home).leftovers() == []
    with library.catalog() as catalog:
        assert not catalog.store_state.dirty


def a_run_ended_in_a_burst(library: Library) -> None:
    with Catalog(library.home.catalog) as catalog:
        catalog.store_state.mark(dirty=True)
