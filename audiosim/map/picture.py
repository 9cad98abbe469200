"""A map as a picture, for a page of paper or a post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from audiosim.core.drawing import DPI, INK, PAPER, SOFT, installed_fonts, png
from audiosim.core.types import Float64
from audiosim.map.atlas import Atlas
from audiosim.map.density import density
from audiosim.map.groups import Group
from audiosim.map.label_placement import Box, free_box, gathers, peak

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

WIDTH = 15.0  # inches
HEIGHTS = (8.5, 11.5)  # inches, from flat maps to square ones
LEGEND = 3.3  # inches of the width
EDGE = 0.3  # inches
AROUND = 0.07  # of the unit square, free around the tracks
NAME_WIDTH = 2.6  # inches, of a name on the map
GAP = 0.1  # inches, from a name in the legend to its count


def render_picture(atlas: Atlas) -> bytes:
    """The picture, PNG, 2,700 pixels wide."""
    places = atlas.places.astype(np.float64)
    low, high = places.min(axis=0) - AROUND, places.max(axis=0) + AROUND
    wide = WIDTH - LEGEND - 2 * EDGE
    shape = float((high - low)[1] / (high - low)[0])
    height = float(np.clip(wide * shape + 2 * EDGE, *HEIGHTS))
    box = (EDGE / WIDTH, EDGE / height, wide / WIDTH, 1 - 2 * EDGE / height)

    def draw(figure: Figure) -> None:
        axes = figure.add_axes(box, aspect="equal", xlim=(low[0], high[0]), ylim=(high[1], low[1]))
        axes.set_axis_off()
        _draw(figure, axes, atlas, places)

    return png(WIDTH, height, draw)


def _draw(figure: Figure, axes: Axes, atlas: Atlas, places: Float64) -> None:
    fonts = installed_fonts()
    colours = np.array([_rgb(group) for group in atlas.grouping.groups])[np.asarray(atlas.grouping.of)]
    frame = (axes.get_xlim(), axes.get_ylim())
    _ground(axes, places, colours)
    _points(axes, places, colours)
    axes.set(xlim=frame[0], ylim=frame[1])
    _names(axes, atlas, places, fonts)
    _legend(figure, atlas, fonts)


def _rgb(group: Group) -> Float64:
    text = group.colour.light
    return np.array([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def _ground(axes: Axes, places: Float64, colours: Float64) -> None:
    """A tint where tracks are, and lines of equal density."""
    ground = density(places, colours)
    half = (ground.axis[1] - ground.axis[0]) / 2
    low, high = float(ground.axis[0] - half), float(ground.axis[-1] + half)
    axes.imshow(ground.image, extent=(low, high, high, low), interpolation="bicubic", zorder=1)
    if ground.levels:
        axes.contour(
            ground.axis, ground.axis, ground.weight, ground.levels,
            colors=[INK], alpha=0.09, linewidths=0.7, zorder=2,
        )  # fmt: skip


def _points(axes: Axes, places: Float64, colours: Float64) -> None:
    """The points, in an order that lets no group lie on top of all others."""
    order = np.random.default_rng(0).permutation(len(places))
    diameter = float(np.clip(24 * len(places) ** -0.21, 3.0, 11))  # pt
    edge = 0.9 if len(places) < 3000 else 0.0
    x, y = places[order].T
    size = np.full(len(places), diameter**2)
    axes.scatter(x, y, size, colours[order], edgecolors="white", linewidths=edge, zorder=3)


def _names(axes: Axes, atlas: Atlas, places: Float64, fonts: list[str]) -> None:
    """Names of groups beside where they are densest, the largest first, while there is room."""
    from matplotlib import patheffects

    taken: list[Box] = []
    (left, right), (low, high) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
    frame = Box((left + right) / 2, (low + high) / 2, right - left, high - low)
    of = np.asarray(atlas.grouping.of)
    for number, group in sorted(enumerate(atlas.grouping.groups), key=lambda pair: -pair[1].count):
        members = places[of == number]
        if group.rest or not gathers(members, places):
            continue
        text = axes.text(
            0.5, 0.5, group.name, color=_rgb(group) * 0.55, fontsize=13, fontfamily=fonts,
            ha="center", va="center_baseline", zorder=5, parse_math=False,
            path_effects=[patheffects.withStroke(linewidth=3.5, foreground=PAPER, alpha=0.85)],
        )  # fmt: skip
        _fit(text, NAME_WIDTH)
        extent = text.get_window_extent().transformed(axes.transData.inverted())
        size = abs(extent.width) * 1.06, abs(extent.height) * 1.3
        box = free_box(peak(members), size, taken, places, frame)
        if box is None:
            text.remove()
        else:
            text.set_position((box.x, box.y))
            taken.append(box)


def _legend(figure: Figure, atlas: Atlas, fonts: list[str]) -> None:
    """The headline and the groups, from the top down; places in inches."""
    count = len(atlas.places)
    hours = sum(track.duration or 0.0 for track in atlas.recordings) / 3600
    left, right, height = WIDTH - LEGEND + 0.2, WIDTH - 0.5, float(figure.get_figheight())

    def write(x: float, y: float, text: str, **style: Any) -> Text:
        style = {"color": INK, "va": "center", "fontfamily": fonts, **style}
        return figure.text(x / WIDTH, 1 - y / height, text, parse_math=False, **style)

    write(left, 0.65, f"{count:,} track{'' if count == 1 else 's'}", fontsize=23, fontweight="bold")
    write(left, 1.0, f"{hours:,.1f} hours · {atlas.encoder}", fontsize=11, color=SOFT)
    write(left, 1.6, atlas.grouping.by.capitalize(), fontsize=10, color=SOFT)
    step = min(0.31, (height - 2.3) / max(1, len(atlas.grouping.groups)))
    for row, group in enumerate(atlas.grouping.groups):
        y = 1.98 + row * step
        _dot(figure, left + 0.06, y, group)
        count_text = write(right, y, f"{group.count:,}", fontsize=10.5, color=SOFT, ha="right")
        name = write(left + 0.26, y, group.name, fontsize=11.5)
        _fit(name, right - left - 0.26 - _width(count_text) - GAP)


def _dot(figure: Figure, x: float, y: float, group: Group) -> None:
    from matplotlib.patches import Ellipse

    height, size = float(figure.get_figheight()), 0.115
    middle = (x / WIDTH, 1 - y / height)
    colour = group.colour.light
    figure.add_artist(
        Ellipse(middle, size / WIDTH, size / height, transform=figure.transFigure, color=colour)
    )


def _width(text: Text) -> float:
    """How wide a text is drawn, in inches; glyphs differ by five times and more."""
    return float(text.get_window_extent().width) / DPI


def _fit(text: Text, most: float) -> None:
    """Shorten a text so that it is not wider than so many inches."""
    whole = text.get_text()
    fits, too_long = 0, len(whole) + 1
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        text.set_text(_cut(whole, middle))
        fits, too_long = (middle, too_long) if _width(text) <= most else (fits, middle)
    text.set_text(_cut(whole, fits))


def _cut(text: str, length: int) -> str:
    """So many characters of a text, of its begin and some of its end, where volumes of an album differ."""
    if length >= len(text):
        return text
    tail = length // 3
    return text[: length - tail].rstrip() + "…" + text[len(text) - tail :].lstrip()
