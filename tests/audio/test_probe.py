from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import mutagen
import pytest
from audio_files import FORMS, apev2, encode, flac, id3, make, music, write_sound, write_tags

from audiosim.audio.probe import probe
from audiosim.core.errors import AudioError
from audiosim.core.types import AudioInfo, Tags

CODECS = {
    "wav16": "pcm_s16le",
    "wav24": "pcm_s24le",
    "wav-float": "pcm_f32le",
    "aiff": "pcm_s16be",
    "wma": "wmav2",
}


def identify(path: Path | str) -> AudioInfo:
    return probe(str(path), lambda: None)


def digest(path: Path | str) -> str:
    return identify(path).digest


@pytest.mark.parametrize("name", FORMS)
def test_a_retag_and_a_rename_leave_the_digest_as_it_is(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name)
    before = identify(path)
    write_tags(path, title="A title " * 2000, artist="Somebody", year="1999", track="7")
    renamed = path.rename(tmp_path / f"né {name}{path.suffix}")
    after = identify(renamed)
    assert after.digest == before.digest
    assert after.size != before.size
    assert after.tags.artist == "Somebody"
    assert (after.sample_rate, after.channels) == (before.sample_rate, before.channels)
    assert after.duration == pytest.approx(before.duration, abs=0.3)  # a WMA header's is an estimate


@pytest.mark.parametrize("name", FORMS)
def test_different_audio_has_different_digests(tmp_path: Path, name: str) -> None:
    assert digest(make(tmp_path, name, seed=1)) != digest(make(tmp_path, name, seed=2))


@pytest.mark.parametrize("name", FORMS)
def test_the_same_audio_encoded_twice_has_one_digest(tmp_path: Path, name: str) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    assert digest(make(first, name)) == digest(make(second, name))


@pytest.mark.parametrize("name", FORMS)
def test_every_format_is_described_before_decoding(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=3.0)
    info = identify(path)
    form = FORMS[name]
    assert info.sample_rate == form.rate
    assert info.channels == 2
    assert info.duration == pytest.approx(3.0, abs=0.06)
    assert info.codec == CODECS.get(name, name)
    status = path.stat()
    assert (info.size, info.mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert len(bytes.fromhex(info.digest)) == 16
    assert info.tags == Tags()


def test_all_lossless_and_lossy_encodings_of_one_signal_differ(tmp_path: Path) -> None:
    digests = {name: digest(make(tmp_path, name)) for name in FORMS}
    assert len(set(digests.values())) == len(FORMS)


def test_samples_alone_do_not_make_the_digest_but_also_their_rate_and_channels(tmp_path: Path) -> None:
    samples = music(1.0, 8000, channels=2)
    stereo = write_sound(tmp_path / "a.wav", samples, 8000)
    faster = write_sound(tmp_path / "b.wav", samples, 16_000)
    mono = write_sound(tmp_path / "c.wav", samples.reshape(-1), 8000)
    assert len({digest(stereo), digest(faster), digest(mono)}) == 3


def test_id3v1_and_apev2_tags_behind_an_mp3_leave_its_digest_as_it_is(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3")
    before = digest(path)
    ape = apev2.APEv2()
    ape["Title"] = "behind"
    ape.save(path)
    assert digest(path) == before
    with path.open("ab") as file:
        file.write(b"TAG" + b"further behind".ljust(125, b"\0"))
    assert digest(path) == before


@pytest.mark.parametrize("name", ["flac", "mp3"])
def test_a_cover_picture_leaves_the_digest_as_it_is(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name)
    before = digest(path)
    file = mutagen.File(path)
    image = b"\xff\xd8\xff\xe0" + bytes(200_000)
    if name == "flac":
        picture = flac.Picture()
        picture.type, picture.mime, picture.data = 3, "image/jpeg", image
        file.add_picture(picture)
    else:
        file.add_tags()
        file.tags.add(id3.APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=image))
    file.save()
    assert path.stat().st_size > 200_000
    assert digest(path) == before


def test_a_single_changed_sample_changes_the_digest(tmp_path: Path) -> None:
    samples = music(1.0, 8000)
    before = digest(write_sound(tmp_path / "a.wav", samples, 8000))
    samples[4000] += 0.01
    assert digest(write_sound(tmp_path / "a.wav", samples, 8000)) != before


@pytest.mark.parametrize(("container", "codec"), [("MAT5", "PCM_16"), ("MPC2K", "PCM_16")])
def test_what_no_demuxer_reads_is_identified_by_its_decoded_samples(
    tmp_path: Path, container: str, codec: str
) -> None:
    path = write_sound(tmp_path / "a.wav", music(2.0, 44_100), 44_100, container, codec)
    info = identify(path)
    assert info.codec == "decoded"
    assert info.duration == pytest.approx(2.0, abs=1e-3)
    assert info.sample_rate == 44_100
    copy = shutil.copy(path, tmp_path / "other name.snd")
    assert digest(copy) == info.digest


def test_decoded_samples_are_the_identity_whatever_container_holds_them(tmp_path: Path) -> None:
    samples = music(1.0, 44_100)
    one = write_sound(tmp_path / "one.wav", samples, 44_100, "MAT5", "PCM_16")
    two = write_sound(tmp_path / "two.wav", samples, 44_100, "MPC2K", "PCM_16")
    other = write_sound(tmp_path / "other.wav", music(1.0, 44_100, seed=1), 44_100, "MAT5", "PCM_16")
    assert digest(one) == digest(two) != digest(other)


def test_garbage_is_identified_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "garbage.mp3"
    path.write_bytes(b"these are no sounds at all\n" * 50)
    info = identify(path)
    assert (info.codec, info.duration, info.sample_rate, info.channels) == ("unknown", 0.0, 0, 0)
    copy = shutil.copy(path, tmp_path / "copy.mp3")
    assert digest(copy) == info.digest
    with path.open("ab") as file:
        file.write(b"!")
    assert digest(path) != info.digest


def test_a_playlist_in_disguise_is_garbage_and_opens_nothing_else(tmp_path: Path) -> None:
    song = make(tmp_path, "mp3")
    playlist = tmp_path / "list.mp3"
    playlist.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/{song.name}\n#EXT-X-ENDLIST\n"
    )
    assert identify(playlist).codec == "unknown"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp3"
    path.touch()
    with pytest.raises(AudioError, match="the file is empty"):
        identify(path)


def test_a_fifo_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    start = time.monotonic()
    with pytest.raises(AudioError, match="not a regular file"):
        identify(path)
    assert time.monotonic() - start < 5


def test_a_device_is_refused() -> None:
    with pytest.raises(AudioError, match="not a regular file"):
        identify("/dev/zero")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="it is not there"):
        identify(tmp_path / "nothing.wav")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"not readable|not a regular file"):
        identify(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path, "wav16")
    path.chmod(0)
    with pytest.raises(AudioError, match="no permission to read it"):
        identify(path)


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = make(tmp_path, "flac")
    odd = os.fsdecode(bytes(tmp_path) + b"/caf\xe9 \xff\n.flac")
    before = digest(path)
    try:
        path.rename(odd)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert digest(odd) == before


@pytest.mark.parametrize("container", ["wav", "MAT5"])
def test_a_sign_of_progress_is_given_again_and_again(tmp_path: Path, container: str) -> None:
    ticks: list[float] = []
    path = write_sound(tmp_path / "long.wav", music(30.0, 22_050), 22_050, container.upper(), "PCM_16")
    probe(str(path), lambda: ticks.append(time.monotonic()))
    assert len(ticks) > 5


def test_a_streamed_mp3_without_a_length_gets_its_duration_from_its_packets(tmp_path: Path) -> None:
    path = encode(
        tmp_path / "stream.mp3",
        music(3.0, 44_100, channels=2),
        44_100,
        "libmp3lame",
        "mp3",
        {"write_xing": "0", "id3v2_version": "0"},
    )
    assert identify(path).duration == pytest.approx(3.0, abs=0.1)


def test_tags_that_are_not_utf8_do_not_hide_the_packets(tmp_path: Path) -> None:
    path = make(tmp_path, "flac")
    before = probe(str(path), lambda: None)
    write_tags(path, title="ABCDEFGH", artist="x")
    data = path.read_bytes()
    assert b"ABCDEFGH" in data
    path.write_bytes(data.replace(b"ABCDEFGH", b"ABC\xff\xfeFGH"))
    assert probe(str(path), lambda: None).digest == before.digest
