"""What files sound like, in words: indexed ones and others, as wholes and as they go on."""

from __future__ import annotations

import csv
import io
import os
import shutil
from pathlib import Path

import fake_words
import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, make_music, tone
from fake_encoder import FakeEncoder
from kept_folder import KeptFolder
from libraries import Library

from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, UsageError
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.search import track_words
from audiosim.search.describe import describe_files, steady
from audiosim.search.similar import find_similar
from audiosim.search.word_list import find_seeds, tracks_that_fit

pytestmark = pytest.mark.slow


@pytest.fixture(params=["vocabulary", "reader"])
def entry(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> fake_words.FakeEntry:
    return fake_words.built_in(monkeypatch, reads=request.param == "reader")


@pytest.fixture
def naming(monkeypatch: pytest.MonkeyPatch) -> fake_words.FakeEntry:
    return fake_words.built_in(monkeypatch)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptFolder:
    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            fake_words.built_in(patch)
            Library(folder / "home").index(make_music(folder / "music"))

    return KeptFolder(tmp_path_factory.mktemp("kept"), make)


@pytest.fixture
def library(kept: KeptFolder) -> Library:
    """A home that knows `music`, and how well words go with it."""
    return Library(kept.restored() / "home")


@pytest.fixture
def home(library: Library) -> Home:
    return library.home


@pytest.fixture
def music(library: Library) -> Path:
    return library.music


@pytest.fixture
def changing(tmp_path: Path) -> Path:
    """A file that is not indexed: low, then high, then silent."""
    path = tmp_path / "changing.wav"
    parts = [tone(8, 112), tone(8, 920), np.zeros(3 * SAMPLE_RATE, np.float32)]
    soundfile.write(path, np.concatenate(parts), SAMPLE_RATE)
    return path


def test_an_indexed_file_is_told_by_what_is_kept(
    naming: fake_words.FakeEntry, home: Home, music: Path
) -> None:
    low, high = describe_files(
        [music / "low" / "00 track.wav", music / "high" / "03 track.wav"], home=home.path
    ).files
    assert low.indexed
    assert (low.words[0].word, high.words[0].word) == ("low", "high")
    assert 0.8 < low.words[0].score < 1.5
    assert 0.5 < low.words[0].similarity <= 1
    assert not low.timeline


def test_a_file_that_is_not_indexed_and_its_course(
    naming: fake_words.FakeEntry, home: Home, changing: Path
) -> None:
    (told,) = describe_files(changing, timeline=True, home=home.path, encoder=FakeEncoder()).files
    assert not told.indexed
    heard = [(part.words[0].word if part.words else None) for part in told.timeline]
    assert heard == ["low", "high", None]
    assert told.timeline[0].start == 0
    assert told.timeline[-1].end == pytest.approx(19)
    ends = [part.end for part in told.timeline]
    assert [part.start for part in told.timeline][1:] == ends[:-1]


@pytest.mark.parametrize("reads", [False, True])
def test_a_part_that_is_the_whole_track_has_the_words_of_the_track(
    monkeypatch: pytest.MonkeyPatch, home: Home, tmp_path: Path, reads: bool
) -> None:
    fake_words.built_in(monkeypatch, reads=reads)
    monkeypatch.setattr("audiosim.search.describe.CHANGE", 1e6)  # no word gives way
    path = tmp_path / "low.wav"
    parts = [tone(4, pitch) for pitch in (112, 140, 300)]
    soundfile.write(path, np.concatenate(parts), SAMPLE_RATE)
    (told,) = describe_files(path, timeline=True, home=home.path, encoder=FakeEncoder()).files
    (part,) = told.timeline
    assert [word.word for word in part.words] == [word.word for word in told.words[: len(part.words)]]
    assert [word.score for word in part.words] == pytest.approx(
        [word.score for word in told.words[: len(part.words)]], abs=1e-3
    )


def test_a_word_gives_way_only_where_another_gains_more_than_the_change_costs() -> None:
    standing = np.tile(np.array([1, 0], np.float32), (12, 1))
    standing[5], standing[9:] = (0, 2), (-1, 2)
    assert steady(standing, 4).tolist() == [0] * 9 + [1] * 3
    assert steady(standing, 0).tolist() == standing.argmax(axis=1).tolist()


def test_an_indexed_file_without_a_cache_has_no_course(
    naming: fake_words.FakeEntry, home: Home, music: Path
) -> None:
    for path in home.cache.rglob("*.npz"):
        path.unlink()
    file = music / "low" / "00 track.wav"
    assert describe_files(file, home=home.path).files[0].words
    with pytest.raises(AudiosimError, match="no cache"):
        describe_files(file, timeline=True, home=home.path)


def test_an_encoder_that_reads_is_asked_for_usual_tags(
    monkeypatch: pytest.MonkeyPatch, home: Home, changing: Path
) -> None:
    entry = fake_words.built_in(monkeypatch, reads=True)
    (told,) = describe_files(changing, timeline=True, home=home.path, encoder=FakeEncoder()).files
    assert entry.read == 1
    find_similar(text="band 3", count=1, home=home.path, explain=True)
    assert entry.read == 2
    assert len(told.words) == 8
    assert all(-1 <= word.similarity <= 1 for word in told.words)
    assert told.timeline


def test_words_list_tracks_and_begin_playlists(naming: fake_words.FakeEntry, home: Home) -> None:
    found = tracks_that_fit("low", home=home.path)
    assert [match.track.path.split(b"/")[-2] for match in found] == [b"low"] * 3
    assert [match.rank for match in found] == [1, 2, 3]
    assert not tracks_that_fit("low", not_text="low", home=home.path)[3:]
    with pytest.raises(UsageError, match="Nothing says what"):
        tracks_that_fit((), home=home.path)
    seeds = find_seeds("low", length=5, home=home.path)  # all are shorter than half a minute
    assert [seed.parent.name for seed in seeds] == ["low"] * 3
    with pytest.raises(AudiosimError, match="nothing to begin with"):
        find_seeds("low", length=5, only=Filter(min_duration=30), home=home.path)


def test_a_word_that_the_network_all_but_denies_is_not_told(
    naming: fake_words.FakeEntry, home: Home, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = music / "low" / "00 track.wav"
    monkeypatch.setattr(track_words, "FAINTEST", 0.0)
    every = describe_files(file, home=home.path).files[0].words
    least = sorted(word.similarity for word in every)[-1]
    monkeypatch.setattr(track_words, "FAINTEST", least)
    assert [word.similarity for word in describe_files(file, home=home.path).files[0].words] == [least]
    monkeypatch.setattr(track_words, "FAINTEST", 2.0)  # where it denies all, they are told as they stand out
    assert describe_files(file, home=home.path).files[0].words == every


def test_what_the_network_is_sure_of_is_listed_though_all_of_the_library_is_so(
    naming: fake_words.FakeEntry, tmp_path: Path
) -> None:
    folder = tmp_path / "only low"
    folder.mkdir()
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", tone(3, 110 + number), SAMPLE_RATE)
    home = tmp_path / "low home"
    index_folder([folder], home=home, encoder=FakeEncoder())
    assert len(tracks_that_fit("low", home=home)) == 4
    assert not tracks_that_fit("high", home=home)[3:]


def test_the_command_line_describes_lists_and_plays(
    naming: fake_words.FakeEntry, home: Home, music: Path, cli: Cli
) -> None:
    file = music / "low" / "00 track.wav"
    text = cli("describe", file, "-k", "2", "--home", home.path)
    assert text.code == 0
    assert "low" in text.out.splitlines()[2]
    found = cli("describe", file, "--json", "--timeline", "--home", home.path).json["files"]
    assert [one["path"] for one in found] == [str(file)]
    assert found[0]["words"][0]["word"] == "low"
    assert found[0]["timeline"][0]["start"] == 0
    listed = cli("list", "--text", "low", "--format", "paths", "--home", home.path)
    assert len(listed.out.splitlines()) == 3
    assert cli("list", "--not-text", "low", "--home", home.path).code == 2
    nothing = cli("list", "--text", "low", "--under", music / "high", "--home", home.path)
    assert (nothing.code, nothing.err) == (0, "audiosim: no track stands out by these words.\n")
    answers = cli(
        "similar", "--text", "high", "--not-text", "hiss", "-k", "3", "--json", "--home", home.path
    ).json
    assert (answers["text"], answers["not_text"], answers["query"]) == (["high"], ["hiss"], [])
    assert all("/high/" in match["path"] for match in answers["matches"])
    for form in ("table", "csv", "jsonl", "m3u8", "paths"):
        assert cli("similar", "--text", "high", "--explain", "--format", form, "--home", home.path).out
    made = cli("playlist", "--text", "low", "--min-duration", "1", "-k", "5", "--home", home.path)
    assert made.code == 0
    first = [line for line in made.out.splitlines() if not line.startswith("#")][:3]
    assert all("/low/" in line for line in first)


def test_files_that_can_not_be_described_end_nothing(
    naming: fake_words.FakeEntry, home: Home, music: Path, cli: Cli, tmp_path: Path
) -> None:
    first, last = music / "low" / "00 track.wav", music / "high" / "03 track.wav"
    (tmp_path / "notes.txt").write_text("no music at all")
    shutil.copytree(music / "low", tmp_path / "some")
    (tmp_path / "some" / "broken.mp3").write_bytes(b"no music at all" * 100)
    done = cli(
        "describe",
        first,
        tmp_path / "notes.txt",
        tmp_path / "nowhere.wav",
        last,
        "--home",
        home.path,
        cwd=music,
    )
    assert done.code == 3
    shown = [line for line in done.out.splitlines() if " track." in line]
    assert shown == [str(path.relative_to(music)) for path in (first, last)]
    assert f"audiosim: Can't use {tmp_path / 'notes.txt'}: " in done.err
    assert done.err.count("it is left out.") == 2
    folder = cli("describe", tmp_path / "some", "--json", "--home", home.path)
    assert (folder.code, len(folder.json["files"])) == (3, 3)
    assert describe_files([], home=home.path).files == []
    twice = describe_files([first, last, first], home=home.path).files
    assert [one.track.path for one in twice] == [os.fsencode(path) for path in (first, last, first)]
    alone = cli("describe", tmp_path / "notes.txt", "--home", home.path)
    assert (alone.code, alone.out) == (1, "")


def test_what_is_left_to_do_is_told_alike_with_words_and_without(
    naming: fake_words.FakeEntry, home: Home, cli: Cli
) -> None:
    with Catalog(home.catalog) as catalog:
        catalog.files.note_unopened(others=[], found=[b"/m/8.flac"])
    for command in ("list", "list --text low", "similar --text low"):
        done = cli(*command.split(), AUDIOSIM_HOME=home.path)
        assert "To go on: audiosim index\n" in done.err
        done = cli(*command.split(), "--home", home.path)
        assert f"To go on: audiosim index --home {home.path}\n" in done.err


def test_of_short_files_it_is_told_that_words_say_little(
    naming: fake_words.FakeEntry, home: Home, music: Path, tmp_path: Path, cli: Cli
) -> None:
    here = ("--home", home.path)
    for seconds, length in ((0.6, "0:00.6"), (9, "0:09")):
        soundfile.write(music / "low" / "click.wav", tone(seconds, 112), SAMPLE_RATE)
        index_folder([music], home=home.path, encoder=FakeEncoder())
        one = cli("describe", music / "low" / "click.wav", *here)
        assert one.err == f"audiosim: click.wav is only {length} long: words say little of it.\n"
        assert cli("describe", music / "low" / "click.wav", "--quiet", *here).err == ""
    told = " of these tracks are under 10 s long: words say little of them.\n"
    for command in ("list", "similar", "similar --json"):
        assert told in cli(*command.split(), "--text", "low", *here).err
        assert told not in cli(*command.split(), "--text", "low", "--min-duration", "10", *here).err
    assert told not in cli("list", *here).err


def test_a_list_by_words_shows_what_sorts_it(naming: fake_words.FakeEntry, home: Home, cli: Cli) -> None:
    asked = ("--text", "low", "--home", home.path)
    answers = cli("similar", *asked, "-k", "3", "--show-duplicates", "--json").json["matches"]
    scores = {match["path"]: (match["score"], match["similarity"]) for match in answers}
    listed = cli("list", *asked, "--json").json["tracks"]
    assert {track["path"]: (track["score"], track["similarity"]) for track in listed} == scores
    assert [track["score"] for track in listed] == sorted((s for s, _ in scores.values()), reverse=True)
    head, *rows = cli("list", *asked).out.splitlines()
    assert head.split()[:3] == ["Score", "Similarity", "Length"]
    shown = [[f"{track['score']:.3f}", f"{track['similarity']:.3f}"] for track in listed]
    assert [row.split()[:2] for row in rows] == shown
    written = csv.DictReader(io.StringIO(cli("list", *asked, "--sort", "duration", "--format", "csv").out))
    told = {row["path"]: (float(row["score"]), float(row["similarity"])) for row in written}
    assert told == scores
    assert "score" not in cli("list", "--home", home.path, "--json").json["tracks"][0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("similar", "--text", "lov"),
        ("similar",),
        ("similar", "--text", "low", "--from", "1"),
        ("similar", "--not-text", "low"),
        ("describe", "nowhere.wav"),
        ("playlist", "--text", "low", "--seed", "x"),
        ("playlist", "--text", "low", "--start", "x"),
        ("playlist", "--not-text", "low", "--seed", "x"),
    ],
)
def test_wrong_usage_exits_with_2(
    naming: fake_words.FakeEntry, home: Home, cli: Cli, arguments: tuple[str, ...]
) -> None:
    assert cli(*arguments, "--home", home.path).code == 2


def test_the_map_names_regions_by_words(
    naming: fake_words.FakeEntry, home: Home, cli: Cli, tmp_path: Path
) -> None:
    done = cli("map", "--colour", "words", "-o", tmp_path / "map.html", "--json", "--home", home.path)
    assert done.json["color"] == "words"
    assert '"name":"low"' in (tmp_path / "map.html").read_text("utf-8")


def test_an_answer_is_not_explained_by_what_the_network_all_but_denies(
    naming: fake_words.FakeEntry, home: Home, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def words() -> set[tuple[str, ...]]:
        file = music / "low" / "00 track.wav"
        return {match.words for match in find_similar(file, count=2, home=home.path, explain=True).matches}

    monkeypatch.setattr(track_words, "STANDS_OUT", 0.5)
    assert words() == {("low",)}
    monkeypatch.setattr(track_words, "FAINTEST", 2.0)
    assert words() == {()}
