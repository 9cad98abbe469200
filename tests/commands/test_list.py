"""What is indexed, listed in every format."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from conftest import Cli
from homes import Made, make_home, recording

import audiosim
from audiosim.core.config import Home
from audiosim.core.types import Tags


@pytest.fixture
def home(tmp_path: Path) -> Home:
    tracks = [
        Made(
            "/m/jazz/a.flac",
            recording(0, 90),
            Tags("So What", "Miles Davis", "Kind of Blue", None, "Jazz", 1959),
        ),
        Made("/m/jazz/b.flac", recording(1), Tags("Naima", "John Coltrane", None, None, "jazz", 1960)),
        Made("/m/rock/c.mp3", recording(2), Tags("Song", "Band", "Album", None, "Rock", 1975)),
        Made("/m/untagged \N{SNOWMAN}.ogg", recording(3)),
    ]
    return make_home(tmp_path / "home", tracks)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["jazz/a.flac", "jazz/b.flac", "rock/c.mp3", "untagged \N{SNOWMAN}.ogg"]),
        (("--genre", "JAZZ"), ["jazz/a.flac", "jazz/b.flac"]),
        (("--genre", "jazz", "--artist", "miles davis"), ["jazz/a.flac"]),
        (("--artist", "band", "--artist", "john coltrane"), ["jazz/b.flac", "rock/c.mp3"]),
        (("--year", "1960-"), ["jazz/b.flac", "rock/c.mp3"]),
        (("--under", "/m/rock", "--album", "album"), ["rock/c.mp3"]),
        (("--min-duration", "1:30"), ["jazz/a.flac"]),
        (("--max-duration", "0:41", "--year", "-1970"), ["jazz/b.flac"]),
        (("--genre", "polka"), []),
    ],
)
def test_filters_choose_what_is_listed(
    home: Home, cli: Cli, options: tuple[str, ...], expected: list[str]
) -> None:
    done = cli("list", "--home", home.path, "--format", "paths", *options)
    assert done.code == 0
    assert done.out.splitlines() == [f"/m/{name}" for name in expected]


def test_a_least_length_above_the_greatest_is_refused(home: Home, cli: Cli) -> None:
    for command in (("list",), ("similar", "/m/jazz/a.flac"), ("playlist", "--seed", "/m/jazz/a.flac")):
        done = cli(*command, "--min-duration", "0:30", "--max-duration", "20", "--home", home.path)
        assert (done.code, done.out) == (2, "")
        assert "--min-duration 0:30 is more than --max-duration 0:20" in done.err
    assert cli("list", "--year", "1999-1990", "--home", home.path).code == 2


def test_demands_that_nothing_meets_together_tell_how_many_tracks_each_leaves(home: Home, cli: Cli) -> None:
    done = cli("list", "--min-duration", "90", "--genre", "rock", "--home", home.path)
    assert "Each on its own fits some: 1 track by the genre, 1 track by the least length." in done.err


def test_every_format_lists_every_track(home: Home, cli: Cli) -> None:
    command = ("list", "--home", home.path)
    table = cli(*command).out.splitlines()
    assert table[0].split() == ["Length", "Track", "Album", "Year", "Genre", "File"]
    assert table[1].split()[-1] == "/m/jazz/a.flac"
    assert len(table) == 5
    tracks = cli(*command, "--json").json["tracks"]
    assert [track["title"] for track in tracks] == ["So What", "Naima", "Song", None]
    assert (tracks[0]["path"], tracks[0]["duration"], tracks[0]["year"]) == ("/m/jazz/a.flac", 90.0, 1959)
    assert len(cli(*command, "--format", "jsonl").out.splitlines()) == 4
    rows = list(csv.DictReader(io.StringIO(cli(*command, "--format", "csv").out)))
    assert [row["genre"] for row in rows] == ["Jazz", "jazz", "Rock", ""]
    assert cli(*command, "--format", "m3u8").out.startswith("#EXTM3U\n#EXTINF:90,Miles Davis - So What\n")
    assert cli(*command, "--format", "paths", "--null").out.split("\0")[0] == "/m/jazz/a.flac"


def test_in_a_pipe_columns_stay_aligned_beside_a_long_title(cli: Cli, tmp_path: Path) -> None:
    tags = [Tags(title=title) for title in ("a title " * 20 + "end", "short", "freak " * 50 + "end")]
    made = [Made(f"/m/{number}.mp3", recording(number), tag) for number, tag in enumerate(tags)]
    home = make_home(tmp_path / "other", made)
    head, long, short, freak = cli("list", "--home", home.path).out.splitlines()
    assert "a title " * 20 + "end" in long
    assert "freak " * 50 + "end" in freak  # which is longer than any file's name: none is padded to it
    assert head.index("File") == long.index("/m/0.mp3") == short.index("/m/1.mp3") < 255


def test_bad_options_are_usage_errors(home: Home, cli: Cli) -> None:
    for options in (("--year", "x"), ("--min-duration", "1:x"), ("--format", "xml"), ("--null",)):
        assert cli("list", "--home", home.path, *options).code == 2
    assert cli("list", "--home", home.path / "none").code == 1


def test_python_lists_tracks_too(home: Home) -> None:
    only = audiosim.Filter(years=audiosim.Years.parse("1959-1960"))
    assert [t.tags.title for t in audiosim.indexed_tracks(home.path, only=only)] == ["So What", "Naima"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--sort", "year"), "abc\N{SNOWMAN}"),
        (("--sort", "Year", "--reverse"), "cba\N{SNOWMAN}"),
        (("--sort", "title"), "bac\N{SNOWMAN}"),
        (("--sort", "album"), "cab\N{SNOWMAN}"),
        (("--sort", "duration", "--reverse"), "abc\N{SNOWMAN}"),
    ],
)
def test_tracks_are_sorted_and_those_without_the_tag_come_last(
    home: Home, cli: Cli, options: tuple[str, ...], expected: str
) -> None:
    done = cli("list", "--home", home.path, "--format", "paths", *options)
    assert "".join(Path(line).stem[-1] for line in done.out.splitlines()) == expected


def test_a_list_goes_into_a_file_in_the_format_of_its_name(home: Home, cli: Cli, tmp_path: Path) -> None:
    command = ("list", "--home", home.path, "--genre", "jazz", "-o")
    starts = {"a.csv": "path,", "a.JSON": "{", "a.jsonl": '{"path"', "a.m3u": "#EXTM3U", "a.txt": "Length"}
    for name, start in starts.items():
        done = cli(*command, tmp_path / name)
        assert (done.code, done.out, done.err) == (0, "", "")
        assert (tmp_path / name).read_text("utf-8").lstrip().startswith(start)
    assert cli(*command, tmp_path / "b.csv", "--json").code == 0
    assert (tmp_path / "b.csv").read_text().startswith("{")
    (tmp_path / "file").touch()
    refused = cli(*command, tmp_path / "file" / "a.csv")
    assert (refused.code, "Can't write" in refused.err) == (2, True)
