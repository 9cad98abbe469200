"""Tables for people, and paths in them."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from audiosim.commands.table import shown_path, table_text

ROWS = [["1", "first", "/music/a.mp3"], ["12", "second", "/music/b/a rather long name.mp3"]]
HEADER = ["|", "Name", "File"]


def test_numbers_stand_to_the_right_and_a_row_is_a_line_without_a_terminal() -> None:
    assert table_text(HEADER, ROWS, None).splitlines() == [
        "    Name    File",
        " 1  first   /music/a.mp3",
        "12  second  /music/b/a rather long name.mp3",
    ]


def test_on_a_terminal_nothing_is_cut_however_narrow_it_is() -> None:
    for width in (100, 40, 25, 12):
        text = re.sub(r"\x1b\[[0-9;]*m", "", table_text(HEADER, [*ROWS, ["123456", "", ""]], width))
        assert max(map(len, text.splitlines())) <= width
        shown, given = (Counter(re.sub(r"\s", "", part)) for part in (text, "".join(map("".join, ROWS))))
        assert given <= shown


@pytest.mark.parametrize("width", [None, 60])
def test_no_cell_acts_on_a_terminal(width: int | None) -> None:
    text = table_text(["A"], [["\x1b[2J"], ["a\nb\u202e"], ["[bold]c[/bold]"]], width)
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert all(shown in text for shown in ("\\x1b[2J", "a\\nb\\u202e", "[bold]c[/bold]"))


@pytest.mark.parametrize(
    ("here", "path", "shown"),
    [
        ("", b"music/a.mp3", "music/a.mp3"),
        ("music", b"music/a.mp3", "a.mp3"),
        ("music", b"music", None),
        ("music", b"music 2/a.mp3", None),
        ("music/low", b"music/a.mp3", None),
        ("music", b"music/\xe9\n.mp3", "\\xe9\\n.mp3"),
    ],
)
def test_paths_below_the_current_folder_are_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, path: bytes, shown: str | None
) -> None:
    (tmp_path / here).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / here)
    whole = os.path.join(os.fsencode(os.getcwd() if not here else tmp_path.resolve()), path)
    assert shown_path(whole) == (os.fsdecode(whole) if shown is None else shown)


def test_in_the_root_all_paths_are_relative_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert (shown_path(b"/music/a.mp3"), shown_path(b"/")) == ("music/a.mp3", "/")


def test_in_a_folder_that_is_gone_paths_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert shown_path(b"/music/a.mp3") == "/music/a.mp3"
