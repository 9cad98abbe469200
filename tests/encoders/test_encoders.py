"""Requests: what they load, what they contradict, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audiosim.core.errors import UsageError, WeightsError
from audiosim.core.types import EncoderSpec
from audiosim.encoders import EncoderRequest, conflicts, load_encoder, load_encoder_for, request_for
from audiosim.encoders.musicnn import MusiCNNOptions, musicnn_spec
from audiosim.encoders.openl3 import OpenL3Options, openl3_spec

OPENL3 = openl3_spec(OpenL3Options(content_type="env", hop=2.0), "00" * 16)
MUSICNN = musicnn_spec(MusiCNNOptions(max_windows=60), "00" * 16)


@pytest.mark.parametrize("spec", [OPENL3, MUSICNN])
def test_a_specs_own_request_contradicts_nothing(spec: EncoderSpec) -> None:
    assert conflicts(request_for(spec), spec) == []
    assert conflicts(EncoderRequest(), spec) == []


def test_contradictions_are_told_by_name_with_both_values() -> None:
    asked = EncoderRequest(content_type="music", hop=2, center=False)
    assert conflicts(asked, OPENL3) == [("content_type", "music", "env"), ("center", False, True)]
    assert conflicts(EncoderRequest(encoder="openl3"), MUSICNN) == [("encoder", "openl3", "musicnn")]


@pytest.mark.slow
def test_the_encoder_of_a_spec_is_the_one_a_request_loads(
    seeded_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path))
    asked = EncoderRequest(input_repr="mel128", hop=2, max_windows=10, weights=seeded_weights)
    spec = load_encoder(asked, batch_size=1).spec
    assert (
        spec.to_json()
        == openl3_spec(OpenL3Options(input_repr="mel128", hop=2.0, max_windows=10), spec.weights).to_json()
    )
    found = load_encoder_for(spec, batch_size=1)
    assert (found.spec, found.batch_size) == (spec, 1)
    with pytest.raises(WeightsError, match="other embeddings"):
        load_encoder_for(replace(spec, version=0))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (EncoderRequest(encoder="vggish"), "Choose one of: openl3, musicnn"),
        (EncoderRequest(input_repr="mel512"), "Choose one of: mel256, mel128, linear"),
        (EncoderRequest(hop=0.001), "Choose 0.01 to 600 s"),
        (EncoderRequest("musicnn", hop=1000), "Choose 0.01 to 600 s"),
        (EncoderRequest(max_windows=0), "must be at least 1"),
        (EncoderRequest("musicnn", center=False), "`center` does not go with `encoder` musicnn"),
        (EncoderRequest("musicnn", weights=Path("w.h5")), "`weights` does not go with `encoder` musicnn"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(
    request_: EncoderRequest, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load_encoder(request_)


def test_an_encoder_given_from_python_must_be_given_again() -> None:
    with pytest.raises(WeightsError, match="no encoder mine"):
        load_encoder_for(replace(OPENL3, name="mine"))
