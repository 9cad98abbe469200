"""Batches across tracks, in memory or spilled, equal to each track alone."""

from __future__ import annotations

import os
import queue
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_files import FORMS, Form, music, write
from conftest import SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.audio.events import Advanced, Embedded, Failed, Loading, Probed
from audiosim.core.errors import AudioError, UsageError
from audiosim.core.types import Float32, FrameEmbeddings, Waveform
from audiosim.encoders import LazyEncoder
from audiosim.encoders.pooling import pool
from audiosim.extract import Extractor, embed_files, extract_files


def alone(samples: np.ndarray) -> FrameEmbeddings:
    return Extractor[str](FakeEncoder()).extract(Waveform(samples.astype(np.float32), SAMPLE_RATE))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=6), st.integers(100, 9_000))
def test_interleaved_tracks_give_what_each_gives_alone(lengths: list[int], block: int) -> None:
    rng = np.random.default_rng(0)
    signals = {n: rng.normal(0, 0.1, length).astype(np.float32) for n, length in enumerate(lengths)}
    extractor: Extractor[int] = Extractor(FakeEncoder())
    done: dict[int, FrameEmbeddings] = {}
    for number, length in enumerate(lengths):
        extractor.begin(number, length / SAMPLE_RATE)
    for start in range(0, max(lengths), block):
        for number, signal in signals.items():
            if start < len(signal):
                extractor.push(number, signal[start : start + block])
                if start + block >= len(signal):
                    extractor.end(number)
            done |= extractor.finished()
    extractor.flush()
    done |= extractor.finished()
    assert set(done) == set(signals)
    for number, signal in signals.items():
        expected = alone(signal)
        np.testing.assert_allclose(done[number].embedding, expected.embedding, atol=1e-5)
        np.testing.assert_array_equal(done[number].timestamps, expected.timestamps)
        np.testing.assert_array_equal(done[number].level, expected.level)


def test_a_dropped_track_leaves_the_others_as_they_are() -> None:
    extractor: Extractor[str] = Extractor(FakeEncoder())
    kept = tone(3, 200)
    extractor.begin("dropped", 2)
    extractor.begin("kept", 3)
    extractor.push("dropped", tone(2, 300))
    extractor.push("kept", kept)
    extractor.begin("dropped", 1)
    extractor.push("dropped", tone(1, 500))  # started again by another decoder
    extractor.end("kept")
    extractor.end("dropped")
    extractor.flush()
    done = dict(extractor.finished())
    np.testing.assert_allclose(done["kept"].embedding, alone(kept).embedding, atol=1e-5)
    np.testing.assert_allclose(done["dropped"].embedding, alone(tone(1, 500)).embedding, atol=1e-5)


def test_embeddings_of_a_long_track_go_to_disk_and_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 20 * SAMPLE_RATE)
    expected = alone(samples)
    monkeypatch.setattr("audiosim.core.spill.SPILL_BYTES", 200)
    extractor: Extractor[str] = Extractor(FakeEncoder(), spill=tmp_path)
    spilled = extractor.extract(Waveform(samples.astype(np.float32), SAMPLE_RATE))
    assert isinstance(spilled.embedding, np.memmap)
    np.testing.assert_array_equal(spilled.embedding, expected.embedding)
    assert not list(tmp_path.iterdir())  # the file has no name


def test_a_track_without_samples_is_an_error() -> None:
    extractor: Extractor[str] = Extractor(FakeEncoder())
    extractor.begin("nothing", 0)
    with pytest.raises(AudioError, match="no sound"):
        extractor.end("nothing")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("one.wav", "two.flac", "broken.ogg")]
    soundfile.write(paths[0], tone(2.5, 200), SAMPLE_RATE)
    soundfile.write(paths[1], tone(1.5, 300), SAMPLE_RATE)
    paths[2].write_bytes(b"OggS but no more")
    return paths


def test_files_give_embeddings_or_their_own_error(files: list[Path]) -> None:
    results = dict(extract_files([*files, files[0]], FakeEncoder(), jobs=2))
    assert set(results) == set(map(str, files))
    one = results[str(files[0])]
    assert isinstance(one, FrameEmbeddings)
    assert one.embedding.dtype == np.float32
    assert len(one) == 3
    assert isinstance(results[str(files[2])], AudioError)


def test_a_file_is_probed_and_then_embedded_or_failed(files: list[Path]) -> None:
    one, two, broken = map(os.fsencode, files)
    events = list(
        embed_files([one, two, broken], FakeEncoder(), want=lambda path, _: path != two, dtype=np.float16)
    )
    told = {path: [event for event in events if event.path == path] for path in (one, two, broken)}
    probed, embedded = told[one]
    assert isinstance(probed, Probed)
    assert isinstance(embedded, Embedded)
    assert embedded.frames.embedding.dtype == np.float16
    assert embedded.duration == pytest.approx(2.5)
    assert set(embedded.stages) == {"waiting for input", "decode", "network"}
    assert [getattr(event, "wanted", None) for event in told[two]] == [False]
    assert [type(event) for event in told[broken]] == [Probed, Failed]


@pytest.mark.usefixtures("odd_workers")
def test_a_file_whose_decoder_is_killed_from_outside_is_extracted_all_the_same(files: list[Path]) -> None:
    once = files[0].rename(files[0].with_name("is killed once.wav"))
    found = dict(extract_files([once, files[1]], FakeEncoder()))
    assert [len(getattr(found[str(path)], "embedding", ())) for path in (once, files[1])] == [3, 2]


def test_an_encoder_is_not_loaded_for_files_that_need_no_network(files: list[Path]) -> None:
    loaded: list[FakeEncoder] = []

    def load() -> FakeEncoder:
        loaded.append(FakeEncoder())
        return loaded[-1]

    encoder = LazyEncoder(FakeEncoder().spec, load)
    assert encoder.stage_seconds == {}
    list(embed_files(map(os.fsencode, files), encoder, want=lambda path, info: False))
    assert loaded == []
    list(embed_files(map(os.fsencode, files), encoder))
    assert [each.windows for each in loaded] == [5]


def test_loading_the_encoder_is_told_before_it_happens_and_once(files: list[Path]) -> None:
    encoder = LazyEncoder(FakeEncoder().spec, FakeEncoder)
    told = []
    for event in embed_files(map(os.fsencode, files[:2]), encoder, jobs=1):
        if isinstance(event, Loading):
            told.append((event.path, encoder.loaded))
    assert told == [(os.fsencode(files[0]), False)]
    assert not any(isinstance(e, Loading) for e in embed_files([os.fsencode(files[0])], encoder))


@pytest.mark.parametrize("max_windows", [None, 5])
def test_how_far_a_long_file_is_is_told_while_it_is_embedded(tmp_path: Path, max_windows: int | None) -> None:
    path = tmp_path / "long.flac"
    soundfile.write(path, tone(120, 440), SAMPLE_RATE)
    encoder = FakeEncoder(max_windows=max_windows)
    *events, last = embed_files([os.fsencode(path)], encoder, advance_interval=0.0)
    assert isinstance(last, Embedded)
    seconds = [event.seconds for event in events if isinstance(event, Advanced)]
    assert seconds == sorted(seconds)
    assert len(set(seconds)) > 3
    assert all(0 <= each <= 121 for each in seconds)
    assert seconds[-1] > 100


def test_a_batch_that_is_not_full_does_not_wait_for_files_that_may_come(files: list[Path]) -> None:
    more: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    more.put(os.fsencode(files[0]))
    done = []
    for event in embed_files(iter(more.get, None), FakeEncoder(), jobs=1):
        if isinstance(event, Embedded):
            done.append(event.path)
            more.put(os.fsencode(files[1]) if len(done) == 1 else None)
    assert done == [os.fsencode(path) for path in files[:2]]


def test_a_spilled_track_can_be_dropped_while_its_windows_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.core.spill.SPILL_BYTES", 50)
    extractor: Extractor[str] = Extractor(FakeEncoder(), spill=tmp_path)
    extractor.begin("dropped", 6)
    extractor.push("dropped", tone(5, 200))
    extractor.drop("dropped")
    extractor.flush()
    assert list(extractor.finished()) == []


def test_channels_that_cancel_are_averaged_for_users_and_mixed_otherwise_for_an_index(tmp_path: Path) -> None:
    left, path = tone(3, 440), tmp_path / "inverted.wav"
    soundfile.write(path, np.stack([left, -left], axis=1), SAMPLE_RATE)
    (_, plain), *_ = extract_files([path], FakeEncoder())
    assert isinstance(plain, FrameEmbeddings)
    assert (plain.level < -90).all()
    events = embed_files([os.fsencode(path)], FakeEncoder())
    indexed = next(event.frames for event in events if isinstance(event, Embedded))
    assert (indexed.level > -20).all()


def test_silence_with_a_dc_offset_counts_as_silence(tmp_path: Path) -> None:
    fade = np.minimum(1, np.arange(4 * SAMPLE_RATE)[::-1] / SAMPLE_RATE)
    song = np.concatenate([fade * tone(4, 440), np.zeros(6 * SAMPLE_RATE), tone(2, 440)])
    vectors = []
    for number, offset in enumerate((0.0, 0.01, -0.2)):
        path = tmp_path / f"{number}.flac"
        soundfile.write(path, np.repeat(song + offset, 2), 2 * SAMPLE_RATE)
        events = embed_files([os.fsencode(path)], FakeEncoder(), dtype=np.float16)
        track = pool(next(event.frames for event in events if isinstance(event, Embedded)))
        assert track.windows == 6
        vectors.append(track.vector)
    assert vectors[0] @ vectors[1] > 0.99


def test_a_file_of_nothing_but_a_dc_offset_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "constant.wav"
    soundfile.write(path, np.full(100_000, 0.3), 44_100)
    ((_, frames),) = extract_files([path], FakeEncoder())
    assert isinstance(frames, FrameEmbeddings)
    with pytest.raises(AudioError, match="silent"):
        pool(frames)


def test_the_command_takes_the_files_of_folders_and_playlists(
    music: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.encoders.load_encoder", lambda *_, **__: FakeEncoder())
    (music / "low" / "dead.mp3").symlink_to("nowhere")
    (music / "cover.jpg").write_bytes(b"no music")
    (tmp_path / "list.m3u").write_text("music/high/03 track.wav\n")
    done = cli("extract", "music/low", "list.m3u", "music/low/00 track.wav", "-o", "out")
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("00 track.npz", "01 track.npz", "02 track.npz", "03 track.npz"),
    }
    assert f"{music / 'low' / 'dead.mp3'}: a link that leads nowhere; it is left out.\n" in done.err
    assert "music/low/00 track.wav -> out/00 track.npz\n" in done.err
    (tmp_path / "empty").mkdir()
    empty = cli("extract", "empty", "-o", "out")
    assert (empty.code, empty.err) == (2, "audiosim: No audio file in empty\n")
    assert cli("extract", "nowhere", "-o", "out").err == "audiosim: No such file: nowhere\n"
    (tmp_path / "gone.m3u").write_text("a.wav\nb.wav\n")
    gone = cli("extract", "gone.m3u", "-o", "out")
    told = ["failed: a.wav: it is not there", "failed: b.wav: it is not there"]
    assert (gone.code, sorted(gone.err.splitlines())) == (2, told)  # as they are done
    (tmp_path / "gone.m3u").write_text("a.wav\nmusic/low/00 track.wav\n")
    assert cli("extract", "gone.m3u", "-o", "out").code == 3


def mono_parts(folder: Path, samples: Float32, form: Form) -> list[Path]:
    """A file for each channel."""
    parts = []
    for number, channel in enumerate(samples.T):
        parts.append(write(folder / f"{number}{form.suffix}", channel[:, np.newaxis], form))
    return parts


@pytest.mark.parametrize(("form", "channels"), [("flac", 2), ("alac", 2), ("wav-float", 6), ("flac", 1)])
def test_channels_are_embedded_as_files_of_their_own_would_be(
    tmp_path: Path, form: str, channels: int
) -> None:
    samples = np.hstack([music(4.3, seed=seed) for seed in range(channels)])
    path = write(tmp_path / f"all{FORMS[form].suffix}", samples, FORMS[form])
    parts = mono_parts(tmp_path, samples, FORMS[form])
    ((_, frames),) = extract_files([path], FakeEncoder(), per_channel=True)
    assert isinstance(frames, FrameEmbeddings)
    assert frames.embedding.shape == (5, 16, channels)
    alone = dict(extract_files(parts, FakeEncoder()))
    for number, part in enumerate(parts):
        expected = alone[str(part)]
        assert isinstance(expected, FrameEmbeddings)
        np.testing.assert_allclose(frames.embedding[:, :, number], expected.embedding, atol=1e-5)
        np.testing.assert_array_equal(frames.timestamps, expected.timestamps)
        np.testing.assert_array_equal(frames.level[:, number], expected.level)


def test_files_of_different_numbers_of_channels_are_embedded_side_by_side(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.flac", music(3.2, channels=n), FORMS["flac"]) for n in (1, 2, 3, 6)]
    found = dict(extract_files(paths, FakeEncoder(max_windows=2), jobs=2, per_channel=True))
    shapes = [getattr(found[str(path)], "embedding", np.empty(0)).shape for path in paths]
    assert shapes == [(2, 16, 1), (2, 16, 2), (2, 16, 3), (2, 16, 6)]


def test_channels_of_a_long_track_go_to_disk_and_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (20 * SAMPLE_RATE, 2)).astype(np.float32)
    found = []
    for limit in (2**20, 200):
        monkeypatch.setattr("audiosim.core.spill.SPILL_BYTES", limit)
        extractor: Extractor[str] = Extractor(FakeEncoder(), spill=tmp_path)
        extractor.begin("", 20)
        for start in range(0, len(samples), 5000):
            extractor.push("", samples[start : start + 5000])
        extractor.end("")
        extractor.flush()
        found.append(next(extractor.finished())[1].embedding)
    assert isinstance(found[1], np.memmap)
    assert found[1].shape == (20, 16, 2)
    np.testing.assert_array_equal(found[0], found[1])


def test_channels_that_were_embedded_apart_are_not_pooled_as_if_they_were_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", music(2.0, channels=2), FORMS["flac"])
    ((_, frames),) = extract_files([path], FakeEncoder(), per_channel=True)
    assert isinstance(frames, FrameEmbeddings)
    with pytest.raises(UsageError, match="Channels"):
        pool(frames)
    first = FrameEmbeddings(frames.embedding[:, :, 0], frames.timestamps, frames.level[:, 0])
    assert pool(first).windows == 2
