from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen
import pytest
from audio_files import FORMS, apev2, encode, flac, id3, make, music, write_tags
from hypothesis import given, settings
from hypothesis import strategies as st

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
