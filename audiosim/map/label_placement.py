"""Where the names of groups go on a picture: close to their tracks, hiding few, touching none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audiosim.core.types import Float64

NEAR = 0.07  # of the unit square: around the middle of a group
SAMPLE = 400  # tracks of a group looked at
LEAST = 1 / 3  # of the tracks where a group is densest: one with less is all over the place
FEW = 1500  # points that names make way for; among more there is no room
SIDEWAYS = (0.0, -0.25, 0.25, -0.5, 0.5)  # of a name's width
UPWARDS = (0.0, -0.7, 0.7, -1.4, 1.4, -2.1, 2.1, -2.8, 2.8)  # of its height


@dataclass(frozen=True)
class Box:
    """A rectangle around a middle; lengths in units of the map."""

    x: float
    y: float
    width: float
    height: float

    def touches(self, other: Box) -> bool:
        """Whether the two overlap."""
        wide, high = (self.width + other.width) / 2, (self.height + other.height) / 2
        return abs(self.x - other.x) < wide and abs(self.y - other.y) < high

    def holding(self, other: Box) -> Box:
        """The other one moved as little as it takes to lie in this."""
        free = max(0.0, self.width - other.width) / 2, max(0.0, self.height - other.height) / 2
        x = min(max(other.x, self.x - free[0]), self.x + free[0])
        y = min(max(other.y, self.y - free[1]), self.y + free[1])
        return Box(x, y, other.width, other.height)

    def covered(self, places: Float64) -> int:
        """How many of the places (n, 2) lie in it."""
        distance = np.abs(places - (self.x, self.y))
        return int(((distance[:, 0] < self.width / 2) & (distance[:, 1] < self.height / 2)).sum())


def peak(places: Float64) -> tuple[float, float]:
    """Where places (n, 2) are densest: the mean around the one that has most others near."""
    some = places[:: max(1, len(places) // SAMPLE)]
    near = np.linalg.norm(some[:, None] - some[None], axis=-1) < NEAR
    x, y = some[near[near.sum(axis=1).argmax()]].mean(axis=0)
    return float(x), float(y)


def gathers(members: Float64, places: Float64) -> bool:
    """Whether the members of a group (n, 2) are many among all places (m, 2) where they are densest."""
    middle = peak(members)
    close = [int((np.linalg.norm(some - middle, axis=1) < NEAR).sum()) for some in (members, places)]
    return close[0] >= LEAST * close[1]


def free_box(
    middle: tuple[float, float], size: tuple[float, float], taken: list[Box], places: Float64, frame: Box
) -> Box | None:
    """The best box of this size in the frame and near the middle that touches none of those taken, if any."""
    width, height = size
    points = places if len(places) <= FEW else places[:0]
    best: tuple[float, Box] | None = None
    for aside in SIDEWAYS:
        for up in UPWARDS:
            box = frame.holding(Box(middle[0] + aside * width, middle[1] + up * height, width, height))
            cost = 2.2 * box.covered(points) + 1.1 * abs(up) + 3.2 * abs(aside)
            if (best is None or cost < best[0]) and not any(box.touches(other) for other in taken):
                best = cost, box
    return None if best is None else best[1]
