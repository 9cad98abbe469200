"""Which files a model keeps its weights in, read without onnx."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import GOLDEN
from onnx_files import field, model, tensor

from audiosim.core.errors import WeightsError
from audiosim.encoders.described.onnx_file import external_files


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["patches.onnx", "waveform.onnx", "clap/audio_model.onnx"])
def test_whole_models_need_no_other_file(name: str) -> None:
    assert external_files(GOLDEN / "described" / name) == []


def test_files_are_found_wherever_tensors_are(tmp_path: Path) -> None:
    attribute = field(5, field(1, b"value") + field(5, tensor("of_a_constant")))  # NodeProto.attribute.t
    inner = field(5, field(1, b"body") + field(6, field(5, tensor("of_a_body"))))  # .g
    graph = field(5, tensor("a")) + field(5, tensor("b")) + field(5, tensor("a"))
    graph += field(1, attribute) + field(1, inner)
    graph += field(15, field(1, tensor("of_a_sparse_one")))
    function = field(25, field(7, attribute))
    path = written(tmp_path / "m.onnx", model(graph) + function)
    assert external_files(path) == ["a", "b", "of_a_body", "of_a_constant", "of_a_sparse_one"]


@pytest.mark.parametrize("place", ["../w", "/etc/passwd", "sub/w", "..", "", "a\\b", "C:w", ".w"])
def test_files_elsewhere_are_refused(tmp_path: Path, place: str) -> None:
    path = written(tmp_path / "m.onnx", model(field(5, tensor(place))))
    with pytest.raises(WeightsError, match="not the name of a file beside it"):
        external_files(path)


@pytest.mark.parametrize("data", [b"", b"\x3a\xff\x01", b"\x3b", b"\xff" * 20, b"<html>please log in</html>"])
def test_what_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(WeightsError, match="is no ONNX model"):
        external_files(written(tmp_path / "m.onnx", data))


def test_models_that_are_nested_deeply_are_read(tmp_path: Path) -> None:
    graph = field(5, tensor("deep"))
    for _ in range(2000):
        graph = field(1, field(5, field(6, graph)))
    assert external_files(written(tmp_path / "m.onnx", model(graph))) == ["deep"]
