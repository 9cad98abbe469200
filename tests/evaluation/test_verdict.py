"""What an evaluation of several variants comes to, and how it is said."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from evaluations import BEST, BETTER, MAX, OWN, PLAIN, SAME, WORSE, evaluation

from audiosim.commands.evaluation_tables import evaluation_fields, evaluation_table
from audiosim.evaluation.variants import Variant
from audiosim.evaluation.verdict import verdict

UNREACHABLE = [
    Variant("mean", centring=False, hub_correction="score"),
    Variant("mean", centring=True, hub_correction="csls"),
]


def test_the_best_that_searches_can_have_is_named_with_its_command() -> None:
    told = evaluation((MAX, BETTER), (UNREACHABLE[0], BEST), (PLAIN, WORSE))
    found = verdict(told)
    assert found is not None
    assert (found.best.variant, found.over.variant, found.sure, found.tried) == (MAX, OWN, True, 3)
    assert found.gain.figure.value == pytest.approx(0.2)
    text = evaluation_table(told).splitlines()[-4:]
    assert text[0].startswith("Best for searches here: max, centred, score, in MAP 0.200 (95 % interval 0.")
    assert "ahead of mean, centred, score (as it is here). That is sure" in " ".join(text)
    assert "mean, score has a higher MAP; no command makes searches so." in " ".join(text)
    assert text[-1] == "To have it: audiosim index --pooling max --home '/a home'"
    fields = evaluation_fields(told)["verdict"]
    assert (fields["best"], fields["sure"], fields["beyond"]) == (MAX.name, True, "mean, score")
    assert fields["commands"] == ["audiosim index --pooling max --home '/a home'"]


def test_what_may_be_chance_is_not_called_sure() -> None:
    told = evaluation((MAX, SAME))
    found = verdict(told)
    assert found is not None
    assert (found.best.variant, found.sure, found.beyond) == (MAX, False, None)
    text = evaluation_table(told).splitlines()
    assert "That may be chance" in " ".join(text)
    assert text[-1].startswith("To try it: audiosim index --pooling max")


def test_what_one_label_makes_is_not_called_sure() -> None:
    told = evaluation((MAX, 0.05), only=2)
    found = verdict(told)
    assert found is not None
    assert (found.best.variant, found.gain.figure.low > 0, found.sure) == (MAX, True, False)
    assert found.gain.p < 0.05
    text = " ".join(evaluation_table(told).splitlines())
    assert re.search(
        r"0\.05\d \(95 % interval 0\.\d+ to 0\.\d+, over labels -?0\.0\d+ to 0\.\d+\) ahead", text
    )
    assert "That may be chance (p 0.0" in text


def test_a_home_that_has_the_best_is_told_so_and_given_no_command() -> None:
    told = evaluation((MAX, WORSE), (PLAIN, WORSE))
    found = verdict(told)
    assert found is not None
    assert (found.best.variant, found.over.variant in (MAX, PLAIN), found.sure) == (OWN, True, True)
    text = evaluation_table(told)
    assert "Best for searches here: mean, centred, score (as it is here)" in text
    assert evaluation_fields(told)["verdict"]["commands"] == []


def test_both_commands_are_given_where_it_takes_two() -> None:
    commands = evaluation_fields(evaluation((PLAIN, BETTER)))["verdict"]["commands"]
    assert [command.partition(" --home")[0] for command in commands] == [
        "audiosim index --pooling mean-std",
        "audiosim similar QUERY --no-hub-correction",
    ]


WHITENED = replace(OWN, whitening=True)


@pytest.mark.parametrize(
    ("own", "better", "command"),
    [
        (OWN, WHITENED, "--whitening"),
        (WHITENED, OWN, "--no-whitening"),
        (MAX, WHITENED, "--pooling mean --whitening"),
        (MAX, OWN, "--pooling mean --no-whitening"),
        (WHITENED, MAX, "--pooling max"),
    ],
)
def test_whitening_is_turned_on_and_off_where_the_home_can(
    own: Variant, better: Variant, command: str
) -> None:
    tried = [(own, WORSE)] if own != OWN else []
    tried += [(better, BETTER)] if better != OWN else []
    told = replace(evaluation(*tried, own=own), whitens=True)
    assert evaluation_fields(told)["verdict"]["commands"] == [f"audiosim index {command} --home '/a home'"]


def test_what_can_not_be_whitened_is_not_advised_to_be() -> None:
    told = evaluation((WHITENED, BETTER), (MAX, WORSE))
    fields = evaluation_fields(told)["verdict"]
    assert (fields["best"], fields["beyond"]) == (OWN.name, WHITENED.name)
    maxima = replace(MAX, whitening=True)
    told = replace(evaluation((maxima, BETTER), (MAX, WORSE)), whitens=True)
    assert evaluation_fields(told)["verdict"]["beyond"] == maxima.name


@pytest.mark.parametrize("variant", UNREACHABLE)
def test_without_what_the_home_has_and_another_that_it_can_have_there_is_no_verdict(variant: Variant) -> None:
    assert verdict(evaluation((variant, BETTER))) is None
    assert verdict(evaluation((MAX, BETTER), own=Variant("mean-std"))) is None


@pytest.mark.parametrize("width", [80, 120])
def test_a_comparison_fits_a_terminal_with_few_figures_and_with_all(width: int) -> None:
    told = evaluation((MAX, BETTER), (UNREACHABLE[1], WORSE))
    for every in (False, True):
        lines = evaluation_table(told, width, every=every).replace("\x1b[1m", "").replace("\x1b[0m", "")
        rows = [line for line in lines.splitlines() if line.startswith(("Variant", "mean", "max"))]
        assert all(len(row) <= width for row in rows)
        assert ("Novelty" in lines) == every


@pytest.mark.parametrize("width", [80, 120])
def test_one_variant_fits_a_terminal_with_both_intervals(width: int) -> None:
    lines = evaluation_table(evaluation(), width).replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    head = next(line for line in lines if line.startswith("Figure"))
    assert head.split() == ["Figure", "Value", "95", "%", "interval", "over", "labels"]
    assert len(next(line for line in lines if line.startswith("MAP"))) == len(head) <= width
