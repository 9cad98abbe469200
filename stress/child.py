"""An index run with a slow fake encoder and short intervals between Chroma's bursts, to be killed.

usage: python stress/child.py HOME FOLDER WINDOW_SECONDS BURST_INTERVAL [PATIENCE]

victims.py starts it, so that trace/sitecustomize.py is there: it notes "windows N" as they are
embedded. It prints the report as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from sitecustomize import note

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fake_encoder import FakeEncoder

import audiosim.indexing.run
import audiosim.store
from audiosim import index_folder
from audiosim.core.errors import AudiosimError
from audiosim.core.types import Float32


class SlowEncoder(FakeEncoder):
    """The tests' encoder, taking its time over each window."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def embed(self, windows: Float32) -> Float32:
        note("windows", len(windows))
        time.sleep(self._seconds * len(windows))
        return super().embed(windows)


def main() -> None:
    home, folder, seconds, interval, *patience = sys.argv[1:]
    if patience:
        audiosim.store.PATIENCE = float(patience[0])
    audiosim.store.BURST_INTERVAL = float(interval)
    audiosim.indexing.run.PROGRESS_INTERVAL = min(audiosim.indexing.run.PROGRESS_INTERVAL, float(interval))
    try:
        report = index_folder([folder], home=home, encoder=SlowEncoder(float(seconds)))
    except AudiosimError as error:
        raise SystemExit(str(error)) from None
    print(json.dumps(report.counts()))


if __name__ == "__main__":
    main()
