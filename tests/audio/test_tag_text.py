"""Tags in older encodings: which are read, and that right ones are left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tag_names import LEGACY, WESTERN, Names, files

from audiosim.audio.tag_text import Latin1, decoded, encoding_of

# Of each language: files whose tags come out right, untouched, wrong; the same by their titles alone.
MEASURED = {
    ("Russian", "cp1251"): ((24, 0, 0), (21, 2, 0)),
    ("Russian", "koi8-r"): ((23, 0, 0), (20, 2, 0)),
    ("Russian", "cp866"): ((24, 0, 0), (22, 1, 0)),
    ("Ukrainian", "cp1251"): ((10, 0, 0), (9, 1, 0)),
    ("Bulgarian and Serbian", "cp1251"): ((9, 0, 0), (9, 0, 0)),
    ("Greek", "cp1253"): ((8, 2, 0), (7, 3, 0)),
    ("Greek", "iso8859-7"): ((9, 1, 0), (7, 3, 0)),
    ("Hebrew", "cp1255"): ((6, 2, 0), (5, 3, 0)),
    ("Arabic", "cp1256"): ((7, 0, 0), (7, 0, 0)),
    ("Thai", "cp874"): ((5, 1, 0), (4, 2, 0)),
    ("Japanese", "cp932"): ((27, 1, 0), (19, 7, 0)),
    ("Japanese", "euc-jp"): ((22, 6, 0), (16, 10, 0)),
    ("Chinese, simplified", "gbk"): ((19, 3, 0), (10, 12, 0)),
    ("Chinese, traditional", "big5"): ((16, 2, 0), (11, 7, 0)),
    ("Korean", "cp949"): ((20, 0, 0), (18, 2, 0)),
    ("Polish", "cp1250"): ((4, 6, 0), (1, 4, 0)),
    ("Polish", "iso8859-2"): ((4, 6, 0), (1, 4, 0)),
    ("Czech and Slovak", "cp1250"): ((2, 5, 0), (0, 6, 0)),
    ("Czech and Slovak", "iso8859-2"): ((1, 6, 0), (0, 6, 0)),
    ("Hungarian", "cp1250"): ((8, 1, 0), (9, 0, 0)),
    ("Hungarian", "iso8859-2"): ((8, 1, 0), (9, 0, 0)),
    ("Turkish", "cp1254"): ((2, 6, 0), (1, 6, 0)),
}
WESTERN_LOCALES = [
    "af", "br", "ca", "cy", "da", "de", "es", "et", "eu", "fi", "fo", "fr", "fur", "ga", "gd", "gl", "is",
    "it", "lb", "nb", "nl", "nn", "pt", "rm", "sq", "sv",
]  # fmt: skip


def read(names: Sequence[str], encoding: str, claim: type[bytes] = Latin1) -> list[str]:
    """Names as they come out of tags that hold them in an encoding."""
    values = [claim(name.encode(encoding)) for name in names]
    found = encoding_of(values)
    return [decoded(value, found) for value in values]


def encodable(text: str, encoding: str) -> Iterator[Names]:
    for names in files(text):
        try:
            "".join(names).encode(encoding)
        except UnicodeEncodeError:
            continue
        yield names


def tally(groups: Sequence[Names], encoding: str) -> tuple[int, int, int]:
    """How many are right, untouched, wrong."""
    right = untouched = wrong = 0
    for names in groups:
        found = read(names, encoding)
        if found == list(names):
            right += 1
        elif found == [decoded(Latin1(name.encode(encoding)), None) for name in names]:
            untouched += 1
        else:
            wrong += 1
    return right, untouched, wrong


def titles(groups: Sequence[Names]) -> list[Names]:
    return [own for names in groups if not (own := names[:2][-1:])[0].isascii()]


@pytest.mark.parametrize(("language", "encoding"), list(MEASURED))
def test_older_encodings_are_read_or_left_alone_and_never_read_wrongly(language: str, encoding: str) -> None:
    assert encoding in LEGACY[language][0]
    groups = list(encodable(LEGACY[language][1], encoding))
    assert (tally(groups, encoding), tally(titles(groups), encoding)) == MEASURED[language, encoding]


def test_every_language_was_measured() -> None:
    assert set(MEASURED) == {(name, each) for name, (encodings, _) in LEGACY.items() for each in encodings}


@pytest.mark.parametrize("language", list(WESTERN))
def test_right_names_in_latin_1_or_cp1252_are_left_alone(language: str) -> None:
    groups = files(WESTERN[language])
    assert len(groups) > 18
    for names in groups:
        for some in (names, names[:1], names[-1:]):
            assert read(some, "cp1252") == list(some)


@pytest.mark.slow
@pytest.mark.parametrize("locale", WESTERN_LOCALES)
def test_no_word_of_a_western_locale_is_changed(locale: str) -> None:
    babel = pytest.importorskip("babel", reason="Babel, which comes with Sphinx, has the words")
    found = babel.Locale.parse(locale)
    names = {*found.territories.values(), *found.languages.values(), *found.scripts.values()}
    names |= {name for text in found.months["stand-alone"].values() for name in text.values()}
    tried = 0
    for name in sorted(names):
        for text in (name, name.upper(), name.title()):
            try:
                text.encode("cp1252")
            except UnicodeEncodeError:
                continue
            assert read([text], "cp1252") == [text]
            tried += not text.isascii()
    assert tried > 30


def test_utf_8_in_what_claims_to_be_latin_1_is_utf_8_text_by_text() -> None:
    values = [Latin1("Björk … 月".encode()), Latin1("Jóga".encode("latin-1")), Latin1("Ж".encode())]
    found = encoding_of(values)
    assert [decoded(value, found) for value in values] == ["Björk … 月", "Jóga", "Ж"]


@pytest.mark.parametrize(
    "text",
    [
        "JOS\u00c9\u2019S",
        "CAF\u00c9\u2026",
        "IRM\u00c3\u2026",
        "CAF\u00c9\u201d",
        "N\u00dc\u0160U",
        "H\u00c4\u2026",
        "AMANH\u00c3\u201d",
    ],
)
def test_a_capital_and_a_sign_that_could_be_utf_8_are_not(text: str) -> None:
    assert text.encode("cp1252").decode() != text
    assert read([text], "cp1252") == [text]


@pytest.mark.parametrize(
    "text",
    ["Åsa", "Édith Piaf", "Öl", "Größe", "°C 25°", "Ciąg", "Čechomor", "Żeby", "Dağlar", "Ő", "Кино", "ДДТ",
     "Ω", "夜", "가", "ก", "שיר", "नमस्ते", "👍", "e\u0301te", "\ufeffSong é",
     "Ænima", "Ñu", "Çok", "Motörhead", "Sigur Rós"],
)  # fmt: skip
def test_short_names_in_utf_8_are_read(text: str) -> None:
    assert read([text], "utf-8") == [text]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Прогулки по воде", "utf-8"),
        ("無罪モラトリアムの夜に", "cp932"),
        ("月亮代表我的心在唱歌", "gbk"),
        ("월요일", "utf-8"),
    ],
)
def test_a_character_that_the_end_of_a_tag_cut_is_left_out(text: str, encoding: str) -> None:
    for whole in range(3, len(text) + 1):
        value = Latin1(text[:whole].encode(encoding)[:-1])
        assert decoded(value, encoding if encoding != "utf-8" else None) == text[: whole - 1]


def test_one_text_that_is_likelier_western_keeps_all_as_they_are() -> None:
    values = [Latin1("Björk".encode("cp1252")), Latin1("Прогулки по воде".encode("cp1251"))]
    assert encoding_of(values) is None
    assert decoded(values[0], None) == "Björk"


def test_a_short_title_is_read_with_the_others_of_its_file() -> None:
    alone, artist = Latin1("遇见".encode("gbk")), Latin1("孙燕姿".encode("gbk"))
    assert encoding_of([alone]) is None
    assert encoding_of([alone, artist, Latin1("风筝".encode("gbk"))]) == "gbk"


def test_bytes_of_no_claim_are_western_where_that_is_likeliest_and_else_lost() -> None:
    assert read(["Café Tacvba", "Corazón"], "latin-1", bytes) == ["Café Tacvba", "Corazón"]
    assert read(["Группа крови", "Кино"], "cp1251", bytes) == ["Группа крови", "Кино"]
    assert decoded(b"\xb5\xc4", encoding_of([b"\xb5\xc4"])) == "\ufffd\ufffd"


def test_signs_of_cp1252_are_read_where_latin_1_has_controls() -> None:
    assert decoded(Latin1(b"I Haven\x92t \x96 \x93Got\x94"), None) == "I Haven\u2019t \u2013 “Got”"
    assert decoded(Latin1(b"\x81\xe9"), None) == "\x81é"


@given(st.lists(st.binary(max_size=12), max_size=4), st.sampled_from([bytes, Latin1]))
def test_any_bytes_give_valid_unicode(texts: list[bytes], claim: type[bytes]) -> None:
    values = [claim(text) for text in texts]
    found = encoding_of(values)
    for value in values:
        assert isinstance(decoded(value, found).encode("utf-8"), bytes)
        if value.isascii():
            assert decoded(value, found).encode() == value
