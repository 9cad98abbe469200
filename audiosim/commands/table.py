"""Tables for people, and paths in them."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from audiosim.core.paths import contains
from audiosim.core.text import display_path, visible

GAP = "  "  # between two columns
INDENT = "    "  # of what stands below its row
LEAST = (18, 6)  # columns of the terminal that names keep, if that does; else
UNPADDED = 255  # columns, more than any file's name has: a longer title makes only its own line longer
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    title : str
        What stands above it.
    kind : {"text", "number", "name", "apart"}
        Numbers stand to the right. Where a terminal is too narrow for whole rows, what is apart moves
        below its row, whole, so that a path can be copied; names, the last ones first, are shortened then.
    """

    title: str
    kind: Literal["text", "number", "name", "apart"] = "text"


# Whose titles need not be said.
PATH, REMARK, ABOUT = Column("File", "apart"), Column("", "apart"), Column("What it is", "apart")
UNTITLED = (PATH, REMARK, ABOUT)


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None where it goes to a file or a program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def shown_path(path: bytes) -> str:
    """Show a path to people: relative to the current folder where it is below that, safe to print."""
    try:
        here = os.getcwdb()
    except FileNotFoundError:  # the folder was removed
        return display_path(path)
    below = path != here and contains(here, path)
    return display_path(path[len(here.rstrip(b"/")) + 1 :] if below else path)


def table_text(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None) -> str:
    """Lay out a table whose cells can't act on a terminal.

    Parameters
    ----------
    columns : Sequence[Column]
        The columns; what is apart stands in their order below a row.
    rows : Iterable[Sequence[str]]
        The cells.
    width : int or None
        The terminal's columns; None where it goes to a file or a program, which get whole rows, aligned;
        but for a name that is longer than any file's: it moves what is behind it, in its row.

    Returns
    -------
    str
        A line for each row, where all are narrow enough; else two, or three. Without trailing spaces.
    """
    cells = [[visible(cell) for cell in row] for row in rows]
    if width is None:
        return _joined(_lines(columns, cells, _usual_widths(columns, cells)))
    told = [place for place in range(len(columns)) if not cells or any(row[place] for row in cells)]
    columns, cells = [columns[place] for place in told], [[row[place] for place in told] for row in cells]
    widths = _widths(columns, cells)
    if _total(widths) <= width:
        lines = _lines(columns, cells, widths)
    else:
        lines = _folded(columns, cells, widths, width)
    lines[0] = lines[0] if os.environ.get("TERM") == "dumb" else f"{BOLD}{lines[0].rstrip()}{PLAIN}"
    return _joined(lines)


def shortened(text: str, width: int) -> str:
    """Cut a text that is wider, at a space where there is one, and say so by an ellipsis."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    kept = set_cell_size(text, width - 1).rstrip()
    words = kept if text[len(kept) : len(kept) + 1] == " " else kept.rpartition(" ")[0]
    return (words.rstrip(" -,;:(") or kept) + "…"


def _folded(columns: Sequence[Column], cells: list[list[str]], widths: list[int], width: int) -> list[str]:
    """Lines no wider than the terminal, as far as names can be shortened; what is apart has its own."""
    beside = [place for place, column in enumerate(columns) if column.kind != "apart"]
    below = [place for place, column in enumerate(columns) if column.kind == "apart"]
    heads = [columns[place] for place in beside]
    widths = _narrowed(heads, [widths[place] for place in beside], width)
    short = [[shortened(row[place], to) for place, to in zip(beside, widths, strict=True)] for row in cells]
    head, *lines = _lines(heads, short, widths)
    found = [head]
    for line, row in zip(lines, cells, strict=True):
        found.append(line)
        apart = [(columns[place], row[place]) for place in below]
        whole = [text for column, cell in apart if column in UNTITLED for text in _text(column, cell, width)]
        titled = [(column.title, cell) for column, cell in apart if column not in UNTITLED and cell]
        found += [INDENT + text for text in (*whole, *_sentences(titled)) if text]
    return found


def _text(column: Column, cell: str, width: int) -> list[str]:
    """What is apart without its title: prose in lines that fit, else whole."""
    return textwrap.wrap(cell, max(1, width - len(INDENT))) if column == ABOUT else [cell]


def _sentences(titled: Iterable[tuple[str, str]]) -> list[str]:
    """What is apart, with its titles: one in small letters goes on where the last one ended."""
    sentences: list[str] = []
    for title, cell in titled:
        if sentences and title[0].islower():
            sentences[-1] += f" {title} {cell}"
        else:
            sentences.append(f"{title} {cell}")
    return sentences


def _narrowed(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Widths with which a line fits: names give way, the last ones first."""
    narrowed = list(widths)
    for least in LEAST:
        for place in reversed(range(len(narrowed))):
            if columns[place].kind == "name":
                spare = max(0, narrowed[place] - max(least, len(columns[place].title)))
                narrowed[place] -= min(spare, max(0, _total(narrowed) - width))
    return narrowed


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> list[int]:
    lines = [[column.title for column in columns], *cells]
    return [max(map(_width, column)) for column in zip(*lines, strict=True)]


def _width(text: str) -> int:
    """How many columns a text takes that has no invisible character."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _usual_widths(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> list[int]:
    """The widths without texts that end their rows, or for which all lines would have to be filled up."""

    def usual(row: Sequence[str], place: int) -> str:
        is_text = columns[place].kind == "name" or columns[place] == ABOUT
        is_apart = _width(row[place]) > UNPADDED or not any(row[place + 1 :])
        return "" if is_text and is_apart else row[place]

    return _widths(columns, [[usual(row, place) for place in range(len(row))] for row in cells])


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _lines(columns: Sequence[Column], cells: Iterable[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """A line for each row, below the titles; written by hand, as rich takes a minute for a large library."""

    def padded(column: Column, cell: str, width: int) -> str:
        space = " " * (width - _width(cell))
        return space + cell if column.kind == "number" else cell + space

    rows = [[column.title for column in columns], *cells]
    return [GAP.join(map(padded, columns, row, widths)) for row in rows]


def _joined(lines: Iterable[str]) -> str:
    return "".join(line.rstrip() + "\n" for line in lines)
