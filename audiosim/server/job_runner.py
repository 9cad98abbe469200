"""Does jobs, one process at a time, in the order in which they came.

One server of a home does so: the others' calls for changes are refused. A job is kept in the home before it
is answered that there is one; what was begun when a server ended is begun again by the next.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, cast

from audiosim.core.child import start_child
from audiosim.core.config import Home
from audiosim.core.errors import AudiosimError, LockedError
from audiosim.core.files import hold
from audiosim.core.types import Precision
from audiosim.server.job_book import JobBook
from audiosim.server.jobs import Job, Kind, advanced, ended, next_jobs, queued_again, renewed, request_of
from audiosim.server.problems import ProblemError

BOOK, LOCK = "jobs.json", "jobs.lock"  # in the home
MOST_QUEUED = 500
WRITE_AGAIN = 5.0  # s until what could not be written is tried again


class JobRunner:
    """The jobs of a home.

    Parameters
    ----------
    home : Home
        The main home, not a space of it.
    uploads : bytes
        Where uploads are put.
    precision : {"auto", "float32"}
        The network's.
    changed : callable
        Called when a job's process has ended, before the job does.
    """

    def __init__(
        self, home: Home, uploads: bytes, precision: Precision, changed: Callable[[], object]
    ) -> None:
        self._settings = {"home": str(home.path), "uploads": uploads.hex(), "precision": precision}
        self._changed = changed
        self._lock = home.path / LOCK
        self._book = JobBook(home.path / BOOK)
        self._turn = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._unready: set[str] = set()  # those whose files are still put into their place
        self._thread: threading.Thread | None = None
        self._begun = threading.Event()
        self._refusal: AudiosimError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def start(self) -> None:
        """Go on with jobs that an earlier server left, if there are any."""
        with suppress(AudiosimError):  # told when a job is asked for
            if any(not job.is_over for job in self._book.read()):
                self._own()

    def stop(self) -> None:
        """Have the process at work end, and do no more; it keeps what it has finished."""
        with self._turn:
            self._stopped = True
            if self._process is not None:
                self._process.terminate()
            self._turn.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until all has ended that `stop` ends."""
        if self._thread is not None:
            self._thread.join(seconds)

    def all(self) -> list[Job]:
        """Give all jobs, oldest first; those of another server as it has written them down."""
        with self._turn:
            if self._is_owner:
                return list(self._jobs.values())
        return self._book.read()

    def get(self, id_: str) -> Job | None:
        """Give a job; None where there is none of this id."""
        return next((job for job in self.all() if job.id == id_), None)

    def add(self, kind: Kind, *, before: Callable[[], object] = lambda: None, **what: Any) -> Job:
        """Take a job, and do it when it is its turn.

        Parameters
        ----------
        kind : {"add", "rescan", "forget"}
            Of what kind it is.
        before : callable
            What is to be done between the moment it is kept and its turn.
        **what
            As of `Job`.

        Raises
        ------
        ProblemError
            If another server does the jobs of this home, or too many wait.
        HomeError
            If it can't be kept.
        """
        self._own()
        job = renewed(Job(secrets.token_hex(8), kind, **what))
        if job.files and all(file.state != "waiting" for file in job.files):
            job = ended(job, well=True)  # nothing is left to be done
        with self._turn:
            if sum(not one.is_over for one in self._jobs.values()) >= MOST_QUEUED:
                raise ProblemError(
                    429, "Too many jobs wait", f"there are {MOST_QUEUED}", "Ask again.", {"Retry-After": "60"}
                )
            self._put([job])
            self._unready.add(job.id)
        try:
            before()
        except BaseException:
            with self._turn:
                self._put([], without=job.id)
            raise
        finally:
            with self._turn:
                self._unready.discard(job.id)
                self._turn.notify_all()
        return job

    @property
    def _is_owner(self) -> bool:
        return self._thread is not None and self._begun.is_set() and self._refusal is None

    def _own(self) -> None:
        """Have a thread of this server do the jobs of the home.

        Raises
        ------
        ProblemError
            If another server's does.
        HomeError
            If that can't be begun.
        """
        with self._turn:
            if self._thread is None or not self._thread.is_alive():
                self._begun, self._refusal = threading.Event(), None
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        self._begun.wait()
        refusal = self._refusal
        if isinstance(refusal, LockedError):
            raise ProblemError(
                409, "Another server of this home does its jobs", refusal.why, "Ask that one, or end it."
            )
        if refusal is not None:
            raise type(refusal)(refusal.what, refusal.why, refusal.remedy)

    def _run(self) -> None:
        try:
            with hold(self._lock, wait=0.0, what="doing jobs of this home"):
                kept = [job if job.is_over else queued_again(job) for job in self._book.read()]
                self._jobs = {job.id: job for job in kept}
                self._begun.set()
                while (batch := self._next()) is not None:
                    self._do(batch)
        except AudiosimError as error:
            self._refusal = error
            self._begun.set()

    def _next(self) -> list[Job] | None:
        """The jobs whose turn it is, once there are any; None when that is over."""
        with self._turn:
            while not self._stopped:
                ready = (job for job in self._jobs.values() if job.id not in self._unready)
                batch = next_jobs(ready)
                if batch:
                    return batch
                self._turn.wait()
        return None

    def _do(self, batch: Sequence[Job]) -> None:
        """Have a process do some jobs, and follow it to its end."""
        ids = [job.id for job in batch]
        self._change(ids, lambda job: renewed(job, state="running", started=time.time()))
        well = self._followed(ids, json.dumps({**request_of(batch), **self._settings}).encode())
        if self._stopped:
            return  # the next server goes on with them
        with suppress(AudiosimError):  # it is followed a little later, then
            self._changed()
        self._change(ids, lambda job: ended(job, well=well))
        self._keep(ids)

    def _followed(self, ids: Sequence[str], request: bytes) -> bool:
        """Whether the process came to its end by itself; what it tells changes its jobs."""
        with self._turn:
            if self._stopped:
                return False
            try:
                process = self._process = start_child("audiosim.server.job_process")
            except OSError as error:
                told = {"error": ["The run can't be started", error.strerror or str(error), ""]}
                self._change(ids, lambda job: advanced(job, told))
                return False
        asked, said = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        try:
            with suppress(OSError):  # its end tells
                asked.write(request + b"\n")
                asked.flush()
            for line in _lines(said):
                self._take(ids, line)
            return process.wait() == 0
        finally:
            with self._turn:
                self._process = None
            for pipe in (asked, said):
                with suppress(OSError):
                    pipe.close()

    def _take(self, ids: Sequence[str], line: bytes) -> None:
        with suppress(ValueError):  # a line that was cut off by a kill
            message = json.loads(line)
            self._change(ids, lambda job: advanced(job, message))

    def _change(self, ids: Sequence[str], change: Callable[[Job], Job]) -> None:
        with self._turn:
            self._jobs |= {id_: change(self._jobs[id_]) for id_ in ids}

    def _keep(self, ids: Sequence[str]) -> None:
        """Write down what became of jobs; on a full disk when there is room, so that none is done twice."""
        while not self._stopped:
            with suppress(AudiosimError), self._turn:
                self._put([self._jobs[id_] for id_ in ids])
                return
            time.sleep(WRITE_AGAIN)

    def _put(self, jobs: Sequence[Job], without: str = "") -> None:
        """Keep jobs, new ones or changed ones; the lock is held."""
        every = self._jobs | {job.id: job for job in jobs}
        every.pop(without, None)
        self._jobs = {job.id: job for job in self._book.write(every.values())}


def _lines(pipe: BinaryIO) -> Iterator[bytes]:
    """The lines of a pipe, not through its buffer, for which an end of Python waits while it is read."""
    rest = b""
    while data := os.read(pipe.fileno(), 65_536):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
