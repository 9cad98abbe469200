"""The encoder of uploaded queries, and what reads texts: each in a process of its own, let go later.

What a network's library takes can't be given back by a process that has loaded it. Messages are a kind (one
byte), two numbers (4 bytes each) and a payload: JSON, or a float32 array of so many rows and columns.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, cast

import numpy as np

from audiosim.core.child import start_child
from audiosim.core.errors import AudiosimError, WeightsError
from audiosim.core.last_used import LastUsed
from audiosim.core.types import EncoderSpec, Float32, Precision

HEADER = struct.Struct("<cII")
KILL_LIMIT = 0.5  # s for a killed process to be gone
SPEC, READY, ARRAY, TEXTS, ERROR = b"S", b"R", b"A", b"T", b"E"
TEXTS_KEPT = 4096  # vectors of texts
FAILED = 30.0  # s until what could not be loaded is tried again


class Child:
    """Half of a network in a process of its own, started when it is needed.

    Parameters
    ----------
    request : dict
        What is to be loaded: ``spec``, ``precision``, and whether it is what ``reads``.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._facts: dict[str, Any] = {}
        self._used = time.monotonic()

    @property
    def loaded(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def _asked(self, send: Callable[[BinaryIO], None]) -> Float32:
        """What the process answers to what is sent."""
        with self._turn:
            process = self._started()
            try:
                send(cast("BinaryIO", process.stdin))
                return _array(*_receive(cast("BinaryIO", process.stdout)))
            except (EOFError, OSError) as error:
                self._end()
                raise AudiosimError(
                    "The encoder's process ended", "it was killed, for want of memory perhaps", "Ask again."
                ) from error
            finally:
                self._used = time.monotonic()

    def end_if_idle(self, seconds: float) -> None:
        """End the process if nothing was asked of it for so long."""
        if self._process is None or time.monotonic() - self._used < seconds:
            return
        if self._turn.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._turn.release()

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        process = self._process
        if process is not None:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(KILL_LIMIT)

    def _started(self) -> subprocess.Popen[bytes]:
        self._used = time.monotonic()
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        process = self._process = start_child("audiosim.server.encoding")
        try:
            _send(cast("BinaryIO", process.stdin), SPEC, 0, 0, json.dumps(self._request).encode())
            kind, _, _, payload = _receive(cast("BinaryIO", process.stdout))
        except (EOFError, OSError) as error:
            self._end()
            raise AudiosimError("The encoder's process did not start", "", "Ask again.") from error
        answer = json.loads(payload)
        if kind == ERROR:
            self._end()
            raise WeightsError(*answer)
        self._facts = answer
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    cast("BinaryIO", pipe).close()


class ChildEncoder(Child):
    """An encoder in a process of its own.

    Parameters
    ----------
    spec : EncoderSpec
        The spec of the encoder.
    precision : {"auto", "float32"}
        What it computes in.
    """

    def __init__(self, spec: EncoderSpec, precision: Precision) -> None:
        super().__init__({"spec": spec.to_json(), "precision": precision, "reads": False})
        self.spec = spec
        self.stage_seconds: Mapping[str, float] = {}

    @property
    def batch_size(self) -> int:
        """The number of windows a call computes best."""
        with self._turn:
            self._started()
            return int(self._facts["batch_size"])

    @property
    def dtype(self) -> str:
        """What it computes in."""
        return str(self._facts.get("dtype", "float32"))

    def embed(self, windows: Float32) -> Float32:
        """Embeddings float32 (n, dim) of windows float32 (n, samples).

        Raises
        ------
        AudiosimError
            If the encoder can't be loaded, or its process ends.
        """
        return self._asked(lambda pipe: _send_array(pipe, windows))


class ChildReader(Child):
    """What reads texts, in a process of its own; nothing is fetched for it. Texts that were read are kept.

    Parameters
    ----------
    spec : EncoderSpec
        The spec of the encoder whose texts it reads.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__({"spec": spec.to_json(), "precision": "auto", "reads": True})
        self._kept: LastUsed[Float32] = LastUsed(TEXTS_KEPT)
        self._failed: tuple[float, AudiosimError] | None = None

    def embed(self, texts: Sequence[str]) -> Float32:
        """Unit vectors, float32 (n, dim), of texts.

        Raises
        ------
        AudiosimError
            If it can't be loaded, or its process ends.
        """
        if self._failed is not None and time.monotonic() - self._failed[0] < FAILED:
            error = self._failed[1]
            raise WeightsError(error.what, error.why, error.remedy)
        new: dict[str, Float32] = {}

        def read(text: str) -> Float32:
            if text not in new:
                new.update(zip(texts, self._read(texts), strict=True))
            return new[text]

        return np.stack([self._kept.get(text, read) for text in texts])

    def _read(self, texts: Sequence[str]) -> Float32:
        try:
            found = self._asked(lambda pipe: _send(pipe, TEXTS, 0, 0, json.dumps(list(texts)).encode()))
        except WeightsError as error:
            self._failed = time.monotonic(), error
            raise
        self._failed = None
        return found


def main() -> None:
    """Load the encoder that is asked for, and embed until the parent closes the pipe."""
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        request = json.loads(_receive(source)[3])
        spec = EncoderSpec.from_json(request["spec"])
        try:
            facts, answer = _reader(spec) if request["reads"] else _encoder(spec, request["precision"])
        except AudiosimError as error:
            _send(out, ERROR, 0, 0, json.dumps([error.what, error.why, error.remedy]).encode())
            return
        _send(out, READY, 0, 0, json.dumps(facts).encode())
        while True:
            _send_array(out, answer(*_receive(source)))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # nothing of ours to clean up, and the pipes are gone


def _encoder(spec: EncoderSpec, precision: Precision) -> tuple[dict[str, Any], Callable[..., Float32]]:
    from audiosim.encoders import QueryEncoder

    encoder = QueryEncoder(spec, precision)
    facts = {"batch_size": encoder.batch_size, "dtype": encoder.dtype}
    return facts, lambda *message: encoder.embed(_array(*message))


def _reader(spec: EncoderSpec) -> tuple[dict[str, Any], Callable[..., Float32]]:
    from audiosim.encoders.registry import find_for

    entry = find_for(spec)
    side = None if entry is None else entry.text_side(spec, read_only=True)
    if side is None:
        raise WeightsError(f"This audiosim has nothing that reads texts for {spec.name}")
    return {}, lambda *message: side.embed(json.loads(message[3]))


def _send_array(pipe: BinaryIO, rows: Float32) -> None:
    count, size = rows.shape
    _send(pipe, ARRAY, count, size, np.ascontiguousarray(rows, np.float32).tobytes())


def _array(kind: bytes, rows: int, columns: int, payload: bytes) -> Float32:
    if kind != ARRAY:
        raise EOFError
    return np.frombuffer(payload, np.float32).reshape(rows, columns)


def _send(pipe: BinaryIO, kind: bytes, rows: int, columns: int, payload: bytes) -> None:
    pipe.write(HEADER.pack(kind, rows, columns))
    pipe.write(struct.pack("<Q", len(payload)))
    pipe.write(payload)
    pipe.flush()


def _receive(pipe: BinaryIO) -> tuple[bytes, int, int, bytes]:
    kind, rows, columns = HEADER.unpack(_read(pipe, HEADER.size))
    (length,) = struct.unpack("<Q", _read(pipe, 8))
    return kind, rows, columns, _read(pipe, length)


def _read(pipe: BinaryIO, length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
