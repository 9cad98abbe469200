"""How values of tags are kept, split and compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosim.core.tag_values import (
    NOBODY,
    album_keys,
    artist_keys,
    folded,
    genre_keys,
    genres,
    joined,
    names,
    values,
)
from audiosim.core.types import Tags


@pytest.mark.parametrize(
    "name",
    [
        "AC/DC", "Tyler, The Creator", "Earth, Wind & Fire", "Simon & Garfunkel", "Sunn O)))", "+/-", "N/A",
        "Crosby, Stills, Nash & Young", "Queen feat. David Bowie", "Emerson, Lake & Palmer", "!!!", "A | B",
        "Love/Hate", "Dave Dee, Dozy, Beaky, Mick & Tich", "The Mamas & the Papas", "Hall + Oates",
    ],
)  # fmt: skip
def test_an_artist_s_name_is_one(name: str) -> None:
    assert values(name) == [name]
    assert artist_keys(Tags(artist=name)) == {folded(name)}


@pytest.mark.parametrize("text", ["First;Second", "First; Second", " First ;; Second; ", "First\uff1bSecond"])
def test_artists_are_separated_by_semicolons(text: str) -> None:
    assert values(text) == ["First", "Second"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Rock", ["Rock"]),
        ("Rock; Jazz / Funk", ["Rock", "Jazz", "Funk"]),
        ("Hip-Hop/Rap", ["Hip-Hop", "Rap"]),
        ("R&B/Soul", ["R&B", "Soul"]),
        ("R&B;Soul", ["R&B", "Soul"]),
        ("Drum & Bass", ["Drum & Bass"]),
        ("Drum & Bass, Drum'n'Bass", ["Drum & Bass", "Drum'n'Bass"]),
        ("Folk, World, & Country", ["Folk", "World", "Country"]),
        ("Rock\\\\Pop|Indie", ["Rock", "Pop", "Indie"]),
        ("ロック、ポップ\uff0fアニメ", ["ロック", "ポップ", "アニメ"]),
        (" ; / ", []),
        (None, []),
    ],
)
def test_genres_are_separated_as_taggers_do_it(text: str | None, parts: list[str]) -> None:
    assert genres(text) == parts
    assert genre_keys(Tags(genre=text)) == set(map(folded, parts))


def test_joined_values_are_each_kept_once_in_their_order() -> None:
    assert joined(["Rock", " Jazz ", "rock", "", " "]) == "Rock; Jazz"
    assert joined(["", " "]) is joined([]) is None
    assert joined(["just  as it is"]) == "just  as it is"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters=";\uff1b"))))
def test_values_come_apart_as_they_were_joined(texts: list[str]) -> None:
    assert {folded(text) for text in values(joined(texts))} == set(map(folded, texts)) - {""}


def test_a_tag_goes_by_the_whole_and_by_each_value() -> None:
    assert names("Steins;Gate OST", None) == {"steins;gate ost", "steins", "gate ost"}
    assert names(None, " ") == frozenset()


def test_case_accents_unicode_form_and_spaces_do_not_count() -> None:
    assert folded("BEYONCE\u0301  Knowles\u00a0") == folded("Beyoncé Knowles") == "beyonce knowles"
    assert folded("Motörhead") == "motorhead"
    assert folded("Ёлка") == folded("елка")
    assert folded("\u00af") == folded("\u00af ") != ""  # a name of nothing else
    assert folded("が") != folded("か")  # another word, not an accent
    assert joined(["Beyonce", "Beyoncé", "BEYONCÉ"]) == "Beyonce; Beyoncé"  # each is kept


@given(st.text())
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_a_track_is_by_its_artists_or_else_by_its_album_s() -> None:
    assert artist_keys(Tags(artist="A; b", album_artist="C")) == {"a", "b"}
    assert artist_keys(Tags(album_artist="C")) == {"c"}
    assert artist_keys(Tags(artist="Various Artists", album_artist="C")) == {"c"}


@pytest.mark.parametrize("nobody", ["Various Artists", "VA", "V/A", "Verschiedene Interpreten", "群星"])
def test_tracks_by_nobody_in_particular_have_no_artist_in_common(nobody: str) -> None:
    assert artist_keys(Tags(artist=nobody, album_artist=nobody)) == frozenset()
    assert artist_keys(Tags(artist=f"A; {nobody}")) == {"a"}


def test_the_names_of_nobody_are_given_as_they_are_compared() -> None:
    assert set(map(folded, NOBODY)) == NOBODY


def test_an_album_is_its_title_with_its_artists() -> None:
    hits = Tags(artist="A", album="Greatest Hits")
    assert not album_keys(hits) & album_keys(Tags(artist="B", album="Greatest Hits"))
    assert album_keys(hits) & album_keys(Tags(artist="A feat. B", album_artist="A", album="greatest  hits"))
    assert album_keys(hits) & album_keys(Tags(artist="B; A", album="Greatest Hits"))
    mixed = [Tags(artist=by, album_artist="Various Artists", album="Hits 42") for by in "AB"]
    assert album_keys(mixed[0]) == album_keys(mixed[1]) != frozenset()
    assert album_keys(Tags(album="One")) == album_keys(Tags(album="one ")) != frozenset()
    assert album_keys(Tags(artist="A", album_artist="A")) == frozenset()
