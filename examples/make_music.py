"""Makes a dozen short pieces of music in four clearly different styles, to try audiosim on.

usage: python examples/make_music.py FOLDER

Everything is computed with NumPy from fixed seeds, and free to use. Styles mix file formats, so
that what sounds alike is not what is stored alike.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Signal = npt.NDArray[np.float64]

SAMPLE_RATE = 22_050  # Hz
DURATION = 24.0  # s
MINOR = (0, 3, 5, 7, 10)  # semitones of a pentatonic scale
FORMATS = ("wav", "flac", "ogg")


def times(seconds: float) -> Signal:
    """Sample times in s."""
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def note(semitone: float, base: float = 220.0) -> float:
    """Frequency in Hz, so many semitones above the base."""
    return float(base * 2 ** (semitone / 12))


def place(track: Signal, sound: Signal, start: float) -> None:
    """Adds a sound to a track at a time in s, cut at the track's end."""
    first = int(start * SAMPLE_RATE)
    part = sound[: max(0, len(track) - first)]
    track[first : first + len(part)] += part


def pluck(frequency: float, rng: np.random.Generator, seconds: float = 1.6) -> Signal:
    """A plucked string (Karplus and Strong, 1983)."""
    period = int(SAMPLE_RATE / frequency)
    # Each round of the loop is the one before, every sample averaged with its neighbour and damped.
    damping = 0.996 * 0.5 * (1 + np.exp(-2j * np.pi * np.fft.rfftfreq(period)))
    rounds = np.vander(damping, int(seconds * SAMPLE_RATE / period), increasing=True).T  # its powers
    string: Signal = np.fft.irfft(np.fft.rfft(rng.uniform(-1, 1, period)) * rounds, period).ravel()
    return string


def dark_noise(count: int, rng: np.random.Generator) -> Signal:
    """Noise that is loudest where it is low, less what changes slower than in a tenth of a second."""
    walk = np.cumsum(rng.normal(size=count))
    total = np.cumsum(np.pad(walk, (1001, 1000)))
    walk -= (total[2001:] - total[:-2001]) / 2001
    noise: Signal = walk / np.abs(walk).max()
    return noise


def guitar(rng: np.random.Generator) -> Signal:
    """Plucked strings, one after the other."""
    track = np.zeros(len(times(DURATION)))
    step = rng.uniform(0.22, 0.3)
    root = rng.integers(-5, 3)
    for index in range(int(DURATION / step)):
        chord = (0, 3, -2, 5)[index // 8 % 4]
        degree = rng.choice(MINOR) + 12 * rng.integers(0, 2)
        place(track, pluck(note(root + chord + degree), rng), index * step)
    return track


def techno(rng: np.random.Generator) -> Signal:
    """A bass drum on every beat, noise between, a pulsing bass."""
    track = np.zeros(len(times(DURATION)))
    beat = 60 / rng.uniform(126, 138)
    t = times(0.28)
    drum = np.sin(2 * np.pi * (48 * t + 6 * (1 - np.exp(-30 * t)))) * np.exp(-9 * t)
    t = times(0.06)
    root = rng.integers(-4, 4)
    for index in range(int(DURATION / beat)):
        start = index * beat
        place(track, drum, start)
        place(track, 0.25 * rng.normal(size=len(t)) * np.exp(-70 * t), start + beat / 2)
        for quarter in range(4):
            tone = times(beat / 5)
            pitch = note(root + rng.choice((0, 0, 3, 7)), 55.0)
            place(track, 0.4 * np.sign(np.sin(2 * np.pi * pitch * tone)), start + quarter * beat / 4)
    return track


def ambient(rng: np.random.Generator) -> Signal:
    """Slow chords of detuned sines over soft, dark noise."""
    track = np.zeros(len(times(DURATION)))
    root = rng.integers(-9, 0)
    t = times(9.0)
    swell = np.sin(np.pi * t / 9.0) ** 2
    for index, chord in enumerate((0, -4, 3, -2, 0)):
        for degree in (0, 7, 12, 15, 19):
            for detune in rng.uniform(-0.08, 0.08, 3):
                tone = np.sin(2 * np.pi * note(root + chord + degree + detune) * t + rng.uniform(0, 6))
                place(track, 0.12 * tone * swell, index * 5.0)
    track += 0.08 * dark_noise(len(track), rng)
    return track


def chiptune(rng: np.random.Generator) -> Signal:
    """Square waves: fast arpeggios, a melody above."""
    track = np.zeros(len(times(DURATION)))
    step = rng.uniform(0.07, 0.09)
    root = int(rng.integers(0, 7))
    tone, lead = times(step), times(4 * step)
    for index in range(int(DURATION / step)):
        chord = (0, 5, 3, 7)[index // 16 % 4]
        pitch = note(root + chord + (0, 4, 7, 12)[index % 4])
        place(track, 0.4 * np.sign(np.sin(2 * np.pi * pitch * tone)), index * step)
        if index % 4 == 0:
            pitch = note(root + 12 + rng.choice(MINOR), 440.0)
            place(track, 0.4 * np.sign(np.sin(2 * np.pi * pitch * lead)) * np.exp(-4 * lead), index * step)
    return track


STYLES: dict[str, Callable[[np.random.Generator], Signal]] = {
    "guitar": guitar,
    "techno": techno,
    "ambient": ambient,
    "chiptune": chiptune,
}


def main(folder: Path) -> None:
    """Writes three pieces of each style, in a folder each."""
    for number, (style, compose) in enumerate(STYLES.items()):
        (folder / style).mkdir(parents=True, exist_ok=True)
        for piece, suffix in enumerate(FORMATS, 1):
            track = compose(np.random.default_rng([number, piece]))
            track *= 0.7 / np.abs(track).max()
            soundfile.write(folder / style / f"{style}-{piece}.{suffix}", track, SAMPLE_RATE)
    print(f"Made {len(STYLES) * len(FORMATS)} pieces of music in {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/make_music.py FOLDER")
    main(Path(sys.argv[1]))
