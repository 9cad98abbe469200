"""The library as a whole: its mean window frozen once, neighbourhoods and pairs kept up to date."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, tone
from libraries import Library, counts
from made_home import MadeHome, digest_of, frames_of, random_tracks

from audiosim.backends.worker import StoreWorker
from audiosim.core.errors import StoreError
from audiosim.core.types import Float32
from audiosim.encoders.passage_vectors import unpacked
from audiosim.encoders.pooling import pool, summary
from audiosim.indexing.forgetting import forget
from audiosim.indexing.maintenance import collect_garbage
from audiosim.indexing.report import Notice
from audiosim.indexing.verify import verify_home
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.catalog.settings import MEASURED, Settings
from audiosim.library.catalog.store_state import StoreState
from audiosim.library.catalog.tracks import Tracks
from audiosim.library.filters import Filter
from audiosim.library.hubness import scales
from audiosim.library.neighbours import nearest_others
from audiosim.library.statistics import MIN_TRACKS, Percentiles, hub_scaling, percentiles, refresh
from audiosim.search.query import Resolver
from audiosim.search.similar import find_similar
from audiosim.store import Store

pytestmark = pytest.mark.slow

YOUNG, GROWN = 45, 60  # tracks


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def made(tmp_path: Path) -> MadeHome:
    return MadeHome(tmp_path / "home")


def vectors(home: MadeHome | Library) -> dict[str, Float32]:
    with Catalog(home.home.catalog, read_only=True) as catalog:
        return dict(catalog.tracks.all_vectors())


def known_percentiles(home: MadeHome | Library) -> Percentiles | None:
    with Catalog(home.home.catalog, read_only=True) as catalog:
        return percentiles(catalog)


def meta(home: MadeHome, key: str) -> str | None:
    with Catalog(home.home.catalog, read_only=True) as catalog:
        return catalog.settings.meta(key)


def test_below_fifty_tracks_nothing_is_measured(made: MadeHome, rng: np.random.Generator) -> None:
    made.add(random_tracks(MIN_TRACKS - 1, rng))
    assert made.refresh() == []
    assert made.configuration.centre == b""
    assert set(made.scales().values()) == {None}
    assert known_percentiles(made) is None


def test_from_fifty_tracks_on_all_is_measured_in_vectors_less_the_mean_window(
    made: MadeHome, rng: np.random.Generator
) -> None:
    tracks = random_tracks(MIN_TRACKS, rng)
    made.add(tracks)
    assert len(made.refresh()) == 1
    centre = made.configuration.pooler.centre
    assert centre is not None
    np.testing.assert_allclose(centre, np.mean([summary(f) for f in tracks.values()], axis=0), atol=1e-5)
    found = vectors(made)
    for name, frames in tracks.items():
        np.testing.assert_array_equal(found[digest_of(name)], pool(frames, "mean", centre).vector)
    digests = sorted(found)
    matrix = np.stack([found[digest] for digest in digests])
    expected = dict(zip(digests, scales(nearest_others(matrix, 10).cosines).tolist(), strict=True))
    assert made.scales() == pytest.approx(expected)
    known = known_percentiles(made)
    assert known is not None
    np.testing.assert_array_equal(known.quantiles, Percentiles.of(matrix).quantiles)


def test_the_mean_window_is_frozen_once(made: MadeHome, rng: np.random.Generator) -> None:
    made.add(random_tracks(MIN_TRACKS, rng))
    made.refresh()
    centre, before = made.configuration.centre, vectors(made)
    made.add(random_tracks(30, rng, prefix="later"))
    assert made.refresh() == []
    assert made.configuration.centre == centre
    after = vectors(made)
    assert all(after[digest].tobytes() == vector.tobytes() for digest, vector in before.items())
    later = made.cache.read(digest_of("later000.flac"))
    assert later is not None
    expected = pool(later.frames, "mean", np.frombuffer(centre, "<f4")).vector
    np.testing.assert_array_equal(after[digest_of("later000.flac")], expected)


def test_neighbourhoods_follow_each_run_and_random_pairs_a_growth_of_a_tenth(
    made: MadeHome, rng: np.random.Generator
) -> None:
    made.add(random_tracks(60, rng))
    made.refresh()
    first, pairs = made.scales(), meta(made, "percentiles")
    made.add(random_tracks(5, rng, prefix="few"))
    made.refresh()
    second = made.scales()
    assert sum(second[digest] != scale for digest, scale in first.items()) > 20
    assert second == pytest.approx(measured(made), abs=1e-6)
    assert meta(made, "percentiles") == pairs
    made.add(random_tracks(5, rng, prefix="more"))
    made.refresh()
    assert made.scales() == pytest.approx(measured(made), abs=1e-6)
    assert meta(made, "percentiles") != pairs
    made.remove(*(f"t{number:03}.flac" for number in range(10)))
    made.refresh()
    assert made.scales() == pytest.approx(measured(made), abs=1e-6)


def measured(made: MadeHome) -> dict[str, float]:
    """What measuring all tracks of the index anew gives."""
    found = {digest: vectors(made)[digest] for digest in made.scales()}
    near = nearest_others(np.stack([*found.values()]), 10)
    return dict(zip(found, scales(near.cosines).tolist(), strict=True))


def measured_anew(home: MadeHome | Library) -> tuple[dict[str, float], float]:
    """The scales of the tracks in the index by their own vectors alone, and their median."""
    with Catalog(home.home.catalog, read_only=True) as catalog:
        digests, matrix = catalog.tracks.audio_vectors()
        assert catalog.settings.configuration is not None
        searched = catalog.settings.configuration.space(matrix)
    found = scales(nearest_others(searched, 10).cosines).tolist()
    return dict(zip(digests, found, strict=True)), float(np.median(found))


def assert_only_the_index_tells(home: MadeHome | Library) -> None:
    """That scales, and what they are compared with, are of the tracks of the index alone."""
    expected, usual = measured_anew(home)
    with Catalog(home.home.catalog, read_only=True) as catalog:
        assert catalog.tracks.scales() == pytest.approx(expected)
        scaling = hub_scaling(catalog, percentiles(catalog))
    assert scaling is not None
    assert scaling.usual == pytest.approx(usual)


def test_what_was_forgotten_tells_nothing_of_the_others(made: MadeHome, rng: np.random.Generator) -> None:
    made.add(random_tracks(60, rng))
    made.refresh()
    assert_only_the_index_tells(made)
    with Catalog(made.home.catalog) as catalog:
        first, *_ = (entry.track.path for entry in catalog.tracks.entries())
    forget([os.fsdecode(first)], home=made.home.path)
    assert_only_the_index_tells(made)


def test_what_is_gone_tells_nothing_of_the_others_before_and_after_it_is_forgotten(stages: Stages) -> None:
    library = stages.at("grown")
    first, second, *others = sorted(library.music.iterdir())
    for path in (first, second):
        path.unlink()
    assert counts(library.index())["gone"] == 2
    assert_only_the_index_tells(library)
    query = os.fspath(others[0])
    before = find_similar([query], home=library.home.path, count=20).matches
    collect_garbage(home=library.home.path, age=0)
    assert_only_the_index_tells(library)
    after = find_similar([query], home=library.home.path, count=20).matches
    assert [(one.track.path, one.score) for one in after] == [(one.track.path, one.score) for one in before]


@pytest.mark.parametrize("damage", [b"", b"PK", None], ids=["empty", "cut", "none, as in homes of before"])
def test_kept_neighbourhoods_that_are_not_there_or_damaged_are_measured_anew(
    made: MadeHome, rng: np.random.Generator, damage: bytes | None
) -> None:
    made.add(random_tracks(60, rng))
    made.refresh()
    with closing(sqlite3.connect(made.home.catalog)) as database, database:
        query = "UPDATE blobs SET value = ? WHERE key = 'neighbourhoods'"
        if damage is None:
            query = "DELETE FROM blobs WHERE key = 'neighbourhoods'"
        assert database.execute(query, () if damage is None else (damage,)).rowcount == 1
    made.add(random_tracks(5, rng, prefix="few"))
    made.refresh()
    assert made.scales() == pytest.approx(measured(made), abs=1e-6)


def test_nothing_is_frozen_while_a_cache_is_missing_and_a_damaged_one_is_computed_again_first(
    made: MadeHome, rng: np.random.Generator
) -> None:
    tracks = random_tracks(MIN_TRACKS + 5, rng)
    made.add(tracks)
    before = vectors(made)
    path = made.cache.path(digest_of("t003.flac"))
    content = path.read_bytes()
    path.unlink()
    assert made.refresh() == []
    path.write_bytes(content[:-100])
    assert made.refresh() == ["1 cache is damaged; the next run computes what was in there again."]
    assert made.refresh() == []
    assert made.configuration.centre == b""
    assert {d: v.tobytes() for d, v in vectors(made).items()} == {d: v.tobytes() for d, v in before.items()}
    assert None not in made.scales().values()
    with Catalog(made.home.catalog, read_only=True) as catalog:
        assert set(before) - catalog.tracks.known_digests() == {digest_of("t003.flac")}
    made.add({"t003.flac": tracks["t003.flac"]})
    assert made.refresh() == ["Vectors are centred on the library's mean window from now on."]


def test_caches_that_are_damaged_by_the_half_are_blamed_on_the_disk(
    made: MadeHome, rng: np.random.Generator
) -> None:
    made.add(random_tracks(MIN_TRACKS, rng))
    for number in range(MIN_TRACKS // 2 + 1):
        made.cache.path(digest_of(f"t{number:03}.flac")).write_bytes(b"damaged")
    assert made.refresh() == []
    with Catalog(made.home.catalog, read_only=True) as catalog:
        assert len(catalog.tracks.known_digests()) == MIN_TRACKS


def test_nothing_is_frozen_while_a_track_waits_to_be_computed_again(
    made: MadeHome, rng: np.random.Generator
) -> None:
    made.add(random_tracks(MIN_TRACKS + 5, rng))
    with Catalog(made.home.catalog) as catalog:
        catalog.tracks.mark_lost([digest_of("t000.flac")])
    assert made.refresh() == []
    assert len(made.scales()) == MIN_TRACKS + 5


def test_nothing_is_frozen_before_the_library_is_complete(made: MadeHome, rng: np.random.Generator) -> None:
    made.add(random_tracks(MIN_TRACKS, rng))
    assert made.refresh(complete=False) == []
    assert made.configuration.centre == b""
    assert None not in made.scales().values()


def test_a_library_of_one_sound_is_left_as_it_is(made: MadeHome) -> None:
    rows = np.full((4, 16), 0.5, np.float32)
    made.add({f"{number}.flac": frames_of(rows) for number in range(MIN_TRACKS)})
    assert made.refresh() == []
    assert len(made.scales()) == MIN_TRACKS


def test_a_window_that_is_not_finite_does_not_spoil_the_mean(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    made = MadeHome(tmp_path / "home", pooling="max")
    tracks = random_tracks(MIN_TRACKS, rng)
    tracks["t000.flac"].embedding[0, 0] = -np.inf
    made.add(tracks)
    assert len(made.refresh()) == 1
    centre = made.configuration.pooler.centre
    assert centre is not None
    assert np.isfinite(centre).all()
    assert len(made.scales()) == MIN_TRACKS


@pytest.mark.parametrize("damage", [b"", b"abc", b"\xff" * 64], ids=["empty", "cut", "not numbers"])
def test_a_damaged_vector_neither_ends_a_run_nor_spoils_what_is_measured(
    made: MadeHome, rng: np.random.Generator, damage: bytes
) -> None:
    made.add(random_tracks(MIN_TRACKS + 5, rng))
    made.refresh(complete=False)
    with closing(sqlite3.connect(made.home.catalog)) as database, database:
        database.execute(
            "UPDATE tracks SET vector = ?, scale = NULL WHERE digest = ?", (damage, digest_of("t001.flac"))
        )
        database.execute("UPDATE tracks SET scale = NULL WHERE digest = ?", (digest_of("t002.flac"),))
    made.refresh(complete=False)
    assert [digest for digest, scale in made.scales().items() if scale is None] == [digest_of("t001.flac")]


def test_measures_that_a_kill_cut_off_are_made_by_the_next_run(
    made: MadeHome, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.add(random_tracks(MIN_TRACKS, rng))
    made.refresh(complete=False)
    uncentred = meta(made, "percentiles")
    set_meta = Settings.set_meta

    def killed_in_the_end(settings: Settings, key: str, value: str) -> None:
        if key == MEASURED:
            raise KeyboardInterrupt
        set_meta(settings, key, value)

    for part, name, attempt in (
        (Tracks, "set_scales", killed),
        (Settings, "set_meta", killed_in_the_end),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(part, name, attempt)
            with pytest.raises(KeyboardInterrupt):
                made.refresh()
        assert made.configuration.centre
    made.refresh()
    assert None not in made.scales().values()
    known = known_percentiles(made)
    assert known is not None
    assert known.to_text() != uncentred
    expected = Percentiles.of(np.stack([v for _, v in sorted(vectors(made).items())]))
    np.testing.assert_array_equal(known.quantiles, expected.quantiles)


def killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_catalog_is_upgraded_and_its_passages_filled(
    made: MadeHome, rng: np.random.Generator, version: int
) -> None:
    tracks = random_tracks(3, rng, windows=25)
    made.add(tracks)
    before = vectors(made)
    with closing(sqlite3.connect(made.home.catalog)) as database:
        database.executescript(
            "DROP TABLE passages; ALTER TABLE tracks DROP COLUMN scale;"
            + ("DROP TABLE lost;" if version == 1 else "")
            + f"PRAGMA user_version = {version}"
        )
    made.refresh()
    with Catalog(made.home.catalog, read_only=True) as catalog:
        found = dict(catalog.tracks.all_passages())
        assert catalog.tracks.known_digests() == set(before)
    pooler = made.configuration.pooler
    assert found == {digest_of(name): pooler(frames).passages for name, frames in tracks.items()}
    assert {len(unpacked(blob, 16)) for blob in found.values()} == {3}
    assert {d: v.tobytes() for d, v in vectors(made).items()} == {d: v.tobytes() for d, v in before.items()}


class Stages:
    """Sixty short files; homes that have indexed 45 of them, and all: made once, copied for each test."""

    def __init__(self, base: Path) -> None:
        self._base, self.folder = base, base / "now"
        self.folder.mkdir()
        source = self.folder / "music"
        source.mkdir()
        rng = np.random.default_rng(3)
        for number in range(GROWN):
            signal = tone(2, float(rng.uniform(60, 3000))) + tone(2, float(rng.uniform(60, 3000)), level=0.1)
            place = source if number < YOUNG else base
            soundfile.write(place / f"{number:02}.wav", signal, SAMPLE_RATE)
        Library(self.folder / "home").index(source)
        shutil.copytree(self.folder, base / "young")
        self.grow()
        self.library = Library(self.folder / "home")
        self.report = self.library.index(source)
        shutil.copytree(self.folder, base / "grown")

    def grow(self) -> None:
        """Adds the other files."""
        for path in self._base.glob("*.wav"):
            shutil.copy2(path, self.folder / "music")

    def at(self, stage: str) -> Library:
        shutil.rmtree(self.folder)
        shutil.copytree(self._base / stage, self.folder)
        return Library(self.folder / "home")


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIOSIM_HOME", str(tmp_path_factory.mktemp("unused")))
        yield Stages(tmp_path_factory.mktemp("stages"))


def configuration_of(library: Library) -> Configuration:
    with library.catalog() as catalog:
        found = catalog.settings.configuration
    assert found is not None
    return found


def content(library: Library) -> list[str]:
    """All of the catalog but when it was last at work."""
    with closing(sqlite3.connect(library.home.catalog)) as database:
        return [line for line in database.iterdump() if "last_run" not in line]


def assert_centred_and_in_step(library: Library, music: Path) -> None:
    """Vectors are what the caches give with the centre, Chroma has them, and answers."""
    configuration = configuration_of(library)
    cache, centre = Cache(configuration.cache, configuration.spec), configuration.pooler.centre
    assert centre is not None
    for digest, vector in vectors(library).items():
        cached = cache.read(digest)
        assert cached is not None
        np.testing.assert_array_equal(vector, pool(cached.frames, configuration.pooling, centre).vector)
    assert len(library.stored()) == len(vectors(library))
    assert len(library.similar(music / "00.wav", count=5)) == 5


@pytest.mark.slow
def test_a_run_that_reaches_fifty_tracks_centres_all_and_brings_chroma_in_step(stages: Stages) -> None:
    assert configuration_of(stages.at("young")).centre == b""
    assert counts(stages.report) == {"found": GROWN, "unchanged": YOUNG, "indexed": GROWN - YOUNG}
    notices = [event.text for event in stages.library.events if isinstance(event, Notice)]
    assert notices == ["Vectors are centred on the library's mean window from now on."]
    assert_centred_and_in_step(stages.at("grown"), stages.folder / "music")


def test_a_second_run_over_a_centred_home_does_nothing(stages: Stages) -> None:
    library = stages.at("grown")
    library.index()  # the files are copies, which are read again
    before = content(library)
    report = library.index()
    assert counts(report) == {"found": GROWN, "unchanged": GROWN}
    assert library.encoder.windows == 0
    assert not any(isinstance(event, Notice) for event in library.events)
    assert content(library) == before


@pytest.mark.slow
def test_a_new_file_and_another_pooling_keep_the_centre_and_a_rebuild_makes_another(stages: Stages) -> None:
    library = stages.at("grown")
    centre = configuration_of(library).centre
    soundfile.write(stages.folder / "music" / "new.wav", tone(2, 333), SAMPLE_RATE)
    library.index(pooling="mean-std")
    assert configuration_of(library).centre == centre
    assert configuration_of(library).pooling == "mean-std"
    library.index(rebuild=True)
    assert configuration_of(library).centre not in (b"", centre)
    assert library.encoder.windows == 0
    assert_centred_and_in_step(library, stages.folder / "music")


@pytest.mark.slow
def test_a_kill_after_the_centring_is_made_good_by_the_next_run(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = stages.at("young")
    music = stages.folder / "music"
    stages.grow()
    monkeypatch.setattr(Store, "flush", killed)
    with pytest.raises(KeyboardInterrupt):
        library.index(music)
    monkeypatch.undo()
    assert configuration_of(library).centre
    between = find_similar(music / "00.wav", home=library.home.path)
    assert between.exact_because is not None
    library.index()
    after = find_similar(music / "00.wav", home=library.home.path)
    assert after.exact_because is None
    assert [match.track.path for match in between.matches] == [match.track.path for match in after.matches]


def test_a_burst_that_is_under_way_while_vectors_are_replaced_does_not_count(made: MadeHome) -> None:
    made.add({"a.flac": frames_of(np.ones((2, 16), np.float32))})
    with Catalog(made.home.catalog) as catalog:
        configuration = catalog.settings.configuration
        assert configuration is not None
        rows, _ = catalog.store_state.begin_burst(10, configuration.collection)
        centre = np.full(16, 0.5, "<f4")
        centre[0] = 0
        centred = replace(configuration, centre=centre.tobytes())
        cached = made.cache.read(digest_of("a.flac"))
        assert cached is not None
        catalog.tracks.replace_vectors(
            centred, [(digest_of("a.flac"), centred.pooler(cached.frames), cached.duration)]
        )
        with pytest.raises(StoreError, match="was changed"):
            catalog.store_state.acknowledge(rows, [], configuration.collection)
        assert catalog.store_state.pending_count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before it begins", "after it began", "after it was acknowledged"])
def test_a_burst_beside_the_centring_leaves_the_store_in_step(
    stages: Stages, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A burst has opened the collection when the vectors are replaced; Chroma is real, the order forced."""
    library = stages.at("young")
    stages.grow()
    monkeypatch.setattr("audiosim.indexing.run.refresh", lambda catalog, complete: [])
    monkeypatch.setattr(Store, "flush", lambda self, hurried=False: None)
    library.index(stages.folder / "music")
    monkeypatch.undo()
    method = {"before it begins": "begin_burst", "after it began": "acknowledge"}.get(moment, "mark_whole")
    real = getattr(StoreState, method)

    def centred_first(self: StoreState, *arguments: object) -> object:
        monkeypatch.undo()
        with Catalog(library.home.catalog) as other:
            assert list(refresh(other)) != []
        return real(self, *arguments)

    with library.catalog() as catalog:
        assert catalog.store_state.pending_count() > 0
    monkeypatch.setattr(StoreState, method, centred_first)
    with pytest.raises(StoreError):  # this burst, or the next one
        list(StoreWorker(library.home, wait=1, patience=0, asker=os.getppid()).flush())
    library.index()
    assert_centred_and_in_step(library, stages.folder / "music")
    assert verify_home(library.home.path).sound


@pytest.mark.slow
def test_verify_finds_wrong_passages_and_makes_them_anew(stages: Stages) -> None:
    library = stages.at("grown")
    with library.catalog() as catalog:
        first, second = catalog.tracks.indexed_digests()[:2]
        right, other = catalog.tracks.passages(first), catalog.tracks.passages(second)
    assert right != other
    assert verify_home(library.home.path).sound
    with closing(sqlite3.connect(library.home.catalog)) as database, database:
        database.execute("UPDATE passages SET vectors = ? WHERE digest = ?", (other, first))
        database.execute("UPDATE passages SET vectors = ? WHERE digest = ?", (b"", second))
    assert verify_home(library.home.path).lost_vectors == [first, second]
    assert verify_home(library.home.path, repair=True).sound
    with library.catalog() as catalog:
        assert (catalog.tracks.passages(first), catalog.tracks.passages(second)) == (right, other)


def test_a_search_sees_one_moment_though_the_home_is_centred_meanwhile(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = stages.at("young")
    music = stages.folder / "music"
    usual = find_similar(music / "00.wav", home=library.home.path, only=Filter(max_duration=100))
    stages.grow()
    resolve = Resolver.resolve

    def slow(self: Resolver, paths: list[bytes], lenient: frozenset[bytes] = frozenset()) -> object:
        library.index(music)
        return resolve(self, paths, lenient)

    monkeypatch.setattr(Resolver, "resolve", slow)
    during = find_similar(music / "00.wav", home=library.home.path)
    assert configuration_of(library).centre
    assert during.exact_because is not None
    assert [match.track.path for match in during.matches] == [match.track.path for match in usual.matches]
    similarities = [[match.similarity for match in result.matches] for result in (during, usual)]
    assert similarities[0] == pytest.approx(similarities[1])
