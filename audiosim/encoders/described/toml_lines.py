"""Where the keys of a TOML text stand: tomllib gives their values, and no lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

Place = tuple[str | int, ...]  # names of tables and keys, and numbers in arrays

STRING = r'"""(?:\\.|[^\\])*?"""+|\'\'\'.*?\'\'\'+|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''
TOKEN = re.compile(
    rf"(?P<string>{STRING})|(?P<comment>#[^\n]*)|(?P<open>[\[{{])|(?P<close>[\]}}])|(?P<end>\n)"
    r"|(?P<other>[^\"'#\[\]{}\n]+)",
    re.S,
)
NAME = re.compile(r'"((?:\\.|[^"\\])*)"|\'([^\']*)\'|([A-Za-z0-9_-]+)')
LINE_IN_MESSAGE = re.compile(r"at line (\d+)")


def key_lines(text: str) -> dict[Place, int]:
    """Number the lines, from 1, of the tables and keys of a text that is valid TOML.

    What stands in inline tables and arrays is on the line of its key.
    """
    lines: dict[Place, int] = {}
    last: dict[Place, int] = {}  # the number of an array's table that is being filled
    table: Place = ()
    for line, statement in _statements(text):
        if not statement.startswith("["):
            lines[(*table, *_names(statement.partition("=")[0]))] = line
            continue
        *above, name = _names(statement)
        table = _within(tuple(above), last)
        if statement.startswith("[["):
            last[(*table, name)] = last.get((*table, name), -1) + 1
        table = _within((*above, name), last)
        lines[table] = line
    return lines


def line_of(place: Place, lines: dict[Place, int]) -> int:
    """Find the line of a key; where it is missing, that of what it is missing from."""
    for length in range(len(place), 0, -1):
        part = place[:length]
        if part in lines:
            return lines[part]
        below = [line for known, line in lines.items() if known[:length] == part]
        if below:
            return min(below)
    return 1


def line_in(message: str, text: str) -> int:
    """Find the line that a message of tomllib's is about."""
    found = LINE_IN_MESSAGE.search(message)
    return int(found[1]) if found else text.count("\n") + 1


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Give the line and the text of each table's head and each key, without comments."""
    line, start, depth = 1, 1, 0
    parts: list[str] = []
    for token in TOKEN.finditer(f"{text}\n"):
        kind = token.lastgroup
        if kind == "end" and depth == 0:
            if statement := "".join(parts).strip():
                yield start, statement
            parts = []
            start = line + 1
        elif kind != "comment":
            depth += (kind == "open") - (kind == "close")
            parts.append(token[0])
        line += token[0].count("\n")


def _names(text: str) -> list[str]:
    return [first or second or third for first, second, third in NAME.findall(text)]


def _within(names: tuple[str, ...], last: dict[Place, int]) -> Place:
    """The place of a table, in the last table of each array on the way."""
    place: Place = ()
    for name in names:
        place = (*place, name)
        if place in last:
            place = (*place, last[place])
    return place
