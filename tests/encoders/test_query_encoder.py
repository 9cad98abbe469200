"""Queries are embedded by what starts fast, many of them by what runs fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from audiosim.encoders import QueryEncoder, engines, load_encoder
from audiosim.encoders.registry import built_in
from audiosim.encoders.request import EncoderRequest

PROGRAM = """
import sys
import numpy as np
from audiosim.core.types import EncoderSpec
from audiosim.encoders import QueryEncoder

encoder = QueryEncoder(EncoderSpec.from_json(sys.argv[1]), "auto")
windows = np.random.default_rng(0).normal(0, 0.1, (2, encoder.spec.framing.window)).astype(np.float32)
assert encoder.embed(windows).shape == (2, encoder.spec.dimension)
assert not {"tensorflow", "keras", "pooch", "audiosim.encoders.openl3_proof"} & set(sys.modules)
"""


@pytest.fixture(params=["openl3", "musicnn"])
def spec_json(
    request: pytest.FixtureRequest,
    seeded_weights: Path,
    musicnn_weights_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The spec of each encoder, whose weights are kept."""
    openl3 = request.param == "openl3"
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path if openl3 else musicnn_weights_folder))
    asked = EncoderRequest("openl3", input_repr="mel128", weights=seeded_weights)
    return load_encoder(asked if openl3 else EncoderRequest("musicnn")).spec.to_json()


@pytest.mark.slow
def test_few_windows_need_no_tensorflow(spec_json: str) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, spec_json], check=True)


@pytest.mark.slow
def test_more_windows_are_embedded_by_what_runs_fast(
    seeded_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(engines, "WINOGRAD_FILTERS", 10_000)  # it takes seconds to compile
    spec = load_encoder(EncoderRequest(input_repr="mel128", weights=seeded_weights), batch_size=1).spec
    monkeypatch.setattr(type(built_in()["openl3"]), "quick_windows", 4)
    windows = np.random.default_rng(0).normal(0, 0.1, (10, 48_000)).astype(np.float32)
    encoder = QueryEncoder(spec, "float32")
    size = encoder.batch_size
    used, embeddings = [], []
    for start in (0, 3, 6):
        embeddings.append(encoder.embed(windows[start : start + 3]))
        used.append(type(encoder._encoder._engine).__name__)  # type: ignore[attr-defined]
    assert used == ["NumPyEngine", "TensorFlowEngine", "TensorFlowEngine"]
    assert encoder.batch_size == size
    alone = QueryEncoder(spec, "float32")
    expected = np.concatenate([alone.embed(windows[:2]), alone.embed(windows[2:4])])
    np.testing.assert_allclose(np.concatenate(embeddings)[:4], expected, atol=1e-4 * np.abs(expected).max())
