"""Which worker has which files in hand, and where each may go: decisions only, no cluster."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

MAX_LOSSES = 3  # workers lost with a file in hand, after which it is not tried again
ALONE_AFTER = 2  # losses after which a file is tried with no other beside it
MAX_MISSES = 3  # files in a row that a node could not read, though others can
AHEAD = 4  # files that a worker has beyond two for each of its processes


@dataclass(eq=False)
class Hand:
    """The files that a worker has in hand."""

    node: str
    files: dict[bytes, bool] = field(default_factory=dict)  # whether it was identified there


class Scheduler:
    """The files of a run, on their way to workers and back.

    Parameters
    ----------
    paths : iterable of bytes
        Drawn one by one, when a worker has room; their end may come early.
    count : int
        How many there are at most.
    jobs : int
        Decoding processes of a worker.
    """

    def __init__(self, paths: Iterable[bytes], *, count: int, jobs: int) -> None:
        self._source = iter(paths)
        self._left = count  # not drawn yet
        self._most = 2 * jobs + AHEAD
        self._hands: list[Hand] = []
        self._again: dict[bytes, None] = {}  # to be handed out once more, in order
        self._losses: Counter[bytes] = Counter()
        self._avoid: dict[bytes, set[str]] = defaultdict(set)  # nodes that can't read a file
        self._misses: Counter[str] = Counter()  # in a row, by node
        self.benched: set[str] = set()  # nodes that get no more work
        self.some_node_reads = False

    @property
    def nodes(self) -> list[str]:
        """The nodes of the workers that may get files, one entry a worker."""
        return [hand.node for hand in self._hands if hand.node not in self.benched]

    @property
    def waiting(self) -> list[bytes]:
        """The files that are to be handed out once more."""
        return list(self._again)

    @property
    def busy(self) -> bool:
        """Whether any worker has a file in hand."""
        return any(hand.files for hand in self._hands)

    @property
    def finished(self) -> bool:
        """Whether no file waits and none is in hand."""
        return not (self._left or self._again or self.busy)

    def join(self, node: str) -> Hand:
        """The empty hand of a worker that is ready."""
        self._hands.append(Hand(node))
        return self._hands[-1]

    def hand_out(self, hand: Hand) -> list[bytes]:
        """The files that a worker gets now; in the end, fair shares of what is left."""
        if hand.node in self.benched or any(map(self._alone, hand.files)):
            return []
        may = [path for path in self._again if hand.node not in self._avoid[path]]
        given = [path for path in may if self._alone(path)][:1]
        if hand.files or not given:
            share = max(1, -(-(self._left + len(self._again)) // len(self.nodes)))
            room = min(self._most, share) - len(hand.files)
            beside = (path for path in may if not self._alone(path))
            given = list(islice(chain(beside, self._draw()), max(0, room)))
        for path in given:
            self._again.pop(path, None)
            hand.files[path] = False
        return given

    def identified(self, hand: Hand, path: bytes) -> None:
        """A worker could read a file."""
        hand.files[path] = True
        self._misses[hand.node] = 0
        self.some_node_reads = True

    def out_of_reach(self, hand: Hand, path: bytes) -> bool:
        """A worker could not read a file that is there; whether its node is given up for that, now."""
        del hand.files[path]
        self._avoid[path].add(hand.node)
        self._again[path] = None
        self._misses[hand.node] += 1
        if self._misses[hand.node] < MAX_MISSES or hand.node in self.benched:
            return False
        self.benched.add(hand.node)
        return True

    def lost(self, hand: Hand) -> list[bytes]:
        """A worker is gone: its files go to others, but for those given here, which go to none."""
        self._hands.remove(hand)
        self._losses.update(hand.files.keys())
        given_up = [path for path in hand.files if self._losses[path] >= MAX_LOSSES]
        self._again.update(dict.fromkeys(path for path in hand.files if path not in given_up))
        return given_up

    def _alone(self, path: bytes) -> bool:
        return self._losses[path] >= ALONE_AFTER

    def _draw(self) -> Iterator[bytes]:
        for path in self._source:
            self._left -= 1
            yield path
        self._left = 0
