"""Our OpenL3 against the real openl3 0.4.2's output on seeded weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN

from audiosim.core.types import FrameEmbeddings, Precision, Waveform
from audiosim.encoders.hdf5 import read_layers
from audiosim.encoders.openl3 import (
    EMBEDDING_SIZES,
    INPUT_REPRS,
    EmbeddingSize,
    InputRepr,
    OpenL3Encoder,
    OpenL3Options,
    OpenL3Weights,
    openl3_spec,
)
from audiosim.encoders.runtime import cpu_has_bfloat16
from audiosim.extract import Extractor

pytestmark = pytest.mark.slow
SIGNALS: dict[str, dict[str, Any]] = json.loads((GOLDEN / "golden_audio.json").read_text())
AT_48_KHZ = [name for name, options in SIGNALS.items() if options["sample_rate"] == 48_000]
RESAMPLED = [name for name in SIGNALS if name not in AT_48_KHZ]
FEW = ("uncentred", "noise22k")
BATCH = 2  # windows: most signals have few, and batches are filled up
SHAPES = [(input_repr, size) for input_repr in INPUT_REPRS for size in EMBEDDING_SIZES]


@pytest.fixture(scope="module")
def weights(seeded_weights: Path) -> OpenL3Weights:
    return OpenL3Weights.from_layers(read_layers(seeded_weights), "seeded")


class Network:
    """One of the networks, made once for each engine: how windows lie does not change it."""

    def __init__(self, weights: OpenL3Weights, input_repr: InputRepr, size: EmbeddingSize) -> None:
        self._weights, self._chosen = weights, OpenL3Options("music", input_repr, size)
        self._made: dict[tuple[Precision, bool], OpenL3Encoder] = {}

    def embed(self, name: str, precision: Precision, *, quick: bool = False) -> FrameEmbeddings:
        made, options = self._made, SIGNALS[name]
        if (precision, quick) not in made:
            made[precision, quick] = OpenL3Encoder(
                self._weights, self._chosen, precision=precision, batch_size=BATCH, quick=quick
            )
        encoder = made[precision, quick]
        chosen = replace(self._chosen, center=options["center"], hop=options["hop_size"])
        encoder.spec = openl3_spec(chosen, encoder.spec.weights)
        with np.load(GOLDEN / "golden_audio.npz") as data:
            audio = data[name] / 32768
        mono = audio.mean(axis=1) if audio.ndim == 2 else audio
        return Extractor[str](encoder).extract(Waveform(mono.astype(np.float32), options["sample_rate"]))

    def signals(self, names: list[str]) -> list[str]:
        """Those to embed: 6144 numbers are of the network that gives 512, cut before its last maximum."""
        return [name for name in names if self._chosen.embedding_size == 512 or name in FEW]

    def golden(self, name: str) -> tuple[Any, Any]:
        """What openl3 gives: embeddings and timestamps."""
        chosen = self._chosen
        with np.load(GOLDEN / f"golden_{chosen.input_repr}_{chosen.embedding_size}.npz") as data:
            return data[f"{name}_embedding"], data[f"{name}_timestamps"]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: f"{shape[0]}-{shape[1]}")
def network(request: pytest.FixtureRequest, weights: OpenL3Weights) -> Network:
    return Network(weights, *request.param)


def test_numpy_gives_openl3_s_numbers_to_a_ten_thousandth(network: Network) -> None:
    for name in network.signals(AT_48_KHZ):
        frames = network.embed(name, "float32", quick=True)
        embedding, _ = network.golden(name)
        assert np.abs(frames.embedding - embedding).max() <= 1e-4 * np.abs(embedding).max(), name


def cosines(ours: Any, theirs: Any) -> Any:
    return (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


@pytest.mark.long
def test_float32_at_48_khz_is_openl3_to_a_ten_thousandth(network: Network) -> None:
    for name in network.signals(AT_48_KHZ):
        frames = network.embed(name, "float32")
        embedding, timestamps = network.golden(name)
        assert frames.embedding.shape == embedding.shape
        assert np.abs(frames.embedding - embedding).max() <= 1e-4 * np.abs(embedding).max(), name
        np.testing.assert_array_equal(frames.timestamps, timestamps)


def test_resampled_signals_have_cosine_over_0_9999_to_openl3(network: Network) -> None:
    for name in network.signals(RESAMPLED):
        frames = network.embed(name, "float32")
        embedding, timestamps = network.golden(name)
        np.testing.assert_array_equal(frames.timestamps, timestamps)
        assert cosines(frames.embedding, embedding).min() >= 0.9999, name


@pytest.mark.skipif(not cpu_has_bfloat16(), reason="this CPU has no bfloat16: precision auto is float32")
def test_bfloat16_has_cosine_over_0_9998_to_openl3_for_every_window(network: Network) -> None:
    for name in network.signals([*SIGNALS]):
        frames = network.embed(name, "auto")
        assert cosines(frames.embedding, network.golden(name)[0]).min() >= 0.9998, name


@pytest.mark.long
def test_a_window_gets_the_same_embedding_wherever_it_lies_in_a_batch(weights: OpenL3Weights) -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal(0, 0.1, (5, 48_000)).astype(np.float32)
    encoder = OpenL3Encoder(
        weights, OpenL3Options(input_repr="mel128"), precision="float32", batch_size=BATCH
    )
    together = encoder.embed(windows)
    alone = np.concatenate([encoder.embed(window[None]) for window in windows])
    np.testing.assert_allclose(together, alone, atol=1e-4 * np.abs(alone).max())


def test_the_weights_digest_depends_on_tensors_not_on_the_file(
    weights: OpenL3Weights, tmp_path: Path
) -> None:
    from recipe import write_weights

    write_weights(tmp_path / "again.h5")
    write_weights(tmp_path / "other.h5", seed=1)
    again = OpenL3Weights.from_layers(read_layers(tmp_path / "again.h5"), "again")
    other = OpenL3Weights.from_layers(read_layers(tmp_path / "other.h5"), "other")
    assert again.digest == weights.digest != other.digest
