"""Folders are found in the catalog however they are named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from homes import Made, make_home, recording

from audiosim.core.errors import UsageError
from audiosim.indexing.forgetting import forget
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.library.folders import known_as
from audiosim.library.index import indexed_tracks


def make(tmp_path: Path, roots: list[Path], *files: Path) -> Path:
    """A home that knows these roots and files, which need not be there."""
    made = [Made(str(path), np.vstack([recording(number)])) for number, path in enumerate(files)]
    home = make_home(tmp_path / "home", made)
    with Catalog(home.catalog) as catalog:
        catalog.settings.set_roots(map(os.fsencode, roots))
    return home.path


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A home that knows `link`, which leads to `real`, with a track in `a` and one in `b`."""
    for folder in ("real/a", "real/b", "real/none", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "other").symlink_to("real/a")
    link = tmp_path / "link"
    return make(tmp_path, [link], link / "a" / "1.wav", link / "b" / "2.wav")


def names(home: Path, *under: Path | str) -> list[str]:
    only = Filter(under=tuple(os.fsencode(os.path.abspath(folder)) for folder in under))
    return [os.path.basename(os.fsdecode(track.path)) for track in indexed_tracks(home, only=only)]


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("link", ["1.wav", "2.wav"]),
        ("real", ["1.wav", "2.wav"]),
        ("real/a", ["1.wav"]),
        ("link/a", ["1.wav"]),
        ("other", ["1.wav"]),
        ("real/b/", ["2.wav"]),
        ("real/a/../b", ["2.wav"]),
        ("real/a/1.wav", ["1.wav"]),
        ("", ["1.wav", "2.wav"]),
        ("real/none", []),
        ("elsewhere", []),
    ],
)
def test_a_folder_is_found_by_every_path_that_leads_to_it(
    linked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, found: list[str]
) -> None:
    assert names(linked, tmp_path / folder) == found
    monkeypatch.chdir(tmp_path)
    assert names(linked, folder) == found


def test_a_link_to_a_root_is_the_root(tmp_path: Path) -> None:
    (tmp_path / "music" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to("music")
    home = make(tmp_path, [tmp_path / "music"], tmp_path / "music" / "a" / "1.wav")
    assert names(home, tmp_path / "link" / "a") == ["1.wav"]


def test_a_folder_that_is_known_and_not_mounted_is_no_mistake(tmp_path: Path) -> None:
    gone = tmp_path / "disk" / "a"
    home = make(tmp_path, [tmp_path / "disk"], gone / "1.wav")
    assert names(home, gone) == ["1.wav"]
    (tmp_path / "link").symlink_to("disk")
    assert names(home, tmp_path / "link" / "a") == ["1.wav"]
    with Catalog(home / "catalog.db") as catalog:
        catalog.files.mark_gone([os.fsencode(gone / "1.wav")])
    assert names(home, gone) == []


@pytest.mark.parametrize("folder", ["nowhere", "real/typo", "link/a/typo"])
def test_a_folder_that_is_neither_known_nor_there_is_a_mistake_that_names_those_known(
    linked: Path, tmp_path: Path, folder: str
) -> None:
    with pytest.raises(UsageError, match="neither there nor in the index") as error:
        names(linked, tmp_path / "link" / "a", tmp_path / folder)
    assert str(tmp_path / "link") in str(error.value)


@pytest.mark.parametrize(
    ("path", "roots", "expected"),
    [
        (b"/x/a", [b"/"], [b"/x/a"]),
        (b"/", [b"/x"], [b"/", b"/x"]),
        (b"/", [b"/"], [b"/"]),
        (b"/xy", [b"/x"], [b"/xy"]),
    ],
)
def test_the_names_of_a_path(path: bytes, roots: list[bytes], expected: list[bytes]) -> None:
    assert known_as(path, roots) == expected


def test_a_folder_is_forgotten_by_its_real_path(linked: Path, tmp_path: Path) -> None:
    assert forget([tmp_path / "real" / "a"], home=linked) == 1
    assert names(linked, tmp_path / "link") == ["2.wav"]
    with pytest.raises(UsageError, match="Nothing is known"):
        forget([tmp_path / "elsewhere"], home=linked)


COMMANDS: list[tuple[Any, ...]] = [
    ("list",),
    ("duplicates",),
    ("similar", "{link}/a/1.wav"),
    ("playlist", "--seed", "{link}/a/1.wav"),
    ("export", "{link}/../out.parquet"),
    ("map", "-o", "{link}/../map.html"),
]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_says_which_folder_it_does_not_know_and_which_holds_nothing(
    linked: Path, tmp_path: Path, cli: Cli, words: tuple[str, ...]
) -> None:
    given = [word.format(link=tmp_path / "link") for word in words]
    home = ("--home", linked)
    wrong = cli(*given, "--under", tmp_path / "typo", *home)
    assert (wrong.code, wrong.out) == (2, "")
    assert "--under" in wrong.err
    empty = cli(*given, "--under", tmp_path / "elsewhere", *home)
    assert empty.code == (
        1 if words[0] in ("export", "map", "playlist") else 0
    )  # which have nothing to write
    assert f"No track of the index is in {tmp_path / 'elsewhere'}" in empty.err
    assert "No track of the index" not in cli(*given, "--under", tmp_path / "real", *home).err


def test_a_folder_that_was_forgotten_is_told_with_the_way_back(
    linked: Path, tmp_path: Path, cli: Cli
) -> None:
    forgotten = tmp_path / "real" / "a"
    assert cli("forget", forgotten, "--home", linked).code == 0
    told = cli("list", "--under", forgotten, "--home", linked)
    back = f"audiosim index {forgotten} --home {linked}"
    assert told.err.splitlines()[0] == f"audiosim: {forgotten} was forgotten. To bring it back: {back}"


def test_an_unknown_folder_is_told_with_those_of_the_index(tmp_path: Path, cli: Cli) -> None:
    home = make(tmp_path, [Path(f"/m/{number}") for number in range(7)], Path("/m/0/a.wav"))
    done = cli("list", "--under", "/typo", "--home", home)
    assert (done.code, done.err.splitlines()[1]) == (
        2,
        "The folders of the index: /m/0, /m/1, /m/2, /m/3, /m/4, and 2 more.",
    )
