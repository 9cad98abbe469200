from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.core.text import (
    counted,
    display_path,
    duration,
    durations,
    file_name,
    is_utf8,
    seconds,
    size,
    span,
    speed,
    utf8_path,
    visible,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Zoë 月 🎵", "Zoë 月 🎵"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\x00\x07\x7f\x9b", "\\x00\\x07\\x7f\\x9b"),
        ("ab\u202egnp.mp3", "ab\\u202egnp.mp3"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_characters_that_cannot_be_seen_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@settings(deadline=None)  # the machine may be busy
@given(st.text())
def test_shown_text_has_no_character_that_acts(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown
    shown.encode("utf-8")


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=60))
def test_any_path_is_shown_as_valid_text(path: bytes) -> None:
    display_path(path).encode("utf-8")
    utf8_path(path).encode("utf-8")
    assert len(display_path(path).splitlines()) <= 1


@settings(deadline=None)  # the machine may be busy
@given(st.text(st.characters(codec="utf-8")))
def test_a_path_of_valid_utf8_stays_as_it_is(text: str) -> None:
    assert utf8_path(text.encode()) == text
    assert is_utf8(text.encode())


def test_bytes_that_are_not_utf8_are_written_out_or_replaced() -> None:
    path = b"/m/caf\xe9.mp3"
    assert not is_utf8(path)
    assert display_path(path) == "/m/caf\\xe9.mp3"
    assert utf8_path(path) == "/m/caf\ufffd.mp3"


def test_a_file_name_is_the_last_part_safe_to_show() -> None:
    assert file_name(b"/music/a\x1bb\xff.mp3") == "a\\x1bb\\xff.mp3"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0, "0:00"),
        (0.4, "0:00.4"),
        (0.94, "0:00.9"),
        (0.96, "0:01"),
        (0.042, "0:00.04"),
        (0.0001, "0:00.01"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (61.0, "1:01"),
        (3599.6, "1:00:00"),
        (3661.0, "1:01:01"),
        (360_000.0, "100:00:00"),
    ],
)
def test_durations_are_minutes_and_seconds(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_times_that_are_compared_never_look_alike_unless_they_are() -> None:
    assert durations(540, 282.2) == ["9:00", "4:42"]
    assert durations(0.4, 0.2) == ["0:00.4", "0:00.2"]
    assert durations(30.25, 30) == ["30.25 s", "30 s"]
    assert durations(30, 30) == ["0:30", "0:30"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (1500, "1.5 KB"),
        (999_900, "999.9 KB"),
        (999_990, "1.0 MB"),
        (18_800_000, "18.8 MB"),
        (2_500_000_000, "2.5 GB"),
        (7_000_000_000_000, "7.0 TB"),
        (7_000_000_000_000_000, "7000.0 TB"),
    ],
)
def test_sizes_have_the_unit_that_fits(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *(("90", 90.0), ("90.5", 90.5), ("1:30", 90.0), ("1:02:03", 3723.0), ("90s", 90.0), ("10m", 600.0)),
        *(("5min", 300.0), ("1h", 3600.0), ("1H30M", 5400.0), ("1h 2m 3.5s", 3723.5)),
        *((text, None) for text in ("", " ", "m", "10 m", "1:3m", "-5", "ten", "3s 1m", "1h1")),
    ],
)
def test_times_are_read_as_people_write_them(said: str, meant: float | None) -> None:
    assert seconds(said) == meant


def test_one_is_said_otherwise_than_several() -> None:
    assert [counted(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert [counted(n, "track has", "tracks have") for n in (1, 3)] == ["1 track has", "3 tracks have"]
    assert (size(1), size(0)) == ("1 byte", "0 bytes")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 seconds"),
        (0.2, "1 second"),
        (1.4, "1 second"),
        (89.4, "89 seconds"),
        (90.0, "2 minutes"),
        (5399.0, "90 minutes"),
        (5400.0, "1.5 hours"),
        (360_000.0, "100.0 hours"),
    ],
)
def test_a_span_has_the_unit_that_fits(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("factor", "text"), [(0.37, "0.37"), (0.004, "0.004"), (3.44, "3.4"), (9.97, "10"), (84.6, "85")]
)
def test_a_speed_below_ten_has_two_digits(factor: float, text: str) -> None:
    assert speed(factor) == f"{text} x real time"
