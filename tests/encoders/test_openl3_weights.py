"""Where OpenL3's weights come from, and what is refused."""

from __future__ import annotations

import gzip
import http.server
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import Cli

from audiosim.core.errors import UsageError, WeightsError
from audiosim.encoders import openl3_weights as weights_module
from audiosim.encoders.download import git_blob_id
from audiosim.encoders.hdf5 import read_layers
from audiosim.encoders.openl3_weights import BLOB_IDS, WeightsFolder, file_name, read_weights

pytestmark = pytest.mark.slow

NETWORK = "mel256_music"


class _Server(http.server.ThreadingHTTPServer):
    content = b""
    delay = 0.0
    requests = 0


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.requests += 1
        time.sleep(self.server.delay)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    """A mirror of the published files, on this machine."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AUDIOSIM_OPENL3_URL", f"http://127.0.0.1:{server.server_port}/files")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def packed(seeded_weights: Path, tmp_path: Path) -> Path:
    """The seeded weights, gzipped, as published files are."""
    path = tmp_path / "packed.h5.gz"
    path.write_bytes(gzip.compress(seeded_weights.read_bytes(), mtime=0))
    return path


@pytest.fixture
def published(packed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`packed`, as if it were what is published for mel256_music."""
    monkeypatch.setitem(BLOB_IDS, NETWORK, git_blob_id(packed))
    return packed


def test_a_packed_file_reads_as_the_unpacked_one(seeded_weights: Path, packed: Path) -> None:
    assert read_weights(packed).digest == read_weights(seeded_weights).digest


def test_layers_below_model_weights_read_the_same(seeded_weights: Path, tmp_path: Path) -> None:
    nested = tmp_path / "nested.h5"
    with h5py.File(seeded_weights) as source, h5py.File(nested, "w") as target:
        group = target.create_group("model_weights")
        group.attrs["layer_names"] = source.attrs["layer_names"]
        for name in source:
            source.copy(name, group)
    assert read_weights(nested).digest == read_weights(seeded_weights).digest


def test_layers_are_taken_in_the_files_order_whatever_their_names(
    seeded_weights: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "renamed.h5"
    with h5py.File(seeded_weights) as source, h5py.File(renamed, "w") as target:
        names = [os.fsdecode(name) for name in source.attrs["layer_names"]]
        target.attrs["layer_names"] = [b"input", *(f"z{99 - i}".encode() for i in range(len(names)))]
        target.create_group("input").attrs["weight_names"] = np.array([], "S1")
        for index, name in enumerate(names):
            source.copy(name, target, name=f"z{99 - index}")
    assert read_weights(renamed).digest == read_weights(seeded_weights).digest


def test_a_fetched_file_is_checked_kept_and_fetched_once(
    mirror: _Server, published: Path, tmp_path: Path
) -> None:
    mirror.content = published.read_bytes()
    folder = WeightsFolder(tmp_path / "weights")
    found = folder.find(NETWORK)
    again = folder.find(NETWORK)
    assert found.path == again.path == folder.path / file_name(NETWORK)
    assert found.path.read_bytes() == published.read_bytes()
    assert mirror.requests == 1


def test_two_that_ask_at_once_fetch_once(mirror: _Server, published: Path, tmp_path: Path) -> None:
    mirror.content, mirror.delay = published.read_bytes(), 0.5
    folder = WeightsFolder(tmp_path / "weights")
    threads = [threading.Thread(target=folder.fetch, args=(NETWORK,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mirror.requests == 1
    assert folder.find(NETWORK).path.exists()


def test_a_download_of_something_else_is_refused_and_not_kept(mirror: _Server, tmp_path: Path) -> None:
    mirror.content = b"<html>please log in</html>"
    folder = WeightsFolder(tmp_path / "weights")
    with pytest.raises(WeightsError, match="git blob id") as caught:
        folder.find(NETWORK)
    assert "weights import" in caught.value.remedy
    assert [path.name for path in folder.path.iterdir()] == ["fetch.lock"]


def test_a_server_that_never_answers_is_given_up(
    mirror: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.delay = 3.0
    monkeypatch.setattr("audiosim.encoders.download.STALL_LIMIT", 1.0)
    start = time.monotonic()
    with pytest.raises(WeightsError, match="nothing arrived for 1 s"):
        WeightsFolder(tmp_path / "weights").find(NETWORK)
    assert time.monotonic() - start < 3


def test_without_a_network_the_command_says_every_other_way_within_30_s(cli: Cli, tmp_path: Path) -> None:
    start = time.monotonic()
    done = cli("weights", "fetch", AUDIOSIM_OPENL3_URL="http://127.0.0.1:9/files")
    assert time.monotonic() - start < 30
    assert done.code == 1
    assert f"http://127.0.0.1:9/files/{file_name(NETWORK)}" in done.err
    for remedy in ("put it into", "audiosim weights import FILE", "--encoder musicnn"):
        assert remedy in done.err


def test_weights_of_an_installed_openl3_package_are_found_without_importing_it(
    seeded_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "openl3"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    shutil.copy(seeded_weights, package / f"openl3_audio_{NETWORK}.h5")
    monkeypatch.syspath_prepend(str(package.parent))
    assert WeightsFolder(tmp_path / "weights").find(NETWORK).path.parent == package


def test_the_folder_comes_before_an_installed_package(
    seeded_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "openl3"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(seeded_weights, package / f"openl3_audio_{NETWORK}.h5")
    monkeypatch.syspath_prepend(str(package.parent))
    folder = WeightsFolder(tmp_path / "weights")
    folder.path.mkdir()
    shutil.copy(seeded_weights, folder.path / file_name(NETWORK).removesuffix(".gz"))
    assert folder.find(NETWORK).path.parent == folder.path


def test_an_installed_package_with_empty_files_is_passed_over(
    mirror: _Server, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "openl3"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / f"openl3_audio_{NETWORK}.h5").touch()
    monkeypatch.syspath_prepend(str(package.parent))
    mirror.content = published.read_bytes()
    assert WeightsFolder(tmp_path / "weights").find(NETWORK).path.name == file_name(NETWORK)


def test_import_knows_a_published_file_by_its_content(published: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "download.bin"
    shutil.copy(published, renamed)
    folder = WeightsFolder(tmp_path / "weights")
    assert folder.import_file(renamed).path == folder.path / file_name(NETWORK)
    assert folder.find(NETWORK).path == folder.path / file_name(NETWORK)


def test_import_knows_an_unpacked_file_by_its_name(seeded_weights: Path, tmp_path: Path) -> None:
    named = tmp_path / "openl3_audio_mel128_env.h5"
    shutil.copy(seeded_weights, named)
    folder = WeightsFolder(tmp_path / "weights")
    folder.import_file(named)
    assert folder.find("mel128_env").weights.digest == read_weights(seeded_weights).digest


def test_import_keeps_other_weights_under_their_digest(seeded_weights: Path, tmp_path: Path) -> None:
    folder = WeightsFolder(tmp_path / "weights")
    found = folder.import_file(seeded_weights)
    assert found.path == folder.path / "imported" / f"{found.weights.digest}.h5"
    assert folder.find_digest(NETWORK, found.weights.digest).path == found.path


def _other_network(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group.create_dataset("dense/kernel:0", data=np.ones((3, 3), np.float32))


def test_what_is_no_weights_file_is_refused_with_the_reason(seeded_weights: Path, tmp_path: Path) -> None:
    whole = seeded_weights.read_bytes()
    bad = {
        "empty.h5": b"",
        "text.h5": b"these are no weights",
        "cut.h5": whole[: len(whole) // 2],
        "cut.h5.gz": gzip.compress(whole)[:100_000],
    }
    folder = WeightsFolder(tmp_path / "weights")
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match="not a readable Keras weights file"):
            folder.import_file(tmp_path / name)
    _other_network(tmp_path / "other.h5")
    with pytest.raises(WeightsError, match="1 layers with weights, not 16"):
        folder.import_file(tmp_path / "other.h5")
    assert not folder.path.exists()


def test_weights_that_are_not_finite_are_refused(seeded_weights: Path, tmp_path: Path) -> None:
    broken = tmp_path / "nan.h5"
    shutil.copy(seeded_weights, broken)
    with h5py.File(broken, "a") as file:
        file["conv2d/conv2d/bias:0"][3] = np.nan
    with pytest.raises(WeightsError, match="not finite"):
        read_weights(broken)


def test_a_changed_file_in_the_folder_is_refused(packed: Path, tmp_path: Path) -> None:
    folder = WeightsFolder(tmp_path / "weights")
    folder.path.mkdir()
    shutil.copy(packed, folder.path / file_name(NETWORK))
    with pytest.raises(WeightsError, match="is not the published file"):
        folder.find(NETWORK)


def test_a_missing_file_to_import_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        WeightsFolder(tmp_path).import_file(tmp_path / "nowhere.h5")


def test_the_commands_list_import_and_find_weights(cli: Cli, seeded_weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    assert cli("weights", "path", AUDIOSIM_WEIGHTS=folder).out.strip() == str(folder)
    before = cli("weights", "list", AUDIOSIM_WEIGHTS=folder)
    lines = [line for line in before.out.splitlines() if line.startswith("openl3 ")]
    assert sum("not here; from" in line for line in lines) == len(lines) == len(BLOB_IDS)
    done = cli("weights", "import", seeded_weights, AUDIOSIM_WEIGHTS=folder)
    assert done.code == 0
    assert done.out.strip() in cli("weights", "list", AUDIOSIM_WEIGHTS=folder).out
    assert cli("weights", "fetch", "--input-repr", "mel512", AUDIOSIM_WEIGHTS=folder).code == 2


def test_layers_without_weights_do_not_count(seeded_weights: Path) -> None:
    assert len(read_layers(seeded_weights)) == 16
    assert weights_module.read_weights(seeded_weights).norms[0].shape == (4, 1)
