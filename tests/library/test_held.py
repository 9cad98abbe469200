"""An index in memory: it answers as the catalog does, and follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_home import MadeHome, digest_of, path_of, random_tracks

from audiosim.core.errors import UsageError
from audiosim.core.last_used import LastUsed
from audiosim.core.types import Tags
from audiosim.library.catalog import Catalog, Held, path_id
from audiosim.library.catalog.held import hold
from audiosim.library.catalog.made_columns import columns_of
from audiosim.library.filters import Filter
from audiosim.library.index import Index
from audiosim.library.word_scores import cosines
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import SearchResult, find_similar

pytestmark = pytest.mark.slow


@pytest.fixture
def made(tmp_path: Path) -> MadeHome:
    made = MadeHome(tmp_path / "home")
    tracks = random_tracks(60, np.random.default_rng(5))
    tags = {
        name: Tags(f"Title {n}", f"Artist {n % 7}", genre=("Rock", "Jazz")[n % 2])
        for n, name in enumerate(tracks)
    }
    made.add(tracks, tags)
    made.refresh()
    return made


def held_of(made: MadeHome, previous: Held | None = None) -> Held:
    with Catalog(made.home.catalog, read_only=True) as catalog, catalog.snapshot():
        found = hold(catalog, previous)
    assert found is not None
    return found


def ask(made: MadeHome, held: Held | None, *, by: str = "t003.flac", **options: Any) -> SearchResult:
    queries = [path_of(by).decode()] if by else []
    if held is None:
        return find_similar(queries, home=made.home.path, **options)
    with Catalog(made.home.catalog, read_only=True) as catalog, catalog.snapshot():
        index = Index(made.home, catalog.holding(held), held.configuration)
        return find_similar(queries, home=index, **options)


def give_scores(made: MadeHome, names: Iterable[str]) -> None:
    with Catalog(made.home.catalog) as catalog:
        catalog.words.set_labels(("low", "high", "hiss"))
        for name in names:
            odds = np.random.default_rng(len(name) + int(name[1:4])).normal(size=3)
            catalog.words.set(digest_of(name), odds.astype(np.float32))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"count": 55},
        {"ranking": RankingOptions(hub_correction=False)},
        {"ranking": RankingOptions(exclude_same=("artist",), diversity=0.4)},
        {"only": Filter(genres=("jazz",)), "explain": True},
        {"only": Filter(genres=("jazz",), under=(b"/music",)), "ranking": RankingOptions(max_per_artist=1)},
        {"only": Filter(min_duration=10), "count": 60},
        {"only": Filter(max_duration=6.5)},
        {"only": Filter(genres=("jazz",), min_duration=5, max_duration=55), "count": 60},
        {"include_self": True},
    ],
    ids=str,
)
def test_it_answers_as_the_catalog_does(made: MadeHome, options: dict[str, Any]) -> None:
    made.add({"again.flac": next(iter(random_tracks(1, np.random.default_rng(5)).values()))})
    with Catalog(made.home.catalog) as catalog:
        catalog._db.execute("UPDATE tracks SET duration = rowid")
    here, there = ask(made, held_of(made), **options), ask(made, None, **options)
    assert here.exact_because is None
    assert [match.track for match in here.matches] == [match.track for match in there.matches]
    for one, other in zip(here.matches, there.matches, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-6)
        assert one.percentile == other.percentile
        assert [track.path for track in one.duplicates] == [track.path for track in other.duplicates]


def test_rows_that_have_not_changed_are_taken_over(made: MadeHome) -> None:
    before = held_of(made)
    made.add({"new.flac": next(iter(random_tracks(1, np.random.default_rng(9)).values()))})
    made.remove("t001.flac")
    after = held_of(made, before)
    assert (len(before), len(after)) == (60, 60)
    assert after.find(path_id(path_of("t001.flac"))) is None
    same = path_id(path_of("t002.flac"))
    assert after.find(same) is before.find(same)
    with Catalog(made.home.catalog, read_only=True) as catalog:
        entries = list(catalog.tracks.entries())
    assert [entry.id for entry in entries] == after.ids
    np.testing.assert_array_equal(np.stack([entry.vector for entry in entries]), after.vectors)
    assert [entry.track for entry in entries] == after.tracks


def test_an_answer_is_of_one_moment_whatever_is_committed_meanwhile(made: MadeHome) -> None:
    held = held_of(made)
    before = ask(made, held)
    made.add({"new.flac": next(iter(random_tracks(1, np.random.default_rng(9)).values()))})
    made.remove(*(f"t{n:03}.flac" for n in range(10, 60)))
    assert ask(made, held).matches == before.matches


def keep_columns(made: MadeHome) -> None:
    with Catalog(made.home.catalog) as catalog:
        catalog.keep_columns()


def test_vectors_are_mapped_where_there_are_columns_of_the_state(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.library.catalog.made_columns.LEAST", 10)
    own = held_of(made)
    keep_columns(made)
    mapped = held_of(made, own)
    assert own.columns is None
    assert mapped.columns is not None
    assert np.shares_memory(mapped.searched, mapped.columns["searched"])
    assert not mapped.vectors.flags.writeable
    np.testing.assert_array_equal(mapped.vectors, own.vectors)
    np.testing.assert_array_equal(mapped.searched, own.searched)
    assert ask(made, mapped).matches == ask(made, own).matches
    made.add({"new.flac": next(iter(random_tracks(1, np.random.default_rng(9)).values()))})
    made.remove("t001.flac")
    after = held_of(made, mapped)  # while a run writes there are none
    assert after.columns is None
    np.testing.assert_array_equal(after.vectors, held_of(made).vectors)
    keep_columns(made)
    again = held_of(made, after)
    assert again.columns is not None
    np.testing.assert_array_equal(again.vectors, after.vectors)
    assert ask(made, mapped).matches == ask(made, own).matches  # the file that was replaced answers still


@pytest.mark.parametrize("column", ["ids", "vectors"])
def test_damaged_columns_are_not_mapped(made: MadeHome, monkeypatch: pytest.MonkeyPatch, column: str) -> None:
    monkeypatch.setattr("audiosim.library.catalog.made_columns.LEAST", 10)
    keep_columns(made)
    columns = held_of(made).columns
    assert columns is not None
    path = columns_of(made.home.catalog)
    data = bytearray(path.read_bytes())
    data[columns._head["columns"][column]["begin"] + 5] ^= 4
    path.write_bytes(data)
    found = held_of(made)
    assert found.columns is None
    with Catalog(made.home.catalog, read_only=True) as catalog:
        expected = np.stack([entry.vector for entry in catalog.tracks.entries()])
    np.testing.assert_array_equal(found.vectors, expected)


def late(made: MadeHome, held: Held, opened: Callable[[Catalog], object], **kept: Any) -> SearchResult:
    with Catalog.late(made.home.catalog, held, opened) as catalog:
        index = Index(made.home, catalog, held.configuration, **kept)
        return find_similar([path_of("t003.flac").decode()], home=index)


def test_the_catalog_is_opened_where_something_is_asked_that_is_not_in_memory(made: MadeHome) -> None:
    held, seen, kept = held_of(made), list[str | None](), LastUsed[Any](100)
    for _ in range(2):
        found = late(
            made, held, lambda catalog: seen.append(catalog.settings.meta("configuration")), kept=kept
        )
        assert found.matches == ask(made, held).matches
    assert seen == [held.text]  # for what has no fingerprint, once

    def changed(catalog: Catalog) -> None:
        raise UsageError("It has changed")

    assert late(made, held, changed, kept=kept).matches == found.matches
    with pytest.raises(UsageError, match="has changed"):
        late(made, held, changed)


def test_a_file_is_as_it_was_when_the_index_was_read(made: MadeHome) -> None:
    path = path_of("t003.flac")
    with Catalog(made.home.catalog) as catalog:
        catalog.files.note_ctimes([(path, 5)])
        row = catalog.files.get(path)
        held = held_of(made)
        catalog._db.execute("UPDATE files SET size = size + 1, mtime_ns = 7")
        catalog.settings.set_roots([b"/elsewhere"])
        assert catalog.holding(held).files.get(path) == row
        assert catalog.holding(held).settings.roots() == held.roots != [b"/elsewhere"]


@pytest.mark.parametrize("damage", [b"", b"1234", b"\xff" * 64], ids=["empty", "cut", "not numbers"])
def test_a_damaged_vector_is_no_answer(made: MadeHome, damage: bytes) -> None:
    with Catalog(made.home.catalog) as catalog:
        catalog._db.execute("UPDATE tracks SET vector = ? WHERE digest = ?", (damage, digest_of("t005.flac")))
    found = {match.track.path for match in ask(made, held_of(made), count=100).matches}
    assert path_of("t005.flac") not in found
    assert len(found) == 58


@pytest.mark.parametrize("by", ["", "t003.flac"])
@pytest.mark.parametrize(
    "options",
    [
        {"text": "low"},
        {"text": ["low", "high"], "not_text": "hiss", "count": 60},
        {"text": "hiss", "explain": True},
    ],
    ids=str,
)
def test_words_are_found_in_memory_as_in_the_catalog(
    made: MadeHome, by: str, options: dict[str, Any]
) -> None:
    give_scores(made, (f"t{n:03}.flac" for n in range(58)))
    made.add({"again.flac": next(iter(random_tracks(1, np.random.default_rng(5)).values()))})
    with Catalog(made.home.catalog) as catalog:
        catalog._db.execute("UPDATE words SET odds = ? WHERE digest = ?", (b"1", digest_of("t007.flac")))
        catalog._db.execute("UPDATE tracks SET vector = ? WHERE digest = ?", (b"1", digest_of("t008.flac")))
    here, there = ask(made, held_of(made), by=by, **options), ask(made, None, by=by, **options)
    assert [match.track for match in here.matches] == [match.track for match in there.matches]
    assert len(here.matches) >= 10
    for one, other in zip(here.matches, there.matches, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-5)
        assert one.similarity == pytest.approx(other.similarity, abs=1e-6)
        assert one.words == other.words
    assert "have no word scores" in " ".join(here.notes)


def test_scores_of_words_are_read_when_they_are_asked_for_and_then_followed(made: MadeHome) -> None:
    give_scores(made, (f"t{n:03}.flac" for n in range(50)))
    held = held_of(made)
    held = held_of(made, held)
    assert not held.scores
    before = ask(made, held, by="", text="low", count=60)
    assert len(before.matches) == 50
    give_scores(made, (f"t{n:03}.flac" for n in range(60)))
    assert ask(made, held, by="", text="low", count=60).matches == before.matches
    after = held_of(made, held)
    assert len(after.scores[0].audio) == 60
    assert len(ask(made, after, by="", text="low", count=60).matches) == 60


def test_texts_are_compared_with_the_vectors_in_memory(made: MadeHome) -> None:
    made.add({"copy.flac": next(iter(random_tracks(1, np.random.default_rng(5)).values()))})
    with Catalog(made.home.catalog) as catalog:
        catalog._db.execute("UPDATE tracks SET vector = ? WHERE digest = ?", (b"", digest_of("t008.flac")))
    held, texts = held_of(made), np.random.default_rng(2).normal(size=(2, 16)).astype(np.float32)
    with Catalog(made.home.catalog, read_only=True) as catalog, catalog.snapshot():
        there = catalog.tracks.measured(lambda rows: cosines(rows, texts), held.configuration.space)
        here = catalog.holding(held).tracks.measured(
            lambda rows: cosines(rows, texts), held.configuration.space
        )
    assert sorted(here[0]) == sorted(there[0])
    rows = [here[0].row[digest] for digest in there[0]]
    np.testing.assert_allclose(here[1][rows], there[1], atol=1e-6)
