"""One recording is one thing: its files share tags, one stands for it, the query's own are the query."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Cli
from homes import DIMENSION, Made, make_home, recording
from libraries import Library

from audiosim.core.config import Home
from audiosim.core.types import Float32, Tags, Track
from audiosim.library.filters import Filter
from audiosim.search.copies import standing
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import find_similar

sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))
from forms import RATE, Piece

pytestmark = pytest.mark.slow

HERE = ("--under", "/")  # has exact search answer, which needs no Chroma


def song(number: int) -> Float32:
    """Windows of a song near all others, yet of a place of its own."""
    place = np.random.default_rng(500 + number).normal(size=DIMENSION)
    windows: Float32 = (recording(number) + 0.8 * place).astype(np.float32)
    return windows


def again(number: int, level: float = 0.02) -> Float32:
    """A song in another encoding."""
    noise = np.random.default_rng(900 + number).normal(size=(2, 40, DIMENSION))
    windows: Float32 = (song(number) + level + 0.05 * noise[0]).astype(np.float32)
    return windows


BAND = Tags("Song 2", "Band", "Album", year=1969)
TRACKS = [
    Made("/m/Band/Album/02.flac", song(2), BAND),
    Made("/new/x2.mp3", again(2)),
    Made("/m/Band/Album/03.flac", song(3), Tags("Song 3", "Band", "Album", year=1969)),
    Made("/m/Trio/01.flac", song(4), Tags("Song 4", "Trio")),
    Made("/new/x5.mp3", song(5)),
    Made("/m/Solo/06.flac", song(6), Tags("Song 6", "Solo")),
    Made("/new/x6.mp3", again(6)),
    Made("/old/x6 copy.flac", song(6), digest=f"{5:032x}"),
]
SECOND, SIXTH = {"/m/Band/Album/02.flac", "/new/x2.mp3"}, {t.path for t in TRACKS[5:]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Five songs; of the second and the sixth there are untagged copies."""
    return make_home(tmp_path_factory.mktemp("one") / "home", TRACKS)


@pytest.fixture
def similar(cli: Cli, home: Home) -> Any:
    def run(*arguments: object) -> dict[str, set[str]]:
        """The answers, each with the other files of its recording."""
        done = cli("similar", *arguments, "--home", home.path, "--json")
        assert done.code == 0, done.err
        matches = done.json["matches"]
        return {match["path"]: {twin["path"] for twin in match["duplicates"]} for match in matches}

    return run


def test_the_best_tagged_file_stands_for_its_recording(similar: Any) -> None:
    assert similar("/new/x5.mp3", *HERE) == {
        "/m/Band/Album/02.flac": {"/new/x2.mp3"},
        "/m/Band/Album/03.flac": set(),
        "/m/Trio/01.flac": set(),
        "/m/Solo/06.flac": {"/new/x6.mp3", "/old/x6 copy.flac"},
    }
    assert set(similar("/new/x5.mp3", *HERE, "--show-duplicates")) == {t.path for t in TRACKS} - {
        "/new/x5.mp3"
    }


@pytest.mark.parametrize("form", ["paths", "m3u8", "csv", "table"])
def test_it_stands_for_it_in_every_format(home: Home, cli: Cli, form: str) -> None:
    done = cli("similar", "/new/x5.mp3", *HERE, "--home", home.path, "--format", form)
    assert "/m/Band/Album/02.flac" in done.out
    assert "/new/" not in done.out
    if form == "table":
        assert "(and 1 more of this recording)" in done.out
        assert "(and 2 more of this recording)" in done.out


def test_a_file_that_is_there_stands_before_a_better_tagged_one_that_is_not(tmp_path: Path, cli: Cli) -> None:
    there = tmp_path / "there.mp3"
    there.touch()
    home = make_home(tmp_path / "home", [*TRACKS, Made(str(there), again(2, 0.03))])
    command = ("similar", "/new/x5.mp3", *HERE, "--home", home.path, "--format", "paths")
    paths = cli(*command).out.splitlines()
    assert str(there) in paths
    assert not SECOND & set(paths)
    assert str(there) in cli(*command, "--artist", "band").out.splitlines()  # by the other's tags


def test_of_files_tagged_alike_the_one_in_its_artist_s_folder_stands_first() -> None:
    tags = Tags("Song", "Bänd", "The Album")
    tracks = [
        Track(path, "0" * 32, 60.0, tags)
        for path in (b"/m/New/a.mp3", b"/m/copies of Band/a.mp3", "/m/Bänd/The Album/1 - Song.mp3".encode())
    ]
    assert sorted(tracks, key=lambda track: standing(track, Filter())) == tracks[::-1]


def test_of_files_without_tags_one_with_a_name_of_copies_stands_last(tmp_path: Path, cli: Cli) -> None:
    copies = ["/m/New Folder/1.mp3", "/m/Neuer Ordner (2)/1.mp3", "/m/x/Copy of 1.mp3", "/backup/a/1.mp3"]
    own = "/m/Somebody live in the garden/Evening/Disc 1/1.mp3"
    files = [Made(path, again(1, 0.01 * n)) for n, path in enumerate([*copies, own])]
    home = make_home(tmp_path / "home", [*files, Made("/m/query.mp3", recording(9))])
    done = cli("similar", "/m/query.mp3", *HERE, "--format", "paths", "--home", home.path)
    assert done.out.splitlines() == [own]


@pytest.mark.parametrize("query", ["/m/Band/Album/02.flac", "/new/x2.mp3"])
def test_a_query_s_copies_are_the_query(similar: Any, query: str) -> None:
    (twin,) = SECOND - {query}
    for options in ((), ("--from", "5", "--to", "20"), ("--not", "/m/Trio/01.flac"), ("--diversity", "0.5")):
        assert not SECOND & set(similar(query, *options, *HERE)), options
        assert twin in similar(query, *options, *HERE, "--show-duplicates"), options
        assert query not in similar(query, *options, *HERE, "--show-duplicates"), options
    assert similar(query, "--include-self", *HERE)["/m/Band/Album/02.flac"] == {"/new/x2.mp3"}
    assert not SECOND & set(similar("/m/Trio/01.flac", "--not", query, *HERE))


def test_copies_share_their_tags_for_filters(similar: Any) -> None:
    assert similar("/new/x5.mp3", "--artist", "band") == {
        "/m/Band/Album/02.flac": {"/new/x2.mp3"},
        "/m/Band/Album/03.flac": set(),
    }
    assert similar("/new/x5.mp3", "--artist", "band", "--under", "/new") == {"/new/x2.mp3": set()}
    assert similar("/new/x5.mp3", "--year", "1969", "--under", "/new") == {"/new/x2.mp3": set()}
    assert similar("/new/x5.mp3", "--artist", "solo", "--under", "/old") == {"/old/x6 copy.flac": set()}
    assert similar("/new/x5.mp3", "--artist", "trio", "--under", "/new") == {}
    assert set(similar("/new/x5.mp3", "--artist", "band", "--show-duplicates")) == {
        *SECOND,
        "/m/Band/Album/03.flac",
    }
    passage = ("--from", "5", "--to", "20", "--artist", "band")
    assert similar("/new/x5.mp3", *passage)["/m/Band/Album/02.flac"] == {"/new/x2.mp3"}


def test_copies_share_their_tags_where_the_same_is_left_out(similar: Any) -> None:
    others = {"/m/Trio/01.flac", "/m/Solo/06.flac", "/new/x5.mp3"}
    for query in SECOND:  # untagged, it is by the band all the same
        assert set(similar(query, "--exclude-same", "artist")) == others
    found = similar("/m/Band/Album/03.flac", "--exclude-same", "album")
    assert set(found) == others  # and so is an untagged answer
    assert not SECOND & set(similar("/m/Band/Album/03.flac", "--exclude-same", "artist", "--show-duplicates"))
    assert not SECOND & set(
        similar("/m/Band/Album/03.flac", "--exclude-same", "artist", "--from", "5", "--to", "20")
    )


def test_copies_share_their_artist_where_each_has_a_share(similar: Any) -> None:
    for options in ((), ("--show-duplicates",), ("--diversity", "0.3"), ("--under", "/new")):
        found = set(similar("/new/x5.mp3", "--max-per-artist", "1", *options, *HERE))
        assert len(found & (SECOND | {"/m/Band/Album/03.flac"})) == 1, options
        assert len(found & SIXTH) == 1, options


def test_diverse_answers_tell_of_their_copies_too(home: Home, cli: Cli) -> None:
    done = cli("similar", "/new/x5.mp3", *HERE, "--diversity", "0.5", "-k", "4", "--home", home.path)
    assert "(and 1 more of this recording)" in done.out
    assert "(and 2 more of this recording)" in done.out


def test_a_title_may_name_a_recording_of_several_files(home: Home, cli: Cli, tmp_path: Path) -> None:
    both = [Made("/m/a.flac", song(1), BAND), Made("/new/a.mp3", again(1), BAND), Made("/m/b.flac", song(3))]
    made = make_home(tmp_path / "home", both)
    done = cli("similar", "song 2", *HERE, "--home", made.path, "--format", "paths")
    assert (done.code, done.out) == (0, "/m/b.flac\n")
    assert "taken for /m/a.flac" in done.err


def test_playlists_play_a_recording_once_by_its_best_file(home: Home, cli: Cli) -> None:
    def played(*options: object) -> list[str]:
        done = cli("playlist", *options, "--home", home.path)
        assert done.code == 0, done.err
        return done.out.splitlines()[2::2]

    radio = played("--seed", "/new/x2.mp3")
    assert radio[0] == "/new/x2.mp3"
    best = {"/m/Band/Album/03.flac", "/m/Trio/01.flac", "/new/x5.mp3", "/m/Solo/06.flac"}
    assert sorted(radio[1:]) == sorted(best)
    path = played("--start", "/new/x5.mp3", "--end", "/m/Trio/01.flac")
    assert sorted(path) == sorted({*best, "/m/Band/Album/02.flac"})
    tagged = played("--seed", "/m/Trio/01.flac", "--artist", "band", "--under", "/new")
    assert tagged == ["/m/Trio/01.flac", "/new/x2.mp3"]
    seeds = played("--seed", "/new/x2.mp3", "--seed", "/m/Band/Album/02.flac", "--length", "3")
    assert not SECOND & set(seeds[1:])
    done = cli("playlist", "--start", "/new/x2.mp3", "--end", "/m/Band/Album/02.flac", "--home", home.path)
    assert (done.code, "the same recording" in done.err) == (2, True)


def test_a_map_says_how_many_files_its_recordings_are(home: Home, cli: Cli, tmp_path: Path) -> None:
    command = ("map", "-o", tmp_path / "m.html", "--home", home.path)
    files = len(cli("list", "--format", "paths", "--home", home.path).out.splitlines())
    assert files > 5
    assert cli(*command).err.startswith(f"5 recordings ({files} files), coloured by ")
    found = cli(*command, "--json").json
    assert (found["tracks"], found["indexed_files"]) == (5, files)
    alone = cli(*command, "--under", "/m/Solo")
    assert alone.err.startswith("1 track, coloured by ")


def test_a_map_has_one_dot_for_a_recording_and_names_its_files(home: Home, cli: Cli, tmp_path: Path) -> None:
    def drawn(*options: object) -> tuple[int, list[list[str]], Any]:
        done = cli("map", *options, "-o", tmp_path / "m.html", "--absolute", "--home", home.path, "--json")
        assert done.code == 0, done.err
        page = (tmp_path / "m.html").read_text()
        found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
        assert found
        data = json.loads(found[1])
        dots: list[list[str]] = [[] for _ in data["places"]]
        for spot, file in zip(data["spot"], data["file"], strict=True):
            dots[spot].append(file)
        return done.json["tracks"], dots, data

    count, dots, data = drawn()
    assert count == 5
    assert sorted(dots) == [
        ["01.flac"],
        ["02.flac", "x2.mp3"],
        ["03.flac"],
        ["06.flac", "x6.mp3", "x6 copy.flac"],
        ["x5.mp3"],
    ]
    assert sum(group["count"] for group in data["groups"]) == 5
    assert len(set(zip(data["spot"], data["group"], strict=True))) == 5  # a dot has one colour
    assert drawn("--artist", "band")[1] == [["02.flac", "x2.mp3"], ["03.flac"]]
    assert drawn("--artist", "band", "--under", "/new")[1] == [["x2.mp3"]]


def test_copies_in_other_encodings_do_not_answer_each_other_in_an_evaluation(
    tmp_path: Path, cli: Cli
) -> None:
    """Each song has a copy with its label, and nothing else is right: the copy would be."""
    labelled = [Made(f"/m/{n}/a.flac", song(n)) for n in range(4)]
    copies = [Made(f"/m/{n}/b.mp3", again(n)) for n in range(4)]
    home = make_home(tmp_path / "home", [*labelled, *copies])
    done = cli("eval", "--labels", "folder", "--home", home.path)
    assert (done.code, "no two share one that counts" in done.err) == (2, True)


def test_a_query_from_elsewhere_is_known_by_what_is_heard(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for take, name in enumerate("abc"):
        samples = Piece("guitar", take, (0, 3, -2, 5), 1.0, take, take, 40.0).play().astype(np.float32)
        soundfile.write(music / f"{name}.flac", samples, RATE)
    samples, _ = soundfile.read(music / "a.flac", dtype="float32")
    soundfile.write(tmp_path / "again.ogg", 0.5 * samples, RATE)
    library = Library(tmp_path / "home")
    library.index(music)

    def answers(**options: Any) -> list[bytes]:
        result = find_similar(
            tmp_path / "again.ogg", home=library.home.path, encoder=library.encoder, **options
        )
        return sorted(os.path.basename(match.track.path) for match in result.matches)

    assert answers() == [b"b.flac", b"c.flac"]
    assert answers(include_self=True) == [b"a.flac", b"b.flac", b"c.flac"]
    assert answers(ranking=RankingOptions(show_duplicates=True)) == [b"a.flac", b"b.flac", b"c.flac"]
