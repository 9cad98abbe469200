"""What the exit code says of files that can't be used: one rule for all that read folders."""

from __future__ import annotations

from pathlib import Path

import fake_words
import pytest
from conftest import Cli, Finished
from libraries import Library

pytestmark = pytest.mark.slow

READERS = {
    "similar": ["similar"],
    "describe": ["describe"],
    "across": ["duplicates", "--across"],
}


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, indexed: Library) -> Library:
    """A home that knows words."""
    fake_words.built_in(monkeypatch)
    indexed.index()
    return indexed


@pytest.mark.parametrize("reader", READERS)
def test_a_broken_file_of_a_folder_needs_a_look_until_a_run_has_told_it(
    reader: str, library: Library, cli: Cli
) -> None:
    low = library.music / "low"

    def ask(*paths: Path) -> Finished:
        return cli(*READERS[reader], *paths, "--home", library.home.path)

    assert ask(low).code == 0
    (low / "broken.mp3").write_bytes(b"no music at all" * 100)
    new = ask(low)
    assert (new.code, "broken.mp3" in new.out + new.err) == (3, True)
    library.index(library.music)
    told = ask(low)
    assert (told.code, "broken.mp3" in told.out + told.err) == (0, True)
    (low / "broken.mp3").write_bytes(b"nor is there now" * 100)
    assert ask(low).code == 3


def test_what_needs_a_look_is_told_though_only_errors_are_to_be(indexed: Library, cli: Cli) -> None:
    low = indexed.music / "low"
    (low / "broken.mp3").write_bytes(b"no music at all" * 100)
    done = cli("similar", low, "--quiet", "--home", indexed.home.path)
    assert done.code == 3
    assert done.err.startswith(f"audiosim: Can't use {low / 'broken.mp3'}: ")
    indexed.index(indexed.music)
    done = cli("similar", low, "--quiet", "--home", indexed.home.path)
    assert (done.code, done.err) == (0, "")


def test_a_file_named_itself_needs_a_look_though_it_is_told(library: Library, cli: Cli) -> None:
    broken = library.music / "low" / "broken.mp3"
    broken.write_bytes(b"no music at all" * 100)
    library.index(library.music)
    whole = library.music / "low" / "00 track.wav"
    assert cli("describe", whole, broken, "--home", library.home.path).code == 3
    assert cli("similar", whole, broken, "--home", library.home.path).code == 1
