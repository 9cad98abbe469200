"""Many queries at once: what each gets is what it gets alone."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_words
import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, tone
from fake_encoder import FakeEncoder
from made_home import MadeHome, digest_of, frames_of, path_of, random_tracks

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.core.errors import AudiosimError, HomeError, UsageError, WeightsError
from audiosim.core.types import Match, Tags
from audiosim.encoders import LazyEncoder
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter, Years
from audiosim.library.word_scores import WordScorer
from audiosim.search.each import find_passages_each, find_similar_each
from audiosim.search.passage_search import find_passages
from audiosim.search.query import AT_A_TIME, Source
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import SearchResult, find_similar
from audiosim.store import Store

pytestmark = pytest.mark.slow

TRACKS = 70
NAMES = [f"t{number:03}.flac" for number in range(TRACKS)]
PATHS = [os.fsdecode(path_of(name)) for name in NAMES]
ALL = Filter(under=(b"/",))  # has exact search answer


def fingerprint(number: int) -> bytes:
    rng = np.random.default_rng(number)
    return Landmarks(np.cumsum(rng.integers(1, 60, 40)), rng.random((40, BITS)) < 0.5).to_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeHome]:
    """Tracks in a whitened home, with hubs corrected and words scored; Chroma in step.

    Of the second there is a copy in another encoding by the windows, of the third by the fingerprint.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audiosim.library.whitening.ENCODERS", (FakeEncoder().spec.name,))
        fake_words.built_in(patch)
        home = MadeHome(tmp_path_factory.mktemp("made") / "home")
        tracks = random_tracks(TRACKS, np.random.default_rng(3), windows=30)
        for first, copy in ((1, 68), (2, 69)):
            tracks[NAMES[copy]] = frames_of(tracks[NAMES[first]].embedding.astype(np.float32) * 0.98 + 0.01)
        tags = {
            name: Tags(
                f"Title {n}",
                f"Artist {n % 9}",
                f"Album {n % 20}",
                genre=("Rock", "Jazz")[n % 2],
                year=1960 + n,
            )
            for n, name in enumerate(NAMES)
        }
        home.add(tracks, tags)
        home.refresh()
        with Catalog(home.home.catalog) as catalog:
            for number, name in enumerate(NAMES):
                if number not in (1, 68):
                    catalog.fingerprints.set(digest_of(name), fingerprint(2 if number == 69 else number))
            scorer = WordScorer(catalog, home.spec)
            for name, frames in tracks.items():
                assert scorer.enter(digest_of(name), frames)
            Store(home.home, catalog).flush()
        assert home.configuration.whitening
        yield home


def told(match: Match) -> tuple[object, ...]:
    return (match.track, match.rank, match.duplicates, match.words)


def assert_alike(one: object, other: SearchResult) -> None:
    assert isinstance(one, SearchResult), one
    assert [told(match) for match in one.matches] == [told(match) for match in other.matches]
    for mine, its in zip(one.matches, other.matches, strict=True):
        assert mine.similarity == pytest.approx(its.similarity, abs=1e-6)
        assert mine.score == pytest.approx(its.score, abs=1e-6)
        assert mine.percentile == pytest.approx(its.percentile, abs=1e-6)
        assert (mine.passage is None) == (its.passage is None)
        if mine.passage is not None and its.passage is not None:
            assert mine.passage.start == pytest.approx(its.passage.start)
            assert mine.passage.similarity == pytest.approx(its.passage.similarity, abs=1e-6)
    assert [query.track for query in one.queries] == [query.track for query in other.queries]
    assert [query.track for query in one.against] == [query.track for query in other.against]
    assert set(one.notes) == set(other.notes)
    assert (one.text, one.not_text) == (other.text, other.not_text)


@pytest.mark.parametrize(
    "options",
    [
        {"only": Filter(genres=("jazz",), years=Years(1970, 1999))},
        {"only": ALL, "explain": True, "count": 5},
        {"ranking": RankingOptions(exclude_same=("artist",), diversity=0.4)},
        {"ranking": RankingOptions(exclude_same=("album",), max_per_artist=1)},
        {"only": ALL, "ranking": RankingOptions(show_duplicates=True, hub_correction=False)},
        {"only": ALL, "include_self": True, "against": PATHS[7:9]},
        {"text": "low", "not_text": ["high"]},
    ],
    ids=str,
)
def test_each_query_gets_the_answer_that_it_gets_alone(made: MadeHome, options: dict[str, Any]) -> None:
    asked = [path for path in PATHS[::3] if path not in options.get("against", ())]
    answers = list(find_similar_each(asked, home=made.home.path, **options))
    assert [path for path, _ in answers] == asked
    for path, answer in answers:
        assert_alike(answer, find_similar(path, home=made.home.path, **options))


def test_a_plain_query_gets_the_answer_that_the_store_gives(made: MadeHome) -> None:
    for path, answer in find_similar_each(PATHS[:8], home=made.home.path):
        alone = find_similar(path, home=made.home.path)
        assert alone.exact_because is None
        assert_alike(answer, alone)
    third = dict(find_similar_each(PATHS, home=made.home.path, count=TRACKS))[PATHS[5]]
    assert isinstance(third, SearchResult)
    assert len(third.matches) == TRACKS - 3  # the query, and one of each two that are a recording


def test_no_store_is_opened(made: MadeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audiosim.search.similar.store_reader", None)
    answers = find_similar_each(PATHS[:5], home=made.home.path)
    assert all(isinstance(answer, SearchResult) for _, answer in answers)


def test_passages_of_each_are_what_they_are_alone(made: MadeHome) -> None:
    asked = [PATHS[0], "/music/nowhere.flac", PATHS[40]]
    answers = dict(find_passages_each(asked, 2, 8, home=made.home.path, count=5))
    assert list(answers) == asked
    assert isinstance(answers[asked[1]], UsageError)
    for path in asked[::2]:
        assert_alike(answers[path], find_passages(path, 2, 8, home=made.home.path, count=5))


def test_a_bad_query_is_an_error_in_its_place(made: MadeHome, tmp_path: Path) -> None:
    broken, empty = tmp_path / "broken.mp3", tmp_path / "empty.wav"
    broken.write_text("no music at all\n" * 100)
    empty.touch()
    asked = [PATHS[3], os.fspath(broken), "/music/nowhere.flac", PATHS[7], os.fspath(empty), "title 4"]
    answers = list(find_similar_each(asked, against=PATHS[7], home=made.home.path))
    assert [os.path.basename(path) for path, _ in answers] == [os.path.basename(path) for path in asked]
    kinds = [type(answer) for _, answer in answers]
    assert kinds == [SearchResult, AudiosimError, UsageError, UsageError, AudiosimError, SearchResult]
    errors = [str(answer) for _, answer in answers]
    assert f"Can't use {broken}" in errors[1]
    assert "No such file: /music/nowhere.flac" in errors[2]
    assert "wanted and not" in errors[3]
    titled = answers[5][1]
    assert isinstance(titled, SearchResult)
    assert f"title 4: taken for {PATHS[4]}." in titled.notes


def test_files_that_are_not_indexed_are_answered_as_alone_and_in_order(music: Path, tmp_path: Path) -> None:
    home, encoder = tmp_path / "home", FakeEncoder()
    index_folder([music], home=home, encoder=encoder)
    new = []
    for number in range(5):
        new.append(tmp_path / f"new {number}.wav")
        soundfile.write(
            new[-1], tone(9 - number, 100 + 150 * number), SAMPLE_RATE
        )  # the last is soonest done
    known = sorted(music.rglob("*.*"))
    moved = tmp_path / "moved.flac"
    moved.write_bytes((music / "low" / "01 track.flac").read_bytes())
    asked = [new[0], known[0], new[1], moved, *new[2:], known[1]]
    answers = list(find_similar_each(asked, home=home, only=ALL, encoder=encoder))
    assert [path for path, _ in answers] == list(map(os.fspath, asked))
    for path, answer in answers:
        assert_alike(answer, find_similar(path, home=home, only=ALL, encoder=encoder))


def test_an_answer_comes_before_later_queries_are_looked_at(made: MadeHome, tmp_path: Path) -> None:
    late = tmp_path / "late.wav"
    answers = find_similar_each([*PATHS[:AT_A_TIME], os.fspath(late)], home=made.home.path)
    assert next(answers)[0] == PATHS[0]
    soundfile.write(late, tone(3, 200), SAMPLE_RATE)
    path, answer = list(answers)[-1]
    assert path == os.fspath(late)
    assert isinstance(answer, SearchResult)


def test_an_encoder_that_is_not_to_be_had_is_asked_for_once_and_indexed_ones_are_answered(
    made: MadeHome, tmp_path: Path
) -> None:
    tries = []

    def load() -> FakeEncoder:
        tries.append(1)
        raise WeightsError("The weights are not here")

    new = [tmp_path / f"{number}.wav" for number in range(2 * AT_A_TIME)]
    there = (0, 1, len(new) - 1)
    for number in there:
        soundfile.write(new[number], tone(2, 300 + number), SAMPLE_RATE)
    asked = [os.fsencode(path) for path in [PATHS[0], *map(str, new), PATHS[1]]]
    encoder: Any = LazyEncoder(made.spec, load)
    found = dict(find_similar_each(Source(asked, frozenset(asked)), home=made.home.path, encoder=encoder))
    assert list(map(os.fsencode, found)) == asked
    assert all(isinstance(found[path], SearchResult) for path in PATHS[:2])
    assert all(isinstance(found[os.fspath(new[number])], WeightsError) for number in there)
    assert isinstance(found[os.fspath(new[5])], UsageError)
    assert len(tries) == 1


def test_what_is_wrong_for_all_ends_it(made: MadeHome, tmp_path: Path) -> None:
    home = made.home.path
    with pytest.raises(UsageError, match="has no word spoon"):
        next(find_similar_each(PATHS, text="spoon", home=home))
    with pytest.raises(UsageError, match=r"No such file: /music/away\.flac"):
        next(find_similar_each(PATHS, against="/music/away.flac", home=home))
    with pytest.raises(UsageError, match="no query"):
        next(find_similar_each([], text="low", home=home))
    with pytest.raises(UsageError, match="no query"):
        next(find_passages_each([], home=home))
    with pytest.raises(UsageError, match="at least 1"):
        next(find_similar_each(PATHS, count=0, home=home))
    with pytest.raises(HomeError):
        next(find_similar_each(PATHS, home=tmp_path))


def test_what_a_list_names_is_a_path_and_no_title(made: MadeHome) -> None:
    listed = Source([b"/nowhere/title 4"], frozenset([b"/nowhere/title 4"]))
    ((_, answer),) = find_similar_each(listed, home=made.home.path)
    assert isinstance(answer, UsageError)
    ((_, answer),) = find_passages_each(listed, 0, 5, home=made.home.path)
    assert isinstance(answer, UsageError)


def test_a_query_that_is_too_long_is_an_error(made: MadeHome, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, tone(9, 300), SAMPLE_RATE)
    options: dict[str, Any] = {"home": made.home.path, "encoder": FakeEncoder()}
    ((_, answer),) = find_similar_each(long, longest=5.0, **options)
    assert "it is longer than 0:05" in str(answer)
    ((_, answer),) = find_similar_each(long, longest=math.inf, **options)
    assert isinstance(answer, SearchResult)
