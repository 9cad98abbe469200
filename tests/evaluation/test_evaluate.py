"""Evaluation of a real home made with a small encoder, and the command."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, make_music, tone
from fake_encoder import FakeEncoder

from audiosim.core.config import Home
from audiosim.core.errors import HomeError, UsageError
from audiosim.core.types import FrameEmbeddings, Pooling, Tags, Track
from audiosim.encoders.pooling import POOLINGS, pool
from audiosim.evaluation.evaluate import compare_homes, evaluate
from audiosim.evaluation.relevance import ExcludeSame, GroundTruth
from audiosim.evaluation.results import EvalOptions, Evaluation
from audiosim.evaluation.variants import Space, Variant
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_folder
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.library.hubness import HUB_CORRECTIONS
from audiosim.library.neighbours import blocks
from audiosim.search.ranking import unlike

pytestmark = pytest.mark.slow

EVERYTHING = EvalOptions(poolings=POOLINGS, centring=(False, True), hub_corrections=HUB_CORRECTIONS)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_music(tmp_path_factory.mktemp("shared") / "music")


@pytest.fixture(scope="module")
def home(music: Path) -> Home:
    """A home that no test changes."""
    return indexed(music.parent / "home", music)


@pytest.fixture(scope="module")
def max_home(music: Path) -> Home:
    return indexed(music.parent / "max", music, "max")


@pytest.fixture
def own_home(tmp_path: Path) -> Home:
    """A home of the test's own, of music of its own."""
    return indexed(tmp_path / "home", make_music(tmp_path / "music"))


def indexed(path: Path, music: Path, pooling: Pooling = "mean") -> Home:
    options = IndexOptions(pooling=pooling)
    index_folder([music], home=path, encoder=FakeEncoder(), options=options)
    return Home(path)


def value(evaluation: Evaluation, name: str, variant: int = 0) -> float:
    return evaluation.results[variant].figures[name].value


def caches(home: Home) -> list[Path]:
    return sorted(home.cache.glob("*/*/*.npz"))


def test_folders_that_sound_different_are_found_whole(home: Home) -> None:
    found = evaluate(home.path, EvalOptions(cutoffs=(1, 2, 5)))
    assert found.counts.tracks == found.counts.queries == 6
    assert found.counts.labels == 2
    for name in ("map", "mrr", "ndcg", "precision@1", "precision@2", "recall@2"):
        assert value(found, name) == 1.0
    assert value(found, "precision@5") == pytest.approx(2 / 5)
    assert value(found, "recall@1") == pytest.approx(1 / 2)
    assert found.chance == pytest.approx(2 / 5)


def test_lists_of_all_other_tracks_have_no_hubs(home: Home) -> None:
    lists = evaluate(home.path).results[0].lists
    assert (lists.coverage, lists.hubness, lists.largest_occurrence) == (1.0, 0.0, 5)
    assert lists.novelty == pytest.approx(-np.log2(5 / 6))


def test_copies_of_the_query_are_no_answers(own_home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "music" / "high" / "copy.wav"
    shutil.copy(tmp_path / "music" / "low" / "00 track.wav", copy)
    indexed(own_home.path, tmp_path / "music")
    found = evaluate(own_home.path, EvalOptions(cutoffs=(1,)))
    assert found.counts.tracks == 7
    per_query = found.results[0].per_query[paths(own_home).index(os.fsencode(copy))]
    assert per_query[0] < 1.0  # the low ones come first, and are wrong for it
    original = paths(own_home).index(os.fsencode(tmp_path / "music" / "low" / "00 track.wav"))
    assert found.results[0].per_query[original][0] == 1.0  # its copy in the other folder is not in its way


def paths(home: Home) -> list[bytes]:
    with Catalog(home.catalog, read_only=True) as catalog:
        return [entry.track.path for entry in catalog.tracks.entries()]


def test_tracks_without_a_label_neither_ask_nor_answer(home: Home, music: Path, tmp_path: Path) -> None:
    rows = [f"{music}/low/00 track.wav,x", f"{music}/low/01 track.flac,x", f"{music}/high/03 track.wav,y"]
    (tmp_path / "l.csv").write_text("\n".join(["path,label", *rows, "gone.wav,x"]))
    found = evaluate(home.path, EvalOptions(labels=str(tmp_path / "l.csv")))
    counts = found.counts
    assert (counts.tracks, counts.queries, counts.without_label, counts.not_indexed) == (3, 2, 3, 1)
    assert value(found, "map") == 1.0


def test_all_variants_rank_the_same_tracks(home: Home) -> None:
    found = evaluate(home.path, EVERYTHING)
    assert len(found.results) == 3 * 2 * 5
    assert len({result.variant.name for result in found.results}) == 30
    assert all(result.figures["mrr"].value == 1.0 for result in found.results)
    assert len({round(result.lists.diversity, 6) for result in found.results}) == 1


def test_first_answers_are_those_that_precision_counts(home: Home) -> None:
    result = evaluate(home.path, EvalOptions(cutoffs=(1, 5, 30))).results[0]
    assert result.hits.shape == (6, 30)
    names = list(result.figures)
    for k in (1, 5, 30):
        expected = result.per_query[:, names.index(f"precision@{k}")]
        np.testing.assert_allclose(result.hits[:, :k].sum(axis=1) / k, expected)
    assert evaluate(home.path).results[0].hits.shape == (6, 20)


def test_gains_are_over_the_homes_own_way(max_home: Home) -> None:
    found = evaluate(max_home.path, EVERYTHING)
    assert found.results[0].variant == Variant("max")
    assert (found.gains[0].figure.value, found.gains[0].p) == (0.0, 1.0)


def test_a_pooling_from_the_caches_is_what_a_home_of_it_would_be(home: Home, max_home: Home) -> None:
    own = evaluate(max_home.path)
    pooled = evaluate(home.path, EvalOptions(poolings=("max",)))
    assert own.results[0].variant == pooled.results[0].variant
    np.testing.assert_allclose(own.results[0].per_query, pooled.results[0].per_query, atol=1e-9)


def opened(home: Home) -> tuple[Space, list[str], list[FrameEmbeddings]]:
    """The space of a home, its tracks' digests, and their windows."""
    with Catalog(home.catalog, read_only=True) as catalog:
        configuration, entries = catalog.settings.configuration, list(catalog.tracks.entries())
    assert configuration is not None
    digests = [entry.track.digest for entry in entries]
    cache = Cache(configuration.cache, configuration.spec)
    frames = [cached.frames for digest in digests if (cached := cache.read(digest))]
    return Space(configuration, {entry.track.digest: entry.vector for entry in entries}), digests, frames


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_centring_takes_the_mean_window_from_each_window(home: Home, pooling: Pooling) -> None:
    space, digests, frames = opened(home)
    mean_window = np.mean([f.embedding.astype(np.float64).mean(axis=0) for f in frames], axis=0)
    rows = space.vectors(digests, Variant(pooling, centring=True))
    for row, track in zip(rows, frames, strict=True):
        moved = (track.embedding - mean_window).astype(np.float16)
        expected = pool(FrameEmbeddings(moved, track.timestamps, track.level), pooling)
        np.testing.assert_allclose(row, expected.vector, atol=5e-3)  # float16 rounds what was moved


def test_centring_leaves_deviations_as_they_are(home: Home) -> None:
    space, digests, _ = opened(home)
    plain = space.vectors(digests, Variant("mean-std"))[:, 16:]
    centred = space.vectors(digests, Variant("mean-std", centring=True))[:, 16:]
    ratios = np.linalg.norm(centred, axis=1) / np.maximum(np.linalg.norm(plain, axis=1), 1e-9)
    assert ratios.max() > 1.0  # what is left of the means is shorter
    np.testing.assert_allclose(centred, plain * ratios[:, None], atol=1e-5)


def test_copies_weigh_once_in_the_mean_window(home: Home) -> None:
    space, digests, _ = opened(home)
    once = space.vectors(digests, Variant("mean", centring=True))
    space, _, _ = opened(home)
    twice = space.vectors([*digests, digests[0]], Variant("mean", centring=True))
    np.testing.assert_array_equal(twice, np.concatenate([once, once[:1]]))


def test_what_a_home_would_learn_is_learnt_from_all_of_it(home: Home) -> None:
    space, digests, _ = opened(home)
    variant = Variant("mean", centring=True)
    np.testing.assert_array_equal(space.vectors(digests[:3], variant), space.vectors(digests, variant)[:3])


def test_tracks_whose_caches_are_gone_are_left_out_of_every_variant(own_home: Home) -> None:
    caches(own_home)[0].unlink()
    caches(own_home)[1].write_bytes(b"damaged")
    found = evaluate(own_home.path, EvalOptions(poolings=("mean", "max")))
    assert (found.counts.tracks, found.counts.without_vector) == (4, 2)
    assert evaluate(own_home.path).counts.tracks == 6  # which needs no cache


def test_over_half_of_the_caches_gone_is_an_error(own_home: Home) -> None:
    for path in caches(own_home)[:4]:
        path.unlink()
    with pytest.raises(HomeError, match="4 of 6 pieces of audio have no cache"):
        evaluate(own_home.path, EvalOptions(centring=(True,)))


def test_a_damaged_vector_is_left_out(own_home: Home) -> None:
    with Catalog(own_home.catalog) as catalog:
        catalog._db.execute(
            "UPDATE tracks SET vector = x'00' WHERE digest = (SELECT min(digest) FROM tracks)"
        )
    assert evaluate(own_home.path).counts.without_vector == 1


def test_labels_that_no_two_tracks_share_are_an_error(home: Home) -> None:
    with pytest.raises(UsageError, match="nothing to judge") as caught:
        evaluate(home.path, EvalOptions(labels="artist"))
    assert "--exclude-same" not in str(caught.value)


def test_a_home_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no index"):
        evaluate(tmp_path / "none")


def test_numbers_below_one_are_refused() -> None:
    with pytest.raises(UsageError):
        EvalOptions(cutoffs=(0,))
    with pytest.raises(UsageError):
        EvalOptions(neighbours=0)


def test_answers_of_the_same_artist_are_left_out_of_ranking_and_right_ones() -> None:
    artists = ["A", "a ", "B", None, None]
    tracks = [Track(b"/%d" % n, str(n), 1.0, Tags(artist=a)) for n, a in enumerate(artists)]
    truth = GroundTruth(tracks, [frozenset({"x"})] * 5, "artist")
    (rows,) = blocks(5)
    expected = ~np.eye(5, dtype=bool)
    expected[0, 1] = expected[1, 0] = False
    np.testing.assert_array_equal(truth.admitted(rows), expected)
    np.testing.assert_array_equal(truth.right(rows), expected)


def test_the_same_artist_is_the_one_that_similar_leaves_out() -> None:
    tags = [
        Tags(artist="A; B", album="X"),
        Tags(artist="b", album="X", album_artist="Various Artists"),
        Tags(album_artist="A", album="X"),
        Tags(artist="C", album="X", album_artist="Various Artists"),
    ]
    tracks = [Track(b"/%d" % n, str(n), 1.0, own) for n, own in enumerate(tags)]
    names: tuple[ExcludeSame, ...] = ("artist", "album")
    for name in names:
        truth = GroundTruth(tracks, [frozenset({"x"})] * 4, name)
        expected = [[unlike([one], (name,))(other) and one != other for other in tracks] for one in tracks]
        np.testing.assert_array_equal(truth.admitted(slice(0, 4)), expected)
        assert 0 < np.sum(expected) < 12


def test_a_query_counts_to_the_label_that_most_tracks_have() -> None:
    tracks = [Track(b"/%d" % n, str(n), 1.0) for n in range(5)]
    labels = [frozenset(text) for text in ("xy", "yz", "y", "w", "")]
    main = GroundTruth(tracks, labels).main_labels().tolist()
    assert main == [main[0], main[0], main[0], main[3], main[4]]
    assert len(set(main)) == 3


def test_tracks_belong_together_when_they_share_a_label() -> None:
    tracks = [Track(b"/%d" % n, str(n), 1.0) for n in range(4)]
    labels = [frozenset(text) for text in ("xy", "yz", "z", "")]
    truth = GroundTruth(tracks, labels)
    right = truth.right(slice(0, 4)).astype(int).tolist()
    assert right == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(truth.shares(), [1 / 3, 2 / 3, 1 / 3, 0])


def test_a_home_against_itself_shows_no_difference(home: Home) -> None:
    found = compare_homes(home.path, home.path)
    assert {d.figure.value for d in found.differences.values()} == {0.0}
    assert {d.p for d in found.differences.values()} == {1.0}


def test_two_homes_are_compared_on_what_both_hold(own_home: Home, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "music" / "low" / "00 track.wav", tone(3, 100), SAMPLE_RATE)
    other = indexed(tmp_path / "other", tmp_path / "music", "max")
    found = compare_homes(own_home.path, other.path)
    assert found.first.counts == found.second.counts
    assert (found.first.counts.tracks, found.first.counts.not_shared) == (5, 1)
    assert found.second.results[0].variant.pooling == "max"


def test_two_homes_of_other_music_are_not_compared(home: Home, own_home: Home) -> None:
    with pytest.raises(UsageError, match="no track in common"):
        compare_homes(home.path, own_home.path)


def test_two_homes_are_not_compared_in_several_variants(home: Home) -> None:
    with pytest.raises(UsageError, match="one variant"):
        compare_homes(home.path, home.path, EVERYTHING)


def test_evaluation_changes_nothing_in_the_home(home: Home) -> None:
    def state() -> list[tuple[str, int]]:
        return [(str(p), p.stat().st_mtime_ns) for p in sorted(home.path.rglob("*.npz"))]

    before = state()
    assert evaluate(home.path, EVERYTHING).counts == evaluate(home.path, EVERYTHING).counts
    assert state() == before


def test_the_command_prints_a_table_with_intervals(home: Home, cli: Cli) -> None:
    done = cli("eval", "--home", home.path, "-k", 2, "-k", 1)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert "6 tracks in 2 labels (folder); 6 are asked with" in done.out
    assert next(line.split() for line in lines if line.startswith("MAP")) == [
        "MAP",
        *("1.000", "1.000", "to", "1.000"),
        *("1.000", "to", "1.000"),
    ]
    assert "count, as most tracks name none." in done.out
    assert [line.split()[0] for line in lines if line.startswith("precision")] == [
        "precision@1",
        "precision@2",
    ]


def test_the_command_compares_variants_best_first(home: Home, cli: Cli) -> None:
    done = cli("eval", "--home", home.path, "--compare", "--json")
    assert done.code == 0, done.err
    variants = done.json["variants"]
    assert len(variants) == 60
    maps = [variant["figures"]["map"]["value"] for variant in variants]
    assert maps == sorted(maps, reverse=True)
    plain = next(variant for variant in variants if variant["variant"] == "mean")
    for variant in variants:
        gain = variant["figures"]["map"]["value"] - plain["figures"]["map"]["value"]
        assert variant["map_gain"]["value"] == pytest.approx(gain, abs=1e-5)
    assert set(variants[0]["figures"]["map"]) == {
        *("value", "low", "high"),
        *("low_over_labels", "high_over_labels"),
    }
    assert {"map", "r_precision", "mrr", "ndcg"} < set(variants[0]["figures"])
    assert (done.json["exclude_same"], done.json["excluded_for"]) == (None, "artists-unknown")
    assert done.json["verdict"]["own"] == done.json["verdict"]["best"] == "mean"  # all are perfect
    brief, every = (cli("eval", "--home", home.path, "--compare", *more).out for more in ((), ("--all",)))
    assert 5 <= sum(line.startswith(("mean", "max")) for line in brief.splitlines()) <= 7
    assert re.search(r"\nMore: 5[345] variants, and all figures: --all; ", brief)
    assert len({line.split("  ")[0] for line in every.splitlines() if line.startswith(("mean", "max"))}) == 60
    assert brief.partition("Best for")[2] == every.partition("Best for")[2] != ""
    several = ("eval", "--home", home.path, "--pooling", "all")
    table = cli(*several, "--hub-correction", "csls").out
    assert all(name in table for name in ("mean, csls", "max, csls", "mean-std, csls"))
    assert "Largest N10" not in table
    assert "Best" not in table  # what the home has was not among them
    assert "Largest N10" in cli(*several, "--all").out
    told = cli(*several).out.partition("\nBest for searches here: ")[2]
    assert told.startswith("mean (as it is here), in MAP 0.000 (95 % interval 0.000 to 0.000, over labels")
    assert "That may be chance (p 1.0000, best of 3 that searches can have)." in " ".join(told.split())
    assert "To try it" not in told


def test_the_command_sets_two_homes_side_by_side(home: Home, max_home: Home, cli: Cli) -> None:
    done = cli("eval", "--home", home.path, "--against", max_home.path, "--json")
    assert done.code == 0, done.err
    first, second = (
        done.json[name]["variants"][0]["figures"]["map"]["value"] for name in ("first", "second")
    )
    difference = done.json["differences"]["map"]
    assert difference["value"] == pytest.approx(second - first, abs=1e-5)
    assert difference["low"] <= difference["value"] <= difference["high"]
    assert 0 < difference["p"] <= 1
    table = cli("eval", "--home", home.path, "--against", max_home.path).out
    assert f"Second: {max_home.path}" in table
    assert "95 % interval" in table
    assert table.endswith("is not sure: their difference in MAP may be chance.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "mood"], "--labels mood is not known"),
        (["--labels", "artist"], "nothing to judge"),
        (["--exclude-same", "year"], "--exclude-same year is not known"),
        (["--labels", "artist", "--exclude-same", "album"], "or --exclude-same none."),
        (["--png", "."], "it is a folder"),
        (["--triplets", "t.csv", "--against", "."], "--triplets goes without --against"),
        (["--triplets", "t.csv", "--labels", "genre"], "--triplets goes without --labels"),
        (["--pooling", "median"], "--pooling median is not known"),
        (["--hub-correction", "no"], "--hub-correction no is not known"),
        (["--compare", "--centring"], "--compare goes without"),
        (["--compare", "--against", "."], "one variant"),
        (["-k", "0"], "Invalid value for '-k'"),
    ],
)
def test_wrong_usage_exits_with_2(home: Home, cli: Cli, arguments: list[str], message: str) -> None:
    done = cli("eval", "--home", home.path, *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_no_home_exits_with_1(tmp_path: Path, cli: Cli) -> None:
    done = cli("eval", "--home", tmp_path / "none")
    assert done.code == 1
    assert "There is no index" in done.err


def test_results_are_values(home: Home) -> None:
    result = evaluate(home.path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.chance = 0.0  # type: ignore[misc]
