"""Tables for people, and paths in them."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterable, Sequence

from audiosim.core.paths import contains
from audiosim.core.text import display_path, visible


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


def table_text(header: Sequence[str], rows: Iterable[Sequence[str]], width: int | None) -> str:
    """Lay out a table whose cells can't act on a terminal.

    Parameters
    ----------
    header : Sequence[str]
        A name for each column; those that end in a bar are of numbers, which stand to the right.
    rows : Iterable[Sequence[str]]
        The cells.
    width : int or None
        The terminal's columns, to which cells are folded; None for a line for each row.

    Returns
    -------
    str
        Lines without trailing spaces.
    """
    names = [name.removesuffix("|") for name in header]
    right = [name.endswith("|") for name in header]
    cells = [[visible(cell) for cell in row] for row in rows]
    text = _plain(names, cells, right) if width is None else _folded(names, cells, right, width)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _folded(names: list[str], cells: list[list[str]], right: list[bool], width: int) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, numbers in zip(names, right, strict=True):
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, legacy_windows=False).print(table)
    return out.getvalue()


def _plain(names: list[str], cells: list[list[str]], right: list[bool]) -> str:
    """The same in one line a row; written by hand, as rich takes a minute for a large library."""
    from rich.cells import cell_len

    lines = [names, *cells]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]

    def padded(cell: str, width: int, numbers: bool) -> str:
        space = " " * (width - cell_len(cell))
        return space + cell if numbers else cell + space

    return "\n".join("  ".join(map(padded, line, widths, right)) for line in lines)
