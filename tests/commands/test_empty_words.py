"""Empty words on the command line: a variable of a script that is not set names no place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Cli


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("index", ""), "PATH"),
        (("index", "music", ""), "PATH"),
        (("index", "--home", ""), "--home"),
        (("index", "--cache", "", "music"), "--cache"),
        (("similar", ""), "QUERY"),
        (("similar", "a.wav", "-o", ""), "-o"),
        (("describe", ""), "FILE"),
        (("extract", "", "-o", "there"), "FILE"),
        (("forget", ""), "PATH"),
        (("relocate", "", "b"), "OLD"),
        (("relocate", "a", ""), "NEW"),
        (("export", ""), "FILE"),
        (("import", ""), "FILE"),
        (("help", ""), "COMMAND"),
        (("encoders", "show", ""), "NAME"),
    ],
)
def test_an_empty_word_is_not_the_current_folder(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"audiosim: {what} is empty: a variable of a script may not be set.\n")
    assert os.listdir(tmp_path) == []


def test_an_empty_pattern_ends_what_is_left_out(cli: Cli, tmp_path: Path) -> None:
    assert "is empty" not in cli("index", tmp_path, "--exclude", "", "--dry-run").err
