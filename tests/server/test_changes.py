"""Adding, removing and looking anew: by the API, with real runs in processes of their own."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from audio_files import write_tags
from conftest import SAMPLE_RATE, tone
from libraries import Library, digest_of, edit, track
from server_help import HERE, Serve, id_of, library, options_of, original, problem, serve
from starlette.testclient import TestClient

from audiosim.core.child import start_child
from audiosim.core.files import hold
from audiosim.library.catalog import Catalog
from audiosim.library.status import home_status
from audiosim.server.app import make_app
from audiosim.server.services import Services

pytestmark = pytest.mark.slow

API = "/api/v1"


@pytest.fixture(autouse=True)
def fake_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run with the encoder of the tests."""
    monkeypatch.setattr(
        "audiosim.server.job_runner.start_child",
        lambda module, **options: start_child("job_worker", **options),
    )


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()


@pytest.fixture
def new(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "new.flac", tone(4, 930), SAMPLE_RATE)
    return tmp_path / "new.flac"


def add(client: TestClient, *paths: Path, names: tuple[str, ...] = (), **tags: object) -> Any:
    called = names or tuple(path.name for path in paths)
    files = [("file", (name, path.read_bytes())) for name, path in zip(called, paths, strict=True)]
    return client.post(f"{API}/tracks", files=files, data={name: str(value) for name, value in tags.items()})


def over(client: TestClient, answer: Any, state: str = "done") -> dict[str, Any]:
    """The job of an answer, at its end."""
    assert answer.status_code == 202, answer.text
    url = answer.headers["location"]
    assert url == f"{API}/jobs/{answer.json()['id']}"
    deadline = time.monotonic() + 120
    while (job := client.get(url).json())["state"] not in ("done", "failed"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    assert job["state"] == state, job
    found: dict[str, Any] = job
    return found


def uploads(library: Library) -> Path:
    return library.home.path / "uploads"


def kept(library: Library) -> list[Path]:
    return sorted(uploads(library).iterdir()) if uploads(library).exists() else []


def test_a_track_that_is_added_is_found_and_removed_again(
    library: Library, client: TestClient, new: Path
) -> None:
    answer = add(client, new)
    told = answer.json()
    assert (told["kind"], told["files"][0]["name"]) == ("add", "new.flac")
    job = over(client, answer)
    (file,) = job["files"]
    assert (file["state"], file["reason"], job["progress"]["share"]) == ("indexed", "", 1.0)
    assert job["counts"]["indexed"] == 1
    (path,) = kept(library)
    assert (str(path), path.name) == (file["path"], f"{digest_of(library, path)}.flac")
    assert path.stat().st_mode & 0o777 == new.stat().st_mode & 0o777
    one = client.get(f"{API}/tracks/{file['id']}").json()
    assert (one["title"], one["state"]) == ("new", "present")  # its name, as it has no title
    assert one["upload"]
    found = client.get(f"{API}/similar", params={"id": file["id"], "count": 3}).json()
    assert {match["path"] for match in found["matches"]} == {str(track(library, n)) for n in (3, 4, 5)}
    assert os.fsencode(uploads(library)) in home_status(library.home.path).roots
    removed = over(client, client.delete(f"{API}/tracks/{file['id']}"))
    assert (removed["kind"], removed["files"][0]["state"]) == ("forget", "removed")
    assert kept(library) == []
    problem(client.get(f"{API}/tracks/{file['id']}"), 404)
    problem(client.delete(f"{API}/tracks/{file['id']}"), 404)
    assert home_status(library.home.path).forgotten == []
    assert over(client, add(client, new))["files"][0]["state"] == "indexed"  # it may come back


def test_a_track_of_the_library_is_forgotten_and_its_file_stays(library: Library, client: TestClient) -> None:
    path = track(library, 0)
    job = over(client, client.delete(f"{API}/tracks/{id_of(path)}"))
    assert job["files"] == [
        {"name": "0.wav", "id": id_of(path), "path": str(path), "state": "forgotten", "reason": ""}
    ]
    assert path.exists()
    over(client, client.post(f"{API}/rescan"))
    problem(client.get(f"{API}/tracks/{id_of(path)}"), 404)
    assert home_status(library.home.path).forgotten == [os.fsencode(path)]


def test_a_file_of_the_users_own_in_the_folder_of_uploads_is_never_removed(
    library: Library, serve: Serve, new: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    own = inbox / "own.wav"
    soundfile.write(own, tone(3, 500), SAMPLE_RATE)
    library.index(inbox)
    client = serve(uploads_folder=inbox)
    job = over(client, add(client, new))
    assert Path(job["files"][0]["path"]).parent == inbox
    over(client, client.delete(f"{API}/tracks/{id_of(own)}"))
    assert own.exists()
    over(client, client.delete(f"{API}/tracks/{job['files'][0]['id']}"))
    assert list(inbox.iterdir()) == [own]


def test_tags_that_are_given_are_in_the_file_and_survive_a_scan(
    library: Library, client: TestClient, new: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, tone(3, 120), SAMPLE_RATE)
    write_tags(other, title="Its own", artist="Somebody")
    tags = {"artist": "Bob", "album": "Låter", "year": 1999, "genre": "Jazz", "album_artist": "Ann"}
    job = over(client, add(client, new, other, names=("Sång.flac", "x.wav"), **tags))
    library.index()
    refreshed(client)
    found = [client.get(f"{API}/tracks/{file['id']}").json() for file in job["files"]]
    assert [one["title"] for one in found] == ["Sång", "Its own"]
    for one in found:
        assert {name: one[name] for name in tags} == tags
    one = over(client, add(client, other, title="Another", track=3))["files"][0]
    assert (one["id"], one["state"]) == (found[1]["id"], "indexed")
    changed = client.get(f"{API}/tracks/{one['id']}").json()
    assert (changed["title"], changed["track"], len(kept(library))) == ("Another", 3, 2)


def test_audio_that_is_in_the_index_is_not_added_again(
    library: Library, client: TestClient, new: Path
) -> None:
    first = over(client, add(client, new))["files"][0]
    for paths in ((new,), (track(library, 0),), (new, track(library, 0))):
        job = over(client, add(client, *paths))
        assert {file["state"] for file in job["files"]} == {"known"}
    assert job["files"][0]["id"] == first["id"]
    assert job["files"][1]["id"] == id_of(track(library, 0))
    assert len(kept(library)) == 1
    track(library, 1).rename(library.home.path / "away.wav")  # what is not there can't answer for it
    assert over(client, add(client, library.home.path / "away.wav"))["files"][0]["state"] == "indexed"


def test_one_audio_sent_twice_at_once_is_kept_once(library: Library, client: TestClient, new: Path) -> None:
    job = over(client, add(client, new, new))
    assert [file["state"] for file in job["files"]] == ["indexed", "known"]
    assert len(kept(library)) == 1


@pytest.mark.parametrize("content", [b"", b"no music" * 1000, b"RIFF\x00\x00\x00\x00WAVE", b"ID3\x04\x00"])
def test_what_is_no_audio_is_refused_before_anything_is_kept(
    library: Library, client: TestClient, new: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "text.mp3").write_bytes(content)
    told = problem(add(client, new, tmp_path / "text.mp3", names=("a.flac", "../../text.mp3")), 422)
    assert told["title"] == "Can't add text.mp3"
    assert kept(library) == []
    assert not (library.home.path / "jobs.json").exists()
    assert client.get(f"{API}/jobs").json() == {"jobs": []}
    assert list(folder(client).iterdir()) == []


def test_what_turns_out_to_be_no_music_in_the_run_is_told_and_not_kept(
    library: Library, client: TestClient, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(20_000, np.float32), SAMPLE_RATE)
    job = over(client, add(client, tmp_path / "silence.wav"))
    (file,) = job["files"]
    assert file["state"] == "failed"
    assert file["reason"]
    assert job["failures"][0]["reason"] == file["reason"]
    assert kept(library) == []
    assert home_status(library.home.path).failed == 0


def test_tags_that_a_format_can_not_hold_are_refused(
    library: Library, client: TestClient, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.caf", tone(3, 930), SAMPLE_RATE, format="CAF")
    told = problem(add(client, tmp_path / "a.caf", artist="Bob"), 422)
    assert told["title"] == "Can't write the tags of a.caf"
    assert kept(library) == []
    file = over(client, add(client, tmp_path / "a.caf"))["files"][0]  # its name alone is no reason
    assert (file["state"], Path(file["path"]).suffix) == ("indexed", ".caf")
    assert kept(library)[0].read_bytes() == (tmp_path / "a.caf").read_bytes()


def test_a_request_that_makes_no_sense_is_refused(client: TestClient, new: Path) -> None:
    assert "One title" in problem(add(client, new, new, title="A"), 400)["title"]
    problem(add(client, new, year="soon"), 422)
    problem(client.post(f"{API}/tracks", files={}), 422)
    problem(client.post(f"{API}/rescan", json={"roots": ["/etc"]}), 400)
    problem(client.post(f"{API}/rescan", json={"roots": "x"}), 422)
    problem(client.get(f"{API}/jobs/{'0' * 16}"), 404)
    problem(client.get(f"{API}/jobs/{'0' * 16}/events"), 404)
    problem(client.get(f"{API}/jobs/..%2fx"), 404)


def test_a_rescan_brings_in_what_is_new_in_all_folders_or_in_one(
    library: Library, client: TestClient, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    more.mkdir()
    soundfile.write(more / "a.wav", tone(3, 400), SAMPLE_RATE)
    library.index(more)
    for place, height in ((more / "b.wav", 410), (track(library, 0).with_name("b.wav"), 125)):
        soundfile.write(place, tone(3, height), SAMPLE_RATE)
    job = over(client, client.post(f"{API}/rescan", json={"roots": [str(more)]}))
    assert (job["roots"], job["counts"]["found"], job["counts"]["indexed"]) == ([str(more)], 2, 1)
    (track(library, 0).with_name("bad.wav")).write_text("no music")
    job = over(client, client.post(f"{API}/rescan"))
    assert (job["counts"]["indexed"], job["counts"]["failed"]) == (1, 1)
    (failure,) = job["failures"]
    assert failure["path"].endswith("bad.wav")
    assert failure["reason"]
    for path in more.iterdir():
        path.unlink()
    job = over(client, client.post(f"{API}/rescan", json={}))
    assert any("looks like a disk that is not mounted" in note for note in job["notes"])
    assert any("Nothing is changed there" in note and "`accept_removals`" in note for note in job["notes"])
    job = over(client, client.post(f"{API}/rescan", json={"accept_removals": True}))
    assert job["counts"]["gone"] == 2


def test_a_job_is_told_of_by_events_until_it_is_over(library: Library, client: TestClient, new: Path) -> None:
    with hold(library.home.index_lock, wait=5, what="indexing"):
        answer = add(client, new)
        url = answer.headers["location"]
        waited = client.get(url).json()
        deadline = time.monotonic() + 30
        while waited["state"] != "waiting":
            assert time.monotonic() < deadline
            waited = client.get(url).json()
        assert waited["progress"]["at"] == "It waits for another run"
    events = list(told_by(client, f"{url}/events"))
    assert [event["event"] for event in events] == ["job"] * len(events)
    jobs = [json.loads(event["data"]) for event in events]
    assert jobs[-1] == client.get(url).json()
    assert jobs[-1]["state"] == "done"
    assert all(job["state"] in ("queued", "waiting", "running") for job in jobs[:-1])
    numbers = [int(event["id"]) for event in events]
    assert numbers == sorted(set(numbers))
    last = {"last-event-id": events[-1]["id"]}
    assert client.get(f"{url}/events", headers=last).status_code == 204
    assert len(list(told_by(client, f"{url}/events", {"last-event-id": events[0]["id"]}))) == 1


def told_by(client: TestClient, url: str, headers: dict[str, str] | None = None) -> Iterator[dict[str, str]]:
    with client.stream("GET", url, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for block in answer.read().decode("ascii").split("\n\n"):
            if block and block[0] != ":":
                yield dict(line.split(": ", 1) for line in block.splitlines())


def test_a_run_of_another_process_is_waited_for_and_jobs_alike_are_done_in_one_go(
    library: Library, client: TestClient, tmp_path: Path
) -> None:
    answers = []
    with hold(library.home.index_lock, wait=5, what="indexing"):
        for number in range(4):
            soundfile.write(tmp_path / f"{number}.wav", tone(3, 300 + 50 * number), SAMPLE_RATE)
            answers.append(add(client, tmp_path / f"{number}.wav"))
        deadline = time.monotonic() + 30
        while client.get(answers[0].headers["location"]).json()["state"] != "waiting":
            assert time.monotonic() < deadline
        assert client.get(f"{API}/tracks").status_code == 200  # nothing else waits
    jobs = [over(client, answer) for answer in answers]
    assert [job["counts"]["found"] for job in jobs[1:]] == [3, 3, 3]
    assert [job["id"] for job in client.get(f"{API}/jobs").json()["jobs"]] == [
        job["id"] for job in reversed(jobs)
    ]


def test_a_server_that_may_change_nothing_has_none_of_it(library: Library, serve: Serve, new: Path) -> None:
    client = serve(read_only=True)
    problem(add(client, new), 405)
    problem(client.delete(f"{API}/tracks/{id_of(track(library, 0))}"), 405)
    problem(client.post(f"{API}/rescan"), 404)
    for path in ("jobs", f"jobs/{'0' * 16}", f"jobs/{'0' * 16}/events"):
        problem(client.get(f"{API}/{path}"), 404)
    paths = client.get(f"{API}/openapi.json").json()["paths"]
    assert not any("jobs" in path or "rescan" in path for path in paths)
    assert list(paths[f"{API}/tracks"]) == ["get"]
    assert list(paths[f"{API}/tracks/{{id}}"]) == ["get"]
    assert kept(library) == []
    assert client.get(f"{API}/status").json()["server"]["read_only"] is True


def test_a_server_that_is_asked_for_no_change_leaves_nothing_in_the_home(
    library: Library, client: TestClient
) -> None:
    before = set(library.home.path.iterdir())
    client.get(f"{API}/jobs")
    client.get(f"{API}/tracks")
    assert set(library.home.path.iterdir()) == before


def test_one_server_of_a_home_does_its_jobs(library: Library, serve: Serve, new: Path) -> None:
    first, second = serve(), serve()
    job = over(first, add(first, new))
    assert problem(add(second, new), 409)["title"] == "Another server of this home does its jobs"
    assert second.get(f"{API}/jobs/{job['id']}").json()["files"] == job["files"]
    first.__exit__(None, None, None)
    deadline = time.monotonic() + 20
    while (answer := second.post(f"{API}/rescan")).status_code == 409:
        assert time.monotonic() < deadline
    over(second, answer)


def test_a_job_that_was_lost_is_taken_up_again(library: Library, new: Path) -> None:
    with (
        hold(library.home.index_lock, wait=5, what="indexing"),
        TestClient(make_app(Services(options_of(library))), base_url=HERE) as client,
    ):
        answer = add(client, new)
        problem(client.get(f"{API}/tracks/{answer.json()['files'][0]['id']}"), 404)
    assert json.loads((library.home.path / "jobs.json").read_text())["jobs"][0]["state"] != "done"
    with TestClient(make_app(Services(options_of(library))), base_url=HERE) as client:
        job = over(client, answer)  # with nothing asked for
        assert job["files"][0]["state"] == "indexed"
        assert client.get(f"{API}/tracks/{job['files'][0]['id']}").status_code == 200


def test_an_upload_that_was_not_whole_when_its_server_was_killed_is_told(
    library: Library, serve: Serve
) -> None:
    path = uploads(library) / f"{'0' * 32}.wav"
    kept_job = {
        "id": "0" * 16, "kind": "add", "state": "queued", "made": 1.0, "roots": [], "failures": [],
        "notes": [], "error": [], "files": [{"path": os.fsencode(path).hex(), "name": "a.wav"}],
    }  # fmt: skip
    (library.home.path / "jobs.json").write_text(json.dumps({"jobs": [kept_job]}))
    client = serve()
    url = f"{API}/jobs/{'0' * 16}"
    deadline = time.monotonic() + 60
    while (job := client.get(url).json())["state"] != "done":
        assert time.monotonic() < deadline
    assert (job["files"][0]["state"], job["files"][0]["reason"]) == ("failed", "it is not there any more")


def test_what_a_killed_server_was_writing_is_swept_away(library: Library, serve: Serve) -> None:
    uploads(library).mkdir()
    names = (".tmp_ab12.partial", ".other.partial", ".tmp_cd34.partial")
    for name in names:
        (uploads(library) / name).write_text("x")
    for name in names[:2]:
        os.utime(uploads(library) / name, (1, 1))
    serve()
    assert [path.name for path in kept(library)] == [".other.partial", ".tmp_cd34.partial"]


def test_a_run_that_fails_says_why_and_one_that_is_killed_too(
    library: Library, client: TestClient, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = client.app._app.state.services  # type: ignore[attr-defined]
    with hold(library.home.index_lock, wait=5, what="indexing"):
        answer = add(client, new)
        deadline = time.monotonic() + 30
        while client.get(answer.headers["location"]).json()["state"] != "waiting":
            assert time.monotonic() < deadline
        services.jobs._process.kill()
        job = over(client, answer, "failed")
    assert job["error"]["title"] == "The run's process ended"
    assert kept(library) != []
    over(client, client.post(f"{API}/rescan"))  # goes on with it, though no run has seen the folder yet
    assert client.get(f"{API}/tracks/{job['files'][0]['id']}").status_code == 200
    monkeypatch.setattr("audiosim.server.job_runner.start_child", start_child)  # which has no such encoder
    soundfile.write(new, tone(4, 950), SAMPLE_RATE)
    job = over(client, add(client, new), "failed")
    assert "encoder fake" in job["error"]["title"]


def test_a_track_that_is_left_out_by_a_pattern_is_added_all_the_same(
    library: Library, client: TestClient, new: Path
) -> None:
    library.index(exclude=["*.flac"])
    refreshed(client)
    file = over(client, add(client, new))["files"][0]
    assert file["state"] == "indexed"
    library.index()
    refreshed(client)
    assert client.get(f"{API}/tracks/{file['id']}").status_code == 200


def folder(client: TestClient) -> Path:
    found: Path = client.app._app.state.services.folder  # type: ignore[attr-defined]
    return found


def refreshed(client: TestClient) -> None:
    client.app._app.state.services.library.refresh()  # type: ignore[attr-defined]
