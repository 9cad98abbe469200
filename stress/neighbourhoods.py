"""What is kept of tracks' neighbourhoods damaged, and runs that measure them killed; they come out right.

usage: python stress/neighbourhoods.py [--rounds N] [--tracks N] [--seed N]

Each round adds a few tracks to a catalog, changes the vector of some and has some gone. Before, in every
second round, what an earlier run kept of the neighbourhoods is cut short, overwritten with noise or zeros, or
taken away; in the others, a process that measures is killed at a random moment. Then a process measures: the
scale of every track must be the one that comes out where nothing was kept.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from corrupt import DAMAGES

from audiosim.core.config import Home
from audiosim.core.types import AudioInfo, EncoderSpec, Framing, TrackVector
from audiosim.library.catalog import Catalog, Configuration
from audiosim.library.catalog.settings import NEIGHBOURHOODS
from audiosim.library.hubness import scales
from audiosim.library.neighbourhoods import marks_of, neighbourhoods

RATE = 16_000  # Hz
SPEC = EncoderSpec("synthetic", 1, (), "none", RATE, "soxr_hq", 1.0, 64, Framing(RATE, RATE))
CLUSTERS, SPREAD = 50, 0.3
CHANGED = 7  # tracks of each kind in a round
MEASURE = """
import sys
from pathlib import Path
from audiosim.library.catalog import Catalog
from audiosim.library.statistics import refresh
print("begun", flush=True)
with Catalog(Path(sys.argv[1])) as catalog:
    list(refresh(catalog))
"""


class Campaign:
    """A catalog of made-up tracks that changes round after round."""

    def __init__(self, home: Home, tracks: int, seed: int) -> None:
        self._home, self._rng, self._numbers = home, random.Random(seed), np.random.default_rng(seed)
        self._centres = self._numbers.normal(size=(CLUSTERS, SPEC.dimension))
        self._count = 0
        with Catalog(home.catalog) as catalog:
            catalog.settings.set_configuration(
                Configuration(SPEC, "mean", home.cache, bytes(4 * SPEC.dimension))
            )
            catalog.settings.want_whitening(wanted=False)
            with catalog.transaction():
                self._add(catalog, tracks)
        self._takes = 0.0  # s, the last measuring
        self._measure()

    def damage(self) -> str:
        """Damages what is kept."""
        damage = self._rng.choice(DAMAGES)
        with tempfile.TemporaryDirectory() as folder, Catalog(self._home.catalog) as catalog:
            kept = Path(folder) / "kept"
            kept.write_bytes(catalog.settings.blob(NEIGHBOURHOODS) or b"")
            told = damage(kept, self._rng)
            catalog.settings.set_blob(NEIGHBOURHOODS, kept.read_bytes() if kept.exists() else b"")
        return told

    def kill(self) -> str:
        """Kills a process that measures, at a random moment of it."""
        with subprocess.Popen(self._command(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            moment = self._rng.uniform(0, 0.8 * self._takes)
            time.sleep(moment)
            ended = process.poll() is not None
            process.kill()
        return "had ended" if ended else f"killed after {moment:.3f} s"

    def change(self) -> None:
        """Adds tracks, changes some, has some gone."""
        with Catalog(self._home.catalog) as catalog, catalog.transaction():
            others = self._rng.sample(range(self._count), 2 * CHANGED)
            self._add(catalog, CHANGED)
            for number in others[:CHANGED]:
                self._enter(catalog, number)
            catalog.files.mark_gone([_path(number) for number in others[CHANGED:]])

    def faults(self) -> list[str]:
        """What a run does wrong that measures now."""
        self._measure()
        with Catalog(self._home.catalog) as catalog:
            configuration = catalog.settings.configuration
            assert configuration is not None
            digests, vectors = catalog.tracks.audio_vectors()
            known = catalog.tracks.scales()
            marks = marks_of(vectors, configuration.collection)
        right = scales(neighbourhoods(digests, marks, configuration.space(vectors)).near.cosines)
        far = [
            digest
            for digest, scale in zip(digests, right.tolist(), strict=True)
            if (there := known.get(digest)) is None or abs(there - scale) > 1e-6
        ]
        return [f"{len(far)} of {len(digests)} scales are wrong, as of {far[0]}"] if far else []

    def _command(self) -> list[str]:
        return [sys.executable, "-c", MEASURE, str(self._home.catalog)]

    def _measure(self) -> None:
        """Has a process measure, and notes how long that took once it had loaded what it needs."""
        with subprocess.Popen(self._command(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            begun = time.monotonic()
            if process.wait():
                raise SystemExit("a run that measures failed")
            self._takes = time.monotonic() - begun

    def _add(self, catalog: Catalog, count: int) -> None:
        for number in range(self._count, self._count + count):
            self._enter(catalog, number)
        self._count += count

    def _enter(self, catalog: Catalog, number: int) -> None:
        """A track, or another vector of it."""
        centre = self._centres[self._rng.randrange(CLUSTERS)]
        vector = (centre + SPREAD * self._numbers.normal(size=SPEC.dimension)).astype(np.float32)
        info = AudioInfo(f"{number:032x}", 2.0, RATE, 1, "pcm", 1, 0)
        found = TrackVector(vector / np.linalg.norm(vector), 2)
        catalog.files.record(_path(number), info, found)


def _path(number: int) -> bytes:
    return b"/music/%06d.flac" % number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--tracks", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start, faults, told = time.monotonic(), 0, Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        home = Home(Path(scratch) / "home")
        home.path.mkdir()
        campaign = Campaign(home, arguments.tracks, arguments.seed)
        for number in range(arguments.rounds):
            done = campaign.damage() if number % 2 == 0 else ""
            campaign.change()
            done = done or campaign.kill()
            found = campaign.faults()
            print(f"{done}: {'; '.join(found) or 'right'}", flush=True)
            faults += len(found)
            told["damaged" if number % 2 == 0 else done.partition(" after")[0]] += 1
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(told.items()))
    print(f"{arguments.rounds} rounds: {kinds}; {faults} faults, in {time.monotonic() - start:.0f} s")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
