"""An acoustic fingerprint: what is heard at a track's loudest moments, in bits.

Landmarks, as of Wang, "An industrial-strength audio search algorithm", ISMIR 2003, are moments that
stay where they are whatever is done to a recording: here the peaks of its energy. At each landmark, and
halfway to the next, two short spectra are taken: how the twelve pitch classes stand out against each
other, as Lalinsky's Chromaprint has it (2011), and how some bands above the melody do. Each number becomes
one bit, whether it is above or below what it is around there; comparing bits of spectra is after Ke,
Hoiem and Sukthankar, "Computer vision for music identification", CVPR 2005.

The pitch classes tell one key or melody from another. The bands above tell takes apart: there it is how
a string was plucked, a cymbal hit or the air hissed that counts, and no two times are alike.

A fingerprint is `VERSION` and six bytes a landmark: hops since the one before (0: 255 hops, and no
landmark there), and forty bits. It is about 430 bytes a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from audiosim.audio.resample import Resampler, make_resampler
from audiosim.core.types import Float32

VERSION = 1
RATE = 11_025  # Hz, whatever the encoder's
HOP = 64  # samples: 5.8 ms
APART = 69  # hops, 0.4 s: a landmark is the loudest moment for so long before and after
# One-zero filters before the energy is taken: what is high has sharper peaks, but sources and codecs
# differ near the highest frequency.
ENVELOPE = (-0.97, -0.97, 1.0, 1.0)
SMOOTH = 8  # hops over which energy is summed
FAINTEST = 1e-9  # mean square of the filtered signal
QUIET, AROUND = 1e-4, 860  # of the loudest landmark within so many hops (5 s): codecs change what is fainter
HALFWAY = 128  # hops after a landmark, at most: between two that are far apart there may be nothing
LOCAL = 16  # landmarks on either side, whose mean is what is usual: a cut does not change it
CHROMA, CHROMA_WINDOW, CHROMA_RANGE = 12, 4096, (200.0, 1600.0)  # bits, samples, Hz
BANDS, BANDS_WINDOW, BANDS_RANGE = 8, 1024, (1500.0, 4500.0)
CHROMA_DEPTH = 7.0  # nepers of power below the strongest pitch class: what is fainter leaks from others
BITS = 2 * (CHROMA + BANDS)  # of a landmark: pitch classes and bands there, then halfway to the next
RECORD = 1 + BITS // 8  # bytes
FARTHEST = 255  # hops that one record can tell

LEAD = APART + SMOOTH + CHROMA_WINDOW // 2 // HOP  # hops that must be known before a landmark
TAIL = 2 * HALFWAY + LEAD  # and after it
CHUNK = 5168 * HOP  # samples, 30 s, that are looked at together

RUN = 4  # landmarks, one after the other
RATIO = 0.06  # natural logarithm, within which ratios of gaps are one
RATIOS = 128  # on either side, far more than there are: two of them make a number of 16 bits

Places = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Runs:
    """RUN landmarks each, (n - 3,): by which ratios they are spaced, how long they are, and their bands."""

    ratios: npt.NDArray[np.int16]
    lengths: npt.NDArray[np.int32]
    bands: npt.NDArray[np.integer]


@dataclass(frozen=True)
class Landmarks:
    """A fingerprint, read: where landmarks are, int64 (n,) in hops, and their bits, (n, BITS)."""

    places: Places
    bits: Bits

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def bands(self) -> npt.NDArray[np.uint16]:
        """What the bands have at each landmark, and halfway to the next, as a number, (n,)."""
        bits = self.bits.reshape(len(self), 2, BITS // 2)[:, :, CHROMA:].reshape(len(self), 2 * BANDS)
        return np.packbits(bits, axis=1).view(np.uint16)[:, 0]

    @cached_property
    def keys(self) -> npt.NDArray[np.uint32]:
        """What the bands have at two landmarks, one after the other, as numbers, each once, rising."""
        bands = self.bands.astype(np.uint32)
        keys = np.sort(bands[:-1] << 16 | bands[1:])
        first = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
        found: npt.NDArray[np.uint32] = keys[first]  # as by np.unique, in a fifth of the time
        return found

    @cached_property
    def runs(self) -> Runs:
        """What stays as it is at another speed: the ratios of gaps between landmarks."""
        places, bands = self.places, self.bands.astype(np.uint64)
        logs = np.log(places[1:] - places[:-1])
        numbers = np.rint((logs[1:] - logs[:-1]) / RATIO)
        ratios = np.clip(numbers, 1 - RATIOS, RATIOS - 1).astype(np.int16)
        lengths = (places[RUN - 1 :] - places[: 1 - RUN]).astype(np.int32)
        pairs = bands[:-1] << 16 | bands[1:]
        return Runs(ratios[:-1] * np.int16(2 * RATIOS) + ratios[1:], lengths, pairs[:-2] << 32 | pairs[2:])

    def between(self, start: float, end: float) -> Landmarks:
        """Those of a stretch, from and to when in s; they stay where they are."""
        first, last = np.searchsorted(self.places, (start * RATE / HOP, end * RATE / HOP))
        return Landmarks(self.places[first:last], self.bits[first:last])

    def to_bytes(self) -> bytes:
        """Write the fingerprint that `from_bytes` reads."""
        gaps = np.diff(self.places, prepend=0)
        empty = (gaps - 1) // FARTHEST  # records without a landmark before each
        rows = np.arange(len(gaps)) + np.cumsum(empty)
        records = np.zeros((len(gaps) + int(empty.sum()), RECORD), np.uint8)
        records[rows, 0] = gaps - FARTHEST * empty
        records[rows, 1:] = np.packbits(self.bits, axis=1)
        return bytes([VERSION]) + records.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Landmarks | None:
        """Read a fingerprint; None if it is of another version, or damaged."""
        if data[:1] != bytes([VERSION]) or not is_fingerprint(data):
            return None
        records = np.frombuffer(data, np.uint8, offset=1).reshape(-1, RECORD)
        steps = records[:, 0].astype(np.int64)
        there = steps > 0
        places = np.cumsum(np.where(there, steps, FARTHEST))
        return _Packed(places[there], records[there, 1:])


class _Packed(Landmarks):
    """One whose bits are unpacked when they are looked at, which most never are: kept, it takes a fifth."""

    _packed: npt.NDArray[np.uint8]  # (n, BITS // 8)

    def __init__(self, places: Places, packed: npt.NDArray[np.uint8]) -> None:
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "_packed", packed)

    @property
    def bits(self) -> Bits:
        return np.unpackbits(self._packed, axis=1).astype(bool)

    @cached_property
    def bands(self) -> npt.NDArray[np.uint16]:
        both = np.empty((len(self), 2), np.uint8)
        both[:, 0] = self._packed[:, 1] << 4 | self._packed[:, 2] >> 4
        both[:, 1] = self._packed[:, 4]
        return both.view(np.uint16)[:, 0]


def is_fingerprint(data: bytes) -> bool:
    """Whether these bytes may be a fingerprint, of this version or a later one."""
    return data[:1] > b"\0" and (data[0] != VERSION or len(data) % RECORD == 1)


class Fingerprinter:
    """Makes the fingerprint of one mono signal that arrives in blocks; it holds half a minute of it."""

    def __init__(self) -> None:
        self._resampler: Resampler | None = None
        self._source = 0  # Hz
        self._buffer: Float32 = np.zeros(LEAD * HOP, np.float32)
        self._first = -LEAD  # the hop that the buffer begins with
        self._places: list[Places] = [np.empty(0, np.int64)]
        self._energies: list[Float32] = [np.empty(0, np.float32)]
        self._heard: list[Float32] = [np.empty((0, BITS), np.float32)]

    def push(self, samples: Float32, sample_rate: int) -> None:
        """Take the next samples, float32 (n,), at their rate in Hz, which may change."""
        if self._resampler is None or sample_rate != self._source:
            if self._resampler is not None:
                self._append(self._resampler.finish())
            self._source = sample_rate
            self._resampler = make_resampler("soxr_hq", sample_rate, RATE)
        self._append(self._resampler.push(samples))

    def finish(self) -> bytes:
        """Give the fingerprint of all that came."""
        if self._resampler is not None:
            self._append(self._resampler.finish())
        left = len(self._buffer) - LEAD * HOP
        self._append(np.zeros(TAIL * HOP + -left % HOP, np.float32))
        self._look(self._buffer)
        places, energies = np.concatenate(self._places), np.concatenate(self._energies)
        kept = energies >= QUIET * _loudest(places, energies)
        heard = np.concatenate(self._heard)[kept]
        return Landmarks(places[kept] + 1, heard > _usual(heard)).to_bytes()

    def _append(self, samples: Float32) -> None:
        self._buffer = np.concatenate([self._buffer, samples])
        whole = (LEAD + TAIL) * HOP + CHUNK
        while len(self._buffer) >= whole:
            self._look(self._buffer[:whole])
            self._buffer = self._buffer[CHUNK:]
            self._first += CHUNK // HOP

    def _look(self, samples: Float32) -> None:
        """Take down the landmarks among samples, but for those of the first LEAD and last TAIL hops."""
        energy = _energy(samples)
        peaks = _peaks(energy)
        end = len(energy) - TAIL
        chosen = peaks[(peaks >= LEAD) & (peaks < end)]
        if not len(chosen):
            return
        after = np.append(peaks, 2 * len(energy))[np.searchsorted(peaks, chosen, side="right")]
        halfway = chosen + np.minimum((after - chosen) // 2, HALFWAY)
        self._places.append(chosen + self._first)
        self._energies.append(energy[chosen])
        self._heard.append(np.hstack([_spectra(samples, chosen), _spectra(samples, halfway)]))


def _energy(samples: Float32) -> Float32:
    """Mean square of each hop, (n,), filtered and smoothed."""
    for weight in ENVELOPE:
        samples = np.append(samples[:1], samples[1:] + np.float32(weight) * samples[:-1])
    hops = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    squares = np.einsum("ij,ij->i", hops, hops) / np.float32(HOP)
    energy: Float32 = np.convolve(squares, _SMOOTHING, "same")
    return energy


def _peaks(energy: Float32) -> Places:
    """The hops that are louder than all for APART before, and as loud as all after."""
    padded = np.pad(energy, APART)
    highest = np.lib.stride_tricks.sliding_window_view(padded, APART).max(axis=1)
    before, after = highest[: len(energy)], highest[APART + 1 :][: len(energy)]
    return np.flatnonzero((energy > before) & (energy >= after) & (energy > FAINTEST))


def _spectra(samples: Float32, places: Places) -> Float32:
    """What is heard at hops: levels of pitch classes, then of bands, each less their mean; (k, BITS / 2)."""
    chroma = _levels(samples, places, _CHROMA_HANN, _CHROMA_FILTERS)
    chroma = np.maximum(chroma, chroma.max(axis=1, keepdims=True) - np.float32(CHROMA_DEPTH))
    bands = _levels(samples, places, _BANDS_HANN, _BAND_FILTERS)
    return np.hstack([levels - levels.mean(axis=1, keepdims=True) for levels in (chroma, bands)])


def _levels(samples: Float32, places: Places, window: Float32, filters: Float32) -> Float32:
    """Logarithms of the power that filters (bands, bins) let through around hops, (k, bands)."""
    starts = places * HOP + (HOP - len(window)) // 2
    frames = np.lib.stride_tricks.sliding_window_view(samples, len(window))[starts] * window
    power = np.square(np.abs(np.fft.rfft(frames)))
    levels: Float32 = np.log(power @ filters.T + np.float32(1e-9))
    return levels


def _loudest(places: Places, energies: Float32) -> Float32:
    """The highest energy of the landmarks AROUND each."""
    first, last = np.searchsorted(places, places - AROUND), np.searchsorted(places, places + AROUND, "right")
    # as many columns as landmarks can be AROUND one
    columns = np.minimum(first[:, None] + np.arange(2 * AROUND // APART + 1), last[:, None] - 1)
    highest: Float32 = energies[columns].max(axis=1, initial=0)
    return highest


def _usual(heard: Float32) -> Float32:
    """The mean of each column over LOCAL rows on either side."""
    sums = np.cumsum(np.pad(heard, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    rows = np.arange(len(heard))
    first, last = np.maximum(rows - LOCAL, 0), np.minimum(rows + LOCAL + 1, len(heard))
    means: Float32 = ((sums[last] - sums[first]) / (last - first)[:, None]).astype(np.float32)
    return means


def _hann(window: int) -> Float32:
    weights: Float32 = np.hanning(window + 1)[:-1].astype(np.float32)
    return weights


def _chroma_filters() -> Float32:
    """Triangles two semitones wide around the twelve pitch classes, over all octaves of the range."""
    frequencies = np.fft.rfftfreq(CHROMA_WINDOW, 1 / RATE)
    inside = (frequencies >= CHROMA_RANGE[0]) & (frequencies <= CHROMA_RANGE[1])
    pitches = 12 * np.log2(np.where(inside, frequencies, 440) / 440)
    away = np.abs((pitches - np.arange(CHROMA)[:, None] + 6) % 12 - 6)
    weights: Float32 = (np.maximum(0, 1 - away) * inside).astype(np.float32)
    return weights


def _band_filters() -> Float32:
    """Triangles that overlap by half, evenly over the range."""
    frequencies = np.fft.rfftfreq(BANDS_WINDOW, 1 / RATE)
    centres = np.linspace(*BANDS_RANGE, BANDS + 2)[1:-1, None]
    width = (BANDS_RANGE[1] - BANDS_RANGE[0]) / (BANDS + 1)
    weights: Float32 = np.maximum(0, 1 - np.abs(frequencies - centres) / width).astype(np.float32)
    return weights


_SMOOTHING = np.hanning(SMOOTH + 2)[1:-1].astype(np.float32)
_SMOOTHING /= _SMOOTHING.sum()
_CHROMA_HANN, _BANDS_HANN = _hann(CHROMA_WINDOW), _hann(BANDS_WINDOW)
_CHROMA_FILTERS, _BAND_FILTERS = _chroma_filters(), _band_filters()
