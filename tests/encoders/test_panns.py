"""Our CNN14 against the real panns_inference 0.1.1's output on seeded weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN

from audiosim.core.errors import WeightsError
from audiosim.core.types import Precision, Waveform
from audiosim.encoders import panns
from audiosim.encoders.mel import mel_filters
from audiosim.encoders.panns import (
    CLASSES,
    DIMENSION,
    FRONT_ENDS,
    SHAPES,
    PannsEncoder,
    PannsOptions,
    PannsWeights,
    vocabulary,
)
from audiosim.encoders.runtime import cpu_has_bfloat16
from audiosim.extract import Extractor

SIGNALS = ("noise", "chirp", "chord", "speech", "click", "shortest")


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    from panns_recipe import seeded_state

    return dict(seeded_state())


@pytest.fixture(scope="module")
def encoder(state: dict[str, Any]) -> PannsEncoder:
    return PannsEncoder(PannsWeights.from_state(state, "seeded"), precision="float32", batch_size=2)


@pytest.fixture(scope="module")
def direct(state: dict[str, Any]) -> PannsEncoder:
    """One that convolves as on a GPU: Winograd's way takes seconds to compile for each shape."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panns, "WINOGRAD", ())
        return PannsEncoder(PannsWeights.from_state(state, "seeded"), precision="float32", batch_size=2)


def signal(name: str) -> Any:
    from encoder_signals import panns_signals

    return (dict(panns_signals())[name] / 32768).astype(np.float32)


def golden(name: str) -> Any:
    with np.load(GOLDEN / "golden_panns.npz") as data:
        return data[f"{name}_embedding"]


def cosine(one: Any, other: Any) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.slow
@pytest.mark.parametrize("name", SIGNALS)
def test_embeddings_of_any_length_are_within_a_ten_thousandth_of_the_largest(
    direct: PannsEncoder, name: str
) -> None:
    ours, theirs = direct.embed(signal(name)[None])[0], golden(name)
    assert ours.shape == theirs.shape == (DIMENSION,)
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


@pytest.mark.parametrize("name", SIGNALS)
def test_classes_are_the_package_s_given_its_embedding(state: dict[str, Any], name: str) -> None:
    words = vocabulary(PannsWeights.from_state(state, "seeded"))
    with np.load(GOLDEN / "golden_panns.npz") as data:
        expected = data[f"{name}_classes"]
    assert words.labels[:2] == ("Speech", "Male speech, man speaking")
    assert len(set(words.labels)) == CLASSES
    np.testing.assert_allclose(words.scores(golden(name)[None])[0], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
@pytest.mark.skipif(not cpu_has_bfloat16(), reason="this CPU has no bfloat16: precision auto is float32")
def test_bfloat16_has_cosine_over_0_9998(state: dict[str, Any]) -> None:
    encoder = PannsEncoder(PannsWeights.from_state(state, "seeded"))
    assert encoder.dtype == "bfloat16"
    for name in SIGNALS:
        assert cosine(encoder.embed(signal(name)[None])[0], golden(name)) >= 0.9998, name


@pytest.mark.parametrize(("precision", "computed"), [("auto", [4, 1]), ("float32", [4, 4])])
def test_fewer_windows_than_a_batch_are_filled_up_only_where_each_size_takes_long_to_compile(
    monkeypatch: pytest.MonkeyPatch, precision: Precision, computed: list[int]
) -> None:
    sizes: list[int] = []

    class Counts:
        def __init__(self, images: Any) -> None:
            sizes.append(len(images))

        def numpy(self) -> Any:
            return np.zeros((sizes[-1], DIMENSION), np.float32)

    monkeypatch.setattr(panns, "_network", lambda weights, dtype: Counts)
    monkeypatch.setattr(panns, "compute_dtype", {"auto": "bfloat16", "float32": "float32"}.get)
    weights = PannsWeights("cnn14", {name: np.zeros(1, np.float32) for name in SHAPES})
    encoder = PannsEncoder(weights, precision=precision, batch_size=4)
    assert encoder.embed(np.zeros((5, 16_000), np.float32)).shape == (5, DIMENSION)
    assert sizes == computed


@pytest.mark.slow
@pytest.mark.long
def test_a_window_of_ten_seconds_is_what_the_package_makes_of_the_file(encoder: PannsEncoder) -> None:
    frames = Extractor[str](encoder).extract(Waveform(signal("chord"), 32_000))
    assert frames.embedding.shape == (1, DIMENSION)
    assert np.abs(frames.embedding[0] - golden("chord")).max() <= 1e-4 * np.abs(golden("chord")).max()


@pytest.mark.slow
def test_short_audio_is_repeated_and_stays_near_what_it_is_alone(encoder: PannsEncoder) -> None:
    short = signal("speech")
    frames = Extractor[str](encoder).extract(Waveform(short, 32_000))
    again = Extractor[str](encoder).extract(Waveform(np.resize(short, 320_000), 32_000))
    assert len(frames) == 1
    np.testing.assert_array_equal(frames.embedding, again.embedding)
    assert cosine(frames.embedding[0], golden("speech")) > 0.95


@pytest.mark.slow
def test_a_window_gets_the_same_embedding_wherever_it_lies_in_a_batch(direct: PannsEncoder) -> None:
    windows = np.random.default_rng(0).normal(0, 0.1, (3, 16_000)).astype(np.float32)
    alone = np.concatenate([direct.embed(window[None]) for window in windows])
    np.testing.assert_allclose(direct.embed(windows), alone, atol=1e-4 * np.abs(alone).max())


def flat_state(variant: str) -> dict[str, Any]:
    """A state of the right shapes that takes no memory: every number of a tensor is one."""
    front_end = FRONT_ENDS["cnn14" if variant == "cnn14" else "cnn14-16k"]
    filters = mel_filters(
        front_end.sample_rate, front_end.n_fft, 64, fmin=front_end.fmin, fmax=front_end.fmax
    )
    learnt = {name: np.broadcast_to(np.float32(0.5), shape) for name, shape in SHAPES.items()}
    return {**learnt, "logmel_extractor.melW": filters}


@pytest.mark.parametrize("variant", ["cnn14", "cnn14-16k"])
def test_a_files_mel_filters_tell_which_network_it_is(variant: str) -> None:
    assert PannsWeights.from_state(flat_state(variant), "file").variant == variant


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fc1.weight": None}, "its tensor fc1.weight is missing"),
        ({"fc1.bias": np.zeros(512, np.float32)}, r"of the shape \(512,\), not \(2048,\)"),
        ({"bn0.bias": np.zeros(64, np.int64)}, "whole numbers"),
        ({"bn0.bias": np.full(64, np.nan, np.float32)}, "not finite"),
        ({"logmel_extractor.melW": None}, "it has no mel filters"),
        ({"logmel_extractor.melW": np.zeros((513, 64), np.float32)}, "other mel filters"),
        ({"logmel_extractor.melW": np.zeros((129, 64), np.float32)}, "other mel filters"),
    ],
)
def test_what_is_no_cnn14_is_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    state = {name: value for name, value in (flat_state("cnn14") | change).items() if value is not None}
    with pytest.raises(WeightsError, match=reason):
        PannsWeights.from_state(state, "file")


def test_weights_of_one_network_are_refused_for_the_other() -> None:
    weights = PannsWeights.from_state(flat_state("cnn14-16k"), "file")
    with pytest.raises(WeightsError, match="not of cnn14"):
        PannsEncoder(weights, PannsOptions("cnn14"))
