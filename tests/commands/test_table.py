"""Tables for people, and paths in them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from audiosim.commands.table import Column, shortened, shown_path, table_text

ROWS = [["1", "first", "/music/a.mp3"], ["12", "second", "/music/b/a rather long name.mp3"]]
HEADER = [Column("", "number"), Column("Name", "name"), Column("File", "apart")]


def test_numbers_stand_to_the_right_and_a_row_is_a_line_without_a_terminal() -> None:
    assert table_text(HEADER, ROWS, None).splitlines() == [
        "    Name    File",
        " 1  first   /music/a.mp3",
        "12  second  /music/b/a rather long name.mp3",
    ]


def test_without_a_terminal_columns_are_aligned_but_for_what_is_longer_than_any_file_s_name() -> None:
    rows = [["1", "first", "/a.mp3"], ["2", "long " * 60 + "end", "/b.mp3"], ["3", "x" * 150, "/c.mp3"]]
    head, first, second, third = table_text(HEADER, rows, None).splitlines()
    assert second == "2  " + "long " * 60 + "end  /b.mp3"
    assert third == f"3  {'x' * 150}  /c.mp3"
    assert first == f"1  {'first':150}  /a.mp3"
    assert head == f"   {'Name':150}  File"
    short = table_text(HEADER, rows[:2], None).splitlines()
    assert short[:2] == ["   Name   File", "1  first  /a.mp3"]


def test_on_a_terminal_paths_are_whole_and_lines_are_short_however_narrow_it_is() -> None:
    for width in (100, 45, 40, 25, 12):
        lines = on_terminal(HEADER, [*ROWS, ["123456", "", ""]], width).splitlines()
        paths = [row[2] for row in ROWS]
        assert [path for path in paths if any(line.endswith(path) for line in lines)] == paths
        beside = [line for line in lines if line.strip() not in paths]
        assert max(map(len, beside)) <= max(width, 14)
        assert lines[0].startswith("        Name")


def test_what_is_apart_has_a_line_of_its_own_where_the_terminal_is_too_narrow() -> None:
    columns = [*HEADER, *(Column(title, "apart") for title in ("Passage", "of it", "Words"))]
    rows = [["1", "one two three", "/a b.mp3", "0:10", "0:20", "sad"], ["2", "", "/c.mp3", "", "", ""]]
    assert on_terminal(columns, rows, 50).splitlines() == [
        "   Name           File      Passage  of it  Words",
        "1  one two three  /a b.mp3  0:10     0:20   sad",
        "2                 /c.mp3",
    ]
    assert on_terminal(columns, rows, 20).splitlines() == [
        "   Name",
        "1  one two three",
        "    /a b.mp3",
        "    Passage 0:10 of it 0:20",
        "    Words sad",
        "2",
        "    /c.mp3",
    ]


def test_a_terminal_sees_no_column_that_is_empty() -> None:
    columns = [Column("Length", "number"), Column("Genre"), Column("File", "apart")]
    assert on_terminal(columns, [["1:00", "", "a.mp3"]], 80) == "Length  File\n  1:00  a.mp3\n"
    assert table_text(columns, [["1:00", "", "a.mp3"]], None).split()[:3] == ["Length", "Genre", "File"]


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("one two", 7, "one two"),
        ("one two", 6, "one…"),
        ("one two", 4, "one…"),
        ("Band - Song", 8, "Band…"),
        ("onetwo", 4, "one…"),
        ("\u6708\u6708 \u6708\u6708", 6, "\u6708\u6708…"),
        ("\u6708\u6708\u6708", 4, "\u6708…"),
    ],
)
def test_names_are_cut_at_a_space_where_there_is_one(text: str, width: int, shown: str) -> None:
    assert shortened(text, width) == shown


def on_terminal(columns: list[Column], rows: list[list[str]], width: int) -> str:
    """A table as a terminal of this width shows it, styles aside."""
    return re.sub(r"\x1b\[[0-9;]*m", "", table_text(columns, rows, width))


@pytest.mark.parametrize("width", [None, 60])
def test_no_cell_acts_on_a_terminal(width: int | None) -> None:
    text = table_text([Column("A")], [["\x1b[2J"], ["a\nb\u202e"], ["[bold]c[/bold]"]], width)
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
