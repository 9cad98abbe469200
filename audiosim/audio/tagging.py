"""Tags written into a file, by a process of its own: what a damaged file does to it costs that process.

Files of some formats (Matroska, CAF, AU, W64, Shorten, AC-3) hold none that can be written here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import mutagen
from mutagen import aac, apev2, asf, id3, mp4

from audiosim.audio.tags import NAMES
from audiosim.core.child import ask_child
from audiosim.core.errors import AudioError
from audiosim.core.types import Tags

LIMIT = 60.0  # s for all of it
NO_TAGS = "files of its format hold no tags that can be written"
# What fields are written as, where that is not Vorbis comments' way.
APE = {
    "title": "Title", "artist": "Artist", "album": "Album", "album_artist": "Album Artist", "genre": "Genre",
    "year": "Year", "track": "Track",
}  # fmt: skip
ID3 = {
    "title": "TIT2", "artist": "TPE1", "album": "TALB", "album_artist": "TPE2", "genre": "TCON",
    "year": "TDRC", "track": "TRCK",
}  # fmt: skip
MP4 = {
    "title": "\xa9nam", "artist": "\xa9ART", "album": "\xa9alb", "album_artist": "aART", "genre": "\xa9gen",
    "year": "\xa9day", "track": "trkn",
}  # fmt: skip
ASF = {
    "title": "Title", "artist": "Author", "album": "WM/AlbumTitle", "album_artist": "WM/AlbumArtist",
    "genre": "WM/Genre", "year": "WM/Year", "track": "WM/TrackNumber",
}  # fmt: skip
VORBIS = {
    "title": "title", "artist": "artist", "album": "album", "album_artist": "albumartist", "genre": "genre",
    "year": "date", "track": "tracknumber",
}  # fmt: skip


def write_tags(path: bytes, tags: Tags) -> None:
    """Write tags into a file, in a process of its own; those that are None stay as they are.

    Parameters
    ----------
    path : bytes
        The file; where this fails, it may be damaged.
    tags : Tags
        What to write.

    Raises
    ------
    AudioError
        If that can't be done, in reasonable time.
    """
    given = {name: value for name, value in asdict(tags).items() if value is not None}
    try:
        wrong = ask_child("audiosim.audio.tagging", [path.hex(), given], LIMIT)
    except subprocess.TimeoutExpired as error:
        raise AudioError(f"its tags were not written in {LIMIT:g} s") from error
    if wrong != "":
        raise AudioError(wrong or "what writes its tags crashed")


def main() -> None:
    """Write what is asked for on stdin; say on stdout what went wrong."""
    path, given = json.loads(sys.stdin.buffer.read())
    try:
        _write(os.fsdecode(bytes.fromhex(path)), given)
    except AudioError as error:
        sys.stdout.write(error.reason)
    except Exception as error:  # damaged files raise nearly anything
        sys.stdout.write(
            f"its tags can't be written ({' '.join(str(error).split()) or type(error).__name__})"
        )


def _write(path: str, given: Mapping[str, str | int]) -> None:
    file = mutagen.File(path)
    if isinstance(file, aac.AAC):  # players read ID3 in front of it
        tags: Any = id3.ID3()  # type: ignore[no-untyped-call]
        _enter(tags, given)
        tags.save(path)
        return
    if file is None:
        raise AudioError(NO_TAGS)
    if file.tags is None:
        try:
            file.add_tags()
        except (mutagen.MutagenError, NotImplementedError) as error:
            raise AudioError(NO_TAGS) from error
    _enter(file.tags, given)
    file.save()


def _enter(tags: Any, given: Mapping[str, str | int]) -> None:
    """Each field by the one name that others read it by, and by no other name that we would read first."""
    names = _names(tags)
    for field, value in given.items():
        for name in NAMES[field]:
            with suppress(KeyError, ValueError):  # it has none of that name, or can't
                del tags[name]
        name, text = names[field], str(value)
        if names is ID3:
            tags.add(getattr(id3, name)(encoding=id3.Encoding.UTF8, text=[text]))
        elif name == "trkn":
            tags[name] = [(int(value), 0)]
        else:
            tags[name] = text if names is APE else [text]


def _names(tags: Any) -> Mapping[str, str]:
    kinds: tuple[tuple[Any, Mapping[str, str]], ...] = (
        (id3.ID3, ID3), (mp4.MP4Tags, MP4), (apev2.APEv2, APE), (asf.ASFTags, ASF),
    )  # fmt: skip
    return next((names for kind, names in kinds if isinstance(tags, kind)), VORBIS)


if __name__ == "__main__":
    main()
