"""How densely tracks lie on a map, and in which colours: the ground of its picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audiosim.core.types import Float64

CELLS = 480  # along a side
MARGIN = 0.12  # of the unit square, around it
TINT = 0.27  # opacity where it is densest
LEVELS = (0.18, 0.5, 1.0, 1.7)  # of lines, in units of the density that is usual at a track


@dataclass(frozen=True)
class Density:
    """A square of cells, whose middles are at ``axis`` (n,) in both directions.

    ``image`` (n, n, 4) is its tint, RGB and opacity, 0 to 1; ``weight`` (n, n) the density, and
    ``levels`` those of it to draw lines at.
    """

    axis: Float64
    image: Float64
    weight: Float64
    levels: list[float]


def density(places: Float64, colours: Float64) -> Density:
    """The density of places (n, 2) in the unit square, with colours (n, 3) from 0 to 1."""
    from scipy.ndimage import gaussian_filter

    span = 1 + 2 * MARGIN
    sigma = max(0.011, 0.062 * max(len(places), 20) ** -0.17) * CELLS / span
    columns, rows = ((places + MARGIN) / span * CELLS).astype(int).T
    mass = np.zeros((CELLS, CELLS, 4))
    np.add.at(mass, (rows, columns), np.column_stack([colours, np.ones(len(places))]))
    field = np.stack([gaussian_filter(mass[..., i], sigma) for i in range(4)], axis=-1)
    weight = field[..., 3]
    usual = float(np.median(weight[rows, columns]))
    image = np.zeros_like(field)
    image[..., :3] = np.clip(field[..., :3] / np.maximum(weight, 1e-12)[..., None], 0, 1)
    image[..., 3] = TINT * (1 - np.exp(-weight / usual / 0.9))
    axis = (np.arange(CELLS) + 0.5) / CELLS * span - MARGIN
    levels = [usual * level for level in LEVELS if usual * level < weight.max()]
    return Density(axis, image, weight, levels)
