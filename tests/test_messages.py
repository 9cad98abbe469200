"""What all messages of the package have in common, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import typer

import audiosim
from audiosim.cli import app

PACKAGE = Path(audiosim.__file__).parent
COMMANDS = "|".join(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
ENDED = re.compile(rf"audiosim (?:{COMMANDS})(?: (?:--[\w-]+|[A-Z]+))*[.,;:'\"](?:\s|$)")
SEVERAL = re.compile(
    r"\0 (?:tracks|files|caches|vectors|faults|labels|seeds|copies|folders|recordings)\b(?! of \0)"
)


def texts() -> Iterator[tuple[str, str]]:
    """Every text that is no docstring, with a zero byte where it says a value; and the place of it."""
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        inner: set[ast.AST] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                inner.add(node.value)  # a docstring
            if node in inner or not isinstance(node, ast.Constant | ast.JoinedStr):
                continue
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            inner.update(parts)
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in parts)
            yield f"{file.relative_to(PACKAGE)}:{node.lineno}", text


def test_nothing_is_pasted_with_a_command_that_stands_in_a_message() -> None:
    found = [(place, text) for place, text in texts() if ENDED.search(text) and "Example:" not in text]
    assert found == []


def test_no_message_can_say_one_files() -> None:
    """Whoever counts says `counted(number, "file")`; what is never said of one is listed here."""
    several = {"\0 tracks are called \0", "\0 files of one recording"}
    several |= {"the library has only \0 of \0 tracks for it\0"}
    several |= {"Can't take \0 tracks an artist", "Can't find \0 tracks"}  # none, or fewer
    assert [(place, text) for place, text in texts() if SEVERAL.search(text) and text not in several] == []
