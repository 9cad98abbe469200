"""Evaluations as tables for people, and as fields for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from audiosim.commands.table import Column, table_text
from audiosim.core.text import counted, visible
from audiosim.evaluation.results import Counts, Evaluation, HomeComparison, ListFigures, VariantResult
from audiosim.evaluation.significance import Difference, Figure

INTERVAL = "95 % interval"
DIGITS = 6  # after the point, in JSON
TITLES = {"map": "MAP", "mrr": "MRR", "ndcg": "nDCG"}
LISTS = {
    "coverage": "Coverage of the top 10s",
    "hubness": "Hubness (skewness of N10)",
    "largest_occurrence": "Largest N10",
    "diversity": "Diversity in a top 10",
    "novelty": "Novelty of the top 10s, bits",
}
BRIEF = ("map", "mrr", "ndcg")  # measures of each variant in a comparison, precisions aside


def evaluation_table(evaluation: Evaluation, width: int | None = None) -> str:
    """Write an evaluation as text: one variant in full, several in one row each, best MAP first.

    Parameters
    ----------
    evaluation : Evaluation
        One or more variants of one home.
    width : int or None
        The columns of the terminal that it is for; None where it goes to a file or a program.
    """
    one = len(evaluation.results) == 1
    table = _one(evaluation.results[0], width) if one else _several(evaluation, width)
    return "\n".join([*_heading(evaluation), _labelled(evaluation), "", table])


def comparison_table(comparison: HomeComparison, width: int | None = None) -> str:
    """Write two homes side by side as text; `width` is as for `evaluation_table`."""
    first, second = comparison.first.results[0], comparison.second.results[0]
    rows = [
        (
            title(name),
            f"{first.figures[name].value:.3f}",
            f"{second.figures[name].value:.3f}",
            f"{difference.figure.value:+.3f}",
            f"{difference.figure.low:+.3f} to {difference.figure.high:+.3f}",
            f"{difference.p:.4f}",
        )
        for name, difference in comparison.differences.items()
    ]
    lists = zip(LISTS.values(), _list_cells(first.lists), _list_cells(second.lists), strict=True)
    rows += [(name, a, b, "", "", "") for name, a, b in lists]
    numbers = ("First", "Second", "Difference", INTERVAL, "p")
    lines = [
        *(f"First: {line}" for line in _heading(comparison.first)),
        *(f"Second: {line}" for line in _heading(comparison.second)),
        _labelled(comparison.first),
        "",
        table_text([Column("Figure"), *map(_number, numbers)], rows, width),
    ]
    return "\n".join(lines)


def evaluation_fields(evaluation: Evaluation) -> dict[str, Any]:
    """Give the fields of an evaluation; the variants best MAP first."""
    return {
        "home": str(evaluation.home),
        "encoder": evaluation.encoder,
        "labels": evaluation.labels,
        "exclude_same": evaluation.exclude_same,
        "counts": asdict(evaluation.counts),
        "chance": round(evaluation.chance, DIGITS),
        "variants": [_variant_fields(result, gain) for result, gain in _best_first(evaluation)],
    }


def comparison_fields(comparison: HomeComparison) -> dict[str, Any]:
    """Give the fields of two homes; differences are second less first."""
    return {
        "first": evaluation_fields(comparison.first),
        "second": evaluation_fields(comparison.second),
        "differences": {
            name: _difference_fields(difference) for name, difference in comparison.differences.items()
        },
    }


def title(measure: str) -> str:
    """Name a measure for people: ``MAP``, ``precision@5``."""
    return TITLES.get(measure, measure)


def _heading(evaluation: Evaluation) -> list[str]:
    pooling = evaluation.results[0].variant.name if len(evaluation.results) == 1 else "several poolings"
    return [f"{visible(str(evaluation.home))} ({evaluation.encoder}; {pooling})"]


def _labelled(evaluation: Evaluation) -> str:
    counts = evaluation.counts
    filtered = f", answers of the same {evaluation.exclude_same} left out" if evaluation.exclude_same else ""
    lines = [
        f"{counted(counts.tracks, 'track')} in {counted(counts.labels, 'label')}"
        f" ({visible(evaluation.labels)}){filtered};"
        f" {counts.queries} are asked with, {counts.tracks - counts.queries} have no right answer.",
        *_left_out(counts),
        f"Random answers have a precision of {evaluation.chance:.3f}.",
    ]
    return "\n".join(lines)


def _left_out(counts: Counts) -> list[str]:
    reasons = {
        "no label": counts.without_label,
        "no usable vector or cache": counts.without_vector,
        "in one home only": counts.not_shared,
        "not in the index": counts.not_indexed,
    }
    words = [f"{count} ({reason})" for reason, count in reasons.items() if count]
    return [f"Left out: {', '.join(words)}."] if words else []


def _one(result: VariantResult, width: int | None) -> str:
    rows = [
        (title(name), f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}")
        for name, figure in result.figures.items()
    ]
    lists = zip(LISTS.values(), _list_cells(result.lists), strict=True)
    rows += [(name, cell, "") for name, cell in lists]
    return table_text([Column("Figure"), _number("Value"), _number(INTERVAL)], rows, width)


def _several(evaluation: Evaluation, width: int | None) -> str:
    names = evaluation.results[0].figures
    others = [name for name in names if name in BRIEF[1:] or name.startswith("precision")]
    numbers = ["MAP", INTERVAL, "Gain", "p", *map(title, others)]
    numbers += ["Coverage", "Hubness", "Largest N10", "Diversity", "Novelty"]
    rows = []
    for result, gain in _best_first(evaluation):
        best = result.figures["map"]
        cells = [result.variant.name, f"{best.value:.3f}", f"{best.low:.3f} to {best.high:.3f}"]
        cells += [f"{gain.figure.value:+.3f}", f"{gain.p:.4f}"]
        cells += [f"{result.figures[name].value:.3f}" for name in others]
        rows.append([*cells, *_list_cells(result.lists)])
    note = (
        f"Gain: of MAP over {evaluation.results[0].variant.name}, query by query; p is not corrected for"
        " the number of variants.\n"
        "The intervals of gains and other figures, and recall and nDCG at k: --json.\n"
    )
    table = table_text([Column("Variant"), *map(_number, numbers)], rows, width)
    return f"{table}\n{note}"


def _best_first(evaluation: Evaluation) -> list[tuple[VariantResult, Difference]]:
    pairs = zip(evaluation.results, evaluation.gains, strict=True)
    return sorted(pairs, key=lambda pair: -pair[0].figures["map"].value)


def _list_cells(lists: ListFigures) -> list[str]:
    return [str(v) if isinstance(v, int) else f"{v:.3f}" for v in asdict(lists).values()]


def _variant_fields(result: VariantResult, gain: Difference) -> dict[str, Any]:
    return {
        "variant": result.variant.name,
        **asdict(result.variant),
        "map_gain": _difference_fields(gain),
        "figures": {name: _figure_fields(figure) for name, figure in result.figures.items()},
        **{name: _rounded(value) for name, value in asdict(result.lists).items()},
    }


def _figure_fields(figure: Figure) -> dict[str, float | None]:
    return {name: _rounded(value) for name, value in asdict(figure).items()}


def _difference_fields(difference: Difference) -> dict[str, float | None]:
    return {**_figure_fields(difference.figure), "p": _rounded(difference.p)}


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DIGITS)


def _number(title: str) -> Column:
    return Column(title, "number")
