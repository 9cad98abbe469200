"""Requests: what they load, what they contradict, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audiosim.core.errors import UsageError, WeightsError
from audiosim.core.types import EncoderSpec
from audiosim.encoders import load_encoder, load_encoder_for
from audiosim.encoders.musicnn import MusiCNNOptions, musicnn_spec
from audiosim.encoders.openl3 import OpenL3Options, openl3_spec
from audiosim.encoders.request import EncoderRequest, completed, conflicts, request_for, with_kept_weights

OPENL3 = openl3_spec(OpenL3Options(content_type="env", hop=2.0), "00" * 16)
MUSICNN = musicnn_spec(MusiCNNOptions(max_windows=60), "00" * 16)


@pytest.mark.parametrize("spec", [OPENL3, MUSICNN])
def test_a_specs_own_request_contradicts_nothing(spec: EncoderSpec) -> None:
    assert conflicts(request_for(spec), spec) == []
    assert conflicts(EncoderRequest(), spec) == []


@pytest.mark.parametrize("spec", [OPENL3, MUSICNN])
def test_names_are_compared_without_case(spec: EncoderSpec) -> None:
    options = [
        (name, str(value).upper() if isinstance(value, str) else value) for name, value in spec.options
    ]
    assert conflicts(EncoderRequest(spec.name.upper(), options=options), spec) == []


def test_an_option_that_the_spec_has_not_contradicts_it() -> None:
    assert conflicts(EncoderRequest(center=True), MUSICNN) == [("center", True, None)]


def test_a_request_s_options_are_given_by_name_or_in_pairs() -> None:
    pairs = EncoderRequest("openl3", options=[("input_repr", "linear"), ("center", None)])
    assert pairs == EncoderRequest("openl3", input_repr="linear") == replace(pairs, hop=None)
    assert pairs.options == (("input_repr", "linear"),)


def test_a_request_is_completed_by_what_a_home_had() -> None:
    old = request_for(OPENL3)
    asked = completed(EncoderRequest(input_repr="linear", hop=0.5), old)
    assert asked == EncoderRequest(
        "openl3", content_type="env", input_repr="linear", embedding_size=512, center=True, hop=0.5
    )
    assert with_kept_weights(asked, OPENL3).digest is None  # other weights go with another input
    assert with_kept_weights(completed(EncoderRequest(center=False), old), OPENL3).digest == OPENL3.weights
    given = EncoderRequest(weights=Path("w.h5"))
    assert with_kept_weights(completed(given, old), OPENL3).digest is None


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
        (EncoderRequest(encoder="vggish"), "Choose one of: openl3, "),
        (EncoderRequest(input_repr="mel512"), "Choose one of: mel256, mel128, linear"),
        (EncoderRequest(hop=0.001), "Choose 0.01 to 600 s"),
        (EncoderRequest("musicnn", hop=1000), "Choose 0.01 to 600 s"),
        (EncoderRequest(max_windows=0), "must be at least 1"),
        (
            EncoderRequest("musicnn", center=False),
            "with `encoder` musicnn: it is an option of openl3",
        ),
        (
            EncoderRequest("openl3", colour="red"),
            "with `encoder` openl3: it has no such option",
        ),
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
