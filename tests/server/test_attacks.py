"""What a page of another site, a careless client or a malicious one may try."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, tone
from libraries import Library, edit, track
from server_help import Serve, client, id_of, library, original, problem, running, serve
from starlette.testclient import TestClient

from audiosim.server.guard import POLICY

# Older versions of Starlette leave what was received by then to the garbage collector.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile")]
API = "/api/v1"
EVIL = "<script>alert(1)</script>\x1b[2J\x9b31m\u202e\"'&"


def test_another_host_is_refused(client: TestClient) -> None:
    for host in ("evil.example", "evil.example:8711", "127.0.0.1.evil.example", "", "[", "localhost.evil"):
        answer = client.get(f"{API}/tracks", headers={"host": host})
        assert problem(answer, 421)["title"] == "This server has another name"
    for host in ("127.0.0.1:8711", "localhost:8711", "[::1]:8711", "LOCALHOST"):
        assert client.get(f"{API}/tracks", headers={"host": host}).status_code == 200


def test_pages_of_other_sites_get_nothing(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
    ):
        for answer in (
            client.get(f"{API}/tracks", headers=headers),
            client.post(f"{API}/similar", files={"file": b"x"}, headers=headers),
            client.post(f"{API}/playlists/queue", json={"ids": ["a"]}, headers=headers),
        ):
            assert problem(answer, 403)["title"] == "Pages of other sites may not ask"
            assert "access-control-allow-origin" not in answer.headers
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=followed).status_code == 200
    assert client.get(f"{API}/tracks", headers={"origin": "http://127.0.0.1:8711"}).status_code == 200
    assert "access-control-allow-origin" not in client.get(f"{API}/tracks").headers


def test_a_site_that_is_named_may_ask_and_no_other(serve: Serve) -> None:
    client = serve(origins=("https://music.lan",))
    answer = client.get(f"{API}/tracks", headers={"origin": "https://music.lan"})
    assert answer.headers["access-control-allow-origin"] == "https://music.lan"
    early = {"origin": "https://music.lan", "access-control-request-method": "POST"}
    assert client.options(f"{API}/similar", headers=early).status_code == 204
    problem(client.get(f"{API}/tracks", headers={"origin": "https://music.lan.evil"}), 403)


def test_where_a_token_is_needed_nothing_is_told_without(serve: Serve) -> None:
    client = serve(token="secret-token-of-the-test", host="0.0.0.0", base="http://192.168.1.5:8711")
    for headers in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic x"},
        {"cookie": "audiosim=x"},
    ):
        for path in ("/", "/docs", f"{API}/tracks", f"{API}/openapi.json", "/page/main.js", "/enter"):
            answer = client.get(path, headers=headers)
            assert problem(answer, 401)["title"] == "A token is needed"
    good = {"authorization": "Bearer secret-token-of-the-test"}
    assert client.get(f"{API}/tracks", headers=good).status_code == 200
    problem(client.get(f"{API}/tracks", headers={**good, "host": "evil.example"}), 421)


def test_a_link_lets_one_browser_in_once(library: Library) -> None:
    from server_help import options_of

    from audiosim.server.app import make_app
    from audiosim.server.guard import Rules
    from audiosim.server.services import Services

    options = options_of(library, token="secret-token-of-the-test", host="0.0.0.0")
    rules = Rules(options)
    with TestClient(make_app(Services(options), rules), base_url="http://192.168.1.5:8711") as client:
        problem(client.get("/enter/guess"), 403)
        answer = client.get(rules.link, follow_redirects=False)
        assert answer.status_code == 303
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=strict" in answer.headers["set-cookie"]
        assert "secret-token" not in answer.headers["set-cookie"]
        assert client.get("/").status_code == 200
        link = f"/enter/{'x' * 32}"
        client.cookies.clear()
        assert problem(client.get(link), 403)["title"] == "This link is used up"
        problem(client.get("/"), 401)


@pytest.mark.parametrize(
    "path",
    [
        f"{API}/tracks/..%2f..%2fetc%2fpasswd/audio",
        f"{API}/tracks/%2e%2e/audio",
        f"{API}/tracks/{'f' * 32}%00/audio",
        "/page/../library.py",
        "/page/..%2fapp.py",
        "/page/",
        "/page",
        "//etc/passwd",
    ],
)
def test_no_path_leads_to_a_file_that_is_not_in_the_index(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_names_of_uploads_are_no_paths(client: TestClient, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "new.wav", tone(3, 930), SAMPLE_RATE)
    data = (tmp_path / "new.wav").read_bytes()
    folder = client.app._app.state.services.folder  # type: ignore[attr-defined]
    for name in ("../../evil.wav", "/etc/evil.wav", "..", "a\x00b.wav", "x" * 5000 + ".wav", "evil.py"):
        answer = client.post(f"{API}/similar", files={"file": (name, data)})
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            assert "/" not in answer.json()["query"][0]["path"]
    assert not any("evil" in path.name for path in folder.parent.iterdir())
    assert list(folder.iterdir()) == []


def test_a_playlist_that_is_sent_makes_no_other_file_open(library: Library, client: TestClient) -> None:
    for text in (
        f"ffconcat version 1.0\nfile {track(library, 0)}\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\n{track(library, 0)}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\nhttp://127.0.0.1:9/x.wav\n#EXT-X-ENDLIST\n",
    ):
        problem(client.post(f"{API}/similar", files={"file": ("a.mp3", text.encode())}), 422)


def test_too_much_is_refused_before_it_is_read(serve: Serve) -> None:
    client = serve(upload=10_000, body=1_000)
    told = problem(client.post(f"{API}/similar", files={"file": ("a.wav", b"x" * 20_000)}), 413)
    assert told["title"] == "That is too much"
    problem(client.post(f"{API}/playlists/queue", json={"ids": ["x" * 32] * 100}), 413)


def test_an_upload_that_never_ends_is_cut_off(library: Library) -> None:
    with running(library, upload=200_000) as server, connection(server.port) as sent:
        sent.sendall(head("transfer-encoding: chunked"))
        part = b"%x\r\n" % 10_000 + b"x" * 10_000 + b"\r\n"
        for _ in range(1000):
            if peeked(sent):
                break
            sent.sendall(part)
        answer = sent.recv(10_000)
        assert b"413" in answer.split(b"\r\n")[0]


def test_a_slow_upload_is_given_up(library: Library) -> None:
    with running(library, silence=0.5, sending=2.0) as server:
        with connection(server.port) as sent:
            sent.sendall(head("content-length: 1000"))
            assert b"408" in sent.recv(10_000).split(b"\r\n")[0]
        with connection(server.port) as sent:  # a byte now and then does not do, either
            sent.sendall(head("content-length: 1000"))
            deadline = time.monotonic() + 10
            while not peeked(sent):
                assert time.monotonic() < deadline
                sent.sendall(b"x")
                time.sleep(0.2)
            assert b"408" in sent.recv(10_000).split(b"\r\n")[0]


def test_uploads_at_a_time_are_limited(library: Library) -> None:
    with running(library, uploads=1) as server, connection(server.port) as slow:
        slow.sendall(head("content-length: 1000"))
        time.sleep(0.3)
        with connection(server.port) as other:
            other.sendall(head("content-length: 1000"))
            answer = other.recv(10_000)
        assert b"429" in answer.split(b"\r\n")[0]
        assert b"retry-after: 2" in answer.lower()
        with connection(server.port) as third:  # others go on
            third.sendall(b"GET /api/v1/tracks HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
            assert b"200" in third.recv(10_000).split(b"\r\n")[0]


@pytest.mark.parametrize("more", [b"a: b\r\n", b"x" * 1000], ids=["lines", "one line"])
def test_a_head_that_never_ends_is_cut_off(library: Library, more: bytes) -> None:
    with running(library) as server, connection(server.port) as sent:
        sent.sendall(b"GET /api/v1/tracks HTTP/1.1\r\nhost: 127.0.0.1\r\nlong: ")
        for _ in range(2**20 // len(more)):
            if peeked(sent):
                break
            with suppress(ConnectionError):  # it is closed while it is written to
                sent.sendall(more)
        assert sent.recv(10_000).startswith(b"HTTP/1.1 400")


def test_a_head_that_comes_too_slowly_is_not_waited_for(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.server.running.HEAD_LIMIT", 0.5)
    with running(library) as server, connection(server.port) as sent:
        for _ in range(2):  # on a connection that is kept, too
            sent.sendall(b"GET /api/v1/status HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            assert sent.recv(100_000).startswith(b"HTTP/1.1 200")
        sent.sendall(b"GET /api/v1/tracks HTTP/1.1\r\n")
        assert sent.recv(10_000) == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /api/v1/status HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", 200),
        (b"GET http://127.0.0.1/api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 200),
        (b"GET /api/v1/status HTTP/1.1\r\nHost: [::1]\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
        (b"GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n\r\n", 421),
        (b"GET /api/v1/\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nno colon\r\n\r\n", 400),
        (b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET //evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 404),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    ],
)
def test_odd_requests_are_answered_or_refused(library: Library, request_: bytes, status: int) -> None:
    with running(library) as server, connection(server.port) as sent:
        sent.sendall(request_)
        assert sent.recv(10_000).split(b" ")[1] == b"%d" % status


def test_a_thousand_connections_do_not_keep_others_out(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip("the system allows too few open files for both ends here")
    monkeypatch.setattr("audiosim.server.running.HEAD_LIMIT", 2.0)
    with running(library) as server:  # which raises the limit
        silent = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(1000)]
        try:
            start = time.monotonic()
            with connection(server.port) as sent:
                sent.sendall(b"GET /api/v1/tracks HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
                assert b"200" in sent.recv(10_000).split(b"\r\n")[0]
            assert time.monotonic() - start < 5
            silent[0].settimeout(10)
            assert silent[0].recv(10) == b""  # who says nothing is let go
        finally:
            for one in silent:
                one.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_flac_that_unpacks_to_hours_is_read_no_further_than_allowed(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros(480_000, np.float32))  # an hour of silence in some kilobytes
    assert path.stat().st_size < 200_000
    data = bytearray(path.read_bytes())
    client = serve(duration=60.0)
    told = problem(client.post(f"{API}/similar", files={"file": ("a.flac", bytes(data))}), 422)
    assert "longer than 1:00" in told["detail"]
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])  # STREAMINFO: how long is not known
    start = time.monotonic()
    problem(client.post(f"{API}/similar", files={"file": ("b.flac", bytes(data))}), 422)
    assert time.monotonic() - start < 30


def test_markup_and_terminal_escapes_in_tags_do_nothing(library: Library, client: TestClient) -> None:
    tag = "UPDATE files SET title = ?, artist = ?, album = ?, changed = 9 WHERE path = ?"
    edit(library, tag, EVIL, EVIL, EVIL, os.fsencode(track(library, 0)))
    client.app._app.state.services.library.refresh()  # type: ignore[attr-defined]
    answer = client.get(f"{API}/tracks", params={"q": "alert"})
    assert answer.json()["tracks"][0]["title"] == EVIL
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not any(character in answer.text for character in "\x1b\x9b\u202e")
    text = client.post(f"{API}/playlists/queue", json={"ids": [id_of(track(library, 0))]}).text
    assert len(text.splitlines()) == 3
    assert not any(character in text for character in "\x1b\x9b\u202e")


def test_a_link_that_leads_out_of_the_library_is_not_followed(
    library: Library, client: TestClient, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_text("secret")
    path = track(library, 0)
    for target in (secret, Path("/etc/passwd"), Path("/dev/zero"), tmp_path):
        path.unlink()
        path.symlink_to(target)
        for what in ("audio", "cover", "peaks"):
            answer = client.get(f"{API}/tracks/{id_of(path)}/{what}")
            assert problem(answer, 410)["title"] == "The file is not there"
            assert "secret" not in answer.text
    folder = track(library, 3).parent
    folder.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "3.wav").write_text("secret")
    folder.symlink_to(tmp_path / "elsewhere")
    problem(client.get(f"{API}/tracks/{id_of(track(library, 3))}/audio"), 410)
    path.unlink()
    path.write_bytes(b"RIFF" + bytes(100))  # changed, but still a file of the library
    assert client.get(f"{API}/tracks/{id_of(path)}/audio").status_code == 200


def test_every_answer_has_the_headers_that_keep_pages_apart(client: TestClient) -> None:
    for path in ("/", "/docs", "/page/main.js", f"{API}/tracks", f"{API}/nowhere", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
    assert "'unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_folders_outside_of_the_library_are_not_told_of(library: Library, client: TestClient) -> None:
    asked = {"id": id_of(track(library, 0))}
    there, not_there = (
        problem(client.get(f"{API}/similar", params={**asked, "under": folder}), 400)
        for folder in ("/etc", "/no such folder")
    )
    assert there["title"].replace("/etc", "X") == not_there["title"].replace("/no such folder", "X")


def head(length: str) -> bytes:
    """An upload's, up to the file's first byte."""
    begin = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    kind = "content-type: multipart/form-data; boundary=b"
    lines = ["POST /api/v1/similar HTTP/1.1", "host: 127.0.0.1", kind, length]
    chunk = b"%x\r\n" % len(begin) + begin + b"\r\n" if "chunked" in length else begin
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + chunk


def connection(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), 15)
    made.settimeout(15)
    return made


def peeked(sent: socket.socket) -> bool:
    """Whether something has been answered."""
    sent.setblocking(False)
    try:
        return bool(sent.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        sent.settimeout(15)
