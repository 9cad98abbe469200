"""Which worker has which files in hand, and where each may go: decisions only, no cluster."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_LOSSES = 3  # workers lost with a file in hand, after which it is not tried again
ALONE_AFTER = 2  # losses after which a file is tried with no other beside it
MAX_MISSES = 3  # files in a row that a node could not read, though others can
AHEAD = 4  # files that a worker has beyond two for each of its processes


@dataclass
class _Hand:
    node: str
    files: dict[bytes, bool] = field(default_factory=dict)  # whether it was identified there


class Scheduler:
    """The files of a run, on their way to workers and back.

    Parameters
    ----------
    paths : drawn one by one, when a worker has room; their end may come early.
    count : how many there are at most.
    jobs : decoding processes of a worker.
    """

    def __init__(self, paths: Iterable[bytes], *, count: int, jobs: int) -> None:
        self._source = iter(paths)
        self._left = count  # not drawn yet
        self._most = 2 * jobs + AHEAD
        self._hands: dict[int, _Hand] = {}
        self._again: dict[bytes, None] = {}  # to be handed out once more, in order
        self._losses: Counter[bytes] = Counter()
        self._avoid: dict[bytes, set[str]] = defaultdict(set)  # nodes that can't read a file
        self._misses: Counter[str] = Counter()  # in a row, by node
        self._read: set[str] = set()  # nodes that have read any file
        self.benched: set[str] = set()  # nodes that get no more work

    def join(self, worker: int, node: str) -> None:
        """A worker is ready."""
        self._hands[worker] = _Hand(node)

    @property
    def workers(self) -> list[int]:
        """The workers that may get files."""
        return [worker for worker, hand in self._hands.items() if hand.node not in self.benched]

    @property
    def some_node_reads(self) -> bool:
        """Whether any node has read any file."""
        return bool(self._read)

    def busy(self, worker: int) -> bool:
        """Whether a worker has files in hand."""
        return bool(self._hands[worker].files)

    def hand_out(self, worker: int) -> list[bytes]:
        """The files that a worker gets now; in the end, fair shares of what is left."""
        hand = self._hands[worker]
        if hand.node in self.benched or any(self._losses[path] >= ALONE_AFTER for path in hand.files):
            return []
        waiting = self._left + len(self._again)
        limit = max(1, min(self._most, -(-waiting // len(self.workers))))
        given: list[bytes] = []
        for path in [path for path in self._again if hand.node not in self._avoid[path]]:
            if len(hand.files) + len(given) >= limit:
                break
            alone = self._losses[path] >= ALONE_AFTER
            if alone and (hand.files or given):
                continue
            del self._again[path]
            given.append(path)
            if alone:
                hand.files[path] = False
                return given
        while len(hand.files) + len(given) < limit and (drawn := self._draw()) is not None:
            given.append(drawn)
        hand.files.update(dict.fromkeys(given, False))
        return given

    def identified(self, worker: int, path: bytes) -> None:
        """A worker could read a file."""
        hand = self._hands[worker]
        hand.files[path] = True
        self._misses[hand.node] = 0
        self._read.add(hand.node)

    def was_identified(self, worker: int, path: bytes) -> bool:
        """Whether a worker could read a file that it has in hand."""
        return self._hands[worker].files[path]

    def done(self, worker: int, path: bytes) -> None:
        """Nothing more comes of a file."""
        del self._hands[worker].files[path]

    def out_of_reach(self, worker: int, path: bytes) -> bool:
        """A worker could not read a file that is there; whether its node is given up for that, now."""
        hand = self._hands[worker]
        del hand.files[path]
        self._avoid[path].add(hand.node)
        self._again[path] = None
        self._misses[hand.node] += 1
        if self._misses[hand.node] < MAX_MISSES or hand.node in self.benched:
            return False
        self.benched.add(hand.node)
        return True

    def lost(self, worker: int) -> tuple[list[bytes], list[bytes]]:
        """A worker is gone: its files that go to others, and those that go to none any more."""
        again, given_up = [], []
        for path in self._hands.pop(worker).files:
            self._losses[path] += 1
            if self._losses[path] >= MAX_LOSSES:
                given_up.append(path)
            else:
                again.append(path)
                self._again[path] = None
        return again, given_up

    def stranded(self) -> list[bytes]:
        """Files that no worker there is can read; they wait no longer."""
        nodes = {self._hands[worker].node for worker in self.workers}
        paths = [path for path in self._again if nodes <= self._avoid[path]]
        for path in paths:
            del self._again[path]
        return paths

    def finished(self) -> bool:
        """Whether no file waits and none is in hand."""
        if self._again or any(hand.files for hand in self._hands.values()):
            return False
        return self._left == 0

    def _draw(self) -> bytes | None:
        path = next(self._source, None)
        self._left = 0 if path is None else self._left - 1
        return path
