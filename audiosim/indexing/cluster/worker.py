"""A worker on the cluster: a Ray actor with one loaded encoder and its own decoding processes.

Files come by `take`, and what happens to them goes out as the stream of `events`, while both run
in threads of their own. It writes nothing but scratch files.
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

from audiosim.audio.events import Embedded, FileEvent, Probed
from audiosim.core.config import WEIGHTS_VARIABLE
from audiosim.core.errors import AudiosimError
from audiosim.core.threads import BLAS, OTHERS
from audiosim.core.types import AudioInfo, Encoder, EncoderSpec, Precision
from audiosim.core.version import __version__
from audiosim.extract import embed_files
from audiosim.indexing.cluster.capacity import WorkerPlan
from audiosim.indexing.cluster.connection import node_id

ADVANCE_INTERVAL = 5.0  # s between two tellings of how far files are: the driver hears all workers


@dataclass(frozen=True)
class Job:
    """What a worker is to do; ``spec`` as JSON."""

    version: str
    spec: str
    precision: Precision
    batch_size: int | None
    jobs: int
    threads: int
    takes: WorkerPlan


@dataclass(frozen=True)
class Place:
    """Where a worker runs: its node's id in Ray, and the host's name."""

    node: str
    host: str

    def __str__(self) -> str:
        return f"{self.host} ({self.node[:8]})"


class Worker:
    """Decodes and embeds files; what becomes of them is the driver's to decide."""

    def start(self, job: Job, bundle: Mapping[str, bytes]) -> Place:
        """Load the encoder from the weights that came with the job.

        Raises
        ------
        AudiosimError
            If this worker can't work, and another in its place could not either.
        """
        place = Place(node_id(), socket.gethostname())
        if job.version != __version__:
            raise AudiosimError(
                f"The node {place.host} has audiosim {__version__}, not {job.version}",
                "",
                "Install the same audiosim on every node.",
            )
        _limit_threads(job)
        try:
            self._encoder = _load(job, bundle)
        except AudiosimError as error:
            raise AudiosimError(f"The node {place.host}: {error.what}", error.why, error.remedy) from error
        self._jobs = job.jobs
        self._paths: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._answers: dict[bytes, queue.SimpleQueue[bool]] = {}
        self._events: queue.SimpleQueue[FileEvent | BaseException] = queue.SimpleQueue()
        return place

    def events(self) -> Iterator[FileEvent]:
        """What happens to the files, as long as the worker lives.

        Every `Probed` wants an `answer`, so that a driver that does not read is not flooded.
        """
        threading.Thread(target=self._work, daemon=True).start()
        while not isinstance(event := self._events.get(), BaseException):
            yield event
        raise event

    def take(self, paths: Sequence[bytes]) -> None:
        """Add files to those that wait."""
        for path in paths:
            self._paths.put(path)

    def answer(self, path: bytes, wanted: bool) -> None:
        """Say whether to decode a file that was identified."""
        self._answers.pop(path).put(wanted)

    def _work(self) -> None:
        paths = iter(self._paths.get, None)
        try:
            for event in embed_files(
                paths,
                self._encoder,
                jobs=self._jobs,
                want=self._ask,
                dtype=np.float16,
                advance_interval=ADVANCE_INTERVAL,
            ):
                if isinstance(event, Embedded):
                    plain = event.frames.embedding.view(np.ndarray)  # a long track's is a map of a file
                    self._events.put(replace(event, frames=replace(event.frames, embedding=plain)))
                elif not isinstance(event, Probed):  # that was told when it was asked
                    self._events.put(event)
        except BaseException as error:
            self._events.put(error)

    def _ask(self, path: bytes, info: AudioInfo) -> bool:
        """Whether to decode a file, which is the driver's to say; in a thread of the supervisor."""
        answer = self._answers[path] = queue.SimpleQueue()
        self._events.put(Probed(path, info, wanted=True))
        return answer.get()


def _limit_threads(job: Job) -> None:
    """What was declared is what is used; TensorFlow, which is not loaded yet, reads these."""
    for name in (*BLAS, *OTHERS):
        os.environ[name] = str(job.threads)
    if not job.takes.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def _load(job: Job, bundle: Mapping[str, bytes]) -> Encoder:
    from audiosim.encoders import load_encoder_for
    from audiosim.encoders.bundle import unpack
    from audiosim.encoders.runtime import has_gpu

    if job.takes.gpus and not has_gpu():
        raise AudiosimError(
            "TensorFlow sees no GPU there",
            f"`gpus` {job.takes.gpus:g} was asked for",
            "Install 'audiosim[cuda]' on every node, or leave `gpus` out.",
        )
    with tempfile.TemporaryDirectory(prefix="audiosim-weights-") as folder:
        unpack(bundle, Path(folder))
        os.environ[WEIGHTS_VARIABLE] = folder
        return load_encoder_for(
            EncoderSpec.from_json(job.spec), precision=job.precision, batch_size=job.batch_size
        )
