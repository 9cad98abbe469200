"""audiosim's own processes, forked from one that has loaded their modules: tests start hundreds.

A decoder or a store's process computes for a second to load its modules, and then for milliseconds
what a test asks of it. Here it is a copy of a process that has loaded them. All else is as ever:
each is a child of the process that starts it, with memory, pipes and an environment of its own; it
can be killed, and is waited for. That of a server's jobs starts decoders and a store in its turn: as copies
too. What tests start otherwise (``python -m audiosim``, a cluster's workers) starts such processes as it does
for users.
"""

from __future__ import annotations

import ctypes
import gc
import io
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn, TextIO, cast

CLONE_PARENT = 0x8000  # the child's parent is that of who forks
CLONE_NUMBER = {"x86_64": 56, "aarch64": 220}.get(platform.machine())  # Linux's, of the system call
AVAILABLE = sys.platform == "linux" and CLONE_NUMBER is not None
REQUEST_LIMIT = 1 << 18  # bytes
STARTERS = ("audiosim.server.job_process", "job_worker")  # which start such processes themselves
Request = tuple[list[str], list[str], list[str]]  # words, variables, the folder


@contextmanager
def warm_processes(nursery: socket.socket | None = None) -> Iterator[None]:
    """While it is open, `subprocess` forks what audiosim's own processes run."""
    from audiosim.core.child import START

    start: Any = subprocess._fork_exec  # type: ignore[attr-defined]
    asked = _Nursery(nursery)

    def fork_or_start(arguments: list[Any], *more: Any) -> int:
        words = [os.fsencode(word) for word in arguments]
        if words[:3] != [os.fsencode(sys.executable), b"-c", START.encode()]:
            return int(start(arguments, *more))
        variables, streams = more[4], (more[5], more[8], more[10])
        return asked.fork(words[2:], variables, [own if own >= 0 else n for n, own in enumerate(streams)])

    subprocess._fork_exec = fork_or_start  # type: ignore[attr-defined]
    try:
        yield
    finally:
        subprocess._fork_exec = start  # type: ignore[attr-defined]
        asked.close()


class _Nursery:
    """The process that has the modules. Asked over a socket, it makes a copy of itself."""

    def __init__(self, there: socket.socket | None) -> None:
        self._turn = threading.Lock()
        self._socket = there
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, words: list[bytes], variables: list[bytes], streams: list[int]) -> int:
        """The process id of a new child of this process."""
        request = [[os.fsdecode(word) for word in part] for part in (words, variables, [os.getcwdb()])]
        with self._turn:
            asked = self._socket = self._socket or self._start()
            socket.send_fds(asked, [json.dumps(request).encode()], streams)
            return int(asked.recv(64))

    def _start(self) -> socket.socket:
        from audiosim.core.threads import BLAS, OTHERS

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                # a library with threads waits for them for ever in a copy, which has none of them
                env={
                    **os.environ,
                    **dict.fromkeys((*BLAS, *OTHERS), "1"),
                    "PYTHONPATH": os.pathsep.join(sys.path),
                },
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return ours

    def close(self) -> None:
        """Ends it, if it was started; copies live on."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.wait()


def main() -> None:
    """Loads the modules, then makes copies; in a copy, does what was asked."""
    import av.subtitles.stream  # noqa: F401
    import filelock  # noqa: F401
    import httpcore._sync.http_proxy  # noqa: F401
    import mutagen
    import soundfile  # noqa: F401
    import soxr  # noqa: F401

    import audiosim.audio.worker
    import audiosim.backends.chroma_embedded
    import audiosim.backends.chroma_server
    import audiosim.backends.milvus
    import audiosim.backends.worker
    import audiosim.core.files
    import audiosim.server.job_process  # noqa: F401
    from audiosim.backends.chroma import load_chroma

    vars(os)["fsync"] = os.fstat  # as conftest.py has it
    mutagen.File(io.BytesIO())  # which loads all kinds of tags
    load_chroma()
    import_module("chromadb.api.rust")  # which it loads when it is asked
    import_module("chromadb.telemetry.product.posthog")
    gc.freeze()  # copies need not look through it
    _run(*_copied(socket.socket(fileno=int(sys.argv[1]))))


def _copied(asked: socket.socket) -> tuple[Request, list[int]]:
    """Makes copies as they are asked for; returns in a copy, with what it is to do, and its streams."""
    with asked:
        while True:
            request, streams, _, _ = socket.recv_fds(asked, REQUEST_LIMIT, 3)
            if not request:
                os._exit(0)
            child = _fork()
            if not child:
                return json.loads(request), streams
            for stream in streams:
                os.close(stream)
            asked.send(str(child).encode())


def _run(request: Request, streams: list[int]) -> NoReturn:
    """In a copy: does what was asked."""
    (program, *arguments), variables, (folder,) = request
    nursery = None
    if arguments[0] in STARTERS:
        nursery, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if not os.fork():
            nursery.close()
            for stream in streams:
                os.close(stream)
            _run(*_copied(theirs))
        theirs.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(dict(variable.split("=", 1) for variable in variables))
    sys.stdin, sys.stdout, sys.stderr = map(_stream, range(3), "rww")
    sys.argv = ["-c", *arguments]
    if nursery is None:
        _end(program)
    with warm_processes(nursery):
        _end(program)


def _end(program: str) -> NoReturn:
    """Runs a program, then ends at once: what was forked can hang where an interpreter takes itself apart."""
    code = 1
    try:
        exec(program, {"__name__": "__main__"})
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):  # nobody may be listening any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _stream(number: int, mode: str) -> TextIO:
    return cast("TextIO", open(number, mode, encoding="utf-8"))


def _fork() -> int:
    """As os.fork, but the child's parent is this process's own."""
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    child = int(ctypes.PyDLL(None).syscall(CLONE_NUMBER, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0))
    if child:
        python.PyOS_AfterFork_Parent()
    else:
        python.PyOS_AfterFork_Child()
    return child


if __name__ == "__main__":
    main()
