"""Queries: by what is indexed and by what is not, and what answers when Chroma can't."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, tone
from fake_encoder import FakeEncoder
from libraries import Library, edit
from made_home import MadeHome, digest_of, frames_of, path_of, random_tracks

from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.files import hold
from audiosim.core.types import Tags
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter, Years
from audiosim.library.statistics import hub_scaling, percentiles
from audiosim.search.passage_search import find_passages
from audiosim.search.query import Source, mean_direction
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import SearchResult, find_similar
from audiosim.store import StoreReader, store_reader


@pytest.fixture
def home(indexed: Library) -> Home:
    return indexed.home


@pytest.fixture
def music(indexed: Library) -> Path:
    return indexed.music


def names(result: object) -> list[str]:
    return [os.path.basename(os.fsdecode(m.track.path)) for m in result.matches]  # type: ignore[attr-defined]


def test_an_indexed_query_needs_no_encoder(home: Home, music: Path) -> None:
    result = find_similar(music / "low" / "00 track.wav", count=2, home=home.path)
    assert names(result) == ["01 track.flac", "02 track.ogg"]
    assert result.queries[0].indexed
    assert result.exact_because is None


@pytest.mark.usefixtures("odd_workers")
def test_a_query_whose_decoder_is_killed_from_outside_is_tried_once_more(home: Home, tmp_path: Path) -> None:
    once, always = tmp_path / "is killed once.wav", tmp_path / "crashes.wav"
    for path in (once, always):
        soundfile.write(path, tone(3, 112), SAMPLE_RATE)
    assert names(find_similar(once, count=2, home=home.path, encoder=FakeEncoder()))
    with pytest.raises(AudiosimError, match=r"its decoder crashed \(SIGSEGV\)"):
        find_similar(always, home=home.path, encoder=FakeEncoder())
    once.with_name(f".{once.name}.done").unlink()
    assert find_passages(once, 0.5, 2.5, home=home.path, encoder=FakeEncoder()).matches


def test_similarities_are_cosines_in_falling_order(home: Home, music: Path) -> None:
    result = find_similar(music / "low" / "00 track.wav", home=home.path)
    with Catalog(home.catalog, read_only=True) as catalog:
        query = result.queries[0].vector
        for match in result.matches:
            vector = catalog.tracks.vector(match.track.digest)
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
        ranked = sorted(catalog.tracks.entries(), key=lambda entry: -float(entry.vector @ mean))
    expected = [entry.track.path for entry in ranked]
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


def test_where_there_are_columns_they_answer_and_no_store_is_opened(
    home: Home, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = music / "low" / "00 track.wav"
    by_store = find_similar(query, home=home.path)
    monkeypatch.setattr("audiosim.library.catalog.made_columns.LEAST", 1)
    index_folder([], home=home.path, encoder=FakeEncoder())
    assert home.columns.exists()

    class OpenedError(Exception):
        """A store was."""

    def opened() -> None:
        raise OpenedError

    monkeypatch.setattr("audiosim.search.similar.store_reader", opened)
    by_columns = find_similar(query, home=home.path)
    assert by_columns.exact_because is None
    assert names(by_columns) == names(by_store)
    scores = [[match.score for match in result.matches] for result in (by_columns, by_store)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    whole = home.columns.read_bytes()
    home.columns.write_bytes(whole[:-64] + bytes(64))  # damaged: the store is there
    with pytest.raises(OpenedError):
        find_similar(query, home=home.path)
    home.columns.write_bytes(whole)
    with Catalog(home.catalog) as catalog:  # so is one that was chosen
        catalog.settings.set_meta("store_url", "milvus:elsewhere.db")
    with pytest.raises(OpenedError):
        find_similar(query, home=home.path)


def test_where_columns_are_not_of_this_state_rows_answer_if_they_are_soon_read(
    home: Home, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = music / "low" / "00 track.wav"
    by_store = find_similar(query, home=home.path)
    monkeypatch.setattr("audiosim.library.catalog.made_columns.LEAST", 1)
    index_folder([], home=home.path, encoder=FakeEncoder())
    edit(Library(home.path), "UPDATE files SET title = 'Other'")  # as while a run is at work
    opened = 0

    def reader() -> AbstractContextManager[StoreReader]:
        nonlocal opened
        opened += 1
        return store_reader()

    monkeypatch.setattr("audiosim.search.similar.store_reader", reader)
    assert names(find_similar(query, home=home.path)) == names(by_store)
    assert opened == 1
    monkeypatch.setattr("audiosim.library.index.SOON_READ", range(1, 10))
    by_rows = find_similar(query, home=home.path)
    assert (names(by_rows), by_rows.exact_because, opened) == (names(by_store), None, 1)


@pytest.mark.parametrize("fault", ["dirty", "removed", "garbled"])
def test_exact_search_answers_when_chroma_is_unusable(home: Home, music: Path, fault: str) -> None:
    query = music / "low" / "00 track.wav"
    usual = find_similar(query, home=home.path)
    if fault == "dirty":
        with Catalog(home.catalog) as catalog:
            catalog.store_state.mark(dirty=True)
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


ALL = Filter(under=(b"/",))  # has exact search answer, which needs no Chroma
PLAIN = RankingOptions(hub_correction=False, show_duplicates=True)


@pytest.fixture
def made(tmp_path: Path) -> MadeHome:
    """Twelve tracks; the second half of them have artists, genres and years."""
    made = MadeHome(tmp_path / "made")
    tracks = random_tracks(12, np.random.default_rng(7), windows=30)
    tags = {
        f"t{n:03}.flac": Tags(artist=f"Artist {n % 2}", album="Album", genre="Jazz; Funk", year=1980 + n)
        for n in range(6, 12)
    }
    made.add(tracks, tags)
    return made


def ask(made: MadeHome, *numbers: int, **options: object) -> SearchResult:
    queries = [f"/music/t{number:03}.flac" for number in numbers]
    return find_similar(queries, home=made.home.path, **{"only": ALL, **options})  # type: ignore[arg-type]


def cosines(made: MadeHome, direction: np.ndarray) -> dict[bytes, float]:
    with Catalog(made.home.catalog, read_only=True) as catalog:
        return {entry.track.path: float(entry.vector @ direction) for entry in catalog.tracks.entries()}


def test_a_query_to_stay_away_from_turns_the_answers_away_from_it(made: MadeHome) -> None:
    usual, turned = ask(made, 0), ask(made, 0, against=["/music/t001.flac"])
    query, other = (result.queries[0].vector for result in (usual, ask(made, 1)))
    assert [query.track.path for query in turned.against] == [path_of("t001.flac")]
    assert path_of("t001.flac") in {match.track.path for match in usual.matches}
    assert path_of("t001.flac") not in {match.track.path for match in turned.matches}
    direction = query - 0.5 * other
    direction /= np.linalg.norm(direction)
    expected = cosines(made, direction)
    assert direction @ other < query @ other
    for match in turned.matches:
        assert match.similarity == pytest.approx(expected[match.track.path], abs=1e-5)
    assert len(turned.matches) == 10


def test_what_a_query_is_turned_away_from_entirely_is_an_error(made: MadeHome) -> None:
    with pytest.raises(AudiosimError, match="cancel out"):
        mean_direction([np.array([0.5, 0], np.float32)], [np.array([1, 0], np.float32)])
    with pytest.raises(UsageError, match=r"wanted and not: /music/t000\.flac"):
        ask(made, 0, 1, against=["/music/t000.flac"])


@pytest.mark.parametrize(
    ("only", "fit"),
    [
        (Filter(genres=("funk",)), range(6, 12)),
        (Filter(artists=("ARTIST 1",)), (7, 9, 11)),
        (Filter(albums=("album",), years=Years(1988, None)), (8, 9, 10, 11)),
        (Filter(under=(b"/music/t003.flac", b"/usr")), (3,)),
        (Filter(min_duration=31.0), ()),
    ],
)
def test_filtered_answers_are_the_tracks_that_fit_in_order(
    made: MadeHome, only: Filter, fit: tuple[int, ...]
) -> None:
    result = ask(made, 0, only=only, ranking=PLAIN)
    expected = cosines(made, result.queries[0].vector)
    paths = sorted((path_of(f"t{number:03}.flac") for number in fit), key=lambda path: -expected[path])
    assert [match.track.path for match in result.matches] == paths
    assert result.exact_because is None


def test_exact_search_orders_all_tracks_by_the_corrected_similarity(tmp_path: Path) -> None:
    made = MadeHome(tmp_path / "home")
    made.add(random_tracks(260, np.random.default_rng(8)))
    made.refresh()
    result = ask(made, 0, count=259, ranking=RankingOptions(show_duplicates=True))
    expected = cosines(made, result.queries[0].vector)
    scales = made.scales()
    order = [match.track for match in result.matches]
    with Catalog(made.home.catalog, read_only=True) as catalog:
        scaling = hub_scaling(catalog, percentiles(catalog))
    assert scaling is not None
    scores = scaling.scores(
        np.array([expected[track.path] for track in order]),
        np.array([scales[track.digest] or np.nan for track in order]),
    )
    assert len(order) == 259
    assert scores.tolist() == sorted(scores, reverse=True)
    assert [match.score for match in result.matches] == pytest.approx(scores, abs=1e-6)
    found = [match.similarity for match in result.matches]
    assert found == pytest.approx([expected[track.path] for track in order], abs=1e-6)
    assert found != sorted(found, reverse=True)
    few = ask(made, 0, count=5, ranking=RankingOptions(show_duplicates=True))
    assert [match.track.path for match in few.matches] == [track.path for track in order[:5]]
    assert [match.score for match in few.matches] == pytest.approx(scores[:5], abs=1e-6)  # of all as of few
    plain = ask(made, 0, count=259, ranking=PLAIN)
    assert [m.similarity for m in plain.matches] == sorted(
        (m.similarity for m in plain.matches), reverse=True
    )


def test_an_answer_that_caps_hold_back_is_replaced_from_further_down(tmp_path: Path) -> None:
    made = MadeHome(tmp_path / "home")
    tracks = random_tracks(230, np.random.default_rng(9), windows=2)
    tags = {name: Tags(artist="One") for name in tracks}
    far = random_tracks(3, np.random.default_rng(10), windows=2, prefix="far")
    for frames in far.values():
        frames.embedding[:] *= -1
    made.add({**tracks, **far}, tags)
    result = ask(made, 0, count=4, ranking=RankingOptions(max_per_artist=1))
    assert len(result.matches) == 4
    assert {match.track.path for match in result.matches[1:]} == set(map(path_of, far))


def test_a_percentile_is_told_from_fifty_tracks_on(made: MadeHome) -> None:
    assert {match.percentile for match in ask(made, 0).matches} == {None}
    made.add(random_tracks(48, np.random.default_rng(11), prefix="more"))
    made.refresh()
    result = ask(made, 0, count=59)
    percentiles = [match.percentile for match in result.matches]
    by_similarity = sorted(result.matches, key=lambda match: match.similarity)
    assert None not in percentiles
    told = [match.percentile or 0.0 for match in by_similarity]
    assert told == sorted(told)
    assert 0 <= told[0] < 50 < told[-1] <= 100


def test_files_of_one_recording_are_one_answer_unless_each_is_wanted(made: MadeHome) -> None:
    cached = made.cache.read(digest_of("t005.flac"))
    assert cached is not None
    again = cached.frames.embedding.astype(np.float32) * 0.98 + 0.01
    made.add({"t005 again.flac": frames_of(again)})
    twins = {path_of("t005.flac"), path_of("t005 again.flac")}
    folded = ask(made, 0, count=11)
    (found,) = [match for match in folded.matches if match.track.path in twins]
    assert {found.track.path, *(track.path for track in found.duplicates)} == twins
    assert len(folded.matches) == 11
    assert [match.rank for match in folded.matches] == list(range(1, 12))
    shown = ask(made, 0, count=12, ranking=PLAIN)
    assert len(shown.matches) == 12
    assert twins <= {match.track.path for match in shown.matches}
    assert not any(match.duplicates for match in shown.matches)


def test_the_querys_own_audio_is_an_answer_only_where_it_is_wanted(made: MadeHome) -> None:
    assert path_of("t000.flac") not in {match.track.path for match in ask(made, 0, count=100).matches}
    first = ask(made, 0, include_self=True, ranking=PLAIN).matches[0]
    assert first.track.path == path_of("t000.flac")
    assert first.similarity == pytest.approx(1)


def test_an_explanation_is_the_best_stretch_of_any_query(made: MadeHome) -> None:
    rng = np.random.default_rng(12)
    rows = rng.standard_normal((3, 40, 16)).astype(np.float32)
    rows[2, 25:35] = rows[1, 3:13]
    made.add({f"x{number}.flac": frames_of(rows[number]) for number in range(3)})
    result = find_similar(
        ["/music/x0.flac", "/music/x1.flac"], home=made.home.path, only=ALL, explain=True, count=20
    )
    passage = {match.track.path: match.passage for match in result.matches}[path_of("x2.flac")]
    assert passage is not None
    assert passage.query == path_of("x1.flac")
    assert (passage.start, passage.end, passage.query_start, passage.query_end) == (25, 35, 3, 13)
    assert passage.similarity == pytest.approx(1, abs=1e-3)
    made.cache.path(digest_of("x2.flac")).unlink()
    again = find_similar("/music/x1.flac", home=made.home.path, only=ALL, explain=True, count=20)
    missing = {match.track.path: match.passage for match in again.matches}
    assert missing.pop(path_of("x2.flac")) is None
    assert None not in missing.values()


def test_a_file_that_had_to_be_embedded_is_explained_by_its_own_windows(home: Home, tmp_path: Path) -> None:
    query = tmp_path / "new.wav"
    soundfile.write(query, tone(4, 930), SAMPLE_RATE)
    result = find_similar(query, home=home.path, only=ALL, explain=True, encoder=FakeEncoder())
    for match in result.matches:
        assert match.passage is not None
        assert match.passage.query == os.fsencode(query)
        assert match.passage.end <= (match.track.duration or 0)


def test_what_came_from_a_list_is_left_out_with_a_note_where_it_can_not_be_used(
    home: Home, music: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.mp3").write_text("no music")
    soundfile.write(tmp_path / "silent.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), SAMPLE_RATE)
    soundfile.write(tmp_path / "new.wav", tone(2, 600), SAMPLE_RATE)
    bad = [tmp_path / name for name in ("text.mp3", "silent.wav", "empty.wav", "absent.mp3")]
    good = [tmp_path / "new.wav", music / "low" / "00 track.wav"]
    listed = frozenset(map(os.fsencode, bad))
    source = Source([*map(os.fsencode, [*bad, *good])], listed)
    result = find_similar(source, home=home.path, only=ALL, encoder=FakeEncoder())
    assert [query.track.path for query in result.queries] == [os.fsencode(path) for path in good]
    assert len(result.notes) == 4
    for path in bad:
        assert sum(str(path) in note for note in result.notes) == 1
        with pytest.raises(AudiosimError, match=path.name):
            find_similar([path, *good], home=home.path, only=ALL, encoder=FakeEncoder())
    with pytest.raises(AudiosimError, match=r"^Nothing to search with(?!.*left out)"):
        find_similar(Source([*listed], listed), home=home.path, only=ALL, encoder=FakeEncoder())
    for there, code in ((["absent.mp3"], 2), (["absent.mp3", "text.mp3"], 1)):
        listed = frozenset(os.fsencode(tmp_path / name) for name in there)
        with pytest.raises(AudiosimError, match=r"^Nothing to search with") as caught:
            find_similar(Source([*listed], listed), home=home.path, only=ALL, encoder=FakeEncoder())
        assert caught.value.exit_code == code


@pytest.mark.parametrize("damage", [b"", b"1234", b"\xff" * 64], ids=["empty", "cut", "not numbers"])
def test_a_track_whose_vector_is_damaged_is_no_answer_and_no_error(made: MadeHome, damage: bytes) -> None:
    with Catalog(made.home.catalog) as catalog:
        catalog._db.execute("UPDATE tracks SET vector = ? WHERE digest = ?", (damage, digest_of("t003.flac")))
    found = {match.track.path for match in ask(made, 0, count=20).matches}
    assert found == {path_of(f"t{number:03}.flac") for number in range(1, 12) if number != 3}
