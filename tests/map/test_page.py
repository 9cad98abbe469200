"""The page of a map: it needs nothing else, and no name or tag acts in it."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audiosim.core.types import Tags, Track
from audiosim.library.catalog import Entry
from audiosim.map.atlas import make_atlas
from audiosim.map.page import embedded, file_url, folder_url, render_page

EVIL = "</script><script>alert(1)</script><!--<script>&amp;\u2028\u2029\x00]]>\"'`${x}{{script}}"
NAMES = [
    b"a b#c?d%e.wav",
    b"x:y.wav",
    b"caf\xe9.wav",
    "café.wav".encode(),
    b"a'b!(c)*.wav",
    b"..wav",
    b"\n.wav",
]


def page_of(*tracks: Track, folder: bytes | None = b"/out") -> str:
    vectors = np.eye(max(8, len(tracks)), dtype=np.float32)
    entries = [Entry(str(n), track, vectors[n]) for n, track in enumerate(tracks)]
    return render_page(make_atlas([[entry] for entry in entries], None, "fake"), folder).decode()


def data_of(page: str) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def tags_in(page: str) -> list[str]:
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.append(tag)

    Reader().feed(page)
    return found


def urls_of(page: str) -> list[str]:
    """As the page's script puts them together."""
    data = data_of(page)
    urls = []
    for folder, file in zip(data["folder"], data["file"], strict=True):
        start = data["folders"][folder][1]
        urls.append(start + (file[1] if isinstance(file, list) else file_url(file.encode())))
    return urls


def test_names_and_tags_are_data_and_nothing_else() -> None:
    plain = page_of(Track(b"/m/a.wav", "0", 1.0, Tags("t", "t", "t", "t", "t")))
    evil = page_of(
        Track(
            f"/m/{EVIL}/{EVIL}.wav".replace("\0", "").encode(), "0", 1.0, Tags(EVIL, EVIL, EVIL, EVIL, EVIL)
        )
    )
    assert tags_in(evil) == tags_in(plain)
    assert evil.count("<script") == plain.count("<script") == 2
    assert "{{script}}" in data_of(evil)["title"][0]
    assert not re.search("[\u2028\u2029\0]", evil)


def test_nothing_is_fetched_from_anywhere() -> None:
    page = page_of(Track(b"/m/a.wav", "0", 1.0))
    assert not re.search(r"https?:|//\w+\.|@import|url\(|innerHTML|outerHTML|insertAdjacent|eval\(", page)
    assert "default-src 'none'; script-src 'sha256-" in page
    assert "{{" not in page


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", [b"/music", b"/out", b"/out/deep er/\xff", b"/", b"/a:b"])
def test_audio_is_found_from_the_page_whatever_its_name(folder: bytes, name: bytes) -> None:
    path = os.path.join(folder, name)
    (relative,) = urls_of(page_of(Track(path, "0", 1.0)))
    (absolute,) = urls_of(page_of(Track(path, "0", 1.0), folder=None))
    for url in (urljoin("file:///out/map.html", relative), absolute):
        assert url.startswith("file:///")
        assert unquote_to_bytes(url.removeprefix("file://")) == path
        assert not set(url) & set("#? \n")


def test_a_relative_url_is_no_scheme_and_no_host() -> None:
    assert folder_url(b"/out/c:/d", b"/out") == "c%3A/d/"
    assert folder_url(b"/out", b"/out") == "./"
    assert folder_url(b"/m", b"/out/x") == "../../m/"


def test_a_page_of_one_track_has_all_there_is() -> None:
    data = data_of(page_of(Track(b"/m/a.wav", "0", None)))
    assert (data["places"], data["near"], data["seconds"], data["title"]) == (
        [[50_000, 50_000]],
        [[]],
        [0],
        [""],
    )


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@example(EVIL)
@settings(max_examples=60, deadline=None)
def test_embedded_json_says_the_same_and_ends_no_script(value: Any) -> None:
    text = embedded(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")
