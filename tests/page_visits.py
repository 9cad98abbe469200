"""Pages of a server in a real browser, without a network, and what goes wrong in them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from browser import faults_of
from libraries import Library, edit, track
from server_help import Running, running

WIDTHS = [pytest.param(390, marks=pytest.mark.long), 1400]
NOTHING: Mapping[str, Any] = {}


@dataclass
class Visit:
    """A page that is open, and what went wrong in it."""

    page: Any
    server: Running
    faults: list[str]

    def until(self, script: str, seconds: float = 20) -> None:
        """Waits for a condition; Playwright's own way is refused by the page's policy."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(script):
            assert time.monotonic() < end, f"{script}: {self.page.inner_text('body')}"
            time.sleep(0.02)

    def names(self) -> list[str]:
        return [str(name) for name in self.page.locator("#answers .name b").all_inner_texts()]

    def find(self, words: str) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")
        self.until("document.querySelectorAll('#answers > li[data-id]').length > 0")


@pytest.fixture
def visit(chromium: Any, library: Library) -> Iterator[Any]:
    tag = "UPDATE files SET title = ?, artist = ?, changed = 9 WHERE path = ?"
    for number in range(6):
        edit(library, tag, f"Piece {number}", f"Player {number % 2}", os.fsencode(track(library, number)))
    with ExitStack() as stack:
        servers: dict[str, Running] = {}

        def open_(
            width: int, *, path: str = "/", server: Mapping[str, Any] = NOTHING, **options: Any
        ) -> Visit:
            if str(server) not in servers:
                servers[str(server)] = stack.enter_context(running(library, **server))
            asked, faults = servers[str(server)], list[str]()
            heard = {
                **faults_of(faults),
                "request": lambda request: faults.extend(foreign(request.url, asked)),
            }
            page = stack.enter_context(chromium.page(width, 860, heard, **options))
            page.goto(asked.url + path)
            return Visit(page, asked, faults)

        yield open_


def foreign(url: str, server: Running) -> list[str]:
    return [] if url.startswith((server.url, "blob:", "data:")) else [url]


def told(seen: Visit) -> list[str]:
    """What went wrong; a file without a cover is no fault."""
    return [fault for fault in seen.faults if "404" not in fault]


def serious_faults(page: Any) -> list[tuple[str, str, list[Any]]]:
    """What axe-core finds that keeps people out, by day and by night."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate("document.getAnimations().forEach((one) => one.finish())")  # from the one to the other
        found += [
            (scheme, fault["id"], [node["target"] for node in fault["nodes"]])
            for fault in axe.Axe().run(page).response["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
    return found
