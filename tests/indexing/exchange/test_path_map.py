"""Folders that lie elsewhere: which paths they move, and where to."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosim.core.errors import UsageError
from audiosim.core.paths import contains
from audiosim.indexing.exchange.path_map import PathMap, parse_move
from audiosim.indexing.exchange.validation import is_path

names = st.binary(min_size=1, max_size=3).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)
few_names = st.sampled_from([b"a", b"b", b"ab", b"\xff"])  # so that folders hold one another


def paths(name: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(name, max_size=4).map(lambda parts: b"/" + b"/".join(parts))


def path_map(pairs: dict[bytes, bytes]) -> PathMap:
    return PathMap((os.fsdecode(old), os.fsdecode(new)) for old, new in pairs.items())


@given(st.dictionaries(paths(few_names), paths(names), max_size=4), paths(few_names))
def test_a_path_moves_with_the_innermost_folder_that_holds_it(pairs: dict[bytes, bytes], path: bytes) -> None:
    moved = path_map(pairs)(path)
    assert is_path(moved)
    holding = [old for old in pairs if contains(old, path)]
    if not holding:
        assert moved == path
    else:
        innermost = max(holding, key=len)
        below = os.path.relpath(path, innermost)
        assert moved == os.path.normpath(os.path.join(pairs[innermost], below))


@given(st.dictionaries(paths(few_names), paths(names), max_size=4), st.lists(paths(few_names), max_size=5))
def test_a_folder_is_mapped_in_vain_exactly_when_no_path_lies_in_it(
    pairs: dict[bytes, bytes], met: list[bytes]
) -> None:
    several = path_map(pairs)
    for path in met:
        several.meet(path)
    if all(any(contains(old, path) for path in met) for old in pairs):
        several.refuse_idle()
    else:
        with pytest.raises(UsageError, match="Nothing lies below"):
            several.refuse_idle()


@given(st.dictionaries(paths(few_names), paths(names), max_size=3), paths(few_names), paths(few_names))
def test_what_lies_in_a_root_there_lies_in_a_root_here(
    pairs: dict[bytes, bytes], root: bytes, path: bytes
) -> None:
    several = path_map(pairs)
    if contains(root, path):
        assert any(contains(here, several(path)) for here in several.roots([root]))


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        ("/a/x", "/n/x"),
        ("/a", "/n"),
        ("/ab/x", "/ab/x"),
        ("/a/b/x", "/m/x"),
        ("/a/bc/x", "/n/bc/x"),
        ("/z/a/x", "/z/a/x"),
    ],
)
def test_only_whole_names_count(path: str, moved: str) -> None:
    several = PathMap([("/a", "/n"), ("/a/b/", "/m")])
    assert several(path.encode()) == moved.encode()


def test_the_root_of_all_can_be_moved_and_moved_to() -> None:
    assert PathMap([("/", "/mnt")])(b"/a/x") == b"/mnt/a/x"
    assert PathMap([("/mnt", "/")])(b"/mnt/a/x") == b"/a/x"


def test_folders_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="not an absolute path"):
        PathMap([("music", "/n")])
    with pytest.raises(UsageError, match="mapped twice"):
        PathMap([("/a", "/n"), ("/a/", "/m")])
    PathMap([("/a", "/n"), ("/a/", "/n/")])


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("/a=/b", ("/a", "/b")),
        ("/a=b", ("/a", "b")),
        ("/a=b=/c", ("/a=b", "/c")),
        ("/a=b=c", ("/a", "b=c")),
        ("/a=~/m", ("/a", "~/m")),
    ],
)
def test_a_pair_is_told_apart_at_its_sign(text: str, pair: tuple[str, str]) -> None:
    assert parse_move(text) == (pair[0], os.path.expanduser(pair[1]))


@pytest.mark.parametrize("text", ["", "=", "/a", "/a=", "=/b"])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no pair of folders"):
        parse_move(text)
