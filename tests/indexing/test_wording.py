"""Scores of words on their way: as tracks are pooled, and filled in for homes of before."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import fake_words
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from libraries import Library, cache_of, digest_of, edit

from audiosim.core.errors import WeightsError
from audiosim.indexing.exchange import export_index, import_index, parquet
from audiosim.indexing.report import Notice, Planned
from audiosim.indexing.wording import fill_words
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.library.word_scores import WordScorer, track_odds
from audiosim.search.similar import find_similar

pytestmark = pytest.mark.slow


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> fake_words.FakeEntry:
    return fake_words.built_in(monkeypatch)


@pytest.fixture
def library(indexed: Library) -> Library:
    """Indexed by a version that knew no words: the registry did not have its encoder."""
    return indexed


def odds(library: Library) -> dict[str, bytes]:
    with library.catalog() as catalog:
        digests, rows = catalog.words.all()
    return {digest: row.tobytes() for digest, row in zip(digests, rows, strict=True)}


def notices(library: Library) -> list[str]:
    return [event.text for event in library.events if isinstance(event, Notice)]


def test_scores_are_made_as_a_track_is_pooled(
    entry: fake_words.FakeEntry, tmp_path: Path, music: Path
) -> None:
    library = Library(tmp_path / "home")
    library.index(music)
    with library.catalog() as catalog:
        assert catalog.words.labels == fake_words.LABELS
        digests, rows = catalog.words.all()
        assert sorted(digests) == catalog.tracks.indexed_digests()
    cache = cache_of(library)
    for digest, row in zip(digests, rows, strict=True):
        cached = cache.read(digest)
        assert cached is not None
        exact = track_odds(fake_words.vocabulary(), cached.frames)
        np.testing.assert_array_equal(row, exact.astype(np.float16).astype(np.float32))
    assert not any("Words" in text for text in notices(library))
    entry.loaded = 0
    library.index()
    assert entry.loaded == 0


def test_a_home_of_before_gets_them_from_its_caches_once(
    library: Library, entry: fake_words.FakeEntry
) -> None:
    assert not odds(library)
    report = library.index()
    assert (library.encoder.windows, report.needs_a_look) == (0, False)
    assert len(odds(library)) == 6
    assert notices(library) == [
        "At its end this run makes what tracks lack, for 15 minutes at most: word scores of 6 tracks.",
        "Words were scored for 6 tracks that had none.",
    ]
    assert type(library.events[library.events.index(Planned(6, 0)) + 1]) is Notice
    entry.loaded = 0
    library.index()
    assert (entry.loaded, notices(library)) == (0, [])


def test_what_was_scored_when_a_run_ended_stays_and_the_next_one_goes_on(
    library: Library, entry: fake_words.FakeEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = Cache.read, list[str]()

    def until_killed(self: Cache, digest: str) -> object:
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(digest)
        return read(self, digest)

    with monkeypatch.context() as patch:
        patch.setattr(Cache, "read", until_killed)
        with pytest.raises(KeyboardInterrupt):
            library.index()
    first = odds(library)
    assert set(first) == set(seen)
    library.index()
    assert "Words were scored for 3 tracks that had none." in notices(library)
    assert len(odds(library)) == 6
    assert first.items() <= odds(library).items()


def test_a_run_stops_at_its_end_and_says_what_is_left(library: Library, entry: fake_words.FakeEntry) -> None:
    with Catalog(library.home.catalog) as catalog:
        scorer = WordScorer(catalog, library.encoder.spec)
        assert not list(fill_words(catalog, cache_of(library), scorer, time.monotonic()))
        events = fill_words(catalog, cache_of(library), scorer, time.monotonic() + 60)
        assert [getattr(event, "total", None) for event in events][:6] == [6] * 6


def test_a_track_without_a_cache_is_passed_by_and_asking_says_so(
    library: Library, entry: fake_words.FakeEntry, cli: Cli
) -> None:
    lost = digest_of(library, track_file(library, "low", 0))
    cache_of(library).path(lost).unlink()
    library.index()
    assert lost not in odds(library)
    assert "Words were scored for 5 tracks that had none; 1 track lacks them." in notices(library)
    found = find_similar(text="low", home=library.home.path)
    assert any("1 track has no word scores" in note for note in found.notes)
    assert lost not in {match.track.digest for match in found.matches}
    commands: list[tuple[str, ...]] = [("list",), ("playlist", "--length", "2", "--min-duration", "1")]
    for command in commands:
        done = cli(*command, "--text", "low", "--home", library.home.path)
        assert (done.code, "audiosim: 1 track has no word scores" in done.err) == (0, True), command


def track_file(library: Library, album: str, number: int) -> Path:
    return next(
        p for p in sorted((library.home.path.parent / "music" / album).iterdir()) if p.name[1] == str(number)
    )


def test_without_weights_a_run_says_why_there_are_none(
    library: Library, entry: fake_words.FakeEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(spec: object) -> None:
        raise WeightsError("Its weights are not here", "nothing is fetched for a look")

    monkeypatch.setattr(entry, "vocabulary", refuse)
    assert not library.index().needs_a_look
    assert any("No track gets word scores. Its weights are not here" in text for text in notices(library))


def test_audio_that_is_computed_anew_gets_new_scores(
    library: Library, entry: fake_words.FakeEntry, tmp_path: Path
) -> None:
    library.index()
    before = odds(library)
    path = track_file(library, "low", 0)
    soundfile.write(path, tone(4, 900), SAMPLE_RATE)
    library.index()
    assert set(odds(library)) != set(before)


def test_a_rebuild_has_them_too(library: Library, entry: fake_words.FakeEntry) -> None:
    library.index(rebuild=True)
    assert len(odds(library)) == 6


def test_scores_of_other_labels_are_forgotten(library: Library, entry: fake_words.FakeEntry) -> None:
    library.index()
    with Catalog(library.home.catalog) as catalog:
        catalog.words.set_labels(("something", "else"))
        assert catalog.words.lacking_count() == 6
    library.index()
    assert len(odds(library)) == 6


def test_exports_take_scores_along_and_an_imported_home_answers_at_once(
    library: Library, entry: fake_words.FakeEntry, tmp_path: Path, cli: Cli
) -> None:
    export_index(tmp_path / "old.parquet", home=library.home.path)
    assert "words" not in pq.read_schema(tmp_path / "old.parquet").names
    library.index()
    assert cli("export", "e.parquet", "--home", library.home.path).code == 0
    other = Library(tmp_path / "other")
    assert cli("import", "old.parquet", "--home", other.home.path).code == 0
    asked = ("similar", "--text", "low", "-k", "3", "--json", "--home")
    assert "No track has word scores yet" in cli(*asked, other.home.path).err
    for home in (other, Library(tmp_path / "new")):  # one that has the tracks is completed
        assert cli("import", "e.parquet", "--home", home.home.path).code == 0
        assert odds(home) == odds(library)
        assert cli(*asked, home.home.path).json == cli(*asked, library.home.path).json
        shutil.copytree(library.home.cache, home.home.cache)
        assert "word" not in cli("index", "--home", home.home.path).err


def test_an_earlier_audiosim_reads_exports_with_scores(
    library: Library, entry: fake_words.FakeEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.index()
    export_index(tmp_path / "e.parquet", home=library.home.path)
    monkeypatch.setattr(parquet, "PACKED", ("passages", "fingerprint"))  # all that it knows of
    assert import_index([tmp_path / "e.parquet"], home=tmp_path / "other").added == 6
    assert odds(Library(tmp_path / "other")) == {}


def test_scores_of_other_labels_or_damaged_ones_are_not_imported(
    library: Library, entry: fake_words.FakeEntry, tmp_path: Path, cli: Cli
) -> None:
    export_index(tmp_path / "old.parquet", home=library.home.path)
    library.index()
    export_index(tmp_path / "e.parquet", home=library.home.path)
    import_index([tmp_path / "old.parquet"], home=tmp_path / "other")
    other = Library(tmp_path / "other")
    with Catalog(other.home.catalog) as catalog:
        catalog.words.set_labels(("something", "else"))
    import_index([tmp_path / "e.parquet"], home=other.home.path)
    assert odds(other) == {}
    table = pq.read_table(tmp_path / "e.parquet")
    place = table.schema.get_field_index("words")
    for data in (b"\0" * 8, b"\0\x7c" * 5):  # too few, and none that is finite
        bad = table.set_column(place, table.schema.field(place), [[data] * 6])
        pq.write_table(bad, tmp_path / "bad.parquet")
        done = cli("import", "bad.parquet", "--home", tmp_path / "third")
        assert (done.code, "the words of " in done.err, " are damaged" in done.err) == (1, True, True)
    edit(library, "UPDATE words SET odds = x'00' WHERE digest = (SELECT min(digest) FROM words)")
    export_index(tmp_path / "e.parquet", home=library.home.path)
    assert pq.read_table(tmp_path / "e.parquet")["words"].null_count == 1


def test_what_is_forgotten_takes_its_scores_along(library: Library, entry: fake_words.FakeEntry) -> None:
    library.index()
    with Catalog(library.home.catalog) as catalog:
        digest = catalog.tracks.indexed_digests()[0]
        catalog.tracks.drop([digest])
    assert digest not in odds(library)


def test_a_damaged_row_is_no_score(library: Library, entry: fake_words.FakeEntry) -> None:
    library.index()
    edit(library, "UPDATE words SET odds = x'00' WHERE digest = (SELECT min(digest) FROM words)")
    assert len(odds(library)) == 5


def test_another_pooling_leaves_scores_as_they_are(library: Library, entry: fake_words.FakeEntry) -> None:
    library.index()
    before = odds(library)
    entry.loaded = 0
    library.index(pooling="max")
    assert (odds(library), entry.loaded) == (before, 0)
