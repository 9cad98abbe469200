"""Homes whose vectors are on a server or in Milvus: chosen, shared, moved, and out of reach."""

from __future__ import annotations

import gc
import shutil
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import trustme
from chroma_server import ChromaServerProcess, collections, free_port
from conftest import GOLDEN, SAMPLE_RATE, Cli, tone
from kept_folder import KeptFolder
from libraries import Library, counts
from made_home import MadeHome, random_tracks, uneven_tracks
from store_proxy import StoreProxy

from audiosim.backends import backend_for
from audiosim.backends.base import Contents
from audiosim.core.errors import AudiosimError, HomeError, StoreAwayError, StoreError, UsageError
from audiosim.core.files import hold
from audiosim.indexing.exchange import export_index, import_index
from audiosim.indexing.forgetting import forget
from audiosim.indexing.report import Notice
from audiosim.indexing.verify import verify_home
from audiosim.library.catalog import Catalog
from audiosim.library.store_url import Leftover, parse_store_url
from audiosim.search.ranking import RankingOptions
from audiosim.search.similar import SearchResult, find_similar
from audiosim.store import Store

pytestmark = pytest.mark.server
CONTENTS = Contents("identity", 8)


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServerProcess]:
    with ChromaServerProcess(tmp_path_factory.mktemp("mortal") / "data") as process:
        yield process


@pytest.fixture
def own_server(mortal: ChromaServerProcess) -> ChromaServerProcess:
    """A server that a test may kill."""
    if not mortal.running:
        mortal.start()
    return mortal


@pytest.fixture(scope="module")
def kept_made(tmp_path_factory: pytest.TempPathFactory) -> KeptFolder:
    def make(folder: Path) -> None:
        MadeHome(folder / "made").add(random_tracks(40, np.random.default_rng(5), windows=10))

    return KeptFolder(tmp_path_factory.mktemp("made"), make)


@pytest.fixture
def made(kept_made: KeptFolder) -> MadeHome:
    return MadeHome(kept_made.restored() / "made")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, one_authority: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(one_authority))
    monkeypatch.delenv("AUDIOSIM_STORE_TOKEN", raising=False)
    monkeypatch.delenv("AUDIOSIM_STORE", raising=False)


@pytest.fixture(autouse=True)
def no_connection_is_left() -> Iterator[None]:
    """One that a test leaves open is told in that test, not in whichever has its rubbish collected."""
    yield
    gc.collect()


def move(home: MadeHome, url: str) -> None:
    with Catalog(home.home.catalog) as catalog:
        Store(home.home, catalog).rebuild(parse_store_url(url))


def ask(home: Path, count: int = 5) -> SearchResult:
    return find_similar(
        "/music/t000.flac", count=count, home=home, ranking=RankingOptions(show_duplicates=True)
    )


def answers(home: Path, count: int = 5) -> list[tuple[bytes, float]]:
    result = ask(home, count)
    assert result.exact_because is None
    return [(match.track.path, match.similarity) for match in result.matches]


def add_music(folder: Path) -> None:
    """Six more files, of other tones."""
    (folder / "more").mkdir()
    for number in range(6):
        soundfile.write(folder / "more" / f"{number}.wav", tone(3, 300 + 20 * number), SAMPLE_RATE)


def store_name(home: Path) -> str:
    with Catalog(home / "catalog.db", read_only=True) as catalog:
        name = catalog.settings.store_name
    assert name is not None
    return name


def test_a_home_on_a_server_is_indexed_and_asked_as_any_other(
    library: Library, indexed: Library, server: ChromaServerProcess
) -> None:
    music = indexed.music
    report = library.index(music, store=parse_store_url(server.url))
    assert counts(report) == {"found": 6, "indexed": 6}
    assert counts(library.index()) == {"found": 6, "unchanged": 6}
    assert collections(server.port)[store_name(library.home.path)] == 6
    for path in sorted(music.rglob("*.*"))[::2]:
        assert library.similar(path) == indexed.similar(path)
    assert not library.home.chroma.exists()
    assert verify_home(library.home.path).faults == []
    lost = next(iter(sorted(music.rglob("*.*"))))
    lost.unlink()
    assert counts(library.index()) == {"found": 5, "unchanged": 5, "gone": 1}
    assert collections(server.port)[store_name(library.home.path)] == 5


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "home")


@pytest.mark.parametrize("kind", ["embedded", "server", "milvus"])
@pytest.mark.long
def test_each_store_is_made_anew_when_whitening_is_learnt(
    kind: str, tmp_path: Path, server: ChromaServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.library.whitening.ENCODERS", ())
    home = MadeHome(tmp_path / "home")
    home.add(uneven_tracks(1))
    home.refresh()
    urls = {"embedded": "embedded", "server": server.url, "milvus": f"milvus:{tmp_path / 'v.db'}"}
    move(home, urls[kind])
    before = answers(home.home.path)
    monkeypatch.setattr("audiosim.library.whitening.ENCODERS", (home.spec.name,))
    home.refresh()
    between = ask(home.home.path)
    assert between.exact_because is not None
    with Catalog(home.home.catalog) as catalog:
        Store(home.home, catalog).flush()
        assert catalog.store_state.identity == home.configuration.collection
    after = answers(home.home.path)
    assert [path for path, _ in after] == [match.track.path for match in between.matches]
    assert [path for path, _ in after] != [path for path, _ in before]
    health = verify_home(home.home.path, full=True)
    assert (health.faults, health.compared) == ([], 60)


@pytest.mark.long
def test_milvus_lite_serves_a_home(library: Library, tmp_path: Path, indexed: Library) -> None:
    music = indexed.music
    library.index(music, store=parse_store_url(f"milvus:{tmp_path / 'v.db'}"))
    assert counts(library.index()) == {"found": 6, "unchanged": 6}
    for path in sorted(music.rglob("*.*"))[:2]:
        assert library.similar(path) == indexed.similar(path)
    health = verify_home(library.home.path, full=True)
    assert (health.faults, health.compared) == ([], 6)


def test_the_variable_is_for_new_homes_only(
    library: Library, indexed: Library, server: ChromaServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = indexed, library
    monkeypatch.setenv("AUDIOSIM_STORE", server.url)
    old.index()
    new.index(old.music)
    monkeypatch.setenv("AUDIOSIM_STORE", "http://127.0.0.1:1")
    new.index()
    for home, url in ((old, "embedded"), (new, server.url)):
        with home.catalog() as catalog:
            assert catalog.settings.store_url.text == url


@pytest.mark.long
def test_vectors_move_between_stores_and_answers_stay(
    indexed: Library, tmp_path: Path, server: ChromaServerProcess
) -> None:
    library = indexed
    paths = sorted(library.music.rglob("*.*"))[:2]
    before = [library.similar(path) for path in paths]
    names = set(collections(server.port))
    for url in (server.url, f"milvus:{tmp_path / 'v.db'}", server.url, "embedded"):
        report = library.index(store=parse_store_url(url))
        assert counts(report) == {"found": 6, "unchanged": 6}
        assert [library.similar(path) for path in paths] == before
        notices = [event.text for event in library.events if isinstance(event, Notice)]
        assert any(f"to {url}" in text for text in notices)
        assert library.home.chroma.exists() == (url == "embedded")
        assert len(set(collections(server.port)) - names) == (url == server.url)
        with library.catalog() as catalog:
            assert (catalog.settings.store_url.text, catalog.settings.store_leftovers()) == (url, [])
    assert counts(library.index(store=parse_store_url("embedded"))) == {"found": 6, "unchanged": 6}
    assert [event for event in library.events if isinstance(event, Notice)] == []


def test_a_new_configuration_goes_to_the_store_too(
    library: Library, music: Path, server: ChromaServerProcess
) -> None:
    library.index(music, store=parse_store_url(server.url))
    first = store_name(library.home.path)
    assert collections(server.port)[first] == 6
    library.index(rebuild=True, pooling="mean-std")
    second = store_name(library.home.path)
    held = collections(server.port)
    assert first not in held
    assert held[second] == 6
    assert len(library.similar(next(iter(sorted(music.rglob("*.*")))))) == 5


def test_homes_that_share_a_server_never_touch_each_others_rows(
    tmp_path: Path, server: ChromaServerProcess
) -> None:
    homes = []
    for number in range(3):
        made = MadeHome(tmp_path / f"home{number}")
        made.add(random_tracks(20 + number, np.random.default_rng(number), windows=10))  # of the same names
        homes.append(made)
    threads = [threading.Thread(target=move, args=(made, server.url)) for made in homes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = collections(server.port)
    names = [store_name(made.home.path) for made in homes]
    assert [held[name] for name in names] == [20, 21, 22]
    before = [answers(made.home.path) for made in homes[1:]]
    forget(["/music/t001.flac", "/music/t002.flac"], home=homes[0].home.path)
    held = collections(server.port)
    assert [held[name] for name in names] == [18, 21, 22]
    assert [answers(made.home.path) for made in homes[1:]] == before
    for made in homes:
        assert verify_home(made.home.path).store_faults == []


@pytest.mark.long
def test_a_copied_home_makes_a_collection_of_its_own_once_they_differ(
    made: MadeHome, tmp_path: Path, server: ChromaServerProcess
) -> None:
    move(made, server.url)
    copy = tmp_path / "copy"
    shutil.copytree(made.home.path, copy)
    assert answers(copy) == answers(made.home.path)
    forget(["/music/t001.flac"], home=copy)  # written by the copy
    assert verify_home(made.home.path).store_faults
    result = ask(made.home.path)
    assert result.exact_because is not None
    assert "another home" in result.exact_because
    forget(["/music/t002.flac"], home=made.home.path)  # makes its own
    assert store_name(copy) != store_name(made.home.path)
    for path in (copy, made.home.path):
        assert verify_home(path).store_faults == []
        assert len(answers(path, 60)) == 38


@pytest.mark.long
def test_an_export_can_be_imported_into_any_store(
    made: MadeHome, tmp_path: Path, server: ChromaServerProcess
) -> None:
    file = tmp_path / "export.parquet"
    export_index(file, home=made.home.path)
    with Catalog(made.home.catalog) as catalog:
        Store(made.home, catalog).flush()
    before = answers(made.home.path)
    for number, url in enumerate(("embedded", server.url, f"milvus:{tmp_path / 'v.db'}")):
        home = tmp_path / f"imported{number}"
        done = import_index([file], home=home, store=parse_store_url(url))
        assert done.added == 40
        assert answers(home) == before
        with Catalog(home / "catalog.db", read_only=True) as catalog:
            assert catalog.settings.store_url.text == url
        with pytest.raises(UsageError, match="contradicts this home"):
            import_index([file], home=home, store=parse_store_url("http://other"))
        assert import_index([file], home=home).known == 40


def test_a_copied_home_that_moves_away_leaves_the_originals_vectors(
    made: MadeHome, tmp_path: Path, server: ChromaServerProcess
) -> None:
    move(made, server.url)
    before, name = answers(made.home.path), store_name(made.home.path)
    shutil.copytree(made.home.path, tmp_path / "copy")
    copy = MadeHome(tmp_path / "copy")
    move(copy, "embedded")
    assert answers(copy.home.path) == before
    assert answers(made.home.path) == before
    assert store_name(made.home.path) == name


def test_one_process_of_a_home_writes_to_a_server_at_a_time(
    made: MadeHome, server: ChromaServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(made, server.url)
    made.add(random_tracks(1, np.random.default_rng(9), prefix="new"))
    monkeypatch.setattr("audiosim.store.LOCK_WAIT", 0.2)
    with hold(made.home.store_lock, wait=0, what="testing"):
        with Catalog(made.home.catalog) as catalog, pytest.raises(HomeError, match="is in use"):
            Store(made.home, catalog).flush()
        assert len(answers(made.home.path)) == 5  # who reads does not wait
    with Catalog(made.home.catalog) as catalog:
        Store(made.home, catalog).flush()
        assert catalog.store_state.pending_count() == 0


@pytest.mark.long
def test_a_store_that_can_no_longer_be_used_does_not_keep_vectors_from_moving(
    made: MadeHome, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    move(made, f"milvus:{tmp_path}/disk/v.db")
    before = answers(made.home.path)
    shutil.rmtree(tmp_path / "disk")  # unmounted
    assert ask(made.home.path).exact_because is not None
    move(made, "embedded")
    assert answers(made.home.path) == before
    assert not (tmp_path / "disk").exists()


def test_queries_are_answered_while_a_burst_is_written(made: MadeHome, server: ChromaServerProcess) -> None:
    move(made, server.url)
    before = answers(made.home.path)
    with Catalog(made.home.catalog) as catalog:
        catalog.store_state.mark(dirty=True)
    assert answers(made.home.path) == before


def test_a_burst_that_was_cut_off_is_checked_and_what_is_wrong_made_anew(
    made: MadeHome, server: ChromaServerProcess
) -> None:
    move(made, server.url)
    with Catalog(made.home.catalog) as catalog:
        catalog.store_state.mark(dirty=True)
        told = Store(made.home, catalog).recover()
        assert told is not None
        assert "is sound" in told
        name, configuration = catalog.settings.store_name, catalog.settings.configuration
        assert name is not None
        assert configuration is not None
        contents = Contents(configuration.collection, configuration.dimension)
        with backend_for(catalog.settings.store_url, made.home).open(name, contents) as store:
            store.delete(store.ids()[:3])
        catalog.store_state.mark(dirty=True)
        told = Store(made.home, catalog).recover()
        assert told is not None
        assert "it lacks 3 of 40 vectors" in told
        assert catalog.settings.store_name != name
    assert name not in collections(server.port)
    assert len(answers(made.home.path, 60)) == 39
    assert verify_home(made.home.path).store_faults == []


def test_what_a_server_could_not_be_told_to_remove_goes_with_the_next_run(
    library: Library, music: Path, server: ChromaServerProcess
) -> None:
    url = parse_store_url(server.url)
    library.index(music, store=parse_store_url(server.url))
    backend = backend_for(url, library.home)
    left = backend.new_name()
    with backend.open(left, CONTENTS, create=True):
        pass
    with Catalog(library.home.catalog) as catalog:
        catalog.settings.set_store_leftovers([Leftover(url, left), Leftover(url, "audiosim_never_made")])
    library.index()
    assert left not in collections(server.port)
    with library.catalog() as catalog:
        assert catalog.settings.store_leftovers() == []


def test_a_collection_that_somebody_removed_is_made_anew(made: MadeHome, server: ChromaServerProcess) -> None:
    move(made, server.url)
    backend_for(parse_store_url(server.url), made.home).drop(store_name(made.home.path))
    assert ask(made.home.path).exact_because is not None
    made.add(random_tracks(1, np.random.default_rng(9), prefix="new"))
    with Catalog(made.home.catalog) as catalog:
        Store(made.home, catalog).flush()
    assert len(answers(made.home.path, 60)) == 40


def test_a_server_that_is_away_at_first_ends_the_run_before_anything_is_computed(
    library: Library, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setattr("audiosim.store.PATIENCE", 0.5)
    with pytest.raises(StoreAwayError, match="does not answer") as caught:
        library.index(music, store=parse_store_url(url))
    assert url in str(caught.value)
    assert caught.value.exit_code == 1
    assert library.encoder.windows == 0


@pytest.mark.long
def test_a_server_that_is_killed_while_a_run_goes_on_costs_nothing(
    library: Library, music: Path, own_server: ChromaServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.index(music, store=parse_store_url(own_server.url))
    add_music(music)
    own_server.kill()
    monkeypatch.setattr("audiosim.store.PATIENCE", 1.0)
    with pytest.raises(StoreAwayError):
        library.index()
    assert library.encoder.windows > 0
    with library.catalog() as catalog:
        assert catalog.files.count("indexed") == 12
    result = find_similar(next(music.glob("low/*")), count=5, home=library.home.path, encoder=library.encoder)
    assert "does not answer" in (result.exact_because or "")
    assert len(result.matches) == 5
    own_server.start()
    assert counts(library.index()) == {"found": 12, "unchanged": 12}
    assert library.encoder.windows == 0
    assert collections(own_server.port)[store_name(library.home.path)] == 12
    assert verify_home(library.home.path, full=True).faults == []


@pytest.mark.long
def test_a_run_waits_for_a_server_that_comes_back(
    library: Library, music: Path, own_server: ChromaServerProcess
) -> None:
    library.index(music, store=parse_store_url(own_server.url))
    add_music(music)
    own_server.kill()
    late = threading.Timer(4.0, own_server.start)
    late.start()
    try:
        assert counts(library.index()) == {"found": 12, "indexed": 6, "unchanged": 6}
    finally:
        late.join()
    assert collections(own_server.port)[store_name(library.home.path)] == 12


@pytest.mark.long
def test_a_server_killed_in_the_middle_of_a_burst_loses_nothing(
    tmp_path: Path, own_server: ChromaServerProcess
) -> None:
    made = MadeHome(tmp_path / "made")
    move(made, own_server.url)
    made.add(random_tracks(3000, np.random.default_rng(3), windows=2))
    killed = threading.Event()

    def kill() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if sum(collections(own_server.port).values()) >= 1000:
                break
            time.sleep(0.02)
        own_server.kill()
        killed.set()
        time.sleep(1)
        own_server.start()

    thread = threading.Thread(target=kill)
    thread.start()
    with Catalog(made.home.catalog) as catalog:
        Store(made.home, catalog).flush()  # waits, and goes on
        thread.join()
        assert killed.is_set()
        assert catalog.store_state.pending_count() == 0
        assert not catalog.store_state.dirty
    assert verify_home(made.home.path, full=False).store_faults == []
    assert collections(own_server.port)[store_name(made.home.path)] == 3000


@pytest.mark.long
def test_the_command_says_what_is_away_and_what_to_do(
    cli: Cli, music: Path, own_server: ChromaServerProcess, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    options = ("--encoder", GOLDEN / "described" / "waveform.toml", "--home", home)
    done = cli("index", music, *options, "--store", own_server.url)
    assert (done.code, done.err) == (0, "")
    state = cli("status", "--home", home)
    assert f"Store: {own_server.url}" in state.out
    assert cli("status", "--home", home, "--json").json["store"] == own_server.url
    query = next(music.glob("low/*"))
    before = cli("similar", query, "--home", home, "--json")
    assert before.err == ""
    own_server.kill()
    after = cli("similar", query, "--home", home, "--json")
    assert after.code == 0
    assert f"The Chroma server at {own_server.url} does not answer" in after.err
    assert after.json["matches"] == before.json["matches"]
    for wrong in ("nonsense", "http://me:secret@host", "http://host/path"):
        refused = cli("index", "--home", home, "--store", wrong)
        assert refused.code == 2
        assert "secret" not in refused.err
    away = cli("verify", "--home", home)
    assert away.code == 1
    assert "See that it runs" in away.err


def test_a_token_is_sent_and_a_wrong_one_refused(
    tmp_path: Path, server: ChromaServerProcess, monkeypatch: pytest.MonkeyPatch, made: MadeHome
) -> None:
    with StoreProxy(server.port, token="right") as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        backend = backend_for(parse_store_url(url), made.home)
        for token in ("", "wrong"):
            monkeypatch.setenv("AUDIOSIM_STORE_TOKEN", token)
            with pytest.raises(StoreError, match="not allowed"):
                backend.open("audiosim_token", CONTENTS, create=True)
        monkeypatch.setenv("AUDIOSIM_STORE_TOKEN", "right")
        move(made, url)
        assert len(answers(made.home.path)) == 5
    database = made.home.catalog.read_bytes()
    assert b"right" not in database


def test_tls_is_verified(
    tmp_path: Path, server: ChromaServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = MadeHome(tmp_path / "made")
    made.add(random_tracks(10, np.random.default_rng(1)))
    with StoreProxy(server.port, context=context) as proxy:
        url = f"https://localhost:{proxy.port}"
        with pytest.raises(StoreAwayError, match="certificate"):
            backend_for(parse_store_url(url), made.home).open("audiosim_tls", CONTENTS, create=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        move(made, url)
        assert len(answers(made.home.path)) == 5


def test_tenant_and_database_are_kept_apart(tmp_path: Path, server: ChromaServerProcess) -> None:
    import chromadb
    from chromadb.config import Settings

    settings = Settings(
        anonymized_telemetry=False,
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host="127.0.0.1",
        chroma_server_http_port=server.port,
    )
    admin: Any = chromadb.AdminClient(settings)
    admin.create_tenant("label")
    admin.create_database("music", "label")
    admin._server._session.close()
    made = MadeHome(tmp_path / "made")
    made.add(random_tracks(10, np.random.default_rng(1)))
    move(made, f"{server.url}?tenant=label&database=music")
    assert len(answers(made.home.path)) == 5
    assert store_name(made.home.path) not in collections(server.port)
    for query in ("tenant=other", "tenant=label&database=other"):
        with pytest.raises(StoreError, match="other"):
            move(made, f"{server.url}?{query}")
    assert len(answers(made.home.path)) == 5


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(
    tmp_path: Path, server: ChromaServerProcess, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("audiosim.backends.retries.FIRST_PAUSE", 0.02)
    with StoreProxy(server.port) as proxy:
        url = parse_store_url(f"http://127.0.0.1:{proxy.port}")
        made = MadeHome(tmp_path / "made")
        backend = backend_for(url, made.home, patience=20)
        proxy.failures = [status] * 3
        name = backend.new_name()
        with backend.open(name, CONTENTS, create=True) as store:
            proxy.failures = [status] * 3
            assert store.count() == 0
            assert proxy.failures == []
            proxy.failures = [400]
            with pytest.raises(StoreError, match="not now") as caught:
                store.count()
            assert not isinstance(caught.value, StoreAwayError)
        proxy.failures = [status] * 1000
        with pytest.raises(StoreAwayError):
            backend_for(url, made.home, patience=0.5).open(name, CONTENTS)


def test_a_server_that_hangs_is_away(
    tmp_path: Path, server: ChromaServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiosim.backends.chroma_server.ANSWER_LIMIT", 0.5)
    monkeypatch.setattr("audiosim.backends.chroma_server.ALIVE_LIMIT", 0.5)
    with StoreProxy(server.port) as proxy:
        backend = backend_for(
            parse_store_url(f"http://127.0.0.1:{proxy.port}"), MadeHome(tmp_path / "m").home
        )
        with backend.open(backend.new_name(), CONTENTS, create=True) as store:
            proxy.delay = 3.0
            with pytest.raises(StoreAwayError, match="does not answer"):
                store.count()
        with pytest.raises(StoreAwayError, match="does not answer"):
            backend.open("audiosim_hangs", CONTENTS, create=True)


def test_milvus_that_is_away_or_not_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = MadeHome(tmp_path / "m").home
    away = backend_for(parse_store_url(f"milvus:http://127.0.0.1:{free_port()}"), home)
    with pytest.raises(StoreAwayError, match=r"Milvus server at .* does not answer"):
        away.open("audiosim_x", CONTENTS, create=True)
    with pytest.raises(StoreError, match="folder is not there"):
        backend_for(parse_store_url("milvus:/no/such/v.db"), home).open("audiosim_x", CONTENTS)
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(AudiosimError, match="pymilvus") as caught:
        away.open("audiosim_x", CONTENTS)
    assert "pip install 'audiosim[milvus]'" in caught.value.remedy
