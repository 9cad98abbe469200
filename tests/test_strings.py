"""Names and tags that are not friendly: nothing they hold acts on a terminal, a table or a disk."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from conftest import GOLDEN, SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.commands.extract import output_paths
from audiosim.commands.render import render
from audiosim.core.json_fields import to_json
from audiosim.core.types import Match, Tags, Track
from audiosim.indexing.pipeline import index_folder
from audiosim.search.query import Query
from audiosim.search.similar import SearchResult

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\x7f=cmd()\r\n[bold red]x[link=file:y]\u2028"
EVIL_NAME = f"{EVIL}.wav"
SHOWN = (
    "\\x1b[2J\\x1b]0;owned\\x07\\x9b31m\\u202e\\x7f=cmd()\\r\\n[bold red]x[link=file:y]\\u2028"  # EVIL, seen
)
STYLES = re.compile(r"\x1b\[[0-9;]*m")  # of a table's head


def acting(text: str) -> set[str]:
    """The characters of a text, line ends apart, that do something unseen."""
    return {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


def answer(path: bytes, tag: str) -> SearchResult:
    found = Track(path, "00" * 16, 61.0, Tags(tag, tag, tag, tag, tag))
    query = Query(found, np.array([1.0, 0.0], np.float32), indexed=True)
    return SearchResult([query], [Match(1, 0.5, found), Match(2, 0.25, found)])


@dataclass(frozen=True)
class Evil:
    """A track whose name and tags are evil, and an evil file that failed, in an index."""

    home: Path
    music: Path
    run: subprocess.CompletedProcess[str]  # of the index, when it met the evil file

    @property
    def track(self) -> str:
        return f"{self.music}/{EVIL}/{EVIL}.flac"

    @property
    def query(self) -> Path:
        return self.music / "plain.wav"


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Evil:
    music, home = tmp_path_factory.mktemp("music"), tmp_path_factory.mktemp("home")
    album = music / EVIL
    album.mkdir()
    soundfile.write(music / "plain.wav", tone(3, 110), SAMPLE_RATE)
    path = album / f"{EVIL}.flac"
    soundfile.write(bytes(path), tone(3, 112), SAMPLE_RATE, format="FLAC")
    tags = mutagen.File(path)
    for name in ("title", "artist", "album", "albumartist", "genre"):
        tags[name] = [EVIL]
    tags.save()
    index_folder([music], home=home, encoder=FakeEncoder())
    (album / EVIL_NAME).write_text("no music")
    command = [sys.executable, "-m", "audiosim", "index", "--home", str(home)]
    return Evil(home, music, subprocess.run(command, capture_output=True, text=True, check=False))


def test_a_failure_is_one_line_on_stderr_whatever_the_files_name(evil: Evil) -> None:
    assert evil.run.returncode == 3
    (line,) = evil.run.stderr.splitlines()
    assert acting(evil.run.stdout + evil.run.stderr) == set()
    assert line.startswith(f"failed: {evil.music}/{SHOWN}/{SHOWN}.wav: not readable as audio")


def test_a_failure_is_one_line_of_the_status_and_exact_in_json(evil: Evil, cli: Cli) -> None:
    text, document = cli("status", "--home", evil.home).out, cli("status", "--home", evil.home, "--json")
    assert acting(text + document.out) == set()
    assert len([line for line in text.split("\n") if SHOWN in line]) == 1
    assert [failure["path"] for failure in document.json["failures"]] == [f"{evil.music}/{EVIL}/{EVIL_NAME}"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "m3u8"])
def test_answers_on_a_terminal_let_nothing_act(evil: Evil, form: str) -> None:
    shown = run_on_a_terminal("similar", evil.query, "-k", "1", "--home", evil.home, "--format", form)
    assert "owned" in shown
    assert acting(STYLES.sub("", shown).replace("\r\n", "\n")) == set()


def run_on_a_terminal(*arguments: object) -> str:
    """What a command shows where stdout and stderr are a terminal."""
    ours, terminal = pty.openpty()
    command = [sys.executable, "-m", "audiosim", *map(str, arguments)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "COLUMNS": "500"},
    ) as process:
        os.close(terminal)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # how Linux says that the terminal's last user is gone
            pass
        os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


@pytest.mark.slow
@pytest.mark.long
def test_answers_in_a_pipe_keep_every_character(evil: Evil) -> None:
    def ask(form: str) -> str:
        command = [sys.executable, "-m", "audiosim", "similar", str(evil.query), "-k", "1"]
        command += ["--home", str(evil.home), "--format", form]
        return subprocess.run(command, capture_output=True, check=True).stdout.decode()

    (match,) = json.loads(ask("json"))["matches"]
    (row,) = csv.DictReader(io.StringIO(ask("csv"), newline=""))
    for fields in (match, row):
        assert (fields["path"], fields["title"]) == (evil.track, EVIL.strip())


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name), st.text(max_size=20))
def test_json_never_acts_and_never_changes_a_text(name: bytes, text: str) -> None:
    result = answer(b"/m/" + name, text.encode("utf-8", "replace").decode())
    for form in ("json", "jsonl"):
        out = render(result, form).decode("utf-8")
        assert acting(out) == set()
        documents = [json.loads(out)] if form == "json" else list(map(json.loads, out.splitlines()))
        matches = documents[0]["matches"] if form == "json" else documents
        assert [match["title"] for match in matches] == [result.matches[0].track.tags.title] * 2
    assert json.loads(to_json({text: [text]})) == {text: [text]}
    assert acting(to_json({text: [text]})) == set()


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_no_format_acts_on_a_terminal(text: str) -> None:
    for form in ("table", "csv", "m3u8", "json", "jsonl"):
        out = render(answer(b"/m/" + text.encode(), text), form, width=200).decode()
        assert acting(STYLES.sub("", out) if form == "table" else out) == set()


@pytest.mark.parametrize("start", ["\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_formulae_begin_with_line_ends_and_wide_signs_too(start: str) -> None:
    out = render(answer(b"/m/a.mp3", f"{start}1+1"), "csv").decode()
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert {row["title"] for row in rows} == {f"'{start}1+1"}


@pytest.mark.parametrize("command", [["similar"], ["index"], ["index", "--dry-run"]])
def test_an_error_that_names_a_file_lets_nothing_act(evil: Evil, cli: Cli, command: list[str]) -> None:
    done = cli(*command, f"nowhere {EVIL_NAME}", "--home", evil.home)
    assert done.code == 2
    assert acting(done.err) == set()
    assert SHOWN in done.err.splitlines()[0]


def test_extract_names_a_missing_file_so_that_nothing_acts(cli: Cli) -> None:
    done = cli("extract", f"nowhere {EVIL_NAME}", "-o", "out")
    assert done.code == 2
    assert acting(done.err) == set()
    assert done.err == f"audiosim: No such file: nowhere {SHOWN}.wav\n"


file_names = st.binary(min_size=1, max_size=20).filter(lambda name: not {0, 47} & set(name))
long_names = st.sampled_from([b"n" * 255, b"n" * 251 + b".wav", b"n" * 250 + b".flac", "é".encode() * 127])
path_parts = st.one_of(
    file_names, long_names, st.sampled_from([b"..", b".", b"song.mp3", b"SONG.MP3", b"song.wav"])
)


@settings(deadline=None)
@given(st.lists(st.lists(path_parts, min_size=1, max_size=3), min_size=1, max_size=8), st.booleans())
def test_every_input_gets_a_name_of_its_own_right_in_the_output_folder(
    inputs: list[list[bytes]], absolute: bool
) -> None:
    start = "/" if absolute else ""
    files = [Path(start + os.fsdecode(b"/".join(parts))) for parts in inputs]
    targets = output_paths(files, Path("out"))
    assert set(targets) == {os.fspath(file) for file in files}
    assert {os.path.split(target)[0] for target in targets.values()} == {"out"}
    names = [os.path.basename(target) for target in targets.values()]
    assert all(name.endswith(".npz") and len(os.fsencode(name)) <= 255 for name in names)
    folded = {unicodedata.normalize("NFC", name).casefold() for name in names}
    assert len(folded) == len(targets)


def test_names_that_some_file_systems_take_for_one_are_kept_apart() -> None:
    twins = [Path(unicodedata.normalize(form, "é.wav")) for form in ("NFC", "NFD")]
    first, second = output_paths([*twins], Path("out")).values()
    assert unicodedata.normalize("NFC", first.name) != unicodedata.normalize("NFC", second.name)


@pytest.mark.slow
def test_extract_writes_in_its_folder_only_whatever_its_inputs_are_called(cli: Cli, tmp_path: Path) -> None:
    work = tmp_path / "work"
    names = [
        EVIL_NAME, "-- .wav", "...wav", ".wav", "song.wav", "a/song.wav", "a/b/song.wav", "song.WAV", "song",
        "n" * 251 + ".wav", "a/" + "n" * 251 + ".wav", "n" * 255, os.fsdecode(b"caf\xe9.wav"),
    ]  # fmt: skip
    for number, name in enumerate(names):
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(bytes(path), tone(1, 100 + number), SAMPLE_RATE, format="WAV")
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    out = work / "out"
    out.mkdir()
    (out / "song.npz").symlink_to(victim)  # planted: to be replaced, not written through
    inputs = [str(work / name) if number % 2 else f"./{name}" for number, name in enumerate(names)]
    before = {path for path in tmp_path.rglob("*") if out not in path.parents}
    tiny = GOLDEN / "described" / "waveform.toml"  # an encoder that is there at once
    done = cli("extract", "-o", "out", "--encoder", tiny, "--", *inputs, "a/../song.wav", cwd=work)
    assert done.code == 0, done.err
    assert acting(done.err) == set()
    assert {path for path in tmp_path.rglob("*") if out not in path.parents} == before
    assert victim.read_text() == "untouched"
    written = list(out.rglob("*"))
    assert len(written) == len(names)
    for path in written:
        assert path.is_file()
        assert not path.is_symlink()
        with np.load(path) as data:
            assert set(data) == {"embedding", "timestamps"}
