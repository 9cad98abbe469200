from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from audiosim.commands import progress
from audiosim.commands.progress import ProgressDisplay, progress_line, stage_line, time_left
from audiosim.indexing.report import Progress

MIX = Progress(
    done=41,
    total=340,
    audio_seconds=1.2 * 3600,
    audio_total=28.4 * 3600,
    share=0.042,
    path="/m/07 - Die Straße der Ölsardinen, ein sehr langer Name mit 東京 (Extended Mix).mp3".encode(),
    seconds_left=18.2 * 60,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (
            120,
            "  4% [....................] 18 min left, 1.2 of ~28.4 h of audio, 41/340 files, 85 x real time: "
            "07 - Die Straße der…",
        ),
        (80, "  4% [..........] 18 min left, 1.2 of ~28.4 h of audio: 07 - Die Straße der…"),
        (50, "  4% [..........] 18 min left: 07 - Die Straße…"),
        (20, "  4% [..........]"),
    ],
)
def test_a_line_says_what_matters_first_as_far_as_there_is_room(width: int, line: str) -> None:
    assert progress_line(MIX, "85 x real time", width) == line


@given(
    st.integers(2, 200),
    st.integers(0, 10**6),
    st.floats(0, 1e9),
    st.none() | st.floats(0, 1e7),
    st.none() | st.floats(0, 1e5),
    st.none() | st.binary(min_size=1, max_size=80),
)
def test_a_line_never_fills_the_terminal(
    width: int, done: int, seconds: float, left: float | None, time_up: float | None, name: bytes | None
) -> None:
    path = None if name is None else b"/music/" + name
    shown = Progress(done, 10**6, seconds, 1e9, seconds / 1e9, path, left, time_up)
    assert cell_len(progress_line(shown, "123 x real time", width)) < width
    assert cell_len(stage_line("Written to the store", done, 10**6, time_left(left, time_up), width)) < width


def test_short_work_is_counted_in_minutes_and_a_short_name_is_whole() -> None:
    shown = Progress(1, 3, 130.0, 600.0, 0.5, b"/m/a.mp3", 6.0)
    assert progress_line(shown, "22 x real time", 100) == (
        " 50% [##########..........] 6 s left, 2 of ~10 min of audio, 1/3 files, 22 x real time: a.mp3"
    )


def test_little_audio_is_counted_in_seconds() -> None:
    assert ": a.mp3" in progress_line(Progress(1, 3, 5.0, 61.0, 0.08, b"/m/a.mp3"), "", 80)
    assert "] 5 of ~61 s of audio, 1/3 files" in progress_line(Progress(1, 3, 5.0, 61.0), "", 80)


def test_a_run_that_computes_nothing_counts_files() -> None:
    line = progress_line(Progress(20, 100, 0.0, 0.0, 0.2, b"/m/a.mp3"), "0 x real time", 80)
    assert line == " 20% [##........] 20/100 files: a.mp3"


@pytest.mark.parametrize(
    ("seconds", "time_up", "words"),
    [
        (None, None, ""),
        (50.0, None, "50 s left"),
        (50.0, 3600.0, "50 s left"),
        (9 * 3600.0, 3 * 3600.0, "stops in 3.0 h"),
        (None, 3600.0, "stops in 60 min"),
        (50.0, 0.0, "stopping"),
    ],
)
def test_the_time_left_is_that_of_the_work_or_of_the_limit(
    seconds: float | None, time_up: float | None, words: str
) -> None:
    assert time_left(seconds, time_up) == words


def test_on_a_terminal_each_stage_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with ProgressDisplay(shown=True) as display:
        display.stage("Loading the model")
        display.stage("Read", 50, 100)
        display.stage("Entered", 10, 40)
        display.message("a word")
        display.stage("Entered", 40, 40)
    lines = terminal.getvalue().replace("\r", "\n").splitlines()
    assert [line for line in lines if line.strip()] == [
        "Loading the model ...",
        "Read:  50% [#####.....] 50/100 tracks",
        "Entered:  25% [##........] 10/40 tracks",
        "a word",
        "Entered: 100% [##########] 40/40 tracks, 0 s left",
    ]
    assert terminal.getvalue().endswith("\r" + 79 * " " + "\r")


def test_where_there_is_no_terminal_a_line_tells_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressDisplay(shown=True) as display:
        display.stage("Entered", 10, 40)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "LINE_INTERVAL", 0.0)
        display.stage("Loading the model")
        display.stage("Entered", 20, 40)
        display.update(Progress(1, 2, 7200.0))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "Entered: 20 of 40 tracks"
    assert second.startswith("1 of 2 tracks, 2.0 h of audio, ")


def test_who_wants_silence_gets_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_INTERVAL", 0.0)
    with ProgressDisplay(shown=False) as display:
        display.stage("Entered", 10, 40)
    assert capsys.readouterr().err == ""


def test_how_much_there_is_is_not_told_before_it_is_known() -> None:
    line = progress_line(Progress(1, 3, 5.0, 61.0, 0.08, b"/m/a.mp3", total_known=False), "", 80)
    assert line == "  8% [..........] 5 s of audio, 1/3 files: a.mp3"
