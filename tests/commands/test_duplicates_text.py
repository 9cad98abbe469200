"""``audiosim duplicates`` as people see it."""

from __future__ import annotations

from conftest import GOLDEN

from audiosim.commands.duplicates import _file_text, _text
from audiosim.core.types import Track
from audiosim.search.across import FileHeld, Held
from audiosim.search.duplicates import Group, Link
from audiosim.search.recordings import Evidence

FOLDER = b"/m/Maxstack/Endgame Singularity - Collector's Edition/"
SAME = Evidence("same audio", 1.0)
ENCODED = Evidence("same recording", 0.99, agreement=0.971, change="encoding")
CUT = Evidence("same recording", 0.9, offset=-3.0, agreement=0.94, change="cut", shares=(0.46, 1.0))


def track(path: bytes) -> Track:
    return Track(path, "0" * 32, 282.4)


SONG, SHORT = track(FOLDER + b"12 - Orbital Elevator.ogg"), track(b"/m/a.ogg")
COPY, OTHER = track(b"/new/12 - Orbital Elevator.ogg"), track(b"/new/12 - Orbital Elevator (radio edit).mp3")
FAR = track("/m/\u6708/\u6708\u5149 - ".encode() + b"a long name of a file that runs on and on and on.flac")
GROUPS = [
    Group((SONG, COPY), (Link(SONG, COPY, SAME),)),
    Group((SHORT, track(b"/m/b.ogg")), (Link(SHORT, track(b"/m/b.ogg"), SAME),)),
    Group((SONG, COPY, OTHER), (Link(SONG, COPY, SAME), Link(SONG, OTHER, CUT))),
    Group((SHORT, FAR), (Link(SHORT, FAR, ENCODED),)),
]
FILES = [
    FileHeld(b"/in/new.flac"),
    FileHeld(b"/in/known.flac", (Held(SONG, SAME), Held(FAR, CUT))),
    FileHeld(b"/in/own.flac", (Held(SHORT, ENCODED),), indexed=True),
    FileHeld(FOLDER + b"own.flac", indexed=True),
    FileHeld(b"/in/broken.flac", reason="this is no audio that can be decoded: " + "invalid data, " * 6),
]


def shown(width: int | None) -> str:
    groups = "\n".join(_text(group, width) for group in GROUPS)
    return groups + "\nacross\n" + "".join(_file_text(file, width) for file in FILES)


def test_what_is_one_recording_is_as_it_was_found_good_to_read() -> None:
    """At 80 and 120 columns; golden/duplicates.txt is what a person has looked at."""
    found = "".join(f"duplicates, {width} columns\n{shown(width)}\n" for width in (80, 120))
    assert found == (GOLDEN / "duplicates.txt").read_text("utf-8")


def test_on_a_terminal_only_paths_are_wider_than_it() -> None:
    tracks = (SONG, COPY, OTHER, FAR, SHORT)
    paths = [path.decode() for path in (*(one.path for one in tracks), *(one.path for one in FILES))]
    for width in (40, 80, 120):
        wide = [line for line in shown(width).splitlines() if len(line) > width]
        assert all(line.endswith(tuple(paths)) for line in wide), wide


def test_in_a_pipe_each_file_has_one_line() -> None:
    lines = shown(None).splitlines()
    assert len(lines) == sum(1 + len(group.tracks) for group in GROUPS) + 3 + 1 + 1 + len(FILES) + 3
    assert f"     4:42  {COPY.path.decode()}  (same audio)" in lines
    assert f"     4:42  {COPY.path.decode()}  (same audio as the first)" in lines
