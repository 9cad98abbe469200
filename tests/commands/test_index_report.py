"""What `index` says at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from audiosim.commands.index_report import lines
from audiosim.indexing.report import IndexReport


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        (
            {"waiting for input": 0.81, "decode": 9.0, "network": 5.0, "write": 0.1, "store": 3.0},
            "Time: waiting for decoders 0.8 s, network 5.0 s, write 0.1 s;"
            " beside these, decoders 9.0 s, store 3.0 s.",
        ),
        ({"store": 3.0}, "Time: no file was opened."),
        ({}, "Time: no file was opened."),
    ],
)
def test_the_time_of_stages_that_run_beside_others_is_told_apart(stages: dict[str, float], told: str) -> None:
    report = IndexReport("fake", Path("home"), stages=stages)
    assert list(lines(report, verbose=True))[1:] == [told]
    assert len(list(lines(report, verbose=False))) == 1
