"""Queries: by what is indexed and by what is not, and what answers when Chroma can't."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, tone
from fake_encoder import FakeEncoder
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from audiosim.catalog import Catalog
from audiosim.config import Home
from audiosim.errors import AudiosimError, UsageError
from audiosim.locks import hold
from audiosim.pipeline import index_folder
from audiosim.queries import mean_direction
from audiosim.search import exact_nearest, find_similar


@pytest.fixture
def home(tmp_path: Path, music: Path) -> Home:
    home = Home(tmp_path / "home")
    list(index_folder([music], home=home.path, encoder=FakeEncoder()))
    return home


def names(result: object) -> list[str]:
    return [os.path.basename(os.fsdecode(m.track.path)) for m in result.matches]  # type: ignore[attr-defined]


def test_an_indexed_query_needs_no_encoder(home: Home, music: Path) -> None:
    result = find_similar(music / "low" / "00 track.wav", count=2, home=home.path)
    assert names(result) == ["01 track.flac", "02 track.ogg"]
    assert result.queries[0].indexed
    assert result.exact_because is None


def test_similarities_are_cosines_in_falling_order(home: Home, music: Path) -> None:
    result = find_similar(music / "low" / "00 track.wav", home=home.path)
    with Catalog(home.catalog, read_only=True) as catalog:
        query = result.queries[0].vector
        for match in result.matches:
            vector = catalog.vector(match.track.digest)
            assert vector is not None
            assert match.similarity == pytest.approx(float(vector @ query), abs=1e-6)
    similarities = [match.similarity for match in result.matches]
    assert similarities == sorted(similarities, reverse=True)
    assert [match.rank for match in result.matches] == [1, 2, 3, 4, 5]


def test_a_new_file_is_embedded_and_its_neighbours_found(home: Home, tmp_path: Path) -> None:
    query = tmp_path / "new.wav"
    soundfile.write(query, tone(4, 930, rate=44_100), 44_100)
    encoder = FakeEncoder()
    result = find_similar(query, count=3, home=home.path, encoder=encoder)
    assert sorted(names(result)) == ["03 track.wav", "04 track.flac", "05 track.ogg"]
    assert encoder.windows == 4
    assert not result.queries[0].indexed


def test_known_audio_under_a_new_name_needs_no_encoder_and_is_left_out(
    home: Home, music: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.wav"
    shutil.copy(music / "low" / "00 track.wav", copy)
    result = find_similar(copy, home=home.path)
    assert "00 track.wav" not in names(result)
    assert names(find_similar(copy, home=home.path, include_self=True))[0] == "00 track.wav"


def test_several_queries_are_their_mean(home: Home, music: Path) -> None:
    paths = [music / "low" / "00 track.wav", music / "high" / "03 track.wav"]
    together = find_similar(paths, home=home.path)
    vectors = [query.vector for query in together.queries]
    mean = mean_direction(vectors)
    assert len(together.matches) == 4
    with Catalog(home.catalog, read_only=True) as catalog:
        expected = [
            catalog.entries_with([id_])[id_].track.path
            for id_ in exact_nearest(catalog.indexed_vectors(), mean, 6)
        ]
    left = [path for path in expected if os.fsdecode(path) not in map(str, paths)]
    assert [match.track.path for match in together.matches] == left


def test_a_file_on_an_unmounted_disk_still_answers(home: Home, music: Path, tmp_path: Path) -> None:
    shutil.move(music, tmp_path / "unmounted")
    assert names(find_similar(music / "low" / "00 track.wav", count=1, home=home.path)) == ["01 track.flac"]


def test_a_changed_file_is_embedded_anew(home: Home, music: Path) -> None:
    changed = music / "low" / "00 track.wav"
    soundfile.write(changed, tone(3, 910), SAMPLE_RATE)
    result = find_similar(changed, count=2, home=home.path, encoder=FakeEncoder())
    assert set(names(result)) < {"03 track.wav", "04 track.flac", "05 track.ogg"}


def test_fewer_tracks_than_asked_for_are_all_there_are(home: Home, music: Path) -> None:
    assert len(find_similar(music / "low" / "00 track.wav", count=1000, home=home.path).matches) == 5


def test_a_query_that_is_nowhere_is_a_usage_error(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        find_similar(tmp_path / "nowhere.wav", home=home.path)


def test_a_query_that_can_not_be_decoded_says_why(home: Home, tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("no music")
    with pytest.raises(AudiosimError, match="not readable as audio"):
        find_similar(tmp_path / "text.mp3", home=home.path, encoder=FakeEncoder())


def test_without_an_index_the_remedy_is_given(tmp_path: Path) -> None:
    with pytest.raises(AudiosimError, match="audiosim index FOLDER") as caught:
        find_similar(tmp_path / "x.wav", home=tmp_path / "none")
    assert caught.value.exit_code == 1


def test_exact_search_answers_while_chroma_is_locked(home: Home, music: Path) -> None:
    query = music / "low" / "00 track.wav"
    usual = find_similar(query, home=home.path)
    held, release = threading.Event(), threading.Event()

    def block() -> None:
        with hold(home.store_lock, wait=0, what="testing"):
            held.set()
            release.wait()

    thread = threading.Thread(target=block)
    thread.start()
    held.wait()
    locked = find_similar(query, home=home.path)
    release.set()
    thread.join()
    assert locked.exact_because is not None
    assert names(locked) == names(usual)


@pytest.mark.parametrize("fault", ["dirty", "removed", "garbled"])
def test_exact_search_answers_when_chroma_is_unusable(home: Home, music: Path, fault: str) -> None:
    query = music / "low" / "00 track.wav"
    usual = find_similar(query, home=home.path)
    if fault == "dirty":
        with Catalog(home.catalog) as catalog:
            catalog.mark_store(dirty=True)
    elif fault == "removed":
        shutil.rmtree(home.chroma)
    else:
        (home.chroma / "chroma.sqlite3").write_bytes(b"garbage" * 1000)
    result = find_similar(query, home=home.path)
    assert result.exact_because is not None
    assert names(result) == names(usual)


def test_files_that_have_not_reached_chroma_are_found(home: Home, music: Path) -> None:
    with Catalog(home.catalog) as catalog:
        catalog._db.execute("UPDATE files SET in_store = 0")
    assert len(find_similar(music / "low" / "00 track.wav", home=home.path).matches) == 5


def test_queries_that_cancel_out_are_refused() -> None:
    vector = np.array([1, 0], np.float32)
    with pytest.raises(AudiosimError, match="cancel out"):
        mean_direction([vector, -vector])


@given(
    npst.arrays(np.float32, (30, 4), elements=st.floats(-1, 1, width=32)),
    npst.arrays(np.float32, 4, elements=st.floats(-1, 1, width=32)),
    st.integers(1, 40),
)
def test_exact_search_equals_sorting_all_cosines(rows: np.ndarray, query: np.ndarray, count: int) -> None:
    found = exact_nearest(((str(i), row) for i, row in enumerate(rows)), query, count)
    similarities = rows @ query
    assert len(found) == min(count, 30)
    best = np.sort(similarities)[::-1][: len(found)]
    np.testing.assert_array_equal(similarities[[int(i) for i in found]], best)
