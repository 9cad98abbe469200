"""A proxy before a Chroma server: TLS, tokens, and answers that fail now and then."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class StoreProxy:
    """Passes requests on to a server on this machine.

    Parameters
    ----------
    port : of that server.
    token : what requests must bear; others are answered by 401.
    context : for TLS.
    """

    def __init__(self, port: int, *, token: str | None = None, context: ssl.SSLContext | None = None) -> None:
        self.failures: list[int] = []  # status codes to answer with before anything is passed on
        self.delay = 0.0  # s before each answer
        self.requests: list[tuple[str, str]] = []  # (method, path)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.requests.append((self.command, self.path))
                time.sleep(proxy.delay)
                if token is not None and self.headers.get("Authorization") != f"Bearer {token}":
                    self.answer(401, b'{"error": "AuthError", "message": "not allowed"}')
                elif proxy.failures:
                    self.answer(proxy.failures.pop(0), b"<html>not now</html>")
                else:
                    headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                    with closing(http.client.HTTPConnection("127.0.0.1", port)) as inner:
                        inner.request(self.command, self.path, body, headers)
                        response = inner.getresponse()
                        self.answer(response.status, response.read())

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *arguments: Any) -> None:
                pass  # clients hang up

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> StoreProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
