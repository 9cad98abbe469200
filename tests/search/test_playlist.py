"""Playlists: radios that stay near, paths that lead from one track to another."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from homes import DIMENSION, Made, make_home, recording
from hypothesis import given
from hypothesis import strategies as st

from audiosim.core.config import Home
from audiosim.core.errors import UsageError
from audiosim.core.types import Float32, Tags
from audiosim.library.filters import Filter
from audiosim.search.playlist import SPACING, Playlist, arc, make_path, make_radio


def leaning(share: float, seed: int) -> Float32:
    """Windows part of the way from one style to another."""
    near, far = (np.random.default_rng(n).normal(size=DIMENSION) for n in (1, 2))
    noise = 0.05 * np.random.default_rng(100 + seed).normal(size=(40, DIMENSION))
    windows: Float32 = ((1 - share) * near + share * far + noise).astype(np.float32)
    return windows


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Forty tracks evenly between two styles, by five artists in turn."""
    tracks = [
        Made(f"/m/{n:02}.flac", leaning(n / 39, n), Tags(f"Song {n}", f"Artist {n % 5}")) for n in range(40)
    ]
    return make_home(tmp_path / "home", tracks)


def numbers(playlist: Playlist) -> list[int]:
    return [int(track.path[3:5]) for track in playlist.tracks]


def test_a_radio_begins_with_its_seed_and_stays_near(home: Home) -> None:
    radio = make_radio("/m/20.flac", 9, home=home.path, spacing=0)
    assert numbers(radio)[0] == 20
    assert set(numbers(radio)) <= set(range(11, 30))
    assert len(radio.similarities) == 9
    assert radio.similarities[0] == 1.0
    assert all(0.9 < similarity <= 1 for similarity in radio.similarities)


def test_a_path_leads_evenly_from_start_to_end(home: Home) -> None:
    path = make_path("/m/00.flac", "/m/39.flac", 10, home=home.path, spacing=0)
    found = numbers(path)
    assert (found[0], found[-1]) == (0, 39)
    assert found == sorted(found)
    assert max(b - a for a, b in pairwise(found)) <= 12


@pytest.mark.parametrize("length", [2, 20, 40])
def test_no_track_comes_twice(home: Home, length: int) -> None:
    for playlist in (
        make_radio("/m/05.flac", length, home=home.path),
        make_path("/m/05.flac", "/m/30.flac", length, home=home.path),
    ):
        assert len(set(numbers(playlist))) == len(playlist.tracks) == length


def test_artists_are_spaced(home: Home) -> None:
    for playlist in (
        make_radio("/m/20.flac", 15, home=home.path),
        make_path("/m/00.flac", "/m/38.flac", 15, home=home.path),
    ):
        artists = [track.tags.artist for track in playlist.tracks]
        for place, artist in enumerate(artists):
            assert artist not in artists[max(0, place - SPACING) : place]


def test_a_library_of_one_artist_gives_a_list_all_the_same(tmp_path: Path) -> None:
    tracks = [Made(f"/m/{n:02}", leaning(n / 9, n), Tags("T", "Only")) for n in range(10)]
    radio = make_radio("/m/00", 10, home=make_home(tmp_path / "home", tracks).path)
    assert len(radio.tracks) == 10


def test_no_recording_comes_twice_in_another_encoding(tmp_path: Path) -> None:
    song = recording(1)
    tracks = [Made("/m/00", song), Made("/m/01", song + 0.01), Made("/m/02", song, digest="0" * 32)]
    tracks += [Made(f"/m/{n:02}", recording(n)) for n in range(3, 8)]
    radio = make_radio("/m/00", 8, home=make_home(tmp_path / "home", tracks).path)
    assert sorted(track.path for track in radio.tracks) == [b"/m/00", *(b"/m/%02d" % n for n in range(3, 8))]


def test_a_filter_chooses_what_may_be_played(home: Home) -> None:
    radio = make_radio("/m/20.flac", 20, home=home.path, only=Filter(artists=("Artist 1",)))
    assert {track.tags.artist for track in radio.tracks[1:]} == {"Artist 1"}
    assert len(radio.tracks) == 9


def test_what_makes_no_playlist_is_refused(home: Home) -> None:
    with pytest.raises(UsageError):
        make_radio("/m/20.flac", 1, home=home.path)
    with pytest.raises(UsageError):
        make_path("/m/20.flac", "/m/20.flac", 5, home=home.path)
    with pytest.raises(UsageError):
        make_radio("/m/none.flac", 5, home=home.path)


@given(st.integers(0, 1000), st.integers(2, 30))
def test_an_arc_goes_from_end_to_end_in_equal_steps(seed: int, count: int) -> None:
    ends = np.random.default_rng(seed).normal(size=(2, 5))
    start, end = (ends / np.linalg.norm(ends, axis=1, keepdims=True)).astype(np.float32)
    points = arc(start, end, count)
    assert len(points) == count
    np.testing.assert_allclose(points[0], start, atol=1e-5)
    np.testing.assert_allclose(points[-1], end, atol=1e-5)
    steps = [float(np.linalg.norm(b - a)) for a, b in pairwise(points)]
    np.testing.assert_allclose(steps, steps[0], rtol=2e-2, atol=1e-4)


def test_the_command_writes_relative_and_absolute_paths(home: Home, cli: Cli, tmp_path: Path) -> None:
    common = ("playlist", "--home", home.path, "--length", 3, "--spacing", 0)
    done = cli(*common, "--seed", "/m/00.flac")
    lines = done.out.splitlines()
    assert lines[:3] == ["#EXTM3U", "#EXTINF:40,Artist 0 - Song 0", "/m/00.flac"]
    assert len(lines) == 7
    written = tmp_path / "lists" / "path.m3u8"
    written.parent.mkdir()
    command = (*common, "--start", "/m/00.flac", "--end", "/m/39.flac", "-o", written, "--relative")
    assert (cli(*command).code, cli(*command).out) == (0, "")
    paths = [line for line in written.read_text().splitlines() if not line.startswith("#")]
    assert [(written.parent / path).resolve() for path in (paths[0], paths[-1])] == [
        Path("/m/00.flac"),
        Path("/m/39.flac"),
    ]
    assert not any(path.startswith("/") for path in paths)


def test_the_command_tells_when_the_library_is_too_small(home: Home, cli: Cli) -> None:
    done = cli("playlist", "--home", home.path, "--seed", "/m/00.flac", "--length", 50, "--json")
    assert done.code == 0
    assert len(done.json["tracks"]) == 40
    assert done.json["tracks"][0]["similarity"] == 1
    assert "only 40 tracks" in done.err


@pytest.mark.parametrize(
    "options",
    [(), ("--start", "/m/00.flac"), ("--seed", "/m/00.flac", "--end", "/m/01.flac"), ("--length", "1")],
)
def test_options_that_make_no_sense_are_usage_errors(home: Home, cli: Cli, options: tuple[str, ...]) -> None:
    assert cli("playlist", "--home", home.path, *options).code == 2


def test_a_playlist_that_cannot_be_written_is_an_error(home: Home, cli: Cli, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = cli("playlist", "--home", home.path, "--seed", "/m/00.flac", "-o", blocked / "list.m3u8")
    assert done.code == 1
    assert "Can't write" in done.err
