"""Duplicates: which files are one recording, and that similar ones are not."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from homes import DIMENSION, Made, make_home, recording
from landmark_sets import a_set

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.core.config import Home
from audiosim.core.types import Float32, Tags
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.search.duplicates import Group, find_duplicates


def remastered(windows: Float32, seed: int = 0) -> Float32:
    """The same music with another level and some noise."""
    rng = np.random.default_rng(seed)
    shift = 0.3 * rng.normal(size=DIMENSION)
    noisy: Float32 = (windows + shift + 0.15 * rng.normal(size=windows.shape)).astype(np.float32)
    return noisy


@pytest.fixture
def home(tmp_path: Path) -> Home:
    songs = [Made(f"/m/{n:02}.flac", recording(n)) for n in range(12)]
    first, second = songs[3].windows, songs[7].windows
    copies = [
        Made("/m/copies/03.mp3", remastered(first)),
        Made("/m/copies/03 trimmed.opus", remastered(first, 1)[2:]),
        Made("/m/copies/07.wav", second, digest=f"{7:032x}"),
    ]
    return make_home(tmp_path / "home", [*songs, *copies])


def paths(groups: list[Group]) -> list[list[bytes]]:
    return [[track.path for track in group.tracks] for group in groups]


def test_copies_in_other_encodings_are_found_and_nothing_else(home: Home) -> None:
    assert paths(find_duplicates(home.path)) == [
        [b"/m/03.flac", b"/m/copies/03 trimmed.opus", b"/m/copies/03.mp3"],
        [b"/m/07.flac", b"/m/copies/07.wav"],
    ]


def test_the_order_in_which_very_many_are_compared_changes_no_group(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = paths(find_duplicates(home.path))
    monkeypatch.setattr("audiosim.search.copies.KEPT", 1)
    assert paths(find_duplicates(home.path)) == expected


def test_each_group_says_why(home: Home) -> None:
    encoded, same = find_duplicates(home.path)
    assert [link.evidence.kind for link in same.links] == ["same audio"]
    assert same.links[0].evidence.correlation is None
    assert len(encoded.links) == 2
    for link in encoded.links:
        assert link.evidence.kind == "same recording"
        assert link.evidence.correlation is not None
        assert 0.6 <= link.evidence.correlation <= 1
        trimmed = link.second.path.endswith(b"trimmed.opus") - link.first.path.endswith(b"trimmed.opus")
        assert link.evidence.offset == pytest.approx(-2.0 * trimmed, abs=0.3)


def test_a_faster_copy_is_found_by_its_fingerprint(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    one, other = (
        Landmarks(np.cumsum(rng.integers(69, 250, 90)), rng.random((90, BITS)) < 0.5) for _ in range(2)
    )
    bits = one.bits ^ (rng.random(one.bits.shape) < np.where(np.arange(BITS) % 20 < 12, 0.03, 0.17))
    for start in (0, 20):  # a third of a semitone up
        up = np.flatnonzero(rng.random(len(bits)) < 0.34)
        bits[up, start : start + 12] = np.roll(bits[up, start : start + 12], 1, axis=1)
    faster = Landmarks(np.rint(one.places / 1.02).astype(np.int64), bits)
    heard = {"/m/a": one, "/m/b": faster, "/m/c": other}
    song = recording(1)
    home = make_home(tmp_path / "home", [Made(path, remastered(song, n)) for n, path in enumerate(heard)])
    with Catalog(home.catalog) as catalog:
        for number, landmarks in enumerate(heard.values()):
            catalog.fingerprints.set(f"{number:032x}", landmarks.to_bytes())
    (group,) = find_duplicates(home.path)
    assert [track.path for track in group.tracks] == [b"/m/a", b"/m/b"]
    assert group.links[0].evidence.change == "speed"
    assert group.links[0].evidence.speed == pytest.approx(1.02, abs=0.001)


def test_a_copy_of_few_landmarks_is_found_whatever_the_encoder_hears(tmp_path: Path) -> None:
    """With other vectors, as of an encoder that hears other things, and no key in common."""
    one, rng = a_set(1, 11), np.random.default_rng(5)
    flips = rng.random(one.bits.shape) < np.where(np.arange(BITS) % 20 < 12, 0.02, 0.16)  # of bands most
    heard = {"/m/a": one, "/m/b": Landmarks(one.places, one.bits ^ flips), "/m/c": a_set(2, 11)}
    assert not np.intersect1d(one.keys, heard["/m/b"].keys).size
    home = make_home(
        tmp_path / "home", [Made(path, (-1) ** n * recording(n)) for n, path in enumerate(heard)]
    )
    with Catalog(home.catalog) as catalog:
        for number, landmarks in enumerate(heard.values()):
            catalog.fingerprints.set(f"{number:032x}", landmarks.to_bytes())
    (group,) = find_duplicates(home.path)
    assert [track.path for track in group.tracks] == [b"/m/a", b"/m/b"]


def test_tracks_with_one_mean_but_other_music_are_no_duplicates(tmp_path: Path) -> None:
    songs = [recording(n) for n in range(6)]
    level = [song - song.mean(axis=0) + songs[0].mean(axis=0) for song in songs]
    home = make_home(tmp_path / "home", [Made(f"/m/{n}", song) for n, song in enumerate(level)])
    assert find_duplicates(home.path) == []


def test_tracks_of_a_few_windows_are_told_by_their_audio_only(tmp_path: Path) -> None:
    short = recording(1, length=5)
    tracks = [Made("/m/a", short), Made("/m/b", remastered(short)), Made("/m/c", short, digest="0" * 32)]
    assert paths(find_duplicates(make_home(tmp_path / "home", tracks).path)) == [[b"/m/a", b"/m/c"]]


def test_a_much_longer_version_is_another_recording(tmp_path: Path) -> None:
    song = recording(1, length=100)
    tracks = [Made("/m/a", song), Made("/m/b", np.concatenate([song, recording(2, length=30)]))]
    assert find_duplicates(make_home(tmp_path / "home", tracks).path) == []


@pytest.mark.parametrize("folder", [b"/m", b"/m/copies", b"/m/copies/03.mp3"])
def test_a_filter_leaves_the_recordings_with_a_file_in_it(home: Home, folder: bytes) -> None:
    found = paths(find_duplicates(home.path))
    fit = [group for group in found if any(path.startswith(folder) for path in group)]
    assert paths(find_duplicates(home.path, only=Filter(under=(folder,)))) == fit
    assert {path for group in fit for path in group} > {b"/m/03.flac", b"/m/copies/03.mp3"}


def test_copies_of_copies_are_found_though_the_filter_admits_one_end_only(tmp_path: Path) -> None:
    long = recording(1, length=118)
    # the ends differ in length by more than an encoding makes
    tracks = [Made(f"/m/{n}", remastered(long[: 100 + 9 * n], n)) for n in range(3)]
    home = make_home(tmp_path / "home", [*tracks, Made("/n/3", recording(9, length=109))])
    for name in (b"/m/0", b"/m/2"):
        assert paths(find_duplicates(home.path, only=Filter(under=(name,)))) == [[b"/m/0", b"/m/1", b"/m/2"]]


def test_tracks_without_their_caches_are_told_by_their_audio_only(home: Home) -> None:
    for cache in home.cache.rglob("*.npz"):
        cache.unlink()
    assert paths(find_duplicates(home.path)) == [[b"/m/07.flac", b"/m/copies/07.wav"]]


def test_the_command_lists_groups_with_their_evidence(home: Home, cli: Cli) -> None:
    done = cli("duplicates", "--home", home.path)
    assert done.code == 0
    assert done.out.count("files of one recording") == 2
    assert "/m/copies/07.wav  (same audio)\n" in done.out
    found = cli("duplicates", "--home", home.path, "--json").json["groups"]
    assert [[track["path"] for track in group["tracks"]] for group in found][1] == [
        "/m/07.flac",
        "/m/copies/07.wav",
    ]
    assert found[0]["evidence"][0]["kind"] == "same recording"
    old = {"first", "second", "kind", "similarity", "correlation", "offset"}
    assert set(found[0]["evidence"][0]) == old | {"agreement", "change", "speed"}


def test_files_of_one_name_are_told_apart_by_their_paths(tmp_path: Path, cli: Cli) -> None:
    song, other = recording(1), recording(2)
    tracks = [
        Made(f"{tmp_path}/live/01.flac", song, digest="1" * 32),
        Made(f"{tmp_path}/new/01.flac", song, digest="1" * 32),
        Made(f"{tmp_path}/new/01.mp3", remastered(song)),
        Made(f"{tmp_path}/live/02.flac", other, digest="2" * 32),
        Made(f"{tmp_path}/new/02.wav", other, digest="2" * 32),
    ]
    done = cli("duplicates", "--home", make_home(tmp_path / "home", tracks).path)
    lines = [line.split(maxsplit=1)[1] for line in done.out.splitlines() if line.startswith("  ")]
    assert lines[:2] == ["live/01.flac", "new/01.flac  (same audio as the first)"]
    assert lines[2].startswith("new/01.mp3  (")
    assert "the first" in lines[2]
    assert lines[3:] == ["live/02.flac", "new/02.wav  (same audio)"]


def test_the_command_finds_what_a_folder_has_in_common_with_the_rest(home: Home, cli: Cli) -> None:
    done = cli("duplicates", "--home", home.path, "--under", "/m/copies/07.wav")
    assert done.out.splitlines()[0] == "2 files of one recording"
    assert "/m/07.flac" in done.out
    assert "(same audio)" in done.out
    none = cli("duplicates", "--home", home.path, "--under", "/m/00.flac")
    assert (none.code, none.out) == (0, "")
    assert "no duplicates found" in none.err


def test_a_recording_fits_by_the_tags_of_any_of_its_files(tmp_path: Path, cli: Cli) -> None:
    song = recording(1)
    tracks = [
        Made("/m/a.flac", song, Tags("Song", "Band", year=1969)),
        Made("/new/a.mp3", remastered(song)),
        Made("/new/b.flac", recording(2), Tags("Other", "Band")),
    ]
    command = ("duplicates", "--home", make_home(tmp_path / "home", tracks).path, "--json")
    for options in (("--artist", "band"), ("--under", "/new"), ("--under", "/new", "--year", "-1970")):
        (group,) = cli(*command, *options).json["groups"]
        assert [track["path"] for track in group["tracks"]] == ["/m/a.flac", "/new/a.mp3"], options
    assert cli(*command, "--under", "/new", "--year", "1970-").json == {"groups": []}


def test_every_format_tells_the_same_groups(home: Home, cli: Cli, tmp_path: Path) -> None:
    command = ("duplicates", "--home", home.path, "--format")
    document = cli(*command, "json").json
    assert document == cli(*command[:-1], "--json").json
    groups = [[track["path"] for track in group["tracks"]] for group in document["groups"]]
    lines = [json.loads(line) for line in cli(*command, "jsonl").out.splitlines()]
    assert lines == document["groups"]
    flat = [path for group in groups for path in group]
    assert cli(*command, "paths").out.splitlines() == flat
    assert cli(*command, "paths", "--null").out.split("\0") == [*flat, ""]
    assert cli(*command, "m3u8").out.splitlines()[2::2] == flat
    rows = list(csv.DictReader(io.StringIO(cli(*command, "csv").out)))
    assert [row["path"] for row in rows] == flat
    assert [row["group"] for row in rows] == ["1"] * 3 + ["2"] * 2
    assert (rows[4]["same_as"], rows[4]["kind"]) == ("/m/07.flac", "same audio")
    assert rows[0]["same_as"] == ""
    assert float(rows[1]["correlation"]) > 0.6
    done = cli(*command[:-1], "-o", tmp_path / "twice.csv")
    assert (done.code, done.out) == (0, "")
    assert list(csv.DictReader(io.StringIO((tmp_path / "twice.csv").read_text()))) == rows


def test_formats_that_do_not_fit_are_usage_errors(home: Home, cli: Cli, tmp_path: Path) -> None:
    for options in (("--null",), ("--format", "xml"), ("--across", tmp_path, "--format", "paths")):
        assert cli("duplicates", "--home", home.path, *options).code == 2


def test_no_duplicates_is_no_error(tmp_path: Path, cli: Cli) -> None:
    home = make_home(tmp_path / "home", [Made("/m/a", recording(1), Tags("Title"))])
    done = cli("duplicates", "--home", home.path)
    assert (done.code, done.out) == (0, "")
    assert "audiosim: no duplicates found.\n" in done.err
    assert cli("duplicates", "--home", home.path, "--json").json == {"groups": []}
    assert cli("duplicates", "--home", tmp_path / "none").code == 1
