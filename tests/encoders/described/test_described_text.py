"""The text side of CLAP against transformers 5.24.0, on seeded weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN

from audiosim.core.errors import WeightsError
from audiosim.encoders.described.description import Text, read_description
from audiosim.encoders.described.session import Session
from audiosim.encoders.described.text import DescribedTextSide

CLAP = GOLDEN / "described" / "clap"


def side(**changes: object) -> DescribedTextSide:
    text = read_description(CLAP / "clap.toml").text
    assert text is not None
    changed: Text = replace(text, **changes)  # type: ignore[arg-type]
    return DescribedTextSide(changed, CLAP / "tokenizer.json", Session(CLAP / "text_model.onnx"), 32)


def prompts() -> list[str]:
    import encoder_signals

    return list(encoder_signals.PROMPTS)


def test_tokens_are_exactly_those_of_transformers() -> None:
    """Empty texts, line breaks, other letters, and one of more than 512 tokens, filled up to one length."""
    with np.load(GOLDEN / "golden_clap.npz") as data:
        ids, mask = side().tokens(prompts())
        np.testing.assert_array_equal(ids, data["input_ids"])
        np.testing.assert_array_equal(mask, data["attention_mask"])


def test_embeddings_of_texts_are_within_a_ten_thousandth() -> None:
    with np.load(GOLDEN / "golden_clap.npz") as data:
        expected = data["text_embeds"]
    ours = side().raw(prompts())
    assert np.abs(ours - expected).max() <= 1e-4 * np.abs(expected).max()


def test_many_texts_are_read_some_at_a_time() -> None:
    texts = [f"sound {number}" for number in range(40)]
    reader = side()
    np.testing.assert_allclose(reader.raw(texts)[37], reader.raw(texts[37:38])[0], rtol=1e-4, atol=1e-5)
    assert reader.embed([]).shape == (0, 32)


def test_texts_become_unit_vectors_over_the_forms_of_the_training() -> None:
    reader = side(prompts=("a {} song", "{}"))
    ours = reader.embed(["slow piano"])
    raw = reader.raw(["a slow piano song", "slow piano"])
    mean = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).sum(axis=0)
    np.testing.assert_allclose(ours[0], mean / np.linalg.norm(mean), rtol=1e-5)


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="has no token <none>"):
        side(pad="<none>")
    with pytest.raises(WeightsError, match="The text model takes input_ids, attention_mask"):
        side(input_ids="ids")
    with pytest.raises(WeightsError, match="no outputs called other"):
        side(output="other")
    (tmp_path / "tokenizer.json").write_text("{}")
    shutil.copy(CLAP / "text_model.onnx", tmp_path)
    text = read_description(CLAP / "clap.toml").text
    assert text is not None
    with pytest.raises(WeightsError, match="is no tokenizer"):
        DescribedTextSide(text, tmp_path / "tokenizer.json", Session(CLAP / "text_model.onnx"), 32)
