"""The library as a map: places, groups, neighbours, the picture and the command."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.types import Float32, Tags, Track
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Entry
from audiosim.library.filters import Filter
from audiosim.map import Color, draw_map, projection
from audiosim.map.atlas import Atlas, make_atlas
from audiosim.map.groups import group_tracks, short_names
from audiosim.map.label_placement import Box, free_box, gathers
from audiosim.map.palette import HUES, ramp
from audiosim.map.picture import render_picture
from audiosim.map.projection import lay_out

pytestmark = pytest.mark.slow

PNG = b"\x89PNG\r\n\x1a\n"
FRAME = Box(0.5, 0.5, 1.0, 1.0)


def unit_vectors(count: int, *, seed: int = 0, clusters: int = 4) -> Float32:
    random = np.random.default_rng(seed)
    middles = random.normal(size=(clusters, 16))
    rows = middles[np.arange(count) % clusters] + 0.2 * random.normal(size=(count, 16))
    unit: Float32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def track(path: str = "/m/a.wav", **tags: object) -> Track:
    return Track(os.fsencode(path), "00", 60.0, Tags(**tags))  # type: ignore[arg-type]


def small_atlas(count: int, color: Color | None = None) -> Atlas:
    vectors = unit_vectors(count)
    entries = [
        Entry(f"{n}", Track(f"/m/{n % 3}/{n}.wav".encode(), f"{n:032x}", 60.0, Tags()), vectors[n])
        for n in range(count)
    ]
    return make_atlas([[entry] for entry in entries], color, "fake")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of six files in two folders, low and high; no test changes it."""
    base = tmp_path_factory.mktemp("map")
    for number, frequency in enumerate((110, 115, 120, 900, 920, 940)):
        folder = base / "music" / ("low" if frequency < 500 else "high")
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{number}.wav", tone(3, frequency), SAMPLE_RATE)
    index_folder([base / "music"], home=base / "home", encoder=FakeEncoder())
    return base / "home"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 10, 60])
def test_places_of_any_number_of_tracks_lie_in_the_unit_square_and_apart(count: int) -> None:
    places = lay_out(unit_vectors(count))
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert places.min() >= 0
    assert places.max() <= 1
    assert len(np.unique(places, axis=0)) == count


def test_the_same_vectors_get_the_same_places() -> None:
    vectors = unit_vectors(60)
    assert np.array_equal(lay_out(vectors), lay_out(vectors.copy()))


def test_equal_vectors_share_a_place() -> None:
    vectors = unit_vectors(30)[[0, 1, 2, 0, *range(3, 30)]]
    places = lay_out(vectors)
    assert np.array_equal(places[0], places[3])
    assert (lay_out(vectors[[0, 0, 0]]) == 0.5).all()


def test_tracks_that_sound_alike_lie_side_by_side() -> None:
    places = lay_out(unit_vectors(80))
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) % 4 == np.arange(80) % 4).all()


def test_very_many_tracks_are_placed_among_those_of_a_sample_that_they_sound_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sklearn.manifold import trustworthiness

    vectors = unit_vectors(400)
    vectors[391] = vectors[7]
    whole = lay_out(vectors)
    monkeypatch.setattr(projection, "MANY", 300)
    monkeypatch.setattr(projection, "SAMPLE", 120)
    places = lay_out(vectors)
    assert np.array_equal(places, lay_out(vectors.copy()))
    assert np.array_equal(places[391], places[7])
    assert places.min() >= 0
    assert places.max() <= 1
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) % 4 == np.arange(400) % 4).mean() > 0.99
    distinct = np.delete(np.arange(400), 391)
    kept = [trustworthiness(vectors[distinct], each[distinct], n_neighbors=10) for each in (whole, places)]
    assert kept[1] > kept[0] - 0.05


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_tracks_have_few_neighbours(count: int) -> None:
    assert small_atlas(count).neighbours.indices.shape == (count, count - 1)


def test_copies_share_a_spot_and_are_no_neighbours_of_each_other() -> None:
    vectors = unit_vectors(3)
    entries = [
        Entry(str(n), Track(b"/m/%d.wav" % n, digest, 1.0), vectors[int(digest)])
        for n, digest in enumerate("0012")
    ]
    atlas = make_atlas([entries[:2], entries[2:3], entries[3:]], None, "fake")
    assert list(atlas.spots) == [0, 0, 1, 2]
    assert [track.path for track in atlas.recordings] == [b"/m/0.wav", b"/m/2.wav", b"/m/3.wav"]
    assert [(group.name, group.count) for group in atlas.grouping.groups] == [("m", 3)]
    assert [set(row) for row in atlas.neighbours.indices.tolist()] == [{1, 2}, {0, 2}, {0, 1}]


@pytest.mark.parametrize(("genres", "by"), [(1, "folder"), (2, "genre"), (40, "genre"), (41, "folder")])
def test_genres_give_the_colours_where_there_are_a_few(genres: int, by: str) -> None:
    assert group_tracks([track(genre=f"Genre {number}") for number in range(genres)]).by == by


def test_genres_give_the_colours_where_most_tracks_have_one() -> None:
    tagged = [track(genre="Rock"), track(genre="rock "), track(genre="Jazz/Funk"), track()]
    grouping = group_tracks(tagged)
    assert grouping.by == "genre"
    assert [(group.name, group.count, group.rest) for group in grouping.groups] == [
        ("Rock", 2, False), ("Jazz", 1, False), ("no genre", 1, True),
    ]  # fmt: skip
    assert list(grouping.of) == [0, 0, 1, 2]
    assert group_tracks([*tagged, *[track()] * 3]).by == "folder"
    assert group_tracks([track(genre="Rock")] * 3).by == "folder"
    assert group_tracks([track(genre=f"g{n}") for n in range(41)]).by == "folder"


def test_a_track_s_first_value_gives_its_group() -> None:
    tracks = [track(artist="A; B"), track(artist="a"), track(artist="AC/DC"), track(album_artist="AC/DC; X")]
    assert [(group.name, group.count) for group in group_tracks(tracks, "artist").groups] == [
        ("A", 2), ("AC/DC", 2),
    ]  # fmt: skip


def test_groups_beyond_the_colours_share_one() -> None:
    tracks = [track(artist=f"a{n}") for n in range(len(HUES) + 5)] + [track(album_artist="a0"), track()]
    grouping = group_tracks(tracks, "artist")
    assert [group.name for group in grouping.groups[-2:]] == ["5 other artists", "no artist"]
    assert [group.count for group in grouping.groups[-2:]] == [5, 1]
    assert Counter(grouping.of) == {n: group.count for n, group in enumerate(grouping.groups)}
    assert grouping.groups[0].name == "a0"


def test_years_are_in_their_order_and_many_are_decades() -> None:
    few = group_tracks([track(year=year) for year in (2001, 1999, 2001)], "year")
    assert [group.name for group in few.groups] == ["1999", "2001"]
    many = group_tracks([track(year=year) for year in range(1961, 1999)], "year")
    assert [group.name for group in many.groups] == ["1960s", "1970s", "1980s", "1990s"]
    assert len(set(ramp(20))) == 20


def test_folders_are_told_apart_by_as_much_of_their_names_as_it_takes() -> None:
    names = short_names(["/m/a/CD1", "/m/b/CD1", "/m/c", "/"])
    assert names == {"/m/a/CD1": "a/CD1", "/m/b/CD1": "b/CD1", "/m/c": "c", "/": "/"}


def test_a_caption_makes_way_for_points_and_captions() -> None:
    points = np.array([[0.5, 0.5]])
    free = free_box((0.5, 0.5), (0.2, 0.05), [], points, FRAME)
    assert free is not None
    assert free.covered(points) == 0
    assert free_box((0.5, 0.5), (0.2, 0.05), [Box(0.5, 0.5, 2.0, 2.0)], points, FRAME) is None


def test_a_group_that_is_all_over_the_place_gathers_nowhere() -> None:
    places = np.random.default_rng(0).random((4000, 2))
    near = places[np.linalg.norm(places - 0.5, axis=1) < 0.2]
    assert gathers(near, places)
    assert not gathers(places[::5], places)


@pytest.mark.parametrize("count", [1, 3])
def test_the_picture_is_a_png_of_any_number_of_tracks(count: int) -> None:
    assert render_picture(small_atlas(count)).startswith(PNG)


def test_the_picture_takes_names_as_they_are() -> None:
    vectors = unit_vectors(4)
    names = ["$x^2", "音楽", "\x1b[2J", "a" * 300]
    entries = [
        Entry(str(n), Track(b"/m/%d" % n, str(n), None, Tags(genre=name)), vectors[n])
        for n, name in enumerate(names)
    ]
    assert render_picture(make_atlas([[entry] for entry in entries], "genre", "fake")).startswith(PNG)


def test_no_name_on_the_picture_runs_into_another_or_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figures: list[Any] = []
    draw = FigureCanvasAgg.print_figure

    def spied(canvas: Any, *args: Any, **options: Any) -> Any:
        figures.append(canvas.figure)
        return draw(canvas, *args, **options)

    monkeypatch.setattr(FigureCanvasAgg, "print_figure", spied)
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((4, 6))
    names = [
        "W" * 40,
        "Music of a long and winding way part 1",
        "Music of a long and winding way part 2",
        "Short",
    ]
    entries = []
    for n in range(200):
        vector = (middles[n % 4] + 0.2 * rng.standard_normal(6)).astype(np.float32)
        found = Track(b"/m/%d" % n, str(n), None, Tags(genre=names[n % 4]))
        entries.append(Entry(str(n), found, vector / np.linalg.norm(vector)))
    render_picture(make_atlas([[entry] for entry in entries], "genre", "fake"))
    (figure,) = figures
    texts = [*figure.texts, *figure.axes[0].texts]
    boxes = [text.get_window_extent() for text in texts]
    assert {"Short", "50"} < {text.get_text() for text in texts}
    assert sum(text.get_text().startswith("WWWWWWWW") for text in texts) == 2
    in_legend = [text.get_text() for text in figure.texts]
    assert len(in_legend) - len(set(in_legend)) == 3  # only counts are alike, no two names that were cut
    assert sum("…" in name for name in in_legend) == 3
    for row, box in enumerate(boxes):
        assert box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[:row]), texts[row].get_text()


def test_what_is_asked_for_is_what_is_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert draw_map(png="a.png", home=home).files == (Path("a.png"),)
    assert os.listdir(folder) == ["a.png"]
    assert draw_map(home=home).files == (Path("map.html"),)
    drawing = draw_map("b.html", png="b.png", home=home)
    assert (drawing.tracks, drawing.color) == (6, "folder")
    assert sorted(os.listdir(folder)) == ["a.png", "b.html", "b.png", "map.html"]


def test_only_tracks_that_fit_are_drawn(home: Path, tmp_path: Path) -> None:
    low = Filter(under=(os.fsencode(home.parent / "music" / "low"),))
    assert draw_map(tmp_path / "m.html", only=low, home=home).tracks == 3
    with pytest.raises(AudiosimError, match="no track fits"):
        draw_map(tmp_path / "n.html", only=Filter(genres=("none",)), home=home)
    assert not (tmp_path / "n.html").exists()


def test_a_folder_is_no_file_to_write(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is a folder"):
        draw_map(tmp_path, home=home)


def test_the_command_writes_a_page_and_says_so(cli: Cli, home: Path, tmp_path: Path) -> None:
    done = cli("map", "--home", home)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("6 tracks, coloured by folder -> map.html (")
    first = (tmp_path / "map.html").read_bytes()
    assert first.startswith(b"<!DOCTYPE html>")
    assert cli("map", "--home", home, "--quiet").err == ""
    told = cli("map", "--home", home, "--json")
    assert (told.json["tracks"], told.err) == (6, "")
    assert told.json["files"][0]["path"].endswith("map.html")
    assert (tmp_path / "map.html").read_bytes() == first


def test_the_command_refuses_what_it_does_not_know(cli: Cli, home: Path, tmp_path: Path) -> None:
    done = cli("map", "--home", home, "--color", "mood")
    assert (done.code, "Choose one of: folder, genre" in done.err) == (2, True)
    done = cli("map", "--home", tmp_path / "nothing")
    assert (done.code, "There is no index in" in done.err) == (1, True)
    assert not (tmp_path / "map.html").exists()
