"""The page in a real browser, without a network: find, drop, play, refine, queue, map; narrow and wide."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import soundfile
from browser import IN_A_BROWSER, chromium
from conftest import SAMPLE_RATE, tone
from libraries import Library, edit, track
from page_visits import WIDTHS, serious_faults, told, visit
from server_help import id_of, library, original, with_words

from audiosim.core.text import duration

pytestmark = IN_A_BROWSER
EVIL = "<img src=x onerror=alert(1)>"


def test_lengths_are_told_as_the_commands_tell_them(visit: Any) -> None:
    page = visit(1400).page
    lengths = [0, 1e-9, 0.004, 0.3, 0.94, 0.95, 1, 2.5, 3.5, 42.49, 42.5, 59.7, 60, 3599.4, 3599.5, 36_000.1]
    shown = page.evaluate("async (lengths) => lengths.map((await import('/page/dom.js')).clock)", lengths)
    assert shown == list(map(duration, lengths))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_track_is_found_as_one_types_and_its_likes_are_played(
    visit: Any, library: Library, width: int
) -> None:
    seen = visit(width)
    page = seen.page
    seen.find("piece 3")
    assert set(seen.names()[:2]) == {"Piece 4", "Piece 5"}
    assert "id=" + id_of(track(library, 3)) in page.url
    asked = f"/api/v1/similar?{page.url.partition('#')[2]}"
    scores = [
        match["score"]
        for match in page.evaluate("async (url) => (await fetch(url)).json()", asked)["matches"]
    ]
    shown = [float(text) for text in page.locator("#answers .figure").all_inner_texts()]
    assert shown == sorted(shown, reverse=True) == pytest.approx(scores, abs=0.006)
    first, second = seen.names()[:2]
    page.click("#answers > li:nth-child(1) .name")
    seen.until("document.getElementById('audio').currentTime > 0.2")
    assert page.inner_text("#now-title") == first
    page.evaluate("const s = document.getElementById('seek'); s.value = 700;"
                  " s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change'))")  # fmt: skip
    seen.until("document.getElementById('audio').currentTime > 2")
    page.evaluate(
        "document.getElementById('audio').currentTime = document.getElementById('audio').duration - 0.1"
    )
    seen.until(f"document.getElementById('now-title').textContent === '{second}'")
    seen.until("document.getElementById('audio').currentTime > 0.1")
    page.keyboard.press("Escape")
    page.click("#play")
    seen.until("document.getElementById('audio').paused")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert told(seen) == []


HELD = """(part) => {
  const asked = window.fetch;
  const held = new Promise((done) => { window.release = done; });
  window.fetch = async (url, options) => {
    if (String(url).includes(part)) await held;
    return asked(url, options);
  };
}"""


def with_a_search_on_its_way(visit: Any) -> Any:
    """A page that lists what "piece" names, while "piece 5" is typed and not answered yet."""
    seen = visit(1400)
    seen.page.keyboard.press("/")
    seen.page.keyboard.type("piece")
    seen.until("document.querySelectorAll('#found li').length === 6")
    seen.page.evaluate(HELD, "/tracks?")
    seen.page.keyboard.type(" 5")
    return seen


def test_enter_chooses_what_is_typed_and_not_what_was_listed_before(visit: Any, library: Library) -> None:
    seen = with_a_search_on_its_way(visit)
    seen.page.keyboard.press("Enter")
    seen.page.evaluate("release()")
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 0")
    assert "id=" + id_of(track(library, 5)) in seen.page.url
    assert told(seen) == []


def test_a_list_that_comes_late_opens_over_no_answers(visit: Any, library: Library) -> None:
    seen = with_a_search_on_its_way(visit)
    time.sleep(0.2)  # it is asked for 80 ms after the last key
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        seen.page.keyboard.press(key)
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 0")
    assert "id=" + id_of(track(library, 4)) in seen.page.url
    seen.page.evaluate("release()")
    time.sleep(0.5)
    assert seen.page.is_hidden("#found")
    seen.page.click("#answers > li:nth-child(1) .name")
    assert told(seen) == []


def test_what_is_asked_for_stays_when_what_was_gone_back_to_comes_late(visit: Any, library: Library) -> None:
    seen = visit(1400)
    seen.find("piece 5")
    seen.find("piece 0")
    seen.page.evaluate(HELD, f"/tracks/{id_of(track(library, 5))}")
    seen.page.evaluate("history.back()")
    seen.until(f"location.hash.includes('{id_of(track(library, 5))}')")
    seen.find("piece 3")
    seen.page.evaluate("release()")
    time.sleep(0.5)
    assert seen.page.inner_text("#seeds .name") == "+ Piece 3"
    assert "id=" + id_of(track(library, 3)) in seen.page.url
    assert told(seen) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_that_is_dropped_is_asked_with_and_says_where_it_is_alike(
    visit: Any, tmp_path: Path, width: int
) -> None:
    soundfile.write(tmp_path / "new.wav", tone(4, 930), SAMPLE_RATE)
    seen = visit(width)
    page = seen.page
    data = list((tmp_path / "new.wav").read_bytes())
    page.evaluate(
        """([bytes, name]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "audio/wav" }));
          dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [data, f"{EVIL}.wav"],
    )
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 3")
    assert set(seen.names()[:3]) == {"Piece 3", "Piece 4", "Piece 5"}
    assert page.inner_text("#seeds .name") == f"+ {EVIL}.wav"
    page.click("#answers > li:nth-child(1) [data-key=w]")
    assert "Most alike" in page.inner_text(".why")
    assert EVIL in page.inner_text(".why")
    page.click(".why .button >> nth=1")  # the passage of the file itself
    seen.until("document.getElementById('audio').currentTime > 0.1")
    assert page.evaluate("document.getElementById('audio').src").startswith("blob:")
    assert told(seen) == []


def test_answers_lean_to_what_is_liked_and_away_from_what_is_not(visit: Any, library: Library) -> None:
    seen = visit(1400)
    page = seen.page
    seen.find("piece 0")
    page.click(f"#answers > li[data-id='{id_of(track(library, 3))}'] [data-key=m]")
    seen.until("document.querySelectorAll('#seeds .like').length === 2")
    page.click(f"#answers > li[data-id='{id_of(track(library, 1))}'] [data-key=l]")
    seen.until("document.querySelectorAll('#seeds .unlike').length === 1")
    seen.until(f"!document.querySelector('#answers [data-id=\"{id_of(track(library, 1))}\"]')")
    page.go_back()
    seen.until("document.querySelectorAll('#seeds .unlike').length === 0")
    page.click("#options summary")
    page.fill("#options [name=artist]", "player 1")
    seen.until(
        "[...document.querySelectorAll('#answers .name b')].every((b) => /[135]$/.test(b.textContent))"
    )
    page.fill("[name=max_duration]", "soon")
    seen.until("!document.getElementById('problem').hidden")
    assert "`max_duration` soon is no time" in page.inner_text("#problem")
    page.click("#options [type=reset]")
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 2")
    page.reload()
    seen.until("document.querySelectorAll('#seeds .like').length === 2")
    assert [fault for fault in told(seen) if "400" not in fault] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_words_are_asked_with_alone_and_beside_a_track(visit: Any, library: Library, width: int) -> None:
    with_words(library)
    seen = visit(width)
    page = seen.page
    page.fill("[name=text]", "high")
    page.keyboard.press("Enter")
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 3")
    assert set(seen.names()[:3]) == {"Piece 3", "Piece 4", "Piece 5"}
    assert "text=high" in page.url
    page.click("#answers > li:nth-child(1) [data-key=w]")
    seen.until("document.querySelector('.why')?.textContent.includes('Stands out by: ')")
    page.fill("[name=text]", "low")
    page.fill("[name=not_text]", "hiss")
    page.keyboard.press("Enter")
    seen.until("document.querySelector('#answers .name b')?.textContent === 'Piece 0'")
    seen.until("location.hash.includes('not_text=hiss')")
    page.go_back()
    seen.until("document.querySelector('[name=not_text]').value === ''")
    assert page.input_value("[name=text]") == "low"
    page.fill("[name=text]", "lov")
    page.keyboard.press("Enter")
    seen.until("!document.getElementById('problem').hidden")
    assert "has no word lov" in page.inner_text("#problem")
    assert "Nearest in spelling: low" in page.inner_text("#problem")
    page.fill("[name=text]", "low")
    page.keyboard.press("Enter")
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 3")
    seen.page.click("#answers > li:nth-child(1) [data-key=a]")
    seen.until("document.querySelectorAll('#seeds .like').length === 1")
    assert page.input_value("[name=text]") == ""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [fault for fault in told(seen) if "400" not in fault] == []


def test_a_queue_is_filled_played_and_saved(visit: Any, library: Library, tmp_path: Path) -> None:
    seen = visit(1400)
    page = seen.page
    seen.find("piece 3")
    for place in (1, 2):
        page.click(f"#answers > li:nth-child({place}) [data-key=q]")
    first, second = page.locator("#queue .name").all_inner_texts()
    page.click("[aria-label^='Move'] >> nth=1")
    assert page.locator("#queue .name").all_inner_texts() == [second, first]
    with page.expect_download() as waiting:
        page.click("#save")
    waiting.value.save_as(tmp_path / "saved.m3u8")
    lines = (tmp_path / "saved.m3u8").read_text().splitlines()
    assert waiting.value.suggested_filename == "playlist.m3u8"
    assert lines[0] == "#EXTM3U"
    assert [line for line in lines if line[:1] != "#"] == [
        str(track(library, int(name.split()[1]))) for name in (second, first)
    ]
    page.reload()
    seen.until("document.querySelectorAll('#queue > li').length === 2")
    seen.until("!document.getElementById('radio').disabled")
    page.click("#radio")
    seen.until("document.querySelectorAll('#queue > li').length > 4")
    queued = page.locator("#queue .name").all_inner_texts()
    assert len(set(queued)) == len(queued)
    page.click("#queue .name >> nth=0")
    seen.until("document.getElementById('audio').currentTime > 0.1")
    page.keyboard.press("n")
    seen.until(f"document.getElementById('now-title').textContent === '{first.split(chr(10))[0]}'")
    assert told(seen) == []


def test_the_keyboard_does_it_all(visit: Any) -> None:
    seen = visit(1400)
    page = seen.page
    seen.find("piece 3")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    seen.until("document.getElementById('audio').currentTime > 0.1")
    assert page.inner_text("#now-title") == seen.names()[1]
    page.keyboard.press("w")
    assert page.get_attribute("#answers > li:nth-child(2) [data-key=w]", "aria-expanded") == "true"
    page.keyboard.press("q")
    assert page.inner_text("#queued") == "1"
    page.keyboard.press("l")
    seen.until("document.querySelectorAll('#seeds .unlike').length === 1")
    assert told(seen) == []


def test_the_map_is_drawn_and_what_is_chosen_on_it_is_played_and_asked_with(visit: Any) -> None:
    seen = visit(1400)
    page = seen.page
    page.click("#view-map")
    seen.until("document.querySelector('#map iframe')", 90)
    frame = page.frame_locator("#map iframe")
    frame.locator("#search").fill("piece 3")
    frame.locator("#results .row").first.click()
    seen.until("document.querySelectorAll('#seeds .like').length === 1")
    assert page.inner_text("#seeds .name") == "+ Piece 3"
    seen.until("document.getElementById('audio').currentTime > 0.1")
    assert page.inner_text("#now-title") == "Piece 3"
    page.click("#view-list")
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 2")
    assert [fault for fault in told(seen) if "503" not in fault] == []


def test_names_are_never_markup(visit: Any, library: Library) -> None:
    edit(
        library,
        "UPDATE files SET title = ?, changed = 8 WHERE path = ?",
        EVIL,
        os.fsencode(track(library, 4)),
    )
    seen = visit(1400)
    seen.find("piece 3")
    seen.until("document.querySelector('#answers').textContent.includes('onerror')")
    seen.page.locator("#answers .name b", has_text=EVIL).click()
    seen.until("document.getElementById('audio').currentTime > 0.1")
    assert seen.page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert told(seen) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_accessibility(visit: Any, width: int) -> None:
    seen = visit(width, bypass_csp=True)
    seen.find("piece 3")
    seen.page.click("#answers > li:nth-child(1) .name")
    seen.page.click("#answers > li:nth-child(1) [data-key=w]")
    seen.page.click("#answers > li:nth-child(1) [data-key=q]")
    seen.page.click("#options summary")
    assert serious_faults(seen.page) == []


def test_the_api_describes_itself_and_can_be_tried(visit: Any) -> None:
    seen = visit(1400, path="/docs")
    page = seen.page
    seen.until("document.querySelectorAll('article').length >= 12")
    call = page.locator("article").filter(has_text="GET /api/v1/tracks Find")
    call.locator("summary", has_text="Try it").click()
    call.locator("[name=q]").fill("piece 3")
    call.locator("button").click()
    seen.until("[...document.querySelectorAll('pre')].some((pre) => pre.textContent.startsWith('200'))")
    assert '"title": "Piece 3"' in call.locator("pre").last.inner_text()
    assert told(seen) == []
    page.context.set_offline(True)
    call.locator("button").click()
    seen.until("document.body.textContent.includes('The server does not answer')")
    page.context.set_offline(False)
    call.locator("button").click()
    seen.until("[...document.querySelectorAll('pre')].some((pre) => pre.textContent.startsWith('200'))")
