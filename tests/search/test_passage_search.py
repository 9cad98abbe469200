"""Asking with a passage: which tracks have it, and where."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE
from fake_encoder import FakeEncoder
from made_home import MadeHome, digest_of, frames_of, path_of, random_tracks

from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, HomeError, UsageError
from audiosim.core.types import Float32, Framing, Tags
from audiosim.indexing.options import IndexOptions
from audiosim.indexing.pipeline import index_folder
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog
from audiosim.library.filters import Filter
from audiosim.search import passage_search
from audiosim.search.passage_search import find_passages
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import SearchResult

pytestmark = pytest.mark.slow

TRACKS = 6
SECONDS = 40


def sounds(seconds: float, seed: int) -> Float32:
    """A sequence of chords of a third of a second, at 8 kHz."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    beat = (t * 3).astype(int)
    chords = rng.uniform(50, 3900, (3, beat[-1] + 1))
    loud = rng.uniform(0.02, 0.2, (3, beat[-1] + 1))
    parts = [loud[k][beat] * np.sin(2 * np.pi * chords[k][beat] * t) for k in range(3)]
    return np.asarray(np.sum(parts, axis=0), np.float32)


class CentredEncoder(FakeEncoder):
    """With half a window of zeros before the signal, as OpenL3's by default."""

    def __init__(self, *, hop: float = 0.5) -> None:
        super().__init__(hop=hop)
        framing = Framing(SAMPLE_RATE, int(hop * SAMPLE_RATE), lead=SAMPLE_RATE // 2)
        self.spec = replace(self.spec, framing=framing)


class Asker:
    """A home of six tracks; the fourth has ten seconds of the first in its middle."""

    def __init__(self, base: Path, encoder: FakeEncoder) -> None:
        self.home, self.music, self.encoder = Home(base / "home"), base / "music", encoder
        self.signals = [sounds(SECONDS, seed) for seed in range(TRACKS)]
        self.signals[3][17 * SAMPLE_RATE : 27 * SAMPLE_RATE] = self.signals[0][
            8 * SAMPLE_RATE : 18 * SAMPLE_RATE
        ]
        self.signals[5][20 * SAMPLE_RATE :] = 0
        self.music.mkdir(parents=True)
        for number in range(TRACKS):
            soundfile.write(self.path(number), self.signals[number], SAMPLE_RATE, subtype="PCM_16")
        options = IndexOptions(jobs=2)
        index_folder([self.music], home=self.home.path, options=options, encoder=encoder)
        encoder.windows = 0

    def path(self, number: int) -> Path:
        return self.music / f"{number}.flac"

    def ask(
        self, query: Path, start: float = 0.0, end: float | None = None, **options: object
    ) -> SearchResult:
        return find_passages(query, start, end, home=self.home.path, encoder=self.encoder, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["plain", "centred"])
def asker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Asker:
    encoder = FakeEncoder(hop=1.0) if request.param == "plain" else CentredEncoder()
    return Asker(tmp_path_factory.mktemp(request.param), encoder)


def names(result: SearchResult) -> list[str]:
    return [Path(os.fsdecode(match.track.path)).name for match in result.matches]


@pytest.mark.parametrize("start", [12.3, 22.0])
def test_a_clip_that_is_not_indexed_is_found_where_it_was_cut(
    asker: Asker, tmp_path: Path, start: float
) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, asker.signals[1][int(start * SAMPLE_RATE) :][: 8 * SAMPLE_RATE], SAMPLE_RATE)
    result = asker.ask(clip)
    best = result.matches[0]
    assert names(result)[0] == "1.flac"
    assert best.similarity > result.matches[1].similarity + 0.01
    assert best.passage is not None
    assert best.passage.similarity == best.similarity > 0.98
    assert best.passage.start == pytest.approx(start, abs=0.08)
    assert best.passage.end == pytest.approx(start + 8, abs=0.08)
    assert (best.passage.query_start, best.passage.query_end) == (0.0, 8.0)
    assert not result.queries[0].indexed


def test_part_of_a_file_that_is_not_indexed_is_asked_with_alone(asker: Asker, tmp_path: Path) -> None:
    mix = tmp_path / "mix.wav"
    parts = [sounds(5.2, 90), asker.signals[2][6 * SAMPLE_RATE : 14 * SAMPLE_RATE], sounds(5, 91)]
    soundfile.write(mix, np.concatenate(parts), SAMPLE_RATE)
    result = asker.ask(mix, 5.2, 13.2)
    assert names(result)[0] == "2.flac"
    passage = result.matches[0].passage
    assert passage is not None
    assert (passage.query_start, passage.query_end) == (5.2, 13.2)
    assert passage.start == pytest.approx(6, abs=0.08)


def test_an_indexed_track_whose_windows_are_not_all_kept_is_called_indexed(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = asker.encoder.windows
    monkeypatch.setattr("audiosim.search.passage_query._cached", lambda *_: None)  # as with `max_windows`
    result = asker.ask(asker.path(0), 9, 17)
    assert asker.encoder.windows > before
    assert (result.queries[0].indexed, names(result)[0]) == (True, "3.flac")


def test_a_passage_of_a_file_whose_channels_cancel_each_other_is_found(asker: Asker, tmp_path: Path) -> None:
    file = tmp_path / "unknown.wav"
    signal = np.concatenate([sounds(5.2, seed=99), asker.signals[2][6 * SAMPLE_RATE : 14 * SAMPLE_RATE]])
    soundfile.write(file, np.stack([signal, -signal], axis=1), SAMPLE_RATE)
    result = asker.ask(file, 5.2, 13.2)
    assert result.matches[0].track.path == os.fsencode(asker.path(2))


def test_a_passage_of_an_indexed_track_is_found_in_another_with_no_encoder(asker: Asker) -> None:
    before = asker.encoder.windows
    result = asker.ask(asker.path(0), 9, 17)
    assert names(result)[0] == "3.flac"
    best = result.matches[0]
    assert best.similarity > 0.99 > result.matches[1].similarity
    assert best.passage is not None
    assert (best.passage.start, best.passage.end) == pytest.approx((18, 26), abs=0.01)
    assert asker.encoder.windows == before
    assert "0.flac" not in names(result)
    itself = asker.ask(asker.path(0), 9, 17, include_self=True).matches[0]
    assert itself.track.path == os.fsencode(asker.path(0))
    assert itself.passage is not None
    assert (itself.passage.start, itself.passage.end) == pytest.approx((9, 17), abs=0.01)


def test_a_passage_shorter_than_a_window_still_has_an_answer(asker: Asker, tmp_path: Path) -> None:
    assert asker.ask(asker.path(0), 12.1, 12.3).matches
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, asker.signals[1][:2000], SAMPLE_RATE)
    assert asker.ask(clip).matches


def test_a_passage_that_is_longer_than_the_track_ends_with_it(asker: Asker) -> None:
    passage = asker.ask(asker.path(0), 35, 1000).matches[0].passage
    assert passage is not None
    assert (passage.query_start, passage.query_end) == (35, SECONDS)
    assert 0 <= passage.start < passage.end <= SECONDS


@pytest.mark.parametrize(("start", "end"), [(-1.0, 5.0), (5.0, 5.0), (6.0, 5.0), (0.0, 0.0)])
def test_a_passage_that_ends_before_it_begins_is_a_usage_error(
    asker: Asker, start: float, end: float
) -> None:
    with pytest.raises(UsageError, match="no such passage"):
        asker.ask(asker.path(0), start, end)


@pytest.mark.parametrize("indexed", [True, False])
def test_a_passage_beyond_the_end_is_a_usage_error_that_tells_the_length(
    asker: Asker, tmp_path: Path, indexed: bool
) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, sounds(SECONDS, 80), SAMPLE_RATE)
    with pytest.raises(UsageError, match="it is 0:40 long"):
        asker.ask(asker.path(0) if indexed else other, 40.0, 50.0)


@pytest.mark.parametrize("indexed", [True, False])
def test_a_silent_passage_can_not_be_asked_with(asker: Asker, tmp_path: Path, indexed: bool) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, asker.signals[5][SAMPLE_RATE:], SAMPLE_RATE)
    with pytest.raises(AudiosimError, match="the passage is silent"):
        asker.ask(asker.path(5) if indexed else other, 25, 30)


def test_a_file_that_is_nowhere_is_told_before_a_model_is_loaded(asker: Asker, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        find_passages(tmp_path / "nowhere.wav", 1, 2, home=asker.home.path)


def test_a_file_that_is_no_music_says_so(asker: Asker, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no music")
    with pytest.raises(AudiosimError, match="not readable as audio"):
        asker.ask(tmp_path / "text.wav", 1, 2)


@pytest.fixture
def made(tmp_path: Path) -> MadeHome:
    return MadeHome(tmp_path / "home")


def planted(made: MadeHome, count: int) -> None:
    """Many tracks of a minute; ten seconds of the first are in the last, amid other windows."""
    rng = np.random.default_rng(4)
    tracks = {
        f"{number:03}.flac": frames_of(rng.standard_normal((60, 16)).astype(np.float32))
        for number in range(count)
    }
    tracks[f"{count - 1:03}.flac"].embedding[33:43] = tracks["000.flac"].embedding[20:30]
    made.add(tracks)


def test_few_candidates_are_enough_though_the_passage_lies_across_their_blocks(
    made: MadeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(made, 120)
    monkeypatch.setattr(passage_search, "MIN_CANDIDATES", 6)
    monkeypatch.setattr(passage_search, "CANDIDATES_EACH", 1)
    monkeypatch.setattr(passage_search, "PAGE", 5000)
    result = find_passages("/music/000.flac", 20.5, 29.5, count=3, home=made.home.path)
    best = result.matches[0]
    assert best.track.path == path_of("119.flac")
    assert best.similarity == pytest.approx(1, abs=1e-3)
    assert best.passage is not None
    assert (best.passage.start, best.passage.end) == (33.5, 42.5)


def test_tracks_without_caches_are_left_out_with_a_note_and_none_at_all_is_an_error(made: MadeHome) -> None:
    planted(made, 5)
    made.cache.path(digest_of("002.flac")).unlink()
    result = find_passages("/music/000.flac", 20, 30, home=made.home.path)
    assert len(result.matches) == 3
    assert [note for note in result.notes if note.startswith("1 of 4 tracks has no cache")]
    for name in ("001.flac", "003.flac", "004.flac"):
        made.cache.path(digest_of(name)).unlink()
    with pytest.raises(HomeError, match=r"4 of 4 tracks have no cache in"):
        find_passages("/music/000.flac", 20, 30, home=made.home.path)
    made.cache.path(digest_of("000.flac")).unlink()
    with pytest.raises(AudiosimError, match="in the caches"):
        find_passages("/music/000.flac", 20, 30, home=made.home.path)


def test_passages_are_found_though_the_catalog_has_none_of_a_track(made: MadeHome) -> None:
    planted(made, 5)
    with Catalog(made.home.catalog) as catalog:
        catalog.tracks.set_passages(digest_of("004.flac"), b"")
    assert find_passages("/music/000.flac", 20, 30, home=made.home.path).matches[0].track.path == path_of(
        "004.flac"
    )


def test_filters_and_manners_choose_among_the_tracks(made: MadeHome) -> None:
    planted(made, 6)
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((4, 60, 16)).astype(np.float32)
    tags = {f"by a {number}.flac": Tags(artist="A") for number in range(4)}
    made.add({name: frames_of(rows[number]) for number, name in enumerate(tags)}, tags)
    only = find_passages("/music/000.flac", 20, 30, home=made.home.path, only=Filter(artists=("a",)))
    assert {match.track.path for match in only.matches} == {path_of(name) for name in tags}
    similarities = [match.similarity for match in only.matches]
    assert similarities == sorted(similarities, reverse=True)
    capped = find_passages(
        "/music/000.flac", 20, 30, home=made.home.path, ranking=RankingOptions(max_per_artist=1)
    )
    assert sum(match.track.tags.artist == "A" for match in capped.matches) == 1
    assert len(capped.matches) == 6


def test_the_same_is_found_in_a_centred_home(made: MadeHome) -> None:
    planted(made, 5)
    made.add(random_tracks(60, np.random.default_rng(6)))
    assert made.refresh()
    best = find_passages("/music/000.flac", 20, 30, home=made.home.path).matches[0]
    assert best.track.path == path_of("004.flac")
    assert best.similarity == pytest.approx(1, abs=1e-3)


def test_a_passage_of_which_not_all_windows_were_kept_is_embedded_anew(tmp_path: Path) -> None:
    encoder = FakeEncoder(max_windows=20)
    asker = Asker(tmp_path, encoder)
    with Catalog(asker.home.catalog, read_only=True) as catalog:
        row = catalog.files.get(os.fsencode(asker.path(1)))
    assert row is not None
    assert row.digest is not None
    cached = Cache(asker.home.cache, encoder.spec).read(row.digest)
    assert cached is not None
    kept = set(cached.frames.timestamps.tolist())
    inside = next(second for second in range(40) if {second + k for k in range(5)} <= {int(t) for t in kept})
    asker.ask(asker.path(1), inside, inside + 5)
    assert encoder.windows == 0
    outside = next(second for second in range(35) if not kept & {float(second + k) for k in range(4)})
    result = asker.ask(asker.path(1), outside, outside + 4, include_self=True)
    assert encoder.windows > 0
    assert result.matches
    asker.path(1).unlink()
    with pytest.raises(AudiosimError, match="in the caches"):
        asker.ask(asker.path(1), outside, outside + 4)
