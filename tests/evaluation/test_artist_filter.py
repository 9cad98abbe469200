"""When answers by the query's own artist are left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli, make_music
from fake_encoder import FakeEncoder

from audiosim.core.types import Tags, Track
from audiosim.evaluation.artist_filter import judged
from audiosim.evaluation.evaluate import evaluate
from audiosim.evaluation.results import EvalOptions
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Catalog


def tracks(*artists: str | None) -> list[Track]:
    return [Track(b"/%d" % n, str(n), 1.0, Tags(artist=name)) for n, name in enumerate(artists)]


def labelled(*labels: str) -> list[frozenset[str]]:
    return [frozenset({label}) for label in labels]


def test_where_artists_are_known_their_own_answers_are_left_out() -> None:
    found = judged(tracks("A", "A", "B", None), labelled(*"xxxx"), "genre", "auto")
    assert (found.exclude_same, found.reason) == ("artist", "artists-known")
    assert found.truth.admitted(slice(0, 1)).tolist() == [[False, False, True, True]]


def test_where_most_tracks_name_no_artist_none_is_left_out() -> None:
    found = judged(tracks("A", "Various Artists", None), labelled(*"xxx"), "genre", "auto")
    assert (found.exclude_same, found.reason) == (None, "artists-unknown")


@pytest.mark.parametrize("source", ["artist", "album_artist"])
def test_where_labels_are_artists_none_is_left_out(source: str) -> None:
    found = judged(tracks("A", "A", "B", "B"), labelled(*"aabb"), source, "auto")
    assert (found.exclude_same, found.reason) == (None, "artists-are-labels")
    assert (found.shares > 0).all()


def test_where_labels_are_albums_by_one_artist_each_none_is_left_out() -> None:
    found = judged(tracks("A", "A", "B", "C", "C", "C"), labelled(*"xxyzzz"), "folder", "auto")
    assert (found.exclude_same, found.reason) == (None, "too-few-left")


def test_where_half_of_the_queries_keep_a_right_answer_the_filter_stays() -> None:
    found = judged(tracks("A", "A", "B", "C"), labelled(*"xxyy"), "folder", "auto")
    assert (found.exclude_same, found.reason) == ("artist", "artists-known")
    assert (found.shares > 0).tolist() == [False, False, True, True]


def test_what_is_asked_for_is_done() -> None:
    for asked in ("artist", "album", None):
        found = judged(tracks("A", "A", None), labelled(*"xxx"), "genre", asked)
        assert (found.exclude_same, found.reason) == (asked, "asked")


def test_no_track_is_no_reason_to_fail() -> None:
    assert not judged([], [], "genre", "auto").shares.any()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tracks of one genre, two by each of three artists."""
    folder = tmp_path_factory.mktemp("filtered")
    index_folder(
        [make_music(folder / "music")], home=folder / "home", encoder=FakeEncoder(), options=IndexOptions()
    )
    with Catalog(folder / "home" / "catalog.db") as catalog:
        for number, entry in enumerate(catalog.tracks.entries()):
            catalog._db.execute(
                "UPDATE files SET artist = ?, genre = 'x' WHERE path = ?",
                (f"artist {number % 3}", entry.track.path),
            )
    return folder / "home"


def test_the_command_says_what_it_leaves_out_and_how_to_count_it(home: Path, cli: Cli) -> None:
    filtered, free = (
        cli("eval", "--home", home, "--labels", "genre", *words) for words in ((), ("--exclude-same", "none"))
    )
    assert "(genre), answers of the same artist left out; 6 are asked with" in filtered.out
    assert "--exclude-same none counts them." in filtered.out
    assert "left out;" not in free.out
    assert "--exclude-same" not in free.out
    assert (
        evaluate(home, EvalOptions("genre")).chance
        == evaluate(home, EvalOptions("genre", None)).chance
        == 1.0
    )
    lengths = [
        evaluate(home, EvalOptions("genre", asked)).results[0].hits.sum(axis=1).tolist()
        for asked in ("auto", None)
    ]
    assert lengths == [[4] * 6, [5] * 6]


def test_two_homes_are_judged_by_one_filter(home: Path, cli: Cli) -> None:
    done = cli("eval", "--home", home, "--against", home, "--labels", "genre", "--json")
    assert [done.json[place]["excluded_for"] for place in ("first", "second")] == ["artists-known"] * 2
