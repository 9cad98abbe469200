"""Labels: from folders, tags and files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audiosim.core.errors import UsageError
from audiosim.core.types import Tags, Track
from audiosim.evaluation.labels import label_tracks, read_labels


def track(path: str = "/m/a/x.ogg", **tags: object) -> Track:
    return Track(os.fsencode(path), "0" * 32, 200.0, Tags(**tags))  # type: ignore[arg-type]


def labels(source: str, *tracks: Track) -> list[set[str]]:
    return [set(own) for own in label_tracks(source, tracks).labels]


def write(file: Path, *lines: str) -> str:
    file.write_bytes("\r\n".join(lines).encode("utf-8", "surrogateescape"))
    return str(file)


def test_a_folder_is_the_whole_path_of_the_parent() -> None:
    first, second, third = labels("folder", track("/m/a/x.ogg"), track("/m/a/y.ogg"), track("/m/b/a/x.ogg"))
    assert first == second == {"/m/a"}
    assert third == {"/m/b/a"}


@pytest.mark.parametrize("name", ["artist", "album", "album_artist"])
def test_tags_are_compared_without_case_and_unicode_form(name: str) -> None:
    one, two, none = labels(name, track(**{name: "Beyoncé "}), track(**{name: "BEYONCE\u0301"}), track())
    assert one == two != set()
    assert none == set()


def test_a_genre_tag_may_name_several() -> None:
    assert labels("genre", track(genre="Rock; Jazz / Funk")) == [{"rock", "jazz", "funk"}]


def test_labels_are_what_other_commands_compare() -> None:
    assert labels("artist", track(artist="A; B"), track(album_artist="a")) == [{"a", "b"}, {"a"}]
    mixed = track(artist="AC/DC", album_artist="Various Artists")
    assert labels("artist", mixed) == [{"ac/dc"}]
    assert labels("album_artist", mixed) == [set()]
    one, two = labels("album", track(album="Hits", artist="A"), track(album="Hits", artist="B"))
    assert not one & two


def test_a_year_is_a_label_and_a_blank_tag_is_none() -> None:
    assert labels("year", track(year=1984), track()) == [{"1984"}, set()]
    assert labels("artist", track(artist="  ")) == [set()]


def test_a_file_gives_several_labels_and_names_paths_relative_to_itself(tmp_path: Path) -> None:
    one, two, three = (str(tmp_path / "m" / name) for name in ("a.ogg", "b.ogg", "c.ogg"))
    source = write(tmp_path / "l.csv", "path,label", "m/a.ogg,Calm", "m/a.ogg,slow", f"{two},calm")
    assert labels(source, track(one), track(two), track(three)) == [{"calm", "slow"}, {"calm"}, set()]


def test_a_file_may_have_a_byte_order_mark_further_columns_and_any_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.ogg")
    source = write(tmp_path / "l.csv", "\ufeffnote,label,path", f'"x, y",calm,{name}', "short,calm")
    assert labels(source, track(str(tmp_path / name))) == [{"calm"}]


def test_a_few_files_that_are_not_indexed_are_told_of(tmp_path: Path) -> None:
    source = write(tmp_path / "l.csv", "path,label", "a.ogg,x", "b.ogg,x", "gone.ogg,x")
    found = label_tracks(source, [track(str(tmp_path / "a.ogg")), track(str(tmp_path / "b.ogg"))])
    assert found.unknown == (os.fsencode(tmp_path / "gone.ogg"),)


def test_mostly_files_that_are_not_indexed_are_an_error_that_names_some(tmp_path: Path) -> None:
    source = write(tmp_path / "l.csv", "path,label", *(f"{n}.ogg,x" for n in range(9)))
    with pytest.raises(UsageError, match=r"9 of the 9 .*0\.ogg.*2\.ogg") as caught:
        label_tracks(source, [track()])
    assert "3.ogg" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "file,label\na,b\n", "path\na\n"])
def test_a_file_without_the_columns_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(UsageError, match="does not name the columns"):
        read_labels(tmp_path / "l.csv")


def test_a_file_of_no_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 of the 0"):
        label_tracks(write(tmp_path / "l.csv", "path,label"), [track()])


def test_a_folder_is_no_file_of_labels(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Can't read the labels"):
        label_tracks(str(tmp_path), [track()])


def test_a_source_that_is_nothing_says_what_could_be() -> None:
    with pytest.raises(UsageError, match="album_artist"):
        label_tracks("mood", [track()])
