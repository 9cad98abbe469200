"""The page of a map in a real browser, opened as a file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from browser import IN_A_BROWSER, chromium, faults_of
from conftest import SAMPLE_RATE, tone

from audiosim.core.types import Tags, Track
from audiosim.library.catalog import Entry
from audiosim.map.atlas import make_atlas
from audiosim.map.page import render_page

pytestmark = IN_A_BROWSER

ODD = b"caf\xe9 #1 100%?.wav"
EVIL = "</script><img src=x onerror=alert(1)>"
INK_AT = """([x, y]) => {
  const canvas = document.getElementById("map");
  const ratio = canvas.width / innerWidth;
  const pixel = (x, y) => canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data.slice(0, 3);
  return Math.max(...pixel(x, y).map((value, i) => Math.abs(value - [248, 247, 244][i])));
}"""


@dataclass
class Visit:
    """A page that is open, and what went wrong in it."""

    page: Any
    faults: list[str]

    def until(self, script: str, seconds: float = 20) -> None:
        """Waits for a condition; Playwright's own way is refused by the page's policy."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(script):
            assert time.monotonic() < end, script
            time.sleep(0.02)

    def text(self, id_: str) -> str:
        return str(self.page.inner_text(f"#{id_}"))


@pytest.fixture
def visit(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    def open_(entries: list[Entry], **options: Any) -> Visit:
        path = tmp_path / "page" / "map #1.html"
        path.parent.mkdir(exist_ok=True)
        recordings: dict[str, list[Entry]] = {}
        for entry in entries:
            recordings.setdefault(entry.track.digest, []).append(entry)
        atlas = make_atlas(list(recordings.values()), "genre", "fake")
        path.write_bytes(render_page(atlas, os.fsencode(path.parent)))
        faults: list[str] = []
        heard = faults_of(faults)
        page = stack.enter_context(chromium.page(1200, 800, heard, reduced_motion="reduce", **options))
        page.goto(path.as_uri())
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return Visit(page, faults)

    with ExitStack() as stack:
        yield open_


def entries_of(folder: Path, count: int = 12) -> list[Entry]:
    """Tracks in two genres; the first is a real file with an odd name, with a copy beside it."""
    vectors = np.random.default_rng(0).normal(size=(count + 1, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    paths = [ODD, b"copy.wav", *(b"%d.wav" % n for n in range(2, count))]
    titles = [EVIL, "The copy", *(f"Title {n}" for n in range(2, count))]
    return [
        Entry(
            str(n),
            Track(
                os.path.join(os.fsencode(folder), paths[n]),
                str(max(n, 1)),
                3.0,
                Tags(titles[n], "Ärtist", "Album", None, ("Rock", "Jazz")[n % 2], 1999),
            ),
            vectors[max(n, 1)],
        )
        for n in range(count)
    ]


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    folder = tmp_path / "music & more"
    folder.mkdir()
    for number, name in enumerate((ODD, b"copy.wav")):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            soundfile.write(file, tone(3 + number, 220), SAMPLE_RATE, format="WAV")
    return entries_of(folder)


def find(seen: Visit, words: str) -> tuple[float, float]:
    """Searches and zooms to what is found; where a single one of it then is."""
    seen.page.keyboard.press("/")
    seen.page.keyboard.type(words)
    seen.until("/^[1-9]/.test(document.getElementById('found').textContent)")
    seen.page.keyboard.press("Enter")
    side = seen.page.evaluate("document.getElementById('side').getBoundingClientRect().right")
    size = seen.page.viewport_size
    x, y = (side + 48 + size["width"] - 64) / 2, (56 + size["height"] - 100) / 2
    for step in range(400):  # until the map has moved there
        seen.page.mouse.move(x + step % 2, y)
        if seen.page.is_visible("#card"):
            return x, y
        seen.page.wait_for_timeout(50)
    raise AssertionError(f"nothing at the middle of the map for {words}")


@pytest.mark.long
def test_the_pointer_shows_what_a_track_is_and_a_click_plays_it(visit: Any, entries: list[Entry]) -> None:
    seen = visit(entries)
    page = seen.page
    x, y = find(seen, "onerror")
    assert seen.text("found").startswith("1 found")
    page.mouse.move(x, y)
    page.wait_for_selector("#card", state="visible")
    assert seen.text("card-title") == EVIL
    assert seen.text("card-artist") == "Ärtist"
    assert "Album · 1999 · 0:03" in seen.text("card-album")
    assert seen.text("card-path").endswith("/music & more/caf\\xe9 #1 100%?.wav")
    page.mouse.click(x, y)
    seen.until("document.getElementById('audio').currentTime > 0")
    assert page.evaluate("document.getElementById('audio').duration") == pytest.approx(3, abs=0.05)
    assert page.evaluate("document.getElementById('audio').src").endswith(
        "/music%20%26%20more/caf%E9%20%231%20100%25%3F.wav"
    )
    assert page.get_attribute("#play", "aria-label") == "Pause"
    assert seen.text("panel-title") == EVIL
    assert seen.faults == []


@pytest.mark.long
def test_a_second_click_goes_on_to_the_copy(visit: Any, entries: list[Entry]) -> None:
    seen = visit(entries)
    x, y = find(seen, "onerror")
    seen.page.mouse.click(x, y)
    assert seen.text("copies").endswith("copy.wav")
    seen.page.mouse.click(x, y)
    assert seen.text("panel-title") == "The copy"
    seen.until("Math.abs(document.getElementById('audio').duration - 4) < 0.05")
    assert seen.faults == []


def test_the_neighbours_are_listed_with_their_cosines_and_lead_on(visit: Any, entries: list[Entry]) -> None:
    seen = visit(entries)
    x, y = find(seen, "onerror")
    seen.page.mouse.click(x, y)
    cosines = np.stack([entry.vector for entry in entries[2:]]) @ entries[0].vector
    order = np.argsort(-cosines)
    rows = seen.page.query_selector_all("#near .row")
    assert len(rows) == 10
    for row, number in zip(rows, order, strict=True):
        title, _, cosine = row.inner_text().partition("\n")
        assert title == f"Title {number + 2}"
        assert cosine.split()[-1] == f"{cosines[number]:.2f}"
    rows[3].click()
    assert seen.text("panel-title") == f"Title {order[3] + 2}"


def test_a_search_dims_the_rest_and_escape_ends_it(visit: Any, entries: list[Entry]) -> None:
    seen = visit(entries)
    x, y = find(seen, "ARTIST titlé 3.wav")
    assert seen.text("found").startswith("1 found")
    ink = seen.page.evaluate(INK_AT, [x, y])
    assert ink > 90
    seen.page.fill("#search", "nothing like it")
    seen.page.wait_for_timeout(100)
    assert seen.text("found") == "Nothing found"
    assert seen.page.evaluate(INK_AT, [x, y]) < ink / 2
    seen.page.keyboard.press("Escape")
    assert seen.page.is_visible("#legend")
    assert seen.page.input_value("#search") == ""


def test_a_group_can_be_shown_alone(visit: Any, entries: list[Entry]) -> None:
    seen = visit(entries)
    assert seen.text("legend").split() == ["Rock", "6", "Jazz", "5"]
    seen.page.click("#legend .row >> nth=1")
    assert seen.page.get_attribute("#legend .row >> nth=1", "aria-pressed") == "true"
    assert seen.page.eval_on_selector_all("#legend .off", "rows => rows.length") == 1
    seen.page.click("#legend-all")
    assert seen.page.eval_on_selector_all("#legend .off", "rows => rows.length") == 0


def test_the_keyboard_walks_from_track_to_track(visit: Any, entries: list[Entry]) -> None:
    seen = visit(entries, color_scheme="dark")
    for key in ("ArrowRight", "ArrowLeft", "ArrowRight", "+", "0"):
        seen.page.keyboard.press(key)
    first = seen.text("panel-title")
    assert first
    for key in ("ArrowUp", "ArrowDown", "ArrowLeft"):
        seen.page.keyboard.press(key)
    assert seen.text("panel-title") != first
    seen.page.keyboard.press("Escape")
    assert seen.page.is_hidden("#panel")
    assert seen.faults == []


def test_a_missing_file_is_told_in_the_player(visit: Any, entries: list[Entry]) -> None:
    seen = visit(entries)
    seen.page.mouse.click(*find(seen, "/5.wav"))
    seen.until("!document.getElementById('player').hidden")
    assert seen.text("now-title") == "Title 5"
    seen.until("document.getElementById('now-artist').textContent.startsWith('Missing')")


@pytest.mark.parametrize("count", [1, 2])
def test_few_tracks_are_a_map_too(visit: Any, tmp_path: Path, count: int) -> None:
    seen = visit(entries_of(tmp_path, count))
    seen.page.mouse.move(*find(seen, "onerror"))
    assert seen.text("card-title") in (EVIL, "The copy")
    assert seen.faults == []


@pytest.mark.long
def test_ten_thousand_tracks_are_drawn_and_answer(
    visit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.map.atlas.lay_out", lambda rows: rows[:, :2] / 2 + 0.5)
    seen = visit(entries_of(tmp_path, 10_000), device_scale_factor=2)
    assert seen.text("heading") == "9,999 tracks"  # two of the files are one
    x, y = find(seen, "title 4321")
    assert seen.page.evaluate(INK_AT, [x, y]) > 90
    seen.page.mouse.move(x, y)
    seen.page.wait_for_selector("#card", state="visible")
    assert seen.text("card-title") == "Title 4321"
    seen.page.mouse.wheel(0, 600)
    seen.page.wait_for_timeout(500)
    assert seen.faults == []
