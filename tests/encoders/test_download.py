"""Files that are fetched: whole or not at all, gone on with where an earlier try ended."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from audiosim.core.errors import WeightsError
from audiosim.encoders.download import download

pytestmark = pytest.mark.slow

DATA = bytes(range(256)) * 2000
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@dataclass
class Server:
    """A server of one file, which may break off, and may know nothing of parts."""

    url: str = ""
    data: bytes = DATA
    breaks_at: int | None = None
    knows_parts: bool = True
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.knows_parts else 0
            if start >= len(state.data):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(state.data) - start))
            self.end_headers()
            self.wfile.write(state.data[start : state.breaks_at])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        state.url = f"http://127.0.0.1:{httpd.server_port}/model.onnx"
        yield state
        httpd.shutdown()
        thread.join()


def broken_off(server: Server, target: Path) -> None:
    server.breaks_at = 300_000
    with pytest.raises(WeightsError, match="can't be fetched"):
        download(server.url, target, DIGEST)
    assert not target.exists()
    server.breaks_at = None


def test_the_next_try_goes_on_where_one_broke_off(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "model.onnx"
    broken_off(server, target)
    download(server.url, target, DIGEST)
    assert target.read_bytes() == DATA
    assert server.asked[0] is None
    assert server.asked[1] is not None
    assert 0 < int(server.asked[1].removeprefix("bytes=").rstrip("-")) <= 300_000
    assert list(target.parent.iterdir()) == [target]


def test_a_server_that_knows_no_parts_gives_all_again(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.onnx"
    broken_off(server, target)
    server.knows_parts = False
    download(server.url, target, DIGEST)
    assert target.read_bytes() == DATA


def test_a_part_of_a_file_that_became_another_is_thrown_away(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.onnx"
    broken_off(server, target)
    server.data = DATA[::-1]
    with pytest.raises(WeightsError, match="gave another file than expected"):
        download(server.url, target, DIGEST)
    assert list(tmp_path.iterdir()) == []
    server.data = DATA
    download(server.url, target, DIGEST)
    assert server.asked[-1] is None


def test_a_part_that_is_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.onnx"
    broken_off(server, target)
    (part,) = tmp_path.iterdir()
    part.write_bytes(DATA + b"more")
    download(server.url, target, DIGEST)
    assert target.read_bytes() == DATA
    assert len(server.asked) == 3


def test_a_part_that_is_all_there_is_asks_for_nothing(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "model.onnx"
    broken_off(server, target)
    (part,) = tmp_path.iterdir()
    part.write_bytes(DATA)
    download(server.url, target, DIGEST)
    assert target.read_bytes() == DATA
    assert len(server.asked) == 1


def test_an_address_may_be_all_that_says_what_a_file_is(server: Server, tmp_path: Path) -> None:
    download(server.url, tmp_path / "model.onnx", None)
    assert (tmp_path / "model.onnx").read_bytes() == DATA


def test_files_of_this_machine_are_fetched_likewise(tmp_path: Path) -> None:
    source, target = tmp_path / "a b.onnx", tmp_path / "new" / "model.onnx"
    source.write_bytes(DATA)
    download(source.as_uri(), target, DIGEST)
    assert target.read_bytes() == DATA
    with pytest.raises(WeightsError, match="its SHA-256 is"):
        download(source.as_uri(), tmp_path / "other", f"sha256:{'0' * 64}")
    with pytest.raises(WeightsError, match="No such file"):
        download((tmp_path / "nowhere").as_uri(), tmp_path / "other", DIGEST)
    assert not (tmp_path / "other").exists()
