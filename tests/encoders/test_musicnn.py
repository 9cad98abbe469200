"""Our MusiCNN against the real musicnn 0.1.0's output, with its published weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from conftest import GOLDEN

from audiosim.core.errors import NoWeightsError, WeightsError
from audiosim.core.types import Waveform
from audiosim.encoders import QueryEncoder
from audiosim.encoders.musicnn import (
    MusiCNNEncoder,
    MusiCNNOptions,
    MusiCNNWeights,
    Variant,
    musicnn_spec,
    vocabulary,
)
from audiosim.encoders.musicnn_weights import FILES_SHA256, find_musicnn
from audiosim.encoders.registry import resolve
from audiosim.encoders.request import EncoderRequest, conflicts, with_kept_weights
from audiosim.extract import Extractor


def test_a_query_never_waits_for_tensorflow(
    monkeypatch: pytest.MonkeyPatch, musicnn_weights_folder: Path
) -> None:
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(musicnn_weights_folder))
    weights = MusiCNNWeights.from_checkpoint(find_musicnn(musicnn_weights_folder))
    encoder = QueryEncoder(MusiCNNEncoder(weights, quick=True).spec, "auto")
    windows = np.zeros((2, encoder.spec.framing.window), np.float32)
    encoder.embed(windows)
    encoder._left -= 10_000.0
    encoder.embed(windows)
    assert type(encoder._encoder._engine).__name__ == "NumPyEngine"  # type: ignore[attr-defined]


@pytest.fixture(scope="module", params=["TensorFlow", "NumPy"])
def encoder(musicnn_weights_folder: Path, request: pytest.FixtureRequest) -> MusiCNNEncoder:
    weights = MusiCNNWeights.from_checkpoint(find_musicnn(musicnn_weights_folder))
    return MusiCNNEncoder(weights, quick=request.param == "NumPy")


@pytest.mark.parametrize("name", ["chirp", "chord_and_beat"])
def test_every_patch_has_cosine_over_0_9999_to_musicnn(encoder: MusiCNNEncoder, name: str) -> None:
    with np.load(GOLDEN / "golden_musicnn.npz") as data:
        audio, expected = data[f"{name}_audio"], data[f"{name}_penultimate"]
    frames = Extractor[str](encoder).extract(Waveform((audio / 32768).astype(np.float32), 16_000))
    assert frames.embedding.shape == expected.shape
    norms = np.linalg.norm(frames.embedding, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((frames.embedding * expected).sum(axis=1) / norms).min() >= 0.9999
    np.testing.assert_allclose(frames.embedding, expected, atol=1e-3)


@pytest.mark.parametrize("name", ["chirp", "chord_and_beat"])
@pytest.mark.parametrize("variant", get_args(Variant))
def test_tags_of_both_networks_are_the_package_s(
    musicnn_weights_folder: Path, name: str, variant: Variant
) -> None:
    prefix = find_musicnn(musicnn_weights_folder, variant)
    encoder = MusiCNNEncoder(MusiCNNWeights.from_checkpoint(prefix), MusiCNNOptions(variant), quick=True)
    with np.load(GOLDEN / "golden_musicnn.npz") as data:
        audio, expected = data[f"{name}_audio"], data[f"{name}_{variant}_tags"]
    frames = Extractor[str](encoder).extract(Waveform((audio / 32768).astype(np.float32), 16_000))
    words = vocabulary(prefix, variant)
    found = words.scores(frames.embedding)
    assert len(words.labels) == expected.shape[1] == 50
    assert np.abs(found - expected).max() <= 1e-3 * expected.max()


def test_homes_made_before_there_were_two_networks_are_of_the_first() -> None:
    spec = musicnn_spec(MusiCNNOptions(), "00")
    assert (spec.options, spec.describe()) == ((), "musicnn, hop 2.992 s")
    other = musicnn_spec(MusiCNNOptions("mtt"), "00")
    assert other.fingerprint != spec.fingerprint
    assert "mtt" in other.describe()
    assert not conflicts(EncoderRequest("musicnn", variant="msd"), spec)
    assert conflicts(EncoderRequest(variant="mtt"), spec) == [("variant", "mtt", "msd")]
    assert conflicts(EncoderRequest(variant="msd"), other) == [("variant", "msd", "mtt")]
    assert with_kept_weights(EncoderRequest(variant="msd"), spec).digest == "00"
    assert with_kept_weights(EncoderRequest(variant="mtt"), spec).digest is None


def test_the_registry_gives_words_to_the_weights_they_belong_to_only(
    musicnn_weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(musicnn_weights_folder))
    digest = MusiCNNWeights.from_checkpoint(find_musicnn(musicnn_weights_folder)).digest
    entry = resolve("musicnn")
    found = entry.vocabulary(musicnn_spec(MusiCNNOptions(), digest))
    assert found is not None
    assert found.labels[:2] == ("rock", "pop")
    with pytest.raises(WeightsError, match="another network's"):
        entry.vocabulary(musicnn_spec(MusiCNNOptions(), "00" * 16))
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", "/nowhere")
    with pytest.raises(NoWeightsError, match="nothing is fetched"):
        entry.vocabulary(musicnn_spec(MusiCNNOptions(), digest))


def test_silence_follows_audio_shorter_than_a_patch(encoder: MusiCNNEncoder) -> None:
    rng = np.random.default_rng(0)
    short = rng.normal(0, 0.1, 800).astype(np.float32)
    frames = Extractor[str](encoder).extract(Waveform(short, 16_000))
    padded = Extractor[str](encoder).extract(Waveform(np.pad(short, (0, 46_816)), 16_000))
    assert len(frames) == 1
    np.testing.assert_array_equal(frames.embedding, padded.embedding)


def test_the_musicnn_package_is_never_imported(musicnn_weights_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from audiosim.encoders.musicnn import MusiCNNWeights;"
        "from audiosim.encoders.musicnn_weights import find_musicnn;"
        "MusiCNNWeights.from_checkpoint(find_musicnn(Path(sys.argv[1])));"
        "assert 'musicnn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(musicnn_weights_folder)], check=True)


def test_an_installed_musicnn_package_gives_the_weights_without_a_network(
    musicnn_weights_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "site" / "musicnn" / "MSD_musicnn"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").write_text("raise AssertionError('imported')")
    prefix = find_musicnn(musicnn_weights_folder)
    for suffix in FILES_SHA256["msd"]:
        (model / f".{suffix}").write_bytes(prefix.with_name(f"{prefix.name}.{suffix}").read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    assert MusiCNNWeights.from_checkpoint(find_musicnn(tmp_path / "weights")).digest


def test_a_changed_checkpoint_in_an_installed_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "site" / "musicnn" / "MSD_musicnn"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").touch()
    for suffix in FILES_SHA256["msd"]:
        (model / f".{suffix}").write_bytes(b"something else")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(WeightsError, match="not the published file"):
        find_musicnn(tmp_path / "weights")
    assert not list((tmp_path / "weights").rglob("MSD*"))


def test_without_a_package_index_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(WeightsError, match="pip install --no-deps musicnn"):
        find_musicnn(tmp_path / "weights")


def test_a_truncated_checkpoint_is_refused(musicnn_weights_folder: Path, tmp_path: Path) -> None:
    prefix = find_musicnn(musicnn_weights_folder)
    for suffix in FILES_SHA256["msd"]:
        data = prefix.with_name(f"{prefix.name}.{suffix}").read_bytes()
        (tmp_path / f"cut.{suffix}").write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError):
        MusiCNNWeights.from_checkpoint(tmp_path / "cut")
