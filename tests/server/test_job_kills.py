"""Servers that are ended and killed while a job is at work: real processes, a real encoder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import soundfile
from command_line import run_here
from conftest import GOLDEN, Cli, tone
from kept_folder import KeptFolder
from server_help import serving

from audiosim.core.files import hold
from audiosim.library.status import home_status

pytestmark = [pytest.mark.slow, pytest.mark.long]

RATE = 16_000  # Hz
API = "api/v1"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptFolder:
    """What `home` is a copy of."""

    def make(folder: Path) -> None:
        shutil.copytree(GOLDEN / "described" / "clap", folder / "clap")
        (folder / "music").mkdir()
        for number, height in enumerate((200, 450, 900)):
            soundfile.write(folder / "music" / f"{number}.flac", tone(4, height, rate=RATE), RATE)
        toml = folder / "clap" / "clap.toml"
        command = ("index", folder / "music", "--home", folder / "home", "--encoder", toml)
        done = run_here(list(map(str, command)), folder, {"AUDIOSIM_WEIGHTS": str(folder / "weights")})
        assert done.code == 0, done.err

    return KeptFolder(tmp_path_factory.mktemp("kept"), make)


@pytest.fixture
def home(kept: KeptFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an encoder that other processes find too; its music lies beside it."""
    folder = kept.restored()
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(folder / "weights"))
    return folder / "home"


def asked(url: str, data: bytes | None = None, kind: str = "application/json") -> Any:
    request = urllib.request.Request(url, data, {"Content-Type": kind} if data is not None else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def add(url: str, path: Path) -> dict[str, Any]:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
    body = head.encode() + path.read_bytes() + b"\r\n--b--\r\n"
    job: dict[str, Any] = asked(f"{url}{API}/tracks", body, "multipart/form-data; boundary=b")
    return job


def until(check: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state(url: str, job: dict[str, Any]) -> str:
    return str(asked(f"{url}{API}/jobs/{job['id']}")["state"])


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def test_a_killed_server_loses_no_job_and_leaves_no_process(home: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.flac"
    soundfile.write(new, tone(4, 930, rate=RATE), RATE)
    with hold(home / "index.lock", wait=5, what="indexing"):  # as a run of cron does
        with serving(home) as (process, url):
            job = add(url, new)
            until(lambda: state(url, job) == "waiting")
            left = children(process.pid)
            assert left
            process.send_signal(signal.SIGKILL)
            process.wait()
        until(lambda: gone(left), 10)
        with serving(home) as (_, url):  # by itself, and waits again
            until(lambda: state(url, job) == "waiting")
    with serving(home) as (_, url):
        until(lambda: state(url, job) == "done")
        (file,) = asked(f"{url}{API}/jobs/{job['id']}")["files"]
        assert file["state"] == "indexed"
        assert asked(f"{url}{API}/tracks/{file['id']}")["title"] == "new"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_server_within_a_second_and_its_run_soon(
    home: Path, number: signal.Signals, code: int
) -> None:
    music = home.with_name("music")
    for n in range(8):
        soundfile.write(music / f"more {n}.flac", tone(60, 100 + 50 * n, rate=RATE), RATE)
    with serving(home) as (process, url):
        job = asked(f"{url}{API}/rescan", b"{}")
        until(lambda: asked(f"{url}{API}/jobs/{job['id']}")["progress"]["done"] >= 2)
        left = children(process.pid)
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == code
        assert time.monotonic() - start < 1.2
        assert process.stderr is not None
        assert process.stderr.read() == "audiosim: the server has ended.\n"
    until(lambda: gone(left), 10)
    done = home_status(home).tracks
    assert 5 <= done < 11
    with serving(home) as (_, url):
        until(lambda: state(url, job) == "done", 120)
        counts = asked(f"{url}{API}/jobs/{job['id']}")["counts"]
        assert (counts["indexed"], counts["unchanged"]) == (11 - done, done)


def test_a_server_that_may_change_nothing_takes_no_job_up(home: Path, cli: Cli) -> None:
    kept = {"id": "0" * 16, "kind": "rescan", "state": "queued", "made": 1.0}
    rest: dict[str, Any] = {"roots": [], "failures": [], "notes": [], "error": [], "files": []}
    (home / "jobs.json").write_text(json.dumps({"jobs": [{**kept, **rest}]}))
    before = (home / "jobs.json").read_bytes()
    with serving(home, "--read-only") as (process, _):
        time.sleep(1)
        assert children(process.pid) == []
    assert (home / "jobs.json").read_bytes() == before
    done = cli("serve", "--home", home, "--read-only", "--uploads", home / "u")
    assert (done.code, "--uploads does not go with --read-only" in done.err) == (2, True)
    done = cli("serve", "--home", home, "--uploads", home / "catalog.db")
    assert (done.code, "is no folder" in done.err) == (2, True)


def test_uploads_go_where_they_are_told_to(home: Path, tmp_path: Path) -> None:
    music = home.with_name("music")
    soundfile.write(tmp_path / "new.flac", tone(4, 930, rate=RATE), RATE)
    with serving(home, "--uploads", music / "added") as (_, url):
        job = add(url, tmp_path / "new.flac")
        until(lambda: state(url, job) == "done")
    assert [path.suffix for path in (music / "added").iterdir()] == [".flac"]
    assert home_status(home).roots == [os.fsencode(music)]
    assert home_status(home).tracks == 4
