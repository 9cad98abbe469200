from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import tempfile
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from conftest import GOLDEN
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.commands.options import FORMATS, Format
from audiosim.commands.render import render
from audiosim.commands.sources import read_playlist
from audiosim.core.json_fields import failure_fields, path_fields, to_json
from audiosim.core.types import Match, Passage, Tags, Track
from audiosim.search.query import Query
from audiosim.search.similar import SearchResult

TAGS = Tags("Title", "Artist", "Album", "Band", "Jazz", 1999, 3)
VECTOR = np.array([1.0, 0.0], np.float32)
EVIL = [
    "\x1b[2J\x1b]0;owned\x07",
    "line one\nline two\r\nline three",
    "[bold red]markup[/] [link=file:///etc/passwd]x[/link] :smile:",
    '=HYPERLINK("http://x")',
    "\u202etxt.exe",
    "a,b;\"c\"\t'd'",
    "\x9b31m\x85next\u2028line",
    "<b>&amp;</b>",
    "#EXTINF:1,other\n/etc/passwd",
]


def track(path: bytes = b"/music/song.mp3", tags: Tags = TAGS, duration: float | None = 61.23456) -> Track:
    return Track(path, "00" * 16, duration, tags)


def answer(*tracks: Track, similarity: float = 0.87654321) -> SearchResult:
    matches = [Match(rank, similarity, found) for rank, found in enumerate(tracks, 1)]
    return SearchResult([Query(track(b"/music/query.wav", Tags()), VECTOR, indexed=True)], matches)


def told() -> SearchResult:
    """An answer with all that can be told of one, and one without."""
    passage = Passage(0.91234567, 61.239, 71.239, b"/music/query.wav", 0.0, 10.0)
    twins = (track(b"/music/twin.mp3"), track(b"/music/\xff.mp3"))
    matches = [
        Match(1, 0.9, track(), 99.123456, twins, passage, 0.7512345),
        Match(2, 0.5, track(b"/music/b.mp3"), 12.0, score=0.6),
    ]
    against = (Query(track(b"/music/not this.wav", Tags()), VECTOR, indexed=False),)
    return SearchResult(answer().queries, matches, against=against)


def text(result: SearchResult, form: Format, width: int | None = None) -> str:
    return render(result, form, width=width).decode("utf-8")


def rows(result: SearchResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(result, "csv"), newline=""), strict=True))


def test_json_has_the_query_and_the_matches() -> None:
    document = json.loads(text(answer(track(), track(b"/music/bare.mp3", Tags(), None)), "json"))
    assert set(document) == {"query", "matches"}
    (query,) = document["query"]
    assert query["path"] == "/music/query.wav"
    assert query["indexed"] is True
    first, second = document["matches"]
    assert first == {
        "rank": 1,
        "path": "/music/song.mp3",
        "similarity": 0.876543,
        "score": 0.876543,
        "percentile": None,
        "duration": 61.235,
        "title": "Title",
        "artist": "Artist",
        "album": "Album",
        "album_artist": "Band",
        "genre": "Jazz",
        "year": 1999,
        "track": 3,
        "duplicates": [],
        "passage": None,
        "words": [],
    }
    assert second["rank"] == 2
    assert [second[key] for key in ("duration", "title", "artist", "year", "track")] == [None] * 5


def test_json_lines_are_one_match_a_line() -> None:
    lines = text(answer(track(), track(b"/music/b.mp3")), "jsonl").split("\n")
    assert [json.loads(line)["rank"] for line in lines[:-1]] == [1, 2]
    assert lines[-1] == ""


def test_csv_has_a_header_and_a_row_for_each_match() -> None:
    first, second = rows(answer(track(), track(b"/m/b.mp3", Tags(), None), similarity=-0.25))
    assert list(first) == [
        *("rank", "path", "similarity", "score", "percentile", "duration", "title", "artist", "album"),
        *("album_artist", "genre", "year", "track", "path_bytes"),
    ]
    assert (first["rank"], first["path"], first["similarity"]) == ("1", "/music/song.mp3", "-0.25")
    assert (first["title"], first["year"], first["path_bytes"]) == ("Title", "1999", "")
    assert (second["title"], second["duration"], second["year"]) == ("", "", "")


def test_a_playlist_has_length_name_and_path_of_each_match() -> None:
    result = answer(track(), track(b"/music/no tags.mp3", Tags(), None))
    assert text(result, "m3u8").split("\n") == [
        "#EXTM3U",
        "#EXTINF:61,Artist - Title",
        "/music/song.mp3",
        "#EXTINF:-1,no tags.mp3",
        "/music/no tags.mp3",
        "",
    ]


def test_a_sound_of_a_moment_is_not_of_unknown_length_in_a_playlist() -> None:
    assert "#EXTINF:1," in text(answer(track(b"/m/b.wav", Tags(), 0.1)), "m3u8")


def test_a_table_has_a_line_for_each_match() -> None:
    header, first, second = text(answer(track(), track(b"/music/b.mp3", Tags())), "table").splitlines()
    assert header.split() == ["Similarity", "Length", "Track", "File"]
    assert first.split() == ["1", "0.877", "1:01", "Artist", "-", "Title", "/music/song.mp3"]
    assert second.split() == ["2", "0.877", "1:01", "b.mp3", "/music/b.mp3"]


def test_a_table_without_a_terminal_never_breaks_a_path() -> None:
    long = b"/music/" + b"very long name " * 200 + b".mp3"
    assert long.decode() in text(answer(track(long)), "table")


def test_a_table_on_a_terminal_is_as_wide_as_the_terminal() -> None:
    path = b"/music/" + b"long" * 60 + b".mp3"
    _, line, below = text(answer(track(path, Tags("One long " * 20))), "table", 60).splitlines()
    assert len(line) <= 60
    assert line.endswith("long…")
    assert below.strip() == path.decode()  # whole, to be copied


def test_paths_are_their_exact_bytes() -> None:
    paths = [b"/m/caf\xe9\xff.mp3", b"/m/two\nlines.mp3", "/m/é\u0301.mp3".encode()]
    result = answer(*map(track, paths))
    assert render(result, "paths", null=True) == b"".join(path + b"\0" for path in paths)
    assert render(result, "paths") == b"".join(path + b"\n" for path in paths)


@pytest.mark.parametrize("form", FORMATS)
def test_no_matches_are_rendered_too(form: Format) -> None:
    out = render(answer(), form)
    expected = {"paths": b"", "jsonl": b"", "table": b"", "m3u8": b"#EXTM3U\n"}
    if form == "json":
        assert json.loads(out)["matches"] == []
    elif form == "csv":
        assert out.count(b"\r\n") == 1
    else:
        assert out == expected[form]


@pytest.mark.parametrize("width", [None, 500])
@pytest.mark.parametrize("evil", EVIL)
def test_nothing_in_tags_or_paths_acts_on_a_terminal(evil: str, width: int | None) -> None:
    tags = Tags(evil, evil)
    out = text(answer(track(f"/music/{evil}.mp3".encode(), tags)), "table", width)
    assert len(out.split("\n")) == 3
    own_styles = re.sub(r"\x1b\[[0-9;]*m", "", out.split("\n", maxsplit=1)[0])
    assert "\x1b" not in own_styles + out.split("\n", maxsplit=1)[1]
    body = out.split("\n")[1]
    assert all(character.isprintable() for character in body)
    assert "markup" not in evil or evil in body


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_in_tags_or_paths_adds_a_line_to_a_playlist(evil: str) -> None:
    path = f"/music/{evil}.mp3".encode()
    lines = text(answer(track(path, Tags(evil, evil))), "m3u8").splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("#EXTINF:61,")
    entry = lines[2]
    assert (unquote_to_bytes(entry[7:]) if entry.startswith("file://") else entry.encode()) == path


@pytest.mark.parametrize(
    "path", [b"/m/caf\xe9.mp3", b"/m/two\nlines%.mp3", b"/m/\r#.mp3", b"/m/\x1b \xff?.mp3"]
)
def test_a_path_that_no_line_can_hold_is_a_file_uri(path: bytes) -> None:
    entry = text(answer(track(path)), "m3u8").split("\n")[2]
    assert entry.startswith("file:///m/")
    assert entry.isascii()
    assert " " not in entry
    assert unquote_to_bytes(entry[7:]) == path


def test_a_plain_path_with_odd_characters_stays_as_it_is_in_a_playlist() -> None:
    path = "/m/100% #1 é 月 [x] file.mp3"
    assert text(answer(track(path.encode())), "m3u8").split("\n")[2] == path


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_tag_is_a_formula_in_a_spreadsheet(start: str) -> None:
    formula = f"{start}cmd|' /C calc'!A0"
    (row,) = rows(answer(track(tags=Tags(formula, formula, formula, formula, formula))))
    for name in ("title", "artist", "album", "album_artist", "genre"):
        assert row[name] == f"'{formula}"


@pytest.mark.parametrize("evil", EVIL)
def test_csv_keeps_any_text_in_its_cell(evil: str) -> None:
    (row,) = rows(answer(track(f"/m/{evil}.mp3".encode(), Tags(artist=evil))))
    assert row["artist"].removeprefix("'") == evil
    assert row["path"] == f"/m/{evil}.mp3"


@pytest.mark.parametrize("evil", EVIL)
def test_json_keeps_any_text_in_its_field(evil: str) -> None:
    result = answer(track(f"/m/{evil}.mp3".encode(), Tags(artist=evil)))
    (line,) = text(result, "jsonl").rstrip("\n").split("\n")
    for match in (json.loads(line), json.loads(text(result, "json"))["matches"][0]):
        assert (match["artist"], match["path"]) == (evil, f"/m/{evil}.mp3")


def test_a_path_that_is_not_utf8_has_its_bytes_beside_it() -> None:
    path = b"/m/caf\xe9.mp3"
    result = answer(track(path), track(b"/m/plain.mp3"))
    first, second = json.loads(text(result, "json"))["matches"]
    assert first["path"] == "/m/caf\ufffd.mp3"
    assert base64.b64decode(first["path_bytes"]) == path
    assert "path_bytes" not in second
    assert base64.b64decode(rows(result)[0]["path_bytes"]) == path
    assert base64.b64decode(json.loads(text(result, "jsonl").split("\n")[0])["path_bytes"]) == path


@settings(deadline=None)  # the machine may be busy
@given(
    st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.sampled_from(FORMATS),
)
def test_any_path_and_tags_give_valid_utf8(name: bytes, tag: str, form: Format) -> None:
    out = render(answer(track(b"/m/" + name, Tags(tag, tag))), form, width=80)
    if form == "paths":
        assert out == b"/m/" + name + b"\n"
    else:
        out.decode("utf-8")


def test_similarities_of_any_sign_are_numbers_in_every_format() -> None:
    result = answer(track(), similarity=-0.12349)
    assert json.loads(text(result, "json"))["matches"][0]["similarity"] == -0.12349
    assert rows(result)[0]["similarity"] == "-0.12349"
    assert "-0.123" in text(result, "table")


def test_a_document_is_utf8_with_a_final_newline() -> None:
    assert to_json({"é": "月"}).endswith("\n")
    assert "月" in to_json({"é": "月"})


def test_failures_have_their_path_and_reason() -> None:
    fields = failure_fields([(b"/m/\xff.mp3", "damaged"), (bytes(Path("/m/a.mp3")), "empty")])
    assert fields == [
        {**path_fields(b"/m/\xff.mp3"), "reason": "damaged"},
        {"path": "/m/a.mp3", "reason": "empty"},
    ]
    assert base64.b64decode(fields[0]["path_bytes"]) == b"/m/\xff.mp3"


def test_json_tells_percentiles_duplicates_passages_and_what_to_stay_away_from() -> None:
    document = json.loads(text(told(), "json"))
    assert list(document) == ["query", "not", "matches"]
    assert [query["path"] for query in document["not"]] == ["/music/not this.wav"]
    first, second = document["matches"]
    assert first["percentile"] == 99.1235
    assert [match["score"] for match in document["matches"]] == [0.751235, 0.6]
    assert first["duplicates"] == [path_fields(b"/music/twin.mp3"), path_fields(b"/music/\xff.mp3")]
    assert first["passage"] == {
        "similarity": 0.912346,
        "start": 61.24,
        "end": 71.24,
        "query_start": 0.0,
        "query_end": 10.0,
        "query": "/music/query.wav",
    }
    assert (second["percentile"], second["duplicates"], second["passage"]) == (12.0, [], None)
    assert [json.loads(line) for line in text(told(), "jsonl").splitlines()] == [first, second]


def test_csv_has_columns_for_passages_where_there_are_any() -> None:
    first, second = rows(told())
    names = [name for name in first if name.startswith("passage_")]
    assert names == [
        f"passage_{name}" for name in ("similarity", "start", "end", "query", "query_start", "query_end")
    ]
    assert [first[name] for name in names] == [
        "0.912346",
        "61.24",
        "71.24",
        "/music/query.wav",
        "0.0",
        "10.0",
    ]
    assert [second[name] for name in names] == [""] * 6
    assert (first["percentile"], second["percentile"]) == ("99.1235", "12.0")


def test_a_table_tells_percentiles_passages_and_how_many_more_files_there_are() -> None:
    header, first, second = text(told(), "table").splitlines()
    assert header.split("  ")[-1].strip() == "of the query's"
    assert header.split()[:3] == ["Score", "Similarity", "Percentile"]
    assert first.split()[:4] == ["1", "0.751", "0.900", "99.12"]
    assert "99.12" in first
    assert "/music/song.mp3  (and 2 more of this recording)" in first
    assert first.endswith("0:00 - 0:10")
    assert "1:01 - 1:11 (0.912)" in first
    assert second.endswith("/music/b.mp3")


@given(st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=4))
def test_a_playlist_of_answers_is_read_as_the_same_files(names: list[bytes]) -> None:
    paths = [b"/m/" + name.translate(None, b"\0/") + b".mp3" for name in names]
    data = render(answer(*map(track, paths)), "m3u8")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.m3u8"
        file.write_bytes(data)
        assert read_playlist(os.fsencode(file)) == paths


ALBUM = "Endgame: Singularity (Advanced Research)"
ANDANTE = "Piano Concerto No. 21 in C major, K. 467: II. Andante"
CONCERTOS = "Piano Concertos Nos. 20 and 21"
LIBRARY = [
    track(
        b"/m/Maxstack/Endgame Singularity/12 - Orbital Elevator.ogg",
        Tags("Orbital Elevator", "Maxstack", ALBUM, None, "Electronic", 2012),
        282.0,
    ),
    track(
        b"/m/Mozart/K. 467/02 Andante.flac",
        Tags(ANDANTE, "Wolfgang Amadeus Mozart", CONCERTOS, None, "Classical", 1785),
        426.0,
    ),
    track("/m/月/月光.mp3".encode(), Tags("月光", "鬼束 ちひろ")),
    track(b"/m/untagged/b_01.wav", Tags(), 3601.0),
]


def seen(result: SearchResult | list[Track], width: int) -> str:
    """What a terminal of this width shows, styles aside."""
    return re.sub(r"\x1b\[[0-9;]*m", "", render(result, "table", width=width).decode())


def ranked(*, explained: bool = False) -> SearchResult:
    passage = Passage(0.91234567, 61.2, 71.2, b"/m/query.wav", 0.0, 10.0) if explained else None
    matches = [
        Match(rank, 0.9 - rank / 10, found, 99.5 - rank, (found,) * (rank == 1), passage, 0.85 - rank / 11)
        for rank, found in enumerate(LIBRARY, 1)
    ]
    return SearchResult(answer().queries, matches)


def test_tables_are_as_they_were_found_good_to_read() -> None:
    """At 80 and 120 columns; golden/tables.txt is what a person has looked at."""
    shown = "".join(
        f"{title}, {width} columns\n{seen(tracks, width)}\n"
        for width in (80, 120)
        for title, tracks in (("list", LIBRARY), ("similar", ranked()), ("explained", ranked(explained=True)))
    )
    assert shown == (GOLDEN / "tables.txt").read_text("utf-8")
