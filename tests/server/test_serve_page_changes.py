"""The page in a real browser: files that are added and removed, with progress; and none of it read-only."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import soundfile
from browser import IN_A_BROWSER, chromium
from conftest import SAMPLE_RATE, tone
from libraries import Library, track
from page_visits import WIDTHS, Visit, serious_faults, told, visit
from server_help import id_of, library, original

from audiosim.core.child import start_child
from audiosim.core.files import hold
from audiosim.core.types import Tags
from audiosim.library.index import indexed_tracks
from audiosim.library.status import home_status

pytestmark = [*IN_A_BROWSER, pytest.mark.slow]
DROP = """([bytes, name, place]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "audio/wav" }));
  const target = place === null ? document.body : document.getElementById(place);
  for (const kind of ["dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture(autouse=True)
def fake_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run with the encoder of the tests."""
    monkeypatch.setattr(
        "audiosim.server.job_runner.start_child",
        lambda module, **options: start_child("job_worker", **options),
    )


@pytest.fixture
def new(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "Brand new.wav", tone(4, 930), SAMPLE_RATE)
    return tmp_path / "Brand new.wav"


def rows(seen: Visit) -> list[str]:
    return [" ".join(text.split()) for text in seen.page.locator("#jobs li").all_inner_texts()]


def over(seen: Visit, count: int) -> list[str]:
    """The rows of changes, once so many are over."""
    seen.until(f"document.querySelectorAll('#jobs [data-over]').length === {count}", 120)
    return rows(seen)


def uploads(library: Library) -> list[Path]:
    folder = library.home.path / "uploads"
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_is_added_found_asked_with_and_removed_again(
    visit: Any, library: Library, new: Path, width: int
) -> None:
    seen = visit(width)
    page = seen.page
    assert page.locator("#changes").is_hidden()
    page.focus("#add")
    page.keyboard.press("Enter")
    assert page.get_attribute("#add", "aria-expanded") == "true"
    assert page.evaluate("document.activeElement.id") == "new"
    page.set_input_files("#new", [new])
    (row,) = over(seen, 1)
    assert row.startswith("Brand new.wav added What sounds like it")
    assert page.inner_text("#said") == "Brand new.wav: added"
    page.click("#jobs a")
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 3")
    assert set(seen.names()[:3]) == {"Piece 3", "Piece 4", "Piece 5"}
    assert page.inner_text("#seeds .name") == "+ Brand new"
    page.click("#seeds .round")
    seen.find("brand new")
    assert set(seen.names()[:3]) == {"Piece 3", "Piece 4", "Piece 5"}
    assert str(uploads(library)[0]) in page.inner_text("#own")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.focus("#own button")
    page.keyboard.press("Enter")
    seen.until("document.getElementById('removing').open")
    assert page.inner_text("#removing h2") == "Remove Brand new?"
    assert "its file is deleted" in page.inner_text("#removal")
    assert page.evaluate("document.activeElement.id") == "remain"
    page.keyboard.press("Escape")
    assert page.locator("#removing").is_hidden()
    assert len(uploads(library)) == 1
    page.keyboard.press("Enter")  # the focus is back on the button
    seen.until("document.getElementById('removing').open")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert over(seen, 2)[1] == "Remove Brand new removed, and its file with it"
    assert uploads(library) == []
    seen.until("document.querySelectorAll('#seeds li').length === 0")
    assert page.inner_text("#own") == ""
    page.click("#tidy")
    assert rows(seen) == []
    page.focus("#close")
    page.keyboard.press("Escape")
    assert page.locator("#changes").is_hidden()
    assert page.evaluate("document.activeElement.id") == "add"
    assert told(seen) == []


def test_a_track_of_the_library_is_taken_out_and_its_file_stays(visit: Any, library: Library) -> None:
    seen = visit(1400)
    page = seen.page
    seen.find("piece 3")
    page.click(f"#answers [data-id='{id_of(track(library, 4))}'] [data-key=q]")
    page.click(f"#answers [data-id='{id_of(track(library, 4))}'] [data-key=w]")
    page.click(".why [aria-haspopup=dialog]")
    seen.until("document.getElementById('removing').open")
    assert f"Its file stays where it is: {track(library, 4)}" in page.inner_text("#removal")
    page.click("#remove")
    assert over(seen, 1) == ["Remove Piece 4 taken out of the index; its file stays"]
    seen.until("![...document.querySelectorAll('#answers b')].some((b) => b.textContent === 'Piece 4')")
    assert page.locator("#queue > li").count() == 0
    assert page.inner_text("#seeds .name") == "+ Piece 3"
    assert track(library, 4).exists()
    assert told(seen) == []


@pytest.mark.long
def test_files_that_are_dropped_are_added_in_the_place_and_asked_with_elsewhere(
    visit: Any, library: Library, new: Path, tmp_path: Path
) -> None:
    seen = visit(1400)
    page = seen.page
    page.click("#add")
    page.evaluate(DROP, [list(new.read_bytes()), "Brand new.wav", "place"])
    page.evaluate(DROP, [list(track(library, 0).read_bytes()), "again.wav", "place"])
    page.evaluate(DROP, [list(b"no music" * 500), "<b>bad.mp3", "place"])
    first, second, third = over(seen, 3)
    assert first.startswith("Brand new.wav added")
    assert second == "again.wav already there What sounds like it"
    assert third.startswith("<b>bad.mp3 refused: Can't add <b>bad.mp3: ")
    assert third.endswith("Send audio that plays.")
    assert page.locator("#answers > li").count() == 0
    page.click("#jobs li:nth-child(2) a")
    seen.until("document.querySelectorAll('#seeds .like').length === 1")
    assert page.inner_text("#seeds .name") == "+ Piece 0"
    page.evaluate(DROP, [list(new.read_bytes()), "asked.wav", None])
    seen.until("document.querySelector('#seeds .name')?.textContent === '+ asked.wav'")
    seen.until("document.querySelectorAll('#answers > li[data-id]').length > 3")
    assert len(uploads(library)) == 1
    assert [fault for fault in told(seen) if "422" not in fault] == []


def test_what_turns_out_to_be_no_music_says_why(visit: Any, library: Library, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", tone(3, 930) * 0, SAMPLE_RATE)
    seen = visit(1400)
    seen.page.click("#add")
    seen.page.set_input_files("#new", [tmp_path / "silence.wav"])
    (row,) = over(seen, 1)
    assert row.startswith("silence.wav refused: ")
    assert len(row) > len("silence.wav refused: ")
    assert seen.page.locator("#jobs .fault").count() == 1
    assert seen.page.locator("#jobs a").count() == 0
    assert uploads(library) == []


@pytest.mark.parametrize("events", [True, False])
def test_a_job_is_followed_by_events_or_without_and_by_a_page_that_is_opened_later(
    visit: Any, library: Library, new: Path, *, events: bool
) -> None:
    seen = visit(1400)
    page = seen.page
    if not events:
        page.route("**/events", lambda route: route.abort())
    with hold(library.home.index_lock, wait=5, what="indexing"):
        page.click("#add")
        page.set_input_files("#new", [new])
        seen.until("document.querySelector('#jobs .state')?.textContent.startsWith('waits for another run')")
        bar = page.get_by_role("progressbar", name="Brand new.wav")
        assert bar.count() == 1
        later = visit(390, path="/")
        later.until("document.querySelector('#jobs .state')?.textContent.startsWith('waits for another run')")
    for one in (seen, later):
        assert over(one, 1)[0].startswith("Brand new.wav added")
    assert told(later) == []
    assert [fault for fault in told(seen) if events or "ERR_FAILED" not in fault] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_tags_are_written_into_what_is_added(
    visit: Any, library: Library, new: Path, tmp_path: Path, width: int
) -> None:
    soundfile.write(tmp_path / "Second.flac", tone(4, 1200), SAMPLE_RATE)
    seen = visit(width)
    page = seen.page
    page.click("#add")
    page.click("#tagging summary")
    page.fill("#tags [name=artist]", "Ann <b>Other")
    page.fill("#tags [name=year]", "1984")
    page.fill("#tags [name=title]", "One")
    page.fill("#tags [name=track]", "7")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_input_files("#new", [new, tmp_path / "Second.flac"])
    assert over(seen, 1)[0].startswith("2 files not sent: title and track number are of one file.")
    assert uploads(library) == []
    page.set_input_files("#new", [new])
    assert over(seen, 2)[1].startswith("Brand new.wav added")
    assert page.input_value("#tags [name=title]") == page.input_value("#tags [name=track]") == ""
    page.set_input_files("#new", [tmp_path / "Second.flac"])
    assert over(seen, 3)[2].startswith("Second.flac added")
    found = {one.tags.title: one.tags for one in indexed_tracks(library.home.path)}
    assert found["One"] == Tags("One", "Ann <b>Other", year=1984, track=7)
    assert found["Second"] == Tags("Second", "Ann <b>Other", year=1984)
    page.fill("#tags [name=year]", "84000")
    page.click("#tagging summary")
    page.set_input_files("#new", [new])
    assert page.evaluate("document.activeElement.name") == "year"
    assert len(rows(seen)) == 3
    assert told(seen) == []


def test_missing_files_are_gone_where_that_is_said(visit: Any, library: Library) -> None:
    known = indexed_tracks(library.home.path)
    for one in known:
        os.unlink(one.path)
    seen = visit(390)
    page = seen.page
    page.click("#add")
    page.click("#rescan")
    (row,) = over(seen, 1)
    assert "if the files are really gone, tick “and take out what is missing”." in row
    assert indexed_tracks(library.home.path) == known
    page.click("text=take out what is missing")
    page.click("#rescan")
    assert over(seen, 2)[1].startswith(f"New and changed files {len(known)} gone")
    assert not page.is_checked("#removals")
    assert indexed_tracks(library.home.path) == []
    assert told(seen) == []


def test_folders_are_looked_through_for_what_is_new(visit: Any, library: Library) -> None:
    soundfile.write(track(library, 0).with_name("more.wav"), tone(3, 125), SAMPLE_RATE)
    (track(library, 0).with_name("bad.wav")).write_text("no music")
    seen = visit(390)
    page = seen.page
    page.click("#add")
    page.click("#rescan")
    (row,) = over(seen, 1)
    assert row.startswith("New and changed files 1 added, 1 failed")
    assert "bad.wav: " in row
    page.click("#rescan")
    assert over(seen, 2)[1] == "New and changed files nothing is new"
    assert home_status(library.home.path).failed == 1
    for number in range(22):
        track(library, 0).with_name(f"bad{number}.wav").write_text("no music")
    page.click("#rescan")
    assert "and 2 more" in over(seen, 3)[2]
    last = page.locator("#changes details p").last
    assert not last.is_visible()
    page.click("text=and 2 more")
    assert last.is_visible()
    assert told(seen) == []


def test_a_page_of_a_server_that_changes_nothing_has_none_of_it(visit: Any, library: Library) -> None:
    seen = visit(1400, server={"read_only": True})
    page = seen.page
    seen.find("piece 3")
    page.click("#answers > li:nth-child(1) [data-key=w]")
    assert page.locator("#add, #changes, #removing, [aria-haspopup=dialog]").count() == 0
    assert page.inner_text("#own") == ""
    whole = page.content()
    assert "Remove from the library" not in whole
    assert "adding" not in whole
    assert "changes" not in whole
    assert told(seen) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.long
def test_accessibility_of_changes(visit: Any, library: Library, new: Path, width: int) -> None:
    seen = visit(width, bypass_csp=True)
    page = seen.page
    (new.with_name("bad.wav")).write_text("no music")
    page.click("#add")
    page.click("#tagging summary")
    assert serious_faults(page) == []
    with hold(library.home.index_lock, wait=5, what="indexing"):
        page.set_input_files("#new", [new, new.with_name("bad.wav")])
        over(seen, 1)
        assert serious_faults(page) == []
    over(seen, 2)
    seen.find("brand new")
    page.click("#answers > li:nth-child(1) [data-key=w]")
    assert serious_faults(page) == []
    page.click("#own button")
    seen.until("document.getElementById('removing').open")
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_file_that_is_too_large_says_so(visit: Any, library: Library, tmp_path: Path) -> None:
    with open(tmp_path / "large.wav", "wb") as file:
        file.truncate(40 * 2**20)
    seen = visit(1400, server={"upload": 2**20})
    seen.page.click("#add")
    seen.page.set_input_files("#new", [tmp_path / "large.wav"])
    (row,) = over(seen, 1)
    assert row == "large.wav refused: That is too much: at most 1 MB are taken. Send a smaller file."
    assert uploads(library) == []
