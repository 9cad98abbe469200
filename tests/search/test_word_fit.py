"""Asking in words: which are understood, which tracks they fit, what is told where there are none."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import fake_words
import numpy as np
import pytest
from conftest import Cli
from made_home import MadeHome, digest_of, frames_of, path_of, random_tracks

from audiosim.core.errors import HomeError, UsageError
from audiosim.core.types import Tags
from audiosim.library.asked_words import named_labels
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.library.word_scores import WordScorer
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import SearchResult, find_similar

LABELS = (
    "rock",
    "Hip-Hop",
    "hard rock",
    "Male speech, man speaking",
    "Bass (instrument role)",
    "Speech",
    "harp",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rock", ["rock"]),
        ("Hard ROCK harp", ["hard rock", "harp"]),
        ("hip hop", ["Hip-Hop"]),
        ("harp, rock; harp", ["harp", "rock"]),
        ("man speaking", ["Male speech, man speaking"]),
        ("male speech man speaking", ["Male speech, man speaking"]),
        ("bass", ["Bass (instrument role)"]),
        ("speech", ["Speech"]),
    ],
)
def test_the_longest_label_that_a_text_names_is_meant(text: str, expected: list[str]) -> None:
    assert [LABELS[column] for column in named_labels([[text]], LABELS)[0]] == expected


def test_a_word_of_no_label_is_refused_with_those_near_and_a_short_list_as_a_whole() -> None:
    with pytest.raises(UsageError, match="has no word calm") as caught:
        named_labels([["rock calm"]], LABELS)
    assert caught.value.exit_code == 2
    assert caught.value.remedy.startswith("All of them: rock, Hip-Hop")  # none is near
    with pytest.raises(UsageError) as caught:
        named_labels([["harpp"]], [*LABELS, *(f"word {number}" for number in range(80))])
    assert caught.value.remedy.startswith("Nearest in spelling: harp;")
    assert "All of them" not in caught.value.remedy


def test_all_words_of_no_label_are_told_at_once_and_the_list_once() -> None:
    with pytest.raises(UsageError) as caught:
        named_labels([["calm harpp", "rock calm"], ["xyz"]], LABELS)
    assert caught.value.what == "The encoder of this home has no words calm, harpp, xyz"
    with pytest.raises(UsageError, match="The encoder of the space tags has no word xyz"):
        named_labels([["xyz"]], LABELS, "the space tags")
    others = [("the home itself", ["calm"]), ("the space tags", ["Calm", "xyz", "harpp"])]
    with pytest.raises(UsageError) as told:
        named_labels([["calm harpp", "rock"], ["xyz"]], LABELS, others=others)
    assert told.value.remedy.splitlines()[-1] == "Known to the space tags."
    near, whole = caught.value.remedy.splitlines()
    assert near == "Nearest in spelling to harpp: harp"
    assert whole.startswith("All of them: rock, Hip-Hop")


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> fake_words.FakeEntry:
    return fake_words.built_in(monkeypatch)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeHome:
    """Sixty tracks, the first ten of which are low; the last is the first in another encoding."""
    made = MadeHome(tmp_path_factory.mktemp("made") / "home")
    tracks = random_tracks(60, np.random.default_rng(5), windows=30)
    for number in range(10):
        rows = tracks[f"t{number:03}.flac"].embedding.astype(np.float32)
        rows[:, 0] += 4 + 0.2 * number
        tracks[f"t{number:03}.flac"] = frames_of(rows)
    tracks["t059.flac"] = frames_of(tracks["t000.flac"].embedding.astype(np.float32) * 0.98 + 0.01)
    made.add(
        tracks, {f"t{n:03}.flac": Tags(f"Title {n}", f"Artist {n % 3}", genre="Jazz") for n in range(60)}
    )
    made.refresh()
    with Catalog(made.home.catalog) as catalog:
        catalog.words.set_labels(fake_words.LABELS)
        scorer = WordScorer(catalog, made.spec)
        scorer.__dict__["vocabulary"] = fake_words.vocabulary()  # as where the registry knows it
        for name, frames in tracks.items():
            assert scorer.enter(digest_of(name), frames)
    return made


def names(result: SearchResult) -> list[str]:
    return [os.path.basename(os.fsdecode(match.track.path))[1:4] for match in result.matches]


def test_what_words_say_is_found_best_first_and_copies_share_a_line(made: MadeHome) -> None:
    found = find_similar(text="low", count=20, home=made.home.path)
    assert set(names(found)[:6]) <= {"059", *(f"{n:03}" for n in range(10))}
    assert sum(len(match.duplicates) for match in found.matches) == 1
    scores = [match.score or 0.0 for match in found.matches]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 1
    assert all(0 <= match.similarity <= 1 and match.percentile is None for match in found.matches)
    assert (found.queries, found.text, found.exact_because) == ([], ("low",), None)


def test_no_cache_and_no_encoder_is_opened(made: MadeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry knows nothing of this encoder here, and the caches can't be read."""
    monkeypatch.setattr("audiosim.library.cache.Cache.read", None)
    unfolded = RankingOptions(show_duplicates=True)  # without fingerprints, copies are told by windows
    assert names(find_similar(text="low", count=3, home=made.home.path, ranking=unfolded))


def test_several_words_are_taken_together_and_others_stayed_away_from(made: MadeHome) -> None:
    home = made.home.path
    both = [find_similar(text=text, count=5, home=home) for text in (["low", "high"], "low high")]
    assert names(both[0]) == names(both[1])
    low = find_similar(text="low", count=5, home=home)
    lower = find_similar(text="low", not_text="hiss", count=5, home=home)
    assert names(low) != names(lower)
    with Catalog(made.home.catalog, read_only=True) as catalog:
        digests, odds = catalog.words.all()
    odds = odds[:, [0, 3]]
    z = (odds - odds.mean(axis=0)) / odds.std(axis=0)
    fit = z[:, 0] - 0.5 * z[:, 1]
    best = lower.matches[0]
    assert best.score == pytest.approx(fit[digests.index(best.track.digest)], abs=1e-3)


def test_beside_a_query_both_count(made: MadeHome) -> None:
    query = os.fsdecode(path_of("t030.flac"))
    alone = find_similar(query, count=59, home=made.home.path)
    both = find_similar(query, text="low", count=59, home=made.home.path)
    assert len(both.matches) == len(alone.matches)
    cosines = {match.track.digest: match.similarity for match in alone.matches}
    assert all(
        match.similarity == pytest.approx(cosines[match.track.digest], abs=1e-5) for match in both.matches
    )
    assert all(match.percentile is not None for match in both.matches)
    low = {f"{n:03}" for n in range(10)} | {"059"}
    first = [len(low & set(names(found)[:10])) for found in (alone, both)]
    assert first[1] > first[0]
    away = find_similar(query, not_text="low", count=10, home=made.home.path)
    assert not low & set(names(away))


def test_options_of_ranking_hold_for_words_too(made: MadeHome) -> None:
    capped = find_similar(text="low", count=6, home=made.home.path, ranking=RankingOptions(max_per_artist=2))
    artists = Counter(match.track.tags.artist for match in capped.matches)
    assert max(artists.values()) == 2
    plain = find_similar(text="low", count=6, home=made.home.path)
    diverse = find_similar(text="low", count=6, home=made.home.path, ranking=RankingOptions(diversity=0.9))
    assert names(plain)[0] == names(diverse)[0]
    assert names(plain) != names(diverse)
    few = Filter(artists=("Artist 1",))
    filtered = find_similar(text="low", count=60, home=made.home.path, only=few)
    assert {match.track.tags.artist for match in filtered.matches} == {"Artist 1"}
    unfolded = RankingOptions(show_duplicates=True)
    assert len(find_similar(text="low", count=60, home=made.home.path, ranking=unfolded).matches) == 60


def test_what_is_asked_for_must_make_sense(made: MadeHome) -> None:
    query = os.fsdecode(path_of("t030.flac"))
    for options in ({}, {"not_text": "low"}, {"text": "low", "against": query}):
        with pytest.raises(UsageError, match="Nothing to search with"):
            find_similar(home=made.home.path, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="has no word lov"):
        find_similar(text="lov", home=made.home.path)
    with pytest.raises(UsageError, match="has no words lov, hihg"):
        find_similar(text="lov", not_text="hihg", home=made.home.path)
    for text in ("", " - "):
        with pytest.raises(UsageError, match="says nothing"):
            find_similar(text=text, home=made.home.path)


def test_an_encoder_that_reads_is_asked_by_cosines(made: MadeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_words.built_in(monkeypatch, reads=True)
    found = find_similar(text="band 0", count=9, home=made.home.path)
    assert set(names(found)) <= {"059", *(f"{n:03}" for n in range(10))}
    with Catalog(made.home.catalog, read_only=True) as catalog:
        vector = catalog.tracks.vector(found.matches[0].track.digest)
    assert vector is not None
    assert found.matches[0].similarity == pytest.approx(float(vector[0]), abs=1e-5)


def test_explained_matches_name_the_words_that_both_stand_out_by(made: MadeHome) -> None:
    query = os.fsdecode(path_of("t001.flac"))
    found = find_similar(query, count=59, home=made.home.path, explain=True)
    words = {os.fsdecode(match.track.path)[-8:-5]: match.words for match in found.matches}
    assert "low" in words["002"]
    assert "low" not in words["030"]
    by_words = find_similar(text="low", count=3, home=made.home.path, explain=True)
    assert all("low" in match.words and match.passage is None for match in by_words.matches)
    assert not any("explained" in note for note in by_words.notes)


def test_a_home_whose_encoder_knows_no_words_names_the_command_that_adds_them(
    cli: Cli, tmp_path: Path
) -> None:
    made = MadeHome(tmp_path / "home")
    made.add(random_tracks(3, np.random.default_rng(1)))
    done = cli("similar", "--text", "ambient", "--home", made.home.path)
    assert done.code == 2
    assert "The encoder of this home, fake, knows no words" in done.err
    assert "about 621.2 MB to fetch (--variant int8: about a quarter of that)" in done.err
    assert "for this library about 1 second on two cores:\n" in done.err
    command = "audiosim index --space words --encoder clap"
    assert done.err.rstrip().endswith(f"{command} --home {made.home.path}")


def test_a_home_of_before_says_that_the_next_run_makes_scores(
    tmp_path: Path, entry: fake_words.FakeEntry
) -> None:
    made = MadeHome(tmp_path / "home")
    made.add(random_tracks(3, np.random.default_rng(1)))
    with closing(sqlite3.connect(made.home.catalog)) as database, database:
        database.execute("DROP TABLE words")
    with pytest.raises(HomeError, match="No track has word scores yet") as caught:
        find_similar(text="low", home=made.home.path)
    assert caught.value.remedy.endswith("audiosim index")
    for cache in made.home.cache.rglob("*.npz"):
        cache.unlink()  # as after an import
    with pytest.raises(HomeError, match="3 of 3 tracks have no cache") as caught:
        find_similar(text="low", home=made.home.path)
    assert caught.value.remedy.startswith("Copy them there")
