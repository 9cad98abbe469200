"""Servers over real homes: called in this process, or listening on a port."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fake_encoder import FakeEncoder
from fake_words import LABELS, vocabulary
from libraries import FREQUENCIES, Library, Original, cache_of, configuration_of, digest_of, track
from starlette.testclient import TestClient

from audiosim.library.catalog import Catalog, path_id
from audiosim.library.word_scores import WordScorer
from audiosim.server.app import make_app
from audiosim.server.options import Limits, ServerOptions
from audiosim.server.running import make_server
from audiosim.server.services import Services

HERE = "http://127.0.0.1:8711"
Serve = Callable[..., TestClient]


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("original"))


@pytest.fixture
def library(original: Original) -> Library:
    """Six tracks of 3 to 4 s in two folders, and a copy of the last."""
    return original.restored()


@pytest.fixture
def serve(library: Library) -> Iterator[Serve]:
    """Starts a server over the library; options as of `ServerOptions` and `Limits`."""
    clients = []

    def start(*, base: str = HERE, **options: Any) -> TestClient:
        client = TestClient(make_app(Services(options_of(library, **options))), base_url=base)
        client.__enter__()
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()


def options_of(library: Library, **options: Any) -> ServerOptions:
    names = {name for name in options if name in Limits.__dataclass_fields__}
    limits = replace(Limits(), **{name: options.pop(name) for name in names})
    options.setdefault("encoder", FakeEncoder())
    return ServerOptions(home=library.home.path, limits=limits, **options)


@dataclass
class Running:
    """A server that listens."""

    url: str
    port: int


@contextmanager
def running(library: Library, **options: Any) -> Iterator[Running]:
    """A server on a port of its own, in a thread."""
    told: list[str] = []
    server, listener = make_server(options_of(library, **{"port": 0, **options}), told.append)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not told:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield Running(told[0].rstrip("/"), listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def serving(home: Path, *options: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`audiosim serve` as a process, and the URL that it tells."""
    command = [sys.executable, "-m", "audiosim", "serve", "--port", "0", "--home", home, *options]
    with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"answering at (\S+) ", line)
            assert found, line + process.stderr.read()
            yield process, found[1]
        finally:
            process.kill()


def with_words(library: Library) -> None:
    """Gives the tracks the scores of the tests' vocabulary, as a run does whose encoder has one."""
    cache = cache_of(library)
    with Catalog(library.home.catalog) as catalog:
        scorer = WordScorer(catalog, configuration_of(library).spec)
        scorer.__dict__["vocabulary"] = vocabulary()
        catalog.words.set_labels(LABELS)
        for number in range(len(FREQUENCIES)):
            digest = digest_of(library, track(library, number))
            cached = cache.read(digest)
            assert cached is not None
            assert scorer.enter(digest, cached.frames)


def id_of(path: Path) -> str:
    return path_id(str(path).encode())


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The problem document of an answer, seen to be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert set(found) == {"title", "status", "detail", "remedy"}
    assert found["status"] == status
    return found
