"""Pairs of different pieces of one form, made by varying examples/make_music.py.

A piece is a form (guitar, techno, ambient, chiptune) and what a musician would change of it: the key,
the chords, the melody over the same loop, the tempo, or nothing but the take: the same notes at the same
times, plucked, detuned and hissed anew; of ambient pieces also the hiss alone. Two takes are two
recordings, as of a band that plays to a click.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
from make_music import MINOR, SAMPLE_RATE, Signal, dark_noise, note, place, pluck, times

Generator = np.random.Generator


@dataclass(frozen=True)
class Piece:
    """What decides the sound of a piece: semitones, chords, tempo as a factor, and two seeds, or three."""

    form: str
    key: int
    chords: tuple[int, ...]
    tempo: float
    melody: int
    take: int
    duration: float = 24.0  # s
    hiss: int | None = None  # None: as the take

    def play(self) -> Signal:
        """The samples, float64 (n,), at make_music's rate."""
        track = np.zeros(len(times(self.duration)))
        FORMS[self.form](
            self, track, np.random.default_rng([1, self.melody]), np.random.default_rng(self.take)
        )
        played: Signal = 0.7 * track / np.abs(track).max()
        return played


def _guitar(piece: Piece, track: Signal, melody: Generator, take: Generator) -> None:
    step = 0.26 / piece.tempo
    for index in range(int(piece.duration / step)):
        chord = piece.chords[index // 8 % len(piece.chords)]
        degree = melody.choice(MINOR) + 12 * melody.integers(0, 2)
        place(track, pluck(note(piece.key + chord + degree), take), index * step)


def _techno(piece: Piece, track: Signal, melody: Generator, take: Generator) -> None:
    beat = 60 / 132 / piece.tempo
    t, burst, tone = times(0.28), times(0.06), times(beat / 5)
    drum = np.sin(2 * np.pi * (48 * t + 6 * (1 - np.exp(-30 * t)))) * np.exp(-9 * t)
    for index in range(int(piece.duration / beat)):
        start = index * beat
        chord = piece.chords[index // 8 % len(piece.chords)]
        place(track, drum, start)
        place(track, 0.25 * take.normal(size=len(burst)) * np.exp(-70 * burst), start + beat / 2)
        for quarter in range(4):
            pitch = note(piece.key + chord + melody.choice((0, 0, 3, 7)), 55.0)
            place(track, 0.4 * np.sign(np.sin(2 * np.pi * pitch * tone)), start + quarter * beat / 4)


def _ambient(piece: Piece, track: Signal, melody: Generator, take: Generator) -> None:
    t = times(9.0)
    swell = np.sin(np.pi * t / 9.0) ** 2
    step = 5.0 / piece.tempo
    for index in range(int(piece.duration / step) + 1):
        chord = piece.chords[index % len(piece.chords)]
        for degree in (0, 7, 12, 15, 12 + melody.choice(MINOR)):
            for detune in take.uniform(-0.08, 0.08, 3):
                pitch = note(piece.key + chord + degree + detune)
                place(track, 0.12 * np.sin(2 * np.pi * pitch * t + take.uniform(0, 6)) * swell, index * step)
    hiss = take if piece.hiss is None else np.random.default_rng(piece.hiss)
    track += 0.08 * dark_noise(len(track), hiss)


def _chiptune(piece: Piece, track: Signal, melody: Generator, take: Generator) -> None:
    step = 0.08 / piece.tempo
    tone, lead = times(step), times(4 * step)
    for index in range(int(piece.duration / step)):
        chord = piece.chords[index // 16 % len(piece.chords)]
        pitch = note(piece.key + chord + (0, 4, 7, 12)[index % 4])
        place(track, 0.4 * np.sign(np.sin(2 * np.pi * pitch * tone)), index * step)
        if index % 4 == 0:
            pitch = note(piece.key + 12 + melody.choice(MINOR), 440.0)
            place(track, 0.4 * np.sign(np.sin(2 * np.pi * pitch * lead)) * np.exp(-4 * lead), index * step)


FORMS: dict[str, Callable[[Piece, Signal, Generator, Generator], None]] = {
    "guitar": _guitar,
    "techno": _techno,
    "ambient": _ambient,
    "chiptune": _chiptune,
}
CHORDS = ((0, -4, 3, -2), (0, 3, -2, 5), (0, 5, 3, 7), (0, -3, 5, -5), (0, 2, -4, 5), (0, 7, -3, 2))
CHANGES = ("key", "chords", "melody", "tempo", "take")
KINDS = [  # a machine plays the chiptunes: two takes are the same samples
    *((form, change) for change in CHANGES for form in FORMS if (form, change) != ("chiptune", "take")),
    ("ambient", "hiss"),
]


def pairs(count: int, seed: int = 2) -> Iterator[tuple[str, Piece, Piece]]:
    """So many pairs of different pieces, each with what differs: form and change, evenly."""
    first = 20_000 * (seed - 2) % 10**6  # of the seeds of melodies and takes
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        form, change = KINDS[number % len(KINDS)]
        chords = CHORDS[rng.integers(len(CHORDS))]
        piece = Piece(
            form, int(rng.integers(-6, 6)), chords, rng.uniform(0.9, 1.1), first + number, first + number
        )
        yield f"{form}, {change}", piece, _changed(piece, change, rng)


def _changed(piece: Piece, change: str, rng: Generator) -> Piece:
    others = [chords for chords in CHORDS if chords != piece.chords]
    take = piece.take + 10_000
    match change:
        case "key":
            return replace(piece, key=piece.key + int(rng.choice((-5, -2, -1, 1, 2, 3, 7))), take=take)
        case "chords":
            return replace(piece, chords=others[rng.integers(len(others))], take=take)
        case "melody":
            return replace(piece, melody=piece.melody + 10_000)
        case "tempo":
            return replace(piece, tempo=piece.tempo * float(rng.choice((0.94, 0.97, 1.03, 1.06))), take=take)
        case "hiss":
            return replace(piece, hiss=take)
        case _:
            return replace(piece, take=take)


RATE = SAMPLE_RATE  # Hz
