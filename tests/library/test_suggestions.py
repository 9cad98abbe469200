"""What there is instead, where a filter leaves no track."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from homes import Made, make_home, recording

from audiosim.core.config import Home
from audiosim.core.types import Tags
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter, Years
from audiosim.library.suggestions import suggestions

TAGS = [
    Tags("So What", "Miles Davis", "Kind of Blue", None, "Jazz; Cool", 1959),
    Tags("Naima", "John Coltrane", "Giant Steps", None, "jazz", 1960),
    Tags("Jóga", "Björk", "Homogenic", None, "Electronic", 1997),
    Tags(),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    tracks = [Made(f"/m/{n}.flac", recording(n, 40 + n), tags) for n, tags in enumerate(TAGS)]
    return make_home(tmp_path_factory.mktemp("made") / "home", tracks)


@pytest.mark.parametrize(
    ("only", "told"),
    [
        (Filter(genres=("JAZZ",)), []),
        (
            Filter(genres=("Electrnic",)),
            [
                "No track has the genre Electrnic. Near it: Electronic.",
                "Genres here: Jazz (2), Cool (1), Electronic (1).",
            ],
        ),
        (Filter(artists=("davis",)), ["No track has the artist davis. Near it: Miles Davis."]),
        (Filter(artists=("Bjoerk", "Coltrain")), [
            "No track has the artist Bjoerk, Coltrain. Near it: Björk, John Coltrane."
        ]),
        (
            Filter(albums=("\x1b[2J",)),
            [
                "No track has the album \\x1b[2J.",
                "Albums here: Kind of Blue (1), Giant Steps (1), Homogenic (1).",
            ],
        ),
        (
            Filter(years=Years(1970, 1979)),
            ["No track is of the years asked for. Years here: 1959 to 1997."],
        ),
        (Filter(min_duration=50), ["No track is that long. Lengths here: 0:40 to 0:43."]),
        (Filter(max_duration=9), ["No track is that short. Lengths here: 0:40 to 0:43."]),
        (
            Filter(genres=("jazz",), years=Years(1990, None)),
            [
                "No track fits all that was asked for. Each on its own fits some: 2 tracks by the genre,"
                " 1 track by the years."
            ],
        ),
    ],
)  # fmt: skip
def test_each_demand_that_nothing_meets_is_told_of_with_what_there_is(
    home: Home, only: Filter, told: list[str]
) -> None:
    with Catalog(home.catalog, read_only=True) as catalog:
        assert suggestions(catalog, only) == told


def test_a_library_without_tags_or_tracks_says_so(tmp_path: Path) -> None:
    bare = make_home(tmp_path / "bare", [Made("/m/a.flac", recording(0))])
    empty = make_home(tmp_path / "empty", [])
    with Catalog(bare.catalog, read_only=True) as catalog:
        assert suggestions(catalog, Filter(albums=("x",))) == [
            "No track has the album x.",
            "No track here has an album.",
        ]
        assert suggestions(catalog, Filter(years=Years(1990, None)))[0].endswith("No track here has a year.")
    with Catalog(empty.catalog, read_only=True) as catalog:
        assert suggestions(catalog, Filter(albums=("x",))) == ["The index holds no track."]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("list",), 0),
        (("similar", "/m/0.flac"), 0),
        (("similar", "/m/0.flac", "--from", "1", "--to", "20"), 0),
        (("playlist", "--seed", "/m/0.flac"), 1),
        (("duplicates",), 0),
        (("map",), 1),
        (("export", "x.parquet"), 1),
    ],
)
def test_every_command_that_finds_nothing_says_why(
    home: Home, cli: Cli, command: tuple[str, ...], code: int
) -> None:
    done = cli(*command, "--artist", "Miles Davies", "--home", home.path)
    assert done.code == code
    assert "No track has the artist Miles Davies. Near it: Miles Davis." in done.err
    assert "Similarity" not in done.out
    assert "Length" not in done.out
    quite = cli(*command, "--artist", "miles davis", "--genre", "cool", "--home", home.path)
    assert "No track" not in quite.err


def test_names_are_found_without_their_accents(home: Home, cli: Cli) -> None:
    assert cli("list", "--artist", "bjork", "--format", "paths", "--home", home.path).out == "/m/2.flac\n"
