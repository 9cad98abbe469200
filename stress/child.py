"""An index run with a slow fake encoder and short intervals between Chroma's bursts, to be killed.

usage: python stress/child.py HOME FOLDER WINDOW_SECONDS BURST_INTERVAL [--patience S] [--learn TRACKS]

victims.py starts it, so that trace/sitecustomize.py is there: it notes "windows N" as they are
embedded. It prints the report as JSON. With --learn, so many tracks are enough for a mean window and
for whitening, which is learnt again from twice as many.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from sitecustomize import note

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fake_encoder import FakeEncoder

import audiosim.indexing.run
import audiosim.library.statistics
import audiosim.library.whitening
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home")
    parser.add_argument("folder")
    parser.add_argument("seconds", type=float)
    parser.add_argument("interval", type=float)
    parser.add_argument("--patience", type=float, default=audiosim.store.PATIENCE)
    parser.add_argument("--learn", type=int)
    chosen = parser.parse_args()
    audiosim.store.PATIENCE = chosen.patience
    audiosim.store.BURST_INTERVAL = chosen.interval
    audiosim.indexing.run.PROGRESS_INTERVAL = min(audiosim.indexing.run.PROGRESS_INTERVAL, chosen.interval)
    encoder = SlowEncoder(chosen.seconds)
    if chosen.learn is not None:
        audiosim.library.statistics.MIN_TRACKS, audiosim.library.statistics.RELEARNT = chosen.learn, 2
        audiosim.library.whitening.ENCODERS = (encoder.spec.name,)
    try:
        report = index_folder([chosen.folder], home=chosen.home, encoder=encoder)
    except AudiosimError as error:
        raise SystemExit(str(error)) from None
    print(json.dumps(report.counts()))


if __name__ == "__main__":
    main()
