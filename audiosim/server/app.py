"""The application: calls, pages and the guard before them, put together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp

from audiosim.core.version import __version__
from audiosim.server.api import audiomuse, changes, jobs, library, playlists, similar, tracks
from audiosim.server.guard import Guard, Rules
from audiosim.server.options import ServerOptions
from audiosim.server.problems import explain_all
from audiosim.server.services import Services

API = "/api/v1"
ABOUT = """
Finds the tracks in your own music library that sound alike: the answers of the `audiosim` commands.

Tracks are named by ids, which `GET /api/v1/tracks` gives. Errors are problem documents (RFC 9457): `title`
says what failed, `detail` why, and `remedy` what to do.
"""
KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
CHANGES = re.compile(rb" *<!-- changes -->.*?<!-- /changes -->\n", re.DOTALL)  # what a page has of them
PAGES = {"/": "index.html", "/docs": "docs.html"}


def make_app(services: Services, rules: Rules | None = None) -> ASGIApp:
    """Make the application.

    Parameters
    ----------
    services : Services
        What calls are answered with; they begin and end with the application.
    rules : Rules, optional
        Who may ask, where the caller needs to know the link.
    """

    @asynccontextmanager
    async def alive(app: FastAPI) -> AsyncIterator[None]:
        services.start()
        yield
        services.stop()

    app = FastAPI(
        title="audiosim",
        version=__version__,
        description=ABOUT,
        docs_url=None,  # it would be loaded from elsewhere
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        lifespan=alive,
    )
    app.state.services = services
    for part in (tracks, similar, playlists, library):
        app.include_router(part.router, prefix=API)
    if not services.options.read_only:
        for part in (changes, jobs):
            app.include_router(part.router, prefix=API)
    app.include_router(audiomuse.router, prefix="/api")
    app.add_api_route("/map", library.map_page, include_in_schema=False)
    _add_pages(app, services.options)
    explain_all(app)
    return Guard(app, rules or Rules(services.options), services.options.limits)


def _add_pages(app: FastAPI, options: ServerOptions) -> None:
    """The pages and their parts: files of the package, each by its name."""
    for part in (files("audiosim.server") / "page").iterdir():
        kind = KINDS.get(part.name.rpartition(".")[2])
        if kind is not None:
            data = CHANGES.sub(b"", part.read_bytes()) if options.read_only else part.read_bytes()
            places = [place for place, name in PAGES.items() if name == part.name] or [f"/page/{part.name}"]
            for place in places:
                app.add_route(place, _page(data, kind), ["GET", "HEAD"], include_in_schema=False)


def _page(data: bytes, kind: str) -> Callable[[Request], Any]:
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'

    def page(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(None, 304, {"ETag": tag})
        return Response(data, media_type=kind, headers={"ETag": tag})

    return page
