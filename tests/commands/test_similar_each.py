"""``audiosim similar --each``: a line of JSON for each query, and what the exit code says of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli, Finished
from made_home import MadeHome, random_tracks

from audiosim.core.types import Tags
from audiosim.search import each

pytestmark = pytest.mark.slow

ALL = ("--under", "/")  # has exact search answer, which needs no Chroma
PATHS = [f"/music/t{number:03}.flac" for number in range(60)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeHome:
    made = MadeHome(tmp_path_factory.mktemp("made") / "home")
    tags = {f"t{n:03}.flac": Tags(f"Title {n}", f"Artist {n % 3}", year=1960 + n) for n in range(60)}
    made.add(random_tracks(60, np.random.default_rng(13), windows=30), tags)
    made.refresh()
    return made


@pytest.fixture
def similar(cli: Cli, made: MadeHome) -> Cli:
    def run(*arguments: object, **environment: object) -> Finished:
        return cli("similar", *arguments, "--home", made.home.path, **environment)

    return run


def lines(done: Finished) -> list[Any]:
    return [json.loads(line) for line in done.out.splitlines()]


def process(made: MadeHome, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "audiosim", "similar", "--each", *arguments]
    return subprocess.Popen([*command, "--home", str(made.home.path)], **options)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-k", "3", "--year", "1970-1990", "--explain"),
        ("--exclude-same", "artist", "--show-duplicates", "--not", PATHS[9]),
        ("--from", "0:05", "--to", "17.5", "-k", "4"),
    ],
    ids=" ".join,
)
def test_each_line_is_the_document_that_the_query_gets_alone(similar: Cli, options: tuple[str, ...]) -> None:
    asked = [PATHS[3], "title 5", PATHS[40]]
    done = similar("--each", *asked, *options)
    assert done.code == 0
    exact = ALL if "--from" not in options else ()
    assert lines(done) == [similar(name, *options, *exact, "--json").json for name in asked]
    assert done.err.count("no fingerprint yet") == (0 if {"--show-duplicates", "--from"} & {*options} else 1)
    assert f"taken for {PATHS[5]}.\n" in done.err


def test_a_bad_query_has_a_line_that_says_why_and_the_exit_code_is_3(similar: Cli, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp3"
    broken.write_text("no music at all\n" * 100)
    done = similar("--each", PATHS[0], broken, "/music/nowhere\n.flac", PATHS[1])
    first, second, third, last = lines(done)
    assert done.code == 3
    assert (first["query"][0]["path"], last["query"][0]["path"]) == (PATHS[0], PATHS[1])
    assert second == {"query": [{"path": str(broken)}], "error": second["error"]}
    assert "Can't use" in second["error"]
    assert third["query"] == [{"path": "/music/nowhere\n.flac"}]
    assert "No such file" in third["error"]
    assert done.err.endswith("audiosim: 2 of 4 queries could not be answered; the lines say why.\n")


def test_where_none_can_be_answered_the_exit_code_is_1(similar: Cli) -> None:
    done = similar("--each", "/music/nowhere.flac", "--quiet")
    assert (done.code, len(lines(done))) == (1, 1)
    assert done.err == "audiosim: The query could not be answered; the lines say why.\n"


def test_a_name_that_is_not_utf8_is_told_exactly(similar: Cli) -> None:
    (line,) = lines(similar("--each", b"/music/\xff.flac"))
    assert line["query"] == [{"path": "/music/\ufffd.flac", "path_bytes": "L211c2ljL/8uZmxhYw=="}]


@pytest.mark.parametrize("end", [b"\n", b"\0"])
def test_paths_come_from_stdin(made: MadeHome, end: bytes) -> None:
    names = [*PATHS[:3], "/music/nowhere.flac"]
    with process(made, "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        out, _ = run.communicate(end.join(map(os.fsencode, names)) + end)
    assert run.returncode == 3
    assert [json.loads(line)["query"][0]["path"] for line in out.splitlines()] == names


def test_a_playlist_is_many_queries_and_what_it_lacks_is_told(similar: Cli, tmp_path: Path) -> None:
    playlist = tmp_path / "some.m3u"
    playlist.write_bytes(b"/music/t003.flac\r\nhttp://radio/\r\nabsent.flac\r\n")
    done = similar("--each", playlist, PATHS[0])
    assert [line["query"][0]["path"] for line in lines(done)] == [
        PATHS[3],
        f"{tmp_path}/absent.flac",
        PATHS[0],
    ]
    assert "1 of its 3 entries are streams, left out" in done.err
    assert done.code == 3


def test_each_answer_is_written_before_the_next_is_looked_for(
    similar: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, find = [], each.find_similar_each

    def watched(*queries: Any, **options: Any) -> Iterator[Any]:
        for answer in find(*queries, **options):
            sizes.append(os.fstat(1).st_size)
            yield answer

    monkeypatch.setattr(each, "find_similar_each", watched)
    done = similar("--each", *PATHS[:3])
    written = done.out.encode().splitlines(keepends=True)
    assert sizes == [0, len(written[0]), len(written[0] + written[1])]


def test_a_reader_that_goes_away_ends_it_quietly(made: MadeHome) -> None:
    with process(made, *PATHS, "-k", "59", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert json.loads(run.stdout.readline())["query"][0]["path"] == PATHS[0]
        run.stdout.close()
        err = run.stderr.read().decode()
    assert run.returncode == 141
    assert "Traceback" not in err


def test_ctrl_c_leaves_whole_lines(made: MadeHome) -> None:
    with process(made, *PATHS, "-k", "59", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        first = run.stdout.readline()
        run.send_signal(signal.SIGINT)  # it waits for us to read on
        rest, err = run.stdout.read(), run.stderr.read().decode()
    assert run.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert json.loads(first)
    assert all(json.loads(line) for line in rest.splitlines()[:-1])


def test_lines_go_into_a_file_that_is_whole(similar: Cli, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    done = similar("--each", *PATHS[:2], "-o", file)
    assert (done.code, done.out) == (0, "")
    assert [json.loads(line)["query"][0]["path"] for line in file.read_text().splitlines()] == PATHS[:2]
    assert similar("--each", PATHS[0], "-o", tmp_path / "plain.txt").code == 0
    assert similar("--each", PATHS[0], "--text", "low", "-o", tmp_path / "none.jsonl").code == 2
    assert sorted(os.listdir(tmp_path)) == ["answers.jsonl", "plain.txt"]


def test_a_filter_that_leaves_nothing_is_told_once(similar: Cli) -> None:
    done = similar("--each", *PATHS[:3], "--year", "1850")
    assert (done.code, [line["matches"] for line in lines(done)]) == (0, [[], [], []])
    assert done.err.count("Years here: 1960 to 2019.") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is none"),
        (("--text", "low"), "there is none"),
        ((PATHS[0], "--json"), "json was asked for"),
        ((PATHS[0], "--format", "csv"), "csv was asked for"),
        ((PATHS[0], "-o", "answers.csv"), "csv was asked for"),
        ((PATHS[0], "--format", "paths", "--null"), "paths was asked for"),
        ((PATHS[0], "--from", "1", "--text", "low"), "--text was given too"),
        ((PATHS[0], "--from", "1", "--not", PATHS[1]), "--not was given too"),
        ((PATHS[0], "--not", "/music/nowhere.flac"), "No such file: /music/nowhere.flac"),
        ((PATHS[0], "--text", "low"), "knows no words"),
        (("-",), "No audio file in stdin"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_refused_before_a_line_is_written(
    similar: Cli, arguments: tuple[str, ...], message: str
) -> None:
    done = similar("--each", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
