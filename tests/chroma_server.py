"""A real Chroma server, started, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

START_LIMIT = 60.0  # s


class ChromaServerProcess:
    """``chroma run`` on a port of its own; its data lasts when it is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> ChromaServerProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def running(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process is not None

    def start(self) -> None:
        """Starts it, and waits until it listens."""
        program = Path(sys.executable).with_name("chroma")
        self._process = subprocess.Popen(
            [program, "run", "--path", self._folder, "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=self._folder.parent,
        )
        deadline = time.monotonic() + START_LIMIT
        while not listens(self.port):
            assert self._process.poll() is None, "chroma run has ended"
            assert time.monotonic() < deadline, "chroma run does not listen"
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def collections(port: int) -> dict[str, int]:
    """What a server holds."""
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.HttpClient("127.0.0.1", port, settings=Settings(anonymized_telemetry=False))
    try:
        return {each.name: each.count() for each in client.list_collections()}
    finally:
        for part in (client, client._admin_client):
            part._server._session.close()
        client.close()
