"""Playlists: radios that stay near, paths that lead from one track to another."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from homes import DIMENSION, Made, make_home, recording
from hypothesis import given
from hypothesis import strategies as st

from audiosim.commands.sources import read_playlist
from audiosim.core.config import Home
from audiosim.core.errors import UsageError
from audiosim.core.tag_values import artist_keys
from audiosim.core.types import Float32, Tags, Track
from audiosim.library.catalog import Catalog, Entry
from audiosim.library.filters import Filter
from audiosim.library.statistics import refresh
from audiosim.search.playlist import SPACING, Playlist, arc, make_path, make_radio
from audiosim.search.radio import radio
from audiosim.search.route import Crowding, smoothest

pytestmark = pytest.mark.slow


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


def test_artists_that_share_a_track_are_spaced(tmp_path: Path) -> None:
    artists = ["A; B", "b", "C; a", "D", "Various Artists"]
    tracks = [
        Made(f"/m/{n:02}.flac", leaning(n / 39, n), Tags(f"Song {n}", artists[n % 5])) for n in range(40)
    ]
    home = make_home(tmp_path / "home", tracks).path
    for playlist in (
        make_radio("/m/20.flac", 15, home=home, spacing=1),
        make_path("/m/00.flac", "/m/38.flac", 15, home=home, spacing=1),
    ):
        by = [artist_keys(track.tags) for track in playlist.tracks]
        assert all(one.isdisjoint(other) for one, other in pairwise(by))
        assert playlist.crowded == 0


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


def test_a_relative_playlist_in_a_linked_folder_leads_to_the_files(cli: Cli, tmp_path: Path) -> None:
    music = tmp_path / "disk" / "music"
    (music / "lists").mkdir(parents=True)
    names = ["#9 Dream.wav", " 100%.wav", "a\\b: c.wav"]
    for link, place in (("music", music), ("lists", music / "lists")):
        (tmp_path / link).symlink_to(place)
    tracks = [Made(f"{tmp_path}/music/{name}", leaning(n / 2, n)) for n, name in enumerate(names)]
    home = make_home(tmp_path / "home", tracks)
    common = ("playlist", "--home", home.path, "--length", 3, "--relative", "--seed", tracks[0].path)
    folders = (music / "lists", tmp_path / "lists", tmp_path / "music" / "lists", tmp_path / "music")
    assert [cli(*common, "-o", folder / "radio.m3u8").code for folder in folders] == [0] * 4
    for name in names:
        (music / name).write_bytes(b"")
    for folder in folders:
        out = folder / "radio.m3u8"
        lines = [line for line in out.read_text().splitlines() if not line.startswith("#")]
        assert {os.path.realpath(folder / line) for line in lines} == {str(music / name) for name in names}
        assert sorted(lines) == sorted(
            [f"../{name}" for name in names]
            if folder.name == "lists"
            else ["./#9 Dream.wav", "./ 100%.wav", "./a\\b: c.wav"]
        )
        found = [os.path.realpath(os.fsdecode(path)) for path in read_playlist(os.fsencode(out))]
        assert sorted(found) == sorted(str(music / name) for name in names)


def test_the_command_tells_when_the_library_is_too_small(home: Home, cli: Cli) -> None:
    done = cli("playlist", "--home", home.path, "--seed", "/m/00.flac", "--length", 50, "--json")
    assert done.code == 0
    assert len(done.json["tracks"]) == 40
    assert done.json["tracks"][0]["similarity"] == 1
    assert "only 40 of 50 tracks" in done.err


WAYS = [("--seed", "/m/00.flac"), ("--start", "/m/00.flac", "--end", "/m/39.flac")]


@pytest.mark.parametrize("way", WAYS)
def test_a_filter_that_leaves_nothing_to_play_fails_and_keeps_the_list_there_was(
    home: Home, cli: Cli, tmp_path: Path, way: tuple[str, ...]
) -> None:
    out = tmp_path / "radio.m3u8"
    out.write_text("what was good")
    common = ("playlist", "--home", home.path, *way, "-o", out)
    done = cli(*common, "--artist", "Artist 77")
    assert (done.code, done.out) == (1, "")
    assert "There is nothing to play beside what is given: no track fits what was asked for." in done.err
    assert "No track has the artist Artist 77. Near it: Artist 4" in done.err
    assert "--min-duration" not in done.err
    assert out.read_text() == "what was good"
    assert cli(*common, "--artist", "Artist 77", "--length", 2).code == (1 if way[0] == "--seed" else 0)


def test_a_filter_that_only_what_is_given_or_too_short_fits_says_so(tmp_path: Path, cli: Cli) -> None:
    tracks = [Made(f"/m/{n}", recording(n, 20 if n else 40), Tags(genre=f"G{min(n, 1)}")) for n in range(4)]
    common = ("playlist", "--home", make_home(tmp_path / "home", tracks).path, "--seed", "/m/0")
    for genre in ("G0", "G1"):
        done = cli(*common, "--genre", genre)
        assert (done.code, "nothing else fits what was asked for" in done.err) == (1, True)
        assert "shorter than 30 s is left out: --min-duration sets" in done.err
    assert cli(*common, "--genre", "G1", "--min-duration", "0").code == 0
    refused = cli(*common, "--genre", "G0", "--min-duration", "0")
    assert refused.err.endswith("nothing else fits what was asked for\n")


def test_a_list_that_filters_made_short_names_them(home: Home, cli: Cli) -> None:
    done = cli("playlist", "--home", home.path, *WAYS[0], "--artist", "Artist 1", "--under", "/m")
    assert done.code == 0
    assert "the library has only 9 of 20 tracks for it that fit --artist and --under.\n" in done.err
    assert "--min-duration" not in done.err


def test_a_short_piece_asks_for_short_ones(tmp_path: Path) -> None:
    tracks = [Made(f"/m/{n}", recording(n, 20)) for n in range(4)]
    radio = make_radio("/m/0", 4, home=make_home(tmp_path / "home", tracks).path)
    assert len(radio.tracks) == 4


def test_with_a_short_piece_even_shorter_ones_count(tmp_path: Path, cli: Cli) -> None:
    tracks = [Made(f"/m/{n}", recording(n, 20 - 4 * n)) for n in range(4)]
    home = make_home(tmp_path / "home", tracks)
    done = cli("playlist", "--home", home.path, "--seed", "/m/0", "--length", 4, "--json")
    assert len(done.json["tracks"]) == 4
    done = cli("playlist", "--home", home.path, "--start", "/m/0", "--end", "/m/1", "--length", 4, "--json")
    assert len(done.json["tracks"]) == 4


def crowded(folder: Path) -> Home:
    """A folder of twelve tracks that are a little alike, and fifty of other styles, each in its own."""
    own = np.random.default_rng(5).normal(size=DIMENSION)
    tracks = []
    for n in range(62):
        style = np.random.default_rng(50 + n).normal(size=DIMENSION)
        windows = np.tile(0.6 * own + style if n < 12 else style, (40, 1))
        name = f"/m/own/{n}.flac" if n < 12 else f"/m/{n}/{n}.flac"
        tracks.append(Made(name, (windows + 0.01 * leaning(0, n)).astype(np.float32)))
    home = make_home(folder, tracks)
    with Catalog(home.catalog) as catalog:
        list(refresh(catalog))
    return home


@pytest.mark.parametrize("spacing", [0, 3, 7])
def test_a_radio_ends_before_it_plays_what_is_less_alike_than_the_average(
    tmp_path: Path, cli: Cli, spacing: int
) -> None:
    home = crowded(tmp_path / "home")
    common = ("playlist", "--home", home.path, "--seed", "/m/own/0.flac", "--spacing", spacing)
    for length in (6, 12, 62):
        done = cli(*common, "--length", length, "--json")
        alike = [track["similarity"] for track in done.json["tracks"]]
        assert min(alike) >= 0
        told = "tracks for it: others are less like it, or what they would come next to, than tracks are on"
        assert (told in done.err) == (len(alike) < length)
    assert 12 < len(alike) < 62
    assert min(make_radio("/m/own/0.flac", 62, home=home.path, spacing=spacing).fits) >= 0


def test_a_radio_leaves_out_nothing_that_has_a_place_in_it() -> None:
    """Though the choice of what comes next ends where nothing is like the last."""
    floor, ended = 0.3, 0
    for seed in range(40):
        vectors = np.random.default_rng(seed).normal((1, 0, 0, 0), 1, (12, 4)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        entries = [Entry(str(n), Track(b"/m/%d/a" % n, f"{n}", 60.0, Tags()), vectors[n]) for n in range(12)]
        seed_to_all = partial(radio, entries[1:], vectors[1:], lambda _: True, vectors[0], [], vectors[0])
        played = partial(seed_to_all, spacing=0, floor=floor)
        whole = [int(entry.id) for entry in played(count=11)]
        assert len(played(count=len(whole))) == len(whole)
        route = vectors[[0, *whole]]
        assert (np.einsum("ij,ij->i", route[1:], route[:-1]) >= floor).all()
        left = [n for n in range(1, 12) if n not in whole and vectors[n] @ vectors[0] >= floor]
        beside = vectors[left] @ route.T
        assert not (np.minimum(beside[:, :-1], beside[:, 1:]) >= floor).any()
        assert not (beside[:, -1] >= floor).any()
        ended += bool(left)
    assert 0 < ended < 20


def test_a_filter_that_only_unlike_tracks_fit_says_so(tmp_path: Path, cli: Cli) -> None:
    home = crowded(tmp_path / "home")
    radio = make_radio("/m/own/0.flac", 62, home=home.path).tracks
    unlike = next(n for n in range(12, 62) if f"/m/{n}/{n}.flac".encode() not in {t.path for t in radio})
    done = cli("playlist", "--home", home.path, "--seed", "/m/own/0.flac", "--under", f"/m/{unlike}")
    assert done.code == 1
    assert "what fits is less like it than tracks are on average" in done.err


def test_a_path_crowds_a_folder_rather_than_take_a_step_below_the_average() -> None:
    a, b, c = np.eye(DIMENSION, dtype=np.float32)[:3]
    near, spaced = a + 0.3 * b, c + 0.2 * (a + b)
    crowding = Crowding(np.ones((4, 4), bool), 1, 2.0, 0.0)
    crowding.shared[2] = crowding.shared[:, 2] = False
    vectors = np.stack([each / np.linalg.norm(each) for each in (near, -spaced)])
    assert smoothest(a, b, vectors[:1], vectors, crowding).tolist() == [0]


def test_a_library_of_short_pieces_gives_the_seed_alone(tmp_path: Path, cli: Cli) -> None:
    tracks = [Made(f"/m/{n}", recording(n, 20 if n else 40)) for n in range(4)]
    home = make_home(tmp_path / "home", tracks)
    done = cli("playlist", "--home", home.path, "--seed", "/m/0", "--length", 3, "--json")
    assert (done.code, len(done.json["tracks"])) == (0, 1)
    assert (
        done.err
        == "audiosim: the library has only 1 of 3 tracks for it; --min-duration sets how short they may be.\n"
    )
    done = cli(
        "playlist", "--home", home.path, "--seed", "/m/0", "--length", 3, "--json", "--min-duration", 0
    )
    assert len(done.json["tracks"]) == 3


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
    assert done.code == 2
    assert "Can't write" in done.err


def styled(folder: Path, artists: Callable[[int], Tags]) -> Home:
    """Eight tracks of one style, then thirty of other styles; the tags of each by its number."""
    own = np.random.default_rng(5).normal(size=DIMENSION)
    tracks = []
    for n in range(38):
        style = own if n < 8 else np.random.default_rng(50 + n).normal(size=DIMENSION)
        noise = 0.3 * np.random.default_rng(200 + n).normal(size=(40, DIMENSION))
        tracks.append(Made(f"/m/{n % 3}/{n:02}.flac", (style + noise).astype(np.float32), artists(n)))
    return make_home(folder, tracks)


def places(playlist: Playlist) -> list[int]:
    return [int(Path(track.path.decode()).stem) for track in playlist.tracks]


def test_a_radio_stays_near_rather_than_keep_artists_apart(tmp_path: Path) -> None:
    home = styled(tmp_path / "home", lambda n: Tags(artist="Only" if n < 8 else f"Artist {n}"))
    radio = make_radio("/m/0/00.flac", 8, home=home.path)
    assert set(places(radio)) == set(range(8))
    assert min(radio.fits) > 0.7
    assert radio.crowded == 7


def test_artists_are_kept_as_far_apart_as_near_tracks_allow(tmp_path: Path) -> None:
    home = styled(tmp_path / "home", lambda n: Tags(artist=f"Artist {n % 2}" if n < 8 else f"Other {n}"))
    artists = [track.tags.artist for track in make_radio("/m/0/00.flac", 8, home=home.path).tracks]
    assert artists == ["Artist 0", "Artist 1"] * 4


def test_tracks_without_an_artist_are_spaced_by_their_folder(tmp_path: Path) -> None:
    home = styled(tmp_path / "home", lambda n: Tags())
    radio = make_radio("/m/0/00.flac", 6, home=home.path, spacing=2)
    folders = [track.path.split(b"/")[2] for track in radio.tracks]
    assert all(len(set(folders[place : place + 3])) == 3 for place in range(4))
    assert radio.crowded == 0


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (8, ["7 tracks come sooner after another by the same artist"]),
        (0, ["7 tracks come sooner after another of the same folder"]),
        (4, ["3 tracks come sooner after another by the same artist", "of the same folder"]),
    ],
)
def test_the_command_says_whether_artists_or_folders_are_crowded(
    tmp_path: Path, cli: Cli, named: int, told: list[str]
) -> None:
    tracks = [
        Made(f"/m/a/{n}", recording(n, style=1), Tags(artist="Only" if n < named else None)) for n in range(8)
    ]
    home = make_home(tmp_path / "home", tracks)
    done = cli("playlist", "--home", home.path, "--seed", "/m/a/0", "-k", 8, "--spacing", 7)
    lines = [line for line in done.err.splitlines() if "sooner after" in line]
    assert len(lines) == len(told)
    for line, text in zip(lines, told, strict=True):
        assert text in line
        assert line.endswith(" than --spacing 7 asks: others are too unlike.")


def test_several_seeds_begin_a_radio_near_their_mean(home: Home) -> None:
    radio = make_radio(["/m/05.flac", "/m/35.flac"], 8, home=home.path, spacing=0)
    found = numbers(radio)
    assert found[:2] == [5, 35]
    assert set(found[2:]) <= set(range(10, 31))
    with pytest.raises(UsageError, match="3 seeds make no playlist of 2"):
        make_radio(["/m/05.flac", "/m/35.flac", "/m/07.flac"], 2, home=home.path)
    with pytest.raises(UsageError, match="0 seeds"):
        make_radio([], 2, home=home.path)


def test_what_is_shorter_than_half_a_minute_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    tracks = [Made(f"/m/{n:02}.flac", leaning(n / 19, n)[: 40 if n % 2 else 20]) for n in range(20)]
    home = make_home(tmp_path / "home", tracks)
    assert all(n % 2 for n in numbers(make_radio("/m/01.flac", 8, home=home.path))[1:])
    assert all(n % 2 for n in numbers(make_path("/m/01.flac", "/m/19.flac", 8, home=home.path))[1:-1])
    everything = make_radio("/m/01.flac", 20, home=home.path, only=Filter(min_duration=0.0))
    assert len(everything.tracks) == 20
    short = make_radio("/m/01.flac", 20, home=home.path, only=Filter(max_duration=25.0))
    assert not any(n % 2 for n in numbers(short)[1:])
    assert len(short.tracks) == 11


def test_a_path_goes_round_a_gap_that_targets_lie_in(tmp_path: Path) -> None:
    """Two styles joined by a chain of tracks off the straight way: small steps beat nearness to the arc."""
    a, b, c = np.eye(DIMENSION, dtype=np.float32)[:3]
    chain = [np.cos(t) * a + np.sin(t) * c for t in np.linspace(0.2, np.pi / 2, 5)]
    chain += [np.cos(t) * c + np.sin(t) * b for t in np.linspace(0.3, np.pi / 2 - 0.2, 4)]
    decoys = [a + 0.9 * b, b + 0.9 * a]
    ends = [a, b]
    tracks = [
        Made(f"/m/{n:02}.flac", np.tile(vector, (40, 1)).astype(np.float32) + 1e-3 * leaning(0, n))
        for n, vector in enumerate([*ends, *chain, *decoys])
    ]
    path = make_path(
        "/m/00.flac", "/m/01.flac", 11, home=make_home(tmp_path / "home", tracks).path, spacing=0
    )
    assert places(path) == [0, *range(2, 11), 1]
    assert min(path.similarities) > 0.9


def test_a_path_takes_one_file_of_each_recording(tmp_path: Path) -> None:
    songs = [Made(f"/m/{n:02}.flac", recording(n)) for n in range(8)]
    copies = [Made(f"/m/{50 + n:02}.mp3", recording(n) + np.float32(0.01)) for n in range(8)]
    home = make_home(tmp_path / "home", [*songs, *copies])
    found = [n % 50 for n in places(make_path("/m/00.flac", "/m/07.flac", 16, home=home.path, spacing=0))]
    assert sorted(found) == list(range(8))


def test_the_command_takes_several_seeds_and_says_how_good_the_list_is(home: Home, cli: Cli) -> None:
    common = ("playlist", "--home", home.path, "--spacing", 0)
    done = cli(*common, "--seed", "/m/05.flac", "--seed", "/m/07.flac", "-k", 4)
    assert [line for line in done.out.splitlines() if line[:1] == "/"][:2] == ["/m/05.flac", "/m/07.flac"]
    assert "similarity from track to track 1.00 (median)" in done.err
    refused = cli(*common, "--seed", "/m/05.flac", "--start", "/m/07.flac")
    assert (refused.code, "Not both" in refused.err) == (2, True)
    assert cli(*common, "--seed", "/m/05.flac", "--quiet").err == ""


def test_the_median_of_an_even_number_of_steps_lies_between_two(tmp_path: Path, cli: Cli) -> None:
    rows = np.zeros((3, 4, DIMENSION), np.float32)
    for number, angle in enumerate((0.0, 0.4, 1.4)):
        rows[number, :, :2] = np.cos(angle), np.sin(angle)
    home = make_home(tmp_path / "home", [Made(f"/m/{n}.flac", each) for n, each in enumerate(rows)])
    done = cli(*("playlist", "--home", home.path), "--start", "/m/0.flac", "--end", "/m/2.flac", "-k", 3)
    middle = (np.cos(0.4) + np.cos(1.0)) / 2
    assert f"similarity from track to track {middle:.2f} (median), {np.cos(1.0):.2f} at least" in done.err


@pytest.mark.parametrize("way", [("--seed", "song 3"), ("--start", "song 3", "--end", "/m/20.flac")])
def test_the_command_says_which_track_a_title_was_taken_for(
    home: Home, cli: Cli, way: tuple[str, ...]
) -> None:
    done = cli("playlist", *way, "--length", 4, "--home", home.path)
    assert done.code == 0
    assert done.err.startswith("audiosim: song 3: taken for /m/03.flac.\n")
    assert cli("playlist", *way, "--length", 4, "--home", home.path, "--quiet").err == ""
    assert "taken for" not in cli("playlist", "--seed", "/m/03.flac", "--home", home.path).err
