from __future__ import annotations

import io
import sys

import pytest

from audiosim.commands import progress
from audiosim.commands.progress import ProgressDisplay


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_each_stage_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with ProgressDisplay(shown=True) as display:
        display.stage("Read", 50, 100)
        display.stage("Entered", 10, 40)
        display.message("a word")
        display.stage("Entered", 40, 40)
    written = terminal.getvalue()
    assert all(part in written for part in ("Read:  50%", "50/100", "Entered:  25%", "a word\n", "40/40"))


def test_where_there_is_no_terminal_a_line_tells_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressDisplay(shown=True) as display:
        display.stage("Entered", 10, 40)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "LINE_INTERVAL", 0.0)
        display.stage("Entered", 20, 40)
        display.update(1, 2, 7200.0)
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
