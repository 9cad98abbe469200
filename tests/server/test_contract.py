"""The contract: whatever is asked, answers are of the kinds that the description of the API tells."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_words
import numpy as np
import pytest
import requests
import schemathesis
import soundfile
from conftest import SAMPLE_RATE, tone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from libraries import Library, edit, track
from made_home import MadeHome, digest_of, random_tracks
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from server_help import id_of, library, original, running, with_words

from audiosim.audio.fingerprint import BITS, Landmarks
from audiosim.core.types import Tags
from audiosim.library.catalog import Catalog

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning:schemathesis")]
API = "/api/v1"
CASES = {"as described": 5, "with what there is": 10, "otherwise": 5}  # of each call
FEW = 4  # uploads
COMMANDS = {f"{API}/status", f"{API}/duplicates", f"{API}/map"}  # which run some: asked twice at most
UPLOADS = {f"POST {API}/similar", f"POST {API}/tracks"}
IDS = ("id", "not", "seed", "start", "end", "item_id", "start_song_id", "end_song_id")
Known = dict[str, list[Any]]
KNOWN: Known = {
    "genre": ["Jazz"],
    "artist": ["Bob", "Ann"],
    "title": ["Låter"],
    "year": ["1980-1989", "2001"],
    "text": ["low", "Hip-Hop"],
    "not_text": ["high"],
    "from": ["0:01"],
    "to": ["3"],
    "min_duration": ["1s"],
    "max_duration": ["10m"],
    "q": ["bob", "wav"],
    "search_query": ["bob"],
    "length": [2, 7],  # long ones take long
    "max_steps": [2, 7],
}
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def sound() -> bytes:
    written = io.BytesIO()
    soundfile.write(written, tone(3, 500), SAMPLE_RATE, format="WAV")
    return written.getvalue()


schemathesis.openapi.format("binary", st.sampled_from([sound(), b"", b"no music", sound()[:5000]]))


@pytest.fixture(params=["a few tracks", "60 tracks"])
def asked(
    request: pytest.FixtureRequest, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Known]]:
    """A server over a library, and what of it can be asked for."""
    fake_words.built_in(monkeypatch)
    if request.param == "60 tracks":
        library, ids = many(tmp_path / "many")
    else:
        with_words(library)
        tag = "UPDATE files SET title = ?, artist = ?, genre = ?, year = 1984, changed = 9 WHERE path = ?"
        edit(library, tag, "Låter", "Bob", "Jazz", str(track(library, 0)).encode())
        ids = [id_of(track(library, number)) for number in range(6)]
    with running(library, read_only=True) as server:
        yield server.url, {**KNOWN, **dict.fromkeys(IDS, ids), "under": [str(track(library, 0).parent)]}


def many(folder: Path) -> tuple[Library, list[str]]:
    """A library whose files are not there."""
    made = MadeHome(folder)
    tracks = random_tracks(60, np.random.default_rng(0))
    tags = {
        name: Tags("Song", ("Ann", "Bob", "Cy")[n % 3], year=1980 + n % 30) for n, name in enumerate(tracks)
    }
    made.add(tracks, tags)
    with Catalog(made.home.catalog) as catalog, catalog.transaction():
        for n, name in enumerate(tracks):
            rng = np.random.default_rng(n)
            heard = Landmarks(np.cumsum(rng.integers(1, 100, 40)), rng.random((40, BITS)) < 0.5)
            catalog.fingerprints.set(digest_of(name), heard.to_bytes())
    made.refresh()
    return Library(folder), [id_of(Path("/music") / name) for name in list(tracks)[:5]]


@pytest.mark.long
def test_every_call_answers_as_it_is_described(asked: tuple[str, Known]) -> None:
    url, known = asked
    few = len(known["id"]) == 6
    for kind in CASES if few else [kind for kind in CASES if kind != "otherwise"]:  # refused unseen
        found = ask_all(url, kind, known)
        assert len(found) == 20 - 4 * (
            kind == "otherwise"
        )  # calls that take nothing can't be asked otherwise
        if kind == "with what there is":
            unanswered = {label for label, counted in found.items() if not counted[200] + counted[503]}
            assert unanswered == NOT_HERE | (set() if few else NOT_THERE), found


@pytest.mark.long
def test_calls_that_change_the_index_answer_as_they_are_described(library: Library) -> None:
    ids = [id_of(track(library, number)) for number in range(6)]
    with running(library) as server:
        job = requests.post(f"{server.url}{API}/rescan", timeout=60).json()["id"]
        for kind in CASES:
            for tag, known in (("jobs", {"id": [job]}), ("changes", {"id": ids})):
                found = ask_all(server.url, kind, known, tag)
                assert len(found) == 3
                if kind == "with what there is":
                    assert all(counted[200] + counted[202] for counted in found.values()), found


def ask_all(url: str, kind: str, known: Known, tag: str | None = None) -> dict[str, Counter[int]]:
    """Asks all calls, or those of a tag, in many ways; the statuses of their answers."""
    document = requests.get(f"{url}{API}/openapi.json", timeout=60).json()
    paths = document["paths"].items()
    document["paths"] = {
        path: some
        for path, methods in paths
        if (some := {one: call for one, call in methods.items() if tag is None or tag in call["tags"]})
    }
    prepare(document, known if kind == "with what there is" else {})
    mode = GenerationMode.NEGATIVE if kind == "otherwise" else GenerationMode.POSITIVE
    found: dict[str, Counter[int]] = {}
    with requests.Session() as session:
        for result in schemathesis.openapi.from_dict(document).get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]
            if mode.is_positive or operation.body or any(True for _ in operation.iter_parameters()):
                found[operation.label] = hold(operation, kind, mode, url, session)
    return found


NOT_HERE = {f"GET {API}/tracks/{{id}}/cover"}  # no file of the tests has one
NOT_THERE = {f"GET {API}/tracks/{{id}}/{what}" for what in ("audio", "peaks")}


def hold(
    operation: Any, kind: str, mode: GenerationMode, url: str, session: requests.Session
) -> Counter[int]:
    """Asks one call in many ways; the statuses of its answers."""
    counted: Counter[int] = Counter()
    most = 2 if operation.path in COMMANDS else FEW if operation.label in UPLOADS else CASES[kind]

    @settings(
        max_examples=most,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        answer = case.call(base_url=url, session=session, timeout=60)
        counted[answer.status_code] += 1
        assert answer.status_code < 500 or answer.status_code == 503, case.as_curl_command()
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
        case.validate_response(answer, checks=CHECKS)

    if kind == "with what there is" or operation.path not in COMMANDS:
        each()
    return counted


def prepare(document: dict[str, Any], known: Known) -> None:
    """Have values asked for that the library has; and files sent."""
    parts = document["components"]["schemas"]
    for methods in document["paths"].values():
        for call in methods.values():
            for parameter in call.get("parameters", []):
                if parameter["name"] in known:
                    of = parameter["schema"]
                    place, key = (of, "items") if of.get("type") == "array" else (parameter, "schema")
                    place[key] = {"enum": known[parameter["name"]]}
    if "text" in known:
        parts["Queue"]["properties"]["ids"]["items"] = {"enum": known["id"]}
        parts["WordQuestion"]["properties"]["query"] = {"enum": known["text"]}
    for part in parts.values():
        for name, of in part.get("properties", {}).items():
            file = of.get("items", of)
            if file.pop("contentMediaType", None) == "application/octet-stream":
                file["format"] = "binary"
                part["additionalProperties"] = not known
                of["minItems"] = 1
            elif known and part["title"].startswith("Body_") and "anyOf" in of:
                part["properties"][name] = of["anyOf"][0]  # what is null is not sent
