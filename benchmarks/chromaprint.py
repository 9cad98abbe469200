"""Chromaprint's fingerprints, where its program is installed: the peer of ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

CHROMAPRINT = 10 / 32  # of the bits of a stretch that may differ where Chromaprint's own matcher takes it
Raw = npt.NDArray[np.uint32]


def chromaprint(path: Path) -> Raw | None:
    """Chromaprint's fingerprint of all of a file, if its program is installed and takes it."""
    program = shutil.which("fpcalc")
    if program is None:
        return None
    done = subprocess.run(
        [program, "-raw", "-plain", "-length", "0", path], capture_output=True, text=True, check=False
    )
    return np.array(done.stdout.split(",") if done.stdout.strip() else [], np.int64).astype(np.uint32)


def difference(first: Raw, second: Raw) -> float:
    """The share of bits that differ at the offset most frames vote for, which half the shorter one must fill.

    As AcoustID does: frames vote by their 14 highest bits.
    """
    keys, columns = np.unique(second >> 18, return_index=True)
    places = np.searchsorted(keys, first >> 18).clip(max=max(0, len(keys) - 1))
    hits = np.flatnonzero(keys[places] == first >> 18) if len(keys) else np.empty(0, np.intp)
    if not len(hits):
        return 1.0
    offsets = columns[places[hits]] - hits
    values, votes = np.unique(offsets, return_counts=True)
    best = 1.0
    for offset in values[np.argsort(-votes)[:3]]:
        a, b = first[max(0, -offset) :], second[max(0, offset) :]
        both = min(len(a), len(b))
        if both >= max(1, min(len(first), len(second)) // 2):
            best = min(best, float(np.bitwise_count(a[:both] ^ b[:both]).mean()) / 32)
    return best
