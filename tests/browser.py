"""A real browser, one for the tests of a file; they are skipped where there is none."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

Heard = Mapping[str, Callable[[Any], object]]
NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason=f"no browser: none of {', '.join(NAMES)} is on the PATH"),
]


def faults_of(faults: list[str]) -> Heard:
    """Who takes down what goes wrong in a page."""
    return {
        "console": lambda message: faults.append(message.text),
        "pageerror": lambda error: faults.append(str(error)),
        "dialog": lambda dialog: faults.append(f"dialog {dialog.message}"),
    }


class Browser:
    """Chromium, whose pages are used again: a new one takes a second, an address a tenth of it."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium
        self._free: defaultdict[str, list[Any]] = defaultdict(list)

    @contextmanager
    def page(
        self, width: int, height: int, heard: Heard, *, color_scheme: str = "light", **options: Any
    ) -> Iterator[Any]:
        """An empty page that was made with such options, whose events are heard; it is emptied in the end."""
        free = self._free[str(sorted(options.items()))]
        page = free.pop() if free else self._chromium.new_page(**options)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme)
        for event, listener in heard.items():
            page.on(event, listener)
        yield page
        for event, listener in heard.items():
            page.remove_listener(event, listener)
        page.unroute_all()
        page.evaluate("localStorage.clear()")
        page.mouse.move(0, 0)
        page.goto("about:blank")
        free.append(page)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=BROWSER,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"],
        )
        yield Browser(browser)
        browser.close()
