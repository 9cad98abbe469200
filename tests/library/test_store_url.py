"""URLs of stores: what they mean, how they are kept, what is refused."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosim.core.errors import UsageError
from audiosim.library import store_url
from audiosim.library.store_url import EMBEDDED, Server, StoreUrl, default_store, parse_store_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("embedded", EMBEDDED),
        ("http://chroma", StoreUrl("chroma", Server("chroma", 8000, False))),
        ("http://10.0.0.7:8001/", StoreUrl("chroma", Server("10.0.0.7", 8001, False))),
        ("https://chroma.example", StoreUrl("chroma", Server("chroma.example", 443, True))),
        ("http://[::1]:8000", StoreUrl("chroma", Server("::1", 8000, False))),
        (
            "https://c:1?tenant=a%20label&database=music",
            StoreUrl("chroma", Server("c", 1, True, "a label", "music")),
        ),
        ("milvus:/data/vectors.db", StoreUrl("milvus", file=Path("/data/vectors.db"))),
        ("milvus:http://m", StoreUrl("milvus", Server("m", 19530, False))),
        ("milvus:https://m?database=d", StoreUrl("milvus", Server("m", 443, True, None, "d"))),
    ],
)
def test_every_form_is_understood_and_kept(text: str, expected: StoreUrl) -> None:
    found = parse_store_url(text)
    assert found == expected
    assert parse_store_url(found.text) == found


def test_a_file_is_kept_as_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert parse_store_url("milvus:a/../v.db").file == tmp_path / "v.db"
    assert parse_store_url("milvus:~/v.db").file == tmp_path / "me/v.db"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no store"),
        ("chroma", "names no store"),
        ("ftp://host", "names no store"),
        ("milvus:vectors", "names no store"),
        ("milvus:", "names no store"),
        ("http://", "no host"),
        ("http://host:port", "Port could not"),
        ("http://host:99999", "Port out of range"),
        ("http://host:8000/api/v2", "has a path"),
        ("http://host#x", "has a path"),
        ("http://host?tenant=", "tenant"),
        ("http://host?token=secret", "token"),
        ("milvus:http://host?tenant=x", "tenant"),
    ],
)
def test_what_is_no_store_is_refused_with_the_forms_there_are(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        parse_store_url(text)
    assert "milvus:FILE.db" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["http://me:secret@host", "https://secret@host:1", "milvus:http://a:secret@h"]
)
def test_a_password_is_neither_kept_nor_shown(text: str) -> None:
    with pytest.raises(UsageError, match="AUDIOSIM_STORE_TOKEN") as caught:
        parse_store_url(text)
    assert "secret" not in str(caught.value)


def test_the_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIOSIM_STORE", raising=False)
    assert default_store() == EMBEDDED
    monkeypatch.setenv("AUDIOSIM_STORE", "http://host")
    assert default_store().server == Server("host", 8000, False)
    monkeypatch.setenv("AUDIOSIM_STORE", "nonsense")
    with pytest.raises(UsageError):
        default_store()


NAMES = st.none() | st.text(min_size=1, max_size=12).filter(lambda name: name.isprintable())


@given(st.sampled_from(["chroma", "milvus"]), st.integers(1, 65535), st.booleans(), NAMES, NAMES)
def test_what_is_kept_means_the_same_again(
    engine: str, port: int, tls: bool, tenant: str | None, database: str | None
) -> None:
    url = StoreUrl(engine, Server("h", port, tls, tenant if engine == "chroma" else None, database))
    assert parse_store_url(url.text) == url


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for form in (text, f"http://{text}", f"milvus:{text}", f"milvus:https://{text}"):
        try:
            assert parse_store_url(parse_store_url(form).text) == parse_store_url(form)
        except UsageError:
            continue


def test_the_examples_run() -> None:
    results = doctest.testmod(store_url)
    assert results.attempted
    assert not results.failed
