"""Sample rate conversion of a signal that arrives in blocks.

OpenL3's spectrograms reach 160 dB down in power, so they see a resampler's own noise: only the
reference's own filter gives the reference's numbers. `KaiserBest` is therefore resampy 0.2's
"kaiser_best" (J. O. Smith, "Digital Audio Resampling Home Page", a windowed sinc in a table with
linear interpolation, 64 zero crossings, Kaiser beta 14.77, roll-off 0.9476), computed as matrix
products. librosa, which MusiCNN's reference reads audio with, uses soxr. Rates for which these matrices
are large, or that resampy was never meant for, come down to a moderate rate through soxr first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, gcd
from typing import Protocol

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, Float64, ResamplerName

ZERO_CROSSINGS = 64
TABLE_STEP = 512  # table entries a zero crossing
KAISER_BETA = 14.769656459379492
ROLLOFF = 0.9475937167399596
TILE = 160  # outputs computed by one matrix
MAX_TABLE = 1 << 26  # bytes of all matrices of one pair of rates
MAX_RATIO = 16  # of rates, beyond which its step through the table is too coarse
BETWEEN = 8  # times the target: the rate to come down to first


class Resampler(Protocol):
    """Converts one signal, block by block: mono, or of several channels where it was made for these."""

    def push(self, samples: Float32) -> Float32:
        """Give what can be computed of the output (m,) after these samples (n,), or (m, channels)."""

    def finish(self) -> Float32:
        """Give the rest of the output."""


def make_resampler(name: ResamplerName, source: int, target: int, channels: int | None = None) -> Resampler:
    """Make a resampler from `source` to `target`, both in Hz; of one signal, or of so many channels."""
    if channels is not None:
        return _EachChannel([make_resampler(name, source, target) for _ in range(channels)])
    if source == target:
        return _Unchanged()
    if name == "soxr_hq":
        return _Soxr(source, target)
    if source <= MAX_RATIO * target and _table_size(source, target) <= MAX_TABLE:
        return KaiserBest(source, target)
    between = BETWEEN * target
    return _Chain(_Soxr(source, between, "VHQ"), KaiserBest(between, target))


class _Unchanged:
    def push(self, samples: Float32) -> Float32:
        return samples

    def finish(self) -> Float32:
        return np.empty(0, np.float32)


class _EachChannel:
    """A resampler for each channel, so that it comes out as it would alone."""

    def __init__(self, resamplers: list[Resampler]) -> None:
        self._resamplers = resamplers

    def push(self, samples: Float32) -> Float32:
        pairs = zip(self._resamplers, samples.T, strict=True)
        return np.stack([one.push(np.ascontiguousarray(channel)) for one, channel in pairs], axis=1)

    def finish(self) -> Float32:
        return np.stack([one.finish() for one in self._resamplers], axis=1)


class _Chain:
    """Two resamplers, one after the other."""

    def __init__(self, first: Resampler, second: Resampler) -> None:
        self._first, self._second = first, second

    def push(self, samples: Float32) -> Float32:
        return self._second.push(self._first.push(samples))

    def finish(self) -> Float32:
        last = self._second.push(self._first.finish())
        return np.concatenate([last, self._second.finish()])


class _Soxr:
    def __init__(self, source: int, target: int, quality: str = "HQ") -> None:
        import soxr  # searches, which look fingerprints up, resample nothing

        self._stream = soxr.ResampleStream(source, target, 1, dtype="float32", quality=quality)

    def push(self, samples: Float32) -> Float32:
        out: Float32 = self._stream.resample_chunk(samples)
        return out

    def finish(self) -> Float32:
        out: Float32 = self._stream.resample_chunk(np.empty(0, np.float32), last=True)
        return out


@dataclass(frozen=True)
class _Tile:
    """Some consecutive outputs of a period, as a matrix over the inputs they need."""

    start: int  # first input, relative to the period's first
    matrix: Float32  # (inputs, outputs)


class KaiserBest:
    """resampy's "kaiser_best" from `source` to `target` (Hz).

    Outputs come in periods after which inputs and outputs coincide again; each tile of a period
    is one matrix product over all whole periods at hand.
    """

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = source, target
        self._inputs, self._outputs = _period(source, target)
        self._step = _step(source, target)
        self._reach = _reach(source, target)
        self._tiles = self._make_tiles()
        self._buffer: Float32 = np.zeros(self._reach, np.float32)
        self._received = 0
        self._given = 0

    def push(self, samples: Float32) -> Float32:
        self._received += len(samples)
        return self._convert(samples)

    def finish(self) -> Float32:
        left = self._received * self._target // self._source - self._given
        return self._convert(np.zeros(2 * self._reach + 2 * self._inputs, np.float32))[:left]

    def _convert(self, samples: Float32) -> Float32:
        self._buffer = np.concatenate([self._buffer, samples])
        margin = 2 * self._reach
        periods = max(0, (len(self._buffer) - margin) // self._inputs)
        out = np.empty((periods, self._outputs), np.float32)
        if periods:
            column = 0
            for tile in self._tiles:
                span, width = tile.matrix.shape
                windows = np.lib.stride_tricks.sliding_window_view(self._buffer[tile.start :], span)
                out[:, column : column + width] = windows[:: self._inputs][:periods] @ tile.matrix
                column += width
            self._buffer = self._buffer[periods * self._inputs :]
        self._given += out.size
        return out.reshape(-1)

    def _make_tiles(self) -> list[_Tile]:
        tiles = []
        for first in range(0, self._outputs, TILE):
            outputs = np.arange(first, min(first + TILE, self._outputs))
            centres = outputs * self._inputs // self._outputs
            fractions = (outputs * self._inputs % self._outputs) / self._outputs
            start, span = int(centres[0]), int(centres[-1] - centres[0]) + 2 * self._reach
            taps = self._taps(fractions)  # (outputs, 2 * reach), from centre - reach on
            matrix = np.zeros((span, len(outputs)), np.float32)
            for column, (centre, weights) in enumerate(zip(centres, taps, strict=True)):
                offset = int(centre) - start
                matrix[offset : offset + len(weights), column] = weights
            tiles.append(_Tile(start, matrix))
        return tiles

    def _taps(self, fractions: Float64) -> Float64:
        """Filter weights (n, 2 * reach) for outputs this far (0 to 1) behind an input."""
        scale = min(1.0, self._target / self._source)
        steps = np.arange(self._reach)
        past = _interpolated(scale * fractions, steps, self._step)
        future = _interpolated(scale - scale * fractions, steps, self._step)
        # the past runs backwards from the centre, which lies at index reach of the row
        taps = np.zeros((len(fractions), 2 * self._reach))
        taps[:, 1 : self._reach + 1] = past[:, ::-1]
        taps[:, self._reach + 1 :] = future[:, : self._reach - 1]
        return taps * scale


def _period(source: int, target: int) -> tuple[int, int]:
    """After how many inputs and outputs they coincide again, with at least a tile of outputs between."""
    common = gcd(source, target)
    repeats = ceil(TILE * common / target)
    return source // common * repeats, target // common * repeats


def _step(source: int, target: int) -> int:
    """Table entries from one input to the next: truncated, as resampy does."""
    return int(min(1.0, target / source) * TABLE_STEP)


def _reach(source: int, target: int) -> int:
    """How many inputs on either side an output needs."""
    return len(_sinc_table()) // _step(source, target) + 2


def _table_size(source: int, target: int) -> int:
    """Bytes of a `KaiserBest`'s matrices, about."""
    outputs = _period(source, target)[1]
    return 4 * outputs * (TILE * source // target + 2 * _reach(source, target))


def _interpolated(distance: Float64, steps: npt.NDArray[np.int64], step: int) -> Float64:
    """The filter at `distance` + k zero crossings for each k of `steps`: (n, len(steps))."""
    position = distance * TABLE_STEP
    offset = position.astype(int)
    rest = position - offset
    index = offset[:, None] + steps[None, :] * step
    table, slope = _sinc_table(), _sinc_slope()
    inside = index < len(table)
    index = np.where(inside, index, 0)
    weights = table[index] + rest[:, None] * slope[index]
    return np.where(inside, weights, 0.0)


@cache
def _sinc_table() -> Float64:
    length = TABLE_STEP * ZERO_CROSSINGS
    x = np.linspace(0, ZERO_CROSSINGS, length + 1)
    return ROLLOFF * np.sinc(ROLLOFF * x) * np.kaiser(2 * length + 1, KAISER_BETA)[length:]


@cache
def _sinc_slope() -> Float64:
    return np.diff(_sinc_table(), append=_sinc_table()[-1])
