"""Who may ask, and how much at a time: what stands in front of all answers.

A page of another site must not reach a server on this machine, neither by a name that leads here (DNS
rebinding) nor by posting to it; and no client may take all of its time, memory or disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiosim.server.options import Limits, ServerOptions, is_loopback
from audiosim.server.problems import ProblemError

COOKIE = "audiosim"
ENTRY = "/enter/"  # the link that can be used once
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:;"
    " connect-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": POLICY,
}
SAFE = ("GET", "HEAD")
UPLOADS = ("POST", "PUT")


class Rules:
    """Who may ask; decided from a request's head alone.

    Parameters
    ----------
    options : ServerOptions
        What the server was told.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._token, self._origins = options.token, frozenset(map(_origin, options.origins))
        self._names = {"localhost", *map(str.lower, options.names)}
        if not is_loopback(options.host):
            own = socket.gethostname().lower()
            self._names |= {own, f"{own}.local", options.host.lower()}
        self._entry = secrets.token_urlsafe(24) if self._token else None

    @property
    def link(self) -> str:
        """The path to open in a browser: one that lets it in, once, where a token is needed."""
        return "/" if self._entry is None else f"{ENTRY}{self._entry}"

    @property
    def cookie(self) -> str:
        """What a browser brings that has been let in."""
        return hmac.new((self._token or "").encode(), b"audiosim cookie", hashlib.sha256).hexdigest()

    def enters(self, path: str) -> bool:
        """Tell whether a path is the link that lets a browser in; then it is used up."""
        given = path.removeprefix(ENTRY)
        if self._entry is None or not hmac.compare_digest(given.encode(), self._entry.encode()):
            return False
        self._entry = None
        return True

    def allows_origin(self, headers: Headers) -> bool:
        """Tell whether a request comes from another site's page that may ask."""
        return bool(self._origins) and _origin(headers.get("origin", "")) in self._origins

    def refusal(self, method: str, path: str, headers: Headers) -> ProblemError | None:
        """Give the reason why a request is not answered; None where it is."""
        if not self._is_ours(headers.get("host", "")):
            return ProblemError(
                421,
                "This server has another name",
                f"it was asked for as {headers.get('host', 'nothing')}",
                "Use its address, or name it to `allow_host`.",
            )
        if self._is_foreign(method, headers):
            return ProblemError(
                403,
                "Pages of other sites may not ask",
                "the request comes from another site",
                "Open the page of the server itself, or name the site to `cors`.",
            )
        if self._token is not None and not path.startswith(ENTRY) and not self._is_known(headers):
            return ProblemError(
                401,
                "A token is needed",
                "the request brings none, or a wrong one",
                "Send `Authorization: Bearer TOKEN`, or open the link that the server printed.",
                {"WWW-Authenticate": "Bearer"},
            )
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this server; an address can't be a name that leads elsewhere."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True

    def _is_foreign(self, method: str, headers: Headers) -> bool:
        origin = headers.get("origin")
        if self.allows_origin(headers):
            return False
        if origin is not None:
            return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
        followed = method in SAFE and mode == "navigate" and headers.get("sec-fetch-dest") == "document"
        return site not in ("none", "same-origin") and not followed

    def _is_known(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._token is not None:
            return hmac.compare_digest(given.strip().encode(), self._token.encode())
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self.cookie.encode())


def _origin(url: str) -> str:
    return url.rstrip("/").lower()


class Guard:
    """Stands before an application: refuses what `Rules` refuse, and more than `Limits` allow."""

    def __init__(self, app: ASGIApp, rules: Rules, limits: Limits) -> None:
        self._app, self._rules, self._limits = app, rules, limits
        self._requests = self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        send = self._guarded(send, headers)
        is_upload = _is_upload(scope["method"], headers)
        answer = self._early(scope["method"], path, headers, is_upload)
        if answer is not None:
            await answer(scope, receive, send)
            return
        self._requests += 1
        self._uploads += is_upload
        try:
            most = self._limits.upload if is_upload else self._limits.body
            await self._app(scope, _Bounded(receive, most, self._limits), send)
        finally:
            self._requests -= 1
            self._uploads -= is_upload

    def _early(self, method: str, path: str, headers: Headers, is_upload: bool) -> Response | None:
        """The answer that can be given without the application."""
        refused = self._rules.refusal(method, path, headers) or self._too_much(headers, is_upload)
        if refused is not None:
            return refused.response()
        if method == "OPTIONS" and self._rules.allows_origin(headers):
            allowed = {"Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE"}
            return Response(
                None, 204, {**allowed, "Access-Control-Allow-Headers": "Authorization, Content-Type, Range"}
            )
        if not path.startswith(ENTRY):
            return None
        if not self._rules.enters(path):
            return ProblemError(
                403, "This link is used up", "it lets one browser in, once", "Start the server anew for one."
            ).response()
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE, self._rules.cookie, max_age=30 * 86400, httponly=True, samesite="strict", path="/"
        )
        return answer

    def _too_much(self, headers: Headers, is_upload: bool) -> ProblemError | None:
        if self._requests >= self._limits.requests or (is_upload and self._uploads >= self._limits.uploads):
            what = "uploads" if is_upload else "requests"
            return ProblemError(
                429, f"Too many {what} at a time", "others are at work", "Ask again.", {"Retry-After": "2"}
            )
        length = headers.get("content-length", "0")
        most = self._limits.upload if is_upload else self._limits.body
        return too_large(most) if not length.isdigit() or int(length) > most else None

    def _guarded(self, send: Send, asked: Headers) -> Send:
        extra: Mapping[str, str] = HEADERS
        if self._rules.allows_origin(asked):
            origin = {"Access-Control-Allow-Origin": asked["origin"], "Vary": "Origin"}
            extra = {**HEADERS, **origin, "Cross-Origin-Resource-Policy": "cross-origin"}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in extra.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        return guarded


def too_large(most: int) -> ProblemError:
    """Make the problem of a body that is too large."""
    return ProblemError(
        413, "That is too much", f"at most {most // 2**20} MB are taken", "Send a smaller file."
    )


def _is_upload(method: str, headers: Headers) -> bool:
    return method in UPLOADS and headers.get("content-type", "").startswith("multipart/")


class _Bounded:
    """A request's body, which must not be too large, nor come too slowly."""

    def __init__(self, receive: Receive, most: int, limits: Limits) -> None:
        self._receive, self._most, self._limits = receive, most, limits
        self._size, self._whole = 0, False
        self._begun = 0.0

    async def __call__(self) -> Any:
        if self._whole:
            return await self._receive()  # which tells when the client has gone
        now = asyncio.get_running_loop().time()
        self._begun = self._begun or now
        patience = min(self._limits.silence, self._begun + self._limits.sending - now)
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, patience))
        except TimeoutError as error:
            raise ProblemError(408, "The request came too slowly", "", "Send it again.") from error
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._size > self._most:
                raise too_large(self._most)
        return message
