"""The server's process: its sockets, its time limits, its end."""

from __future__ import annotations

import os
import socket
import threading
from asyncio import TimerHandle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from audiosim.core.errors import AudiosimError
from audiosim.core.threads import products_in_one_thread
from audiosim.server.app import make_app
from audiosim.server.guard import Rules
from audiosim.server.options import ServerOptions
from audiosim.server.services import Services

HEAD_LIMIT = 10.0  # s until a request's head must have come
HEAD_SIZE = 2**16  # bytes of it, beside what is read at once
IDLE_LIMIT = 5  # s that a connection is kept for a next request
BACKLOG = 512  # connections that wait to be taken
FILES = 65_536  # open files that are allowed, where the system lets us
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104
END_LIMIT = 0.8  # s for what is under way when the server ends


class _Patient(HttpToolsProtocol):
    """A connection that is closed if no request comes on it, or one whose head never ends."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._in_head, self._size = True, 0
        self._timer: TimerHandle | None = self.loop.call_later(HEAD_LIMIT, self.transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head:
            return
        self._size += len(data)
        if self._size > HEAD_SIZE and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_LIMIT, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._size = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def serve(options: ServerOptions, tell: Callable[[str], object], ending: Callable[[], object]) -> None:
    """Answer requests until a signal ends it, and `ending` is called; the rest is as of `make_server`."""
    server, listener = make_server(options, tell)
    server.ending = ending
    with listener, products_in_one_thread():  # of a search they are small, and many searches run at a time
        server.run([listener])


def make_server(options: ServerOptions, tell: Callable[[str], object]) -> tuple[Server, socket.socket]:
    """Make a server, and the socket that it is to be run with.

    Parameters
    ----------
    options : ServerOptions
        What the server is told; port 0 takes any that is free.
    tell : callable
        Told the URL to open, when requests are answered.

    Raises
    ------
    AudiosimError
        If the address can't be listened on.
    HomeError
        If there is no index.

    Returns
    -------
    Server
        It is run with the socket.
    socket
        It listens already.
    """
    rules = Rules(options)
    listener = _listen(options)
    try:
        services = Services(options)
    except BaseException:
        listener.close()
        raise
    _raise_limit()
    config = uvicorn.Config(
        make_app(services, rules),
        http=_Patient,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_LIMIT,
        timeout_graceful_shutdown=1,
        backlog=BACKLOG,
    )
    port = listener.getsockname()[1]
    host = socket.gethostname() if options.host in EVERYWHERE else options.host
    host = f"[{host}]" if ":" in host else host
    return Server(config, services, lambda: tell(f"http://{host}:{port}{rules.link}")), listener


class Server(uvicorn.Server):
    """A server that says when it answers, and ends soon after a signal."""

    def __init__(self, config: uvicorn.Config, services: Services, started: Callable[[], object]) -> None:
        super().__init__(config)
        self._services, self._started = services, started
        self.ending: Callable[[], object] | None = None  # the process, with what still computes in threads

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.ending is not None:
            self.ending()
            code = 128 + self._captured_signals[-1] if self._captured_signals else 1
            timer = threading.Timer(END_LIMIT, self._end_now, [code])
            timer.daemon = True
            timer.start()
        for connection in list(self.server_state.connections):
            with suppress(Exception):
                connection.transport.abort()
        await super().shutdown(sockets)

    def _end_now(self, code: int) -> None:
        """End the process with all that still computes in its threads, which can't be stopped otherwise."""
        self._services.stop()
        os._exit(code)


def _listen(options: ServerOptions) -> socket.socket:
    try:
        family = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((options.host, options.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise AudiosimError(
            f"Can't listen on {options.host} port {options.port}",
            error.strerror or str(error),
            "Give another `port`, or end what listens there.",
        ) from error
    listener.setblocking(False)
    return listener


def _raise_limit() -> None:
    """Let as many files be open as the system allows: each connection is one."""
    import resource

    with suppress(ValueError, OSError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
