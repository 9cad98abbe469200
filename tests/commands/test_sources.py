"""What users name as queries: files, folders, playlists, stdin."""

from __future__ import annotations

import io
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from audiosim.commands.sources import expand, read_playlist
from audiosim.core.errors import AudiosimError, UsageError

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
    assert found == [os.path.join(folder, name) for name in NAMES]


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
