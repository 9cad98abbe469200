"""Tracks by what they are called."""

from __future__ import annotations

from audiosim.core.types import Tags, Track
from audiosim.search.names import Names

TRACKS = [
    Track(b"/m/a.mp3", "1", 1.0, Tags("So What", "Miles Davis", "Kind of Blue")),
    Track(b"/m/b.mp3", "2", 1.0, Tags("Bl\u00fce Train", "John Coltrane")),
    Track(b"/m/blue/c.mp3", "3", 1.0),
    Track(b"/m/caf\xe9.mp3", "4", 1.0),
]


def found(words: str) -> list[bytes]:
    return [track.path for track in Names(TRACKS).find(words)]


def test_every_word_must_occur_and_those_called_so_come_first() -> None:
    assert found("BLUE") == [b"/m/b.mp3", b"/m/a.mp3", b"/m/blue/c.mp3"]
    assert found("davis what") == [b"/m/a.mp3"]
    assert found("davis train") == []
    assert found("caf") == [b"/m/caf\xe9.mp3"]
    assert found("  ") == [track.path for track in TRACKS]


def test_texts_of_tracks_that_are_the_same_are_taken_over() -> None:
    before = Names(TRACKS)
    after = Names([TRACKS[1], Track(b"/m/d.mp3", "5", 1.0)], before)
    assert after.texts[0] is before.texts[1]
    assert [track.path for track in after.find("d.mp3")] == [b"/m/d.mp3"]
