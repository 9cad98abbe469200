"""``audiosim similar`` as users run it: what it prints, and with which exit code it ends."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, Finished, tone
from fake_encoder import FakeEncoder
from made_home import MadeHome, digest_of, frames_of, random_tracks

from audiosim.core.types import Tags
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Catalog

pytestmark = pytest.mark.slow

ALL = ("--under", "/")  # has exact search answer, which needs no Chroma
FIRST = "/music/t000.flac"

UNHEARD = (  # no home that is made without audio has fingerprints
    "audiosim: 60 of 60 tracks have no fingerprint yet, and copies of them are told by stricter, older"
    " evidence; the next run makes some.\n"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeHome:
    """Sixty tracks, measured; the last is the second in another encoding, and two others share a title."""
    made = MadeHome(tmp_path_factory.mktemp("made") / "home")
    tracks = random_tracks(60, np.random.default_rng(13), windows=30)
    again = tracks["t001.flac"].embedding.astype(np.float32) * 0.98 + 0.01
    tracks["t059.flac"] = frames_of(again)
    tags = {f"t{n:03}.flac": Tags(f"Title {n}", f"Artist {n % 3}", year=1960 + n) for n in range(60)}
    namesake = replace(tags["t058.flac"], title="Title 2")
    made.add(tracks, tags | {"t058.flac": namesake, "t059.flac": tags["t001.flac"]})
    made.refresh()
    return made


@pytest.fixture
def similar(cli: Cli, made: MadeHome) -> Cli:
    def run(*arguments: object, **environment: object) -> Finished:
        return cli("similar", *arguments, "--home", made.home.path, **environment)

    return run


def test_json_holds_all_that_is_known_of_an_answer(similar: Cli) -> None:
    done = similar(FIRST, "--not", "/music/t002.flac", "-k", "59", "--explain", "--json", *ALL)
    assert (done.code, done.err) == (0, UNHEARD)
    document = done.json
    assert [query["path"] for query in document["query"]] == [FIRST]
    assert [query["path"] for query in document["not"]] == ["/music/t002.flac"]
    matches = {match["path"]: match for match in document["matches"]}
    assert len(matches) == 57
    assert FIRST not in matches
    pair = {"/music/t001.flac", "/music/t059.flac"}
    (found,) = pair & set(matches)
    assert [{"path": path} for path in pair - {found}] == matches[found]["duplicates"]
    for match in matches.values():
        assert 0 <= match["percentile"] <= 100
        assert match["passage"]["query"] == FIRST
        assert 0 <= match["passage"]["start"] < match["passage"]["end"] <= match["duration"]


def test_filters_and_manners_are_obeyed(similar: Cli) -> None:
    done = similar(
        *(FIRST, "--year", "1990-", "--artist", "artist 1", "--artist", "ARTIST 2", "--json", "-k", "4"),
        *("--max-per-artist", "2", "--min-duration", "0:10", "--max-duration", "31", "--diversity", "0.3"),
    )
    matches = done.json["matches"]
    assert [match["year"] >= 1990 for match in matches] == [True] * 4
    assert sorted(match["artist"] for match in matches) == ["Artist 1"] * 2 + ["Artist 2"] * 2
    others = similar(FIRST, "--exclude-same", "artist", "--json", "-k", "100", "--show-duplicates").json
    assert {match["artist"] for match in others["matches"]} == {"Artist 1", "Artist 2"}
    assert len(others["matches"]) == 40


def test_a_passage_is_asked_with_by_its_times(similar: Cli) -> None:
    command = ("/music/t001.flac", "--from", "0:05", "--to", "17.5", "--json", "-k", "3")
    assert "/music/t059.flac" not in {match["path"] for match in similar(*command).json["matches"]}
    done = similar(*command, "--show-duplicates")
    first = done.json["matches"][0]
    assert first["path"] == "/music/t059.flac"
    assert (first["passage"]["query_start"], first["passage"]["query_end"]) == (5.0, 17.5)
    assert (first["passage"]["start"], first["passage"]["end"]) == (5.0, 17.5)
    assert first["percentile"] is None


def test_every_format_tells_the_same_answers(similar: Cli) -> None:
    paths = similar(FIRST, "-k", "5", "--format", "paths", *ALL).out.splitlines()
    assert len(paths) == 5
    rows = list(
        csv.DictReader(io.StringIO(similar(FIRST, "-k", "5", "--format", "csv", "--explain", *ALL).out))
    )
    assert [row["path"] for row in rows] == paths
    assert all(row["passage_query"] == FIRST and float(row["percentile"]) > 0 for row in rows)
    playlist = similar(FIRST, "-k", "5", "--format", "m3u8", *ALL).out.splitlines()
    assert playlist[0] == "#EXTM3U"
    assert playlist[2::2] == paths
    table = similar(FIRST, "-k", "5", "--explain", *ALL).out.splitlines()
    assert table[0].split()[:3] == ["Score", "Similarity", "Percentile"]
    assert [next(path for path in paths if path in line) for line in table[1:]] == paths


def test_a_playlist_from_elsewhere_names_files_of_the_index_s_folders(
    similar: Cli, made: MadeHome, tmp_path: Path
) -> None:
    file = tmp_path / "music" / "A" / "01.flac"
    file.parent.mkdir(parents=True)
    file.touch()
    playlist = tmp_path / "lists" / "some.m3u"
    playlist.parent.mkdir()
    playlist.write_bytes(b"M:\\iTunes\\a\\01.FLAC\r\nhttp://radio/\r\n")
    with Catalog(made.home.catalog) as catalog:
        catalog.settings.set_roots([os.fsencode(tmp_path / "music")])
    done = similar(playlist, FIRST, "--json", *ALL)
    assert f"Can't use {file}: the file is empty; it is left out." in done.err
    assert "some.m3u: 1 of its 2 entries are streams, left out." in done.err
    assert done.code == 3


def test_a_playlist_of_a_kind_that_is_not_read_is_a_usage_error(similar: Cli, tmp_path: Path) -> None:
    playlist = tmp_path / "some.wpl"
    playlist.write_text("<smil/>")
    done = similar(playlist, *ALL)
    assert done.code == 2
    assert "playlists of the kind .wpl are not read" in done.err
    assert "Save it as one of: .m3u, .m3u8, .pls, .xspf." in done.err


def test_a_playlist_and_stdin_name_queries_and_what_is_missing_is_told(
    similar: Cli, made: MadeHome, tmp_path: Path
) -> None:
    playlist = tmp_path / "some.m3u"
    playlist.write_bytes(b"#EXTM3U\r\n/music/t003.flac\r\nabsent.flac\r\nhttp://[radio]/\r\n")
    done = similar(playlist, FIRST, "--json", *ALL)
    assert (done.code, len(done.json["query"])) == (3, 2)
    assert f"No such file: {tmp_path}/absent.flac" in done.err
    assert similar(playlist, tmp_path / "absent.flac", *ALL).code == 2
    for data in (b"/music/t003.flac\n/music/t004.flac\n", b"/music/t003.flac\0/music/t004.flac\0"):
        run = subprocess.run(
            [sys.executable, "-m", "audiosim", "similar", "-", "--json", *ALL, "--home", str(made.home.path)],
            input=data,
            capture_output=True,
            check=True,
        )
        assert Finished(0, run.stdout.decode(), "").json["query"][1]["path"] == "/music/t004.flac"


def test_a_closed_stdin_is_no_error(made: MadeHome) -> None:
    command = [sys.executable, "-m", "audiosim", "similar", FIRST, *ALL, "--home", str(made.home.path)]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, check=False, env=os.environ
    )
    assert (done.returncode, done.stderr.decode()) == (0, UNHEARD)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FIRST, "/music/t001.flac", "--from", "1"), "one QUERY"),
        ((FIRST, "--not", "/music/t001.flac", "--to", "9"), "one QUERY"),
        ((FIRST, "--not", FIRST), f"wanted and not: {FIRST}"),
        ((FIRST, "/music/t001.flac", "--not", "/music/t059.flac"), "t059.flac are one recording"),
        ((FIRST, "--from", "soon"), "--from soon is no time"),
        ((FIRST, "--from", "9", "--to", "3"), "no such passage"),
        ((FIRST, "--from", "9:00"), f"{FIRST} has no passage from 9:00: it is 0:30 long"),
        ((FIRST, "--from", "30.2"), f"{FIRST} has no passage from 30.2 s: it is 30 s long"),
        ((FIRST, "--year", "nonsense"), "--year nonsense is no year"),
        ((FIRST, "--min-duration", "long"), "--min-duration long is no time"),
        ((FIRST, "--diversity", "2"), "--diversity"),
        ((FIRST, "--max-per-artist", "0"), "--max-per-artist"),
        ((FIRST, "--exclude-same", "foo"), "foo"),
        ((FIRST, "--null"), "--format paths"),
        (("/music/nowhere.flac",), "No such file"),
        (("-",), "No audio file in stdin"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(
    similar: Cli, arguments: tuple[str, ...], message: str
) -> None:
    done = similar(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.replace("│", " ").split())


def test_tracks_without_caches_are_told_of_when_asked_with_a_passage(similar: Cli, made: MadeHome) -> None:
    path = made.cache.path(digest_of("t040.flac"))
    content = path.read_bytes()
    path.unlink()
    done = similar(FIRST, "--from", "5", "--to", "15", "--format", "paths", "-k", "100")
    path.write_bytes(content)
    assert done.code == 0
    assert "/music/t040.flac" not in done.out.splitlines()
    assert "1 of 59 tracks has no cache" in done.err


def test_a_folder_asks_with_all_of_its_files(cli: Cli, music: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    index_folder([music], home=home, encoder=FakeEncoder())
    done = cli(
        "similar", music / "low", "--not", music / "high" / "05 track.ogg", "--json", *ALL, "--home", home
    )
    assert [Path(query["path"]).name for query in done.json["query"]] == [
        *("00 track.wav", "01 track.flac", "02 track.ogg")
    ]
    answers = {Path(match["path"]).name for match in done.json["matches"]}
    assert answers == {"03 track.wav", "04 track.flac"}


def test_a_folder_where_one_track_is_meant_is_wrong_usage_that_says_so(
    cli: Cli, made: MadeHome, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    for words in (["similar", "folder", "--from", "1"], ["playlist", "--seed", "folder"]):
        done = cli(*words, "--home", made.home.path)
        told = f"audiosim: {tmp_path / 'folder'} is a folder: one track is meant here.\nName a file in it.\n"
        assert (done.code, done.err) == (2, told)
    (tmp_path / "Title 7").mkdir()  # as albums are that are called like a track of theirs
    done = cli("playlist", "--seed", "Title 7", "-k", "2", "--home", made.home.path)
    assert (done.code, "/music/t007.flac" in done.out) == (0, True), done.err


def test_a_query_may_be_the_title_of_one_track(similar: Cli) -> None:
    for name in ("title 7", "ARTIST 1 - Title 7", "t007", "T007.flac"):
        done = similar(name, "-k", "1", "--json", *ALL)
        assert (done.code, done.err) == (0, f"audiosim: {name}: taken for /music/t007.flac.\n{UNHEARD}")
        assert [query["path"] for query in done.json["query"]] == ["/music/t007.flac"]
    passage = similar("title 7", "--from", "0", "--to", "10", "-k", "1", "--json", *ALL)
    assert (passage.code, "taken for /music/t007.flac.\n" in passage.err) == (0, True)
    assert "taken for" not in similar("t007", "--from", "0", "--to", "10", "--quiet", *ALL).err
    assert passage.json["query"][0]["path"] == "/music/t007.flac"


def test_a_title_still_names_a_file_that_was_touched(music: Path, tmp_path: Path, cli: Cli) -> None:
    index_folder([music], home=tmp_path / "home", encoder=FakeEncoder())
    song = music / "low" / "00 track.wav"
    os.utime(song, (1, 1))
    asked = cli("similar", "00 track", "--json", "--home", tmp_path / "home")
    assert [query["path"] for query in asked.json["query"]] == [str(song)]
    assert "taken for" in asked.err
    played = cli("playlist", "--seed", "00 track", "--json", "--home", tmp_path / "home")
    assert played.json["tracks"][0]["path"] == str(song)


def test_a_title_of_several_tracks_names_them(similar: Cli) -> None:
    done = similar("title 2", *ALL)
    assert done.code == 2
    assert "2 tracks are called title 2" in done.err
    assert all(f"\n  /music/{name}.flac" in done.err for name in ("t002", "t058"))
    assert similar("title 2", "--from", "0", *ALL).code == 2
    assert similar("title 1", *ALL).code == 0  # both files are one recording


def test_a_title_with_a_slip_is_told_those_that_are_near(similar: Cli) -> None:
    near = "no track has that title.\nNear it: Artist 1 - Title 7; "
    done = similar("Artist 1 - Titel 7", *ALL)
    assert (done.code, near in done.err) == (2, True)
    assert len(done.err.partition("Near it: ")[2].splitlines()[0].split(";")) == 3
    assert near in similar("Artist 1 - Titel 7", "--from", "0", *ALL).err
    assert "\nNear it: t007.flac" in similar("elsewhere/t007.flacc", *ALL).err
    assert "Near it" not in similar("No Such Song", *ALL).err


def test_a_folder_named_from_elsewhere_is_told_where_it_lies(similar: Cli) -> None:
    for slip in ("Music", "musik"):  # of /music
        assert "\nNear it: /music/.\n" in similar(slip, *ALL).err


def test_a_full_stop_pasted_behind_a_file_outside_the_index_is_seen(similar: Cli, tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_bytes(b"")
    assert f"\nNear it: {tmp_path}/clip.wav.\n" in similar(f"{tmp_path}/clip.wav.", *ALL).err


def test_a_listed_name_is_not_said_to_be_no_title(made: MadeHome) -> None:
    command = [sys.executable, "-m", "audiosim", "similar", "-", *ALL, "--home", str(made.home.path)]
    done = subprocess.run(command, input=b"title 7\n", capture_output=True, check=False)
    assert b"title 7: it is neither there nor in the index\n" in done.stderr
    assert b"no track has that title" not in done.stderr


def test_what_is_no_file_and_no_title_is_refused_with_what_to_do(similar: Cli) -> None:
    done = similar("No Such Song", *ALL)
    assert (done.code, "no track has that title" in done.err) == (2, True)
    done = similar("https://example.org/a%20b.mp3", *ALL)
    assert done.code == 2
    assert "https://example.org/a%20b.mp3 is an address" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("similar", "{bad}"),
        ("similar", "{good}", "{bad}"),
        ("similar", FIRST, "--not", "{bad}"),
        ("similar", "{bad}", "--from", "0", "--to", "1"),
        ("playlist", "--seed", "{good}", "--seed", "{bad}"),
        ("playlist", "--start", FIRST, "--end", "{bad}"),
    ],
)
@pytest.mark.parametrize("name", ["notes.txt", "song.mp3"])
def test_what_is_no_audio_is_refused_before_a_model_is_loaded(
    cli: Cli, made: MadeHome, tmp_path: Path, words: tuple[str, ...], name: str
) -> None:
    bad, good = tmp_path / name, tmp_path / "good.wav"
    bad.write_text("no music at all\n" * 100)
    soundfile.write(good, tone(9, 300), SAMPLE_RATE)
    done = cli(*(word.format(bad=bad, good=good) for word in words), "--home", made.home.path)
    assert (done.code, done.out) == (1, "")
    assert re.search(f"Can't use {bad}: (not readable as|there is no) audio", done.err)
    remedy = (
        "\nGive a list of files as .m3u8, or as - on stdin. For words: audiosim similar --text WORDS --home"
    )
    assert (remedy in done.err) == (name == "notes.txt")
    assert "no encoder fake" in cli("similar", good, "--home", made.home.path).err


def test_a_title_that_is_not_there_yet_is_told_with_what_a_run_has_left(cli: Cli, made: MadeHome) -> None:
    asked = ("similar", "not there", "--home", made.home.path)
    assert "not in the index yet" not in cli(*asked).err
    with Catalog(made.home.catalog) as catalog:
        catalog.files.note_unopened(others=[], found=[b"/m/8.flac"])
    done = cli(*asked)
    assert done.code == 2
    assert (
        "\n1 file is not in the index yet: a run was cut short. To go on: audiosim index --home" in done.err
    )


def test_an_answer_goes_into_a_file(similar: Cli, tmp_path: Path) -> None:
    done = similar(FIRST, "-k", "2", "-o", tmp_path / "radio.m3u8", *ALL)
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "radio.m3u8").read_text().startswith("#EXTM3U\n#EXTINF")


def test_a_query_that_is_all_there_is_has_no_answer_and_is_told_so(
    music: Path, tmp_path: Path, cli: Cli
) -> None:
    index_folder([music], home=tmp_path / "home", encoder=FakeEncoder())
    done = cli("similar", music, "--home", tmp_path / "home")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("audiosim: no other track of the index answers.\n")


def test_each_of_the_titles_that_a_file_has_names_it(tmp_path: Path, cli: Cli) -> None:
    made = MadeHome(tmp_path / "home")
    tags = {"t001.flac": Tags("Living Caves; Deep Down", "Band; Guest")}
    made.add(random_tracks(3, np.random.default_rng(0), windows=10), tags)
    for name in ("living caves", "Deep Down", "Band - Deep Down", "Living Caves; Deep Down"):
        done = cli("similar", name, "--home", made.home.path, *ALL)
        assert (done.code, f"{name}: taken for /music/t001.flac." in done.err) == (0, True)
