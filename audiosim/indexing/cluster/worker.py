"""A worker on the cluster: one loaded encoder and its own decoding processes.

It runs as a Ray actor. The driver and it take turns: each `exchange` brings
files and answers, and takes back what has happened since. It writes nothing but scratch files.
"""

from __future__ import annotations

import os
import queue
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audiosim.audio.events import Embedded, Failed, Probed
from audiosim.core.config import WEIGHTS_VARIABLE
from audiosim.core.errors import AudiosimError
from audiosim.core.types import AudioInfo, Encoder, EncoderSpec, Precision
from audiosim.core.version import __version__
from audiosim.extract import embed_files
from audiosim.indexing.cluster.connection import node_id

PATIENCE = 1.0  # s that an exchange waits for something to tell


@dataclass(frozen=True)
class Job:
    """What a worker is to do; ``spec`` as JSON."""

    version: str
    spec: str
    precision: Precision
    batch_size: int | None
    jobs: int
    cpus: int
    gpus: float


@dataclass(frozen=True)
class Broken:
    """The worker can't work, and another in its place could not either."""

    what: str
    why: str
    remedy: str = ""


@dataclass(frozen=True)
class Place:
    """Where a worker runs: its node's id in Ray, and the host's name."""

    node: str
    host: str


WorkerEvent = Probed | Embedded | Failed | Broken


class Worker:
    """Decodes and embeds files; what becomes of them is the driver's to decide."""

    def start(self, job: Job, bundle: Mapping[str, bytes]) -> Place | Broken:
        """Loads the encoder from the weights that came with the job."""
        if job.version != __version__:
            return Broken(
                f"The node {socket.gethostname()} has audiosim {__version__}, not {job.version}",
                "",
                "Install the same audiosim on every node.",
            )
        _limit_threads(job)
        try:
            self._encoder = _load(job, bundle)
        except AudiosimError as error:
            return Broken(f"The node {socket.gethostname()}: {error.what}", error.why, error.remedy)
        self._paths: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._answers: dict[bytes, queue.SimpleQueue[bool]] = {}
        self._changed = threading.Condition()  # guards what follows
        self._events: list[WorkerEvent] = []
        threading.Thread(target=self._work, args=(job.jobs,), daemon=True).start()
        return Place(node_id(), socket.gethostname())

    def exchange(self, paths: Sequence[bytes], answers: Mapping[bytes, bool]) -> list[WorkerEvent]:
        """Takes files, and answers to files that were identified; gives what has happened.

        Every `Probed` wants an answer: whether to decode that file. Waits a little for an event.
        """
        with self._changed:
            for path in paths:
                self._paths.put(path)
            for path, wanted in answers.items():
                self._answers[path].put(wanted)
            self._changed.wait_for(lambda: self._events, PATIENCE)
            events, self._events = self._events, []
            return events

    def _work(self, jobs: int) -> None:
        paths = _endless(self._paths)
        try:
            for event in embed_files(paths, self._encoder, jobs=jobs, want=self._ask, dtype=np.float16):
                match event:
                    case Embedded(frames=frames):  # a long track's is a map of a file
                        plain = replace(frames, embedding=frames.embedding.view(np.ndarray))
                        self._tell(replace(event, frames=plain))
                    case Failed():
                        self._tell(event)
        except AudiosimError as error:
            self._tell(Broken(f"A worker on {socket.gethostname()}: {error.what}", error.why, error.remedy))
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            self._tell(Broken(f"A worker on {socket.gethostname()} failed", why))

    def _ask(self, path: bytes, info: AudioInfo) -> bool:
        """Whether to decode a file, which is the driver's to say; in a thread of the supervisor."""
        answer: queue.SimpleQueue[bool] = queue.SimpleQueue()
        with self._changed:
            self._answers[path] = answer
        self._tell(Probed(path, info, wanted=True))
        wanted = answer.get()
        with self._changed:
            del self._answers[path]
        return wanted

    def _tell(self, event: WorkerEvent) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()


def _endless(paths: queue.SimpleQueue[bytes]) -> Iterator[bytes]:
    while True:
        yield paths.get()


def _limit_threads(job: Job) -> None:
    """What was declared is what is used; TensorFlow, which is not loaded yet, reads these."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(job.cpus)
    if not job.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def _load(job: Job, bundle: Mapping[str, bytes]) -> Encoder:
    from audiosim.encoders import load_encoder_for
    from audiosim.encoders.bundle import unpack
    from audiosim.encoders.runtime import has_gpu

    if job.gpus and not has_gpu():
        raise AudiosimError(
            "TensorFlow sees no GPU there",
            f"--ray-gpus {job.gpus:g} was asked for",
            "Install 'audiosim[cuda]' on every node, or leave --ray-gpus out.",
        )
    with tempfile.TemporaryDirectory(prefix="audiosim-weights-") as folder:
        unpack(bundle, Path(folder))
        os.environ[WEIGHTS_VARIABLE] = folder
        return load_encoder_for(
            EncoderSpec.from_json(job.spec), precision=job.precision, batch_size=job.batch_size
        )
