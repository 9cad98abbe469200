"""Options that commands share."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from conftest import Cli, make_music
from typer.testing import CliRunner

from audiosim.commands.encoder_options import EncoderOptions
from audiosim.commands.options import (
    FilterOptions,
    OutputForm,
    OutputOptions,
    PrecisionOption,
    StoreOption,
    moment,
    one_of,
    with_options,
)
from audiosim.core.errors import UsageError
from audiosim.encoders.request import EncoderRequest
from audiosim.library.filters import Filter, Years
from audiosim.library.store_url import parse_store_url

if TYPE_CHECKING:
    from collections.abc import Sequence


def given(arguments: Sequence[str]) -> dict[str, Any]:
    """What a command with all shared options gets for these arguments."""
    got: dict[str, Any] = {}

    @with_options
    def command(
        *,
        name: str = "before",
        request: EncoderOptions,
        only: FilterOptions,
        precision: PrecisionOption,
        store: StoreOption,
        output: OutputOptions,
    ) -> None:
        """Take everything."""
        got.update(locals())

    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, arguments)
    if done.exception is not None:
        raise done.exception
    del got["got"]
    return got


def test_without_options_a_command_gets_what_asks_for_nothing() -> None:
    assert given([]) == {
        "name": "before",
        "request": EncoderRequest(),
        "only": None,
        "precision": "auto",
        "store": None,
        "output": OutputForm("table", null=False),
    }


def test_options_become_what_they_describe() -> None:
    arguments = "--name x --encoder openl3 --hop-size 0.5 --no-center --weights w.h5 --precision float32"
    arguments += " --genre jazz --genre soul --year 1970-1979 --under /music --max-duration 1:30"
    arguments += " --store http://localhost:8000 --format paths --null"
    assert given(arguments.split()) == {
        "name": "x",
        "request": EncoderRequest("openl3", hop=0.5, center=False, weights=Path("w.h5")),
        "only": Filter(
            genres=("jazz", "soul"), years=Years(1970, 1979), under=(b"/music",), max_duration=90.0
        ),
        "precision": "float32",
        "store": parse_store_url("http://localhost:8000"),
        "output": OutputForm("paths", null=True),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--precision half", "--precision half is not known"),
        ("--format xml", "--format xml is not known"),
        ("--null", "--null goes with --format paths only"),
        ("--json --format paths", "--json and --format paths contradict each other"),
        ("--json --null", "--null goes with --format paths only"),
        ("--min-duration long", "--min-duration long is no time"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        given(arguments.split())
    assert caught.value.what == message


def test_options_stand_where_the_parameter_stood() -> None:
    @with_options
    def command(*, x: int = 0, output: OutputOptions, y: int = 0) -> None: ...

    assert list(inspect.signature(command).parameters) == ["x", "form", "json_", "null", "out", "y"]


def test_a_moment_is_in_seconds() -> None:
    assert (moment("--from", None), moment("--from", "1:30")) == (None, 90.0)


def test_choices_are_found_whatever_their_case() -> None:
    assert one_of("--encoder", "MusiCNN", ("openl3", "musicnn")) == "musicnn"
    with pytest.raises(UsageError, match="--encoder clap is not known"):
        one_of("--encoder", "clap", ("openl3", "musicnn"))


def test_an_encoder_is_named_in_any_case_and_once(cli: Cli, tmp_path: Path) -> None:
    refused = cli("weights", "fetch", "MusiCNN", "--encoder", "OpenL3")
    assert (refused.code, "One encoder at a time" in refused.err) == (2, True)
    assert cli("weights", "fetch", "vggish").code == 2
    here = {"AUDIOSIM_WEIGHTS": tmp_path, "PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": 0}
    out_of_reach = cli("weights", "fetch", "MusiCNN", **here)
    assert (out_of_reach.code, "musicnn" in out_of_reach.err) == (1, True)
    named = cli(
        "index", make_music(tmp_path / "music"), "--encoder", "MusiCNN", "--home", tmp_path / "home", **here
    )
    assert (named.code, named.err == out_of_reach.err) == (1, True)
