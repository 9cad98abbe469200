"""The whole way with PANNs: a checkpoint brought from elsewhere, a home made with it, and what it answers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch_files
from conftest import Cli, tone

from audiosim.core.config import Home
from audiosim.encoders.bundle import packed, unpack
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog

pytestmark = [pytest.mark.slow, pytest.mark.long]
RATE = 16_000  # Hz
ON_A_CLUSTER = ("--ray", "local") if find_spec("ray") else ()  # whose worker is sent the weights


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a checkpoint, music of two kinds, and room for weights; it is large, and removed."""
    from panns_recipe import seeded_state

    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path / "weights"))
    torch_files.write_legacy(tmp_path / "brought.pth", dict(seeded_state()))
    rng = np.random.default_rng(0)
    (tmp_path / "music").mkdir()
    for number, seconds in enumerate((4, 12, 15)):
        high = tone(seconds, 900 + 30 * number, rate=RATE)
        soundfile.write(tmp_path / "music" / f"tone {number}.flac", high, RATE)
        hiss = 0.1 * rng.normal(size=seconds * RATE)
        soundfile.write(tmp_path / "music" / f"hiss {number}.flac", hiss, RATE)
    soundfile.write(tmp_path / "outside.wav", tone(11, 945, rate=RATE), RATE)
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_a_home_made_with_a_checkpoint_that_was_brought(cli: Cli, folder: Path) -> None:
    home, checkpoint = folder / "home", folder / "brought.pth"
    options = ("--encoder", "panns", "--weights", checkpoint)
    done = cli("index", folder / "music", "--home", home, *options, *ON_A_CLUSTER)
    assert done.code == 0, done.err
    assert "6 indexed" in done.out
    kept = Path(cli("encoders", "import", checkpoint).out.strip())
    assert kept.stat().st_size == checkpoint.stat().st_size
    checkpoint.unlink()  # the home goes on with the copy that was kept
    assert "1 brought, not proven" in cli("encoders").out

    inside = cli("similar", folder / "music" / "tone 1.flac", "--home", home, "-k", 2, "--json").json
    assert {Path(match["path"]).name[:4] for match in inside["matches"]} == {"tone"}
    part = cli("similar", folder / "outside.wav", "--from", 1, "--to", 5, "--home", home, "-k", 3, "--json")
    assert part.code == 0, part.err
    assert {Path(match["path"]).name[:4] for match in part.json["matches"]} == {"tone"}
    assert cli("verify", "--home", home).code == 0
    told = cli("describe", folder / "outside.wav", "--json", "--timeline", "--home", home).json["files"]
    word = told[0]["words"][0]["word"]
    assert cli("similar", "--text", word, "--home", home, "-k", 1).code == 0

    with Catalog(Home(home).catalog, read_only=True) as catalog:
        configuration = catalog.settings.configuration
        assert len(catalog.words.labels) == 527
        assert catalog.words.lacking_count() == 0
        row = catalog.files.get(os.fsencode(folder / "music" / "tone 2.flac"))
    assert configuration is not None
    assert row is not None
    spec = configuration.spec
    assert (spec.describe(), spec.weights) == ("panns cnn14, hop 10 s", kept.stem)
    bundle = packed(spec)  # for a node of a cluster
    unpack(bundle, folder / "node")
    assert (folder / "node" / "imported" / kept.name).stat().st_size == kept.stat().st_size
    joined(cli, folder, home)

    heard = Cache(configuration.cache, spec).read(row.digest or "")
    assert heard is not None
    expected = extracted(cli, folder, kept)
    np.testing.assert_allclose(heard.frames.embedding, expected, rtol=0, atol=2e-3 * np.abs(expected).max())


def joined(cli: Cli, folder: Path, home: Path) -> None:
    """An export makes a home that gives the same answers."""
    export, other = folder / "library.parquet", folder / "joined"
    assert cli("export", export, "--home", home).code == 0
    assert cli("import", export, "--home", other).code == 0
    query = ("similar", folder / "music" / "tone 1.flac", "--json", "--home")
    assert cli(*query, other).json["matches"] == cli(*query, home).json["matches"]


def extracted(cli: Cli, folder: Path, weights: Path) -> Any:
    """A file of 15 s has two windows, the second of what is left, repeated; one of 12 s has one.

    Returns the embedding of the longer one.
    """
    arguments = ("--encoder", "panns", "--weights", weights, "-o", folder / "out")
    done = cli("extract", folder / "music" / "tone 1.flac", folder / "music" / "tone 2.flac", *arguments)
    assert done.code == 0, done.err
    for number, windows in ((1, 1), (2, 2)):
        (path,) = (folder / "out").glob(f"tone {number}*.npz")
        with np.load(path) as data:
            embedding = data["embedding"]
            assert embedding.shape == (windows, 2048)
            np.testing.assert_array_equal(data["timestamps"], 10.0 * np.arange(windows))
    return embedding
