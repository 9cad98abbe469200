"""Drafts of descriptions: what a model's file tells is in them, what it does not is asked."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from conftest import GOLDEN

from audiosim.core.errors import UsageError, WeightsError
from audiosim.encoders.described.description import parse_description
from audiosim.encoders.described.draft import _axes, draft
from audiosim.encoders.described.session import Tensor

DESCRIBED = GOLDEN / "described"


def test_a_draft_has_what_the_file_tells() -> None:
    text = draft(DESCRIBED / "patches.onnx")
    told = tomllib.loads(text)
    assert (told["name"], told["dimension"]) == ("patches", 24)
    model = {"input": "melspectrogram", "axes": ["batch", "frames", "bands"], "output": "embeddings"}
    assert model.items() <= told["model"].items()
    assert (told["mel"]["bands"], told["mel"]["frames"]) == (96, 128)
    assert "activations (64, 10)" in text
    assert told["variants"]["default"]["file"] == "patches.onnx"


def test_a_draft_is_wrong_until_what_it_asks_is_answered() -> None:
    text = draft(DESCRIBED / "waveform.onnx")
    assert "[mel]" not in text
    with pytest.raises(UsageError) as caught:
        parse_description(text.encode(), Path("waveform.toml"))
    assert "sample_rate is 0, less than 1000" in str(caught.value)
    assert "window is 0.0, not more than 0" in str(caught.value)
    assert "licence is" in str(caught.value)
    text = text.replace('licence = ""', 'licence = "MIT"')
    whole = re.sub(r"^sample_rate = 0 ", "sample_rate = 16000 ", text, flags=re.M)
    whole = re.sub(r"^window = 0.0 ", "window = 1.0 ", whole, flags=re.M)
    assert parse_description(whole.encode(), Path("waveform.toml")).name == "waveform"


def test_a_draft_of_patches_is_a_description_once_it_is_answered() -> None:
    text = draft(DESCRIBED / "patches.onnx").replace('licence = ""', 'licence = "MIT"')
    for key, value in {"sample_rate": 16000, "window": 2.048, "n_fft": 512, "hop": 256}.items():
        text = re.sub(rf"^{key} = 0(\.0)? ", f"{key} = {value} ", text, flags=re.M)
    assert parse_description(text.encode(), Path("patches.toml")).mel is not None


def test_a_draft_leads_to_patches_of_the_whole_track() -> None:
    text = draft(DESCRIBED / "patches.onnx").replace('licence = ""', 'licence = "MIT"')
    for key, value in {"sample_rate": 16000, "n_fft": 512, "hop": 256}.items():
        text = re.sub(rf"^{key} = 0(\.0)? ", f"{key} = {value} ", text, flags=re.M)
    text = re.sub(r"^# (patch(_hop)? = )", r"\1", text, flags=re.M)
    with pytest.raises(UsageError) as caught:
        parse_description(text.encode(), Path("patches.toml"))
    told = str(caught.value)
    for fault in (
        "window does not go with patch",
        "frames does not go with patch",
        'padding must be "zeros" or "none" with patch',
        'tail must be "drop" or "zeros" with patch',
    ):
        assert fault in told
    assert "not more than 0" not in told  # it is to go, whatever it is
    text = re.sub(r"^(window|frames) = .*\n", "", text, flags=re.M)
    text = text.replace('padding = "reflect"', 'padding = "zeros"').replace(
        'tail = "repeat"', 'tail = "drop"'
    )
    mel = parse_description(text.encode(), Path("patches.toml")).mel
    assert mel is not None
    assert (mel["patch"], mel["patch_hop"]) == (128, 128)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((None, None), "batch samples"),
        ((None, 1, 480_000), "batch channel samples"),
        ((None, 1, None, None), "batch channel frames bands"),
        ((None, 1, 64, None), "batch channel bands frames"),
        ((None, 1001, 64, 1), "batch frames bands channel"),
        ((64, 128, 96), "batch frames bands"),
        ((1, 96, 128), "batch bands frames"),
        ((1, 128, 1000), "batch bands frames"),
        ((160_000,), "samples"),
    ],
)
def test_axes_are_guessed_by_their_lengths(shape: tuple[int | None, ...], axes: str) -> None:
    assert _axes(Tensor("in", shape, "tensor(float)")) == axes.split()


def test_what_is_no_model_of_audio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no model of audio .*: it takes input_ids"):
        draft(DESCRIBED / "clap" / "text_model.onnx")
    with pytest.raises(UsageError, match="there is no such file"):
        draft(tmp_path / "nowhere.onnx")
    shutil.copy(DESCRIBED / "patches.toml", tmp_path / "m.onnx")
    with pytest.raises(WeightsError, match="can't load"):
        draft(tmp_path / "m.onnx")
