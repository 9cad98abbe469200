"""Where a passage lies in a track of its recording: where it was cut, whatever was done to it, or nowhere."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from fake_encoder import FakeEncoder

from audiosim.audio.fingerprint import BITS, Fingerprinter, Landmarks
from audiosim.core.config import Home
from audiosim.core.types import Float32, Passage
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_folder
from audiosim.library.catalog import Catalog
from audiosim.search.fingerprints import SECONDS
from audiosim.search.passage_place import LEAST, UNLIKE, offset_of, placed
from audiosim.search.passage_search import find_passages
from audiosim.search.ranking import RankingOptions

sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))
from forms import RATE, Piece

pytestmark = pytest.mark.slow

LENGTH = 60.0  # s
CLIP = 10.0


@cache
def played(form: str, take: int = 1, melody: int = 1, key: int = 0) -> Float32:
    return Piece(form, key, (0, 3, -2, 5), 1.0, melody, take, LENGTH).play().astype(np.float32)


def heard(samples: Float32, rate: int = RATE) -> Landmarks:
    fingerprinter = Fingerprinter()
    fingerprinter.push(samples, rate)
    landmarks = Landmarks.from_bytes(fingerprinter.finish())
    assert landmarks is not None
    return landmarks


def cut(samples: Float32, start: float, seconds: float = CLIP) -> Float32:
    return samples[round(start * RATE) : round((start + seconds) * RATE)]


def as_mp3(path: Path, samples: Float32) -> Path:
    """Samples 3 dB quieter, as MP3."""
    whole = np.float32(0.7) * soxr.resample(samples, RATE, 44_100)
    soundfile.write(path, whole, 44_100, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.7)
    return path


def made(seed: int, count: int) -> Landmarks:
    rng = np.random.default_rng(seed)
    return Landmarks(np.cumsum(rng.integers(69, 250, count)), rng.random((count, BITS)) < 0.5)


def moved(some: Landmarks, hops: int) -> Landmarks:
    return Landmarks(some.places + hops, some.bits)


@pytest.mark.parametrize("start", [3.21, 18.77, 44.4])
@pytest.mark.parametrize("form", ["guitar", "techno", "chiptune"])
def test_a_clip_through_a_codec_is_placed_where_it_was_cut(form: str, start: float, tmp_path: Path) -> None:
    clip, rate = soundfile.read(as_mp3(tmp_path / "clip.mp3", cut(played(form), start)), dtype="float32")
    found = offset_of(heard(clip, rate), heard(played(form)), near=0.0)
    assert found == pytest.approx(start, abs=0.06)


@pytest.mark.parametrize("form", ["guitar", "chiptune"])
def test_what_is_of_another_take_key_or_melody_has_no_place(form: str) -> None:
    others = [played(form, melody=2, take=2), played(form, key=3, take=2), played("ambient", take=2)]
    others += [played(form, take=2)] if form == "guitar" else []  # a machine plays no other takes
    for start in (5.0, 23.4, 41.7):
        clip = heard(cut(played(form), start))
        assert [offset_of(clip, heard(other), near=start) for other in others] == [None] * len(others)


def test_of_places_that_are_alike_the_one_nearest_to_what_windows_found_is_taken() -> None:
    part, other = made(1, 15), made(2, 40)
    later = int(other.places[-1]) + 100
    again = later + int(part.places[-1]) + 500
    track = Landmarks(
        np.concatenate([other.places, part.places + later, part.places + again]),
        np.concatenate([other.bits, part.bits, part.bits]),
    )
    for true, near in ((later, later - 60), (again, again + 90), (again, again + 10**6)):
        assert offset_of(part, track, near * SECONDS) == pytest.approx(true * SECONDS, abs=0.001)


def test_the_place_where_more_bits_agree_is_taken_wherever_windows_are() -> None:
    part = made(1, 15)
    bits = part.bits ^ (np.random.default_rng(3).random(part.bits.shape) < 0.08)
    later = int(part.places[-1]) + 500
    track = Landmarks(np.concatenate([part.places, part.places + later]), np.concatenate([bits, part.bits]))
    assert offset_of(part, track, near=0.0) == pytest.approx(later * SECONDS, abs=0.001)


def test_a_few_landmarks_that_happen_to_meet_are_no_place() -> None:
    whole = made(1, 80)
    few = -(-LEAST // UNLIKE)
    one, other = made(2, 15), made(3, 80)
    for count, known in ((few - 1, False), (15, True)):
        track = Landmarks(other.places.copy(), other.bits.copy())
        track.places[10 : 10 + count] = one.places[:count] + 2000 - one.places[0]
        track.bits[10 : 10 + count] = one.bits[:count]
        order = np.argsort(track.places)
        mixed = Landmarks(track.places[order], track.bits[order])
        assert (offset_of(one, mixed, near=0.0) is not None) == known
    assert offset_of(one, whole, near=0.0) is None
    nothing = Landmarks(np.empty(0, np.int64), np.empty((0, BITS), bool))
    assert offset_of(nothing, whole, 0.0) is offset_of(one, nothing, 0.0) is None


def test_both_stretches_are_what_both_files_have() -> None:
    whole = made(1, 60)
    found = Passage(0.9, 0.0, 12.0, b"/m/query", 3.0, 15.0)
    late = moved(whole, -round(5 / SECONDS))  # the track begins 5 s later than the query
    late = Landmarks(late.places[late.places > 0], late.bits[late.places > 0])
    exact = placed(found, whole.between(3.0, 15.0), late, 30.0)
    assert (exact.start, exact.end) == pytest.approx((0.0, 10.0), abs=0.01)
    assert (exact.query_start, exact.query_end) == pytest.approx((5.0, 15.0), abs=0.01)
    short = placed(found, whole.between(3.0, 15.0), late, 8.0)
    assert (short.end, short.query_end) == pytest.approx((8.0, 13.0), abs=0.01)
    assert placed(found, None, whole, 60.0) == placed(found, whole, None, 60.0) == found
    assert placed(found, made(5, 12), whole, 60.0) == found


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Home, FakeEncoder]:
    """A guitar piece; the same from 2.37 s on, as MP3; another take, and other pieces."""
    base = tmp_path_factory.mktemp("library")
    music = base / "music"
    music.mkdir()
    tracks = {"piece": played("guitar"), "take": played("guitar", take=2), "techno": played("techno")}
    for name, samples in tracks.items():
        soundfile.write(music / f"{name}.flac", samples, RATE)
    as_mp3(music / "copy.mp3", played("guitar")[round(2.37 * RATE) :])
    home, encoder = Home(base / "home"), FakeEncoder()
    index_folder([music], home=home.path, options=IndexOptions(jobs=2), encoder=encoder)
    return music, home, encoder


def passages(
    library: tuple[Path, Home, FakeEncoder], query: Path, start: float, end: float | None
) -> dict[str, Passage]:
    _, home, encoder = library
    found = find_passages(
        query,
        start,
        end,
        home=home.path,
        encoder=encoder,
        include_self=True,
        ranking=RankingOptions(show_duplicates=True),
    )
    named = ((os.fsdecode(match.track.path), match.passage) for match in found.matches)
    return {Path(path).name: passage for path, passage in named if passage is not None}


def test_a_passage_of_an_indexed_file_is_placed_in_a_copy_of_it_between_windows(
    library: tuple[Path, Home, FakeEncoder],
) -> None:
    found = passages(library, library[0] / "piece.flac", 20.0, 30.0)
    assert found["copy.mp3"].start == pytest.approx(17.63, abs=0.06)
    assert found["copy.mp3"].end == pytest.approx(27.63, abs=0.06)
    assert found["take.flac"].start == round(found["take.flac"].start)  # by windows, one a second


def test_a_stretch_that_a_copy_lacks_is_left_out_of_the_querys_too(
    library: tuple[Path, Home, FakeEncoder],
) -> None:
    found = passages(library, library[0] / "piece.flac", 0.0, 12.0)["copy.mp3"]
    assert (found.start, found.query_start) == pytest.approx((0.0, 2.37), abs=0.06)
    assert (found.end, found.query_end) == pytest.approx((9.63, 12.0), abs=0.06)


def test_a_passage_of_a_file_that_is_not_indexed_is_placed_too(
    library: tuple[Path, Home, FakeEncoder], tmp_path: Path
) -> None:
    mix = np.concatenate([played("ambient")[: 15 * RATE], cut(played("guitar"), 31.03, 12.0)])
    found = passages(library, as_mp3(tmp_path / "mix.mp3", mix), 15.0, 27.0)["copy.mp3"]
    assert (found.start, found.end) == pytest.approx((28.66, 40.66), abs=0.06)
    assert (found.query_start, found.query_end) == (15.0, 27.0)


def test_without_fingerprints_windows_say_where(
    library: tuple[Path, Home, FakeEncoder], tmp_path: Path
) -> None:
    exact = passages(library, library[0] / "piece.flac", 20.0, 30.0)
    with Catalog(library[1].catalog) as catalog:
        digests = [entry.track.digest for entry in catalog.tracks.entries()]
        kept = dict(catalog.fingerprints.of(digests))
        catalog.fingerprints.drop(digests)
        try:
            rough = passages(library, library[0] / "piece.flac", 20.0, 30.0)
        finally:
            for digest, packed in kept.items():
                catalog.fingerprints.set(digest, packed)
    assert rough.keys() == exact.keys()
    assert rough["copy.mp3"].start == round(rough["copy.mp3"].start)
    alone = replace(rough["copy.mp3"], start=0.0, end=0.0)
    assert alone == replace(exact["copy.mp3"], start=0.0, end=0.0)
