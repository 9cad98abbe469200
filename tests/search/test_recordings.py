"""Which files hold one recording: by how their windows change, where fingerprints are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from landmark_sets import a_set
from made_home import digest_of, frames_of, path_of

from audiosim.audio.fingerprint import Landmarks
from audiosim.core.types import AudioInfo, Float32, Float64, FrameEmbeddings, Track
from audiosim.encoders.pooling import pool
from audiosim.library.cache import Cache
from audiosim.library.catalog import Entry
from audiosim.search import recordings, windows
from audiosim.search.fingerprints import overlap
from audiosim.search.recordings import Recordings, evidence_of

DIMENSION = 16


class Tracks:
    """Caches, and entries of them."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder, FakeEncoder().spec)
        self.recordings = Recordings(self.cache, 1.0, lambda digests: [])

    def add(self, name: str, frames: FrameEmbeddings, duration: float | None = None) -> Entry:
        seconds = duration or float(frames.timestamps[-1]) + 1
        self.cache.write(AudioInfo(digest_of(name), seconds, 8000, 1, "flac", 1, 1), frames, "float32")
        return entry(name, pool(frames).vector, seconds)


def entry(name: str, vector: Float32, duration: float | None) -> Entry:
    return Entry(name, Track(path_of(name), digest_of(name), duration), vector)


@pytest.fixture
def tracks(tmp_path: Path) -> Tracks:
    return Tracks(tmp_path)


def walk(count: int, seed: int) -> Float64:
    """Windows (count, dim) of music that changes slowly, off the origin."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, DIMENSION))
    for place in range(1, count):
        rows[place] = 0.9 * rows[place - 1] + rng.standard_normal(DIMENSION)
    return rows + 10


def encoded(rows: Float64, seed: int = 0, *, level: float = 0.3) -> FrameEmbeddings:
    """What another encoding does: all windows are moved alike, and each a little by itself."""
    noise = np.random.default_rng(seed + 1000).standard_normal(rows.shape)
    return frames_of((0.8 * rows + 1.5 + 0.4 * level * noise).astype(np.float32))


def test_another_encoding_at_another_level_is_the_same_recording(tracks: Tracks) -> None:
    rows = walk(60, 1)
    first, second = tracks.add("a", frames_of(rows.astype(np.float32))), tracks.add("b", encoded(rows))
    found = tracks.recordings.same(first, second)
    assert found is not None
    assert (found.kind, found.offset) == ("same recording", 0.0)
    assert found.correlation is not None
    assert found.correlation > 0.9
    assert found.similarity == pytest.approx(float(first.vector @ second.vector))


@pytest.mark.parametrize("seed", range(5))
def test_different_recordings_alike_on_average_are_not_the_same(tracks: Tracks, seed: int) -> None:
    first = tracks.add("a", frames_of(walk(60, seed).astype(np.float32)))
    second = tracks.add("b", frames_of(walk(62, seed + 100).astype(np.float32)))
    assert float(first.vector @ second.vector) > recordings.SIMILAR
    assert tracks.recordings.same(first, second) is None


@pytest.mark.parametrize("later", [3.0, 2.5, 2.25, 0.75, -1.25, -4.0])
def test_a_trimmed_recording_is_found_with_its_offset(tracks: Tracks, later: float) -> None:
    fine = np.repeat(walk(80, 2), 4, axis=0)
    smooth = np.apply_along_axis(lambda column: np.convolve(column, np.ones(4) / 4, "valid"), 0, fine)
    base = 20  # quarters of a window
    shift = round(4 * later)
    first = tracks.add("a", frames_of(smooth[base:][::4][:60].astype(np.float32)))
    second = tracks.add("b", encoded(smooth[base - shift :][::4][:60]))
    found = tracks.recordings.same(first, second)
    assert found is not None
    assert found.offset == later
    back = tracks.recordings.same(second, first)
    assert back is not None
    assert back.offset == -later


def test_long_tracks_are_compared_by_means_of_several_windows(
    tracks: Tracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "MAX_ROWS", 40)
    smooth = np.repeat(walk(50, 3), 6, axis=0)
    first = tracks.add("a", frames_of(smooth.astype(np.float32)))
    second = tracks.add("b", encoded(smooth[8:]))
    found = tracks.recordings.same(first, second)
    assert found is not None
    assert found.offset == -8
    assert {len(series.rows) for series in tracks.recordings._windows._series.values() if series} == {38, 37}


def test_equal_audio_is_the_same_without_any_cache(tracks: Tracks) -> None:
    vector = np.full(DIMENSION, 0.25, np.float32)
    found = tracks.recordings.same(entry("a", vector, 3.0), entry("a", vector, 3.0))
    assert found is not None
    assert (found.kind, found.correlation, found.offset) == ("same audio", None, 0.0)


@pytest.mark.parametrize(("windows", "same"), [(29, False), (30, True)])
def test_tracks_of_less_than_half_a_minute_are_told_apart_by_their_audio_only(
    tracks: Tracks, windows: int, same: bool
) -> None:
    rows = walk(windows, 4)
    first = tracks.add("a", frames_of(rows.astype(np.float32)))
    second = tracks.add("b", encoded(rows, level=0.0))
    assert (tracks.recordings.same(first, second) is not None) == same


def test_without_a_cache_or_with_another_length_nothing_is_known(tracks: Tracks) -> None:
    rows = walk(60, 5)
    first = tracks.add("a", frames_of(rows.astype(np.float32)))
    longer = tracks.add("b", encoded(rows), duration=71.0)
    assert tracks.recordings.same(first, longer) is None
    absent = entry("c", first.vector, 60.0)
    assert tracks.recordings.same(first, absent) is None
    assert tracks.recordings.same(absent, first) is None


def test_a_cache_with_no_audible_window_is_like_nothing(tracks: Tracks) -> None:
    first = tracks.add("a", frames_of(walk(20, 6).astype(np.float32)))
    rows = np.ones((20, DIMENSION), np.float32)
    info = AudioInfo(digest_of("b"), 20.0, 8000, 1, "flac", 1, 1)
    tracks.cache.write(info, frames_of(rows, silent=tuple(range(20))), "float32")
    assert tracks.recordings.same(first, entry("b", first.vector, 20.0)) is None


def test_gaps_and_silences_of_one_do_not_count(tracks: Tracks) -> None:
    rows = walk(60, 7)
    places = [place for place in range(60) if not 20 <= place < 28]
    first = tracks.add("a", frames_of(rows[places].astype(np.float32), places=places))
    frames = encoded(rows)
    frames.level[40:44] = -np.inf
    found = tracks.recordings.same(first, tracks.add("b", frames))
    assert found is not None
    assert found.offset == 0


def test_a_few_windows_in_common_are_no_evidence_where_most_are_elsewhere(tracks: Tracks) -> None:
    rows, other = walk(100, 8), walk(100, 9)
    rows[:10] = 10 + 3 * (rows[:10] - 10)
    other[:10] = rows[:10]
    places = [*range(10), *range(30, 50)], [*range(10), *range(60, 80)]
    first, second = (
        tracks.add(name, frames_of(music[where].astype(np.float32), places=where), duration=100.0)
        for name, music, where in zip("ab", (rows, other), places, strict=True)
    )
    assert tracks.recordings.same(first, second) is None


def test_what_is_kept_in_memory_is_bounded(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "KEPT", 3 * 30 * DIMENSION * 4)
    entries = [tracks.add(name, frames_of(walk(30, 10).astype(np.float32))) for name in "abcdef"]
    for one in entries[1:]:
        assert tracks.recordings.same(entries[0], one) is not None
    assert len(tracks.recordings._windows._series) == 3


def test_of_which_share_a_cut_is_tells_time_however_close_its_landmarks_lie() -> None:
    """Three quarters of the landmarks lie in the half that is kept."""
    steps = np.append(np.full(90, 100), np.full(30, 300))
    whole = Landmarks(np.cumsum(steps), a_set(1, 120).bits)
    cut = Landmarks(whole.places[:90], whole.bits[:90])
    lengths = {id(whole): 180.0, id(cut): 90.0}
    for pair, expected in (((whole, cut), (0.5, 1.0)), ((cut, whole), (1.0, 0.5))):
        found = evidence_of(overlap(*pair), 0.0, (lengths[id(pair[0])], lengths[id(pair[1])]))
        assert found is not None
        assert found.change == "cut"
        assert found.shares == pytest.approx(expected, abs=0.01)
