"""What reads texts for a server: in a process of its own, over a home made with a described encoder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import GOLDEN, Cli, tone
from server_help import HERE, id_of, problem
from starlette.testclient import TestClient

from audiosim.encoders.registry import find
from audiosim.library.catalog import Catalog
from audiosim.search.similar import find_similar
from audiosim.server.app import make_app
from audiosim.server.encoding import ChildReader
from audiosim.server.options import ServerOptions
from audiosim.server.services import Services

pytestmark = pytest.mark.slow

RATE = 16_000  # Hz


@pytest.fixture
def home(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose encoder reads texts, which were never asked of it."""
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path / "weights"))
    shutil.copytree(GOLDEN / "described" / "clap", tmp_path / "clap")
    (tmp_path / "music").mkdir()
    for number, height in enumerate((200, 450, 900, 1800)):
        soundfile.write(tmp_path / "music" / f"{number}.flac", tone(4, height, rate=RATE), RATE)
    toml = tmp_path / "clap" / "clap.toml"
    done = cli("index", tmp_path / "music", "--home", tmp_path / "home", "--encoder", toml)
    assert done.code == 0, done.err
    return tmp_path / "home"


@pytest.fixture
def services(home: Path) -> Services:
    return Services(ServerOptions(home=home))


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(make_app(services), base_url=HERE) as client:
        yield client


def test_words_are_read_in_a_process_of_its_own_and_kept(
    home: Path, services: Services, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = find_similar(text=["calm piano", "rock"], not_text="speech", home=home, explain=True)
    asked: dict[str, list[str] | str] = {
        "text": ["calm piano", "rock"],
        "not_text": "speech",
        "explain": "true",
    }
    monkeypatch.setattr("audiosim.encoders.described.entry.DescribedEntry.text_side", None)  # in this process
    for _ in range(2):
        found = client.get("/api/v1/similar", params=asked).json()
        assert [(one["path"], one["words"]) for one in found["matches"]] == [
            (os.fsdecode(match.track.path), list(match.words)) for match in expected.matches
        ]
    words = client.get(f"/api/v1/tracks/{id_of(home.parent / 'music' / '0.flac')}").json()["words"]
    assert len(words) == 8
    assert services.encoder_loaded
    (processes,) = services._processes.values()
    for process in processes:
        process.end_if_idle(0)
    assert not services.encoder_loaded
    assert client.get("/api/v1/similar", params=asked).json() == found  # of texts that were read
    assert not services.encoder_loaded


def test_what_reads_texts_is_what_the_encoder_has(home: Path) -> None:
    with Catalog(home / "catalog.db", read_only=True) as catalog:
        configuration = catalog.settings.configuration
    assert configuration is not None
    spec = configuration.spec
    entry = find(spec.name)
    assert entry is not None
    assert entry.reads_texts(spec)
    side = entry.text_side(spec, read_only=True)
    assert side is not None
    texts = ["calm", "rock", "calm"]
    reader = ChildReader(spec)
    np.testing.assert_allclose(reader.embed(texts), side.embed(texts), rtol=0, atol=1e-5)
    reader.kill()  # as a system short of memory does
    assert reader.embed(["jazz"]).shape == (1, spec.dimension)
    reader.end_if_idle(0)


def test_nothing_is_fetched_for_a_request(home: Path, client: TestClient) -> None:
    for model in (home.parent / "weights").rglob("text_model.onnx"):
        model.unlink()
    shutil.rmtree(home.parent / "clap")
    told = [problem(client.get("/api/v1/similar", params={"text": "calm"}), 503) for _ in range(2)]
    assert told[0] == told[1]
    one = {"id": id_of(home.parent / "music" / "0.flac"), "explain": "true"}
    found = client.get("/api/v1/similar", params=one).json()
    assert all(match["words"] == [] for match in found["matches"])
    assert client.get(f"/api/v1/tracks/{one['id']}").json()["words"] == []
