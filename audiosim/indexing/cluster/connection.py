"""The connection to Ray, quiet and with an end to its patience; no other file imports Ray."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from audiosim.core.errors import AudiosimError, UsageError
from audiosim.encoders.runtime import muted
from audiosim.indexing.cluster.capacity import Node, WorkerPlan

LOCAL = "local"
CONNECT_LIMIT = 10.0  # s for something to listen at the address
ANSWER_LIMIT = 30.0  # s for it to answer as a Ray does
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TQDM": "0",
}
# Ray starts a worker again until it is ready; then it is `kill`ed when lost, and another is started.
WORKER = {"max_restarts": -1, "max_concurrency": 2, "scheduling_strategy": "SPREAD"}
HEALTH_CHECK = "from ray.scripts.scripts import main; main()"


class LostError(Exception):
    """A worker, or its node, is no longer there: Ray's name for that, and its reason."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)
        self.kind, self.why = kind, why


class Connection:
    """A Ray that is up, for the time of a run.

    Where the caller's own process has a Ray already, that one is used and left as it is.

    Parameters
    ----------
    address : str
        As `Cluster` has it.

    Raises
    ------
    AudiosimError
        When Ray is not installed, or not reachable at the address.
    """

    def __init__(self, address: str) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        self._ray = _import()
        self._own = not self._ray.is_initialized()
        self._actors: list[Any] = []
        if self._own:
            _check(address)
            self._connect(address)

    def nodes(self) -> list[Node]:
        """The nodes that are alive."""
        return [
            Node(node["NodeManagerHostname"], resources.get("CPU", 0.0), resources.get("GPU", 0.0))
            for node in self._ray.nodes()
            if node["Alive"]
            for resources in [node["Resources"]]
        ]

    def put(self, value: object) -> Any:
        """A reference to a value that every worker can read.

        Raises
        ------
        AudiosimError
            If there is no room for it.
        """
        try:
            with _signals_later():
                return self._ray.put(value)
        except self._ray.exceptions.RayError as error:
            raise AudiosimError(
                "The encoder's weights can't be handed to the Ray cluster",
                _last_line(error),
                "Make room: on the disk, or by ray start --object-store-memory BYTES",
            ) from error

    def start(self, worker: type, takes: WorkerPlan) -> Any:
        """A worker of two threads, started on some node as soon as there is room."""
        options = {"num_cpus": takes.cpus, "num_gpus": takes.gpus, **WORKER}
        actor = self._ray.remote(worker).options(**options).remote()
        self._actors.append(actor)
        return actor

    def answered(self, calls: Sequence[Any], limit: float) -> list[Any]:
        """Those calls and streams that have an answer; waits up to `limit` s for one."""
        try:
            with _signals_later():
                done, _ = self._ray.wait(list(calls), num_returns=1, timeout=limit)
                if done:
                    done, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0)
        except self._ray.exceptions.RayError as error:
            raise AudiosimError("The Ray cluster is gone", _last_line(error)) from error
        return list(done)

    def answer(self, call: Any) -> Any:
        """What a worker answered to a call, or what came next in its stream.

        Raises
        ------
        LostError
            When the worker is gone.
        AudiosimError
            When it failed in a way that others would, too.
        """
        errors = self._ray.exceptions
        try:
            with _signals_later():
                return self._ray.get(next(call) if isinstance(call, self._ray.ObjectRefGenerator) else call)
        except errors.RayTaskError as error:
            if isinstance(error.cause, AudiosimError):
                raise error.cause from None
            raise AudiosimError("A worker on the Ray cluster failed", _last_line(error)) from error
        except errors.RayError as error:
            raise LostError(type(error).__name__, _last_line(error)) from error

    def kill(self, worker: Any) -> None:
        """End a worker at once."""
        self._actors.remove(worker)
        with suppress(Exception):  # Ray itself may be gone
            self._ray.kill(worker)

    def close(self) -> None:
        """End the workers at once and leave Ray; end it, too, where this started it."""
        for actor in list(self._actors):
            self.kill(actor)
        if self._own:
            with muted(), suppress(Exception):
                self._ray.shutdown()

    def _connect(self, address: str) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address == LOCAL:
            options["include_dashboard"] = False
        try:
            with _signals_later(), muted():
                self._ray.init(address=address, **options)
                _silence()
        except Exception as error:  # Ray has many ways to say no
            raise _unreachable(address, _last_line(error)) from error


def node_id() -> str:
    """The id of the node that this process, a worker, runs on."""
    return str(_import().get_runtime_context().get_node_id())


def _import() -> Any:
    try:
        import ray
    except ImportError as error:
        raise AudiosimError(
            "A cluster needs Ray, which is not installed", "", "Install it: pip install 'audiosim[ray]'"
        ) from error
    return ray


def _silence() -> None:
    """Keeps Ray's news of nodes off this process's stdout; Ray has no setting for that."""
    ray_worker: Any = sys.modules.get("ray._private.worker")
    if hasattr(ray_worker, "print_to_stdstream"):
        ray_worker.print_to_stdstream = lambda *_, **__: None


def _check(address: str) -> None:
    """Sees that a Ray answers at HOST:PORT: ray.init would wait for two minutes and end this process."""
    if "://" in address:
        raise UsageError(
            f"`address` {address} is no address for a driver",
            "frames would go through a Ray Client server",
            "Run audiosim on a machine of the cluster, with HOST:PORT or auto.",
        )
    host, colon, port = address.rpartition(":")
    if not colon:
        return  # "local", "auto", and so on
    if not port.isdecimal():
        raise _unreachable(address, "it ends in no port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_LIMIT).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, getattr(error, "strerror", None) or str(error)) from error
    command = [sys.executable, "-c", HEALTH_CHECK, "health-check", "--address", address]
    try:
        done = subprocess.run(command, capture_output=True, timeout=ANSWER_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise _unreachable(address, f"what listens there gave no answer in {ANSWER_LIMIT:g} s") from error
    if b"AuthenticationError" in done.stderr:
        raise AudiosimError(
            f"The Ray at {address} asks for another token",
            "its authentication refused this user",
            "Set RAY_AUTH_MODE=token and bring the cluster's token: see 'ray get-auth-token'.",
        )
    if done.returncode:
        raise _unreachable(address, "what listens there does not answer as a Ray does")


def _unreachable(address: str, why: str) -> AudiosimError:
    return AudiosimError(
        f"Can't reach a Ray at {address}" if address != LOCAL else "Can't start a Ray on this machine",
        why,
        "Start one with 'ray start --head' and give its HOST:PORT, or use `address` local.",
    )


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).rstrip(".")


@contextmanager
def _signals_later() -> Iterator[None]:
    """Has this process's handlers of signals wait for the block's end, and puts them back.

    ray.init replaces them, and what one raises while Ray waits comes out as a KeyboardInterrupt.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    came: list[tuple[int, FrameType | None]] = []
    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for given, frame in came[:1]:
            handler = handlers[signal.Signals(given)]
            if callable(handler):
                handler(given, frame)
