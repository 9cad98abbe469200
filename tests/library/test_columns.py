"""The file of columns: exact search answers by it as by the catalog, and never by one of another state."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import fake_words
import numpy as np
import pytest
from fake_encoder import FakeEncoder
from libraries import Library, Original, track
from made_home import MadeHome, digest_of, frames_of, path_of, random_tracks

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.core.types import AudioInfo, Tags, Track
from audiosim.indexing import maintenance
from audiosim.indexing.forgetting import forget
from audiosim.indexing.maintenance import collect_garbage
from audiosim.indexing.relocation import relocate
from audiosim.indexing.verify import verify_home
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration, made_columns
from audiosim.library.catalog.column_tracks import ColumnTracks
from audiosim.library.catalog.columns import START, Columns
from audiosim.library.catalog.columns import digest_of as digest_of_head
from audiosim.library.catalog.held import hold
from audiosim.library.catalog.passage_columns import PASSAGES, Kept
from audiosim.library.catalog.tracks import Tracks
from audiosim.library.catalog.word_columns import WORDS
from audiosim.library.catalog.words import Words
from audiosim.library.filters import Admission, Demand, Filter, Years
from audiosim.library.index import indexed_tracks
from audiosim.library.word_scores import WordScorer
from audiosim.search import pool
from audiosim.search.each import find_passages_each
from audiosim.search.folding import Asked
from audiosim.search.passage_search import find_passages
from audiosim.search.playlist import Playlist, make_path, make_radio
from audiosim.search.query import Query
from audiosim.search.ranking import RankingOptions, SameTag, unlike
from audiosim.search.similar import SearchResult, find_similar

COUNT = 70
NAMES = [f"t{number:03}.flac" for number in range(COUNT)]
LEAST = 10  # tracks in a home that has columns, here


def tags_of(number: int) -> Tags:
    """Tags of all kinds: with several values, accents, without some or any."""
    return Tags(
        f"Title {number}",
        ("Björk", "bjork; Thom Yorke", "Various Artists", None, "A;B")[number % 5],
        f"Album {number % 20}" if number % 7 else None,
        (None, "Björk", "Various Artists")[number % 3],
        ("Rock/Jazz", "JAZZ", "Folk, World, & Country", None)[number % 4],
        1960 + number if number % 6 else None,
    )


def fingerprint(number: int) -> bytes:
    rng = np.random.default_rng(number)
    return Landmarks(np.cumsum(rng.integers(1, 60, 40)), rng.random((40, BITS)) < 0.5).to_bytes()


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_columns, "LEAST", LEAST)


def fill(folder: Path) -> MadeHome:
    """Tracks in a whitened home, with copies, hubs corrected, words scored, and one vector damaged."""
    made = MadeHome(folder)
    tracks = random_tracks(COUNT, np.random.default_rng(3), windows=40)
    for number, name in enumerate(NAMES):
        tracks[name] = frames_of(tracks[name].embedding[: 28 + number % 8].astype(np.float32))
    for first, copy in ((1, 68), (2, 69)):
        tracks[NAMES[copy]] = frames_of(tracks[NAMES[first]].embedding.astype(np.float32) * 0.98 + 0.01)
    tracks["low/deep/é\udcff.flac"] = tracks[NAMES[5]]
    tags = {name: tags_of(number) for number, name in enumerate(tracks)}
    made.add(tracks, tags)
    made.refresh()
    with Catalog(made.home.catalog) as catalog:
        for number, name in enumerate(NAMES):
            if number not in (1, 68):
                catalog.fingerprints.set(digest_of(name), fingerprint(2 if number == 69 else number))
        info = AudioInfo(digest_of(NAMES[7]), 36.0, 8000, 1, "flac", 1, 1, tags_of(11))
        catalog.files.record(path_of("low/again.flac"), info)
        scorer = WordScorer(catalog, made.spec)
        for name, frames in tracks.items():
            assert scorer.enter(digest_of(name), frames)
    with closing(sqlite3.connect(made.home.catalog)) as database, database:
        database.execute("UPDATE tracks SET vector = x'00' WHERE digest = ?", (digest_of(NAMES[60]),))
    return made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audiosim.library.whitening.ENCODERS", (FakeEncoder().spec.name,))
        fake_words.built_in(patch)
        home = fill(tmp_path_factory.mktemp("made") / "home")
        assert home.configuration.whitening
        yield home.home.path


@pytest.fixture
def made(kept: Path, tmp_path: Path) -> MadeHome:
    """A copy of it, with columns."""
    shutil.copytree(kept, tmp_path / "home")
    home = MadeHome(tmp_path / "home")
    keep(home)
    assert file_of(home).exists()
    return home


def keep(made: MadeHome) -> None:
    """What the end of a run does."""
    with Catalog(made.home.catalog) as catalog:
        catalog.keep_columns()


def file_of(made: MadeHome | Library) -> Path:
    return made.home.path / "catalog.columns"


def columns_of(made: MadeHome | Library) -> Columns | None:
    with Catalog(made.home.catalog, read_only=True) as catalog:
        assert isinstance(catalog.tracks, ColumnTracks)
        return catalog.tracks.columns()


def are_used(made: MadeHome | Library) -> bool:
    columns = columns_of(made)
    return columns is not None and columns.are_sound(*columns.names)


def ask(made: MadeHome, **options: Any) -> SearchResult:
    return find_similar(os.fsdecode(path_of(NAMES[3])), home=made.home.path, **options)


def told(result: SearchResult) -> list[Any]:
    """An answer, number for number."""
    return [
        (match.track, match.similarity, match.score, match.percentile, match.duplicates)
        for match in result.matches
    ] + [result.notes]


def without_rows(patch: pytest.MonkeyPatch, *others: str) -> None:
    """Has the reading of all tracks from the catalog fail."""

    for name in ("entries", "all_vectors", "indexed_vectors", *others):
        patch.setattr(Tracks, name, no_rows)


def no_rows(*_: object, **__: object) -> Any:
    raise AssertionError("rows are read")


SEARCHES: list[dict[str, Any]] = [
    {"only": Filter(genres=("jazz",), years=Years(1970, 2000))},
    {"only": Filter(genres=("folk", "rock"), artists=("bjork",)), "count": 50},
    {"only": Filter(genres=("jazz",), under=(b"/music/low",))},
    {"only": Filter(genres=("jazz",), under=(b"/music",), min_duration=20.0)},
    {"only": Filter(under=(path_of(NAMES[9]), b"/music/low"))},
    {"only": Filter(albums=("album 3",)), "ranking": RankingOptions(show_duplicates=True)},
    {"only": Filter(min_duration=30.5)},
    {"only": Filter(genres=("opera",))},
    {"ranking": RankingOptions(exclude_same=("artist",))},
    {"ranking": RankingOptions(exclude_same=("artist", "album"), diversity=0.3, max_per_artist=1)},
    {"only": Filter(under=(b"/",)), "ranking": RankingOptions(hub_correction=False), "count": 100},
    {"only": Filter(under=(b"/music",)), "include_self": True, "explain": True},
]


@pytest.mark.parametrize("options", SEARCHES, ids=str)
def test_what_columns_answer_is_what_the_catalog_answers(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    with monkeypatch.context() as patch:
        without_rows(patch)
        by_columns = ask(made, **options)
    file_of(made).unlink()
    assert told(ask(made, **options)) == told(by_columns)
    assert bool(by_columns.matches) == (options.get("only") != Filter(genres=("opera",)))


@pytest.mark.parametrize("options", [{}, {"only": Filter(genres=("jazz",))}], ids=str)
def test_so_it_is_with_words(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    fake_words.built_in(monkeypatch)
    word = fake_words.LABELS[0]

    def answers() -> list[Any]:
        alone = find_similar(text=word, home=made.home.path, **options)
        return [told(ask(made, text=word, **options)), told(alone)]

    with monkeypatch.context() as patch:
        patch.setattr(Words, "pages", no_rows)
        patch.setattr(Words, "lacking_count", no_rows)
        by_columns = answers()
    file_of(made).unlink()
    assert answers() == by_columns


@pytest.mark.parametrize("columns", [None, [], [2], [2, 0]])
def test_scores_are_those_of_the_catalog_however_many_words_are_asked_for(
    made: MadeHome, columns: list[int] | None
) -> None:
    def scores() -> tuple[list[str], Any, int]:
        with Catalog(made.home.catalog, read_only=True) as catalog:
            audio, values = catalog.words.all(columns)
            return list(audio), values, catalog.words.lacking_count()

    with closing(sqlite3.connect(made.home.catalog)) as database, database:
        database.execute("DELETE FROM words WHERE digest = ?", (digest_of(NAMES[4]),))
        database.execute("UPDATE words SET odds = x'00' WHERE digest = ?", (digest_of(NAMES[8]),))
        database.execute("UPDATE files SET state = 'gone' WHERE path = ?", (path_of(NAMES[9]),))
    keep(made)
    assert are_used(made)
    audio, values, lacking = scores()
    file_of(made).unlink()
    others, exact, left = scores()
    assert audio == others
    assert (values.shape, values.dtype) == (exact.shape, exact.dtype)
    assert values.tolist() == exact.tolist()
    assert lacking == left == 1


def asked_with_a_passage(made: MadeHome, **options: Any) -> list[Any]:
    result = find_passages(os.fsdecode(path_of(NAMES[3])), 4.0, 16.0, home=made.home.path, **options)
    return [told(result), [match.passage for match in result.matches]]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"only": Filter(genres=("jazz",), under=(b"/music",))},
        {"ranking": RankingOptions(max_per_artist=1, show_duplicates=True), "count": 30},
        {"include_self": True, "count": 2},
    ],
    ids=str,
)
def test_so_it_is_with_passages_and_fewer_caches_are_opened(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    opened: list[str] = []
    real = Cache.read

    def read(cache: Cache, digest: str) -> Any:
        opened.append(digest)
        return real(cache, digest)

    monkeypatch.setattr(Cache, "read", read)
    with monkeypatch.context() as patch:
        without_rows(patch, "all_passages")
        by_columns = asked_with_a_passage(made, **options)
    count = len(opened)
    file_of(made).unlink()
    assert asked_with_a_passage(made, **options) == by_columns
    assert count <= len(opened) - count
    if not options:
        assert count < len(opened) - count


def test_so_it_is_where_the_index_is_in_memory(made: MadeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = asked_with_a_passage(made)
    monkeypatch.setattr(Tracks, "all_passages", no_rows)
    query = os.fsdecode(path_of(NAMES[3]))
    ((_, result),) = find_passages_each([query], 4.0, 16.0, home=made.home.path)
    assert isinstance(result, SearchResult)
    assert [told(result), [match.passage for match in result.matches]] == answer


def test_a_track_without_passages_or_with_damaged_ones_is_found_by_its_windows_where_few_are_asked_for(
    made: MadeHome,
) -> None:
    with closing(sqlite3.connect(made.home.catalog)) as database, database:
        own = digest_of(NAMES[4]), digest_of(NAMES[8])
        database.execute("DELETE FROM passages WHERE digest = ?", own[:1])
        database.execute("UPDATE passages SET vectors = x'00' WHERE digest = ?", own[1:])
    keep(made)
    assert are_used(made)
    only = Filter(under=tuple(path_of(NAMES[number]) for number in (4, 8, 9)))
    answer = asked_with_a_passage(made, only=only)
    file_of(made).unlink()
    assert asked_with_a_passage(made, only=only) == answer
    assert len(answer[0]) == 4


def numbers_of(made: MadeHome) -> dict[str, bytes]:
    """What columns have of passages, by audio."""
    columns = columns_of(made)
    assert columns is not None
    kept = Kept.of(columns, ())
    assert kept is not None
    return {digest: codes.tobytes() for digest, codes in kept.codes.items()}


def test_of_passages_only_what_has_changed_is_read_again(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = Tracks.passages_of

    def passages_of(tracks: Tracks, digests: Iterable[str]) -> Any:
        read.extend(wanted := list(digests))
        return real(tracks, wanted)

    monkeypatch.setattr(Tracks, "passages_of", passages_of)
    first = numbers_of(made)
    with Catalog(made.home.catalog) as catalog:
        catalog.files.record(path_of(NAMES[4]), replace(info_of(NAMES[4]), tags=Tags("Other")))
        catalog.tracks.set_passages(digest_of(NAMES[5]), catalog.tracks.passages(digest_of(NAMES[6])) or b"")
        catalog.tracks.set_passages(digest_of(NAMES[7]), b"")
        catalog.files.mark_gone([path_of(NAMES[8])])
    keep(made)
    assert sorted(read) == sorted(digest_of(NAMES[number]) for number in (5, 7))
    second = numbers_of(made)
    assert second.pop(digest_of(NAMES[5])) == first[digest_of(NAMES[6])] != first.pop(digest_of(NAMES[5]))
    assert (second.pop(digest_of(NAMES[7])), first.pop(digest_of(NAMES[7])) != b"") == (b"", True)
    del first[digest_of(NAMES[8])]
    assert second == first
    made.add(random_tracks(2 * COUNT, np.random.default_rng(8), windows=40, prefix="more"))
    read.clear()
    keep(made)
    assert set(read) >= {*first}  # learnt anew: the library has grown
    assert are_used(made)


def test_columns_of_before_there_were_passages_among_them_are_used_for_the_rest_and_made_anew(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asked_with_a_passage(made)
    data = file_of(made).read_bytes()
    magic, begin, _size, _ = START.unpack(data[: START.size])
    head = json.loads(data[begin:])
    for name in [name for name in head["columns"] if name in PASSAGES or name.startswith("word")]:
        del head["columns"][name]
    text = json.dumps(head).encode()
    start = START.pack(magic, begin, len(text), digest_of_head(text))
    file_of(made).write_bytes(start + data[START.size : begin] + text)
    with monkeypatch.context() as patch:
        without_rows(patch)
        assert ask(made, only=FILTERS[1]).matches
    assert asked_with_a_passage(made) == answer
    keep(made)
    columns = columns_of(made)
    assert columns is not None
    assert columns.are_sound(*PASSAGES, *WORDS)


FILTERS = [
    Filter(),
    Filter(genres=("JÄZZ",)),
    Filter(genres=("Folk, World, & Country", "rock")),
    Filter(artists=("björk",)),
    Filter(artists=("various artists",), years=Years(None, 1990)),
    Filter(albums=("Album 3", "album 4")),
    Filter(years=Years(1980, None), genres=("jazz",), artists=("thom yorke", "a")),
    Filter(under=(b"/music/low",)),
    Filter(under=(b"/music/lo",)),
    Filter(under=(path_of(NAMES[4]), b"/music/low/deep/")),
    Filter(max_duration=36.0, min_duration=29.0),
    Filter(genres=("rock",), under=(b"/music/low",), max_duration=35.0),
]


def test_who_is_admitted_is_told_as_by_each_track(made: MadeHome) -> None:
    liked = Track(path_of(NAMES[1]), digest_of(NAMES[1]), 30.0, tags_of(1))
    columns = columns_of(made)
    assert columns is not None
    with Catalog(made.home.catalog, read_only=True) as catalog:
        whole = [entry for entry in catalog.tracks.entries() if len(entry.vector) > 1]
    numbers: set[int] = set()
    aparts: tuple[tuple[SameTag, ...], ...] = ((), ("artist",), ("artist", "album"), ("album",))
    for only, same in product(FILTERS, aparts):
        query = Query(liked, np.zeros(16, np.float32), indexed=True)
        asked = Asked([query], [], only, RankingOptions(exclude_same=same), include_self=False)
        apart = unlike([liked], same)
        admitted = [e.id for e in whole if only.admits(e.track) and apart(e.track)]
        assert ids(columns, asked.admits) == admitted, (only, same)
        numbers.add(len(admitted))
        if asked.lends is not None:
            lent = [e.id for e in whole if only.fits_tags([e.track]) and not only.fits_file(e.track)]
            assert ids(columns, asked.lends) == lent
            assert lent
    assert {0, 1} < numbers
    assert len(numbers) > 10


def test_lists_are_those_of_the_catalog(made: MadeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home = made.home.path
    demanding = [only for only in FILTERS if only and only.under != (b"/music/lo",)]  # which is no folder
    with monkeypatch.context() as patch:
        without_rows(patch)
        by_columns = [indexed_tracks(home, only=only) for only in demanding]
    every = indexed_tracks(home)
    assert len(every) == COUNT + 2  # the damaged one, too
    assert by_columns == [list(filter(only.admits, every)) for only in demanding]
    file_of(made).unlink()
    assert [indexed_tracks(home, only=only) for only in demanding] == by_columns


@pytest.mark.parametrize(
    "only",
    [
        None,
        Filter(min_duration=0.0),
        Filter(genres=("jazz",)),
        Filter(genres=("jazz",), under=(*map(path_of, NAMES[10:60]), b"/music/low"), min_duration=0.0),
        Filter(artists=("björk",), years=Years(1965, None), max_duration=35.0),
    ],
    ids=str,
)
def test_so_it_is_with_playlists(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch, only: Filter | None
) -> None:
    monkeypatch.setattr(pool, "POOL", 25)
    monkeypatch.setattr(pool, "COMPARED", 8)
    start, end = (os.fsdecode(path_of(NAMES[number])) for number in (3, 21))

    def playlists() -> list[Playlist]:
        paths = [make_path(start, end, length, home=made.home.path, only=only) for length in (2, 5)]
        return [make_radio(start, 7, home=made.home.path, only=only), *paths]

    with monkeypatch.context() as patch:
        without_rows(patch)
        by_columns = playlists()
    assert [len(one.tracks) for one in by_columns[1:]] == [2, 5]
    file_of(made).unlink()
    assert playlists() == by_columns


def test_in_memory_each_demand_is_put_to_different_values_only(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(made.home.catalog, read_only=True) as catalog, catalog.snapshot():
        held = hold(catalog)
        assert held is not None
        assert held.columns is not None
        alone = replace(held, columns=None)
        tracks = catalog.holding(held).tracks
        for only in FILTERS:
            expected = [e.id for e in catalog.holding(alone).tracks.entries(only.admission)]
            assert [e.id for e in tracks.entries(only.admission)] == expected
        asked = []

        def is_jazz(track: Track) -> bool:
            asked.append(track)
            return track.tags.genre == "JAZZ"

        demand = Demand(("genre",), is_jazz)
        found = [entry.track.tags.genre for entry in tracks.entries(Admission((demand,)))]
    assert len(asked) == 4
    assert {*found} == {"JAZZ"}


def ids(columns: Columns, admission: Admission) -> list[str]:
    rows = columns.admitted(admission)
    assert rows is not None
    return [str(id_, "ascii") for id_ in columns["ids"][rows].tolist()]


CHANGES: dict[str, Callable[[Catalog], object]] = {
    "a new file": lambda c: c.files.record(path_of("n.flac"), info_of(NAMES[4])),
    "other tags": lambda c: c.files.record(path_of(NAMES[4]), info_of(NAMES[4])),
    "a failure": lambda c: c.files.record_failure(path_of(NAMES[4]), 1, 1, "it is damaged"),
    "gone": lambda c: c.files.mark_gone([path_of(NAMES[4])]),
    "dropped": lambda c: c.files.drop([path_of(NAMES[4])]),
    "moved": lambda c: c.files.relocate(b"/music/low", b"/music/other", keep_ctimes=True),
    "neighbourhoods": lambda c: c.tracks.set_scales([(0.5, digest_of(NAMES[4]))]),
    "no whitening": lambda c: c.tracks.set_whitening(unwhitened(c), 0),
    "a fingerprint": lambda c: c.fingerprints.set(digest_of(NAMES[1]), fingerprint(1)),
    "a fingerprint less": lambda c: c.fingerprints.drop([digest_of(NAMES[4])]),
    "passages": lambda c: c.tracks.set_passages(digest_of(NAMES[4]), b""),
    "words": lambda c: c.words.set(digest_of(NAMES[4]), np.ones(4, np.float32)),
    "other words": lambda c: c.words.set_labels(["something"]),
    "audio less": lambda c: c.tracks.drop([digest_of(NAMES[4])]),
}


def info_of(name: str) -> AudioInfo:
    return AudioInfo(digest_of(name), 36.0, 8000, 1, "flac", 1, 1, Tags("Another"))


def unwhitened(catalog: Catalog) -> Configuration:
    assert catalog.settings.configuration is not None
    return replace(catalog.settings.configuration, whitening=b"")


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_in_the_catalog_ends_them_and_a_run_makes_them_anew(
    made: MadeHome, change: str
) -> None:
    before = file_of(made).read_bytes()
    with Catalog(made.home.catalog) as catalog:
        CHANGES[change](catalog)
    assert columns_of(made) is None
    keep(made)
    assert are_used(made)
    assert file_of(made).read_bytes() != before
    file_of(made).unlink()
    answer = told(ask(made, only=Filter(under=(b"/music",))))
    keep(made)
    assert told(ask(made, only=Filter(under=(b"/music",)))) == answer


def test_what_they_do_not_hold_leaves_them(made: MadeHome) -> None:
    before = file_of(made).stat()
    with Catalog(made.home.catalog) as catalog:
        catalog.files.record_failure(path_of("broken.flac"), 1, 1, "it is damaged")
        catalog.files.record_failure(path_of("broken.flac"), 1, 1, "it is damaged still")
        catalog.files.note_ctimes([(path_of(NAMES[4]), 17)])
        catalog.settings.set_meta("last_run", "{}")
        catalog.tracks.mark_lost([digest_of(NAMES[4])])
        catalog.keep_nothing()
        catalog.files.mark_gone([path_of(NAMES[4])])  # for this connection only
    keep(made)
    assert are_used(made)
    assert file_of(made).stat().st_mtime_ns == before.st_mtime_ns
    assert file_of(made).stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO files (path, id, state, size, mtime_ns, changed)"
        " SELECT path, id, 'failed', 1, 1, 0 FROM files WHERE title = 'Title 4'",
        "UPDATE files SET genre = 'Polka' WHERE title = 'Title 4'",
        "UPDATE tracks SET vector = zeroblob(64)",
        "DELETE FROM files WHERE title = 'Title 4'",
        "DELETE FROM fingerprints",
        "DELETE FROM passages",
        "DELETE FROM words",
    ],
)
def test_older_versions_that_know_nothing_of_them_end_them(made: MadeHome, statement: str) -> None:
    with closing(sqlite3.connect(made.home.catalog)) as database, database:
        assert database.execute(statement).rowcount > 0
    assert columns_of(made) is None


def test_a_snapshot_is_answered_by_columns_of_its_own_moment(made: MadeHome) -> None:
    with Catalog(made.home.catalog, read_only=True) as reader, reader.snapshot():
        assert isinstance(reader.tracks, ColumnTracks)
        assert reader.files.count("indexed") == COUNT + 2
        made.remove(NAMES[4])
        keep(made)
        assert reader.tracks.columns() is None  # the file is of a later state
        pages = reader.tracks.pages(made.configuration.space, Admission(()))
        assert sum(len(page.ids) for page in pages) == COUNT + 1
    assert are_used(made)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.8, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("harm", ["bit", "cut", "zeros"])
def test_what_is_damaged_is_not_believed_and_made_anew(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch, share: float, harm: str
) -> None:
    monkeypatch.setattr("audiosim.library.catalog.columns.PIECE", 512)
    only = Filter(genres=("jazz",), under=(b"/music",), min_duration=1.0)
    answer, passages = told(ask(made, only=only)), asked_with_a_passage(made)
    data = bytearray(file_of(made).read_bytes())
    place = int(share * len(data))
    if harm == "bit":
        data[place] ^= 16
    elif harm == "cut":
        del data[place:]
    else:
        data[place : place + 512] = bytes(len(data[place : place + 512]))
    file_of(made).write_bytes(data)
    assert told(ask(made, only=only)) == answer
    assert asked_with_a_passage(made) == passages
    keep(made)
    assert are_used(made)


def test_those_of_another_home_are_not_believed(made: MadeHome, tmp_path: Path) -> None:
    shutil.copytree(made.home.path, tmp_path / "other")
    other = MadeHome(tmp_path / "other")
    assert are_used(other)  # a copy of a home has all it needs
    other.remove(NAMES[4])
    keep(other)
    shutil.copy(file_of(other), file_of(made))
    assert columns_of(made) is None
    shutil.copy(made.home.catalog, other.home.catalog)  # a catalog from a backup
    assert columns_of(other) is None


def test_few_tracks_have_none_and_lose_them(made: MadeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_columns, "LEAST", 1000)
    keep(made)
    assert not file_of(made).exists()
    assert columns_of(made) is None
    fresh = MadeHome(made.home.path.parent / "fresh")
    fresh.add(random_tracks(20, np.random.default_rng(1)))
    keep(fresh)
    assert not file_of(fresh).exists()
    with closing(sqlite3.connect(fresh.home.catalog)) as database:
        assert database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'columns%'").fetchall() == []


def test_a_full_disk_leaves_the_old_ones_or_none_and_no_error(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    made.remove(NAMES[4])
    with monkeypatch.context() as patch:
        patch.setattr(made_columns, "_finish", full)
        keep(made)
    assert columns_of(made) is None
    assert [path.name for path in made.home.path.glob(".*")] == []
    keep(made)
    assert are_used(made)


KILLED = """
import os, signal, sys
from pathlib import Path
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog, Configuration, made_columns
made_columns.LEAST = 10
name, home = sys.argv[1:]
def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)
real = os.replace
if name == "while":
    made_columns._finish = end
else:
    os.replace = end if name == "before" else lambda *paths: end(real(*paths))
with Catalog(Path(home)) as catalog:
    catalog.keep_columns()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["while", "before", "after"])
def test_a_kill_while_they_are_written_leaves_none_that_is_believed(made: MadeHome, moment: str) -> None:
    made.remove(NAMES[4])
    with Catalog(made.home.catalog) as catalog:
        catalog.tracks.set_passages(digest_of(NAMES[5]), catalog.tracks.passages(digest_of(NAMES[6])) or b"")
    killed = subprocess.run([sys.executable, "-c", KILLED, moment, str(made.home.catalog)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert columns_of(made) is None
    assert path_of(NAMES[4]) not in {match.track.path for match in ask(made, only=FILTERS[1]).matches}
    keep(made)
    assert are_used(made)
    numbers = numbers_of(made)
    assert numbers[digest_of(NAMES[5])] == numbers[digest_of(NAMES[6])] != b""
    for path in made.home.path.glob(".*"):
        os.utime(path, (0, 0))
        assert path in maintenance._leftovers(made.home)  # what gc removes, some days later


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("original"))


def test_runs_and_upkeep_leave_them_in_step(original: Original, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_columns, "LEAST", 3)
    library = original.restored()
    home, music = library.home.path, track(library, 0).parent.parent
    assert not file_of(library).exists()
    library.index()
    assert are_used(library)
    before = file_of(library).stat()
    library.index()
    assert file_of(library).stat() == before
    forget([track(library, 1)], home=home)
    assert are_used(library)
    assert file_of(library).stat() != before
    music.rename(music.with_name("moved"))
    relocate(music, music.with_name("moved"), home=home)
    assert are_used(library)
    assert verify_home(home).sound
    collect_garbage(home=home)
    assert are_used(library)
    library.index(rebuild=True)
    assert are_used(library)
