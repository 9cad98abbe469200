"""Evaluations as tables for people, and as fields for JSON."""

from __future__ import annotations

import math
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from audiosim.commands.table import Column, table_text
from audiosim.core.config import find_home
from audiosim.core.text import counted, visible
from audiosim.evaluation.results import Counts, Evaluation, HomeComparison, ListFigures, VariantResult
from audiosim.evaluation.significance import Difference, Figure
from audiosim.evaluation.variants import Variant
from audiosim.evaluation.verdict import SURE, above, verdict

INTERVAL = "95 % interval"
SHOWN = 5  # variants, the best ones, beside those that others are compared with
MAX_LINE = 110  # of prose that goes to a file or a program
DIGITS = 6  # after the point, in JSON
OVER_LABELS = "over labels"
TITLES = {"map": "MAP", "r_precision": "R-precision", "mrr": "MRR", "ndcg": "nDCG"}
LISTS = {
    "coverage": "Coverage of the top 10s",
    "hubness": "Hubness (skewness of N10)",
    "largest_occurrence": "Largest N10",
    "diversity": "Diversity in a top 10",
    "novelty": "Novelty of the top 10s, bits",
}
WHY = {  # answers of the same artist are left out, or count
    "asked": "",
    "artists-known": "Answers by the query's own artist don't count, neither as right nor as wrong;"
    " --exclude-same none counts them.",
    "artists-are-labels": "",
    "artists-unknown": "Answers by the query's own artist count, as most tracks name none.",
    "too-few-left": "Answers by the query's own artist count: without them fewer than half of the queries"
    " would have a right one.",
}
BRIEF = ("map", "r_precision", "mrr", "ndcg")  # measures of each variant in a comparison, precisions aside


def evaluation_table(evaluation: Evaluation, width: int | None = None, *, every: bool = False) -> str:
    """Write an evaluation as text: one variant in full, several in one row each, best MAP first.

    Several end with what to make of them.

    Parameters
    ----------
    evaluation : Evaluation
        One or more variants of one home.
    width : int or None
        The columns of the terminal that it is for; None where it goes to a file or a program.
    every : bool
        Whether of several variants all are shown, with all their figures; not only the best, and their MAP.
    """
    one = len(evaluation.results) == 1
    table = _one(evaluation.results[0], width) if one else _several(evaluation, width, every)
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
        _better_home(comparison),
    ]
    return "\n".join(lines)


def evaluation_fields(evaluation: Evaluation) -> dict[str, Any]:
    """Give the fields of an evaluation; the variants best MAP first."""
    return {
        "home": str(evaluation.home),
        "encoder": evaluation.encoder,
        "labels": evaluation.labels,
        "exclude_same": evaluation.exclude_same,
        "excluded_for": evaluation.excluded_for,
        "counts": asdict(evaluation.counts),
        "chance": round(evaluation.chance, DIGITS),
        "variants": [_variant_fields(result, gain) for result, gain in _best_first(evaluation)],
        "verdict": _verdict_fields(evaluation),
    }


def comparison_fields(comparison: HomeComparison) -> dict[str, Any]:
    """Give the fields of two homes; differences are second less first."""
    return {
        "first": evaluation_fields(comparison.first),
        "second": evaluation_fields(comparison.second),
        "differences": {
            name: difference_fields(difference) for name, difference in comparison.differences.items()
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
        f" {counted(counts.queries, 'is', 'are')} asked with,"
        f" {counted(counts.tracks - counts.queries, 'has', 'have')} no right answer.",
        *filter(None, [WHY[evaluation.excluded_for]]),
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
        (title(name), f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}", _over_labels(figure))
        for name, figure in result.figures.items()
    ]
    lists = zip(LISTS.values(), _list_cells(result.lists), strict=True)
    rows += [(name, cell, "", "") for name, cell in lists]
    return table_text([Column("Figure"), *map(_number, ("Value", INTERVAL, OVER_LABELS))], rows, width)


def _over_labels(figure: Figure, sign: str = "") -> str:
    """The interval over whole labels, where there are several."""
    if figure.low_over_labels is None or figure.high_over_labels is None:
        return ""
    return f"{figure.low_over_labels:{sign}.3f} to {figure.high_over_labels:{sign}.3f}"


def _several(evaluation: Evaluation, width: int | None, every: bool) -> str:
    names = evaluation.results[0].figures
    others = [name for name in names if name in BRIEF[1:] or name.startswith("precision")] if every else []
    numbers = ["MAP", INTERVAL, "Gain", "p", *map(title, others)]
    numbers += ["Coverage", "Hubness", "Largest N10", "Diversity", "Novelty"] if every else []
    numbers += [f"MAP {OVER_LABELS}", f"Gain {OVER_LABELS}"] if every else []
    rows, shown = [], _best_first(evaluation) if every else _worth_showing(evaluation)
    for result, gain in shown:
        best = result.figures["map"]
        cells = [result.variant.name, f"{best.value:.3f}", f"{best.low:.3f} to {best.high:.3f}"]
        cells += [f"{gain.figure.value:+.3f}", f"{gain.p:.4f}"]
        cells += [f"{result.figures[name].value:.3f}" for name in others]
        labels = [_over_labels(best), _over_labels(gain.figure, "+")]
        rows.append([*cells, *([*_list_cells(result.lists), *labels] if every else [])])
    hidden = len(evaluation.results) - len(shown)
    others_too = f"{counted(hidden, 'variant')}, and " if hidden else ""
    brief = f"{others_too}all figures: --all; their intervals: --json"
    more = "recall and nDCG at k: --json" if every else brief
    note = (
        f"Gain: of MAP over {evaluation.results[0].variant.name}, query by query; p is not corrected for"
        f" the number of variants.\nMore: {more}\n"
    )
    columns = [Column("Variant"), *map(_number, numbers)]
    tables = [table_text(*part, width) for part in _parts(columns, rows, width)]
    verdict_text = "".join(f"{line}\n" for line in _verdict_text(evaluation, width))
    return "\n".join([*tables, note, *([verdict_text] if verdict_text else [])])


def _parts(
    columns: list[Column], rows: list[list[str]], width: int | None
) -> Iterator[tuple[list[Column], list[list[str]]]]:
    """A table cut into tables that fit, each with the first column."""
    wide = [max(map(len, (column.title, *cells))) + 2 for column, *cells in zip(columns, *rows, strict=True)]
    start = 1
    while start < len(columns):
        stop = start + 1
        while stop < len(columns) and (width is None or wide[0] + sum(wide[start : stop + 1]) - 2 <= width):
            stop += 1
        yield [columns[0], *columns[start:stop]], [[row[0], *row[start:stop]] for row in rows]
        start = stop


def _verdict_text(evaluation: Evaluation, width: int | None) -> list[str]:
    """What is best here, by how much, whether that is sure, and how to have it."""
    found = verdict(evaluation)
    if found is None:
        return []
    best, over, own = found.best.variant, found.over.variant, evaluation.own
    names = [f"{one.name}{' (as it is here)' if one == own else ''}" for one in (best, over)]
    text = f"Best for searches here: {names[0]}, in MAP {_ahead(found.gain)} ahead of {names[1]}."
    chance = f"p {found.gain.p:.4f}, best of {found.tried} that searches can have"
    text += f" That is sure ({chance})." if found.sure else f" That may be chance ({chance})."
    if found.beyond:
        text += f" {found.beyond.variant.name} has a higher MAP; no command makes searches so."
    begin = (f"To {'have' if found.sure else 'try'} it", "and then")
    lines = [": ".join(both) for both in zip(begin, _commands(evaluation, best), strict=False)]
    return [*textwrap.wrap(text, width or MAX_LINE, break_on_hyphens=False), *lines]


def _ahead(gain: Difference) -> str:
    figure, drawn = gain.figure, _over_labels(gain.figure)
    labels = f", {OVER_LABELS} {drawn}" if drawn else ""
    return f"{figure.value:.3f} ({INTERVAL} {figure.low:.3f} to {figure.high:.3f}{labels})"


def _commands(evaluation: Evaluation, best: Variant) -> list[str]:
    """The commands that make the home's searches so."""
    own = evaluation.own
    home = "" if evaluation.home == find_home().path else f" --home {shlex.quote(str(evaluation.home))}"
    pooling = f" --pooling {best.pooling}" if best.pooling != own.pooling else ""
    whitening = ""
    if evaluation.whitens and best.pooling == "mean" and (pooling or best.whitening != own.whitening):
        whitening = " --whitening" if best.whitening else " --no-whitening"
    change = [f"audiosim index{pooling}{whitening}{home}"] if pooling or whitening else []
    plain = best.hub_correction != own.hub_correction
    return change + ([f"audiosim similar QUERY --no-hub-correction{home}"] if plain else [])


def _better_home(comparison: HomeComparison) -> str:
    difference = comparison.differences["map"]
    figure = difference.figure
    better, place = (figure, "second") if figure.value > 0 else (_turned(figure), "first")
    labels = _over_labels(figure, "+")
    drawn = f"Difference in MAP, {INTERVAL} {OVER_LABELS}: {labels}.\n" if labels else ""
    if not (difference.p < SURE and above(better)):
        return f"{drawn}Which of the two is better is not sure: their difference in MAP may be chance.\n"
    return f"{drawn}The {place} home is better, by MAP; that is sure.\n"


def _turned(figure: Figure) -> Figure:
    """The difference the other way round."""
    low, high = figure.low_over_labels, figure.high_over_labels
    return Figure(
        -figure.value,
        -figure.high,
        -figure.low,
        None if high is None else -high,
        None if low is None else -low,
    )


def _best_first(evaluation: Evaluation) -> list[tuple[VariantResult, Difference]]:
    pairs = zip(evaluation.results, evaluation.gains, strict=True)
    return sorted(pairs, key=lambda pair: -pair[0].figures["map"].value)


def _worth_showing(evaluation: Evaluation) -> list[tuple[VariantResult, Difference]]:
    """The best variants, what the home has, what gains are over, and what the verdict names."""
    found = verdict(evaluation)
    judged = [found.best.variant, found.over.variant] if found else []
    named = [evaluation.own, evaluation.results[0].variant, *judged]
    ranked = enumerate(_best_first(evaluation))
    return [pair for rank, pair in ranked if rank < SHOWN or pair[0].variant in named]


def _list_cells(lists: ListFigures) -> list[str]:
    return [str(v) if isinstance(v, int) else f"{v:.3f}" for v in asdict(lists).values()]


def _verdict_fields(evaluation: Evaluation) -> dict[str, Any] | None:
    found = verdict(evaluation)
    if found is None:
        return None
    return {
        "best": found.best.variant.name,
        "over": found.over.variant.name,
        "own": evaluation.own.name,
        "gain": difference_fields(found.gain),
        "sure": found.sure,
        "beyond": None if found.beyond is None else found.beyond.variant.name,
        "commands": _commands(evaluation, found.best.variant),
    }


def _variant_fields(result: VariantResult, gain: Difference) -> dict[str, Any]:
    return {
        "variant": result.variant.name,
        **asdict(result.variant),
        "map_gain": difference_fields(gain),
        "figures": {name: figure_fields(figure) for name, figure in result.figures.items()},
        **{name: _rounded(value) for name, value in asdict(result.lists).items()},
    }


def figure_fields(figure: Figure) -> dict[str, float | None]:
    """Give the fields of a figure; the interval over labels is null where there is one label only."""
    return {name: _rounded(value) for name, value in asdict(figure).items()}


def difference_fields(difference: Difference) -> dict[str, float | None]:
    """Give the fields of a difference."""
    return {**figure_fields(difference.figure), "p": _rounded(difference.p)}


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, DIGITS)


def _number(title: str) -> Column:
    return Column(title, "number")
