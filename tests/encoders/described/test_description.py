"""Descriptions: what they say, and what is wrong in them, by line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from conftest import GOLDEN
from jsonschema import Draft7Validator

from audiosim.core.errors import UsageError
from audiosim.encoders.described.description import parse_description, read_description
from audiosim.encoders.described.schema import faults, schema
from audiosim.encoders.log_mel import LogMel

DESCRIBED = GOLDEN / "described"
SHIPPED = Path(__file__).parents[3] / "audiosim" / "encoders" / "described" / "shipped"
EXAMPLES = [*sorted(DESCRIBED.rglob("*.toml")), *sorted(SHIPPED.glob("*.toml"))]
MEL = (DESCRIBED / "patches.toml").read_text("utf-8")
WAVES = (DESCRIBED / "waveform.toml").read_text("utf-8")
PINNED = 'file = "waveform.onnx"\nurls = ["https://x.org/resolve/{0}/w.onnx"]\nrevision = "{0}"'.format(
    "a" * 40
)


def parse(text: str) -> Any:
    return parse_description(text.encode(), Path("my-model.toml"))


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.what == "The description my-model.toml is wrong"
    return f"{caught.value.why}\n{caught.value.remedy}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_read(path: Path) -> None:
    description = read_description(path)
    assert description.variants
    assert description.folder == path.parent


def test_what_is_left_out_is_as_the_schema_has_it() -> None:
    description = parse(MEL)
    assert description.mel is not None
    assert (description.mel["power"], description.mel["mel_scale"]) == (2, "slaney")
    assert (description.model.pool, description.audio.amplitude) == ("none", "as-is")


def test_the_fields_and_defaults_of_mel_are_those_of_the_front_end() -> None:
    rules = schema()["$defs"]["mel"]["properties"]
    ours = {field.name: field.default for field in fields(LogMel) if field.name != "sample_rate"}
    assert set(rules) - {"patch", "patch_hop"} == set(ours)
    assert {name: rule["default"] for name, rule in rules.items() if "default" in rule} == {
        name: default for name, default in ours.items() if isinstance(default, str | int | float)
    }


CASES: list[tuple[str, Callable[[str], str], str]] = [
    (MEL, lambda s: s.replace("dimension = 24\n", ""), "line 1: dimension is missing"),
    (MEL, lambda s: s.replace("= 24", "= 24.5"), "line 5: dimension is 24.5, not a whole number"),
    (MEL, lambda s: s.replace("= 24", "= true"), "line 5: dimension is true, not a whole number"),
    (MEL, lambda s: s.replace("= 24", "= 0"), "line 5: dimension is 0, less than 1"),
    (MEL, lambda s: s.replace('"MIT"', '" "'), 'line 4: licence is " ", not the name of a licence'),
    (MEL, lambda s: s.replace("encoder = 1", "encoder = 2"), "line 1: audiosim_encoder is 2, not 1"),
    (MEL, lambda s: s.replace("tiny-effnet", "Tiny"), 'line 2: name is "Tiny", not a name of small letters'),
    (MEL, lambda s: s.replace("tiny-effnet", "my.toml"), 'line 2: name is "my.toml"'),
    (MEL, lambda s: s.replace('"drop"', '"loop"'), 'line 12: [audio] tail is "loop", not "zeros", "drop"'),
    (MEL, lambda s: s.replace('tail = "drop"\n', ""), "line 10: [audio] tail is missing"),
    (MEL, lambda s: s.replace("bands = 96", "band = 96"), "line 14: [mel] bands is missing"),
    (
        MEL,
        lambda s: s.replace("bands = 96", "band = 96"),
        "line 17: [mel] band is no field: perhaps bands",
    ),
    (MEL, lambda s: s.replace("8000.0", "9000.0"), "line 18: [mel] fmax is above half the sample rate"),
    (MEL, lambda s: s.replace("8000.0", "inf"), "line 18: [mel] fmax is Infinity, not a number"),
    (MEL, lambda s: s.replace('"zeros"', '"reflect"'), 'line 20: [mel] padding must be "zeros" or "none"'),
    (MEL, lambda s: s.replace("patch = 128\n", ""), "line 10: [audio] window is missing, or patch in [mel]"),
    (MEL, lambda s: s.replace("patch = 128\n", ""), "line 26: [mel] patch_hop needs patch"),
    (MEL, lambda s: s.replace("16000", "16000\nhop = 1.0"), "line 12: [audio] hop does not go with patch"),
    (MEL, lambda s: s.replace('"frames", ', ""), "line 8: [model] axes lacks frames: there is a table [mel]"),
    (MEL, lambda s: s.replace('"frames"', '"frams"'), 'line 8: [model] axes is "frams", not "batch", '),
    (
        MEL,
        lambda s: s.replace("= 10000.0", "= 1979-05-27"),
        "line 23: [mel] gain is 1979-05-27, not a number",
    ),
    (
        MEL,
        lambda s: s.replace("floor = 0.0", 'reference = "min"'),
        'is "min", not a number above 0, or "max"',
    ),
    (
        WAVES,
        lambda s: s.replace("samples", "bands"),
        "line 7: [model] axes lacks samples: without a table [mel]",
    ),
    (WAVES, lambda s: s.replace("= 1.0", "= 0"), "line 13: [audio] window is 0, not more than 0"),
    (WAVES, lambda s: s.replace("[variants.float32]", "[variants]"), 'line 17: [variants] file is "waveform'),
    (
        WAVES,
        lambda s: s.replace('"waveform.onnx"', '"../waveform.onnx"'),
        'file is "../waveform.onnx", not the',
    ),
    (WAVES, lambda s: s.replace('"waveform.onnx"', '"/w.onnx"'), "line 17: [variants.float32] file is"),
    (WAVES, lambda s: s.replace('"waveform.onnx"', '".."'), "not the name of a file beside the description"),
    (
        WAVES,
        lambda s: s.replace('"waveform.onnx"', '"a\\\\b"'),
        "not the name of a file beside the description",
    ),
    (WAVES, lambda s: f'{s}urls = ["https://x.org/w"]\n', "urls needs either sha256 or revision"),
    (
        WAVES,
        lambda s: f'{s}urls = ["ftp://x.org/w"]\nsha256 = "{"0" * 64}"\n',
        'is "ftp://x.org/w", not an address',
    ),
    (WAVES, lambda s: f'{s}sha256 = "12"\n', 'line 18: [variants.float32] sha256 is "12", not 64 hexa'),
    (WAVES, lambda s: f'{s}revision = "{"b" * 40}"\n', "revision needs urls"),
    (
        WAVES,
        lambda s: s.replace('file = "waveform.onnx"', PINNED.replace("/a", "/b", 1)),
        "urls lacks /resolve/aaa",
    ),
    (
        WAVES,
        lambda s: s.replace('file = "waveform.onnx"', PINNED.replace("https", "http")),
        "must be https://",
    ),
    (
        WAVES,
        lambda s: f'{s}[[variants.float32.data]]\nfile = "a"\n[[variants.float32.data]]\nfil = "b"\n',
        "line 21: [variants.float32.data] fil is no field: perhaps file",
    ),
    (
        WAVES,
        lambda s: f'{s}\n[variants.float32.self_test]\nsignal = "chirp"\nvector = [\n 1.0,\n 2.0]\n',
        "line 21: [variants.float32.self_test] vector has 2 numbers, not 16 as dimension says",
    ),
    (
        WAVES,
        lambda s: f'{s}text = {{file = "t.onnx"}}\n',
        "line 18: [variants.float32] text needs a table [text]",
    ),
    (WAVES, lambda s: f'{s}[text.tokenizer]\nfile = "t"\n', "line 16: [variants.float32] text is missing"),
    (WAVES, lambda s: s.replace("[audio]", "[audio"), "line 11: it is not TOML"),
    (WAVES, lambda s: s.replace("[audio]", "[model]"), "line 11: it is not TOML"),
    (
        WAVES,
        lambda s: s.replace("[audio]", "[audio]\namplitude = as-is"),
        "line 12: it is not TOML: Invalid value (at line 12, column 13); text stands in straight quotes",
    ),
    (WAVES, lambda s: f"{s}about = {'[' * 5000}{']' * 5000}", "line 1: it is nested too deeply"),
]


@pytest.mark.parametrize(("text", "change", "expected"), CASES)
def test_what_is_wrong_is_told_with_its_line(text: str, change: Callable[[str], str], expected: str) -> None:
    changed = change(text)
    assert changed != text
    assert expected in refusal(changed)


@pytest.mark.parametrize("text", [path.read_text("utf-8") for path in EXAMPLES] + [c(t) for t, c, _ in CASES])
def test_the_schema_says_what_the_validator_says(text: str) -> None:
    """By another reader of JSON Schema: there is one file of rules, and we read it as others do."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    plain = json.loads(json.dumps(document, default=str))
    if plain != document or "Infinity" in json.dumps(plain):
        return  # dates, and numbers that are none: JSON has neither
    Draft7Validator.check_schema(schema())
    theirs = {tuple(error.absolute_path) for error in Draft7Validator(schema()).iter_errors(plain)}
    missing = {
        fault.place[:-1] if fault.text in ("is missing",) else fault.place for fault in faults(document)
    }
    unknown = {place[:-1] if place not in theirs else place for place in missing}
    assert unknown == theirs


def test_every_fault_is_told_the_first_as_the_reason() -> None:
    told = refusal(MEL.replace("= 24", '= "x"').replace("16000", "1").replace("[mel]", "[mell]"))
    assert [line.partition(":")[0] for line in told.splitlines()[:3]] == ["line 5", "line 11", "line 14"]
    assert told.splitlines()[-1] == "What may stand in a description: docs/encoders.md"


def test_a_description_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Can't read the description"):
        read_description(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b'audiosim_encoder = 1\nname = "\xe9"\n')
    with pytest.raises(UsageError, match="line 2: it is not UTF-8"):
        read_description(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda s: s.replace("tiny-effnet", "other"), True),
        (lambda s: s.replace('"MIT"', '"ISC"'), True),
        (lambda s: s.replace("floor = 0.0", 'floor = 0.0\npower = 2\nmel_norm = "slaney"'), True),
        (lambda s: s.replace("8000.0", "8000"), True),
        (lambda s: s.replace("patch_hop = 62", "patch_hop = 64"), True),  # the spec's own hop
        (lambda s: s.replace("[audio]", 'input = "melspectrogram"\nbatch = 64\n[audio]'), True),
        (lambda s: s.replace("periodic = false", "periodic = true"), False),
        (lambda s: s.replace("patch = 128", "patch = 64"), False),
        (lambda s: s.replace('tail = "drop"', 'tail = "drop"\namplitude = "int16"'), False),
        (lambda s: s.replace("[audio]", "normalise = true\n[audio]"), False),
        (lambda s: s.replace("[audio]", 'output = "activations"\n[audio]'), False),
    ],
)
def test_what_changes_numbers_is_told_from_what_does_not(change: Callable[[str], str], same: bool) -> None:
    changed = change(MEL)
    assert changed != MEL
    assert (parse(changed).numbers == parse(MEL).numbers) is same
