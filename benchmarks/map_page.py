"""The page of a map of very many tracks in Chromium: how long it takes to open, and a frame while it moves.

usage: python benchmarks/map_page.py [--tracks N] [--seconds N] [--json]

Places lie in clusters, drawn by chance; the pointer drags the map, then its wheel zooms. Needs Chromium and
playwright, as the tests of pages do; without a graphics card everything is painted by the processor.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import parser, report

from audiosim.core.types import Tags, Track
from audiosim.library.neighbours import Neighbours
from audiosim.map.atlas import NEIGHBOURS, Atlas
from audiosim.map.groups import group_tracks
from audiosim.map.page import render_page

CLUSTERS = 300
GENRES = ("Rock", "Jazz", "Metal", "Folk")
STEP = 0.016  # s between two moves of the pointer
WATCH = """() => {
  window.frames_ = [];
  let last = performance.now();
  const note = () => {
    const now = performance.now();
    frames_.push(now - last);
    last = now;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
}"""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--tracks", type=int, default=100_000)
    arguments.add_argument("--seconds", type=float, default=5)
    chosen = arguments.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from browser import BROWSER
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "map.html"
        file.write_bytes(render_page(atlas_of(chosen.tracks), None))
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        start = time.perf_counter()
        page.goto(file.as_uri())
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        opened = time.perf_counter() - start
        page.evaluate(WATCH)
        page.mouse.move(600, 400)
        page.mouse.down()
        drag = frames(page, chosen.seconds, lambda n: page.mouse.move(500 + n % 200, 400 + n % 77))
        page.mouse.up()
        page.wait_for_timeout(1000)
        wheel = frames(page, chosen.seconds, lambda n: page.mouse.wheel(0, -100 if n // 20 % 2 else 100))
        size = file.stat().st_size
        browser.close()
    lines = [f"{chosen.tracks:,} tracks, {size / 1e6:.1f} MB, opened in {opened:.1f} s"]
    lines += [f"{name}: {told}" for name, told in (("dragged", drag), ("zoomed", wheel))]
    results = {"tracks": chosen.tracks, "bytes": size, "opened": opened, "dragged": drag, "zoomed": wheel}
    report(results, lines, as_json=chosen.json)


def atlas_of(count: int) -> Atlas:
    rng = np.random.default_rng(0)
    cluster = rng.integers(CLUSTERS, size=count)
    centres = rng.uniform(0.05, 0.95, (CLUSTERS, 2))
    places = np.clip(centres[cluster] + rng.normal(0, 0.02, (count, 2)), 0, 1).astype(np.float32)
    tracks = [
        Track(
            b"/music/%03d/%d.flac" % (number // 1000, number),
            f"{number:032x}",
            200.0,
            Tags(f"Song {number}", f"Artist {number % 997}", genre=GENRES[cluster[number] % len(GENRES)]),
        )
        for number in range(count)
    ]
    near = Neighbours(
        rng.integers(count, size=(count, NEIGHBOURS)), rng.random((count, NEIGHBOURS)).astype(np.float32)
    )
    return Atlas(tracks, range(count), places, near, group_tracks(tracks, "genre", ()), "drawn by chance")


def frames(page: Any, seconds: float, move: Callable[[int], object]) -> dict[str, float]:
    """Milliseconds from frame to frame while something is done every 16 ms: in the median, 9 of 10."""
    page.evaluate("() => { frames_.length = 0; }")
    end, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        move(number)
        number += 1
        time.sleep(STEP)
    found = np.array(page.evaluate("() => frames_"))
    return {"median, ms": round(np.median(found)), "9 of 10, ms": round(np.quantile(found, 0.9))}


if __name__ == "__main__":
    main()
