"""Queries are embedded by what starts fast, many of them by what runs fast."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import fake_words
import numpy as np
import pytest
import soundfile
from conftest import SAMPLE_RATE, tone
from libraries import Library

from audiosim.core.errors import AudiosimError, WeightsError
from audiosim.core.types import Encoder
from audiosim.encoders import QueryEncoder, engines, load_encoder
from audiosim.encoders.registry import built_in
from audiosim.encoders.request import EncoderRequest
from audiosim.search.similar import find_similar

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
@pytest.mark.long
def test_few_windows_need_no_tensorflow(spec_json: str) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, spec_json], check=True)


@pytest.mark.slow
@pytest.mark.long
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


def test_it_begins_to_load_beside_what_else_is_done_and_fetches_nothing_for_that(
    seeded_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path))
    spec = load_encoder(EncoderRequest(input_repr="mel128", weights=seeded_weights), batch_size=1).spec
    entry = type(built_in()["openl3"])
    load, loads = entry.load, list[tuple[bool, bool]]()

    def counted(self: Any, request: EncoderRequest, *, read_only: bool, **how: Any) -> Encoder:
        loads.append((threading.current_thread() is threading.main_thread(), read_only))
        return load(self, request, read_only=read_only, **how)

    monkeypatch.setattr(entry, "load", counted)
    windows = np.random.default_rng(0).normal(0, 0.1, (1, 48_000)).astype(np.float32)
    expected = QueryEncoder(spec, "auto").embed(windows)
    early = QueryEncoder(spec, "auto")
    for _ in range(2):
        early.prepare()
    np.testing.assert_array_equal(early.embed(windows), expected)
    early.prepare()
    assert loads == [(True, False), (False, True)]
    for kept in tmp_path.rglob("*.h5"):
        kept.unlink()
    monkeypatch.setenv("AUDIOSIM_OPENL3_URL", "file:///nowhere")
    lacking = QueryEncoder(spec, "auto")
    lacking.prepare()
    with pytest.raises(WeightsError, match=r"file:///nowhere/.* can't be fetched"):
        lacking.embed(windows)
    assert loads[2:] == [(False, True), (True, False)]


def test_queries_have_it_loaded_while_decoders_start_unless_they_are_no_audio(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = fake_words.built_in(monkeypatch)
    monkeypatch.setattr(type(entry), "quick_windows", 100, raising=False)
    Library(tmp_path / "home").index(music)
    begun: list[str] = []
    monkeypatch.setattr(QueryEncoder, "prepare", lambda self: begun.append(self.spec.name))
    soundfile.write(tmp_path / "outside.wav", tone(3, 500), SAMPLE_RATE)
    (tmp_path / "notes.txt").write_text("no music at all")
    with pytest.raises(AudiosimError, match=r"notes\.txt"):
        find_similar(tmp_path / "notes.txt", home=tmp_path / "home")
    assert not begun
    assert find_similar(tmp_path / "outside.wav", home=tmp_path / "home").matches
    assert begun == ["fake"]
