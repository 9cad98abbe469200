"""Paths of the user's own folder, where no shell has replaced the tilde: ``--cache=~/c``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Cli
from fake_encoder import FakeEncoder

from audiosim.core.paths import expanded
from audiosim.indexing.exchange.path_map import parse_move
from audiosim.indexing.pipeline import index_folder
from audiosim.library.store_url import parse_store_url


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("~/c", "/home/me/c"),
        ("~", "/home/me"),
        ("c", "c"),
        ("a/~/b", "a/~/b"),
        ("/~/b", "/~/b"),
        ("*~", "*~"),
        ("~nobody here/x", "/now/~nobody here/x"),
        ("./~/c", "/now/./~/c"),
    ],
)
def test_a_tilde_stands_for_the_home_folder_where_a_shell_would_have_replaced_it(
    monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(os, "getcwd", lambda: "/now")
    assert expanded(given) == expected


def test_options_that_take_a_path_know_the_tilde_after_an_equals_sign(
    cli: Cli, tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    index_folder([music], home=tmp_path / "home", encoder=FakeEncoder())
    home = "--home=~/home"
    assert cli("index", home, "--log-file=~/log").code == 0
    assert (tmp_path / "log").is_file()
    assert len(cli("list", home, "--under=~/music/low", "--format=paths").out.splitlines()) == 3
    assert cli("map", home, "-o~/m.html", "--png=~/m.png").code == 0
    assert (tmp_path / "m.html").is_file()
    seed = "~/music/low/00 track.wav"
    assert cli("playlist", home, f"--seed={seed}", "--output=~/p.m3u8").code == 0
    assert cli("playlist", home, f"--start={seed}", "--end=~/music/high/03 track.wav").code == 0
    assert cli("similar", "music/high/03 track.wav", home, f"--not={seed}").code == 0
    assert cli("index", home, "--cache=~/home/cache").code == 0
    assert "~/w.h5" not in cli("index", home, "--weights=~/w.h5").err
    assert cli("status", AUDIOSIM_HOME="~/home").code == 0
    assert not (tmp_path / "~").exists()


def test_a_folder_that_is_called_tilde_is_named_with_a_dot(cli: Cli, tmp_path: Path, music: Path) -> None:
    index_folder([music], home=tmp_path / "~" / "home", encoder=FakeEncoder())
    assert "6 tracks" in cli("status", "--home=./~/home").out.replace("Tracks: 6", "6 tracks")
    assert cli("map", "--home=./~/home", "--output=./~/m.html").code == 0
    assert (tmp_path / "~" / "m.html").is_file()


def test_maps_of_imports_and_stores_in_files_know_the_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parse_move("/mnt/music=~/Music") == ("/mnt/music", "/home/me/Music")
    assert parse_store_url("milvus:~/v.db").file == Path("/home/me/v.db")
