"""The log file of `index`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from audiosim.cli import app
from audiosim.commands.log_file import logging_to
from audiosim.core.errors import AudiosimError, UsageError

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4} (.*)")


@pytest.fixture
def context() -> Any:
    """The context of `audiosim index`."""
    context = typer.main.get_command(app).make_context("audiosim", ["index"], resilient_parsing=True)
    context.invoked_subcommand = "index"
    return context


def messages(path: Path) -> list[str]:
    matches = [LINE.fullmatch(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(matches)
    return [match[1] for match in matches if match]


def test_each_line_of_a_message_has_its_time_and_earlier_runs_stay(tmp_path: Path, context: Any) -> None:
    path = tmp_path / "a.log"
    for text in ("one", "50 % of two\nand more", "three \udce9"):
        with logging_to(path, context) as log:
            log(text)
    assert messages(path) == ["one", "50 % of two", "and more", "three \\udce9"]


def test_a_message_is_in_the_file_at_once(tmp_path: Path, context: Any) -> None:
    path = tmp_path / "a.log"
    with logging_to(path, context) as log:
        log("here")
        assert messages(path) == ["here"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UsageError("It failed", "why", "Give another `home`."), ["It failed: why.", "Give another --home."]),
        (SystemExit(130), ["ended by a signal (exit code 130)"]),
        (ValueError("bad"), ["ValueError: bad"]),
    ],
)
def test_what_ends_a_run_early_is_its_last_message(
    tmp_path: Path, context: Any, error: BaseException, expected: list[str]
) -> None:
    path = tmp_path / "a.log"
    with pytest.raises(type(error)), logging_to(path, context):
        raise error
    assert messages(path) == [f"audiosim: {expected[0]}", *expected[1:]]


def test_without_a_path_messages_are_dropped(
    context: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with logging_to(None, context) as log:
        log("nothing")
    assert (*capfd.readouterr(), caplog.text) == ("", "", "")


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path, context: Any) -> None:
    with pytest.raises(AudiosimError, match="Can't write to the log file"), logging_to(tmp_path, context):
        pass


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_a_full_disk_ends_the_run(context: Any) -> None:
    with pytest.raises(OSError, match="No space left"), logging_to(Path("/dev/full"), context) as log:
        log("lost")
