"""AudioMuse-AI's calls, held to the shapes that were recorded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from libraries import Library, edit, track
from server_help import Serve, client, id_of, library, original, problem, serve, with_words
from starlette.testclient import TestClient

from audiosim.core.errors import UsageError
from audiosim.library.index import open_index
from audiosim.search.playlist import make_path
from audiosim.search.similar import find_similar
from audiosim.server.ids import MediaIds, read_ids

ITEM = {"item_id", "title", "author", "album"}


@pytest.fixture
def tagged(library: Library) -> Library:
    """Pieces by two players, a third of which has no tags."""
    tag = "UPDATE files SET title = ?, artist = ?, album = ?, changed = 9 WHERE path = ?"
    for number in range(5):
        path = os.fsencode(track(library, number))
        edit(library, tag, f"Piece {number}", f"Player {number % 3}", "Pieces", path)
    return library


def test_tracks_like_one_by_its_id_or_its_title_and_artist(tagged: Library, serve: Serve) -> None:
    client = serve()
    expected = find_similar(track(tagged, 3), count=3, home=tagged.home.path).matches
    found = client.get("/api/similar_tracks", params={"item_id": id_of(track(tagged, 3)), "n": 3}).json()
    assert [one["item_id"] for one in found] == [
        id_of(Path(os.fsdecode(match.track.path))) for match in expected
    ]
    assert all(set(one) == ITEM | {"distance"} for one in found)
    assert [one["distance"] for one in found] == [
        pytest.approx(1 - match.similarity, abs=2e-6) for match in expected
    ]
    four = next(one for one in found if one["title"] == "Piece 4")
    assert (four["author"], four["album"]) == ("Player 1", "Pieces")
    untagged = next(one for one in found if one["author"] == "")
    assert (untagged["title"], untagged["album"]) in (("5", ""), ("copy of 5", ""))
    choices: tuple[dict[str, Any], ...] = (
        {"title": "piece 3", "artist": "PLAYER 0"},
        {"title": "Piece 3"},
        {"title": "Piece 3", "artist": "Player 0", "n": 3, "eliminate_duplicates": "true"},
    )
    for named in choices:
        assert client.get("/api/similar_tracks", params={"n": 3, **named}).json() == found
    problem(client.get("/api/similar_tracks", params={"title": "Piece 3", "artist": "Player 9"}), 404)
    problem(client.get("/api/similar_tracks", params={"item_id": "none"}), 404)
    problem(client.get("/api/similar_tracks"), 400)
    assert client.get("/api/similar_tracks", params={"title": "Piece 3", "n": 100_000}).status_code == 200


def test_a_path_from_one_track_to_another(tagged: Library, serve: Serve) -> None:
    ends = {"start_song_id": id_of(track(tagged, 0)), "end_song_id": id_of(track(tagged, 4))}
    made = make_path(track(tagged, 0), track(tagged, 4), 4, home=tagged.home.path)
    found = serve().get("/api/find_path", params={**ends, "max_steps": 4}).json()
    assert set(found) == {"path", "total_distance"}
    assert all(set(one) == ITEM | {"distance"} for one in found["path"])
    assert [one["item_id"] for one in found["path"]] == [
        id_of(Path(os.fsdecode(one.path))) for one in made.tracks
    ]
    assert found["path"][0]["distance"] == 0
    assert found["total_distance"] == pytest.approx(sum(1 - cosine for cosine in made.similarities), abs=1e-5)


def test_artists_like_one_each_by_the_nearest_of_the_tracks(tagged: Library, serve: Serve) -> None:
    client = serve()
    found = client.get("/api/similar_artists", params={"artist": "player 2"}).json()
    assert {one["artist"] for one in found} == {"Player 0", "Player 1"}
    assert [one["distance"] for one in found] == sorted(one["distance"] for one in found)
    assert len(client.get("/api/similar_artists", params={"artist": "Player 2", "n": 1}).json()) == 1
    problem(client.get("/api/similar_artists", params={"artist": "nobody"}), 404)


def test_tracks_are_found_by_name(tagged: Library, serve: Serve) -> None:
    found = serve().get("/api/search_tracks", params={"search_query": "player piece"}).json()
    titles = [one["title"] for one in found]
    assert {"Piece 1", "Piece 4"} <= set(titles)
    assert all(title.startswith("Piece ") for title in titles)
    assert serve().get("/api/search_tracks", params={"search_query": "player saxophone"}).json() == []
    assert all(set(one) == ITEM for one in found)


def test_tracks_are_found_by_words(tagged: Library, serve: Serve) -> None:
    asked = {"query": "low", "limit": 2}
    told = problem(serve().post("/api/clap/search", json=asked), 400)
    assert told["title"] == "The encoder of this home, fake, knows no words"
    with_words(tagged)
    expected = find_similar(text="low", count=2, home=tagged.home.path).matches
    found = serve().post("/api/clap/search", json=asked).json()
    assert (found["query"], found["count"]) == ("low", 2)
    assert all(set(one) == ITEM - {"album"} | {"similarity"} for one in found["results"])
    assert [(one["item_id"], one["similarity"]) for one in found["results"]] == [
        (id_of(Path(os.fsdecode(match.track.path))), pytest.approx(match.similarity, abs=2e-6))
        for match in expected
    ]


def test_a_server_says_that_it_is_there_and_that_nothing_is_at_work(client: TestClient) -> None:
    assert client.get("/api/health").json() == {"status": "ok"}
    assert client.get("/api/active_tasks").json() == {}


def test_a_plug_in_brings_its_token(serve: Serve) -> None:
    client = serve(token="secret-token-of-the-test")
    for method, path in (
        ("GET", "/api/health"),
        ("GET", "/api/similar_tracks"),
        ("POST", "/api/clap/search"),
    ):
        problem(client.request(method, path), 401)
    sent = {"authorization": "Bearer secret-token-of-the-test"}
    assert client.get("/api/health", headers=sent).status_code == 200


def listed(library: Library, file: Path, *lines: str) -> MediaIds:
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    with open_index(library.home.path) as index:
        return read_ids(file, index)


def test_a_media_server_s_ids_are_asked_with_and_answered(
    tagged: Library, serve: Serve, tmp_path: Path
) -> None:
    link = tmp_path / "by another way"
    link.symlink_to(track(tagged, 4).parent)
    ids = listed(
        tagged,
        tmp_path / "ids.csv",
        "path,id,else",
        f"{track(tagged, 3)},nd-3,x",
        f"{link}/4.wav,nd-4,x",
        "high/5.wav,nd-5,x",  # in a folder of the index
        "/elsewhere/6.wav,nd-6,x",
    )
    assert ids.note() == "1 of 4 ids name no file of the index: /elsewhere/6.wav"
    client = serve(ids=ids)
    found = client.get("/api/similar_tracks", params={"item_id": "nd-3", "n": 20}).json()
    known = {one["item_id"] for one in found}
    assert {"nd-4", "nd-5"} <= known  # whichever file of the recording is the answer by itself
    assert id_of(track(tagged, 0)) in known  # which the media server was not said to have
    assert (
        client.get("/api/similar_tracks", params={"item_id": id_of(track(tagged, 3)), "n": 20}).json()
        == found
    )
    ends: dict[str, Any] = {"start_song_id": "nd-3", "end_song_id": id_of(track(tagged, 0)), "max_steps": 3}
    assert client.get("/api/find_path", params=ends).json()["path"][0]["item_id"] == "nd-3"
    problem(client.get("/api/similar_tracks", params={"item_id": "nd-6"}), 404)


def test_ids_that_can_not_be_read_are_refused(library: Library, tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "ids.csv"
    for lines in ((), ("nd-3,/music/3.wav",)):
        with pytest.raises(UsageError, match="has no ids"):
            listed(library, file, *lines)
    twice = [f"nd,{track(library, number)}" for number in (0, 1)]
    with pytest.raises(UsageError, match="one id to several files: line 3"):
        listed(library, file, "id,path", *twice)
    assert listed(library, file, "\ufeffid,path", twice[0], twice[0]).ours == {"nd": id_of(track(library, 0))}
    assert listed(library, file, "id,path", twice[0]).note() is None
    done = cli("serve", "--ids", tmp_path / "none.csv", "--home", library.home.path)
    assert (done.code, "Can't read" in done.err, "No such file" in done.err) == (2, True, True)
