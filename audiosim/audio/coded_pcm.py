"""Coded sound that lies in PCM: a DTS CD, or AC-3 as it goes through a digital output, kept as WAV or FLAC.

As PCM it is full-scale noise. FFmpeg finds it in a WAV that begins with it; here it is looked for
behind any silence, and in whatever container has kept every bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32

CodedForm = Literal["spdif", "dts"]  # as FFmpeg calls what reads it

# FFmpeg's names of what keeps every bit
LOSSLESS = ("pcm_s", "flac", "alac", "wavpack", "ape", "tta", "tak")
CHANNELS = 2
BLOCKS = 2  # to look at, from the first sound on
LEAD = 300  # blocks of silence at most, some minutes
LEAST = 4  # beginnings of coded frames, at equal distances
SHORTEST = 128  # 16-bit words from one to the next
# Two words that begin a coded frame: IEC 61937; DTS of 16 and of 14 bits, in either order of bytes
BEGINNINGS: tuple[tuple[int, int, CodedForm], ...] = (
    (0xF872, 0x4E1F, "spdif"),
    (0x7FFE, 0x8001, "dts"),
    (0xFE7F, 0x0180, "dts"),
    (0x1FFF, 0xE800, "dts"),
    (0xFF1F, 0x00E8, "dts"),
)


def coded_form(blocks: Iterable[Float32]) -> CodedForm | None:
    """Tell what samples (n, channels) hold that were no PCM, reading as few blocks as that takes."""
    heard: list[npt.NDArray[np.uint16]] = []
    for data in islice(blocks, LEAD + BLOCKS):
        if data.shape[1] != CHANNELS:
            return None
        if heard or data.any():
            heard.append(words(data))
        if len(heard) == BLOCKS:
            break
    return _form(np.concatenate(heard)) if heard else None


def words(data: Float32) -> npt.NDArray[np.uint16]:
    """Turn samples (n, 2) that were 16-bit numbers into these again: uint16 (2 n,)."""
    whole: npt.NDArray[np.int16] = np.rint(data * 32768.0).clip(-32768, 32767).astype("<i2")
    return whole.reshape(-1).view("<u2")


def _form(found: npt.NDArray[np.uint16]) -> CodedForm | None:
    for first, second, form in BEGINNINGS:
        places = np.flatnonzero((found[:-1] == first) & (found[1:] == second))
        distances, counts = np.unique(np.diff(places), return_counts=True)
        if ((counts >= LEAST - 1) & (distances >= SHORTEST)).any():
            return form
    return None


class WordStream:
    """Samples (n, 2) as the bytes that they were, for FFmpeg to read."""

    def __init__(self, blocks: Iterator[Float32]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Give the next bytes, at most so many; none at the end."""
        if not self._rest:
            self._rest = b"".join(words(data).tobytes() for data in islice(self._blocks, 1))
        part, self._rest = self._rest[:size], self._rest[size:]
        return part
