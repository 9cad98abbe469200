"""Windows over a signal that arrives in blocks, and which of them a limit keeps.

Memory does not grow with the signal's length. Windows that are kept lie in evenly spread short runs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32, Framing

RUN = 10  # consecutive windows
CLICK = 16  # samples
REPEATED = ("repeat", "tile")
BESIDE_OFFSET = 1e-4  # of an offset's power: as good as silent


class Framer:
    """Cuts one signal, or its channels beside each other, into overlapping windows as its blocks arrive.

    The windows equal those of openl3's ``_preprocess_audio_batch`` (``tail="pad"``) or
    musicnn's ``batch_data`` (``tail="drop"``) over the whole signal; with "tile", a signal shorter than a
    window becomes what CLAP's feature extractor makes of it.
    """

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        self._buffer: Float32 = np.zeros(framing.lead, np.float32)  # not yet in every window
        self._skip = 0  # samples to come that lie between two windows (hop > window)
        self._samples = 0  # received
        self._windows = 0  # given out

    def push(self, samples: Float32) -> Float32:
        """Give the windows that `samples` complete; there may be none.

        Parameters
        ----------
        samples : ndarray of float32, shape=(n,) or (n, channels)
            The signal's next ones.

        Returns
        -------
        ndarray of float32, shape=(k, window) or (k, channels, window)
            The windows.
        """
        if self._samples == 0:
            self._buffer = np.zeros((self.framing.lead, *samples.shape[1:]), np.float32)
        self._samples += len(samples)
        return self._append(samples)

    def finish(self) -> Float32:
        """Give the windows that remain at the end of the signal, as `push` does.

        Raises
        ------
        ValueError
            If no sample was pushed.
        """
        if self._samples == 0:
            raise ValueError("no samples to cut into windows")
        if self.framing.tail == "pad":
            return self._finish_padded()
        if self.framing.tail in REPEATED:
            return self._finish_repeated()
        windows = self._silence(self.framing.trail)
        if self._windows == 0:  # shorter than a window: silence follows; over and over it would have a beat
            windows = self._silence(self.framing.window - len(self._buffer))
        return windows

    def lengths(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Count the samples of the signal, not of padding, in windows that were given, by their index.

        Those around a click of a few samples count too: it is no offset.
        """
        window = self.framing.window
        if self._samples <= CLICK or self.framing.tail == "repeat":
            return np.full(len(indices), window)
        start = indices * self.framing.hop - self.framing.lead
        stop = np.minimum(start + window, self._samples)
        found = np.asarray(np.maximum(0, stop - np.maximum(0, start)), np.int64)
        return window // found * found if self.framing.tail == "tile" else found

    def _append(self, samples: Float32) -> Float32:
        skipped = min(self._skip, len(samples))
        self._skip -= skipped
        self._buffer = np.concatenate([self._buffer, samples[skipped:]])
        window, hop = self.framing.window, self.framing.hop
        if len(self._buffer) < window:
            return self._none()
        windows = np.lib.stride_tricks.sliding_window_view(self._buffer, window, axis=0)[::hop]
        used = len(windows) * hop
        self._skip = max(0, used - len(self._buffer))
        self._buffer = self._buffer[used:]
        self._windows += len(windows)
        return windows

    def _finish_padded(self) -> Float32:
        window, hop = self.framing.window, self.framing.hop
        length = self.framing.lead + self._samples
        wanted = 1 + max(0, -(-(length - window) // hop))  # as openl3._pad_audio rounds up
        whole = (wanted - 1) * hop + window
        return self._silence(whole - length)

    def _finish_repeated(self) -> Float32:
        """The last window, if there is enough for it, filled up by repeating what there is."""
        window = self.framing.window
        if self._windows and len(self._buffer) < _least(self.framing):
            return self._none()
        windows = np.resize(self._buffer, (window, *self._buffer.shape[1:])).T[np.newaxis]
        if self.framing.tail == "tile":
            windows[..., window // len(self._buffer) * len(self._buffer) :] = 0
        return windows

    def _silence(self, count: int) -> Float32:
        return self._append(np.zeros((count, *self._buffer.shape[1:]), np.float32))

    def _none(self) -> Float32:
        return np.empty((0, *self._buffer.shape[1:], self.framing.window), np.float32)


def _least(framing: Framing) -> int:
    """The fewest samples of a last window that is repeated: half of what it adds to the one before."""
    return framing.window - min(framing.hop, framing.window) // 2


def window_count(framing: Framing, samples: int) -> int:
    """Count the windows that a signal of so many samples gives."""
    if framing.tail in REPEATED:
        length = framing.lead + samples
        whole = max(0, 1 + (length - framing.window) // framing.hop)
        return max(1, whole + (length - whole * framing.hop >= _least(framing)))
    length = framing.lead + samples + (framing.trail if framing.tail == "drop" else 0)
    beyond = max(0, length - framing.window)
    return 1 + (beyond // framing.hop if framing.tail == "drop" else -(-beyond // framing.hop))


def chosen_runs(total: int, limit: int) -> list[range]:
    """Choose at most `limit` of `total` windows, in runs of ten (one may be shorter), evenly spread.

    The windows left out are shared equally among the places before, between and after the runs,
    those at the ends counting half.
    """
    if total <= limit:
        return [range(total)]
    lengths = [RUN] * (limit // RUN) + ([limit % RUN] if limit % RUN else [])
    gap = (total - limit) / len(lengths)
    runs, taken = [], 0
    for number, length in enumerate(lengths):
        start = taken + int(gap * (number + 0.5))
        runs.append(range(start, start + length))
        taken += length
    return runs


class Selection:
    """The windows to keep of one track whose number of windows is expected to be `total`."""

    def __init__(self, total: int, limit: int | None) -> None:
        self._chosen = None if limit is None else np.concatenate([list(r) for r in chosen_runs(total, limit)])

    def keep(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Choose among the windows `first` to ``first + count``: their indices, int64 (k,)."""
        indices = np.arange(first, first + count)
        return indices if self._chosen is None else indices[np.isin(indices, self._chosen)]


def levels(windows: Float32, lengths: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float16]:
    """Measure how loud windows are, without their DC offset.

    Parameters
    ----------
    windows : ndarray of float32, shape=(n, samples)
        The windows.
    lengths : ndarray of int64, shape=(n,), optional
        How many samples of each are signal, as `Framer.lengths` tells; the others are zeros. By default, all.

    Returns
    -------
    ndarray of float16, shape=(n,)
        The RMS of their samples' distance from the mean of the signal, in dBFS; -inf where that is next to
        nothing beside the offset: a resampler makes so much of the ends of a constant signal.
    """
    count = max(1, windows.shape[1])
    real = np.maximum(1, count if lengths is None else lengths)
    sums = windows.sum(axis=1, dtype=np.float64)
    power = np.einsum("ij,ij->i", windows, windows, dtype=np.float64) / count
    offset = np.square(sums / real)
    power -= offset * real / count
    power[power <= BESIDE_OFFSET * offset] = 0.0
    with np.errstate(divide="ignore"):
        decibels: npt.NDArray[np.float16] = (10 * np.log10(power)).astype(np.float16)
    return decibels
