"""What SECURITY.md says of adding and removing, a test for each line."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, tone
from libraries import Library, track
from server_help import Serve, id_of, library, original, problem, running, serve
from starlette.testclient import TestClient
from test_changes import add, client, fake_runs, folder, kept, new, over, uploads

from audiosim.core.files import hold
from audiosim.server import job_runner

# Older versions of Starlette leave what was received by then to the garbage collector.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile")]

API = "/api/v1"
EVIL = "<script>alert(1)</script>\x1b[2J\x9b31m\u202e\"'&"


def test_pages_of_other_sites_change_nothing(library: Library, client: TestClient, new: Path) -> None:
    one = id_of(track(library, 0))
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ):
        for answer in (
            client.post(f"{API}/tracks", files={"file": ("a.flac", new.read_bytes())}, headers=headers),
            client.post(f"{API}/rescan", headers=headers),
            client.post(f"{API}/rescan", content="{}", headers={**headers, "content-type": "text/plain"}),
            client.delete(f"{API}/tracks/{one}", headers=headers),
            client.options(f"{API}/tracks/{one}", headers=headers),
        ):
            if answer.request.method != "OPTIONS":
                assert problem(answer, 403)["title"] == "Pages of other sites may not ask"
            assert not answer.is_success
            assert "access-control-allow-origin" not in answer.headers
    assert client.get(f"{API}/jobs").json() == {"jobs": []}
    assert kept(library) == []


def test_another_host_changes_nothing(library: Library, client: TestClient, new: Path) -> None:
    headers = {"host": "evil.example"}
    problem(client.post(f"{API}/tracks", files={"file": ("a.flac", new.read_bytes())}, headers=headers), 421)
    problem(client.post(f"{API}/rescan", headers=headers), 421)
    problem(client.delete(f"{API}/tracks/{id_of(track(library, 0))}", headers=headers), 421)
    assert not (library.home.path / "jobs.json").exists()


def test_where_a_token_is_needed_nothing_changes_without(library: Library, serve: Serve, new: Path) -> None:
    client = serve(token="secret-token-of-the-test", host="0.0.0.0", base="http://192.168.1.5:8711")
    one = f"{API}/tracks/{id_of(track(library, 0))}"
    calls: tuple[tuple[str, str, Any], ...] = (
        ("POST", f"{API}/tracks", {"file": ("a.flac", new.read_bytes())}),
        ("POST", f"{API}/rescan", None),
        ("DELETE", one, None),
        ("GET", f"{API}/jobs", None),
        ("GET", f"{API}/jobs/{'0' * 16}/events", None),
    )
    for method, url, files in calls:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "audiosim=x"}):
            answer = client.request(method, url, files=files, headers=headers)
            assert problem(answer, 401)["title"] == "A token is needed"
    good = {"authorization": "Bearer secret-token-of-the-test"}
    assert client.get(f"{API}/jobs", headers=good).json() == {"jobs": []}
    assert kept(library) == []


def test_a_disk_that_is_nearly_full_takes_nothing(
    library: Library, serve: Serve, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = problem(add(serve(free=2**60), new), 507)
    assert told["title"] == "There is no room for an upload"
    client = serve()
    home = library.home.path

    def usage(place: Path) -> SimpleNamespace:
        return SimpleNamespace(free=2**20 if Path(place) == home else 2**40)  # where uploads are to be made

    monkeypatch.setattr(shutil, "disk_usage", usage)
    problem(add(client, new), 507)
    assert (kept(library), list(folder(client).iterdir())) == ([], [])
    assert client.get(f"{API}/jobs").json() == {"jobs": []}


def test_a_disk_that_fills_up_meanwhile_keeps_nothing_half(
    library: Library, client: TestClient, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audiosim.core.files.os.replace", lambda *_: full() if "uploads" in str(_) else None)
    told = problem(add(client, new), 422)
    assert (told["title"], told["detail"]) == ("Can't keep the upload", "No space left on device")
    monkeypatch.undo()
    assert kept(library) == []
    assert client.get(f"{API}/jobs").json() == {"jobs": []}


def test_names_of_uploads_are_no_paths(library: Library, client: TestClient, tmp_path: Path) -> None:
    names = (
        "../../evil.flac", "/etc/evil.flac", "..", "..\\evil.flac", "x" * 900 + ".flac", "evil.py", ".flac",
        "%2e%2e%2fevil.flac", "e\x1bvil.flac", "a\x00b.flac",
    )  # fmt: skip
    sent = [tmp_path / f"{number}.flac" for number in range(len(names))]
    for number, path in enumerate(sent):
        soundfile.write(path, tone(3, 300 + 50 * number), SAMPLE_RATE)
    problem(add(client, sent[0], names=("x" * 5000 + ".flac",)), 400)
    files = over(client, add(client, *sent, names=names))["files"]
    assert {(Path(file["path"]).parent, file["state"]) for file in files} == {(uploads(library), "indexed")}
    assert not any("/" in file["name"] for file in files)
    assert {(len(path.stem), path.suffix) for path in kept(library)} == {(32, ".flac")}
    assert not list(library.home.path.parent.rglob("*evil*"))
    for file in files:
        title = client.get(f"{API}/tracks/{file['id']}").json()["title"]
        assert title is None or (title.isprintable() and len(title) <= 200)


@pytest.mark.parametrize("id_", ["..%2f..%2fetc%2fpasswd", "%2e%2e", f"{'f' * 32}%00", "uploads", "f" * 33])
def test_no_id_is_a_path(library: Library, client: TestClient, id_: str) -> None:
    for answer in (
        client.delete(f"{API}/tracks/{id_}"),
        client.get(f"{API}/jobs/{id_}"),
        client.get(f"{API}/jobs/{id_}/events"),
    ):
        assert answer.status_code in (404, 405, 422)
        assert answer.headers["content-type"] == "application/problem+json"
    assert not (library.home.path / "jobs.json").exists()


def test_links_in_the_folder_of_uploads_lead_nowhere(
    library: Library, client: TestClient, new: Path, tmp_path: Path
) -> None:
    (file,) = over(client, add(client, new))["files"]
    (path,) = kept(library)
    precious = tmp_path / "precious.flac"
    precious.write_text("precious")
    path.unlink()
    path.symlink_to(precious)
    over(client, add(client, new, artist="Bob"))  # takes the link's place, and is not written through it
    assert not path.is_symlink()
    path.unlink()
    path.symlink_to(precious)
    over(client, client.delete(f"{API}/tracks/{file['id']}"))
    assert (kept(library), precious.read_text()) == ([], "precious")


def test_a_playlist_that_is_sent_is_none_and_makes_no_other_file_open(
    library: Library, client: TestClient, tmp_path: Path
) -> None:
    for text in (
        f"ffconcat version 1.0\nfile {track(library, 0)}\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\n{track(library, 0)}\n#EXT-X-ENDLIST\n",
    ):
        (tmp_path / "a.mp3").write_text(text)
        problem(add(client, tmp_path / "a.mp3"), 422)
    assert kept(library) == []


def test_what_unpacks_to_hours_is_not_kept(library: Library, serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros(480_000, np.float32))  # an hour of silence in some kilobytes
    client = serve(duration=60.0)
    assert "longer than 1:00" in problem(add(client, path), 422)["detail"]
    data = bytearray(path.read_bytes())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])  # STREAMINFO: how long is not known
    path.write_bytes(data)
    assert "longer than 1:00" in problem(add(client, path), 422)["detail"]
    assert kept(library) == []


def test_too_much_is_refused_before_it_is_read(library: Library, serve: Serve, new: Path) -> None:
    client = serve(upload=10_000, body=1_000)
    assert problem(add(client, new), 413)["title"] == "That is too much"
    problem(client.post(f"{API}/rescan", json={"roots": ["x" * 2_000]}), 413)
    assert "Too many files" in problem(add(serve(), *[new] * 101), 400)["title"]
    assert kept(library) == []


def test_uploads_at_a_time_are_limited(library: Library, new: Path) -> None:
    begin = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    lines = ["POST /api/v1/tracks HTTP/1.1", "host: 127.0.0.1", "content-length: 1000"]
    head = "\r\n".join([*lines, "content-type: multipart/form-data; boundary=b", "", ""]).encode() + begin
    with (
        running(library, uploads=1) as server,
        socket.create_connection(("127.0.0.1", server.port), 15) as slow,
        socket.create_connection(("127.0.0.1", server.port), 15) as other,
    ):
        slow.sendall(head)
        time.sleep(0.3)
        other.sendall(head)
        answer = other.recv(10_000)
        assert b"429" in answer.split(b"\r\n")[0]
        assert b"retry-after: 2" in answer.lower()
    assert kept(library) == []


def test_jobs_that_wait_and_streams_of_events_are_limited(
    library: Library, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "MOST_QUEUED", 3)
    with hold(library.home.index_lock, wait=5, what="indexing"):
        answers = [client.post(f"{API}/rescan") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        assert problem(answers[-1], 429)["title"] == "Too many jobs wait"
        assert answers[-1].headers["retry-after"] == "60"
        services: Any = client.app._app.state.services  # type: ignore[attr-defined]
        services.streams = threading.BoundedSemaphore(1)
        url = f"{answers[0].headers['location']}/events"
        assert services.streams.acquire(blocking=False)  # another follows
        assert problem(client.get(url), 429)["title"] == "Too many follow jobs"
        services.streams.release()
    for answer in answers[:3]:
        over(client, answer)
    for _ in range(3):
        assert client.get(url).status_code == 200  # each has let go of its place


def test_markup_and_terminal_escapes_in_tags_that_are_given_do_nothing(client: TestClient, new: Path) -> None:
    added = add(client, new, names=("<b>\x1b[2J.flac",), title=EVIL, artist=EVIL)
    job = over(client, added)
    told = client.get(f"{API}/jobs/{job['id']}")
    events = client.get(f"{API}/jobs/{job['id']}/events")
    found = client.get(f"{API}/tracks/{job['files'][0]['id']}")
    assert found.json()["title"] == EVIL
    for answer in (added, told, events, found, client.get(f"{API}/jobs")):
        assert not any(character in answer.text for character in "\x1b\x9b\u202e")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_folder_of_uploads_that_can_not_be_written_is_told(
    library: Library, client: TestClient, new: Path
) -> None:
    uploads(library).write_text("no folder")
    assert problem(add(client, new), 422)["title"] == "Can't keep the upload"
    assert client.get(f"{API}/jobs").json() == {"jobs": []}


def test_other_files_of_the_home_are_no_tracks(library: Library, client: TestClient) -> None:
    for path in (library.home.catalog, library.home.path / "serve.token"):
        problem(client.delete(f"{API}/tracks/{id_of(path)}"), 404)
    assert os.path.exists(library.home.catalog)
