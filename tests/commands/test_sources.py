"""What users name as queries: files, folders, playlists, stdin."""

from __future__ import annotations

import dataclasses
import io
import os
import tempfile
import unicodedata
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.commands.playlist_entries import UNREADABLE
from audiosim.commands.sources import expand, read_playlist
from audiosim.core.errors import AudiosimError, UsageError
from audiosim.core.m3u import playlist_text, relative_line
from audiosim.core.types import Track

NAMES = [b"plain.mp3", "Björk é 月.flac".encode(), b"caf\xe9.ogg", b"100% #1.mp3", b"sub/in folder.mp3"]


@pytest.fixture
def folder(tmp_path: Path) -> bytes:
    """A folder of a name that is not ASCII, with files that are only names."""
    folder = os.fsencode(tmp_path / "Müsik")
    os.makedirs(os.path.join(folder, b"sub"))
    for name in NAMES:
        with open(os.path.join(folder, name), "wb"):
            pass
    return folder


def stdin(data: bytes = b"") -> io.BytesIO:
    return io.BytesIO(data)


def playlist(folder: bytes, data: bytes, name: bytes = b"list.m3u") -> bytes:
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def test_a_folder_is_its_audio_files_in_order(folder: bytes) -> None:
    playlist(folder, b"plain.mp3")
    found = expand([os.fsdecode(folder)], stdin())
    assert found.paths == sorted(os.path.join(folder, name) for name in NAMES)
    assert found.listed == set(found.paths)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_playlist_is_the_files_that_it_names(folder: bytes, end: bytes, start: bytes) -> None:
    lines = [
        b"#EXTM3U",
        b"#EXTINF:12,A - B",
        NAMES[0],
        b"",
        b"  " + NAMES[1] + b" ",
        os.path.join(folder, NAMES[4]),
    ]
    path = playlist(folder, start + end.join(lines), b"list.M3U8")
    assert read_playlist(path) == [os.path.join(folder, NAMES[n]) for n in (0, 1, 4)]
    assert expand([os.fsdecode(path)], stdin()).listed == set(read_playlist(path))


def test_paths_are_relative_to_the_playlist_wherever_it_is_read(
    folder: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    playlist(folder, b"../plain.mp3\n./in folder.mp3\n", b"sub/list.m3u")
    monkeypatch.chdir(tmp_path)
    found = expand(["Müsik/sub/list.m3u"], stdin()).paths
    assert found == [os.path.join(folder, NAMES[0]), os.path.join(folder, NAMES[4])]


def test_latin_1_names_are_found_whatever_their_folder_is_called(folder: bytes) -> None:
    data = "Bj\xf6rk \xe9.mp3".encode("latin-1")
    with open(os.path.join(folder, "Björk é.mp3".encode()), "wb"):
        pass
    assert read_playlist(playlist(folder, data)) == [os.path.join(folder, "Björk é.mp3".encode())]


def test_a_name_that_is_not_utf8_is_taken_as_it_is_where_it_is_there(folder: bytes) -> None:
    found = read_playlist(playlist(folder, NAMES[2] + b"\nnot there \xff.mp3"))
    assert found == [os.path.join(folder, NAMES[2]), os.path.join(folder, b"not there \xff.mp3")]


def test_file_uris_are_files_and_other_urls_are_none(folder: bytes) -> None:
    lines = [b"file://" + quote(os.path.join(folder, name)).encode() for name in NAMES]
    lines[0] = lines[0].replace(b"file://", b"FILE://localhost")
    others = [b"http://radio.example/stream.mp3", b"http://[radio]/x.mp3", b"file://server/share/x.mp3"]
    found = read_playlist(playlist(folder, b"\n".join([*others, *lines])))
    assert found == [b"//server/share/x.mp3", *(os.path.join(folder, name) for name in NAMES)]


def test_a_playlist_of_radio_stations_or_an_empty_folder_is_a_usage_error(
    folder: bytes, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"No audio file in .*list\.m3u"):
        expand([os.fsdecode(playlist(folder, b"#EXTM3U\nhttp://radio.example/"))], stdin())
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"No audio file in .*empty"):
        expand([tmp_path / "empty"], stdin())
    with pytest.raises(UsageError, match="No audio file in stdin"):
        expand(["-"], stdin(b"\n \n"))


@pytest.mark.parametrize("start", [b"", BOM_UTF8])
def test_a_playlist_that_is_piped_has_no_comments_for_paths(start: bytes) -> None:
    piped = b"#EXTM3U\r\n#EXTINF:12,A song\r\n/m/a song.mp3\r\n#1 hit.mp3\r\n/m/b.mp3\r\n"
    assert expand(["-"], stdin(start + piped)).paths == [b"/m/a song.mp3", b"/m/b.mp3"]
    assert expand(["-"], stdin(b"/m/#1 hit.mp3\n/#EXTM3U\n")).paths == [b"/m/#1 hit.mp3", b"/#EXTM3U"]


def test_a_playlist_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(AudiosimError, match="Can't read"):
        read_playlist(os.fsencode(tmp_path / "absent.m3u"))


def test_stdin_has_paths_in_lines_or_ended_by_zero_bytes() -> None:
    assert expand(["-"], stdin(b"/m/a b.mp3\n\n/m/\xff.mp3\n")).paths == [b"/m/a b.mp3", b"/m/\xff.mp3"]
    odd = b"/m/two\nlines.mp3"
    assert expand(["-"], stdin(odd + b"\0/m/b.mp3\0")).paths == [odd, b"/m/b.mp3"]


def test_each_file_counts_once_and_what_is_named_itself_must_be_there() -> None:
    found = expand(["/m/a.mp3", "-", "/m/c.mp3"], stdin(b"/m/b.mp3\n/m/../m/a.mp3\n/m/c.mp3\n//m/d.mp3\n"))
    assert found.paths == [b"/m/a.mp3", b"/m/b.mp3", b"/m/c.mp3", b"/m/d.mp3"]
    assert found.listed == {b"/m/b.mp3", b"/m/d.mp3"}


def test_a_file_is_itself_whether_it_is_there_or_not(folder: bytes) -> None:
    names = [os.fsdecode(os.path.join(folder, name)) for name in (*NAMES, b"absent.m3u")]
    found = expand(names, stdin())
    assert found.paths == [os.fsencode(name) for name in names]
    assert found.listed == frozenset()


def found_in(folder: bytes, data: bytes, name: bytes = b"sub/list.m3u8", **options: Any) -> list[bytes]:
    """What a playlist names, relative to the folder above its own."""
    paths = read_playlist(playlist(folder, data, name), **options)
    return [os.path.relpath(path, folder) for path in paths]


@pytest.mark.parametrize("case", ["foobar", "vlc"])
def test_playlists_of_players_are_read(folder: bytes, case: str) -> None:
    names = ["Sisters of Mercy/Flood land/01 - Dominion.wav", "Sisters of Mercy/Flood land/02 - Björk é.wav"]
    names += ["03 100% #1.wav"]
    for name in names:
        touch(folder, name.encode())
    lines = {
        "foobar": [f"..\\{name}".replace("/", "\\") for name in names],
        "vlc": [f"../{quote(n)}" for n in names],
    }
    data = "\ufeff#EXTM3U\r\n" + "".join(f"{line}\r\n" for line in lines[case])
    assert found_in(folder, data.encode()) == [name.encode() for name in names]


def touch(folder: bytes, name: bytes) -> bytes:
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb"):
        pass
    return name


ELSEWHERE = [
    "C:\\Users\\me\\Music\\Björk\\Jóga.mp3",
    "file:///C:/Users/me/Music/Bj%C3%B6rk/J%C3%B3ga.mp3",
    "\\\\nas\\music\\Björk\\Jóga.mp3",
    "file://nas/music/Bj%C3%B6rk/J%C3%B3ga.mp3",
    "\\Björk\\Jóga.mp3",
    "/Volumes/Music/Björk/Jóga.mp3",
    "D:björk/JÓGA.MP3",
    "Björk/Jóga.mp3",
    unicodedata.normalize("NFD", "../Björk/Jóga.mp3"),
    "../bJÖRK/jóga.MP3",
]


@pytest.mark.parametrize("line", ELSEWHERE)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_paths_from_another_machine_are_found_by_their_end(
    folder: bytes, line: str, form: Literal["NFC", "NFD"]
) -> None:
    name = touch(folder, unicodedata.normalize(form, "Björk/Jóga.mp3").encode())
    touch(folder, b"Other/J\xc3\xb3ga.mp3")
    assert found_in(folder, line.encode()) == [name]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8", "cp1252"])
def test_playlists_in_any_encoding_are_read(folder: bytes, encoding: str) -> None:
    name = touch(folder, "Björk … “Jóga”.mp3".encode())
    assert found_in(folder, "#EXTM3U\r\n..\\Björk … “Jóga”.mp3\r\n".encode(encoding), b"sub/l.m3u") == [name]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Кино/Группа крови", "cp1251"), ("椎名林檎/ソ表能", "cp932"), ("周杰伦/青花瓷", "gbk"),
     ("周杰倫/許功蓋", "big5"), ("김건모/핑계", "cp949"), ("Dvořák/Žalmy", "cp1250"),
     ("Χατζιδάκις/Ποτέ", "cp1253")],
)  # fmt: skip
def test_a_name_in_an_older_encoding_is_the_file_that_is_there(
    folder: bytes, text: str, encoding: str
) -> None:
    name = touch(folder, f"{text}.mp3".encode())
    line = f"C:\\Music\\{text}.mp3".replace("/", "\\")
    assert found_in(folder, line.encode(encoding), b"sub/l.m3u") == [name]


def test_what_stands_in_a_playlist_is_taken_literally_where_there_is_such_a_file(folder: bytes) -> None:
    names = [
        b"a%20b.mp3",
        b"a b.mp3",
        b"c\\d.mp3",
        b"c/d.mp3",
        b" e .mp3 ",
        b"e .mp3",
        b"#9 Dream.mp3",
        b"C:x.mp3",
    ]
    for name in names:
        touch(folder, name)
    assert found_in(folder, b"\n".join(names), b"l.m3u") == names
    assert found_in(folder, b"#9 Not there.mp3\n#EXTINF:1\na.mp3", b"l.m3u") == [b"a.mp3"]


def test_a_part_of_another_path_is_no_end(folder: bytes) -> None:
    touch(folder, b"01.mp3")
    touch(folder, b"A/01.mp3")
    missing = b"C:\\Music\\B\\01.mp3"
    assert found_in(folder, missing) == [b"sub/" + missing]
    assert found_in(folder, b"/nowhere/B/01.mp3") == [os.path.relpath(b"/nowhere/B/01.mp3", folder)]


def test_files_are_looked_for_in_the_folders_of_the_index(folder: bytes, tmp_path: Path) -> None:
    name = touch(folder, b"A/01.mp3")
    lists = os.fsencode(tmp_path / "lists")
    os.mkdir(lists)
    for line in (b"M:\\iTunes\\A\\01.mp3", b"A/01.mp3"):
        list_ = playlist(lists, line)
        assert read_playlist(list_, lambda: [folder]) == [os.path.join(folder, name)]
        assert read_playlist(list_) != [os.path.join(folder, name)]


def test_pls_files_are_read_in_the_order_of_their_numbers(folder: bytes) -> None:
    data = b"[playlist]\r\nTitle1=x\r\nfile10=..\\plain.mp3\r\nFile2=in folder.mp3\r\n"
    data += b"File3=\r\nNumberOfEntries=2"
    assert found_in(folder, data, b"sub/l.pls") == [b"sub/in folder.mp3", b"plain.mp3"]


XSPF = """<?xml version="1.0" encoding="{}"?>
<playlist version="1" xmlns="http://xspf.org/ns/0/"><location>no.mp3</location><trackList>
<track><location>../plain.mp3</location><location>other.mp3</location><title>location</title></track>
<track><title>x</title><location> ../100%25%20%231.mp3 </location></track>
<track><location>file:///C:/Music/Bj%C3%B6rk%20%C3%A9%20%E6%9C%88.flac</location></track>
<track><location>../Björk é &#x6708;.flac</location></track>
<track><location/></track></trackList></playlist>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_xspf_files_are_read(folder: bytes, encoding: str) -> None:
    path = playlist(folder, XSPF.format(encoding).encode(encoding), b"sub/l.xspf")
    os.rename(os.path.join(folder, NAMES[1]), os.path.join(folder, b"sub", NAMES[1]))
    touch(folder, NAMES[1])
    own, above = b"sub/" + NAMES[1], NAMES[1]
    found = [os.path.relpath(found, folder) for found in read_playlist(path)]
    assert found == [NAMES[0], NAMES[3], own, above]


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE p [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]><playlist>&b;</playlist>',
        b'<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><playlist>&a;</playlist>',
        b'<!DOCTYPE p SYSTEM "http://example.org/x.dtd"><playlist/>',
        b"<playlist>&undefined;</playlist>",
        b"<playlist>",
        b"",
        b'<?xml version="1.0" encoding="nonsense"?><playlist/>',
        b"\xff\xfe\x00",
    ],
)
def test_an_xspf_file_with_a_document_type_or_damage_is_an_error(folder: bytes, data: bytes) -> None:
    with pytest.raises(AudiosimError, match=r"Can't read .*l\.xspf: it is no XSPF"):
        read_playlist(playlist(folder, data, b"l.xspf"))


@pytest.mark.parametrize("kind", UNREADABLE)
def test_playlists_of_other_kinds_are_refused_by_name(folder: bytes, kind: bytes) -> None:
    path = os.fsdecode(playlist(folder, b"anything", b"list" + kind.upper()))
    with pytest.raises(UsageError, match=rf"kind \{kind.decode()} are not read") as caught:
        expand([path], stdin())
    assert ".m3u, .m3u8, .pls, .xspf" in str(caught.value)


def test_playlists_in_a_playlist_are_opened_once(folder: bytes) -> None:
    os.symlink(b".", os.path.join(folder, b"again"))
    playlist(folder, b"outer.m3u\nagain/inner.m3u\nplain.mp3\nagain/outer.m3u\ninner.m3u\n", b"inner.m3u")
    outer = playlist(folder, b"inner.m3u\nsub/in folder.mp3\nbad.xspf\ninner.m3u\n", b"outer.m3u")
    playlist(folder, b"no XML", b"bad.xspf")
    found = expand([os.fsdecode(outer)], stdin())
    assert found.paths == [os.path.join(folder, name) for name in (NAMES[0], NAMES[4])]
    assert len(found.notes) == 1
    assert "it is no XSPF" in found.notes[0]


def test_a_folder_in_a_playlist_is_no_file_and_is_not_walked(folder: bytes) -> None:
    touch(folder, b"list.mp3")
    for line in (b"/", b"file:///", b"file://", b"..", b"C:\\", b"sub", b"sub/"):
        (found,) = read_playlist(playlist(folder, line))
        assert not os.path.isfile(found)


def test_streams_in_a_playlist_are_left_out_with_a_note(folder: bytes) -> None:
    path = playlist(folder, b"https://radio.example/x\nplain.mp3\n mms://radio.example/\n")
    (note,) = expand([os.fsdecode(path)], stdin()).notes
    assert note.endswith("list.m3u: 2 of its 3 entries are streams, left out.")


def test_a_playlist_in_a_linked_folder_leads_where_the_system_follows_it(tmp_path: Path) -> None:
    real = os.fsencode(tmp_path / "disk" / "music")
    touch(real, b"lists/l.m3u")
    name = touch(real, b"A/x.mp3")
    touch(os.fsencode(tmp_path), b"A/both.mp3")
    both = touch(real, b"A/both.mp3")
    linked, deep = tmp_path / "music", tmp_path / "lists"
    linked.symlink_to(os.fsdecode(real))
    deep.symlink_to(os.fsdecode(os.path.join(real, b"lists")))
    playlist(real, b"../A/x.mp3\n../A/both.mp3", b"lists/l.m3u")
    through = os.fsencode(linked)
    assert read_playlist(os.path.join(through, b"lists/l.m3u")) == [
        os.path.join(through, name), os.path.join(through, both),
    ]  # fmt: skip
    assert read_playlist(os.fsencode(deep / "l.m3u")) == [os.path.join(real, name), os.path.join(real, both)]


NASTY = [
    b"#", b"%", b"%20", b"%25", b" ", b"\n", b"\r", b"\t", b"\\", b"a", b"A", b":", b"file:", b"http:",
    b"C:", b"..", b".", b"~", b"&", b"?", b"=", b"\xff", b"\xe9", "é".encode(), "e\u0301".encode(),
    "\u2028\x85\ufeff\xa0".encode(), b"/", b".m3u", b"'", b'"', b"<", b"EXT",
]  # fmt: skip
names = st.lists(st.sampled_from(NASTY), min_size=1, max_size=5).map(b"".join)


def is_name(name: bytes) -> bool:
    return not name.startswith(b"/") and os.path.normpath(name) == name and not name.startswith(b"..")


@settings(deadline=None)  # the machine may be busy
@given(st.lists(names.filter(is_name), min_size=1, max_size=5, unique=True), st.booleans(), st.booleans())
def test_what_audiosim_writes_it_reads(own: list[bytes], relative: bool, linked: bool) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = os.path.join(os.fsencode(os.path.realpath(place)), b"music")
        os.makedirs(os.path.join(folder, b"lists", b"deep"))
        tracks = [Track(touch(folder, name + b".mp3"), "0" * 32, 1.0) for name in own]
        paths = [os.path.join(folder, track.path) for track in tracks]
        lists = os.path.join(folder, b"lists", b"deep")
        if linked:
            os.symlink(lists, os.path.join(os.fsencode(place), b"lists"))
            lists = os.path.join(os.fsencode(place), b"lists")
        found = [dataclasses.replace(track, path=path) for track, path in zip(tracks, paths, strict=True)]
        real = os.path.realpath(lists)
        text = playlist_text(found, (lambda track: relative_line(track, real)) if relative else None)
        assert read_playlist(playlist(lists, text.encode(), b"list.m3u8")) == paths


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.binary(max_size=30), max_size=4), st.sampled_from([b".m3u", b".m3u8", b".pls", b".xspf"]))
def test_any_bytes_are_a_playlist_or_an_error_of_ours(lines: list[bytes], kind: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = playlist(os.fsencode(folder), b"\n".join(lines), b"list" + kind)
        try:
            found = read_playlist(path)
        except AudiosimError:
            return
        assert all(os.path.isabs(name) for name in found)
