"""Lines of keys, in all the ways that TOML has to write them."""

from __future__ import annotations

import tomllib

from audiosim.encoders.described.toml_lines import key_lines, line_in, line_of

TEXT = '''# [comment] a = 1
top = "a # b [c] = d"  # e = 1

[table]
plain = 1
"quoted key" = 'it''s = x'
dotted.name = [
  1,  # [not.a.table]
  2,
]
text = """
[inside]
key = 1 \\"""
"""
raw = \'\'\'
[inside]
\'\'\'

[ spaced . "dotted.part" ]
inline = { a = 1, b = [ { c = 2 } ] }

[[array]]
first = 1
[array.sub]
deep = 1
[[array]]
second = 2
[[array.inner]]
x = 1
last = 3'''


def test_each_key_has_its_line() -> None:
    tomllib.loads(TEXT.replace("'it''s = x'", "'its = x'"))
    lines = key_lines(TEXT.replace("'it''s = x'", "'its = x'"))
    assert lines == {
        ("top",): 2,
        ("table",): 4,
        ("table", "plain"): 5,
        ("table", "quoted key"): 6,
        ("table", "dotted", "name"): 7,
        ("table", "text"): 11,
        ("table", "raw"): 15,
        ("spaced", "dotted.part"): 19,
        ("spaced", "dotted.part", "inline"): 20,
        ("array", 0): 22,
        ("array", 0, "first"): 23,
        ("array", 0, "sub"): 24,
        ("array", 0, "sub", "deep"): 25,
        ("array", 1): 26,
        ("array", 1, "second"): 27,
        ("array", 1, "inner", 0): 28,
        ("array", 1, "inner", 0, "x"): 29,
        ("array", 1, "inner", 0, "last"): 30,
    }


def test_what_is_missing_is_where_it_is_missing_from() -> None:
    lines = key_lines("a = 1\n[b]\nc = 1\n[d.e]\nf = 1\n")
    assert line_of(("b", "x"), lines) == 2
    assert line_of(("d",), lines) == 4
    assert line_of(("d", "e", "f", 3, "g"), lines) == 5
    assert line_of(("nowhere",), lines) == 1


def test_the_line_of_an_error_is_read_from_it() -> None:
    assert line_in("Invalid value (at line 3, column 5)", "") == 3
    assert line_in("Expected ']' (at end of document)", "a\nb") == 2
