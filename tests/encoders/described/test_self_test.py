"""Self-tests: a model that answers otherwise is told from one that answers right."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN

from audiosim.core.errors import WeightsError
from audiosim.encoders.described import proofs
from audiosim.encoders.described.description import SelfTest, read_description
from audiosim.encoders.described.encoder import DescribedEncoder, described_spec
from audiosim.encoders.described.proofs import Proofs
from audiosim.encoders.described.self_test import SIGNALS, answer, as_toml, fault, record, signal
from audiosim.encoders.described.session import Session

DESCRIBED = GOLDEN / "described"


def encoder(name: str = "patches") -> DescribedEncoder:
    description = read_description(DESCRIBED / f"{name}.toml")
    spec = described_spec(description, description.variants[0], "0" * 32)
    return DescribedEncoder(description, Session(DESCRIBED / f"{name}.onnx"), spec)


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_are_those_of_the_golden_files(name: str) -> None:
    """The recipe that others can make them by, to the bit."""
    import encoder_signals

    made = getattr(encoder_signals, name)(50_000, 16_000)
    np.testing.assert_array_equal(signal(name, 50_000, 16_000), (made / 32768).astype(np.float32))  # type: ignore[arg-type]


def test_the_answer_is_that_of_a_tracks_first_window() -> None:
    """With the half frame before the track that patches have."""
    made = encoder()
    framing = made.spec.framing
    assert framing.lead == 256
    track = np.concatenate([np.zeros(256, np.float32), signal("chord", framing.window - 256, 16_000)])
    np.testing.assert_array_equal(answer(made, "chord"), made.embed(track[None])[0])


def test_a_right_answer_passes_and_a_wrong_one_is_told_with_its_error() -> None:
    made = encoder()
    vector = answer(made, "noise")
    test = SelfTest("noise", tuple(map(float, vector)), 1e-3)
    largest = np.abs(vector).max()
    assert fault(made, test) == ""
    off = list(test.vector)
    off[3] += 0.002 * float(largest)
    assert fault(made, replace(test, vector=tuple(off))) == (
        "its largest error is 0.002 of the largest number, where 0.001 is allowed"
    )
    assert fault(made, replace(test, vector=tuple(off), tolerance=0.01)) == ""
    assert fault(made, replace(test, vector=(0.0,) * 24)).startswith("its largest error is inf")


def test_what_is_no_number_does_not_pass_and_is_not_recorded() -> None:
    made = encoder("waveform")
    made.embed = lambda windows: np.full((len(windows), 16), np.nan, np.float32)  # type: ignore[method-assign]
    assert "nan" in fault(made, SelfTest("chirp", (1.0,) * 16, 1.0))
    with pytest.raises(WeightsError, match="gives no numbers"):
        record(made)


def test_what_was_recorded_is_a_self_test_of_a_description() -> None:
    test = record(encoder())
    table = tomllib.loads(as_toml(test, "float32"))["variants"]["float32"]["self_test"]
    assert SelfTest(table["signal"], tuple(table["vector"]), table["tolerance"]) == test
    assert fault(encoder(), test) == ""


def test_a_proof_holds_for_the_test_the_file_and_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, test = Proofs(tmp_path / "proofs"), SelfTest("chirp", (1.0, 0.25), 1e-3)
    model = tmp_path / "m.onnx"
    model.write_bytes(b"model")
    assert not kept.passed("a", test)
    assert not kept.proven(model, test)
    kept.keep_passed("a", test, [model])
    kept.keep_recorded("a", replace(test, signal="noise"))
    assert kept.passed("a", test)
    assert kept.proven(model, test)
    assert kept.recorded("a") == replace(test, signal="noise")
    kept.keep_passed("a", replace(test, signal="chord"), [])
    assert kept.passed("a", replace(test, signal="chord"))
    assert kept.proven(model, test)  # still: a description with another test takes nothing away
    assert (kept.recorded("b"), kept.passed("b", test)) == (None, False)
    assert not kept.passed("a", replace(test, tolerance=1e-4))
    assert not kept.proven(model, None)
    model.write_bytes(b"another")
    assert not kept.proven(model, test)
    monkeypatch.setattr(proofs, "version", lambda _: "99.0")
    assert not kept.passed("a", test)
    (tmp_path / "proofs" / "a.json").write_text("damaged")
    assert (kept.recorded("a"), kept.passed("a", test)) == (None, False)
