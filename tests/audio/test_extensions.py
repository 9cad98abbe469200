"""The extension of a file, by what is in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from audio_files import FORMS, encode, make, music
from mutagen import id3

from audiosim.audio.extensions import BARE, SIGNS, extensions_of
from audiosim.core.paths import AUDIO_EXTENSIONS

CODECS = {"mp3": "mp3", "opus": "opus", "vorbis": "vorbis"}
OTHERS = [  # FFmpeg's container and codec, and the extension that goes with it
    ("wv", "wavpack", b".wv"), ("tta", "tta", b".tta"), ("adts", "aac", b".aac"), ("ac3", "ac3", b".ac3"),
    ("matroska", "flac", b".mka"), ("webm", "libopus", b".mka"), ("caf", "pcm_s16be", b".caf"),
    ("au", "pcm_s16be", b".au"), ("w64", "pcm_s16le", b".w64"), ("mp2", "mp2", b".mp2"),
]  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_file_of_a_usual_format_has_its_usual_extension(tmp_path: Path, name: str) -> None:
    path = make(tmp_path, name, seconds=0.3)
    found = extensions_of(os.fsencode(path), CODECS.get(name, "other"))
    assert os.fsencode(path.suffix) == found[0]


@pytest.mark.parametrize(("container", "codec", "expected"), OTHERS)
def test_so_has_one_of_another(tmp_path: Path, container: str, codec: str, expected: bytes) -> None:
    path = tmp_path / "no extension"
    encode(path, music(0.3, 48_000, channels=2), 48_000, codec, container)
    assert extensions_of(os.fsencode(path), codec)[0] == expected


def test_tags_in_front_are_passed_by(tmp_path: Path) -> None:
    path = make(tmp_path, "flac", seconds=0.3)
    frames: Any = id3
    tags = frames.ID3()
    tags.add(frames.TIT2(text="x" * 5000))
    tags.save(path)
    assert path.read_bytes()[:3] == b"ID3"
    assert extensions_of(os.fsencode(path), "flac") == (b".flac",)


def test_runs_look_for_each_extension() -> None:
    named = {extension for _, _, extensions in SIGNS for extension in extensions}
    assert named | set(BARE.values()) <= AUDIO_EXTENSIONS


def test_what_is_cut_off_has_none(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    for content in (b"", b"ID3", b"ID3\x04\x00\x00\x00\x00\x01\x00", b"RIFF"):
        path.write_bytes(content)
        assert extensions_of(os.fsencode(path), "unknown") == ()
