"""Searching whitened: the same space in the store, exact search, playlists, maps, exports and `eval`."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from made_home import MadeHome, digest_of, frames_of, path_of, uneven_tracks

from audiosim.core.types import Float32
from audiosim.evaluation.evaluate import evaluate
from audiosim.evaluation.home import EvaluatedHome
from audiosim.evaluation.results import EvalOptions
from audiosim.indexing.exchange.exporting import export_index
from audiosim.indexing.exchange.importing import import_index
from audiosim.indexing.verify import verify_home
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.library.hubness import similarities
from audiosim.library.index import open_index
from audiosim.library.whitening import AS_THEY_ARE
from audiosim.map.atlas import make_atlas
from audiosim.search.duplicates import find_duplicates
from audiosim.search.passage_search import find_passages
from audiosim.search.playlist import make_path, make_radio
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import find_similar
from audiosim.store import Store

pytestmark = pytest.mark.slow

DIMENSION = 16
TRACKS = 60
ALL = Filter(under=(b"/",))  # has exact search answer
PLAIN = RankingOptions(hub_correction=False, show_duplicates=True)


@pytest.fixture(autouse=True)
def whitened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test encoder's means are whitened, as MusiCNN's are."""
    monkeypatch.setattr("audiosim.library.whitening.ENCODERS", (FakeEncoder().spec.name,))


@pytest.fixture
def made(tmp_path: Path) -> MadeHome:
    made = MadeHome(tmp_path / "home")
    made.add(uneven_tracks(1))
    return made


def measured_as_before(made: MadeHome) -> None:
    """What earlier versions did at the end of a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audiosim.library.whitening.ENCODERS", ())
        made.refresh()


def flush(made: MadeHome) -> None:
    with Catalog(made.home.catalog) as catalog:
        Store(made.home, catalog).flush()


def vectors(made: MadeHome) -> dict[str, Float32]:
    with Catalog(made.home.catalog, read_only=True) as catalog:
        return dict(catalog.tracks.all_vectors())


def exact(home: Path, name: str, count: int = 10) -> list[tuple[bytes, float, float | None]]:
    found = find_similar(f"/music/{name}.flac", home=home, only=ALL, count=count, ranking=PLAIN).matches
    return [(match.track.path, match.similarity, match.percentile) for match in found]


def test_the_store_holds_whitened_vectors_and_answers_as_exact_search(made: MadeHome) -> None:
    made.refresh()
    with Catalog(made.home.catalog) as catalog:
        Store(made.home, catalog).flush()
    assert verify_home(made.home.path, full=True).faults == []
    asked = "/music/t007.flac"
    by_store = find_similar(asked, home=made.home.path)
    exact = find_similar(asked, home=made.home.path, only=Filter(under=(b"/",)))
    assert by_store.exact_because is None
    assert [match.track for match in by_store.matches] == [match.track for match in exact.matches]
    space = made.configuration.space
    query = space(vectors(made)[digest_of("t007.flac")])
    for one, other in zip(by_store.matches, exact.matches, strict=True):
        cosine = float(query @ space(vectors(made)[one.track.digest]))
        assert (one.similarity, other.similarity) == pytest.approx((cosine, cosine), abs=1e-6)
    plain = vectors(made)[digest_of("t007.flac")]
    assert any(
        abs(match.similarity - float(plain @ vectors(made)[match.track.digest])) > 0.05
        for match in by_store.matches
    )


def test_what_varies_within_tracks_no_longer_hides_which_are_alike(tmp_path: Path) -> None:
    """Halves of tracks: each finds its other half more often than before."""
    rng = np.random.default_rng(2)
    made = MadeHome(tmp_path / "home")
    spread = np.where(np.arange(DIMENSION) < 4, 6.0, 0.2)
    halves = {}
    for n in range(40):
        middle = 0.5 * rng.standard_normal(DIMENSION)
        for half in "ab":
            rows = middle + spread * rng.standard_normal((12, DIMENSION))
            halves[f"{half}{n:03}.flac"] = frames_of(rows.astype(np.float32))
    made.add(halves)

    def found() -> int:
        answers = (
            find_similar(f"/music/a{n:03}.flac", home=made.home.path, count=1, only=Filter(under=(b"/",)))
            for n in range(40)
        )
        return sum(
            answer.matches[0].track.path == path_of(f"b{n:03}.flac") for n, answer in enumerate(answers)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audiosim.library.whitening.ENCODERS", ())
        made.refresh()
        before = found()
    made.refresh()
    assert found() >= before + 10


def test_an_export_carries_it_and_answers_stay_the_same(made: MadeHome, tmp_path: Path) -> None:
    made.refresh()
    file = tmp_path / "export.parquet"
    export_index(file, home=made.home.path)
    import_index([file], home=tmp_path / "other")
    with Catalog(tmp_path / "other" / "catalog.db", read_only=True) as catalog:
        configuration = catalog.settings.configuration
        assert configuration is not None
        assert configuration.whitening == made.configuration.whitening
        assert catalog.settings.learnt == TRACKS
    for name in ("t003", "t041"):
        here, there = (
            find_similar(f"/music/{name}.flac", home=home, only=Filter(under=(b"/",))).matches
            for home in (made.home.path, tmp_path / "other")
        )
        assert [(m.track.path, m.similarity, m.percentile) for m in here] == [
            (m.track.path, m.similarity, m.percentile) for m in there
        ]


def test_a_radio_is_made_where_tracks_are_searched(made: MadeHome) -> None:
    made.refresh()
    radio = make_radio("/music/t003.flac", 2, home=made.home.path, only=Filter(min_duration=0.0), spacing=0)
    best = find_similar("/music/t003.flac", home=made.home.path, count=60, only=Filter(under=(b"/",))).matches
    assert radio.similarities[1] == pytest.approx(max(match.similarity for match in best), abs=1e-6)


@pytest.mark.parametrize("labelled", [TRACKS, TRACKS // 3])
def test_eval_measures_what_the_home_does_and_what_it_would(made: MadeHome, labelled: int) -> None:
    """A home learns from all of it, whichever of its tracks have labels."""
    labels = made.home.path / "labels.csv"
    names = "".join(f"/music/t{n:03}.flac,{n % 6}\n" for n in range(labelled))
    labels.write_text("path,label\n" + names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audiosim.library.whitening.ENCODERS", ())
        made.refresh()
        options = EvalOptions(labels=str(labels), whitening=(False, True))
        would = {result.variant.whitening: result for result in evaluate(made.home.path, options).results}
    made.refresh()
    does = evaluate(made.home.path, EvalOptions(labels=str(labels))).results[0]
    assert does.variant.whitening
    np.testing.assert_allclose(does.per_query, would[True].per_query, atol=1e-6)
    back = evaluate(made.home.path, EvalOptions(labels=str(labels), whitening=(False,))).results[0]
    np.testing.assert_allclose(back.per_query, would[False].per_query, atol=1e-6)
    poolings = EvalOptions(labels=str(labels), poolings=("max", "mean-std"), whitening=(False, True))
    assert len(evaluate(made.home.path, poolings).results) == 4


def test_before_the_store_is_written_anew_exact_search_answers_in_the_new_space(made: MadeHome) -> None:
    measured_as_before(made)
    flush(made)
    asked = "/music/t007.flac"
    before = find_similar(asked, home=made.home.path, ranking=PLAIN)
    assert before.exact_because is None
    made.refresh()  # and killed here
    between = find_similar(asked, home=made.home.path, ranking=PLAIN)
    assert between.exact_because is not None
    assert [(m.track.path, m.similarity, m.percentile) for m in between.matches] == exact(
        made.home.path, "t007"
    )
    flush(made)
    after = find_similar(asked, home=made.home.path, ranking=PLAIN)
    assert after.exact_because is None
    assert [m.track.path for m in after.matches] == [m.track.path for m in between.matches]
    assert [m.track.path for m in after.matches] != [m.track.path for m in before.matches]


def test_learning_that_is_cut_short_leaves_everything_as_it_was(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_as_before(made)
    before, configuration, scales = exact(made.home.path, "t003"), made.configuration, made.scales()
    with monkeypatch.context() as patch:
        patch.setattr("audiosim.library.catalog.tracks.Tracks._void", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            made.refresh()
    assert (made.configuration, made.scales()) == (configuration, scales)
    assert exact(made.home.path, "t003") == before
    made.refresh()
    assert made.configuration.whitening
    assert exact(made.home.path, "t003") != before


def test_percentiles_and_hubs_are_measured_where_tracks_are_searched(made: MadeHome) -> None:
    measured_as_before(made)
    before, plain = exact(made.home.path, "t003", TRACKS), made.scales()
    made.refresh()
    after = exact(made.home.path, "t003", TRACKS)
    for told in (before, after):
        assert 25 < np.median([share for *_, share in told if share is not None]) < 75  # of random pairs
    space = made.configuration.space
    digests = sorted(vectors(made))
    rows = space(np.stack([vectors(made)[digest] for digest in digests])).astype(np.float64)
    cosines = np.sort(rows @ rows.T - 2 * np.eye(len(rows)), axis=1)[:, ::-1][:, :10]
    for digest, near in zip(digests, cosines.mean(axis=1), strict=True):
        assert made.scales()[digest] == pytest.approx(1 - near, abs=1e-5)
    assert made.scales() != plain


def test_passages_and_duplicates_stay_as_they_were(made: MadeHome) -> None:
    made.add({"twin.flac": uneven_tracks(1)["t005.flac"]})
    measured_as_before(made)

    def told() -> tuple[object, ...]:
        passages = find_passages("/music/t003.flac", 2, 8, home=made.home.path).matches
        explained = find_similar("/music/t003.flac", home=made.home.path, only=ALL, count=99, explain=True)
        return (
            [(match.track.path, match.passage) for match in passages],
            {match.track.path: match.passage for match in explained.matches},
            find_duplicates(made.home.path),
        )

    before = told()
    made.refresh()
    assert made.configuration.whitening
    assert told() == before


def test_a_path_and_a_map_are_made_where_tracks_are_searched(made: MadeHome) -> None:
    made.refresh()
    first, last = "/music/t003.flac", "/music/t004.flac"
    path = make_path(first, last, 4, home=made.home.path, only=Filter(min_duration=0.0), spacing=0)
    space = made.configuration.space
    names = [track.digest for track in path.tracks]
    rows = space(np.stack([vectors(made)[digest] for digest in names]))
    steps = np.einsum("ij,ij->i", rows[1:], rows[:-1])
    np.testing.assert_allclose(path.similarities[1:], steps, atol=1e-6)
    with open_index(made.home.path) as index:
        entries = list(index.catalog.tracks.entries())
    for where, same in ((space, True), (AS_THEY_ARE, False)):
        atlas = make_atlas([[entry] for entry in entries], None, "fake", where)
        alike = [
            [atlas.tracks[spot].path for spot in row[:5]]
            == [path for path, *_ in exact(made.home.path, Path(track.path.decode()).stem, 5)]
            for track, row in zip(atlas.tracks, atlas.neighbours.indices.tolist(), strict=True)
        ]
        assert all(alike) == same


def test_a_part_of_a_library_is_searched_as_the_whole(made: MadeHome, tmp_path: Path) -> None:
    made.refresh()
    file, other = tmp_path / "part.parquet", tmp_path / "other"
    export_index(file, home=made.home.path, only=Filter(min_duration=0.0))
    import_index([file], home=other)
    here, there = exact(made.home.path, "t003"), exact(other, "t003")
    assert [path for path, *_ in here] == [path for path, *_ in there]
    np.testing.assert_allclose([row[1] for row in here], [row[1] for row in there], atol=1e-6)


def test_a_small_home_takes_what_an_export_was_searched_through(made: MadeHome, tmp_path: Path) -> None:
    made.refresh()
    file = tmp_path / "export.parquet"
    export_index(file, home=made.home.path)
    small = MadeHome(tmp_path / "small")
    small.add(uneven_tracks(7, 12, prefix="own"))
    shutil.copytree(made.home.cache, small.home.cache, dirs_exist_ok=True)
    import_index([file], home=small.home.path)
    assert small.configuration.whitening == made.configuration.whitening
    with Catalog(small.home.catalog, read_only=True) as catalog:
        assert catalog.settings.learnt == TRACKS
    both = {path: similarity for path, similarity, _ in exact(small.home.path, "t003", 99)}
    for path, similarity, _ in exact(made.home.path, "t003", 99):
        assert both[path] == pytest.approx(similarity, abs=1e-6)
    assert len(both) == TRACKS - 1 + 12
    assert verify_home(small.home.path, full=True).faults == []


def test_a_home_that_wants_none_takes_none_from_an_export(made: MadeHome, tmp_path: Path) -> None:
    made.refresh()
    file = tmp_path / "export.parquet"
    export_index(file, home=made.home.path)
    small = MadeHome(tmp_path / "small")
    with Catalog(small.home.catalog) as catalog:
        catalog.settings.want_whitening(wanted=False)
    import_index([file], home=small.home.path)
    assert small.configuration.centre == made.configuration.centre
    assert small.configuration.whitening == b""


def test_a_copied_home_answers_the_same_without_its_caches(made: MadeHome, tmp_path: Path) -> None:
    made.refresh()
    flush(made)
    here = exact(made.home.path, "t003")
    shutil.copytree(made.home.path, tmp_path / "copy")
    shutil.rmtree(made.home.path)
    assert exact(tmp_path / "copy", "t003") == here
    answer = find_similar("/music/t003.flac", home=tmp_path / "copy", ranking=PLAIN)
    assert answer.exact_because is None
    assert [match.track.path for match in answer.matches] == [path for path, *_ in here]


def test_an_earlier_version_that_changes_the_configuration_ends_it(made: MadeHome) -> None:
    """It knows of no whitening, and writes what it does know."""
    made.refresh()
    with closing(sqlite3.connect(made.home.catalog)) as database, database:
        (text,) = database.execute("SELECT value FROM meta WHERE key = 'configuration'").fetchone()
        known = {key: value for key, value in json.loads(text).items() if key != "whitening"}
        database.execute("UPDATE meta SET value = ? WHERE key = 'configuration'", (json.dumps(known),))
    assert made.configuration.whitening == b""
    made.refresh()
    assert made.configuration.whitening


def test_an_evaluation_judges_the_order_in_which_searches_answer(made: MadeHome) -> None:
    made.refresh()
    home = EvaluatedHome.load(made.home.path)
    digests = [track.digest for track in home.tracks]
    assert home.own.hub_correction == "score"
    found = similarities(home.space.vectors(digests, home.own), home.own.hub_correction)(slice(None))
    for name in ("t000.flac", "t017.flac", "t042.flac"):
        row = digests.index(digest_of(name))
        order = [index for index in np.argsort(-found[row], kind="stable") if index != row][:10]
        ranking = RankingOptions(show_duplicates=True)
        answers = find_similar(f"/music/{name}", home=made.home.path, only=ALL, count=10, ranking=ranking)
        assert [match.track.path for match in answers.matches] == [home.tracks[index].path for index in order]
