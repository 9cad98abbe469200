"""How many processors a run takes: libraries of numbers start a thread for each, unless they are told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Read when the library is loaded: those of BLAS, TensorFlow, and of Chroma's engine in its own process.
BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
OTHERS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS")


@contextmanager
def limited_threads(count: int | None) -> Iterator[None]:
    """While the block runs, let libraries compute in so many threads; None leaves them as they are.

    It holds for matrix products of what is loaded already, and for all that is loaded in the block,
    here and in processes that it starts. TensorFlow keeps what it began with.
    """
    if count is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in (*BLAS, *OTHERS)}
    count = min(count, processors())
    os.environ.update(dict.fromkeys(before, str(count)))
    try:
        with threadpool_limits(limits=count):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _OneThread:
    """What limits BLAS while any block needs it: the last to end puts back what the first found."""

    def __init__(self) -> None:
        self._lock, self._blocks, self._limits = threading.Lock(), 0, ExitStack()

    def begin(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock:
            self._blocks += 1
            if self._blocks == 1:
                self._limits.enter_context(threadpool_limits(limits=1, user_api="blas"))

    def end(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self._limits.close()


_ONE_THREAD = _OneThread()


@contextmanager
def products_in_one_thread() -> Iterator[None]:
    """While the block runs, multiply matrices in one thread each, in all of the process.

    BLAS's own threads wait for each other in loops: where others use the processors too, small
    products take ten times as long.
    """
    _ONE_THREAD.begin()
    try:
        yield
    finally:
        _ONE_THREAD.end()


def on_each_processor(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call a function for each item in as many threads as we may have; matrix products take one each."""
    from concurrent.futures import ThreadPoolExecutor

    with products_in_one_thread(), ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(function, items))


def threads() -> int:
    """Count the threads that what computes may start: those of `limited_threads`, else one a processor."""
    limit = os.environ.get(BLAS[0], "")
    return min(int(limit), processors()) if limit.isdecimal() and int(limit) else processors()


def processors() -> int:
    """Count the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
