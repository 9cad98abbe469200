"""The workers on a cluster, seen from the driver: the same stream of events as the local supervisor's.

The driver alone decides and writes. A worker's call is answered with what happened there; one
call a worker is under way at any time, so what it has not told is known, and goes to others when
it is lost.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from types import TracebackType
from typing import Any

from audiosim.audio.events import Embedded, Failed, Probed
from audiosim.core.config import MAX_JOBS
from audiosim.core.errors import AudiosimError
from audiosim.core.text import display_path
from audiosim.core.types import AudioInfo, EncoderSpec, Precision
from audiosim.core.version import __version__
from audiosim.encoders.bundle import packed
from audiosim.indexing.cluster import Cluster
from audiosim.indexing.cluster.capacity import WorkerPlan, plan_workers
from audiosim.indexing.cluster.connection import Connection, LostError
from audiosim.indexing.cluster.scheduler import MAX_LOSSES, Scheduler
from audiosim.indexing.cluster.worker import Broken, Job, Place, Worker, WorkerEvent
from audiosim.indexing.report import Notice

TICK = 0.5  # s that the driver waits for an answer at a time
START_LIMIT = 120.0  # s that new workers may take to be ready; a dead node may be known only in 30
START_PAUSE = 3.0  # s before another is started in place of one that was lost before it was ready

ClusterEvent = Probed | Embedded | Failed | Notice


@dataclass
class _Member:
    """A worker, and the call to it that is under way."""

    number: int
    actor: Any
    call: Any = None
    place: Place | None = None  # None until it is ready
    answers: dict[bytes, bool] = field(default_factory=dict)  # to go with the next call


class ClusterDriver:
    """Decodes and embeds files on a cluster.

    Parameters
    ----------
    cluster : where, and what each worker takes.
    spec : of the encoder that every worker loads.
    jobs : decoding processes of each worker; None for one a CPU of its own, up to MAX_JOBS.
    precision, batch_size : as `load_encoder_for` takes them.
    files : how many there will be at most.
    want : asked for each file identified: whether to decode it.

    Used as a context manager; leaving it ends the workers at once.
    """

    def __init__(
        self,
        cluster: Cluster,
        spec: EncoderSpec,
        *,
        jobs: int | None,
        precision: Precision,
        batch_size: int | None,
        files: int,
        want: Callable[[bytes, AudioInfo], bool],
    ) -> None:
        self._cluster, self._spec = cluster, spec
        self._jobs, self._precision, self._batch_size = jobs, precision, batch_size
        self._files, self._want = files, want
        self._members: dict[int, _Member] = {}
        self._numbers = count()
        self._digests: dict[bytes, str] = {}  # of files being computed
        self._unreadable: dict[bytes, Failed] = {}  # what workers said of files that are there
        self._stranded: list[bytes] = []  # those that no node could read
        self._vacancies: list[float] = []  # when to start workers in the place of others
        self._last_change = 0.0  # when a worker was last ready or lost
        self._false_start = ""  # why the last one was lost that was never ready

    def __enter__(self) -> ClusterDriver:
        bundle = packed(self._spec)
        self._connection = Connection(self._cluster)
        try:
            self._plan = plan_workers(self._cluster, self._connection.nodes(), self._files)
            self._job = self._job_for(self._plan)
            self._bundle = self._connection.put(bundle)
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self._members.values():
            self._connection.kill(member.actor)
        self._connection.close()

    def events(self, paths: Iterable[bytes]) -> Iterator[ClusterEvent]:
        """What happens to each file, in each file's own order; files interleave.

        Raises
        ------
        AudiosimError : when no worker can be started, or none can read the music.
        """
        self._scheduler = Scheduler(paths, count=self._files, jobs=self._job.jobs)
        self._last_change = time.monotonic()
        self._vacancies = [self._last_change] * self._plan.count
        while not self._scheduler.finished():
            self._fill_vacancies()
            self._send_out()
            calls = {member.call: member for member in self._members.values() if member.call is not None}
            if not (self._workers_may_come() or any(member.place for member in calls.values())):
                self._give_up_stranded()
                continue
            for call in self._answered(list(calls)):
                yield from self._answer_of(calls[call])
        yield from self._never_read()

    def _job_for(self, workers: WorkerPlan) -> Job:
        jobs = self._jobs or min(workers.cpus, MAX_JOBS)
        return Job(
            __version__,
            self._spec.to_json(),
            self._precision,
            self._batch_size,
            jobs,
            workers.cpus,
            workers.gpus,
        )

    def _workers_may_come(self) -> bool:
        starting = self._vacancies or any(member.place is None for member in self._members.values())
        return bool(starting) and time.monotonic() - self._last_change < START_LIMIT

    def _fill_vacancies(self) -> None:
        now = time.monotonic()
        due = [at for at in self._vacancies if at <= now]
        self._vacancies = [at for at in self._vacancies if at > now]
        for _ in due:
            self._hire()

    def _hire(self) -> None:
        actor = self._connection.start(Worker, cpus=self._plan.cpus, gpus=self._plan.gpus)
        number = next(self._numbers)
        self._members[number] = _Member(number, actor, actor.start.remote(self._job, self._bundle))

    def _send_out(self) -> None:
        """A call to every worker that has something to do and no call under way."""
        for member in self._members.values():
            if member.place is None or member.call is not None:
                continue
            paths = self._scheduler.hand_out(member.number)
            if paths or self._scheduler.busy(member.number) or member.answers:
                member.call = member.actor.exchange.remote(paths, member.answers)
                member.answers = {}

    def _answered(self, calls: Sequence[Any]) -> list[Any]:
        if calls:
            return self._connection.answered(calls, TICK)
        time.sleep(TICK)
        return []

    def _answer_of(self, member: _Member) -> Iterator[ClusterEvent]:
        call, member.call = member.call, None
        try:
            answer = self._connection.answer(call)
        except LostError as error:
            yield from self._lost(member, str(error))
            return
        if isinstance(answer, Broken):
            raise AudiosimError(answer.what, answer.why, answer.remedy)
        if isinstance(answer, Place):
            member.place = answer
            self._last_change = time.monotonic()
            self._scheduler.join(member.number, answer.node)
            return
        happened = [seen for event in answer for seen in self._happened(member, event)]
        self._send_out()  # the worker goes on while the reader of the events works
        yield from happened

    def _happened(self, member: _Member, event: WorkerEvent) -> Iterator[ClusterEvent]:
        """What a worker tells, as the driver's reader is to see it."""
        match event:
            case Probed(path, info):
                self._scheduler.identified(member.number, path)
                yield from self._probed(member, path, info)
            case Embedded(path):
                self._done(member, path)
                yield event
            case Failed(path, _, "file") if not self._scheduler.was_identified(member.number, path):
                yield from self._out_of_reach(member, event)
            case Failed(path):
                self._done(member, path)
                yield event
            case Broken(what, why, remedy):
                raise AudiosimError(what, why, remedy)

    def _probed(self, member: _Member, path: bytes, info: AudioInfo) -> Iterator[ClusterEvent]:
        known = self._digests.get(path)
        if known is not None:  # a lost worker had it before, and the reader has been told
            member.answers[path] = known == info.digest
            if known != info.digest:
                self._done(member, path)
                yield Failed(path, "it changed while it was read; the next run tries again", "file")
            return
        wanted = member.answers[path] = self._want(path, info)
        if wanted:
            self._digests[path] = info.digest
        else:
            self._done(member, path)
        yield Probed(path, info, wanted)

    def _done(self, member: _Member, path: bytes) -> None:
        self._scheduler.done(member.number, path)
        self._digests.pop(path, None)

    def _out_of_reach(self, member: _Member, event: Failed) -> Iterator[ClusterEvent]:
        """A file that a worker can't read: another may, if the driver can."""
        if not _readable(event.path):
            self._done(member, event.path)
            yield event
            return
        self._unreadable[event.path] = event
        if self._scheduler.out_of_reach(member.number, event.path):
            yield Notice(
                f"The node {_name(member)} can't read the music and gets no more work: "
                f"{display_path(event.path)}: {event.reason}. Mount the music there at the same path."
            )

    def _lost(self, member: _Member, reason: str) -> Iterator[ClusterEvent]:
        del self._members[member.number]
        self._connection.kill(member.actor)
        now = time.monotonic()
        if member.place is None:
            self._false_start = reason
            self._vacancies.append(now + START_PAUSE)
            return
        self._last_change = now
        self._vacancies.append(now)
        again, given_up = self._scheduler.lost(member.number)
        yield Notice(
            f"A worker on the node {_name(member)} was lost ({reason}); "
            f"others do the {len(again)} files that it had in hand."
        )
        for path in given_up:
            self._digests.pop(path, None)
            yield Failed(path, f"its worker was lost {MAX_LOSSES} times", "decoder")

    def _give_up_stranded(self) -> None:
        """Nothing is being done, nor about to be: what still waits can't be read by any node."""
        if self._scheduler.workers:
            self._stranded += self._scheduler.stranded()
        elif self._scheduler.benched:
            raise self._no_music()
        else:
            lost = f", the last was lost while it started ({self._false_start})" if self._false_start else ""
            raise AudiosimError(
                "No worker could be started on the Ray cluster",
                f"none was ready after {START_LIMIT:g} s{lost}",
                f"Each needs {self._plan.cpus} CPUs and {self._plan.gpus:g} GPUs. Others may be using the "
                "nodes, or the nodes are gone or out of memory: see 'ray status'.",
            )

    def _never_read(self) -> Iterator[ClusterEvent]:
        if self._stranded and not self._scheduler.some_node_reads:
            raise self._no_music()
        for path in self._stranded:
            yield replace(self._unreadable[path], reason=f"{self._unreadable[path].reason} (on no node)")

    def _no_music(self) -> AudiosimError:
        path, event = next(iter(self._unreadable.items()))
        return AudiosimError(
            "No node of the Ray cluster can read the music",
            f"{display_path(path)}: {event.reason}",
            "Mount the music at the same path on every node, then run the same command again.",
        )


def _name(member: _Member) -> str:
    return f"{member.place.host} ({member.place.node[:8]})" if member.place else "?"


def _readable(path: bytes) -> bool:
    with suppress(OSError), open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        return bool(file.read(1))
    return False
