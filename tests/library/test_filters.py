"""Filters: what they admit, and how they read what users write."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosim.core.errors import UsageError
from audiosim.core.text import seconds
from audiosim.core.types import Tags, Track
from audiosim.library import filters
from audiosim.library.filters import Filter, Years


def track(path: bytes = b"/m/a.ogg", duration: float | None = 200.0, **tags: object) -> Track:
    return Track(path, "0" * 32, duration, Tags(**tags))  # type: ignore[arg-type]


def test_an_empty_filter_admits_everything() -> None:
    assert not Filter()
    assert Filter().admits(track(duration=None))


@pytest.mark.parametrize(
    ("demand", "fits", "does_not"),
    [
        (Filter(genres=("rock",)), track(genre="Rock"), track(genre="Rockabilly")),
        (Filter(genres=("ROCK", "jazz")), track(genre="Pop; Jazz / Funk"), track(genre=None)),
        (Filter(genres=("r&b/soul",)), track(genre="Jazz; R&B/Soul"), track(genre="R&B")),
        (Filter(artists=("second",)), track(artist="First; Second"), track(artist="Second Hand")),
        (Filter(artists=("ac/dc",)), track(artist="AC/DC"), track(artist="DC")),
        (Filter(artists=("First; Second",)), track(artist="First; Second"), track(artist="First")),
        (Filter(albums=("B-Sides",)), track(album="A-Sides; B-Sides"), track(album="A-Sides")),
        (Filter(genres=("drum & bass",)), track(genre="Drum & Bass"), track(genre="Bass")),
        (Filter(artists=("strasse",)), track(artist="STRAẞE"), track(artist="Str")),
        (Filter(artists=("Beyonce\u0301",)), track(album_artist="Beyonc\u00e9"), track(artist="Beyond")),
        (Filter(artists=("bjork", "Бреле")), track(artist="BJ\u00d6RK"), track(artist="Bj\u00f8rk")),
        (Filter(genres=("か",)), track(genre="か"), track(genre="が")),
        (Filter(albums=("One",)), track(album="one "), track(album="One More")),
        (Filter(years=Years(1980, 1989)), track(year=1989), track(year=1990)),
        (Filter(years=Years(1980, None)), track(year=2020), track(year=None)),
        (Filter(under=(b"/m",)), track(b"/m/x/a.ogg"), track(b"/mm/a.ogg")),
        (Filter(under=(b"/m/a.ogg",)), track(), track(b"/m/a.ogg.mp3")),
        (Filter(min_duration=200.0), track(), track(duration=199.9)),
        (Filter(max_duration=200.0), track(), track(duration=200.1)),
    ],
)
def test_what_a_filter_demands(demand: Filter, fits: Track, does_not: Track) -> None:
    assert demand
    assert demand.admits(fits)
    assert not demand.admits(does_not)


def test_all_demands_must_be_met() -> None:
    both = Filter(genres=("rock",), years=Years(1990, 1990))
    assert both.admits(track(genre="rock", year=1990))
    assert not both.admits(track(genre="rock", year=1991))


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("1984", Years(1984, 1984)),
        ("1980-1989", Years(1980, 1989)),
        (" 1990 - ", Years(1990, None)),
        ("-1979", Years(None, 1979)),
    ],
)
def test_ranges_of_years(text: str, years: Years) -> None:
    assert Years.parse(text) == years


@pytest.mark.parametrize("text", ["", "-", "80s", "1990-1980", "1 2"])
def test_what_is_no_range_of_years_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Years.parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90", 90.0),
        ("1:10", 70.0),
        ("0:05.5", 5.5),
        ("1:02:03", 3723.0),
        ("x", None),
        ("-1", None),
        ("1:", None),
    ],
)
def test_times(text: str, value: float | None) -> None:
    assert seconds(text) == value


@given(st.integers(0, 360_000))
def test_a_time_reads_as_it_is_shown(whole: int) -> None:
    from audiosim.core.text import duration

    assert seconds(duration(whole)) == whole


def test_the_examples_run() -> None:
    results = doctest.testmod(filters)
    assert results.attempted
    assert not results.failed


def test_files_of_one_recording_share_their_tags_and_not_their_places() -> None:
    tagged = track(b"/m/a.ogg", artist="Band", year=1969)
    other = track(b"/new/b.ogg", duration=190.0, genre="Rock")
    fits = Filter(artists=("band",), genres=("rock",), years=Years(1969, 1969), under=(b"/new",))
    assert fits.of_tags
    assert fits.of_files
    assert not fits.admits(tagged)
    assert not fits.admits(other)
    assert fits.admits_recording([tagged, other])
    assert not fits.admits_recording([other])
    here = Filter(under=(b"/m",), max_duration=195.0)
    assert not here.admits_recording([tagged, other])  # no single file is there and so short
    assert (here.of_tags, here.of_files) == (False, True)
