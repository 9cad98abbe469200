"""The workers on a cluster, seen from the driver: the same stream of events as of local work.

The driver alone decides and writes. Ray starts workers, and starts them again until they are ready;
each then tells what happens as one stream, so that what it has not told when it is lost is known,
and goes to others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any

from audiosim.audio.events import Advanced, Embedded, Failed, FileEvent, Probed
from audiosim.core.config import MAX_JOBS
from audiosim.core.errors import AudiosimError
from audiosim.core.text import counted, display_path
from audiosim.core.types import AudioInfo, EncoderSpec, Precision
from audiosim.core.version import __version__
from audiosim.encoders.bundle import packed
from audiosim.indexing.cluster import Cluster
from audiosim.indexing.cluster.capacity import plan_workers
from audiosim.indexing.cluster.connection import Connection, LostError
from audiosim.indexing.cluster.scheduler import MAX_LOSSES, Hand, Scheduler
from audiosim.indexing.cluster.worker import Job, Place, Worker
from audiosim.indexing.report import Activity, Notice

TICK = 0.5  # s that the driver waits for news at a time
START_LIMIT = 120.0  # s that new workers may take to be ready; a dead node may be known only in 30


@dataclass(frozen=True)
class _Member:
    """A worker that is ready."""

    actor: Any
    place: Place
    hand: Hand


def embed_on_cluster(
    paths: Iterable[bytes],
    cluster: Cluster,
    spec: EncoderSpec,
    *,
    files: int,
    want: Callable[[bytes, AudioInfo], bool],
    jobs: int | None = None,
    precision: Precision = "auto",
    batch_size: int | None = None,
) -> Iterator[FileEvent | Notice | Activity]:
    """Have workers decode and embed files; they end with the iteration, at once.

    Parameters
    ----------
    paths : iterable of bytes
        The files. They are drawn as workers have room; their end may come early.
    cluster : Cluster
        Where, and what each worker takes.
    spec : EncoderSpec
        Of the encoder that every worker loads.
    files : int
        How many there will be at most.
    want : callable
        Asked for each file identified: whether to decode it.
    jobs : int, optional
        Decoding processes of each worker, and its threads; by default one a CPU of its own, up to
        MAX_JOBS processes.
    precision : Precision
        As `load_encoder_for` takes it.
    batch_size : int, optional
        As `load_encoder_for` takes it.

    Yields
    ------
    FileEvent or Notice or Activity
        What happens to each file, in each file's own order; files interleave.

    Raises
    ------
    AudiosimError
        When no worker can be started, or none can read the music.
    """
    bundle = packed(spec)
    with closing(Connection(cluster.address)) as connection:
        takes = plan_workers(cluster, connection.nodes(), files)
        threads = min(takes.cpus, jobs or takes.cpus)
        jobs = jobs or min(takes.cpus, MAX_JOBS)
        job = Job(__version__, spec.to_json(), precision, batch_size, jobs, threads, takes)
        scheduler = Scheduler(paths, count=files, jobs=jobs)
        yield from _Driver(connection, job, connection.put(bundle), scheduler, want).events()


class _Driver:
    """Has workers start, hands files to those that are ready, and hears what they tell."""

    def __init__(
        self,
        connection: Connection,
        job: Job,
        weights: Any,
        scheduler: Scheduler,
        want: Callable[[bytes, AudioInfo], bool],
    ) -> None:
        self._connection, self._job, self._weights = connection, job, weights
        self._scheduler, self._want = scheduler, want
        self._starting: dict[Any, Any] = {}  # workers, by the call that answers when they are ready
        self._members: dict[Any, _Member] = {}  # by the stream of what they tell
        self._digests: dict[bytes, str] = {}  # of files being computed
        self._unreadable: dict[bytes, Failed] = {}  # what workers said of files that are there
        self._last_change = time.monotonic()  # when a worker was last ready or lost

    def events(self) -> Iterator[FileEvent | Notice | Activity]:
        """What happens to each file, in each file's own order; files interleave."""
        yield Activity("Starting workers, which load the model")
        for _ in range(self._job.takes.count):
            self._hire()
        while self._scheduler.busy or self._may_start():
            calls = self._connection.answered([*self._starting, *self._members], TICK)
            happened = [event for call in calls for event in self._news(call)]
            self._hand_out()  # workers go on while the reader of the events works
            yield from happened
        yield from self._never_read()

    def _may_start(self) -> bool:
        """Whether files wait for workers that are still to come."""
        soon = self._starting and time.monotonic() - self._last_change < START_LIMIT
        return bool(soon) and not self._scheduler.finished

    def _hire(self) -> None:
        actor = self._connection.start(Worker, self._job.takes)
        ready = actor.start.options(max_task_retries=-1).remote(self._job, self._weights)
        self._starting[ready] = actor

    def _hand_out(self) -> None:
        for member in self._members.values():
            if paths := self._scheduler.hand_out(member.hand):
                member.actor.take.remote(paths)

    def _news(self, call: Any) -> Iterator[FileEvent | Notice]:
        """What a worker tells, as the driver's reader is to see it."""
        try:
            answer = self._connection.answer(call)
        except LostError as error:
            yield from self._lost(call, error)
            return
        if isinstance(answer, Place):
            actor, self._last_change = self._starting.pop(call), time.monotonic()
            stream = actor.events.options(num_returns="streaming").remote()
            self._members[stream] = _Member(actor, answer, self._scheduler.join(answer.node))
            return
        member, path = self._members[call], answer.path
        match answer:
            case Probed(_, info):
                self._scheduler.identified(member.hand, path)
                yield from self._probed(member, path, info)
            case Failed(_, _, "file") if not member.hand.files[path]:
                yield from self._out_of_reach(member, answer)
            case Advanced():
                yield answer
            case Embedded() | Failed():
                self._done(member, path)
                yield answer

    def _probed(self, member: _Member, path: bytes, info: AudioInfo) -> Iterator[FileEvent]:
        known = self._digests.get(path)  # where a lost worker had it before, and the reader has been told
        wanted = self._want(path, info) if known is None else known == info.digest
        member.actor.answer.remote(path, wanted)
        if not wanted:
            self._done(member, path)
        if known is None:
            if wanted:
                self._digests[path] = info.digest
            yield Probed(path, info, wanted)
        elif not wanted:
            yield Failed(path, "it changed while it was read; the next run tries again", "file")

    def _done(self, member: _Member, path: bytes) -> None:
        del member.hand.files[path]
        self._digests.pop(path, None)

    def _out_of_reach(self, member: _Member, event: Failed) -> Iterator[FileEvent | Notice]:
        """A file that a worker can't read: another may, if the driver can."""
        if not _readable(event.path):
            self._done(member, event.path)
            yield event
            return
        self._unreadable[event.path] = event
        if self._scheduler.out_of_reach(member.hand, event.path):
            yield Notice(
                f"The node {member.place} can't read the music and gets no more work: "
                f"{display_path(event.path)}: {event.reason}. Mount the music there at the same path."
            )

    def _lost(self, call: Any, error: LostError) -> Iterator[FileEvent | Notice]:
        if call in self._starting:  # Ray, which tries again for ever, has given up
            raise AudiosimError(
                "A worker can't be started on the Ray cluster",
                error.why,
                "Install the same audiosim with its extra 'ray' on every node.",
            )
        self._hire()
        member, self._last_change = self._members.pop(call), time.monotonic()
        self._connection.kill(member.actor)
        given_up = self._scheduler.lost(member.hand)
        yield Notice(
            f"A worker on the node {member.place} was lost ({error.kind}); "
            f"others do {counted(len(member.hand.files) - len(given_up), 'file')} that it had in hand."
        )
        for path in given_up:
            self._digests.pop(path, None)
            yield Failed(path, f"its worker was lost {MAX_LOSSES} times", "decoder")

    def _never_read(self) -> Iterator[FileEvent]:
        """What still waits when nothing is being done, nor about to be: no node can read it."""
        if self._scheduler.finished:
            return
        if not (self._scheduler.nodes or self._scheduler.benched):
            takes = self._job.takes
            raise AudiosimError(
                "No worker could be started on the Ray cluster",
                f"none was ready after {START_LIMIT:g} s",
                f"Each needs {takes.cpus} CPUs and {takes.gpus:g} GPUs. Others may be using the "
                "nodes, or the nodes are gone or out of memory: see 'ray status'.",
            )
        if not (self._scheduler.nodes and self._scheduler.some_node_reads):
            path, event = next(iter(self._unreadable.items()))
            raise AudiosimError(
                "No node of the Ray cluster can read the music",
                f"{display_path(path)}: {event.reason}",
                "Mount the music at the same path on every node, then run the same command again.",
            )
        for path in self._scheduler.waiting:
            event = self._unreadable[path]
            yield replace(event, reason=f"{event.reason} (on no node)")


def _readable(path: bytes) -> bool:
    with suppress(OSError), open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        return bool(file.read(1))
    return False
