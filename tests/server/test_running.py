"""The server's process: how it begins and ends, its token, its encoder's process."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from libraries import Library, track
from server_help import id_of, library, original, serve, serving

from audiosim.core.errors import AudiosimError
from audiosim.core.types import EncoderSpec
from audiosim.encoders import QueryEncoder
from audiosim.encoders.request import EncoderRequest
from audiosim.server.encoding import ChildEncoder
from audiosim.server.options import is_loopback
from audiosim.server.tokens import read_token

pytestmark = pytest.mark.slow

API = "/api/v1"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where servers make their folders."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_within_a_second_whatever_it_does(
    library: Library, number: signal.Signals, code: int, folders: Path
) -> None:
    with serving(library.home.path) as (process, url):
        told = urllib.request.urlopen(f"{url}api/v1/similar?id={id_of(track(library, 0))}")
        assert told.status == 200
        assert len(list(folders.iterdir())) == 1
        threading.Thread(target=_ask, args=(f"{url}api/v1/duplicates",), daemon=True).start()
        time.sleep(0.3)  # a command is at work now
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == code
        assert time.monotonic() - start < 1.2
        assert not list(folders.iterdir())
        assert process.stderr is not None
        assert process.stderr.read() == "audiosim: the server has ended.\n"  # it has no work to tell of


def test_what_a_killed_server_left_is_removed_by_the_next_one(library: Library, folders: Path) -> None:
    with serving(library.home.path):
        (running,) = folders.iterdir()
        with serving(library.home.path) as (process, _):
            (left,) = set(folders.iterdir()) - {running}
            (left / "a.flac").write_bytes(b"1")
            process.kill()
            process.wait()
        (folders / "audiosim-serve-link").symlink_to(left)
        (folders / "audiosim-serve-other").mkdir()  # which no server has locked
        with serving(library.home.path):
            assert not left.exists()
            assert running.exists()
            assert len(list(folders.iterdir())) == 4


def _ask(url: str) -> None:
    with suppress(OSError):
        urllib.request.urlopen(url)


def test_the_page_is_opened_where_that_is_wanted(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\nsleep 5\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    with serving(library.home.path, "--open") as (_, url):
        assert urllib.request.urlopen(url).status == 200  # whatever the browser does meanwhile
        deadline = time.monotonic() + 10
        while not (tmp_path / "opened").exists() or not (tmp_path / "opened").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert (tmp_path / "opened").read_text() == f"{url}\n"


def test_a_port_that_is_taken_is_told(library: Library, cli: Cli) -> None:
    with serving(library.home.path) as (_, url):
        port = url.rstrip("/").rpartition(":")[2]
        done = cli("serve", "--port", port, "--home", library.home.path)
        assert done.code == 1
        assert f"Can't listen on 127.0.0.1 port {port}: Address already in use" in done.err


def test_another_host_needs_a_token_that_is_made(library: Library) -> None:
    with serving(library.home.path, "--host", "0.0.0.0") as (_, url):
        assert re.fullmatch(rf"http://{re.escape(socket.gethostname())}:\d+/enter/[\w-]{{20,}}", url)
        path = library.home.path / "serve.token"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        base = f"http://127.0.0.1:{url.partition('/enter/')[0].rpartition(':')[2]}"
        with pytest.raises(OSError, match="401"):
            urllib.request.urlopen(f"{base}{API}/tracks")
        headers = {"Authorization": f"Bearer {path.read_text().strip()}"}
        asked = urllib.request.Request(f"{base}{API}/tracks", headers=headers)
        assert urllib.request.urlopen(asked).status == 200


def test_a_token_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    made = read_token(path)
    assert len(made) > 30
    assert read_token(path) == made
    path.chmod(0o644)
    with pytest.raises(AudiosimError, match=r"not a secret(.|\n)*chmod 600"):
        read_token(path)
    path.chmod(0o600)
    path.write_text("short\n")
    with pytest.raises(AudiosimError, match="is none"):
        read_token(path)
    with pytest.raises(AudiosimError, match="Can't make"):
        read_token(tmp_path / "nowhere" / "token")


@pytest.mark.parametrize(
    ("host", "only_here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("192.168.1.2", False), ("music.lan", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_reaches(host: str, only_here: bool) -> None:
    assert is_loopback(host) == only_here


def test_a_server_imports_no_network_and_no_store(library: Library) -> None:
    with serving(library.home.path) as (process, url):
        urllib.request.urlopen(f"{url}api/v1/similar?id={id_of(track(library, 0))}").read()
        mapped = Path(f"/proc/{process.pid}/maps")
        if mapped.exists():
            assert not re.search("tensorflow|chromadb|libavcodec|sklearn", mapped.read_text())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="NumPy may come with another BLAS")
def test_a_server_multiplies_in_one_thread_each_as_many_searches_run_at_a_time(library: Library) -> None:
    code = """
import os, sys
import numpy
from threadpoolctl import threadpool_info
from audiosim.server.options import ServerOptions
from audiosim.server.running import serve
counts = lambda: [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
numpy.ones((2, 2)) @ numpy.ones((2, 2))
def tell(url):
    print(*before, *counts(), flush=True)
    os._exit(0)
before = counts()
serve(ServerOptions(home=sys.argv[1], port=0), tell, lambda: None)
"""
    command = [sys.executable, "-c", code, str(library.home.path)]
    done = subprocess.run(
        command, check=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "2"}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["2", "1"]


def test_an_encoder_in_a_process_of_its_own_is_the_encoder_itself_and_can_be_let_go(
    seeded_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audiosim.encoders import load_encoder

    request = EncoderRequest("openl3", weights=seeded_weights, input_repr="mel128")
    spec = load_encoder(request).spec
    windows = np.random.default_rng(0).normal(0, 0.1, (3, spec.framing.window)).astype(np.float32)
    expected = QueryEncoder(spec, "float32").embed(windows)
    child = ChildEncoder(spec, "float32")
    child.end_if_idle(0)
    assert not child.loaded
    assert child.batch_size >= 1
    np.testing.assert_allclose(child.embed(windows), expected, rtol=0, atol=1e-4)
    pid = child._process.pid if child._process else 0
    child.end_if_idle(60)
    assert child.loaded
    child.end_if_idle(0)
    assert not child.loaded
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert child.embed(windows[:1]).shape == (1, spec.dimension)
    child.kill()  # as a system short of memory does
    assert child.embed(windows[:1]).shape == (1, spec.dimension)  # by a new one
    child.end_if_idle(0)


def test_an_encoder_that_can_not_be_loaded_is_told_and_leaves_no_process() -> None:
    spec = EncoderSpec.from_json(
        '{"name":"none","version":1,"options":[],"weights":"x","sample_rate":8000,"resampler":"soxr_hq",'
        '"hop":1.0,"dimension":4,"framing":{"window":8000,"hop":8000}}'
    )
    child = ChildEncoder(spec, "auto")
    with pytest.raises(AudiosimError, match="has no encoder none"):
        child.embed(np.zeros((1, 8000), np.float32))
    assert not child.loaded
