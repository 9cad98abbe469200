"""The calls of the API: what the commands would answer, as JSON with ids."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import fake_words
import pytest
import soundfile
from conftest import SAMPLE_RATE, Cli, tone
from fake_encoder import FakeEncoder
from libraries import Library, edit, track
from server_help import Serve, client, id_of, library, original, problem, serve, with_words
from starlette.testclient import TestClient

from audiosim.core.errors import UsageError
from audiosim.library.catalog import Catalog
from audiosim.search.describe import describe_files
from audiosim.search.passage_search import find_passages
from audiosim.search.playlist import make_path, make_radio
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import find_similar

pytestmark = pytest.mark.slow

API = "/api/v1"


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in found]


def test_tracks_are_found_by_parts_of_their_names_those_called_so_first(
    library: Library, client: TestClient
) -> None:
    tag = "UPDATE files SET title = ?, artist = ?, changed = 9 WHERE path = ?"
    edit(library, tag, "Låter", "Bob", os.fsencode(track(library, 1)))
    edit(library, tag, "Nothing later", None, os.fsencode(track(library, 0)))
    refreshed(client)
    found = client.get(f"{API}/tracks", params={"q": "LATER"}).json()
    assert (found["total"], ids(found["tracks"])) == (2, [id_of(track(library, 1)), id_of(track(library, 0))])
    assert client.get(f"{API}/tracks", params={"q": "bob lat"}).json()["total"] == 1
    assert client.get(f"{API}/tracks", params={"q": "high copy"}).json()["total"] == 1
    every = client.get(f"{API}/tracks", params={"limit": 3, "offset": 5}).json()
    assert (every["total"], every["offset"], len(every["tracks"])) == (7, 5, 2)
    assert client.get(f"{API}/tracks", params={"artist": "bob"}).json()["total"] == 1


def test_a_track_is_told_of_with_the_state_of_its_file(library: Library, client: TestClient) -> None:
    one = client.get(f"{API}/tracks/{id_of(track(library, 0))}").json()
    assert (one["path"], one["codec"], one["state"]) == (str(track(library, 0)), "pcm_s16le", "present")
    assert one["plays_as"] == "audio/wav"
    assert one["upload"] is False
    track(library, 0).write_bytes(b"other")
    assert client.get(f"{API}/tracks/{one['id']}").json()["state"] == "changed"
    track(library, 0).unlink()
    assert client.get(f"{API}/tracks/{one['id']}").json()["state"] == "missing"
    assert problem(client.get(f"{API}/tracks/{'0' * 32}"), 404)["title"] == "No such track"


def test_similar_answers_as_the_package_does(library: Library, client: TestClient) -> None:
    paths = [track(library, 0), track(library, 3)]
    choices: list[dict[str, Any]] = [
        {},
        {"show_duplicates": True},
        {"hub_correction": False, "diversity": 0.5},
    ]
    for options in choices:
        ranking = RankingOptions(**options)
        expected = find_similar(
            paths, against=[track(library, 1)], home=library.home.path, ranking=ranking, explain=True
        )
        asked: dict[str, Any] = {
            "id": list(map(id_of, paths)),
            "not": id_of(track(library, 1)),
            "explain": "true",
            **options,
        }
        found = client.get(f"{API}/similar", params=asked).json()
        assert [one["path"] for one in found["matches"]] == [
            os.fsdecode(match.track.path) for match in expected.matches
        ]
        for one, match in zip(found["matches"], expected.matches, strict=True):
            assert one["similarity"] == pytest.approx(match.similarity, abs=2e-6)
            assert one["score"] == pytest.approx(match.score, abs=2e-6)
            assert match.passage is not None
            assert one["passage"]["start"] == pytest.approx(match.passage.start, abs=0.01)
        assert ids(found["query"]) == list(map(id_of, paths))
        assert ids(found["not"]) == [id_of(track(library, 1))]


def test_words_are_asked_with_as_by_the_command(library: Library, serve: Serve) -> None:
    with_words(library)
    client = serve()
    one = id_of(track(library, 0))
    for asked, options in (
        ({"text": "low"}, {"text": "low"}),
        (
            {"text": ["high", "hip hop"], "not_text": "hiss"},
            {"text": ["high", "hip hop"], "not_text": "hiss"},
        ),
        ({"text": "high", "id": one}, {"queries": track(library, 0), "text": "high"}),
    ):
        expected = find_similar(home=library.home.path, explain=True, **options)
        found = client.get(f"{API}/similar", params={**asked, "explain": "true"}).json()
        assert [(one["path"], one["words"]) for one in found["matches"]] == [
            (os.fsdecode(match.track.path), list(match.words)) for match in expected.matches
        ]
        assert [one["score"] for one in found["matches"]] == [
            pytest.approx(match.score, abs=2e-6) for match in expected.matches
        ]
        assert (found["text"], found["not_text"]) == (list(expected.text), list(expected.not_text))
    for text in ("lov", "-"):
        told = problem(client.get(f"{API}/similar", params={"text": text}), 400)
        with pytest.raises(UsageError) as caught:
            find_similar(text=text, home=library.home.path)
        error = caught.value
        assert (told["title"], told["detail"], told["remedy"]) == (error.what, error.why, error.remedy)
    for senseless in (
        {"not_text": "low"},
        {"text": "low", "not": one},
        {"text": "low", "from": "1", "id": one},
    ):
        problem(client.get(f"{API}/similar", params=senseless), 400)


def test_words_may_join_an_upload(library: Library, serve: Serve, tmp_path: Path) -> None:
    with_words(library)
    soundfile.write(tmp_path / "new.wav", tone(4, 930), SAMPLE_RATE)
    expected = find_similar(
        tmp_path / "new.wav", text="low", not_text="hiss", home=library.home.path, encoder=FakeEncoder()
    )
    found = upload(serve(), tmp_path / "new.wav", "n.wav", text="low", not_text="hiss").json()
    assert [one["path"] for one in found["matches"]] == [
        os.fsdecode(match.track.path) for match in expected.matches
    ]


def test_answers_whose_files_are_not_there_are_told(library: Library, client: TestClient) -> None:
    one = id_of(track(library, 0))
    asked = [(f"{API}/similar", {"id": one}), (f"{API}/playlists/radio", {"seed": one})]
    for url, params in asked:
        assert not any("not there now" in note for note in client.get(url, params=params).json()["notes"])
    folder = track(library, 0).parent
    looks = "not there now: their folder looks like a disk that is not mounted."
    for away, told in ((folder, "not there now, moved or removed."), (library.music, looks)):
        away.rename(away.with_name("away"))
        for url, params in asked:
            notes = [
                note for note in client.get(url, params=params).json()["notes"] if "not there now" in note
            ]
            queries = [notes.pop(0)] if url.endswith("similar") else []
            assert all(note.startswith("1 query file is not there now") for note in queries)
            assert [told in note for note in notes] == [True]


def test_a_track_has_the_words_that_it_stands_out_by_where_the_home_has_any(
    library: Library, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{API}/tracks/{id_of(track(library, 0))}"
    assert client.get(url).json()["words"] == []
    told = problem(client.get(f"{API}/similar", params={"text": "low"}), 400)
    assert told["title"] == "The encoder of this home, fake, knows no words"
    assert told["remedy"].endswith(f"audiosim index --space words --encoder clap --home {library.home.path}")
    with_words(library)
    refreshed(client)
    fake_words.built_in(monkeypatch)
    (described,) = describe_files(track(library, 0), home=library.home.path).files
    assert client.get(url).json()["words"] == [
        {
            "word": word.word,
            "score": pytest.approx(word.score, abs=1e-4),
            "similarity": pytest.approx(word.similarity, abs=1e-6),
        }
        for word in described.words
    ]
    assert described.words[0].word == "low"


def test_words_are_asked_of_the_space_that_knows_them(
    library: Library, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_words(library)
    said = library.home.path / "spaces" / "said"
    shutil.copytree(library.home.path, tmp_path / "said")
    shutil.move(tmp_path / "said", said)
    edit(library, "DELETE FROM words")
    edit(library, "DELETE FROM meta WHERE key = 'words'")
    edit(library, "UPDATE meta SET value = replace(value, 'fake', 'mute') WHERE key = 'configuration'")
    fake_words.built_in(monkeypatch)
    client = serve(encoder=None)
    expected = find_similar(text="low", home=said)
    found = client.get(f"{API}/similar", params={"text": "low"}).json()
    assert [one["path"] for one in found["matches"]] == [
        os.fsdecode(match.track.path) for match in expected.matches
    ]
    assert client.get(f"{API}/tracks/{id_of(track(library, 0))}").json()["words"][0]["word"] == "low"
    edit(Library(said), "DELETE FROM words")
    deadline = time.monotonic() + 20
    while client.get(f"{API}/similar", params={"text": "low"}).json()["matches"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_filters_are_those_of_the_command(library: Library, client: TestClient) -> None:
    asked: dict[str, Any] = {
        "id": id_of(track(library, 0)),
        "under": str(track(library, 3).parent),
        "max_duration": "0:03.7",
    }
    found = client.get(f"{API}/similar", params=asked).json()
    assert set(ids(found["matches"])) == {id_of(track(library, 4)), id_of(track(library, 3))}
    told = problem(client.get(f"{API}/similar", params={**asked, "min_duration": "9:00"}), 400)
    assert "`min_duration`" in told["detail"]
    problem(client.get(f"{API}/similar", params={**asked, "max_duration": "soon"}), 400)
    problem(client.get(f"{API}/similar", params={**asked, "year": "x"}), 400)


def test_the_same_track_wanted_and_not_is_refused(library: Library, client: TestClient) -> None:
    one = id_of(track(library, 0))
    assert (
        "wanted and not"
        in problem(client.get(f"{API}/similar", params={"id": one, "not": one}), 400)["title"]
    )


def test_an_uploaded_file_is_asked_with_and_not_kept(
    library: Library, client: TestClient, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "new.wav", tone(4, 930), SAMPLE_RATE)
    expected = find_similar(tmp_path / "new.wav", home=library.home.path, encoder=FakeEncoder())
    folder = client.app._app.state.services.folder  # type: ignore[attr-defined]
    for params in ({}, {"explain": "true"}):
        answer = upload(client, tmp_path / "new.wav", "my <song>.wav", **params)
        found = answer.json()
        assert [one["path"] for one in found["matches"]] == [
            os.fsdecode(match.track.path) for match in expected.matches
        ]
        assert (found["query"][0]["path"], found["query"][0]["id"]) == ("my <song>.wav", None)
        assert not found["query"][0]["indexed"]
        assert str(folder) not in answer.text
    assert found["matches"][0]["passage"]["query"] == "my <song>.wav"
    assert list(folder.iterdir()) == []


def test_an_upload_may_be_joined_by_tracks(library: Library, client: TestClient, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "new.wav", tone(4, 930), SAMPLE_RATE)
    asked: dict[str, Any] = {"id": id_of(track(library, 0)), "not": id_of(track(library, 1))}
    found = upload(client, tmp_path / "new.wav", "new.wav", **asked).json()
    assert [one["path"] for one in found["query"]] == ["new.wav", str(track(library, 0))]
    assert ids(found["not"]) == [asked["not"]]


def test_a_passage_is_asked_with_of_either(library: Library, client: TestClient, tmp_path: Path) -> None:
    expected = find_passages(track(library, 3), 1.0, 3.0, home=library.home.path)
    asked: dict[str, Any] = {"id": id_of(track(library, 3)), "from": "0:01", "to": "3"}
    found = client.get(f"{API}/similar", params=asked).json()
    assert [one["path"] for one in found["matches"]] == [
        os.fsdecode(match.track.path) for match in expected.matches
    ]
    assert found["matches"][0]["passage"]["query"] == str(track(library, 3))
    soundfile.write(tmp_path / "new.wav", tone(4, 930), SAMPLE_RATE)
    assert upload(client, tmp_path / "new.wav", "n.wav", **{"from": "1", "to": "3"}).json()["matches"]
    two: dict[str, Any] = {**asked, "id": [id_of(track(library, 3)), id_of(track(library, 4))]}
    problem(client.get(f"{API}/similar", params=two), 400)
    problem(client.get(f"{API}/similar", params={**asked, "from": "99", "to": "100"}), 400)


def test_what_is_no_audio_is_told_by_its_own_name(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("no music")
    told = problem(upload(client, tmp_path / "text.mp3", "../../text.mp3"), 422)
    assert told["title"] == "Can't use text.mp3"
    assert "not readable" in told["detail"]


def test_playlists_are_those_of_the_command(library: Library, client: TestClient) -> None:
    seeds = [track(library, 0), track(library, 1)]
    made = make_radio(seeds, 4, home=library.home.path)
    found = client.get(f"{API}/playlists/radio", params={"seed": [*map(id_of, seeds)], "length": 4}).json()
    assert [one["path"] for one in found["tracks"]] == [os.fsdecode(one.path) for one in made.tracks]
    ends: dict[str, Any] = {"start": id_of(seeds[0]), "end": id_of(track(library, 4)), "length": 4}
    way = make_path(seeds[0], track(library, 4), 4, home=library.home.path)
    found = client.get(f"{API}/playlists/path", params=ends).json()
    assert [one["path"] for one in found["tracks"]] == [os.fsdecode(one.path) for one in way.tracks]
    text = client.get(f"{API}/playlists/path", params={**ends, "format": "m3u8"})
    assert text.headers["content-type"] == "audio/mpegurl"
    assert [line for line in text.text.splitlines() if line[:1] != "#"] == [
        os.fsdecode(one.path) for one in way.tracks
    ]
    queue = [id_of(track(library, 5)), id_of(track(library, 0))]
    text = client.post(f"{API}/playlists/queue", json={"ids": queue})
    assert [line for line in text.text.splitlines() if line[:1] != "#"] == [
        str(track(library, 5)), str(track(library, 0))
    ]  # fmt: skip
    problem(client.get(f"{API}/playlists/path", params={**ends, "end": ends["start"]}), 400)


def test_status_and_duplicates_are_what_the_commands_print(
    library: Library, client: TestClient, cli: Cli
) -> None:
    status = client.get(f"{API}/status").json()
    assert (status["tracks"], status["home"]["tracks"]) == (7, 7)
    assert status["home"] == cli("status", "--json", "--home", library.home.path).json
    assert status["server"]["encoder_loaded"] is False
    found = client.get(f"{API}/duplicates").json()
    assert found["groups"][0]["tracks"][0]["id"] in (id_of(track(library, 5)), id_of(copy_of(library)))
    printed = cli("duplicates", "--json", "--home", library.home.path).json
    assert [one["path"] for one in found["groups"][0]["tracks"]] == [
        one["path"] for one in printed["groups"][0]["tracks"]
    ]


def test_answers_tell_what_a_run_has_yet_to_bring_in_as_the_commands_do(
    library: Library, client: TestClient
) -> None:
    one = id_of(track(library, 0))
    ends: dict[str, Any] = {"start": one, "end": id_of(track(library, 4)), "length": 4}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("tracks", {"q": "nothing like it"}),
        ("similar", {"id": one}),
        ("similar", {"id": one, "from": "1", "to": "3"}),
        ("playlists/radio", {"seed": one, "length": 3}),
        ("playlists/path", ends),
        ("map", {"color": "folder"}),
        ("duplicates", {}),
    ]

    def notes(path: str, params: dict[str, Any]) -> list[str]:
        found = in_time(client, f"{API}/{path}", params).json()["notes"]
        assert isinstance(found, list)
        return found

    before = [notes(*one) for one in asked]
    assert not any("not in the index yet" in note for told in before for note in told)
    with Catalog(library.home.catalog) as catalog:
        catalog.files.note_unopened(others=[], found=[b"/m/8.flac", b"/m/9.flac"])
    refreshed(client)
    line = (
        "2 files are not in the index yet: a run was cut short."
        f" To go on: audiosim index --home {library.home.path}"
    )
    assert [sorted(notes(*one)) for one in asked] == [sorted([*told, line]) for told in before]


def test_an_empty_answer_says_what_there_is_instead(library: Library, client: TestClient) -> None:
    for path, params in (("similar", {"id": id_of(track(library, 0))}), ("tracks", {})):
        found = client.get(f"{API}/{path}", params={**params, "year": "1990"}).json()
        assert found["notes"] == ["No track is of the years asked for. No track here has a year."]
    empty = library.home.path.parent / "music" / "empty"
    empty.mkdir()
    found = client.get(f"{API}/tracks", params={"under": str(empty)}).json()
    assert found["notes"][0] == f"No track of the index is in {empty}."


def test_the_map_is_that_of_the_command_with_sounds_from_here(library: Library, client: TestClient) -> None:
    data = in_time(client, f"{API}/map?color=folder").json()
    assert data["by"] == "folder"
    assert len(data["places"]) == 6
    paths = [*(track(library, number) for number in range(6)), copy_of(library)]
    assert sorted(data["ids"]) == sorted(map(id_of, paths))
    page = in_time(client, "/map?color=folder")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == "frame-ancestors 'self'"
    text = page.text.partition('<script id="data" type="application/json">')[2].partition("</script>")[0]
    drawn = json.loads(text)
    url = drawn["folders"][drawn["folder"][0]][1] + drawn["file"][0][1]
    assert client.get(f"/{url}").status_code == 200


def test_what_a_run_changes_is_seen_without_a_restart(library: Library, client: TestClient) -> None:
    asked: dict[str, Any] = {"id": id_of(track(library, 3)), "count": 20, "show_duplicates": "true"}
    before = ids(client.get(f"{API}/similar", params=asked).json()["matches"])
    new = track(library, 3).with_name("new.wav")
    soundfile.write(new, tone(3, 910), SAMPLE_RATE)
    track(library, 0).unlink()
    library.index()
    deadline = time.monotonic() + 20
    while (found := ids(client.get(f"{API}/similar", params=asked).json()["matches"])) == before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    refreshed(client)
    found = ids(client.get(f"{API}/similar", params=asked).json()["matches"])
    assert set(found) == {*before, id_of(new)} - {id_of(track(library, 0))}


def test_vectors_of_another_kind_are_never_mixed_with_those_in_memory(
    library: Library, client: TestClient
) -> None:
    asked: dict[str, Any] = {"id": id_of(track(library, 3)), "hub_correction": "false"}
    before = client.get(f"{API}/similar", params=asked).json()["matches"]
    library.index(pooling="max")
    after = client.get(f"{API}/similar", params=asked).json()["matches"]
    expected = find_similar(
        track(library, 3), home=library.home.path, ranking=RankingOptions(hub_correction=False)
    )
    assert [one["similarity"] for one in after] == [
        pytest.approx(match.similarity, abs=2e-6) for match in expected.matches
    ]
    assert [one["similarity"] for one in before] != [one["similarity"] for one in after]


def test_every_call_has_an_example_and_every_answer_its_schema(client: TestClient) -> None:
    document = client.get(f"{API}/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            content = next(
                call["responses"][code]["content"] for code in ("200", "202") if code in call["responses"]
            )
            schema = content.get("application/json", {}).get("schema", {})
            name = schema.get("$ref", "").rpartition("/")[2]
            binary = {"audio/*", "image/*", "audio/mpegurl", "text/event-stream"} & set(content)
            assert binary or document["components"]["schemas"][name]["examples"], (method, path)
            for parameter in call.get("parameters", []):
                assert parameter.get("description"), (path, parameter["name"])
            problems = [told for status, told in call["responses"].items() if status >= "4"]
            assert all("application/problem+json" in told["content"] for told in problems)
            assert {"401", "421", "422", "429", "503"} <= set(call["responses"])
            assert ("413" in call["responses"]) == (method == "post")


def test_what_can_not_be_understood_is_a_problem_that_names_it(client: TestClient) -> None:
    told = problem(client.get(f"{API}/tracks", params={"limit": "many"}), 422)
    assert "`limit`" in told["detail"]
    assert problem(client.get(f"{API}/similar"), 400)["title"] == "Nothing to search with"
    problem(client.get(f"{API}/nowhere"), 404)
    problem(client.delete(f"{API}/tracks"), 405)


def copy_of(library: Library) -> Path:
    return track(library, 5).with_name("copy of 5.wav")


def refreshed(client: TestClient) -> None:
    client.app._app.state.services.library.refresh()  # type: ignore[attr-defined]


def upload(client: TestClient, path: Path, name: str, **params: Any) -> Any:
    return client.post(
        f"{API}/similar", params=params, files={"file": (name, path.read_bytes(), "audio/wav")}
    )


def in_time(client: TestClient, url: str, params: dict[str, Any] | None = None) -> Any:
    deadline = time.monotonic() + 90
    while (answer := client.get(url, params=params)).status_code == 503:
        assert answer.headers["retry-after"]
        assert time.monotonic() < deadline
    assert answer.status_code == 200, answer.text
    return answer


def test_a_server_without_an_index_says_how_to_make_one(tmp_path: Path, cli: Cli) -> None:
    done = cli("serve", "--home", tmp_path / "none", "--port", "0")
    assert done.code == 1
    assert "Make one: audiosim index FOLDER" in done.err


def test_an_encoder_that_is_missing_is_told(library: Library, serve: Serve, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "new.wav", tone(4, 930), SAMPLE_RATE)
    told = problem(upload(serve(encoder=None), tmp_path / "new.wav", "new.wav"), 503)
    assert told["title"] == "This audiosim has no encoder fake"
