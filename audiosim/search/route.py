"""A route through vectors, from one to another, whose largest step is as small as can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from audiosim.core.types import Float32

LAYER = 300  # vectors nearest to each target, at least three times as many as there are steps
BEAM = 200  # routes that are followed at a time
EACH = 4  # of them, at most, that end with one vector
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Crowding:
    """What it costs that two vectors with an artist in common come close after one another.

    Parameters
    ----------
    shared : bool (n + 2, n + 2)
        Which have one in common: the start, the n vectors to choose from, the end.
    spacing : int
        How many others should come between two of these.
    cost : float
        What is taken from a step's cosine where fewer do.
    floor : float
        The least cosine that is left by that: a step of less is worse than any that is crowded.
    """

    shared: npt.NDArray[np.bool_]
    spacing: int
    cost: float
    floor: float

    def early(self, routes: Rows, layer: Rows, left: int) -> npt.NDArray[np.bool_]:
        """Which of a layer come too early after these routes, or before the end (routes, layer)."""
        before = np.hstack([np.zeros((len(routes), 1), np.intp), 1 + routes])
        recent = before[:, -self.spacing :] if self.spacing else before[:, :0]
        early = cast("npt.NDArray[np.bool_]", self.shared[recent[:, :, None], 1 + layer].any(axis=1))
        return early | self.shared[-1, 1 + layer] if left <= self.spacing else early


def smoothest(start: Float32, end: Float32, targets: Float32, vectors: Float32, crowding: Crowding) -> Rows:
    """Choose one vector for each target, so that the lowest cosine of all steps is as high as can be.

    A beam search: routes are judged by their lowest step so far and the lowest that any way on from their
    last vector must take, which dynamic programming tells from the end; where these are equal, by the sum
    of the cosines to the targets and of the steps.

    Parameters
    ----------
    start, end : float32 (dim,)
        Unit vectors.
    targets : float32 (m, dim)
        Where the steps between the two should lie.
    vectors : float32 (n, dim)
        To choose from; no one is chosen twice.
    crowding : Crowding
        What else costs.

    Returns
    -------
    int (m,)
        The rows chosen; fewer where there are fewer vectors.
    """
    targets = targets[np.linspace(0, len(targets) - 1, min(len(targets), len(vectors))).round().astype(int)]
    if not len(targets):
        return np.zeros(0, np.intp)
    size = max(LAYER, 3 * len(targets))
    fits = vectors @ targets.T
    layers = [np.argsort(-fits[:, step], kind="stable")[:size] for step in range(len(targets))]
    onward = _onward(vectors, layers, end)
    routes = np.zeros((1, 0), np.intp)
    lowest, total = np.full(1, np.inf), np.zeros(1)
    heads = start[None]
    for step, layer in enumerate(layers):
        cosines = (heads @ vectors[layer].T).astype(np.float64)
        spaced = np.maximum(cosines - crowding.cost, np.minimum(cosines, crowding.floor))
        steps = np.where(crowding.early(routes, layer, len(layers) - step), spaced, cosines)
        steps[(routes[:, :, None] == layer).any(axis=1)] = -np.inf
        least = np.minimum(lowest[:, None], steps)
        sums = total[:, None] + steps + fits[layer, step]
        best = _best(np.minimum(least, onward[step]), sums)
        parents, places = np.divmod(best, len(layer))
        routes = np.hstack([routes[parents], layer[places, None]])
        lowest, total = least.ravel()[best], sums.ravel()[best]
        heads = vectors[routes[:, -1]]
    chosen: Rows = routes[0]
    return chosen


def _onward(vectors: Float32, layers: list[Rows], end: Float32) -> list[Float32]:
    """For each vector of each layer the lowest step of the best way from it to the end."""
    ways: list[Float32] = [vectors[layers[-1]] @ end]
    for layer, following in zip(layers[-2::-1], layers[:0:-1], strict=True):
        steps = vectors[layer] @ vectors[following].T
        steps[layer[:, None] == following] = -np.inf
        way: Float32 = np.minimum(steps, ways[-1]).max(axis=1)
        ways.append(way)
    ways.reverse()
    return ways


def _best(bounds: npt.NDArray[np.float64], sums: npt.NDArray[np.float64]) -> Rows:
    """Flat indices of the BEAM best of (routes, layer), by bound, then by sum; EACH of a column at most."""
    order = np.lexsort((-sums.ravel(), -bounds.ravel()))
    order = order[np.isfinite(bounds.ravel()[order])]
    columns = order % bounds.shape[1]
    taken = np.zeros(bounds.shape[1], int)
    kept: list[int] = []
    for index, column in zip(order.tolist(), columns.tolist(), strict=True):
        if taken[column] < EACH:
            taken[column] += 1
            kept.append(index)
            if len(kept) == BEAM:
                break
    return np.array(kept, np.intp)
