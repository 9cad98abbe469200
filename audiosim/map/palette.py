"""Colours of groups, each in a shade for light paper and one for dark.

Neighbours in the list differ in lightness as well as in hue, for eyes that tell few hues apart.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """One colour as ``#rrggbb``, on light paper and on dark."""

    light: str
    dark: str


HUES = (
    Colour("#3f6fd1", "#7aa2ff"),  # blue
    Colour("#e0902a", "#f3b45e"),  # amber
    Colour("#1c9584", "#4fd0bb"),  # teal
    Colour("#cf4668", "#ff7d9a"),  # rose
    Colour("#8a5fd0", "#b795ff"),  # violet
    Colour("#7a9a2e", "#b3d15c"),  # olive
    Colour("#45a6d6", "#7fd0f7"),  # sky
    Colour("#a8502c", "#e08a62"),  # rust
    Colour("#c266b6", "#ec9be1"),  # orchid
    Colour("#c4a420", "#ecd25a"),  # gold
    Colour("#344e86", "#8196d8"),  # navy
    Colour("#55b586", "#86e0b4"),  # mint
    Colour("#ee7d6b", "#ffa596"),  # coral
    Colour("#77355f", "#c77fae"),  # plum
    Colour("#2d6b78", "#6fb2c0"),  # petrol
    Colour("#a795e0", "#cdc0ff"),  # lilac
    Colour("#86694b", "#c4a582"),  # brown
    Colour("#2f6a3e", "#76b886"),  # forest
    Colour("#e39abd", "#ffc4de"),  # pink
    Colour("#a3b53a", "#d5e47e"),  # lime
)
REST = Colour("#a3a3a0", "#6d7178")
RAMP = (  # from early to late
    Colour("#3d3f8f", "#8088ee"),
    Colour("#3578a8", "#5cb3e0"),
    Colour("#3fa083", "#62d2a8"),
    Colour("#cfae35", "#efd263"),
    Colour("#df7a3a", "#fb9a5c"),
    Colour("#bb3f57", "#f77a8d"),
)


def ramp(count: int) -> list[Colour]:
    """`count` colours from early to late."""
    steps = [step * (len(RAMP) - 1) / max(1, count - 1) for step in range(count)]
    return [_between(step) for step in steps]


def _between(step: float) -> Colour:
    first = min(int(step), len(RAMP) - 2)
    start, end, share = RAMP[first], RAMP[first + 1], step - first
    return Colour(_mixed(start.light, end.light, share), _mixed(start.dark, end.dark, share))


def _mixed(start: str, end: str, share: float) -> str:
    pairs = [(int(start[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
