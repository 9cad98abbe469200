"""Checkpoints of TensorFlow's, read without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiosim.core.errors import WeightsError
from audiosim.encoders.runtime import tensorflow
from audiosim.encoders.tf_checkpoint import read_tensors

SHAPES = {f"layer_{number}/kernel": (3, number + 1, 2) for number in range(200)}  # several blocks of names


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A checkpoint as TensorFlow 1 writes them, of tensors and of a number that is no float."""
    tf = tensorflow()
    rng = np.random.default_rng(0)
    tensors: dict[str, Any] = {name: rng.normal(size=shape).astype("f4") for name, shape in SHAPES.items()}
    names, values = [*tensors, "step", "half"], [*tensors.values(), np.int64(7), np.float16(1)]
    prefix = tmp_path_factory.mktemp("checkpoint") / "model"
    tf.raw_ops.SaveV2(
        prefix=f"{prefix}-part", tensor_names=names, shape_and_slices=[""] * len(names), tensors=values
    )
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[f"{prefix}-part"], destination_prefix=str(prefix), delete_old_dirs=False
    )
    return prefix, tensors


@pytest.mark.slow
def test_tensors_are_read_as_tensorflow_wrote_them(written: tuple[Path, dict[str, Any]]) -> None:
    prefix, tensors = written
    found = read_tensors(prefix, SHAPES)
    assert list(found) == list(SHAPES)
    for name, expected in tensors.items():
        np.testing.assert_array_equal(found[name], expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "shapes", [{"layer_0/kernel": (2, 3)}, {"layer_0/bias": (2,)}, {"step": ()}, {"half": ()}]
)
def test_a_tensor_that_is_not_there_as_expected_is_refused(
    written: tuple[Path, dict[str, Any]], shapes: dict[str, tuple[int, ...]]
) -> None:
    with pytest.raises(WeightsError, match="no tensor"):
        read_tensors(written[0], shapes)


@pytest.mark.slow
def test_a_file_cut_off_anywhere_is_refused(written: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    index, data = (written[0].with_name(f"model.{end}") for end in ("index", "data-00000-of-00001"))
    whole, content = index.read_bytes(), data.read_bytes()
    cut = tmp_path / "cut"
    cut.with_name("cut.data-00000-of-00001").write_bytes(content)
    for length in {0, 1, 47, 48, len(whole) // 2, len(whole) - 1}:
        cut.with_name("cut.index").write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="no TensorFlow checkpoint"):
            read_tensors(cut, SHAPES)
    cut.with_name("cut.index").write_bytes(whole)
    cut.with_name("cut.data-00000-of-00001").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="is damaged"):
        read_tensors(cut, SHAPES)


@pytest.mark.slow
def test_bytes_changed_anywhere_in_the_index_end_in_an_error_of_ours_or_in_nothing(
    written: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    whole = written[0].with_name("model.index").read_bytes()
    tmp_path.joinpath("bad.data-00000-of-00001").write_bytes(b"\0" * 2**16)
    rng = np.random.default_rng(1)
    for _ in range(300):
        changed = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            changed[place] = rng.integers(256)
        tmp_path.joinpath("bad.index").write_bytes(changed)
        try:
            read_tensors(tmp_path / "bad", SHAPES)
        except WeightsError:
            continue


def test_no_checkpoint_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no TensorFlow checkpoint"):
        read_tensors(tmp_path / "nowhere", {})
