"""Servers that are not there: a URL that is misspelled, and a server that is away when it is asked."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chroma_server import free_port
from conftest import Cli
from libraries import Library
from made_home import MadeHome, random_tracks

from audiosim.backends import backend_for
from audiosim.backends.retries import in_time
from audiosim.core.errors import StoreAwayError
from audiosim.indexing.exchange import export_index
from audiosim.library.catalog import Catalog
from audiosim.library.store_url import parse_store_url

pytestmark = pytest.mark.slow
LIMIT = 10.0  # s for a misspelled URL to be told
LOSS = 1.0  # s that a search may wait for a server that is away
SLACK = 1.0  # s that machines differ by from one search to the next


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """A port on which nobody listens."""
    yield f"http://127.0.0.1:{free_port()}"


@contextlib.contextmanager
def no_host() -> Iterator[str]:
    """A host that does not exist, by RFC 6761."""
    yield "http://chroma.invalid:8000"


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A program that lets one connect, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def swallowing() -> Iterator[str]:
    """A host that swallows packets: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def another_server() -> Iterator[str]:
    """A web server that is not Chroma's."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.send_error(404)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def another_scheme() -> Iterator[str]:
    """A server without TLS, asked with it."""
    with another_server() as url:
        yield url.replace("http:", "https:")


Place = Callable[[], contextlib.AbstractContextManager[str]]
AWAY: list[Place] = [nobody, no_host, silent, swallowing]


@pytest.mark.parametrize("place", [*AWAY, another_scheme])
def test_a_misspelled_url_is_told_soon_and_before_anything_is_done(
    cli: Cli, music: Path, tmp_path: Path, place: Place
) -> None:
    home = tmp_path / "home"
    with place() as url:
        start = time.monotonic()
        done = cli("index", music, "--store", url, "--home", home)  # there are no weights: none are needed
        assert time.monotonic() - start < LIMIT
    assert done.code == 1
    assert f"The Chroma server at {url} does not answer: " in done.err
    assert "Nothing was done yet. Check the --store: its host, port, and http or https" in done.err
    assert "no index yet" in cli("status", "--home", home).out


def test_what_is_no_chroma_server_is_told(cli: Cli, music: Path, tmp_path: Path) -> None:
    with another_server() as url:
        done = cli("index", music, "--store", url, "--home", tmp_path / "home")
    assert done.code == 1
    assert f"The Chroma server at {url} is none: what is there answers 404" in done.err
    assert "Check the --store" in done.err


def test_the_variable_is_checked_too(cli: Cli, music: Path, tmp_path: Path) -> None:
    with nobody() as url:
        done = cli("index", music, "--home", tmp_path / "home", AUDIOSIM_STORE=url)
    assert done.code == 1
    assert f"{url} does not answer" in done.err


def test_a_file_in_a_folder_that_is_not_there_is_told(cli: Cli, music: Path, tmp_path: Path) -> None:
    done = cli("index", music, "--store", f"milvus:{tmp_path}/no/v.db", "--home", tmp_path / "home")
    assert done.code == 1
    assert "its folder is not there" in done.err


@pytest.mark.long
def test_an_index_that_was_to_move_stays_where_it_is(cli: Cli, music: Path, tmp_path: Path) -> None:
    library = Library(tmp_path / "home")
    library.index(music)
    for rebuild in ((), ("--rebuild", "--encoder", "openl3")):
        with nobody() as url:
            done = cli("index", *rebuild, "--store", url, "--home", library.home.path)
        assert done.code == 1
        assert f"{url} does not answer" in done.err
    with library.catalog() as catalog:
        assert (catalog.settings.store_url.text, catalog.settings.store_leftovers()) == ("embedded", [])
    assert len(library.similar(next(music.glob("low/*")))) == 5


@pytest.mark.long
def test_an_import_into_a_new_home_is_told_before_the_file_is_read(
    cli: Cli, music: Path, tmp_path: Path
) -> None:
    library = Library(tmp_path / "home")
    library.index(music)
    export_index(tmp_path / "all.parquet", home=library.home.path)
    with nobody() as url:
        done = cli("import", tmp_path / "all.parquet", "--store", url, "--home", tmp_path / "other")
    assert done.code == 1
    assert f"{url} does not answer" in done.err
    assert not (tmp_path / "other").exists()
    assert cli("import", tmp_path / "all.parquet", "--home", tmp_path / "other").code == 0


@pytest.mark.parametrize("place", AWAY)
def test_a_search_loses_no_more_than_a_second_to_a_server_that_is_away(
    cli: Cli, tmp_path: Path, place: Place
) -> None:
    made = MadeHome(tmp_path / "made")
    made.add(random_tracks(20, np.random.default_rng(5)))
    ask = ("similar", "/music/t000.flac", "--show-duplicates", "--json", "--home", made.home.path)
    plain = min(timed(cli, ask)[0] for _ in range(2))
    with place() as url:
        with Catalog(made.home.catalog) as catalog:
            catalog.settings.set_store(parse_store_url(url), "audiosim_away")
        seconds, done = timed(cli, ask)
    assert done.code == 0
    assert "answered by exact search" in done.err
    assert f"{url} does not answer" in done.err
    assert len(done.json["matches"]) == 10
    assert seconds < plain + LOSS + SLACK


def timed(cli: Cli, words: tuple[Any, ...]) -> tuple[float, Any]:
    start = time.monotonic()
    done = cli(*words)
    return time.monotonic() - start, done


def test_a_name_that_is_looked_up_for_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(*arguments: object, **options: object) -> object:
        time.sleep(5)
        raise socket.gaierror("no answer from the name server")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    url = parse_store_url("http://chroma.lan:8000")
    backend = backend_for(url, MadeHome(tmp_path / "made").home, first_sign=0.3)
    start = time.monotonic()
    with pytest.raises(StoreAwayError, match=r"no sign of life within 0\.3 s"):
        backend.reach()
    assert time.monotonic() - start < 3


def test_what_is_in_time_is_as_it_is() -> None:
    assert in_time(10, divmod, 7, 4) == (1, 3)
    with pytest.raises(ZeroDivisionError):
        in_time(10, divmod, 7, 0)
    with pytest.raises(TimeoutError, match="within 0"):
        in_time(0.01, time.sleep, 1)
