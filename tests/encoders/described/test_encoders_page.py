"""docs/encoders.md: whoever has only that page can write a description that gives the reference's numbers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN, Cli

from audiosim.core.errors import UsageError
from audiosim.encoders.described.description import parse_description
from audiosim.encoders.described.schema import schema
from audiosim.encoders.described.self_test import SIGNALS, signal

PAGE = (Path(__file__).parents[3] / "docs" / "encoders.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.M | re.S)
DESCRIBED = GOLDEN / "described"


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def test_its_first_description_gives_the_golden_files_numbers(cli: Cli, tmp_path: Path) -> None:
    import encoder_signals
    import soundfile

    (tmp_path / "my-model.toml").write_text(blocks("toml")[0], "utf-8")
    shutil.copy(DESCRIBED / "patches.onnx", tmp_path)
    samples = dict(encoder_signals.patch_signals())["odd_length"]
    soundfile.write(tmp_path / "odd.wav", samples, 16_000, subtype="PCM_16")
    done = cli("extract", tmp_path / "odd.wav", "--encoder", tmp_path / "my-model.toml", "-o", tmp_path)
    assert done.code == 0, done.err
    with np.load(tmp_path / "odd.npz") as ours, np.load(GOLDEN / "golden_onnx.npz") as data:
        expected = data["patches_odd_length_embeddings"]
        assert np.abs(ours["embedding"] - expected).max() <= 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("text", blocks("toml"))
def test_its_descriptions_are_right(text: str) -> None:
    assert parse_description(text.encode(), Path("model.toml")).variants


def test_its_error_is_what_is_said() -> None:
    wrong = blocks("toml")[0].replace('tail = "drop"', 'tail = "loop"')
    with pytest.raises(UsageError) as caught:
        parse_description(wrong.encode(), Path("model.toml"))
    (told,) = (text for text in blocks("") if text.startswith("audiosim: "))
    assert f"audiosim: {caught.value}".splitlines()[0] == told.strip()


def test_the_signals_are_made_by_the_code_that_is_shown() -> None:
    (code,) = blocks("python")
    made: dict[str, Any] = {}
    exec(code, made)
    for name in SIGNALS:
        np.testing.assert_array_equal(made["signal"](name, 30_000, 16_000), signal(name, 30_000, 16_000))


def test_it_shows_the_schema() -> None:
    (shown,) = blocks("json")
    assert json.loads(shown) == schema()


def test_it_tells_of_every_field_its_default_and_its_choices() -> None:
    tables = PAGE.partition("## Every field")[2].partition("## Front ends by name")[0]
    rows = {}
    for heading, body in re.findall(r"^### ([^\n]+)\n(.*?)(?=^###|\Z)", tables, re.M | re.S):
        for names, default, told in re.findall(r"^\| (`.+?) \| (.*?) ?\| (.+) \|$", body, re.M):
            for name, one in zip(
                re.findall(r"`(\w+)`", names), [*default.split(", "), default], strict=False
            ):
                rows[heading.strip("`"), name] = (one, told)
    at_top = schema()["properties"]
    rules = {"At the top": {n: r for n, r in at_top.items() if "$ref" not in r and n != "variants"}}
    rules |= {
        f"[{name}]": schema()["$defs"][name]["properties"] for name in ("model", "audio", "mel", "text")
    }
    rules["[variants.NAME]"] = schema()["$defs"]["variant"]["properties"]
    rules["[variants.NAME.self_test]"] = schema()["$defs"]["self_test"]["properties"]
    assert {(table, name) for table, fields in rules.items() for name in fields} == set(rows)
    for (table, name), (default, told) in rows.items():
        rule = rules[table][name]
        for choice in rule.get("enum", ()):
            assert str(choice) in told + default, (table, name, choice)
        if isinstance(rule.get("default"), str | bool | int | float) and default.startswith("`"):
            assert json.loads(default.strip("`")) == rule["default"], (table, name)
