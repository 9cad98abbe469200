"""kill -9 of the Chroma server at random moments of index runs; nothing may be lost or computed again.

usage: python stress/server_kills.py [--rounds N] [--files N] [--seed N]

In each round a new home is indexed, with the fake encoder slowed, on a server that other homes
share. The server is killed in the middle and, half the time, started again while the run goes on:
the run must wait and end with 0. Otherwise it must end with 1 after its patience, unless the
server had taken everything before it was killed. The next run must end with 0 in any case; then
catalog, caches and server must be as after an undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from checks import Snapshot, snapshot
from kills import BURST_INTERVAL, WINDOW_SECONDS, caches, make_music
from victims import RUN_LIMIT, Victim

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from chroma_server import ChromaServerProcess

from audiosim.core.config import Home
from audiosim.indexing.verify import verify_home
from audiosim.library.catalog import Catalog

CHILD = Path(__file__).parent / "child.py"
PATIENCE = 10.0  # s of the runs
BACK_WITHIN = 5.0  # s
TOLERANCE = 1e-6


class Campaign:
    """Rounds on one server."""

    def __init__(self, server: ChromaServerProcess, folder: Path, scratch: Path, rng: random.Random) -> None:
        self._server, self._folder, self._scratch, self._rng = server, folder, scratch, rng
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        start = time.monotonic()
        home = self._scratch / "undisturbed"
        if not (run := self._start(home)).ends_within(RUN_LIMIT) or run.code != 0:
            raise SystemExit(f"the undisturbed run failed: {run.said()}")
        self._duration = time.monotonic() - start
        self._reference = snapshot(home)
        self._homes = [home]

    def round(self, number: int) -> None:
        """One home, one kill, and what is there afterwards."""
        home = self._scratch / f"home{number}"
        run = self._start(home)
        early = run.ends_within(self._rng.uniform(0.05, 0.8) * self._duration)
        self._server.kill()
        back = self._rng.random() < 0.5
        if early:
            self.counts["kills after the end of a run"] += 1
        elif back:
            time.sleep(self._rng.uniform(0, BACK_WITHIN))
            self._server.start()
            self._expect(run, (0,), "waited")
        elif run.ends_within(RUN_LIMIT) and run.code == 0 and _all_sent(home):
            self.counts["had written everything"] += 1
        else:
            self._expect(run, (1,), "ended with 1")
        if not self._server.running:
            self._server.start()
        known = caches(home)
        again = self._start(home)
        self._expect(again, (0,), "next runs completed")
        if {digest: known[digest] for digest in known if caches(home).get(digest) != known[digest]}:
            self.faults.append(f"round {number}: audio was computed again")
        self._homes.append(home)
        for each in {home, self._rng.choice(self._homes)}:
            self._check(each)

    def _start(self, home: Path) -> Victim:
        home.mkdir(exist_ok=True)
        folder = home.with_name(f"{home.name}.run")
        folder.mkdir(exist_ok=True)
        os.environ["AUDIOSIM_STORE"] = self._server.url
        settings = [str(WINDOW_SECONDS), str(BURST_INTERVAL), "--patience", str(PATIENCE)]
        return Victim([str(CHILD), str(home), str(self._folder), *settings], folder)

    def _expect(self, run: Victim, codes: tuple[int, ...], word: str) -> None:
        if not run.ends_within(RUN_LIMIT):
            run.kill()
            self.faults.append("a run did not end")
        elif run.code not in codes:
            self.faults.append(f"a run ended with {run.code}, not {codes}: {run.said()}")
        else:
            self.counts[word] += 1

    def _check(self, home: Path) -> None:
        found = snapshot(home)
        if not _same(found, self._reference):
            self.faults.append(f"{home.name}: the catalog is not as after an undisturbed run")
        health = verify_home(home, full=True)
        self.faults += [f"{home.name}: {fault}" for fault in health.faults]
        with Catalog(Home(home).catalog, read_only=True) as catalog:
            left = (
                catalog.store_state.pending_count(),
                catalog.store_state.dirty,
                catalog.settings.store_leftovers(),
            )
            if any(left):
                self.faults.append(f"{home.name}: left to be done: {left}")
        self.counts["checks"] += 1


def _all_sent(home: Path) -> bool:
    """Whether the server had acknowledged everything, by the catalog; `_check` sees whether that is true."""
    with Catalog(Home(home).catalog, read_only=True) as catalog:
        return catalog.store_state.pending_count() == 0 and not catalog.store_state.dirty


def _same(found: Snapshot, reference: Snapshot) -> bool:
    return (
        found.files == reference.files
        and set(found.vectors) == set(reference.vectors)
        and all(np.allclose(found.vectors[d], v, atol=TOLERANCE) for d, v in reference.vectors.items())
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--files", type=int, default=40)
    options.add_argument("--seed", type=int, default=1)
    arguments = options.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = make_music(scratch / "music", arguments.files, rng)
        with ChromaServerProcess(scratch / "server") as server:
            campaign = Campaign(server, folder, scratch, rng)
            for number in range(arguments.rounds):
                campaign.round(number)
                print(f"{number + 1}: {dict(campaign.counts)}", file=sys.stderr, flush=True)
    print(f"{arguments.rounds} kills: " + ", ".join(f"{n} {what}" for what, n in campaign.counts.items()))
    print(f"{len(campaign.faults)} faults", *campaign.faults, sep="\n")
    raise SystemExit(bool(campaign.faults))


if __name__ == "__main__":
    main()
