"""Fingerprints of what was that had none: files are read again, without the network."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

import numpy as np

from audiosim.audio.events import Failed
from audiosim.audio.listening import fingerprint_files
from audiosim.core.text import counted
from audiosim.indexing.report import Activity, Notice
from audiosim.library.catalog import Catalog
from audiosim.library.neighbours import nearest

COMPARED = 20_000  # tracks, above which their order is not worth comparing all of them


def to_fingerprint(catalog: Catalog) -> dict[str, bytes]:
    """Give the audio that has no fingerprint, with a file of it that is there."""
    return {digest: path for digest, path in catalog.fingerprints.missing() if os.path.exists(path)}


def fill_fingerprints(
    catalog: Catalog, end: float, *, jobs: int | None = None
) -> Iterator[Notice | Activity]:
    """Make the fingerprints that are missing, and yield how far that is, and what users should know.

    Those of tracks with a near neighbour come first, since they may be copies. A file that is not there, or
    holds other audio by now, is passed by.

    Parameters
    ----------
    catalog : Catalog
        Open for writing, with the index lock held.
    end : float
        When to stop, by the monotonic clock, in s.
    jobs : int, optional
        Decoding processes; by default one a processor.
    """
    missing = to_fingerprint(catalog)
    if not missing or time.monotonic() >= end:
        return
    digests = {missing[digest]: digest for digest in _in_turn(catalog, missing)}

    def until_the_end() -> Iterator[bytes]:
        for path in digests:
            if time.monotonic() >= end:
                return
            yield path

    made = 0
    events = fingerprint_files(
        until_the_end(), jobs=jobs, want=lambda path, info: info.digest == digests[path]
    )
    yield Activity("Fingerprints", 0, len(digests), end - time.monotonic())
    for done, event in enumerate(events, 1):
        yield Activity("Fingerprints", done, len(digests), max(0.0, end - time.monotonic()))
        if not isinstance(event, Failed) and event.fingerprint:
            catalog.fingerprints.set(event.info.digest, event.fingerprint)
            made += 1
    left = catalog.fingerprints.lacking()
    if made:
        more = f"; {counted(left, 'track lacks', 'tracks lack')} one, which later runs make" if left else ""
        yield Notice(f"Fingerprints were made of {counted(made, 'track')} that had none{more}.")


def _in_turn(catalog: Catalog, missing: dict[str, bytes]) -> Sequence[str]:
    """The digests, those first whose nearest neighbour is nearest; or in order of path, if they are many."""
    digests, vectors = catalog.tracks.audio_vectors()
    rows = [row for row, digest in enumerate(digests) if digest in missing]
    if not rows or len(digests) > COMPARED:
        return list(missing)
    codes = np.arange(len(digests))
    near = nearest(vectors[rows], vectors, 1, same=(codes[rows], codes)).cosines[:, 0]
    order = [digests[rows[place]] for place in np.argsort(-near, kind="stable")]
    return [*order, *(missing.keys() - set(order))]
