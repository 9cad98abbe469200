"""The precision of the first answers, variant by variant, as a picture for a page of paper or a post."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from audiosim.core.drawing import INK, PAPER, SOFT, installed_fonts, png
from audiosim.core.text import counted, visible
from audiosim.core.types import Float64
from audiosim.evaluation.metrics import Relevance
from audiosim.evaluation.results import Evaluation, HomeComparison, VariantResult
from audiosim.evaluation.significance import Figure as Estimate
from audiosim.evaluation.significance import bootstrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 9.0, 6.2  # inches
LEFT, WIDE = 0.08, 0.88  # in shares of the picture
FRAME = (LEFT, 0.11, WIDE, 0.73)  # of the axes
MOST = 8  # curves; more can't be told apart
COLOURS = (  # of M. Okabe and K. Ito, which people with any kind of colour vision tell apart
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a7a00",
)  # fmt: skip
FAINT = 0.55  # opacity of an interval
APART = 0.08  # of the way to the next k, from curve to curve


@dataclass(frozen=True)
class Curve:
    """The precision of the first answer, of the first two, and so on."""

    name: str
    points: tuple[Estimate, ...]


def render_evaluation(evaluation: Evaluation) -> bytes:
    """Draw the variants of a home, the best ones where there are many, PNG."""
    shown = chosen(evaluation)
    here = {True: " (as it is here)", False: ""}
    curves = [curve(f"{one.variant.name}{here[one.variant == evaluation.own]}", one.hits) for one in shown]
    count = len(evaluation.results)
    some = f"{len(shown)} of {count} variants, best MAP first" if len(shown) < count else ""
    return render(curves, evaluation, "; ".join(filter(None, (evaluation.encoder, some))))


def render_comparison(comparison: HomeComparison) -> bytes:
    """Draw two homes, PNG."""
    homes = {"first": comparison.first, "second": comparison.second}
    curves = [
        curve(f"{place} home, {visible(one.home.name)} ({one.encoder})", one.results[0].hits)
        for place, one in homes.items()
    ]
    return render(curves, comparison.first, "two homes on the tracks that both hold")


def chosen(evaluation: Evaluation) -> list[VariantResult]:
    """The variants to draw, best MAP first: what the home has, and the best of the others."""
    ranked = sorted(evaluation.results, key=lambda result: -result.figures["map"].value)
    own = [result for result in ranked if result.variant == evaluation.own]
    others = [result for result in ranked if result.variant != evaluation.own][: MOST - len(own)]
    return [result for result in ranked if any(result is one for one in (*own, *others))]


def curve(name: str, hits: Relevance) -> Curve:
    """The precisions of the first k answers, from which of them are right, bool (queries, most k)."""
    ranks = np.arange(1, hits.shape[1] + 1)
    precisions: Float64 = np.cumsum(hits, axis=1) / ranks
    return Curve(name, tuple(bootstrap(precisions)))


def render(curves: Sequence[Curve], evaluation: Evaluation, subtitle: str) -> bytes:
    """Draw curves over the precision of random answers."""

    def draw(figure: Figure) -> None:
        axes = figure.add_axes(FRAME, facecolor=PAPER)
        middle = (min(len(curves), len(COLOURS)) - 1) / 2
        for place, (colour, one) in enumerate(zip(COLOURS, curves, strict=False)):
            _draw_curve(axes, one, colour, (place - middle) * APART)
        chance = evaluation.chance
        axes.axhline(chance, color=SOFT, linestyle=(0, (4, 3)), linewidth=1.2, label="random answers")
        _dress(axes)
        _caption(figure, evaluation, subtitle)

    return png(WIDTH, HEIGHT, draw)


def _draw_curve(axes: Axes, one: Curve, colour: str, aside: float) -> None:
    """A line with an interval at each point, a little aside: of several, each can be seen."""
    ranks = np.arange(1, len(one.points) + 1) + aside
    low, value, high = (
        np.array([getattr(point, side) for point in one.points]) for side in ("low", "value", "high")
    )
    axes.vlines(ranks, low, high, color=colour, alpha=FAINT, linewidth=1.2)
    axes.plot(ranks, value, color=colour, linewidth=1.4, marker="o", markersize=3.5, label=one.name)


def _dress(axes: Axes) -> None:
    fonts = installed_fonts()
    axes.set_xlabel("k", fontfamily=fonts, color=INK)
    axes.set_xlim(0.5, None)
    axes.set_ylim(0, 1.02)
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y", color=SOFT, alpha=0.2, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=SOFT)
    legend = axes.legend(frameon=False, prop={"family": fonts, "size": 9}, labelcolor=INK)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _caption(figure: Figure, evaluation: Evaluation, subtitle: str) -> None:
    counts, source = evaluation.counts, visible(os.path.basename(evaluation.labels))
    filtered = f", answers of the same {evaluation.exclude_same} left out" if evaluation.exclude_same else ""
    asked, labels = counted(counts.queries, "query", "queries"), counted(counts.labels, "label")
    about = f"{asked}, {labels} ({source}){filtered}"

    def write(x: float, y: float, text: str, **style: Any) -> None:
        figure.text(x, y, text, fontfamily=installed_fonts(), parse_math=False, **style)

    write(LEFT, 0.94, "Precision of the first k answers", fontsize=16, fontweight="bold", color=INK)
    write(LEFT, 0.905, about, fontsize=9, color=SOFT)
    write(LEFT, 0.875, subtitle, fontsize=9, color=SOFT)
    write(LEFT + WIDE, 0.02, "Bars: 95 % intervals over queries", fontsize=8.5, color=SOFT, ha="right")
