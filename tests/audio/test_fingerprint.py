"""Fingerprints: what they keep of a signal, in how many bytes, however it arrives."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from audio_files import music

from audiosim.audio import fingerprint
from audiosim.audio.fingerprint import RATE, Fingerprinter, Landmarks, is_fingerprint
from audiosim.core.types import Float32


def sound(seconds: float, seed: int = 0) -> Float32:
    """Music that goes on, at the fingerprint's own rate."""
    parts = [music(5.0, RATE, seed=100 * seed + part)[:, 0] for part in range(int(seconds / 5) + 1)]
    return np.concatenate(parts)[: round(seconds * RATE)]


def made(samples: Float32, rate: int = RATE, block: int = 65_536) -> bytes:
    fingerprinter = Fingerprinter()
    for start in range(0, len(samples), block):
        fingerprinter.push(samples[start : start + block], rate)
    return fingerprinter.finish()


def read(data: bytes) -> Landmarks:
    landmarks = Landmarks.from_bytes(data)
    assert landmarks is not None
    return landmarks


def shared(first: Landmarks, second: Landmarks, later: int) -> tuple[float, float]:
    """Which share of the first's landmarks the second has so many hops later, and of these, of the bits."""
    places, rows, columns = np.intersect1d(first.places + later, second.places, return_indices=True)
    return len(places) / len(first), float((first.bits[rows] == second.bits[columns]).mean())


def test_a_fingerprint_is_the_same_however_its_samples_arrive() -> None:
    samples = sound(75.0)
    assert made(samples, block=100_000) == made(samples, block=1777) == made(samples, block=len(samples))


def test_it_takes_well_under_a_kilobyte_a_minute() -> None:
    assert 100 < len(made(sound(60.0))) < 800


def test_what_is_written_is_read_again_over_long_pauses_too() -> None:
    samples = np.concatenate([sound(8.0), np.zeros(20 * RATE, np.float32), sound(8.0, 1)])
    data = made(samples)
    landmarks = read(data)
    assert landmarks.to_bytes() == data
    unpacked = Landmarks(landmarks.places, landmarks.bits)
    np.testing.assert_array_equal(landmarks.bands, unpacked.bands)
    np.testing.assert_array_equal(landmarks.keys, np.unique(unpacked.keys))
    assert np.diff(landmarks.places).max() > 3 * fingerprint.FARTHEST
    assert np.diff(landmarks.places).min() >= fingerprint.APART
    assert landmarks.places[-1] <= len(samples) / fingerprint.HOP


def test_a_signal_that_begins_later_has_the_same_landmarks_later() -> None:
    samples = sound(60.0)
    later = 344  # hops
    padded = np.pad(samples, (later * fingerprint.HOP, 0))
    places, bits = shared(read(made(samples)), read(made(padded)), later)
    assert places > 0.99
    assert bits > 0.99


def test_level_and_rate_hardly_change_it() -> None:
    samples = sound(60.0)
    upsampled = soxr.resample(samples, RATE, 44_100)
    for other in (made(0.25 * samples), made(upsampled, 44_100)):
        places, bits = shared(read(made(samples)), read(other), 0)
        assert places > 0.9
        assert bits > 0.95


def test_a_rate_that_changes_within_the_file_is_followed() -> None:
    samples = sound(60.0)
    half = len(samples) // 2
    fingerprinter = Fingerprinter()
    fingerprinter.push(samples[:half], RATE)
    fingerprinter.push(soxr.resample(samples[half:], RATE, 32_000), 32_000)
    places, bits = shared(read(made(samples)), read(fingerprinter.finish()), 0)
    assert places > 0.8
    assert bits > 0.9


def test_another_key_changes_the_pitches() -> None:
    samples = sound(60.0)
    raised = soxr.resample(samples, RATE * 2 ** (1 / 12), RATE)  # faster too: places move
    first, second = read(made(samples)), read(made(raised))
    places = np.rint(first.places / 2 ** (1 / 12)).astype(int)
    near = [int(np.abs(second.places - place).argmin()) for place in places]
    pitches = slice(0, fingerprint.CHROMA)
    same = (first.bits[:, pitches] == second.bits[near][:, pitches]).mean()
    moved = (np.roll(first.bits[:, pitches], 1, axis=1) == second.bits[near][:, pitches]).mean()
    assert same < 0.75 < moved


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.3])
def test_next_to_nothing_has_a_fingerprint_too(seconds: float) -> None:
    assert len(read(made(sound(seconds)))) <= 1


def test_silence_and_what_never_changes_have_no_landmarks() -> None:
    assert made(np.zeros(20 * RATE, np.float32)) == bytes([fingerprint.VERSION])
    square = np.tile(np.repeat(np.array([0.5, -0.5], np.float32), fingerprint.HOP // 2), 5000)
    assert len(read(made(square))) <= 2  # its beginning and end


def test_memory_does_not_grow_with_the_signal() -> None:
    fingerprinter, samples = Fingerprinter(), sound(20.0)
    for _ in range(20):
        fingerprinter.push(samples, RATE)
        assert len(fingerprinter._buffer) < 2 * fingerprint.CHUNK


def test_damaged_ones_and_those_of_other_versions_are_told() -> None:
    data = made(sound(20.0))
    later = bytes([fingerprint.VERSION + 1]) + data[1:]
    assert [is_fingerprint(each) for each in (data, data[:-1], b"", b"\0", later, later[:-1])] == [
        True,
        False,
        False,
        False,
        True,
        True,
    ]
    assert Landmarks.from_bytes(data[:-1]) is None
    assert Landmarks.from_bytes(later) is None
