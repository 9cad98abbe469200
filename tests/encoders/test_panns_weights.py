"""Where PANNs' weights come from, and what is refused."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch_files

from audiosim.core.errors import UsageError, WeightsError
from audiosim.encoders import panns
from audiosim.encoders.mel import mel_filters
from audiosim.encoders.panns import FRONT_ENDS, Variant
from audiosim.encoders.panns_weights import FILES, PannsFolder, published_file, read_weights

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of a hundredth of the width, which are read as the whole ones are."""
    shapes = {
        name: tuple(-(-n // 64) if n > 64 else n for n in shape) for name, shape in panns.SHAPES.items()
    }
    monkeypatch.setattr(panns, "SHAPES", shapes)


def state(variant: Variant = "cnn14", seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    front_end = FRONT_ENDS[variant]
    filters = mel_filters(
        front_end.sample_rate, front_end.n_fft, 64, fmin=front_end.fmin, fmax=front_end.fmax
    )
    learnt = {name: rng.normal(size=shape).astype(np.float32) for name, shape in panns.SHAPES.items()}
    return {"logmel_extractor.melW": filters, **learnt, "bn0.num_batches_tracked": np.array(3)}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "brought.pth"
    torch_files.write_legacy(path, state())
    return path


@pytest.fixture
def published(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`checkpoint`, as if it were what is published for cnn14, with an MD5; for cnn14-16k too, by SHA-256."""
    data = checkpoint.read_bytes()
    digests: dict[Variant, str] = {
        "cnn14": f"md5:{hashlib.md5(data).hexdigest()}",
        "cnn14-16k": f"sha256:{hashlib.sha256(data).hexdigest()}",
    }
    for variant, digest in digests.items():
        monkeypatch.setitem(FILES, variant, (FILES[variant][0], digest))
    return checkpoint


class _Handler(http.server.SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A mirror of the published files on this machine: the folder that it serves."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    _Handler.asked.clear()
    handler = partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("AUDIOSIM_PANNS_URL", f"http://127.0.0.1:{server.server_port}/")
        yield folder
        server.shutdown()
        thread.join()


def test_the_addresses_are_those_of_the_record_on_zenodo() -> None:
    base = "https://zenodo.org/records/3987831/files"
    assert published_file("cnn14").url == f"{base}/Cnn14_mAP%3D0.431.pth?download=1"
    assert published_file("cnn14-16k").url == f"{base}/Cnn14_16k_mAP%3D0.438.pth?download=1"


@pytest.mark.parametrize("variant", ["cnn14", "cnn14-16k"])
def test_a_fetched_file_is_checked_kept_and_fetched_once(
    mirror: Path, published: Path, tmp_path: Path, variant: Variant
) -> None:
    (mirror / FILES[variant][0]).write_bytes(published.read_bytes())
    folder = PannsFolder(tmp_path / "weights")
    assert folder.find(variant).path == folder.find(variant).path == folder.kept(variant)
    assert folder.find(variant).path.read_bytes() == published.read_bytes()
    assert len(_Handler.asked) == 1


@pytest.mark.parametrize(("variant", "kind"), [("cnn14", "MD5"), ("cnn14-16k", "SHA-256")])
def test_a_download_of_something_else_is_refused_and_not_kept(
    mirror: Path, tmp_path: Path, variant: Variant, kind: str
) -> None:
    (mirror / FILES[variant][0]).write_bytes(b"<html>please log in</html>")
    folder = PannsFolder(tmp_path / "weights")
    with pytest.raises(WeightsError, match=f"its {kind} is") as caught:
        folder.find(variant)
    assert "audiosim encoders import" in caught.value.remedy
    assert [path.name for path in folder.path.iterdir()] == ["fetch.lock"]


def test_a_file_that_the_server_has_not_is_an_error_with_the_way_out(mirror: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="the server answered 404") as caught:
        PannsFolder(tmp_path / "weights").find("cnn14")
    assert "Cnn14_mAP%3D0.431.pth" in caught.value.remedy


def test_a_published_file_that_was_damaged_since_is_no_weights(published: Path, tmp_path: Path) -> None:
    folder = PannsFolder(tmp_path / "weights")
    kept = folder.import_file(published).path
    kept.write_bytes(kept.read_bytes()[:-1] + b"!")
    with pytest.raises(WeightsError, match="is not the published file"):
        folder.find("cnn14")


def test_a_look_fetches_nothing(mirror: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nothing is fetched for a look"):
        PannsFolder(tmp_path / "weights", read_only=True).find("cnn14")
    assert not _Handler.asked
    assert not (tmp_path / "weights").exists()


def test_a_published_file_that_was_brought_goes_under_its_name(published: Path, tmp_path: Path) -> None:
    folder = PannsFolder(tmp_path / "weights")
    found = folder.import_file(published)
    assert found.path == folder.kept("cnn14")
    assert folder.find_digest("cnn14", found.weights.digest).path == found.path
    folder.check(found.path)


def test_other_weights_go_under_the_digest_of_their_tensors(checkpoint: Path, tmp_path: Path) -> None:
    folder = PannsFolder(tmp_path / "weights")
    found = folder.import_file(checkpoint)
    assert folder.imported() == [found.path]
    assert found.path.stem == found.weights.digest
    assert folder.kept("cnn14") is None
    assert folder.find_digest("cnn14", found.weights.digest).path == found.path
    folder.check(found.path)


def test_a_look_keeps_no_copy(checkpoint: Path, tmp_path: Path) -> None:
    found = PannsFolder(tmp_path / "weights", read_only=True).import_file(checkpoint)
    assert found.path == checkpoint
    assert not (tmp_path / "weights").exists()


def test_the_digest_is_that_of_the_tensors_not_of_the_file(checkpoint: Path, tmp_path: Path) -> None:
    saved, numbers = torch_files.model(state())
    torch_files.write_zip(tmp_path / "zip.pth", saved, numbers)
    torch_files.write_legacy(tmp_path / "other.pth", state(seed=1))
    torch_files.write_legacy(tmp_path / "16k.pth", state("cnn14-16k"))
    digest = read_weights(checkpoint).digest
    assert read_weights(tmp_path / "zip.pth").digest == digest
    assert read_weights(tmp_path / "other.pth").digest != digest
    assert read_weights(tmp_path / "16k.pth").digest != digest


def test_a_damaged_file_of_the_folder_is_found_out(published: Path, tmp_path: Path) -> None:
    folder = PannsFolder(tmp_path / "weights")
    kept = folder.import_file(published).path
    torch_files.write_legacy(kept, state(seed=1))
    with pytest.raises(WeightsError, match="is not the published file"):
        folder.check(kept)
    brought = folder.import_file(kept).path
    torch_files.write_legacy(brought, state(seed=2))
    with pytest.raises(WeightsError, match="is damaged"):
        folder.check(brought)


def test_other_weights_than_the_indexs_are_refused(published: Path, tmp_path: Path) -> None:
    folder = PannsFolder(tmp_path / "weights")
    folder.import_file(published)
    with pytest.raises(WeightsError, match="holds others"):
        folder.find_digest("cnn14", "0" * 32)


def test_what_is_no_cnn14_is_not_kept(tmp_path: Path) -> None:
    folder = PannsFolder(tmp_path / "weights")
    torch_files.write_legacy(tmp_path / "other.pth", {"fc.weight": np.zeros((2, 2), np.float32)})
    with pytest.raises(WeightsError, match="does not hold CNN14 weights"):
        folder.import_file(tmp_path / "other.pth")
    with pytest.raises(UsageError):
        folder.import_file(tmp_path / "nowhere.pth")
    assert not folder.path.exists()
