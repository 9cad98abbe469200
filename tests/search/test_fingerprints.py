"""Which fingerprints are of one recording: copies of it are, other takes, keys, tempos, melodies are not."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from audiosim.audio.fingerprint import Fingerprinter, Landmarks
from audiosim.core.types import Float32
from audiosim.search.fingerprints import Overlap, overlap

sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))
from forms import FORMS, RATE, Piece

pytestmark = pytest.mark.slow

SECONDS = 40.0


@cache
def played(piece: Piece) -> Float32:
    return piece.play().astype(np.float32)


def heard(samples: Float32, rate: int = RATE) -> Landmarks:
    fingerprinter = Fingerprinter()
    fingerprinter.push(samples, rate)
    landmarks = Landmarks.from_bytes(fingerprinter.finish())
    assert landmarks is not None
    return landmarks


def a_piece(form: str, take: int = 1) -> Piece:
    return Piece(form, 0, (0, 3, -2, 5), 1.0, 1, take, SECONDS)


def laid(first: Float32, second: Float32) -> Overlap:
    found = overlap(heard(first), heard(second))
    assert found is not None
    return found


def encoded(samples: Float32, folder: Path, name: str) -> Float32:
    """The samples as they come back from a codec, at RATE."""
    path = folder / name
    container, codec = ("OGG", "VORBIS") if path.suffix == ".ogg" else ("MP3", "MPEG_LAYER_III")
    soundfile.write(path, soxr.resample(samples, RATE, 44_100), 44_100, format=container, subtype=codec)
    found, rate = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(found, rate, RATE), np.float32)


FORMS_WITH_PITCH = sorted(FORMS)


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg"])
@pytest.mark.parametrize("form", ["guitar", "chiptune"])
def test_another_encoding_and_level_is_the_same_recording(form: str, name: str, tmp_path: Path) -> None:
    samples = played(a_piece(form))
    found = laid(samples, encoded(0.4 * samples, tmp_path, name))
    assert found.is_same
    assert found.speed == 1.0
    assert found.offset == pytest.approx(0.0, abs=0.06)
    assert min(found.covered) > 0.95


@pytest.mark.parametrize("form", ["chiptune", "guitar", "techno"])
@pytest.mark.parametrize("cut", [(2.03, SECONDS), (0.0, SECONDS / 2), (SECONDS / 2, SECONDS)])
def test_a_cut_is_found_with_its_offset_either_way(form: str, cut: tuple[float, float]) -> None:
    samples = played(a_piece(form))
    part = samples[round(cut[0] * RATE) : round(cut[1] * RATE)]
    found, back = laid(samples, part), laid(part, samples)
    assert found.is_same
    assert back.is_same
    assert found.offset == pytest.approx(-cut[0], abs=0.03)
    assert back.offset == pytest.approx(cut[0], abs=0.03)
    assert found.covered[0] == pytest.approx((cut[1] - cut[0]) / SECONDS, abs=0.15)
    assert found.covered[1] > 0.9
    shares = found.shares(SECONDS, cut[1] - cut[0])
    assert shares == pytest.approx(((cut[1] - cut[0]) / SECONDS, 1.0), abs=0.002)


def test_silence_in_front_and_a_fade_at_the_end_change_nothing() -> None:
    samples = played(a_piece("guitar"))
    fade = np.ones(len(samples), np.float32)
    fade[-5 * RATE :] = np.linspace(1, 0, 5 * RATE)
    found = laid(samples, np.pad(samples * fade, (3 * RATE, 0)))
    assert found.is_same
    assert found.offset == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("speed", [0.96, 0.98, 1.01, 1.02, 1.04])
def test_another_speed_is_found_with_it(speed: float) -> None:
    samples = played(a_piece("guitar"))
    found = laid(samples, np.pad(soxr.resample(samples, speed * RATE, RATE), (RATE, 0)))
    assert found.is_same
    assert found.speed == pytest.approx(speed, abs=0.0005)
    assert found.offset == pytest.approx(1.0, abs=0.05)


VARIED = [
    (form, change)
    for form in FORMS_WITH_PITCH
    for change in ("key", "chords", "melody", "take", "tempo")
    if (form, change) != ("chiptune", "take")  # a machine plays the same samples again
]
VARIED.append(("ambient", "hiss"))


@pytest.mark.parametrize(("form", "change"), VARIED)
def test_other_pieces_of_one_form_are_other_recordings(form: str, change: str) -> None:
    piece = a_piece(form)
    others = {
        "key": [replace(piece, key=key) for key in (-1, 1, 7)],
        "chords": [replace(piece, chords=(0, -4, 3, -2))],
        "melody": [replace(piece, melody=2)],
        "take": [replace(piece, take=2)],
        "hiss": [replace(piece, hiss=2)],
        "tempo": [replace(piece, tempo=tempo) for tempo in (0.97, 1.01, 1.03)],
    }[change]
    own = heard(played(piece))
    for other in others:
        found = overlap(own, heard(played(other)))
        assert found is None or not found.is_same, other


def test_an_edited_version_is_another_recording() -> None:
    samples = played(a_piece("guitar"))
    other = played(a_piece("guitar", take=2))
    third = len(samples) // 3
    mixed = np.concatenate([samples[:third], other[third : 2 * third], samples[2 * third :]])
    assert not laid(samples, mixed).is_same


def test_music_of_few_notes_is_told_by_seven_landmarks(tmp_path: Path) -> None:
    samples, other = (played(replace(a_piece("guitar"), melody=melody)) for melody in (1, 2))
    few, others = (each[: 5 * RATE] for each in (samples, other))
    there = heard(few), heard(encoded(0.4 * few, tmp_path, "a.ogg"))
    assert all(6 <= len(one) < 12 for one in there)
    found = overlap(*there)
    assert found is not None
    assert found.is_same
    different = overlap(heard(few), heard(others))
    assert different is None or not different.is_same


def test_too_little_to_go_by_is_no_evidence() -> None:
    samples = played(a_piece("guitar"))[: 3 * RATE]
    found = overlap(heard(samples), heard(samples))
    assert found is None or not found.is_same
    nothing = heard(np.zeros(10 * RATE, np.float32))
    assert overlap(nothing, nothing) is None


def test_a_loop_that_never_changes_is_no_evidence() -> None:
    beat = np.zeros(RATE // 2, np.float32)
    beat[:2000] = np.random.default_rng(1).standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    loop = np.tile(0.3 * beat, 60)
    found = overlap(heard(loop), heard(np.pad(loop, (RATE, 0))))
    assert found is None or not found.is_same
