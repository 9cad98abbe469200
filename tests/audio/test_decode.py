from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_files import (
    FORMS,
    Form,
    aligned_error,
    encode,
    make,
    music,
    write,
    write_silent_video,
    write_sound,
)

from audiosim.audio.decode import Block, av_blocks, decode_blocks, means_the_same, soundfile_blocks
from audiosim.audio.probe import probe
from audiosim.core.errors import AudioError
from audiosim.core.types import Float32

RAW_MP3 = {"write_xing": "0", "id3v2_version": "0"}


def decoded(path: Path | str) -> list[Block]:
    """The valid blocks: those after the last restart."""
    blocks: list[Block] = []
    try:
        expected = probe(str(path), lambda: None).packet_seconds
    except AudioError:
        expected = 0.0
    for block in decode_blocks(str(path), expected):
        if block is None:
            blocks = []
        else:
            blocks.append(block)
    return blocks


def signal(path: Path | str) -> tuple[Float32, int]:
    blocks = decoded(path)
    rates = {block.sample_rate for block in blocks}
    assert len(rates) == 1
    return np.concatenate([block.samples for block in blocks]), rates.pop()


def seconds(path: Path) -> float:
    return sum(len(block.samples) / block.sample_rate for block in decoded(path))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", FORMS)
def test_every_format_decodes_to_its_whole_source_signal(tmp_path: Path, name: str, channels: int) -> None:
    form = FORMS[name]
    source = music(3.0, form.rate, channels=channels)
    samples, rate = signal(write(tmp_path / f"a{form.suffix}", source, form))
    assert samples.dtype == np.float32
    assert rate == form.rate
    assert abs(len(samples) - len(source)) <= form.slack
    assert aligned_error(samples, source.mean(axis=1)) <= form.error


@pytest.mark.parametrize("name", ["wav16", "flac", "vorbis", "opus", "mp3"])
def test_both_decoders_give_the_same_sound(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name)
    ours = np.concatenate([block.samples for block in soundfile_blocks(str(path))])
    theirs = np.concatenate([block.samples for block in av_blocks(str(path))])
    assert abs(len(ours) - len(theirs)) <= 2304
    assert aligned_error(theirs, ours) < 0.01


@pytest.mark.parametrize("name", ["wav16", "aac"])
def test_a_long_file_comes_in_blocks(tmp_path: Path, name: str) -> None:
    lengths = [len(block.samples) for block in decoded(make(tmp_path, name, seconds=12.0))]
    assert len(lengths) >= 8
    assert max(lengths) <= 2 * 65_536
    assert min(lengths[:-1]) >= 65_536


@pytest.mark.parametrize("channels", [2, 8])
def test_mono_is_the_mean_of_the_channels(tmp_path: Path, channels: int) -> None:
    source = music(1.0, 48_000, channels=channels)
    samples, _ = signal(write_sound(tmp_path / "a.wav", source, 48_000, "WAV", "FLOAT"))
    np.testing.assert_allclose(samples, source.astype(np.float64).mean(axis=1), atol=1e-7)


def test_eight_channels_of_flac_are_decoded(tmp_path: Path) -> None:
    source = music(1.0, 48_000, channels=8)
    samples, _ = signal(write_sound(tmp_path / "a.flac", source, 48_000, "FLAC", "PCM_24"))
    np.testing.assert_allclose(samples, source.mean(axis=1), atol=1e-6)


def test_a_file_that_ffmpeg_and_libsndfile_take_for_different_things_is_ffmpegs(tmp_path: Path) -> None:
    assert means_the_same("PCM_16", "pcm_s16le")
    assert means_the_same("PCM_24", "flac")
    assert means_the_same("MPEG_LAYER_III", "mp3")
    assert not means_the_same("PCM_16", "dts")
    assert not means_the_same("PCM_16", "pcm_f32le")
    assert not means_the_same("VORBIS", "opus")


@pytest.mark.parametrize(
    ("suffix", "container", "codec"), [(".wav", "WAV", "PCM_24"), (".flac", "FLAC", "PCM_24")]
)
def test_384_kilohertz_are_decoded(tmp_path: Path, suffix: str, container: str, codec: str) -> None:
    source = music(0.5, 384_000)
    samples, rate = signal(write_sound(tmp_path / f"a{suffix}", source, 384_000, container, codec))
    assert rate == 384_000
    np.testing.assert_allclose(samples, source[:, 0], atol=1e-6)


@pytest.mark.parametrize(("suffix", "container"), [(".wav", "WAV"), (".flac", "FLAC")])
def test_a_file_of_one_sample_gives_one_sample(tmp_path: Path, suffix: str, container: str) -> None:
    path = write_sound(tmp_path / f"a{suffix}", np.array([0.5], np.float32), 44_100, container, "PCM_16")
    samples, _ = signal(path)
    np.testing.assert_array_equal(samples, np.array([0.5], np.float32))


def test_a_wav_without_a_sample_gives_none(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", np.empty(0, np.float32), 44_100)
    assert decoded(path) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    source = music(4.0, 44_100, channels=2)
    source[150_000, 1] = bad
    path = write_sound(tmp_path / "a.wav", source, 44_100, "WAV", "FLOAT")
    with pytest.raises(AudioError, match="not finite"):
        decoded(path)


def test_samples_beyond_full_scale_are_kept(tmp_path: Path) -> None:
    source = 30 * music(1.0, 8000)
    samples, _ = signal(write_sound(tmp_path / "a.wav", source, 8000, "WAV", "FLOAT"))
    np.testing.assert_array_equal(samples, source[:, 0])


def test_a_truncated_flac_restarts_with_the_other_decoder(tmp_path: Path) -> None:
    source = music(8.0, 44_100, channels=2)
    path = write_sound(tmp_path / "a.flac", source, 44_100, "FLAC", "PCM_16")
    data = path.read_bytes()
    path.write_bytes(data[: int(0.7 * len(data))])
    with pytest.raises(AudioError):
        list(soundfile_blocks(str(path)))
    blocks = list(decode_blocks(str(path)))
    assert blocks.count(None) == 1
    assert blocks.index(None) > 0  # there were samples before, which are now void
    samples, _ = signal(path)
    assert 4.5 * 44_100 < len(samples) < 6.5 * 44_100
    np.testing.assert_allclose(samples, source.mean(axis=1)[: len(samples)], atol=1e-4)


@pytest.mark.parametrize("name", ["wav16", "aiff", "mp3", "vorbis", "opus", "wma"])
def test_what_is_left_of_a_truncated_file_is_decoded(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=8.0)
    data = path.read_bytes()
    path.write_bytes(data[: int(0.6 * len(data))])
    assert 3.0 < seconds(path) < 6.5


def test_noise_in_most_packets_of_an_aac_is_refused_as_damaged(tmp_path: Path) -> None:
    path = make(tmp_path, "aac", seconds=4.0)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    noise = np.random.default_rng(0).integers(0, 256, len(data) - start, np.uint8).tobytes()
    end = data.index(b"moov") - 4
    data[start:end] = noise[: end - start]
    path.write_bytes(data)
    with pytest.raises(AudioError, match="damaged"):
        decoded(path)


def test_a_few_damaged_packets_cost_only_themselves(tmp_path: Path) -> None:
    path = make(tmp_path, "aac", seconds=8.0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = b"\xff" * 600
    path.write_bytes(data)
    assert seconds(path) == pytest.approx(8.0, abs=0.3)


@pytest.mark.parametrize(
    "content", [b"just some text\n" * 200, b"\0" * 5000, b"RIFF", b"ID3\x04", b"OggS" + bytes(100)]
)
def test_what_is_no_audio_but_named_mp3_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioError):
        decoded(path)


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        decoded(write_silent_video(tmp_path / "silent.mp4"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        decoded(tmp_path / "nothing.flac")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        decoded(tmp_path)


def test_a_reason_is_one_line_of_text(tmp_path: Path) -> None:
    path = tmp_path / "text.mp3"
    path.write_bytes(b"just some text\n" * 200)
    with pytest.raises(AudioError) as caught:
        decoded(path)
    assert caught.value.reason.isprintable()


def test_a_wrong_extension_does_not_matter(tmp_path: Path) -> None:
    for name in ("flac", "aac", "mp3"):
        path = make(tmp_path, name)
        assert seconds(path.rename(tmp_path / "wrong.wav")) == pytest.approx(2.0, abs=0.06)


def test_a_name_that_is_not_utf8_is_decoded_by_either_decoder(tmp_path: Path) -> None:
    for name in ("wav16", "alac"):
        path = make(tmp_path, name)
        odd = os.fsdecode(bytes(tmp_path) + b"/\xe9\xff \n%s" + os.fsencode(path.suffix))
        try:
            path.rename(odd)
        except OSError:
            pytest.skip("this file system takes only UTF-8 names")
        assert len(signal(odd)[0]) == 88_200


def test_a_playlist_in_disguise_opens_no_other_file(tmp_path: Path) -> None:
    song = make(tmp_path, "aac")
    playlist = tmp_path / "list.m4a"
    playlist.write_text(f"ffconcat version 1.0\nfile http://127.0.0.1:9/{song.name}\n")
    with pytest.raises(AudioError):
        decoded(playlist)


def _streams(folder: Path, codec: str, container: str) -> list[bytes]:
    """The same codec as mono, as stereo and at another rate, 3 s each, headerless."""
    options = RAW_MP3 if container == "mp3" else {}
    return [
        encode(
            folder / str(i), music(3.0, rate, channels=channels), rate, codec, container, options
        ).read_bytes()
        for i, (rate, channels) in enumerate([(44_100, 1), (44_100, 2), (48_000, 2)])
    ]


@pytest.mark.parametrize(("codec", "container"), [("aac", "adts"), ("libmp3lame", "mp3")])
@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 2), (2, 1)])
def test_a_stream_that_changes_its_channels_or_rate_is_decoded_to_its_end(
    tmp_path: Path, codec: str, container: str, order: tuple[int, int]
) -> None:
    parts = _streams(tmp_path, codec, container)
    path = tmp_path / f"stream.{container}"
    path.write_bytes(parts[order[0]] + parts[order[1]])
    assert seconds(path) == pytest.approx(6.0, abs=0.2)


@pytest.mark.parametrize("name", ["vorbis", "opus"])
def test_a_chained_ogg_is_decoded_to_its_end(tmp_path: Path, name: str) -> None:
    first, second = make(tmp_path, name, seed=1), make(tmp_path, name, seed=2)
    path = tmp_path / "chained.ogg"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    assert seconds(path) == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("more", [0.4, 2.0, 10.0])
def test_what_is_decoded_is_what_the_digest_covers(tmp_path: Path, more: float) -> None:
    paths = [tmp_path / name for name in ("once.voc", "more.voc", "other.voc")]
    parts = [(2.0, 0), (more, 1), (more, 2)]
    for path, (duration, seed) in zip(paths, parts, strict=True):
        soundfile.write(path, music(duration, 8000, seed=seed), 8000, format="VOC", subtype="PCM_16")
    for path in paths[1:]:  # FFmpeg ends after the first part, libsndfile reads both
        path.write_bytes(paths[0].read_bytes() + path.read_bytes())
    assert len({probe(str(path), lambda: None).digest for path in paths}) == 3
    assert seconds(paths[0]) == pytest.approx(2.0, abs=0.01)
    for path in paths[1:]:
        assert seconds(path) == pytest.approx(2.0 + more, abs=0.01)
        assert probe(str(path), lambda: None).duration == pytest.approx(2.0 + more, abs=0.01)


def test_a_rate_that_cannot_be_is_refused(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", music(0.5, 8000), 8000)
    data = bytearray(path.read_bytes())
    data[24:28] = (0x7FFFFFFF).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(AudioError):
        decoded(path)


def test_what_only_soundfile_reads_is_decoded(tmp_path: Path) -> None:
    source = music(1.0, 44_100)
    path = write(tmp_path / "a.mat", source, Form(".mat", "MAT5", "FLOAT"))
    samples, _ = signal(path)
    np.testing.assert_allclose(samples, source[:, 0], atol=1e-6)
