"""Tags that are written are those that are read, and leave the audio as it is."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audio_files import FORMS, encode, make, music
from audio_files import write_tags as write_before
from mutagen import id3

from audiosim.audio.probe import probe
from audiosim.audio.tagging import write_tags
from audiosim.core.errors import AudioError
from audiosim.core.types import Tags

WHOLE = Tags("Låter", "Bob; Ann", "An album", "Various", "Jazz", 1959, 7)


def probed(path: Path) -> tuple[str, Tags]:
    info = probe(str(path), lambda: None)
    return info.digest, info.tags


@pytest.mark.parametrize("name", FORMS)
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=0.5)
    before, tags = probed(path)
    assert tags.title is None
    write_tags(os.fsencode(path), WHOLE)
    assert probed(path) == (before, WHOLE)


@pytest.mark.parametrize("name", ["flac", "mp3", "aac", "wma", "vorbis", "wav16"])
def test_it_takes_the_place_of_what_was_there_and_leaves_the_rest(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=0.5)
    write_before(path, title="Old", artist="Old", album_artist="Old", year="1901", track="3", genre="Rock")
    write_tags(os.fsencode(path), Tags(title="New", track=4, album_artist="Newer"))
    expected = Tags("New", "Old", None, "Newer", "Rock", 1901, 4)
    assert probed(path)[1] == expected


def test_every_name_that_would_be_read_first_is_replaced(tmp_path: Path) -> None:
    path = make(tmp_path, "mp3", seconds=0.5)
    frames: Any = id3
    tags = frames.ID3()
    tags.add(frames.TXXX(desc="ALBUM ARTIST", text="Old"))
    tags.add(frames.TXXX(desc="MOOD", text="calm"))
    tags.save(path)
    write_tags(os.fsencode(path), Tags(album_artist="New"))
    assert probed(path)[1].album_artist == "New"
    assert str(frames.ID3(path)["TXXX:MOOD"]) == "calm"


@pytest.mark.parametrize(
    ("container", "codec", "suffix"), [("wv", "wavpack", ".wv"), ("adts", "aac", ".aac")]
)
def test_others_hold_them_too(tmp_path: Path, container: str, codec: str, suffix: str) -> None:
    path = tmp_path / f"other{suffix}"
    encode(path, music(0.5, 48_000), 48_000, codec, container)
    before, _ = probed(path)
    write_tags(os.fsencode(path), WHOLE)
    assert probed(path) == (before, WHOLE)


@pytest.mark.parametrize(
    ("container", "codec", "suffix"),
    [("matroska", "flac", ".mka"), ("caf", "pcm_s16be", ".caf"), ("ac3", "ac3", ".ac3")],
)
def test_a_format_without_tags_is_told(tmp_path: Path, container: str, codec: str, suffix: str) -> None:
    path = tmp_path / f"other{suffix}"
    encode(path, music(0.5, 48_000), 48_000, codec, container)
    with pytest.raises(AudioError, match="hold no tags that can be written"):
        write_tags(os.fsencode(path), WHOLE)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = make(tmp_path, "aac", seconds=0.5)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(AudioError, match="tags"):
        write_tags(os.fsencode(path), replace(WHOLE, track=None))
    with pytest.raises(AudioError, match="tags"):
        write_tags(os.fsencode(tmp_path / "nowhere.flac"), WHOLE)
