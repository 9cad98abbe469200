from __future__ import annotations

import dataclasses
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import mutagen
import pytest
import soundfile
from audio_files import FORMS, apev2, encode, flac, id3, make, music, write_sound, write_tags
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.audio.probe import probe
from audiosim.audio.tags import read_tags
from audiosim.core.tag_values import joined
from audiosim.core.types import Tags

ALL = {
    "title": "Où est la lune? 月",
    "artist": "Zoë & the Bands",
    "album": "An album",
    "album_artist": "Various artists",
    "genre": "Jazz",
    "year": "1959",
    "track": "3",
}


def read(path: Path) -> Tags:
    with path.open("rb") as file:
        return read_tags(file)


def id3_only(*frames: Any, version: int = 4) -> bytes:
    """The bytes of an ID3 tag."""
    tag = id3.ID3()
    for frame in frames:
        tag.add(frame)
    out = io.BytesIO()
    tag.save(out, v2_version=version)
    return out.getvalue()


def tagged_mp3(folder: Path, tag: bytes) -> Path:
    path = make(folder, "mp3", seconds=1.0)
    path.write_bytes(tag + path.read_bytes())
    return path


@pytest.mark.parametrize("name", FORMS)
def test_all_tags_of_every_format_are_read(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=1.0)
    write_tags(path, **ALL)
    assert read(path) == Tags(
        title="Où est la lune? 月",
        artist="Zoë & the Bands",
        album="An album",
        album_artist="Various artists",
        genre="Jazz",
        year=1959,
        track=3,
    )


@pytest.mark.parametrize("name", FORMS)
def test_absent_tags_are_none(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=1.0)
    assert read(path) == Tags()
    write_tags(path, title="Only a title")
    assert read(path) == Tags(title="Only a title")


@pytest.mark.parametrize("name", ["flac", "mp3", "aac", "wma"])
def test_tags_of_nothing_but_spaces_are_none(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=1.0)
    write_tags(path, title="  ", artist="\n")
    assert read(path) == Tags()


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1987", 1987),
        ("1987-06-05", 1987),
        ("2004-05-06T07:08:09", 2004),
        ("06/05/2004", 2004),
        ("20210314", 2021),  # as yt-dlp writes it
        ("© 1999 Somebody", 1999),
        ("0000", None),
        ("unknown", None),
        ("99", None),
    ],
)
def test_the_year_is_found_in_whatever_the_date_says(tmp_path: Path, text: str, year: int | None) -> None:
    path = make(tmp_path, "flac", seconds=1.0)
    write_tags(path, year=text)
    assert read(path).year == year


@pytest.mark.parametrize(
    ("text", "track"),
    [
        ("7", 7),
        ("07", 7),
        ("7/12", 7),
        ("A2", 2),
        ("0", None),
        ("none", None),
        ("99999999999999999999", None),
    ],
)
def test_the_track_is_the_first_number_of_its_tag(tmp_path: Path, text: str, track: int | None) -> None:
    path = make(tmp_path, "flac", seconds=1.0)
    write_tags(path, track=text)
    assert read(path).track == track


def test_an_mp4_track_number_with_a_total_is_read(tmp_path: Path) -> None:
    path = make(tmp_path, "aac", seconds=1.0)
    write_tags(path, track="5/11")
    assert read(path).track == 5


def test_the_year_tag_of_id3v2_3_is_read(tmp_path: Path) -> None:
    tag = id3_only(id3.TYER(encoding=0, text=["1971"]), version=3)
    assert read(tagged_mp3(tmp_path, tag)).year == 1971


def test_an_id3v1_tag_is_read(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3", seconds=1.0)
    tag = (
        b"TAG"
        + b"Old title".ljust(30, b"\0")
        + b"Old artist".ljust(30, b"\0")
        + b"Old album".ljust(30, b"\0")
        + b"1988"
        + b"".ljust(28, b"\0")
        + b"\0\x04"
        + b"\x11"
    )
    with path.open("ab") as file:
        file.write(tag)
    assert read(path) == Tags("Old title", "Old artist", "Old album", None, "Rock", 1988, 4)


@pytest.mark.parametrize(
    ("text", "genre"),
    [
        ("17", "Rock"),
        ("(17)", "Rock"),
        ("(17)Own words", "Rock; Own words"),
        ("17\x006", "Rock; Grunge"),
        ("(RX)", "Remix"),
        ("Own words", "Own words"),
        ("²", "²"),
    ],
)
def test_id3_genre_numbers_are_spelled_out(tmp_path: Path, text: str, genre: str) -> None:
    tag = id3_only(id3.TCON(encoding=3, text=[text]))
    assert read(tagged_mp3(tmp_path, tag)).genre == genre


SEVERAL = Tags(artist="First; Second", genre="Hard Rock; AOR")


@pytest.mark.parametrize("name", ["flac", "vorbis", "opus"])
def test_comments_given_several_times_are_all_kept(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=1.0)
    file = mutagen.File(path)
    file.update(artist=["First", "Second", "first"], genre=["Hard Rock", "AOR"])
    file.save()
    assert read(path) == SEVERAL


def test_several_values_of_an_id3_frame_are_all_kept(tmp_path: Path) -> None:
    frames = (id3.TPE1(encoding=3, text=["First", "Second"]), id3.TCON(encoding=3, text=["Hard Rock", "AOR"]))
    assert read(tagged_mp3(tmp_path, id3_only(*frames))) == SEVERAL


def test_several_values_of_an_mp4_atom_or_asf_attribute_are_all_kept(tmp_path: Path) -> None:
    keys = {"aac": ("\xa9ART", "\xa9gen"), "wma": ("Author", "WM/Genre")}
    for name, (artist, genre) in keys.items():
        path = make(tmp_path, name, seconds=1.0)
        file = mutagen.File(path)
        file[artist], file[genre] = ["First", "Second"], ["Hard Rock", "AOR"]
        file.save()
        assert read(path) == SEVERAL


def test_several_values_of_an_ape_item_are_all_kept(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wv", music(1.0, channels=2), 44_100, "wavpack", "wv")
    tags = apev2.APEv2()
    tags.update({"Artist": ["First", "Second"], "Genre": ["Hard Rock", "AOR"]})
    tags.save(path)
    assert read(path) == SEVERAL


def test_the_other_spelling_of_album_artist_and_track_is_read(tmp_path: Path) -> None:
    path = make(tmp_path, "flac", seconds=1.0)
    file = flac.FLAC(path)
    file["ALBUM ARTIST"] = "Both"
    file["TRACK"] = "9"
    file["YEAR"] = "2001"
    file.save()
    assert read(path) == Tags(album_artist="Both", track=9, year=2001)


def test_apev2_tags_are_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wv", music(1.0, channels=2), 44_100, "wavpack", "wv")
    tags = apev2.APEv2()
    tags.update({"Title": "Ape", "Artist": "Apes", "Year": "1968", "Track": "2/9", "Album Artist": "More"})
    tags.save(path)
    assert read(path) == Tags(title="Ape", artist="Apes", album_artist="More", year=1968, track=2)


def test_the_numbered_genre_of_an_mp4_is_read(tmp_path: Path) -> None:
    path = make(tmp_path, "aac", seconds=1.0)
    write_tags(path, title="x" * 1000)  # room for what follows
    data = path.read_bytes()
    atom = b"\0\0\0\x1agnre" + b"\0\0\0\x12data" + b"\0\0\0\0\0\0\0\0" + b"\0\x12"
    free = b"\xa9nam"
    start = data.index(free) - 4
    size = int.from_bytes(data[start : start + 4], "big")
    filler = (size - len(atom)).to_bytes(4, "big") + b"free" + bytes(size - len(atom) - 8)
    path.write_bytes(data[:start] + atom + filler + data[start + size :])
    assert read(path).genre == "Rock"


def test_bytes_that_are_not_utf8_become_replacement_characters(tmp_path: Path) -> None:
    path = make(tmp_path, "flac", seconds=1.0)
    write_tags(path, title="latin one: XXXX")
    path.write_bytes(path.read_bytes().replace(b"XXXX", b"caf\xe9"))
    assert read(path).title == "latin one: caf\ufffd"


def test_lone_surrogates_in_utf16_never_leave_the_reader(tmp_path: Path) -> None:
    tag = id3_only(id3.TIT2(encoding=1, text=["surrXXgate"]))
    broken = tag.replace("XX".encode("utf-16-le"), b"\x00\xd8\x00\xd8")
    assert broken != tag
    title = read(tagged_mp3(tmp_path, broken)).title
    assert title is None or title.encode("utf-8").startswith(b"surr")


def test_zero_characters_within_a_tag_part_values(tmp_path: Path) -> None:
    path = make(tmp_path, "flac", seconds=1.0)
    write_tags(path, title="oneXtwo")
    path.write_bytes(path.read_bytes().replace(b"oneXtwo", b"one\0two"))
    assert read(path).title == "one; two"


DESCRIBED = {
    "title": "Où est la lune? 月",
    "artist": "Zoë",
    "album": "An album",
    "album_artist": "The band",
    "genre": "Jazz",
    "date": "1959-08-17",
    "track": "3/7",
}
SIX = Tags("Où est la lune? 月", "Zoë", "An album", None, "Jazz", 1959, 3)  # what RIFF has names for
SEVEN = dataclasses.replace(SIX, album_artist="The band")


def probed(path: Path) -> Tags:
    return probe(str(path), lambda: None).tags


@pytest.mark.parametrize(
    ("name", "container", "codec", "options", "expected"),
    [
        ("a.wav", "wav", "pcm_s16le", {}, SIX),
        ("a.rf64", "wav", "pcm_s16le", {"rf64": "always"}, SIX),
        ("a.mka", "matroska", "libopus", {}, SEVEN),
        ("a.webm", "webm", "libopus", {}, SEVEN),
        ("a.caf", "caf", "pcm_s16be", {}, SEVEN),
        ("a.au", "au", "pcm_s16be", {}, dataclasses.replace(SIX, year=None)),
        ("a.aac", "adts", "aac", {"write_id3v2": "1"}, SEVEN),
        ("ape.aac", "adts", "aac", {"write_apetag": "1"}, SEVEN),
        ("a.aiff", "aiff", "pcm_s16be", {}, Tags("Où est la lune? 月")),
        ("id3.aiff", "aiff", "pcm_s16be", {"write_id3v2": "1"}, SEVEN),
        ("a.tta", "tta", "tta", {}, SEVEN),
        ("a.wv", "wv", "wavpack", {}, SEVEN),
        ("a.oga", "oga", "flac", {}, SEVEN),
    ],
)
def test_tags_that_only_ffmpeg_knows_are_read(
    tmp_path: Path, name: str, container: str, codec: str, options: dict[str, str], expected: Tags
) -> None:
    sound = music(0.5, 48_000, channels=2)
    assert probed(encode(tmp_path / name, sound, 48_000, codec, container, options, DESCRIBED)) == expected


@pytest.mark.parametrize("container", ["WAV", "RF64", "CAF", "AIFF"])
def test_tags_that_libsndfile_writes_are_read(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"a.{container.lower()}"
    with soundfile.SoundFile(path, "w", 44_100, 1, format=container) as file:
        file.title, file.artist = "Où est la lune? 月", "Zoë"
        if container != "AIFF":  # whose chunks have names for two only
            file.album, file.genre, file.date, file.tracknumber = "An album", "Jazz", "1959", "3"
        file.write(music(0.5))
    assert probed(path) == (Tags(SIX.title, SIX.artist) if container == "AIFF" else SIX)


def test_the_summary_of_a_w64_file_is_read(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.w64", music(0.4), 44_100, "W64")  # of whole blocks of eight bytes
    texts = {"INAM": SIX.title, "IART": SIX.artist, "IPRD": SIX.album, "IGNR": SIX.genre, "ICRD": "1959"}
    items = [(name.encode(), f"{text}\0".encode("utf-16-le")) for name, text in texts.items()]
    body = b"".join(name + struct.pack("<I", len(text)) + text for name, text in items)
    chunk = bytes.fromhex("bc945f925a52d21186dc00c04f8edb8a") + struct.pack("<QI", 28 + len(body), 5) + body
    path.write_bytes(path.read_bytes() + chunk + bytes(-len(chunk) % 8))
    assert probed(path) == dataclasses.replace(SIX, track=None)


def test_the_name_of_a_matroska_track_is_no_title(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mka", music(0.5), 48_000, "libopus", "matroska", None, {"artist": "Zoë"})
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mka"), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.audio[0])
        stream.metadata["title"] = "Stereo"
        copy.metadata.update(source.metadata)
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    assert probed(tmp_path / "b.mka") == Tags(artist="Zoë")


def ape_only(**items: str | list[str]) -> bytes:
    """The bytes of an APEv2 tag."""
    tag = apev2.APEv2()
    tag.update(items)
    out = io.BytesIO()
    tag.save(out)
    return out.getvalue()


def id3v1_only(title: bytes, artist: bytes = b"", album: bytes = b"") -> bytes:
    """The bytes of an ID3v1 tag."""
    texts = b"".join(text[:30].ljust(30, b"\0") for text in (title, artist, album))
    return b"TAG" + texts + b"1988" + bytes(30) + b"\x11"


LONG = "A title of more than thirty characters"


@pytest.mark.parametrize("last", [b"", id3v1_only(LONG.encode(), b"Cut", b"Of ID3v1")])
def test_an_ape_tag_of_an_mp3_goes_before_the_short_texts_of_id3v1(tmp_path: Path, last: bytes) -> None:
    path = make(tmp_path, "mp3", seconds=0.5)
    path.write_bytes(path.read_bytes() + ape_only(Title=LONG, Artist=["A", "B"], Year="1971") + last)
    found = read(path)
    assert (found.title, found.artist, found.year) == (LONG, "A; B", 1971)
    assert found.album == ("Of ID3v1" if last else None)


def test_an_ape_tag_before_lyrics_or_in_front_is_read(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3", seconds=0.5)
    sound, tag = path.read_bytes(), ape_only(Title=LONG)
    lyrics = b"LYRICSBEGININD00003111"
    path.write_bytes(sound + tag + lyrics + b"%06d" % len(lyrics) + b"LYRICS200" + id3v1_only(LONG.encode()))
    assert read(path).title == LONG
    path.write_bytes(tag + sound)
    assert read(path).title == LONG


def test_id3v2_goes_before_an_ape_tag_for_what_it_has(tmp_path: Path) -> None:
    path = tagged_mp3(tmp_path, id3_only(id3.TIT2(encoding=3, text=["Of ID3"])))
    path.write_bytes(path.read_bytes() + ape_only(Title="Of APE", Genre="Jazz"))
    assert read(path) == Tags(title="Of ID3", genre="Jazz")


@pytest.mark.parametrize("name", ["flac", "vorbis", "wav16", "alac"])
def test_an_id3_tag_in_front_of_another_format_fills_what_it_lacks(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=0.5)
    path.write_bytes(id3_only(id3.TIT2(encoding=3, text=["Of ID3"])) + path.read_bytes())
    assert read(path).title == "Of ID3"


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [("a.wv", "wv", "wavpack"), ("a.ac3", "ac3", "ac3"), ("a.flac", "flac", "flac")],
)
def test_an_id3v1_tag_of_any_format_fills_what_it_lacks(
    tmp_path: Path, name: str, container: str, codec: str
) -> None:
    path = encode(tmp_path / name, music(0.5, 48_000, channels=2), 48_000, codec, container)
    path.write_bytes(path.read_bytes() + id3v1_only(b"Old title"))
    assert probed(path) == Tags(title="Old title", genre="Rock", year=1988)


def test_comments_of_a_flac_file_go_before_an_id3_tag_in_front_of_it(tmp_path: Path) -> None:
    path = make(tmp_path, "flac", seconds=0.5)
    write_tags(path, title="Of FLAC")
    path.write_bytes(id3_only(id3.TIT2(encoding=3, text=["Of ID3"])) + path.read_bytes())
    assert read(path).title == "Of FLAC"


def test_an_album_artist_in_a_frame_of_the_tagger_s_own_is_read(tmp_path: Path) -> None:
    frame = id3.TXXX(encoding=3, desc="ALBUM ARTIST", text=["More"])
    assert read(tagged_mp3(tmp_path, id3_only(frame))) == Tags(album_artist="More")


@pytest.mark.parametrize("cut", [1, 20, 31, 60, 75])
def test_a_damaged_ape_tag_is_none_or_what_is_left(tmp_path: Path, cut: int) -> None:
    tag = ape_only(Title="Title", Artist="Artist")
    path = make(tmp_path, "mp3", seconds=0.5)
    sound = path.read_bytes()
    for damaged in (tag[:-cut], tag[:-24] + b"\xff" * 8 + tag[-16:], tag[:40] + bytes(cut) + tag[40 + cut :]):
        path.write_bytes(sound + damaged)
        assert read(path).title in (None, "Title", "\0Title")


@pytest.mark.parametrize("encoding", ["cp1251", "utf-8"])
def test_an_older_encoding_is_read_wherever_a_tag_may_hold_it(tmp_path: Path, encoding: str) -> None:
    title, artist, album = (text.encode(encoding) for text in ("Группа крови", "Кино", "Ночь"))
    files = {
        name: make(tmp_path, name, seconds=0.5, seed=n) for n, name in enumerate(["mp3", "flac", "wav16"])
    }
    v1 = make(tmp_path, "mp3", seconds=0.5, seed=4)
    v1.write_bytes(v1.read_bytes() + id3v1_only(title, artist, album))
    ape = make(tmp_path, "mp3", seconds=0.5, seed=5)
    tag = ape_only(Title="T" * len(title), Artist="A" * len(artist), Album="L" * len(album))
    for letter, text in ((b"T", title), (b"A", artist), (b"L", album)):
        tag = tag.replace(letter * len(text), text)
    ape.write_bytes(ape.read_bytes() + tag)
    names = {"TIT2": title, "TPE1": artist, "TALB": album}
    frames = [id3.Frames[name](encoding=0, text=[text.decode("latin-1")]) for name, text in names.items()]
    files["mp3"].write_bytes(id3_only(*frames) + files["mp3"].read_bytes())
    write_tags(files["flac"], title="T" * len(title), artist="A" * len(artist), album="L" * len(album))
    data = files["flac"].read_bytes()
    for letter, text in ((b"T", title), (b"A", artist), (b"L", album)):
        data = data.replace(letter * len(text), text)
    files["flac"].write_bytes(data)
    info = b"".join(
        name + struct.pack("<I", len(text) + 1) + text + bytes(1 + (len(text) + 1) % 2)
        for name, text in ((b"INAM", title), (b"IART", artist), (b"IPRD", album))
    )
    riff = files["wav16"].read_bytes() + b"LIST" + struct.pack("<I", 4 + len(info)) + b"INFO" + info
    files["wav16"].write_bytes(riff[:4] + struct.pack("<I", len(riff) - 8) + riff[8:])
    for path in (v1, ape, *files.values()):
        found = probed(path)
        assert (found.title, found.artist, found.album) == ("Группа крови", "Кино", "Ночь"), path


def test_several_values_of_an_older_encoding_are_all_kept(tmp_path: Path) -> None:
    texts = [name.encode("cp1251").decode("latin-1") for name in ("Кино", "Аквариум")]
    frame = id3.TPE1(encoding=0, text=texts)
    assert read(tagged_mp3(tmp_path, id3_only(frame))).artist == "Кино; Аквариум"


def test_a_right_name_in_a_latin_1_frame_stays_as_it_is(tmp_path: Path) -> None:
    frames = (id3.TIT2(encoding=0, text=["Ágætis byrjun"]), id3.TPE1(encoding=0, text=["Sigur Rós"]))
    assert read(tagged_mp3(tmp_path, id3_only(*frames))) == Tags("Ágætis byrjun", "Sigur Rós")


def _cut(data: bytes) -> bytes:
    return data[:40]


def _noise_in_the_tag(data: bytes) -> bytes:
    return data[:8] + bytes((byte * 7 + 13) % 256 for byte in data[8:400]) + data[400:]


def _claims_more_than_there_is(data: bytes) -> bytes:
    return data[:6] + b"\x7f\x7f\x7f\x7f" + data[10:]


@pytest.mark.parametrize("damage", [_cut, _noise_in_the_tag, _claims_more_than_there_is])
@pytest.mark.parametrize("name", FORMS)
def test_damaged_tags_never_raise(tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    path = make(tmp_path, name, seconds=1.0)
    write_tags(path, **ALL)
    path.write_bytes(damage(path.read_bytes()))
    tags = read(path)
    assert tags.title in (None, ALL["title"]) or "\ufffd" in str(tags.title)


@pytest.mark.parametrize("content", [b"", b"ID3", b"fLaC", b"OggS", b"no audio at all" * 100])
def test_what_is_no_audio_file_has_no_tags(content: bytes) -> None:
    assert read_tags(io.BytesIO(content)) == Tags()


@settings(deadline=None)  # the machine may be busy
@given(
    st.binary(max_size=300), st.sampled_from([b"ID3\x03\x00\x00\x00\x00\x01\x00", b"fLaC", b"RIFF", b"OggS"])
)
def test_any_bytes_give_tags_of_valid_unicode(noise: bytes, start: bytes) -> None:
    tags = read_tags(io.BytesIO(start + noise))
    for text in (tags.title, tags.artist, tags.album, tags.album_artist, tags.genre):
        assert text is None or text.encode("utf-8").decode("utf-8") == text != ""


@settings(deadline=None)  # the machine may be busy
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_id3_text_comes_back_without_its_outer_spaces(text: str) -> None:
    tags = read_tags(
        io.BytesIO(
            id3_only(id3.TIT2(encoding=3, text=[text]), id3.TCON(encoding=3, text=[text]))
            + b"\xff\xfb\x90\x64".ljust(417, b"\0") * 20
        )
    )
    assert tags.title == joined(text.split("\0"))
